"""The page of a shop without a release: what was loaded, what the last training came to, and what leads to lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.context import AisleContext
from app.texts.phrases import Phrases
from app.views.finding_texts import FindingText, text_of
from app.views.health_checks import check_last_run
from src.core.errors import StoreError


class Step(NamedTuple):
    """What to do (the key of a text), and the command that does it."""

    text: str
    command: str


TRAIN = Step("first.train", "python train_model.py")
STEPS = (Step("first.load", "python data_processing.py orders.csv"), TRAIN)
_LOAD_EVENTS = Step("first.load_events", "python data_processing.py orders.csv")


class Untrained(NamedTuple):
    """A sentence about the data, the steps to a release, and why the last training led to none (None if it is open)."""

    detail: str
    steps: tuple[Step, ...]
    tried: FindingText | None = None


def untrained_shop(aisle: AisleContext, t: Phrases) -> Untrained:
    """Describe a shop without a release; without figures if the store does not answer, without steps that were done."""
    replaced = aisle.registry.is_deactivated
    try:
        loads, n_events = aisle.store.runs.loads(1), aisle.store.summary().n_events
        scheduler: Mapping[str, Any] = aisle.scheduler.status()
    except StoreError:
        return Untrained(t("first.replaced"), (TRAIN,)) if replaced else Untrained(t("first.nothing"), STEPS)
    last_run = scheduler["last_run"]
    ended = check_last_run(last_run, serves=False)
    if ended is not None and n_events and last_run["started_at"] >= (loads[0].loaded_at if loads else 0):
        return Untrained(t("first.tried"), (), text_of(ended, t, str(aisle.settings.var)))
    if not replaced:
        return Untrained(t("first.one_step"), (TRAIN,)) if n_events else Untrained(t("first.nothing"), STEPS)
    detail = t("first.loading")
    if loads:
        detail = t("first.loaded", file=loads[0].file, products=loads[0].n_products, events=loads[0].n_events)
    return Untrained(detail, (TRAIN,) if n_events else (_LOAD_EVENTS, TRAIN))
