"""The objective of tuning: NDCG of lists on held-out data, as computed by hand, without products seen before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log2

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch, FloatArray, IntArray
from src.evaluation.metrics import ranking_metrics
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split, split_by_time
from src.models.base import QueryBlock
from src.tuning import objective as objective_module
from src.tuning.hyperparameter_search import Clock
from src.tuning.objective import Objective
from src.tuning.sum_weights import best_weights

Row = tuple[str, str, str, float]
N_USERS, N_ITEMS = 50, 40


@dataclass(frozen=True)
class Fixed:
    """A scorer with given scores by user row."""

    table: FloatArray

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        scores = self.table[queries.user_idx].astype(np.float32)
        return scores if items is None else scores[:, items]


def split_of(train: list[Row], test: list[Row]) -> Split:
    users, products, kinds, values = (list(column) for column in zip(*train, *test, strict=True))
    at = np.full(len(users), NO_TIME, np.int64)
    data = training_data([EventBatch(users, products, kinds, np.array(values, np.float64), at)])
    n = len(train)
    return Split(data.take(np.arange(n)), data.take(np.arange(n, len(data))), "given", None)


def objective_of(split: Split, k: int = 10, seed: int = 1) -> Objective | None:
    popular = np.argsort(-split.train.events.count_by_item(), kind="stable")
    return Objective.of(split, popular, relevant_rating=4.0, k=k, seed=seed)


def some_objective(split: Split, k: int = 10) -> Objective:
    found = objective_of(split, k)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def crowd() -> Split:
    """Users with ten products each in train and some in the test, among them ones they had before."""
    rng = np.random.default_rng(2)
    kinds = ["purchase", "rating", "view"]

    def rows(user: int, n: int) -> list[Row]:
        chosen = rng.choice(N_ITEMS, n, replace=False).tolist()
        return [(f"u{user}", f"p{item}", str(rng.choice(kinds)), float(rng.integers(1, 6))) for item in chosen]

    every: list[Row] = [("all", f"p{item}", "view", 1.0) for item in range(N_ITEMS)]
    train = every + [row for user in range(N_USERS) for row in rows(user, 10)]
    return split_of(train, [row for user in range(N_USERS) for row in rows(user, 8)])


def seen_and_liked(split: Split) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """(user → products with an event in train, user → new products liked in test), event by event."""
    seen: dict[int, set[int]] = {}
    liked: dict[int, set[int]] = {}
    for data, found in ((split.train, seen), (split.test, liked)):
        e = data.events
        for user, item, kind, value in zip(e.user_idx, e.item_idx, data.kind, e.value, strict=True):
            is_rating, is_purchase = kind == 0, kind == 1
            if found is seen or is_purchase or (is_rating and value >= 4):
                found.setdefault(int(user), set()).add(int(item))
    return seen, {user: items - seen.get(user, set()) for user, items in liked.items() if items - seen.get(user, set())}


def by_hand(split: Split, table: FloatArray, k: int, popular: IntArray) -> dict[int, float]:
    """NDCG@k of every user who liked something new, one product at a time."""
    seen, liked = seen_and_liked(split)
    found = {}
    for user, relevant in liked.items():
        allowed = [item for item in range(N_ITEMS) if item not in seen.get(user, set())]
        ranked = sorted(
            (item for item in allowed if np.isfinite(table[user, item]) and table[user, item] != 0),
            key=lambda i: (-table[user, i], i),
        )
        ranked += [item for item in popular.tolist() if item in allowed and item not in ranked]
        gain = sum(1 / log2(rank + 2) for rank, item in enumerate(ranked[:k]) if item in relevant)
        found[user] = gain / sum(1 / log2(rank + 2) for rank in range(min(len(relevant), k)))
    return found


TABLES = {
    "all different": lambda rng: rng.normal(size=(N_USERS + 1, N_ITEMS)),
    "ties": lambda rng: rng.integers(0, 3, (N_USERS + 1, N_ITEMS)).astype(float),
    "opinions on few": lambda rng: np.where(rng.random((N_USERS + 1, N_ITEMS)) < 0.1, 1.0, np.nan),
    "no opinion": lambda rng: np.full((N_USERS + 1, N_ITEMS), np.nan),
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("k", [1, 5, 10, 35])
def test_ndcg_equals_the_value_computed_by_hand(crowd: Split, kind: str, k: int) -> None:
    table = TABLES[kind](np.random.default_rng(4))
    objective = some_objective(crowd, k)
    found = objective.ndcg(Fixed(table))
    expected = by_hand(crowd, table, k, objective.popular)
    assert objective.queries.user_idx.tolist() == sorted(expected)
    assert found.tolist() == pytest.approx([expected[user] for user in sorted(expected)])


def test_liked_products_first_have_ndcg_1_and_last_have_0(crowd: Split) -> None:
    _, liked = seen_and_liked(crowd)
    table = np.zeros((N_USERS + 1, N_ITEMS))
    for user, items in liked.items():
        table[user, list(items)] = 1
    objective = some_objective(crowd, 5)
    assert objective.ndcg(Fixed(table)).tolist() == pytest.approx([1.0] * len(liked))
    assert objective.ndcg(Fixed(1 - 2 * table)).tolist() == [0.0] * len(liked)


def test_seen_products_take_no_place_and_count_as_no_hit(crowd: Split) -> None:
    objective = some_objective(crowd)
    seen, _ = seen_and_liked(crowd)
    table = np.random.default_rng(1).normal(size=(N_USERS + 1, N_ITEMS))
    tempting = table.copy()
    for user, items in seen.items():
        tempting[user, list(items)] = 99
    np.testing.assert_array_equal(objective.ndcg(Fixed(table)), objective.ndcg(Fixed(tempting)))
    assert objective.relevant.multiply(objective.masked).nnz == 0


def test_relevant_is_a_purchase_or_a_good_rating_once_however_often() -> None:
    train: list[Row] = [("a", "seen", "purchase", 1), ("b", "seen", "view", 1), ("a", "viewed", "view", 1)]
    test: list[Row] = [
        ("a", "new", "purchase", 1),
        ("a", "new", "purchase", 1),
        ("a", "good", "rating", 4),
        ("a", "bad", "rating", 3.9),
        ("a", "looked at", "view", 1),
        ("a", "in the cart", "cart", 1),
        ("a", "seen", "purchase", 1),
        ("a", "viewed", "purchase", 1),
        ("b", "bad", "rating", 1),
    ]
    split = split_of(train, test)
    objective = some_objective(split)
    assert split.train.users.ids_of(objective.queries.user_idx) == ["a"]
    assert set(split.train.items.ids_of(objective.relevant.indices)) == {"new", "good"}
    assert objective.relevant.nnz == 2
    assert split.train.items.ids_of(objective.masked.indices) == ["seen", "viewed"]


@pytest.mark.parametrize(
    "test", [("a", "seen", "purchase", 1.0), ("a", "new", "rating", 1.0), ("a", "new", "view", 1.0)]
)
def test_without_a_liked_new_product_there_is_no_objective(test: Row) -> None:
    assert objective_of(split_of([("a", "seen", "purchase", 1.0)], [test])) is None


def test_the_list_of_a_user_without_a_history_is_filled_with_popular_products() -> None:
    train: list[Row] = [("a", "x", "purchase", 1), ("b", "x", "purchase", 1), ("b", "y", "purchase", 1)]
    objective = some_objective(split_of(train, [("new", "y", "purchase", 1)]), k=2)
    assert np.diff(objective.queries.history.indptr).tolist() == [0]
    assert objective.ndcg(Fixed(np.full((3, 2), np.nan))).tolist() == pytest.approx([1 / log2(3)])


def test_many_users_are_sampled_always_the_same_ones(crowd: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = some_objective(crowd).queries.user_idx
    monkeypatch.setattr(objective_module, "_MAX_SCORES", 20 * N_ITEMS)
    monkeypatch.setattr(objective_module, "_MIN_USERS", 5)
    some, again = (some_objective(crowd) for _ in range(2))
    other = objective_of(crowd, seed=2)
    assert other is not None
    assert len(some.queries) == 20
    assert some.queries.user_idx.tolist() == sorted(some.queries.user_idx.tolist())
    assert set(some.queries.user_idx) <= set(everybody)
    assert some.queries.user_idx.tolist() == again.queries.user_idx.tolist() != other.queries.user_idx.tolist()
    monkeypatch.setattr(objective_module, "_MAX_SCORES", 0)
    assert len(some_objective(crowd).queries) == 5


def test_another_weighting_changes_the_histories_and_nothing_else(crowd: Split) -> None:
    objective = some_objective(crowd)
    without_views = replace(crowd.train, weighting=Weighting(kinds={"purchase": 0.5}))
    other = objective.weighted(without_views.weighting)
    np.testing.assert_array_equal(other.queries.user_idx, objective.queries.user_idx)
    np.testing.assert_array_equal(
        other.queries.history.toarray(), without_views.histories[objective.queries.user_idx].toarray()
    )
    assert other.queries.history.nnz < objective.queries.history.nnz
    assert (other.masked is objective.masked, other.relevant is objective.relevant) == (True, True)


# visits


def visits(regulars: int) -> Split:
    """At 100 all is cut in two. Visitor v looks at a, b and c, and buys c; so do regulars, who were there before."""
    rows = [(f"r{at}", "a", "view", 10) for at in range(regulars)] + [("x", "d", "purchase", 20)]
    for who in ("v", *(f"r{at}" for at in range(regulars))):
        rows += [(who, "a", "view", 110), (who, "b", "view", 120), (who, "c", "view", 130), (who, "c", "purchase", 140)]
    rows += [("v", "b", "purchase", 150), ("w", "c", "purchase", 160)]
    users, products, kinds, times = (list(column) for column in zip(*rows, strict=True))
    batch = EventBatch(users, products, kinds, np.ones(len(rows)), np.array(times, np.int64))
    parts = split_by_time(training_data([batch]), (len(rows) - regulars - 1) / len(rows))
    assert parts.cut == 110
    return parts


def test_visitors_whom_nobody_knew_are_asked_for_before_their_last_find() -> None:
    parts = visits(regulars=0)
    objective = some_objective(parts)
    users, items = (vocabulary.ids_of(range(len(vocabulary))) for vocabulary in (parts.train.users, parts.train.items))
    assert [users[at] for at in objective.queries.user_idx] == ["v", "w"]
    for name, expected in (("masked", [{"a", "b"}, set()]), ("relevant", [{"c"}, {"c"}])):
        matrix = getattr(objective, name).toarray() > 0
        assert [{items[at] for at in np.flatnonzero(row)} for row in matrix] == expected
    np.testing.assert_array_equal(objective.queries.history.toarray() > 0, objective.masked.toarray() > 0)
    heavier = objective.weighted(Weighting(kinds={"view": 0.9})).queries.history
    assert heavier.data == pytest.approx([0.9, 0.9])


def test_visitors_whom_the_shop_knew_are_asked_for_at_the_cut() -> None:
    parts = visits(regulars=3)
    objective = some_objective(parts)
    assert objective.asked is parts.train
    assert objective.relevant.nnz == 3 + 2 + 1  # of regulars, v and w


# opinions


def tables(n: int, seed: int = 3) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)
    return {f"m{at}": rng.normal(size=(N_USERS + 1, N_ITEMS)) for at in range(n)}


def scorers(made: Mapping[str, FloatArray]) -> dict[str, Fixed]:
    return {name: Fixed(table) for name, table in made.items()}


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.0, 0.0, 2.0), (1.0, 0.5, 0.25), (0.3, 0.0, 1.5)])
def test_the_ndcg_of_a_weighted_sum_is_that_of_a_scorer_that_adds_up(
    crowd: Split, weights: tuple[float, float, float]
) -> None:
    objective, made = some_objective(crowd), tables(3)
    added = sum(weight * table for weight, table in zip(weights, made.values(), strict=True))
    found = objective.component_scores(scorers(made)).ndcg(np.array(weights))
    assert found == pytest.approx(float(objective.ndcg(Fixed(np.asarray(added))).mean()), abs=1e-6)


def test_component_scores_cover_the_candidates_of_every_model(crowd: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective_module, "_CANDIDATES_PER_MODEL", 4)
    objective, made = some_objective(crowd), tables(2)
    scores = objective.component_scores(scorers(made))
    assert scores.names == ("m0", "m1")
    assert scores.n_relevant.tolist() == np.diff(objective.relevant.indptr).tolist()
    masked = objective.masked.toarray() > 0
    for at, user in enumerate(objective.queries.user_idx.tolist()):
        items = scores.item[at][scores.item[at] >= 0]
        named = set()
        for table in made.values():
            named |= set(np.argsort(-np.where(masked[at], -np.inf, table[user]))[:4].tolist())
        assert set(items.tolist()) == named
        assert len(items) == len(named)
        for number, table in enumerate(made.values()):
            np.testing.assert_allclose(scores.score[number, at, : len(items)], table[user, items], rtol=1e-6)
        assert scores.relevant[at, : len(items)].tolist() == (objective.relevant[at].toarray()[0, items] > 0).tolist()
        assert not scores.relevant[at, len(items) :].any()


def test_a_model_without_a_score_adds_nothing(crowd: Split) -> None:
    objective, made = some_objective(crowd), tables(2)
    made["m1"][::2] = np.nan
    scores = objective.component_scores(scorers(made))
    assert np.isfinite(scores.score).all()
    added = made["m0"] + 3 * np.nan_to_num(made["m1"])
    expected = float(objective.ndcg(Fixed(added)).mean())
    assert scores.ndcg(np.array([1.0, 3.0])) == pytest.approx(expected, abs=1e-6)


def test_equal_sums_are_sorted_by_popularity_as_in_the_list_that_is_served(crowd: Split) -> None:
    objective = some_objective(crowd, 5)
    without_opinion = {"m0": np.full((N_USERS + 1, N_ITEMS), np.nan), "m1": np.zeros((N_USERS + 1, N_ITEMS))}
    found = objective.component_scores(scorers(without_opinion)).ndcg(np.ones(2))
    assert found == pytest.approx(float(objective.ndcg(Fixed(without_opinion["m0"])).mean()))


def test_users_without_events_are_scored_once() -> None:
    train: list[Row] = [("a", "x", "purchase", 1), ("b", "x", "purchase", 1), ("b", "y", "purchase", 1)]
    test: list[Row] = [("new", "y", "purchase", 1), ("a", "y", "purchase", 1), ("newer", "x", "purchase", 1)]
    objective, asked = some_objective(split_of(train, test), k=2), []

    class Spy(Fixed):
        def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
            asked.extend(np.diff(queries.history.indptr).tolist())
            return super().score_all(queries, items)

    scores = objective.component_scores({"m0": Spy(np.array([[0.1, 0.2]] * 4))})
    assert sorted(asked) == [0, 1]
    assert scores.item.tolist() == [[1, -1], [0, 1], [0, 1]]
    assert scores.ndcg_of(scores.total(np.ones(1))).tolist() == pytest.approx([1.0, 1.0, 1 / log2(3)])


@pytest.mark.parametrize("kind", ["all different", "ties"])
def test_the_lists_of_many_weights_at_once_are_those_of_each(crowd: Split, kind: str) -> None:
    objective, rng = some_objective(crowd), np.random.default_rng(12)
    scores = objective.component_scores(scorers({"m0": TABLES[kind](rng), "m1": TABLES[kind](rng)}))
    steps = np.array([0.0, 0.5, 1.0, 3.0], np.float32)
    at_once = scores.ndcg_of_steps(scores.total(np.array([1.0, 0.0])), scores.score[1], steps)
    for number, step in enumerate(steps.tolist()):
        total = scores.total(np.array([1.0, step]))
        order = np.argsort(-total, axis=1, kind="stable")[:, : scores.k]
        hits = np.take_along_axis(scores.relevant, order, axis=1)
        expected = ranking_metrics(hits, scores.n_relevant)["ndcg"]
        assert at_once[:, number].tolist() == pytest.approx(expected.tolist())
        assert scores.ndcg_of(total).tolist() == pytest.approx(expected.tolist())


def test_a_candidate_without_a_finite_sum_is_not_listed(crowd: Split) -> None:
    scores = some_objective(crowd).component_scores(scorers(tables(1)))
    assert not scores.ndcg_of(np.full(scores.item.shape, -np.inf, np.float32)).any()


def test_users_without_a_relevant_candidate_count_as_0(crowd: Split) -> None:
    scores = some_objective(crowd).component_scores(scorers(tables(2)))
    nobody = replace(scores, relevant=np.zeros_like(scores.relevant))
    assert not nobody.ndcg_of(nobody.total(np.ones(2))).any()
    assert best_weights(nobody, clock=Clock(0.0)).ndcg == 0


# weights


def ones(names: Mapping[str, object]) -> dict[str, float]:
    return dict.fromkeys(names, 1.0)


def right_table(split: Split) -> FloatArray:
    """Return scores that rank the liked products first."""
    table = np.random.default_rng(8).normal(size=(N_USERS + 1, N_ITEMS)) * 0.01
    for user, items in seen_and_liked(split)[1].items():
        table[user, list(items)] += 1
    return table


@pytest.mark.parametrize("at", [0, 1, 2])
def test_the_best_weights_find_the_model_that_is_right(crowd: Split, at: int) -> None:
    made = tables(3)
    made[f"m{at}"] = right_table(crowd)
    weights, ndcg = best_weights(some_objective(crowd).component_scores(scorers(made)))
    assert ndcg == pytest.approx(1)
    assert weights[f"m{at}"] == max(weights.values())


def test_two_models_that_are_right_together_both_get_a_weight(crowd: Split) -> None:
    right, noise = right_table(crowd), np.random.default_rng(9).normal(size=(N_USERS + 1, N_ITEMS))
    made = {"more": right + noise, "less": right - 0.5 * noise, "nothing": tables(1)["m0"]}
    objective = some_objective(crowd)
    weights, ndcg = best_weights(objective.component_scores(scorers(made)))
    alone = max(float(objective.ndcg(scorer).mean()) for scorer in scorers(made).values())
    assert ndcg > alone
    assert weights["more"] > 0
    assert weights["less"] > weights["more"]
    assert weights.get("nothing", 0.0) < weights["more"]


def test_weights_are_in_units_of_the_scales(crowd: Split) -> None:
    right, noise = right_table(crowd), np.random.default_rng(9).normal(size=(N_USERS + 1, N_ITEMS))
    made = {"more": right + noise, "less": right - 0.5 * noise}
    objective = some_objective(crowd)
    one = best_weights(objective.component_scores(scorers(made)))
    louder = {"more": 1_000 * made["more"], "less": made["less"]}
    other = best_weights(objective.component_scores(scorers(louder)).in_units_of({"more": 1_000.0, "less": 1.0}))
    assert other[0] == one[0]
    assert other[1] == pytest.approx(one[1])


def test_best_weights_reports_the_ndcg_of_its_weights(crowd: Split) -> None:
    made, scales = tables(3, seed=11), {"m0": 2.0, "m1": 0.5, "m2": 1.0}
    objective = some_objective(crowd)
    weights, ndcg = best_weights(objective.component_scores(scorers(made)).in_units_of(scales))
    added = np.asarray(sum(weight / scales[name] * made[name] for name, weight in weights.items()))
    assert ndcg == pytest.approx(float(objective.ndcg(Fixed(added)).mean()), abs=1e-6)
    assert all(weight > 0 for weight in weights.values())
    single = max(float(objective.ndcg(scorer).mean()) for scorer in scorers(made).values())
    assert ndcg >= single - 1e-6


def test_models_that_are_all_useless_still_have_weights() -> None:
    split = split_of([("a", "x", "purchase", 1), ("b", "y", "purchase", 1)], [("a", "y", "purchase", 1)])
    objective = some_objective(split)
    made = {"one": np.full((2, 2), np.nan), "other": np.zeros((2, 2))}
    weights, _ = best_weights(objective.component_scores(scorers(made)))
    assert weights


def test_the_objective_does_not_change_its_data(crowd: Split) -> None:
    def arrays(data: TrainingData) -> list[IntArray]:
        return [data.kind.copy(), data.events.user_idx.copy(), data.events.item_idx.copy()]

    before = [*arrays(crowd.train), *arrays(crowd.test)]
    objective = some_objective(crowd)
    objective.component_scores(scorers(tables(2)))
    for one, other in zip(before, [*arrays(crowd.train), *arrays(crowd.test)], strict=True):
        np.testing.assert_array_equal(one, other)
