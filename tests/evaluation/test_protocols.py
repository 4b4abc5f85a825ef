"""Evaluation protocols: users, liked products and masked products."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch, EventKind, FloatArray, IntArray
from src.core.progress import Silent
from src.evaluation.metrics import bootstrap_means, estimate_rmse_mae, novelty
from src.evaluation.protocols import measure_lists, measure_ratings, measure_repeats, ranking_task
from src.evaluation.task_lists import K
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY
from src.models.base import QueryRows
from src.models.settings import AllSettings
from src.models.top_n import Candidates, top_n
from src.recommendation.pipeline import Pipeline

Row = tuple[str, str, str, float, int]


class Steps(Silent):
    """A Reporter that records its steps."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, line: str) -> None:
        self.lines.append(line)


def split_of(train: list[Row], test: list[Row]) -> Split:
    users, products, kinds, values, times = (list(column) for column in zip(*train, *test, strict=True))
    data = training_data([EventBatch(users, products, kinds, np.array(values), np.array(times, np.int64))])
    n = len(train)
    return Split(data.take(np.arange(n)), data.take(np.arange(n, len(data))), "time", 100)


@dataclass
class Oracle:
    """A model with a score for every user and product that records its queries."""

    scores: FloatArray
    asked: list[QueryRows] = field(default_factory=list)

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        self.asked.append(query)
        return top_n(self.scores[query.user_idx], n)

    def rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        return self.scores[user_idx, item_idx]


def pipeline_of(split: Split, **others: Oracle) -> Pipeline:
    params = MODELS[POPULARITY].params(AllSettings())
    popularity = MODELS[POPULARITY].train(split.train, params, seed=1)
    models = {POPULARITY: popularity, **others}
    return Pipeline(split.train.users, split.train.items, models, POPULARITY)  # type: ignore[arg-type]


def perfect(split: Split) -> Oracle:
    scores = np.zeros((len(split.test.users), len(split.test.items)))
    scores[split.test.events.user_idx, split.test.events.item_idx] = split.test.events.value
    return Oracle(scores)


def names(data: TrainingData, items: set[int]) -> set[str]:
    return set(data.items.ids_of(items))


def test_relevant_is_a_purchase_or_a_rating_from_the_threshold_on() -> None:
    parts = split_of(
        [("a", "old", "view", 1, 1), ("b", "old", "view", 1, 1)],
        [
            ("a", "bought", "purchase", 1, 200),
            ("a", "at threshold", "rating", 4, 200),
            ("a", "below", "rating", 3.9, 200),
            ("a", "only viewed", "view", 9, 200),
            ("a", "only clicked", "click", 9, 200),
            ("a", "only in the cart", "cart", 9, 200),
            ("b", "disliked", "rating", 1, 200),
        ],
    )
    task = ranking_task(parts, 4.0, 100)
    assert parts.test.users.ids_of(task.user_idx) == ["a"]
    assert names(parts.test, task.relevant[0]) == {"bought", "at threshold"}
    assert task.n_users_with_one == 1


def test_products_with_an_event_in_train_are_not_relevant() -> None:
    parts = split_of(
        [
            ("a", "rated", "rating", 1, 1),
            ("a", "bought", "purchase", 1, 1),
            ("a", "viewed", "view", 1, 1),
            ("b", "rated", "rating", 5, 1),
        ],
        [("a", item, "purchase", 1, 200) for item in ("rated", "bought", "viewed", "new", "new")]
        + [("b", "rated", "rating", 5, 200)],
    )
    task = ranking_task(parts, 4.0, 100)
    assert parts.test.users.ids_of(task.user_idx) == ["a"]
    assert names(parts.test, task.relevant[0]) == {"new"}


def test_likes_of_products_that_the_user_knew_are_measured_apart() -> None:
    parts = split_of(
        [("a", item, kind, 1, 1) for item, kind in (("bought", "purchase"), ("viewed", "view"), ("clicked", "click"))],
        [("a", item, "purchase", 1, 200) for item in ("bought", "viewed", "clicked", "new")]
        + [("a", f"other{i}", "view", 1, 200) for i in range(K)],
    )
    viewed = np.zeros((1, len(parts.test.items)))
    viewed[0, parts.test.items.rows_in(parts.test.items)[parts.test.items.idx_of("viewed")]] = 1
    served = measure_repeats(pipeline_of(parts, oracle=Oracle(viewed - 1)), parts, 4.0, 9, model="oracle")
    assert (served.n_pairs, served.n_listable) == (3, 2)
    assert served.recall_at_10 is not None
    assert served.recall_at_10.value in (0.5, 1.0)
    nothing = measure_repeats(pipeline_of(crowd()), crowd(), 4.0, 9, model=POPULARITY)
    assert (nothing.n_listable, nothing.recall_at_10) == (1, None) or nothing.recall_at_10 is not None


