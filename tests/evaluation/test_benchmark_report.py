"""Figures of a given split equal those of trec_eval and values computed by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytrec_eval

from src.core.domain import NO_TIME, EventBatch, FloatArray, IntArray
from src.core.progress import Silent
from src.core.records import Cost
from src.evaluation.benchmark_metrics import list_task, slices_of
from src.evaluation.benchmark_report import BenchmarkFacts, BenchmarkReport, measure_benchmark
from src.evaluation.benchmark_scope import Fitted
from src.evaluation.bootstrap import ResampledUsers
from src.evaluation.exact_lists import queries_of, top_lists
from src.evaluation.metrics import Estimate, estimates
from src.ingestion.benchmark_files import FileSummary, MappedTestRows
from src.interactions.interactions import TrainingData, training_data
from src.models.base import QueryBlock

Row = tuple[str, str, str, float]
"""User, product, kind, value."""
FILE = FileSummary(Path("test.csv"), "pairs")
COST = Cost(1.5, 200.0, 10.0)


def data_of(rows: Sequence[Row]) -> TrainingData:
    users, items, kinds, values = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return training_data([EventBatch(users, items, kinds, np.array(values, float), np.full(n, NO_TIME, np.int64))])


def bought(*pairs: tuple[str, str]) -> list[Row]:
    return [(user, item, "purchase", 1.0) for user, item in pairs]


def mapped(rows: Sequence[Row], learnt: TrainingData) -> MappedTestRows:
    data = data_of(rows)

    def found(ids: Any, known: Any) -> IntArray:
        rows_of = [known.idx_of(id_) for id_ in ids.ids_of(range(len(ids)))]
        return np.array([-1 if row is None else row for row in rows_of], np.int64)

    return MappedTestRows(data, found(data.users, learnt.users), found(data.items, learnt.items), FILE)


@dataclass
class Scores:
    """Scores by user row; unknown users have the last row. Predicts 3 plus a tenth of the product's row."""

    table: FloatArray

    def score_all(self, queries: QueryBlock) -> FloatArray:
        return self.table[queries.user_idx].copy()

    def rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        return np.where(item_idx >= 0, 3 + item_idx / 10, 3.0)

    def n_ratings(self, user_idx: int, item_idx: int) -> tuple[int, int]:
        return 0, 0


def measured(
    learnt: TrainingData,
    test: Sequence[Row],
    tables: dict[str, FloatArray],
    at: Sequence[int] = (1, 2),
    relevant: float | None = None,
) -> BenchmarkReport:
    """Measured with these scores; popularity counts, unless its scores are among them."""
    count = learnt.events.count_by_item()
    bar = np.tile(count, (len(learnt.users) + 1, 1)).astype(np.float32)
    models = {name: Scores(table) for name, table in {"popularity": bar, **tables}.items()}
    fitted = Fitted(
        data=learnt,
        scorers=models,
        raters=models,
        costs=dict.fromkeys(models, COST),
        checksums=dict.fromkeys(models, "abc"),
        popular=np.argsort(-count, kind="stable"),
    )
    rows = mapped(test, learnt)
    return measure_benchmark(fitted, rows, at, relevant, BenchmarkFacts({"test": FILE}, {"seed": 1}), Silent())


def world(seed: int, *, ties: bool) -> tuple[TrainingData, list[Row], FloatArray]:
    """Random purchases of 30 users, and later ones, some of unknown users or products."""
    rng = np.random.default_rng(seed)
    pairs = [(f"u{user}", f"p{item}") for user in range(30) for item in rng.choice(60, rng.integers(1, 12), False)]
    learnt = data_of(bought(*pairs))
    after = [
        (f"u{user}", f"p{item}")
        for user in range(5, 40)
        for item in rng.choice(70, rng.integers(1, 9), False)
        if (f"u{user}", f"p{item}") not in set(pairs)
    ]
    shape = (len(learnt.users) + 1, len(learnt.items))
    table = rng.integers(0, 3, shape) if ties else rng.normal(size=shape)
    return learnt, bought(*after), table.astype(np.float32)


