"""The page of a shop without a release: what was loaded, and which commands lead to lists."""

from __future__ import annotations

from typing import NamedTuple

from app.context import AisleContext
from app.texts.phrases import Phrases
from src.core.errors import StoreError


class Step(NamedTuple):
    """What to do (the key of a text), and the command that does it."""

    text: str
    command: str


TRAIN = Step("first.train", "python train_model.py")
STEPS = (Step("first.load", "python data_processing.py orders.csv"), TRAIN)
_LOAD_EVENTS = Step("first.load_events", "python data_processing.py orders.csv")


class Untrained(NamedTuple):
    """A sentence about the data, and the steps to a release."""

    detail: str
    steps: tuple[Step, ...]


def untrained_shop(aisle: AisleContext, t: Phrases) -> Untrained:
    """Describe a shop whose synthetic data was replaced and that is not trained yet.

    Args:
        aisle: what was loaded; there are no figures if the store does not answer.
        t: the texts of a language.

    Returns:
        What is so, and what to do.
    """
    try:
        loads, n_events = aisle.store.runs.loads(1), aisle.store.summary().n_events
    except StoreError:
        return Untrained(t("first.replaced"), (TRAIN,))
    detail = t("first.loading")
    if loads:
        detail = t("first.loaded", file=loads[0].file, products=loads[0].n_products, events=loads[0].n_events)
    return Untrained(detail, (TRAIN,) if n_events else (_LOAD_EVENTS, TRAIN))
