"""Metrics equal values computed by hand and by plain loops."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest

from src.core.domain import FloatArray
from src.evaluation.metrics import (
    Estimate,
    bootstrap_means,
    bootstrap_rounds,
    estimate_rmse_mae,
    estimates,
    novelty,
    ranking_metrics,
    rated_precision_recall,
)


def estimate(values: FloatArray, *, seed: int = 0) -> Estimate:
    """The estimate of a single column."""
    return estimates({"": values}, seed=seed)[""]


def test_ranking_metrics_are_those_worked_out_by_hand() -> None:
    hits = np.array([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)
    of_user = ranking_metrics(hits, np.array([3, 1, 2, 9]))
    log3, log5 = math.log2(3), math.log2(5)
    ideal_3 = 1 + 1 / log3 + 1 / 2
    assert of_user["precision"].tolist() == [0.5, 0.25, 0.0, 1.0]
    assert of_user["recall"].tolist() == pytest.approx([2 / 3, 1.0, 0.0, 4 / 9])
    assert of_user["hit_rate"].tolist() == [1.0, 1.0, 0.0, 1.0]
    assert of_user["mrr"].tolist() == [0.5, 1.0, 0.0, 1.0]
    assert of_user["ndcg"].tolist() == pytest.approx([(1 / log3 + 1 / log5) / ideal_3, 1.0, 0.0, 1.0])


def test_ndcg_is_that_of_a_plain_loop() -> None:
    rng = np.random.default_rng(4)
    for k in (1, 5, 10):
        n_relevant = rng.integers(1, 15, 200)
        hits = np.zeros((200, k), dtype=bool)
        for row, n in zip(hits, n_relevant, strict=True):
            row[rng.permutation(k)[: rng.integers(0, min(n, k) + 1)]] = True
        expected = []
        for row, n in zip(hits.tolist(), n_relevant.tolist(), strict=True):
            gained = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(row, 1) if hit)
            best = sum(1 / math.log2(rank + 1) for rank in range(1, min(n, k) + 1))
            expected.append(gained / best)
        found = ranking_metrics(hits, n_relevant)
        np.testing.assert_allclose(found["ndcg"], expected)
        assert all(np.all((values >= 0) & (values <= 1 + 1e-12)) for values in found.values())


def precision_recall_of_the_faq(
    predictions: list[tuple[int, float, float]], k: int, threshold: float
) -> tuple[list[float], list[float]]:
    """The function in Surprise's FAQ, "How to compute precision@k and recall@k", for (user, truth, estimate)."""
    of_user = defaultdict(list)
    for user, true, estimated in predictions:
        of_user[user].append((estimated, true))
    precisions, recalls = [], []
    for user in sorted(of_user):
        ratings = of_user[user]
        ratings.sort(key=lambda pair: pair[0], reverse=True)
        n_rel = sum(true >= threshold for _, true in ratings)
        n_rec_k = sum(est >= threshold for est, _ in ratings[:k])
        n_rel_and_rec_k = sum(true >= threshold and est >= threshold for est, true in ratings[:k])
        precisions.append(n_rel_and_rec_k / n_rec_k if n_rec_k != 0 else 0)
        recalls.append(n_rel_and_rec_k / n_rel if n_rel != 0 else 0)
    return precisions, recalls


@pytest.mark.parametrize("seed", range(25))
def test_precision_and_recall_over_rated_products_are_those_of_surprises_faq(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 150)), int(rng.integers(1, 6))
    user = rng.integers(0, 12, n) * 3
    truth = rng.integers(2, 11, n) / 2
    # Few different values, so that many are tied, also at the threshold and at rank k.
    predicted = rng.integers(5, 9, n) / 2 if seed % 2 else rng.normal(3.5, 0.6, n)
    precision, recall = rated_precision_recall(user, truth, predicted, k=k, threshold=3.5)
    expected = precision_recall_of_the_faq(
        list(zip(user.tolist(), truth.tolist(), predicted.tolist(), strict=True)), k, 3.5
    )
    assert precision.tolist() == pytest.approx(expected[0])
    assert recall.tolist() == pytest.approx(expected[1])


def test_ties_are_taken_in_the_order_of_the_predictions() -> None:
    user, predicted = np.zeros(3, int), np.array([4.0, 4.0, 4.0])
    first, _ = rated_precision_recall(user, np.array([5.0, 1.0, 1.0]), predicted, k=1, threshold=3.5)
    last, _ = rated_precision_recall(user, np.array([1.0, 1.0, 5.0]), predicted, k=1, threshold=3.5)
    assert (first.tolist(), last.tolist()) == ([1.0], [0.0])


def test_a_product_of_few_is_new_to_many() -> None:
    assert novelty(np.array([8, 4, 1, 0]), 8).tolist() == [0.0, 1.0, 3.0, 3.0]
    assert novelty(np.array([0]), 0).tolist() == [0.0]


def test_an_interval_covers_the_mean_and_is_the_same_every_time() -> None:
    values = np.random.default_rng(2).random(500)
    found = estimate(values)
    assert found.value == values.mean()
    assert found.low < found.value < found.high
    assert found == estimate(values)
    assert found != estimate(values, seed=1)


def test_an_interval_is_as_wide_as_theory_says_and_narrower_with_more_rows() -> None:
    rng = np.random.default_rng(3)
    few, many = rng.normal(0, 1, 100), rng.normal(0, 1, 10_000)
    for values in (few, many):
        found = estimate(values)
        assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(len(values)), rel=0.15)
    assert estimate(many).high - estimate(many).low < (estimate(few).high - estimate(few).low) / 5


def test_an_interval_of_equal_values_or_one_value_has_no_width() -> None:
    for values in (np.full(30, 0.25), np.array([0.25])):
        found = estimate(values)
        assert (found.value, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))


def test_columns_are_resampled_together() -> None:
    values = np.random.default_rng(0).random(50)
    means = bootstrap_means(np.column_stack([values, 1 - values]))
    assert means.shape == (bootstrap_rounds(50), 2)
    np.testing.assert_allclose(means.sum(axis=1), 1)


@pytest.mark.parametrize(("n", "rounds"), [(0, 1_000), (1, 1_000), (20_000, 1_000), (100_000, 200), (10**9, 100)])
def test_very_many_rows_are_resampled_less_often(n: int, rounds: int) -> None:
    assert bootstrap_rounds(n) == rounds


def test_rmse_and_mae_are_those_worked_out_by_hand() -> None:
    rmse, mae = estimate_rmse_mae(np.array([0, 0, 1, 7]), np.array([1.0, -1.0, 3.0, -1.0]))
    assert rmse.value == pytest.approx(math.sqrt(3))
    assert mae.value == pytest.approx(1.5)
    assert rmse.low <= rmse.value <= rmse.high
    assert mae.low <= mae.value <= mae.high


def test_errors_of_one_user_belong_together() -> None:
    error = np.repeat([0.0, 1.0], 100)
    by_user, _ = estimate_rmse_mae(np.repeat([0, 1], 100), error)
    by_row, _ = estimate_rmse_mae(np.arange(200), error)
    # Two users say less than two hundred do.
    assert by_user.high - by_user.low > 3 * (by_row.high - by_row.low)