TREC = {"recall": "recall_{}", "ndcg": "ndcg_cut_{}", "precision": "P_{}", "hit_rate": "success_{}"}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_figures_are_those_of_trec_eval(seed: int, ties: bool) -> None:
    learnt, test, table = world(seed, ties=ties)
    at = (1, 5, 10, 20)
    found = measured(learnt, test, {"model": table}, at).lists["model"].figures
    relevant: dict[str, dict[str, int]] = {}
    for user, item, _, _ in test:
        relevant.setdefault(user, {})[item] = 1
    user_idx = np.array([-1 if (idx := learnt.users.idx_of(user)) is None else idx for user in relevant])
    lists = top_lists(Scores(table), queries_of(learnt, user_idx), 20)
    run = {
        user: {learnt.items.id_of(item): 100.0 - rank for rank, item in enumerate(row) if item >= 0}
        for user, row in zip(relevant, lists.tolist(), strict=True)
    }
    cuts = ",".join(map(str, at))
    wanted = {f"{name.removesuffix('_{}')}.{cuts}" for name in TREC.values()}
    of_user = pytrec_eval.RelevanceEvaluator(relevant, wanted).evaluate(run)
    for k in at:
        for name, theirs in TREC.items():
            expected = np.mean([of_user[user][theirs.format(k)] for user in relevant])
            assert found[f"{name}@{k}"].value == pytest.approx(expected), (name, k)
        cut = {user: {item: score for item, score in row.items() if score > 100 - k} for user, row in run.items()}
        first = pytrec_eval.RelevanceEvaluator(relevant, {"recip_rank"}).evaluate(cut)
        assert found[f"mrr@{k}"].value == pytest.approx(np.mean([first[user]["recip_rank"] for user in relevant]))


LEARNT = data_of(bought(("a", "x"), ("a", "y"), ("b", "x"), ("c", "x"), ("c", "z"), ("d", "w")))
# Rows: a b c d and everybody unknown. Products: x y z w.
TABLE = np.array([[9, 9, 2, 1], [9, 3, 2, 1], [9, 1, 9, 2], [1, 2, 3, 9], [4, 3, 2, 1]], np.float32)


def test_figures_are_those_worked_out_by_hand() -> None:
    """Lists of two: a: z w; b: y z; c: w y; a stranger: x y."""
    test = bought(("a", "z"), ("a", "new"), ("b", "z"), ("c", "w"), ("stranger", "y"), ("stranger", "w"))
    report = measured(LEARNT, test, {"model": TABLE})
    figures = {name: estimate.value for name, estimate in report.lists["model"].figures.items()}
    assert figures["recall@1"] == pytest.approx((1 / 2 + 0 + 1 + 0) / 4)
    assert figures["recall@2"] == pytest.approx((1 / 2 + 1 + 1 + 1 / 2) / 4)
    log3 = np.log2(3)
    both = 1 + 1 / log3
    assert figures["ndcg@2"] == pytest.approx((1 / both + 1 / log3 + 1 + (1 / log3) / both) / 4)
    assert figures["precision@2"] == pytest.approx(0.5)
    assert figures["hit_rate@1"] == pytest.approx(0.5)
    assert figures["mrr@2"] == pytest.approx((1 + 1 / 2 + 1 + 1 / 2) / 4)
    assert report.lists["model"].coverage == {"coverage@1": 1.0, "coverage@2": 1.0}
    scope = report.scope
    assert (scope.n_test_users, scope.n_known_users, scope.n_unknown_users) == (4, 3, 1)
    assert (scope.n_relevant, scope.n_relevant_unknown, scope.n_relevant_seen) == (6, 1, 0)


def test_users_known_and_unknown_to_training_are_distinguished() -> None:
    test = bought(("a", "z"), ("b", "w"), ("stranger", "x"), ("other", "w"))
    slices = measured(LEARNT, test, {"model": TABLE}, at=(1,)).lists["model"].slices
    n_known, known = slices["users"]["known"]
    n_unknown, unknown = slices["users"]["unknown"]
    assert (n_known, known["recall@1"].value) == (2, 0.5)
    assert (n_unknown, unknown["recall@1"].value) == (2, 0.5)
    assert slices["history"]["none"] == slices["users"]["unknown"]