def test_histories_are_the_events_of_train_oldest_first() -> None:
    parts = split_of(
        [
            ("b", "x", "rating", 2, 50),
            ("a", "late", "view", 1, 30),
            ("a", "early", "purchase", 3, 10),
            ("a", "tie", "cart", 1, 30),
            ("a", "timeless", "rating", 5, NO_TIME),
        ],
        [("a", "n", "purchase", 1, 200), ("new user", "n", "purchase", 1, 200), ("b", "n", "rating", 1, 200)],
    )
    task = ranking_task(parts, 4.0, 100)
    assert parts.test.users.ids_of(task.user_idx) == ["a", "new user"]
    mine, nobodys = task.histories
    assert [(e.product_id, e.kind, e.value, e.at) for e in mine] == [
        ("timeless", EventKind.RATING, 5.0, None),
        ("early", EventKind.PURCHASE, 3.0, 10),
        ("late", EventKind.VIEW, 1.0, 30),
        ("tie", EventKind.CART, 1.0, 30),
    ]
    assert nobodys == ()


def test_without_liked_products_no_user_is_ranked() -> None:
    parts = split_of([("a", "x", "rating", 5, 1)], [("a", "y", "rating", 1, 200), ("a", "x", "rating", 5, 200)])
    task = ranking_task(parts, 4.0, 100)
    assert (len(task.user_idx), task.relevant, task.histories, task.n_users_with_one) == (0, [], [], 0)


def test_too_many_test_users_are_sampled_always_the_same_ones() -> None:
    parts = split_of(
        [(f"u{i}", "x", "view", 1, i) for i in range(50)], [(f"u{i}", f"p{i}", "purchase", 1, 200) for i in range(50)]
    )
    task, again = (ranking_task(parts, 4.0, 10) for _ in range(2))
    assert len(task.user_idx) == len(set(task.user_idx.tolist())) == 10
    assert task.user_idx.tolist() == sorted(task.user_idx.tolist()) == again.user_idx.tolist()
    assert task.n_users_with_one == 50
    for user, relevant, history in zip(task.user_idx, task.relevant, task.histories, strict=True):
        name = parts.test.users.id_of(user)
        assert names(parts.test, relevant) == {f"p{name[1:]}"}
        assert len(history) == 1
    assert ranking_task(parts, 4.0, 50).user_idx.tolist() == list(range(50))


def crowd() -> Split:
    """Thirty users and forty products; each user likes two of the unpopular half in the test part."""
    train = [(f"u{i}", f"p{j}", "rating", 5.0, j) for i in range(30) for j in range(20) if (i + j) % 3]
    train += [("u0", f"p{j}", "view", 1.0, 1) for j in range(20, 40)]
    return split_of(
        train, [(f"u{i}", f"p{20 + (i + d) % 20}", "purchase", 5.0 - d, 200) for i in range(30) for d in (0, 1)]
    )


def test_a_perfect_ranker_gets_one_and_popularity_less() -> None:
    parts = crowd()
    steps = Steps()
    task = ranking_task(parts, 4.0, 100)
    figures = measure_lists(pipeline_of(parts, oracle=perfect(parts)), parts.train, task, steps)
    best_of_all, bar = figures["oracle"], figures[POPULARITY]
    for exact in (best_of_all.ndcg_at_10, best_of_all.recall_at_10, best_of_all.hit_rate_at_10, best_of_all.mrr_at_10):
        assert (exact.value, exact.low, exact.high) == pytest.approx((1, 1, 1))
    assert best_of_all.precision_at_10.value == pytest.approx(2 / K)
    assert bar.ndcg_at_10.value < 0.5
    assert best_of_all.beyond_popularity.value == pytest.approx(1 - bar.ndcg_at_10.value)
    assert best_of_all.beyond_popularity.low > 0
    assert (bar.beyond_popularity.value, bar.beyond_popularity.high) == (0, 0)
    assert [step.split()[4] for step in steps.lines] == [POPULARITY, "oracle"]


