"""Co-occurrence is a product of matrices that are never multiplied out; products with very many users are sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch, FloatArray
from src.interactions.interactions import TrainingData, training_data
from src.models import co_occurrence
from src.models.base import QueryBlock
from src.models.co_occurrence import CoOccurrenceParams

PARAMS = CoOccurrenceParams(user_exponent=0.4, input_exponent=0.7, output_exponent=-0.3)


def some_data(n_users: int = 60, n_items: int = 20) -> TrainingData:
    rng = np.random.default_rng(4)
    pairs = [(u, i) for u in range(n_users) for i in rng.choice(n_items, rng.integers(2, 8), replace=False)]
    users, items = ([f"{letter}{row[at]}" for row in pairs] for at, letter in enumerate("up"))
    n = len(pairs)
    return training_data([EventBatch(list(users), list(items), ["purchase"] * n, np.ones(n), np.full(n, NO_TIME))])


def by_definition(data: TrainingData, params: CoOccurrenceParams) -> FloatArray:
    """Return float[n_users, n_items], the scores of every user, computed densely."""
    rows = data.histories.toarray().astype(float)
    degree, length = rows.sum(axis=0), rows.sum(axis=1)
    together = rows.T @ (rows * length[:, None] ** (-2 * params.user_exponent))
    weights = degree[:, None] ** -params.input_exponent * together * degree**params.output_exponent
    np.fill_diagonal(weights, 0)
    return np.asarray(rows @ weights)


@pytest.mark.parametrize("params", [PARAMS, CoOccurrenceParams(0.5, 1.0, 0.0), CoOccurrenceParams(0, 0, 0)])
def test_scores_are_the_normalised_co_occurrences_without_the_diagonal(params: CoOccurrenceParams) -> None:
    data = some_data()
    model = co_occurrence.train(data, params, seed=1)
    queries = QueryBlock(np.arange(data.histories.shape[0]), data.histories)
    np.testing.assert_allclose(model.score_all(queries), by_definition(data, params), rtol=1e-4, atol=1e-4)


def test_a_walk_from_a_product_with_very_many_users_takes_a_fair_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    data = some_data(n_users=3_000, n_items=8)
    whole = co_occurrence.train(data, PARAMS, seed=1)
    monkeypatch.setattr(co_occurrence, "_MOST_STEPS", 2_000)
    sampled = co_occurrence.train(data, replace(PARAMS), seed=1)
    assert len(sampled.user_idx) < 0.5 * len(whole.user_idx)
    queries = QueryBlock(np.arange(50), data.histories[:50])
    one, other = whole.score_all(queries), sampled.score_all(queries)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.97
    assert other.sum() == pytest.approx(one.sum(), rel=0.05)
