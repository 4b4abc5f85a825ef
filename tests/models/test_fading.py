"""Models with decay follow changes of co-purchases over time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import DAY, EventBatch
from src.interactions.interactions import TrainingData, training_data
from src.models import ITEM_GRAPH, MODELS, SPECTRAL
from src.models.base import QueryRows
from src.models.settings import AllSettings
from src.tuning.search_spaces import FADING, NORMALISATION, SEARCH_SPACES

SETTINGS = AllSettings(spectral_rank=16, item_graph_neighbours=20)


def two_seasons() -> TrainingData:
    """Buyers of x bought y first, and later, in smaller numbers, z; every third buys another product."""
    rows: list[tuple[str, str, int]] = []
    for first_day, n_users, goes_along in ((0, 60, "y"), (300, 30, "z")):
        for user in range(n_users):
            both = ("x", goes_along) if user % 3 else (f"p{user % 9}", f"p{user % 5 + 9}")
            rows += [(f"u{user} of {first_day}", product, (first_day + user) * DAY) for product in both]
    users, items, at = (list(column) for column in zip(*rows, strict=True))
    return training_data([EventBatch(users, items, ["purchase"] * len(rows), np.ones(len(rows)), np.array(at))])


@pytest.mark.parametrize("name", [ITEM_GRAPH, SPECTRAL])
@pytest.mark.parametrize("half_life", [0.0, 20.0])
def test_a_model_that_fades_knows_what_goes_along_now(name: str, half_life: float) -> None:
    data = two_seasons()
    model = MODELS[name].train(data, replace(MODELS[name].params(SETTINGS), half_life_days=half_life), seed=1)
    x, y, z = (data.items.idx_of(product) for product in "xyz")
    score = model.score(QueryRows(None, np.array([x]), np.ones(1, np.float32)), np.array([y, z]))
    assert (score[1] > score[0]) == (half_life > 0)


def test_where_no_event_has_a_time_there_is_nothing_to_choose_of_fading() -> None:
    assert FADING in SEARCH_SPACES[ITEM_GRAPH].costly
    assert SEARCH_SPACES[ITEM_GRAPH].timeless().costly.keys() == {NORMALISATION}
