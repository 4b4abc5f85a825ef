"""The page of a shop without a release: what was loaded, and which commands lead to lists."""

from __future__ import annotations

from typing import NamedTuple

from app.context import AisleContext
from src.core.errors import StoreError


class Step(NamedTuple):
    """What to do, and the command that does it."""

    text: str
    command: str


TRAIN = Step("Train, measure and publish:", "python train_model.py")
STEPS = (
    Step("Load a file of ratings or orders; without one a shop is made up:", "python data_processing.py orders.csv"),
    TRAIN,
)
_LOAD_EVENTS = Step("Load ratings or orders, which a training learns from:", "python data_processing.py orders.csv")


class Untrained(NamedTuple):
    """A sentence about the data, and the steps to a release."""

    detail: str
    steps: tuple[Step, ...]


def untrained_shop(aisle: AisleContext) -> Untrained:
    """Describe a shop whose synthetic data was replaced and that is not trained yet.

    There are no figures if the store does not answer.
    """
    try:
        loads, n_events = aisle.store.runs.loads(1), aisle.store.summary().n_events
    except StoreError:
        return Untrained("Real data replaced the made-up shop, and no model is trained on it yet.", (TRAIN,))
    loaded = "Real data is being loaded"
    if loads:
        loaded = f"{loads[0].file} was loaded: {loads[0].n_products:,} products and {loads[0].n_events:,} events"
    detail = f"{loaded}. The made-up shop and its model were removed, and no model is trained on the real data yet."
    return Untrained(detail, (TRAIN,) if n_events else (_LOAD_EVENTS, TRAIN))