def test_users_are_divided_by_their_history_and_products_into_head_and_tail() -> None:
    rows = [(f"u{user}", f"p{item}") for user in range(6) for item in range(user + 1)]
    learnt = data_of(bought(*rows))
    test = bought(*((f"u{user}", "p9") for user in range(7)), *(("u5", f"p{item}") for item in range(6)))
    task = list_task(mapped(test, learnt), None, len(learnt.items))
    slices = slices_of(task, learnt)
    assert {name: np.flatnonzero(mask).tolist() for name, mask in slices.history.items()} == {
        "none": [6],
        "light": [0, 1],
        "medium": [2, 3],
        "heavy": [4, 5],
    }
    # 6 + 5 of 21 events are half of them; p0 alone is not.
    assert np.flatnonzero(slices.products["head"]).tolist() == [0, 1]
    assert np.flatnonzero(slices.products["tail"]).tolist() == [2, 3, 4, 5]


def test_pairs_that_training_names_are_measured_apart() -> None:
    learnt = data_of([("b", "x", "click", 1.0), ("a", "y", "purchase", 1.0), ("a", "z", "purchase", 1.0)])
    report = measured(learnt, bought(("b", "x"), ("b", "y")), {"model": np.array([[1.0, 3.0, 2.0]] * 3)}, at=(1,))
    pairs = report.lists["model"].slices["pairs"]
    found = {name: [part.n_users, part.figures["recall@1"].value] for name, part in pairs.items()}
    assert found == {"new": [1, 1.0], "repeated": [1, 0.0]}


def test_recall_of_head_and_tail_is_over_those_with_a_relevant_product_there() -> None:
    """x has half of the events. Lists of two: b: y z; d: z y; a stranger: x y."""
    test = bought(("stranger", "x"), ("stranger", "w"), ("b", "z"), ("d", "x"), ("d", "new"))
    slices = measured(LEARNT, test, {"model": TABLE}, at=(2,)).lists["model"].slices["products"]
    n_head, head = slices["head"]
    n_tail, tail = slices["tail"]
    assert (n_head, head["recall@2"].value) == (2, 0.5)
    assert (n_tail, tail["recall@2"].value) == (2, 0.5)


def test_a_relevant_product_that_training_holds_already_counts_as_missed() -> None:
    report = measured(LEARNT, bought(("a", "x"), ("a", "z")), {"model": TABLE}, at=(4,))
    assert report.scope.n_relevant_seen == 1
    assert report.lists["model"].figures["recall@4"].value == 0.5
    assert any("are in training too" in line for line in report.sentences())


def test_products_rated_below_the_bar_are_not_relevant_but_their_ratings_are_predicted() -> None:
    test = [
        ("a", "z", "rating", 5.0),
        ("a", "w", "rating", 1.0),
        ("b", "w", "rating", 2.0),
        ("d", "new", "rating", 4.0),
    ]
    report = measured(LEARNT, test, {"model": TABLE}, at=(2,), relevant=4.0)
    assert report.scope.n_test_users == 2
    assert report.lists["model"].figures["recall@2"].value == pytest.approx(0.5)
    errors = np.array([3.2 - 5, 3.3 - 1, 3.3 - 2, 3.0 - 4])
    found = report.to_json()
    assert found["rmse"] == pytest.approx(
        {"popularity": np.sqrt((errors**2).mean()), "model": np.sqrt((errors**2).mean())}
    )
    assert found["mae"] == pytest.approx(dict.fromkeys(("popularity", "model"), np.abs(errors).mean()))


def test_without_ratings_none_is_predicted_and_every_row_is_relevant() -> None:
    report = measured(LEARNT, bought(("a", "z")), {}, relevant=None)
    assert (report.ratings, report.to_json()["rmse"], report.to_json()["mae"]) == ({}, {}, {})
    assert report.scope.n_relevant == 1


def test_without_relevant_rows_no_list_is_measured_and_the_summary_says_so() -> None:
    report = measured(LEARNT, [("a", "z", "rating", 2.0)], {"model": TABLE}, relevant=4.0)
    assert report.lists == {}
    assert "--relevant" in report.summary()
    assert list(report.to_json()["rmse"]) == ["popularity", "model"]  # type: ignore[call-overload]


