"""The autoencoder is the closed form of the full regression among the most popular products."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from src.core.domain import NO_TIME, EventBatch, FloatArray
from src.interactions.interactions import TrainingData, training_data
from src.models import autoencoder
from src.models.autoencoder import AutoencoderParams, most_popular, train
from src.models.normalization import NormalizedHistories

N_USERS, N_ITEMS = 50, 20
PLAIN = AutoencoderParams(
    user_exponent=0, item_exponent=0, ridge=0.7, dropout=0, relaxation=0, input_exponent=0, output_exponent=0
)


def purchases() -> TrainingData:
    rng = np.random.default_rng(4)
    rows = [(f"u{user}", f"p{item}") for user in range(N_USERS) for item in rng.choice(N_ITEMS, 6, replace=False)]
    users, items = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return training_data([EventBatch(users, items, ["purchase"] * n, np.ones(n), np.full(n, NO_TIME))])


def weights(data: TrainingData, params: AutoencoderParams) -> FloatArray:
    return np.asarray(train(data, params, seed=1).matrix.toarray())


def by_the_book(data: TrainingData, params: AutoencoderParams) -> FloatArray:
    """The formulas, one product after another, in double precision."""
    x = data.histories.toarray().astype(np.float64)
    gram = x.T @ x
    ridge = params.ridge * gram.diagonal().mean() + params.dropout / (1 - params.dropout) * gram.diagonal()
    inverse = np.linalg.inv(gram + np.diag(ridge))
    result = np.zeros_like(gram)
    for j in range(len(gram)):
        if 1 - ridge[j] * inverse[j, j] > params.relaxation:  # the constraint is active
            result[:, j] = -inverse[:, j] * (1 - params.relaxation) / inverse[j, j]
        else:
            result[:, j] = -inverse[:, j] * ridge[j]
    np.fill_diagonal(result, 0)
    return result


@pytest.mark.parametrize(
    "changes",
    [{}, {"dropout": 0.4}, {"relaxation": 0.3}, {"relaxation": 1.0}, {"dropout": 0.6, "relaxation": 0.5, "ridge": 0.1}],
)
def test_weights_are_those_of_the_papers(changes: dict[str, Any]) -> None:
    data, params = purchases(), replace(PLAIN, **changes)
    np.testing.assert_allclose(weights(data, params), by_the_book(data, params), rtol=1e-3, atol=1e-5)


def test_a_relaxed_diagonal_lowers_weights_without_changing_their_order_in_a_column() -> None:
    data = purchases()
    strict, relaxed = weights(data, PLAIN), weights(data, replace(PLAIN, relaxation=0.6))
    ratio = relaxed.sum(axis=0) / strict.sum(axis=0)
    np.testing.assert_allclose(relaxed, strict * ratio, rtol=1e-3, atol=1e-6)
    assert (ratio < 1).any()


def test_only_the_most_popular_products_take_part() -> None:
    data = purchases()
    popular = np.argsort(-data.events.count_by_item(), kind="stable")[:8]
    head = weights(data, replace(PLAIN, products=8))
    assert sorted(np.flatnonzero(head.any(axis=0))) == sorted(popular)
    assert sorted(np.flatnonzero(head.any(axis=1))) == sorted(popular)


def test_a_product_without_events_takes_no_place_of_one_with_an_event() -> None:
    degree, diagonal = np.ones(3, np.float32), np.array([0, 1, 1], np.float32)
    normalized = NormalizedHistories(csr_matrix((0, 3), dtype=np.float32), diagonal, degree)
    assert most_popular(normalized, 2, products=8).tolist() == [1, 2]


def test_where_weights_would_fill_the_memory_each_product_keeps_the_strongest(monkeypatch: pytest.MonkeyPatch) -> None:
    data = purchases()
    whole = weights(data, PLAIN)
    monkeypatch.setattr(autoencoder, "_MAX_PAIRS", 5 * N_ITEMS)
    kept = weights(data, PLAIN)
    assert ((kept != 0).sum(axis=0) == 5).all()
    for product in range(N_ITEMS):
        strongest = np.argsort(-np.abs(whole[:, product]))[:5]
        assert set(np.flatnonzero(kept[:, product])) == set(strongest)


def test_a_ridge_too_small_for_single_precision_is_solved_in_double_precision() -> None:
    gram = np.ones((30, 30), np.float32)  # of rank 1
    inverse = autoencoder._inverse(gram, np.full(30, 1e-9, np.float32))
    assert np.isfinite(inverse).all()


def test_fewer_products_take_part_where_few_events_do_not_pay_for_the_inverse(monkeypatch: pytest.MonkeyPatch) -> None:
    data = purchases()
    monkeypatch.setattr(autoencoder, "_STEPS_PER_PAIR", 1_000 / data.histories.nnz)  # 10 products, cubed
    monkeypatch.setattr(autoencoder, "_ALWAYS_STEPS", 0)
    used = np.flatnonzero(weights(data, PLAIN).any(axis=1))
    degree = np.asarray(data.histories.sum(axis=0)).ravel()
    assert len(used) == 10
    assert degree[used].min() >= np.sort(degree)[::-1][9]
