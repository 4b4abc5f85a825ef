"""NDCG@10 of search; trees are trained on other queries than those measured."""

from __future__ import annotations

import numpy as np
import pytest

from src.core.domain import Product
from src.core.progress import Silent
from src.evaluation.search_evaluation import EncodedSearch, Judged, folds_of, measure_search, ndcg_of
from tests.search.small_index import Letters, small_search


def test_ndcg_of_a_list_by_hand() -> None:
    found = ndcg_of(np.array([7, 1, 2]), {1: 3.0, 2: 1.0, 3: 2.0})
    gain = 7 / np.log2(3) + 1 / np.log2(4)
    ideal = 7 + 3 / np.log2(3) + 1 / np.log2(4)
    assert found == pytest.approx(gain / ideal)


def test_the_ideal_list_has_ndcg_1_and_an_empty_one_0() -> None:
    grades = {number: float(number % 4) for number in range(30)}
    best = np.array(sorted(grades, key=lambda item: -grades[item]))
    assert ndcg_of(best, grades) == pytest.approx(1)
    assert ndcg_of(np.zeros(0, np.int64), grades) == 0


def test_every_query_is_measured_in_one_fold() -> None:
    folds = folds_of(23, 1)
    assert len(folds) == 23
    assert sorted(np.unique(folds)) == [0, 1, 2, 3, 4]
    assert np.bincount(folds).min() >= 4


def test_words_encoders_fusion_and_ranking_are_measured_on_the_same_queries() -> None:
    words = ["lamp", "desk", "chair", "vase", "stove", "spoon", "knife", "plate", "glass", "towel"]
    products = [Product(f"{word}{number}", f"{word} number {number}") for word in words for number in range(6)]
    search, encoder = small_search(products), Letters()
    grades = [{at * 6 + number: float(number % 3) for number in range(6)} for at in range(len(words))]
    judged = Judged(words, grades)
    report = measure_search(
        {"letters": EncodedSearch(search, encoder.encode(words))}, "letters", judged, seed=1, reporter=Silent()
    )
    assert list(report.ndcg) == ["keywords", "letters", "fused", "ranked"]
    assert all(len(its) == len(words) for its in report.ndcg.values())
    assert report.best_single() == "keywords"
    document = report.to_json()
    assert set(document["ndcg@10"]) == set(report.ndcg)  # type: ignore[arg-type]
    assert document["n_queries"] == 10
    said = " ".join(report.sentences())
    assert "10 judged queries" in said
    assert "keywords, the best single one" in said
    assert len(report.table()) == 5
