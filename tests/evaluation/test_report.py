"""A report contains its protocol and its figures, as text and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch
from src.core.progress import Silent
from src.evaluation.list_slices import SliceFigures
from src.evaluation.metrics import Estimate
from src.evaluation.protocols import _recall_of
from src.evaluation.report import Report, measure
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import split
from src.models import MODELS, POPULARITY, SVD
from src.models.settings import AllSettings
from src.recommendation.pipeline import Pipeline

SETTINGS = AllSettings(svd_factors=4, svd_epochs=3)


def make_data(*, times: bool, kind: str = "rating", n: int = 400) -> TrainingData:
    rng = np.random.default_rng(1)
    pairs = rng.choice(30 * 40, n, replace=False)
    users, items = [f"u{pair // 40}" for pair in pairs], [f"p{pair % 40}" for pair in pairs]
    at = np.arange(n) * 3_600 + 1_600_000_000 if times else np.full(n, NO_TIME)
    return training_data([EventBatch(users, items, [kind] * n, rng.integers(1, 6, n).astype(float), at)])


def report_on(data: TrainingData, max_users: int = 1_000, relevant: float = 4.0) -> Report:
    parts = split(data, 0.2)
    models = {name: kind.train(parts.train, kind.params(SETTINGS), seed=1) for name, kind in MODELS.items()}
    pipeline = Pipeline(data.users, data.items, models, POPULARITY)
    return measure(pipeline, parts, relevant_rating=relevant, max_users=max_users, reporter=Silent())


@pytest.fixture(scope="module")
def report() -> Report:
    return report_on(make_data(times=True))


def with_gain(report: Report, low: float, high: float) -> Report:
    figures = replace(report.lists[SVD], beyond_popularity=Estimate((low + high) / 2, low, high))
    return replace(report, lists={POPULARITY: report.lists[POPULARITY], SVD: figures})


def test_the_sizes_add_up(report: Report) -> None:
    assert report.n_train + report.n_test == 400
    assert (report.n_users, report.n_items) == (30, 40)
    assert report.n_ranked_users == report.n_test_users > 0
    assert set(report.ratings) == {name for name, kind in MODELS.items() if kind.rates}
    assert set(report.lists) == {name for name, kind in MODELS.items() if kind.lists}


def test_data_with_times_are_divided_by_time_and_the_report_says_when(report: Report) -> None:
    assert report.how == "time"
    assert report.cut is not None
    assert "before 2020-09-" in report.protocol()
    assert "a rating of 4 or better" in report.protocol()
    assert "random" not in report.protocol()


def test_data_without_times_are_divided_at_random_and_the_report_says_so() -> None:
    report = report_on(make_data(times=False))
    assert (report.how, report.cut) == ("random", None)
    assert "random split" in report.protocol()


def test_a_sample_of_the_test_users_is_called_one(report: Report) -> None:
    sampled = report_on(make_data(times=True), max_users=5)
    assert (sampled.n_ranked_users, sampled.n_test_users) == (5, report.n_test_users)
    assert "a random sample" in sampled.protocol()


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.03, "better"),
        (-0.03, -0.01, "worse"),
        (-0.01, 0.01, "not clear"),
        (0.0, 0.02, "not clear"),
        (-0.02, 0.0, "not clear"),
    ],
)
def test_the_table_says_whether_each_list_is_better_than_popularity(
    report: Report, low: float, high: float, verdict: str
) -> None:
    header, *rows = with_gain(report, low, high).list_table()
    column = header.index("against popularity")
    assert {row[0]: row[column] for row in rows if row[0] in (SVD, POPULARITY)} == {SVD: verdict, POPULARITY: ""}


def test_the_summary_is_about_the_list_to_serve_alone(report: Report) -> None:
    svd = replace(with_gain(report, 0.01, 0.03), best=SVD, slices={})
    assert svd.summary() == "List to serve: svd. NDCG@10 against popularity: +0.0200 [+0.0100, +0.0300]."
    doubtful = replace(with_gain(report, -0.01, 0.03), best=SVD, slices={})
    assert doubtful.summary().endswith("This difference may be chance.")
    popular = replace(report, best=POPULARITY, slices={})
    assert popular.summary() == "List to serve: popularity. No other candidate has a higher NDCG@10."


def test_the_best_list_is_the_one_with_the_highest_ndcg(report: Report) -> None:
    ndcg = {name: figures.ndcg_at_10.value for name, figures in report.lists.items()}
    assert ndcg[report.best] == max(ndcg.values())


def test_in_a_shop_without_ratings_and_purchases_lists_are_measured_by_views() -> None:
    report = report_on(make_data(times=True, kind="click"))
    assert report.ratings == {}
    assert report.n_test_users > 0
    assert report.lists[report.best].ndcg_at_10.value > 0


@pytest.mark.parametrize("data", [make_data(times=True, kind="return"), make_data(times=False, kind="return", n=2)])
def test_without_test_users_nothing_is_measured_and_popularity_is_served(data: TrainingData) -> None:
    report = report_on(data)
    assert (report.ratings, report.lists, report.n_test_users, report.best) == ({}, {}, 0, POPULARITY)
    assert report.summary() == "No test user liked anything, so no list was measured. List to serve: popularity."
    assert len(report.rating_table()) == len(report.list_table()) == 1
    json.dumps(report.to_json(), allow_nan=False)


def test_purchases_alone_make_lists_but_no_predicted_ratings() -> None:
    report = report_on(make_data(times=True, kind="purchase"))
    assert report.ratings == {}
    assert set(report.lists) == {name for name, kind in MODELS.items() if kind.lists}


def test_a_report_is_json_without_nan(report: Report) -> None:
    read = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert read["how"] == "time"
    assert set(read["lists"][SVD]["ndcg_at_10"]) == {"value", "low", "high"}
    assert read["ratings"][SVD]["rmse"]["value"] == report.ratings[SVD].rmse.value


def test_the_tables_have_a_row_for_every_model_and_a_cell_for_every_column(report: Report) -> None:
    for table, figures in ((report.rating_table(), report.ratings), (report.list_table(), report.lists)):
        assert [row[0] for row in table[1:]] == list(figures)
        assert len({len(row) for row in table}) == 1
    assert f"{report.ratings[SVD].rmse.value:.4f}" in report.rating_table()[2][1]


# slices


def test_slices_of_users_by_their_events_are_all_users_once(report: Report) -> None:
    n_events = [title for title in report.slices if "event" in title]
    assert sum(report.slices[title].n_users for title in n_events) == report.n_ranked_users
    for figures in report.slices.values():
        assert figures.figures.keys() == report.lists.keys()
        assert figures.best_single != report.best


def test_figures_of_a_slice_are_means_over_its_users(report: Report) -> None:
    (title,) = [title for title in report.slices if title.startswith("more than")]
    figures = report.slices[title]
    if figures.n_users == report.n_ranked_users:
        assert figures.figures[POPULARITY].value == pytest.approx(report.lists[POPULARITY].ndcg_at_10.value)
    assert len(report.slice_table()) == 1 + len(report.slices)


def test_a_slice_of_lookers_is_apart() -> None:
    looked = report_on(make_data(times=True, kind="click"))
    everyone = looked.slices["only views, clicks and carts"]
    assert everyone.n_users == sum(
        each.n_users for title, each in looked.slices.items() if "1 to 3" in title or "more" in title
    )


def test_the_recall_of_rare_products_counts_those_of_few_users() -> None:
    lists = np.array([[4, 7], [1, 2], [4, -1]])
    found = _recall_of(lists, [{4, 9}, set(), {5}])
    np.testing.assert_array_equal(found, [0.5, np.nan, 0.0])


def test_a_slice_that_is_clearly_worse_is_named(report: Report) -> None:
    behind = SliceFigures(9, "NDCG@10", {}, SVD, Estimate(-0.02, -0.03, -0.01))
    ahead = replace(behind, ahead=Estimate(-0.02, -0.03, 0.01))
    said = replace(report, slices={"some": behind, "others": ahead}).summary()
    assert "Slice 'some': the list of svd is clearly better" in said
    assert "-0.0200 [-0.0300, -0.0100]" in said
    assert "others" not in said
