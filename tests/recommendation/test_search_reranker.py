"""The search re-ranker predicts as LightGBM does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.core.errors import ReleaseError
from src.recommendation import search_reranker as module
from src.recommendation.search_features import FEATURES
from src.recommendation.search_reranker import Group, SearchReranker, train_search_reranker
from src.search.index import SearchHits


def groups(n: int = 30, m: int = 40, seed: int = 0) -> list[Group]:
    """Queries whose relevant products are popular, which retrieval ignores."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        rows = rng.random((m, len(FEATURES))).astype(np.float32)
        popularity = rows[:, FEATURES.index("popularity")]
        found.append(Group(rows, (popularity > 0.8).astype(np.int64) + (popularity > 0.95)))
    return found


@pytest.fixture(scope="module")
def ranker() -> SearchReranker:
    found = train_search_reranker(groups(), seed=1)
    assert found is not None
    return found


def test_few_queries_hardly_change_the_order_of_retrieval() -> None:
    """The queries contradict retrieval, but there are too few of them."""
    few = train_search_reranker(groups(8), seed=1)
    assert few is not None
    for group in groups(10, seed=9):
        fused = group.rows[:, FEATURES.index("fused")]
        assert np.corrcoef(few.score(group.rows), fused)[0, 1] > 0.9


def test_what_makes_products_better_is_learnt_from_many_queries() -> None:
    many = train_search_reranker(groups(600), seed=1)
    assert many is not None
    held_out = groups(20, seed=9)
    best = [group.grade[np.argsort(-many.score(group.rows), kind="stable")[:5]] for group in held_out]
    assert np.mean(np.concatenate(best) >= 1) > 0.9


def test_the_same_queries_and_seed_teach_the_same(ranker: SearchReranker) -> None:
    again = train_search_reranker(groups(), seed=1)
    assert again is not None
    assert again.trees.to_json() == ranker.trees.to_json()


def test_a_loaded_model_scores_the_same(ranker: SearchReranker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    rows = groups(1, seed=4)[0].rows
    assert np.array_equal(SearchReranker.load(tmp_path).score(rows), ranker.score(rows))


def test_a_better_score_of_retrieval_never_lowers_a_product(ranker: SearchReranker) -> None:
    rows = groups(1, seed=5)[0].rows
    higher = rows.copy()
    higher[:, FEATURES.index("fused")] += 0.5
    assert np.all(ranker.score(higher) >= ranker.score(rows) - 1e-9)


def test_only_the_first_hundred_are_put_in_another_order(ranker: SearchReranker) -> None:
    [group] = groups(1, m=120, seed=6)
    items = np.arange(120)
    found = SearchHits(items, group.rows[:, 0], group.rows[:, 1], group.rows[:, 2])
    ordered = ranker.ordered(found, group.rows)
    assert sorted(ordered.item_idx[:100]) == list(range(100))
    assert ordered.item_idx[100:].tolist() == list(range(100, 120))
    assert ordered.item_idx[:100].tolist() != list(range(100))
    assert np.array_equal(ordered.score, found.score[ordered.item_idx])


def test_queries_whose_products_are_all_alike_teach_nothing() -> None:
    rows = np.zeros((3, len(FEATURES)), np.float32)
    assert (
        train_search_reranker([Group(rows, np.zeros(3, np.int64)), Group(rows, np.ones(3, np.int64))], seed=1) is None
    )
    assert train_search_reranker([], seed=1) is None


def test_trees_of_other_features_are_refused(
    ranker: SearchReranker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranker.save(tmp_path)
    monkeypatch.setattr(module, "FEATURES", ("weather",))
    with pytest.raises(ReleaseError, match="other features"):
        SearchReranker.load(tmp_path)