def test_differences_to_popularity_are_paired() -> None:
    learnt, test, table = world(3, ties=False)
    bar = measured(learnt, test, {}, (10,)).lists["popularity"]
    found = measured(learnt, test, {"model": table, "twin": bar_scores(learnt)}, (10,)).lists
    gain = found["model"].beyond_popularity["ndcg@10"]
    assert gain.value == pytest.approx(found["model"].figures["ndcg@10"].value - bar.figures["ndcg@10"].value)
    assert gain.low < gain.value < gain.high
    same = found["twin"].beyond_popularity["ndcg@10"]
    assert (same.value, same.low, same.high) == (0, 0, 0)


def bar_scores(learnt: TrainingData) -> FloatArray:
    return np.tile(learnt.events.count_by_item(), (len(learnt.users) + 1, 1)).astype(np.float32)


def test_resampled_intervals_are_as_wide_as_those_of_rows_resampled_one_by_one() -> None:
    rng = np.random.default_rng(0)
    columns = {"even": rng.random(800), "rare": (rng.random(800) < 0.05).astype(float)}
    some = np.flatnonzero(rng.random(800) < 0.3)
    resampled = ResampledUsers(800)
    for users in (None, some):
        found = resampled.estimates(columns, users)
        taken = slice(None) if users is None else users
        expected = estimates({name: column[taken] for name, column in columns.items()}, seed=7)
        for name, estimate in found.items():
            assert estimate.value == pytest.approx(expected[name].value)
            width = expected[name].high - expected[name].low
            assert estimate.low == pytest.approx(expected[name].low, abs=width / 10)
            assert estimate.high == pytest.approx(expected[name].high, abs=width / 10)


def test_one_user_has_an_interval_without_width() -> None:
    found = ResampledUsers(3).estimates({"a": np.array([0.5, 1.0, 1.0])}, np.array([0]))["a"]
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)


def test_the_document_for_programs_has_numbers_under_their_usual_names() -> None:
    learnt, test, table = world(1, ties=False)
    report = measured(learnt, test, {"model": table}, at=(20, 10, 20))
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert list(document) == ["models", "rmse", "mae", "protocol"]
    model = document["models"]["model"]
    for k in (10, 20):
        for metric in ("recall", "ndcg", "precision", "hit_rate", "mrr", "coverage"):
            assert 0 <= model[f"{metric}@{k}"] <= 1
        low, high = model["intervals"][f"recall@{k}"]
        assert low <= model[f"recall@{k}"] <= high
        assert set(model["beyond_popularity"][f"ndcg@{k}"]) == {"value", "low", "high"}
    assert (model["train_seconds"], model["peak_mib"], model["growth_mib"]) == (1.5, 200.0, 10.0)
    assert {group: list(parts) for group, parts in model["slices"].items()} == {
        "users": ["known", "unknown"],
        "history": ["none", "light", "medium", "heavy"],
        "products": ["head", "tail"],
        "pairs": ["new", "repeated"],
    }
    assert document["protocol"]["at"] == [10, 20]
    assert document["protocol"]["sha256"] == {"popularity": "abc", "model": "abc"}


def test_the_tables_for_people_have_a_row_for_every_model() -> None:
    learnt, test, table = world(2, ties=True)
    report = measured(learnt, [*test, ("u1", "p1", "rating", 3.0)], {"model": table}, at=(5, 10))
    tables = dict(report.tables())
    assert list(tables) == [
        "lists of 5",
        "lists of 10",
        "users: recall@10 / NDCG@10",
        "history: recall@10 / NDCG@10",
        "products: recall@10",
        "pairs: recall@10",
        "ratings",
    ]
    for rows in tables.values():
        assert [row[0] for row in rows[1:]] == ["popularity", "model"]
        assert len({len(row) for row in rows}) == 1
    assert report.summary() == "Highest NDCG@10: popularity."
    gain = Estimate(0.1, 0.05, 0.2)
    model = replace(
        report.lists["model"], figures={"ndcg@10": Estimate(0.5, 0.4, 0.6)}, beyond_popularity={"ndcg@10": gain}
    )
    ahead = replace(report, lists={**report.lists, "model": model})
    assert ahead.summary() == "Highest NDCG@10: model, +0.1000 [+0.0500, +0.2000] against popularity."
    found = report.lists["model"].beyond_popularity["ndcg@10"].verdict()
    assert [row[-1] for row in tables["lists of 10"]] == ["against popularity", "", found]