def test_seen_products_take_no_place_in_a_measured_list() -> None:
    parts = crowd()
    oracle = perfect(parts)
    seen = parts.train.take(np.flatnonzero(parts.train.is_kind(EventKind.RATING))).events
    oracle.scores[seen.user_idx, seen.item_idx] = 99  # would fill every list if it were not masked
    task = ranking_task(parts, 4.0, 100)
    figures = measure_lists(pipeline_of(parts, oracle=oracle), parts.train, task, Silent())
    assert figures["oracle"].ndcg_at_10.value == pytest.approx(1)
    assert [query.user_idx for query in oracle.asked] == task.user_idx.tolist()
    for query, history in zip(oracle.asked, task.histories, strict=True):
        assert set(parts.train.items.ids_of(query.item_idx)) == {event.product_id for event in history}


def test_coverage_and_novelty_are_of_the_products_listed() -> None:
    parts = crowd()
    task = ranking_task(parts, 4.0, 100)
    same_ten = np.tile(np.arange(40.0) >= 30, (30, 1)).astype(float)
    item_users = parts.train.events.users_by_item()
    figures = measure_lists(pipeline_of(parts, same=Oracle(same_ten)), parts.train, task, Silent())["same"]
    assert figures.coverage == pytest.approx(10 / 40)
    assert figures.novelty == pytest.approx(float(novelty(item_users, 30)[30:40].mean()))
    assert figures.novelty == pytest.approx(np.log2(30))


def test_novelty_counts_users_and_not_their_events() -> None:
    rows = [("a", "x", "view", 1.0, at) for at in range(50)] + [("b", "y", "view", 1.0, 60)]
    parts = split_of(rows, [("b", "x", "purchase", 1, 200)])
    task = ranking_task(parts, 4.0, 9)
    figures = measure_lists(pipeline_of(parts), parts.train, task, Silent())
    assert figures[POPULARITY].novelty == pytest.approx(1.0)


def test_predicted_ratings_are_measured_over_all_test_ratings() -> None:
    test: list[Row] = [("a", "x", "rating", 5, 9), ("a", "y", "rating", 2, 9), ("b", "x", "rating", 4, 9)]
    parts = split_of([("c", "z", "rating", 1, 1)], test)
    exact = measure_ratings({"exact": perfect(parts)}, parts.test.ratings)["exact"]  # type: ignore[dict-item]
    assert [e.value for e in (exact.rmse, exact.mae, exact.precision_at_10, exact.recall_at_10)] == [0, 0, 1, 1]
    flat = measure_ratings({"flat": Oracle(np.full((3, 3), 3.0))}, parts.test.ratings)["flat"]  # type: ignore[dict-item]
    assert flat.rmse.value == pytest.approx(np.sqrt((4 + 1 + 1) / 3))
    assert flat.mae.value == pytest.approx(4 / 3)
    assert (flat.precision_at_10.value, flat.recall_at_10.value) == (0, 0)


def test_models_that_are_measured_together_have_the_figures_that_each_has_alone() -> None:
    rng = np.random.default_rng(2)
    test: list[Row] = [(f"u{rng.integers(20)}", f"p{at}", "rating", int(rng.integers(1, 6)), 9) for at in range(200)]
    parts = split_of([("c", "z", "rating", 1, 1)], test)
    shape = len(parts.test.users), len(parts.test.items)
    models = {name: Oracle(rng.uniform(1, 5, shape)) for name in ("one", "other")}
    together = measure_ratings(models, parts.test.ratings)  # type: ignore[arg-type]
    for name, model in models.items():
        alone = measure_ratings({name: model}, parts.test.ratings)[name]  # type: ignore[dict-item]
        error = model.rate(parts.test.ratings.user_idx, parts.test.ratings.item_idx) - parts.test.ratings.value
        expected = estimate_rmse_mae(parts.test.ratings.user_idx, error)
        for own, other in zip(expected, (together[name].rmse, together[name].mae), strict=True):
            assert asdict(other) == pytest.approx(asdict(own))
        for figure in ("precision_at_10", "recall_at_10"):
            assert asdict(getattr(together[name], figure)) == pytest.approx(asdict(getattr(alone, figure)))


def test_samples_of_users_are_drawn_once_for_all_models(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def means(values: FloatArray) -> FloatArray:
        drawn.append(values.shape)
        return bootstrap_means(values)

    monkeypatch.setattr("src.evaluation.protocols.bootstrap_means", means)
    parts = split_of([("c", "z", "rating", 1, 1)], [("a", "x", "rating", 5, 9), ("b", "x", "rating", 4, 9)])
    measure_ratings({"one": perfect(parts), "other": perfect(parts)}, parts.test.ratings)  # type: ignore[dict-item]
    assert len(drawn) == 1
