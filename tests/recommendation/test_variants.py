"""Of variants of one thing a list shows one, the best that can be had, unless all are wanted."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_pipeline import N_ITEMS, PIPELINE, POPULAR, did

from src.core.domain import EventKind, ExclusionReason, ProductAttributes, Query, Rules
from src.core.progress import Silent
from src.core.settings import Settings
from src.evaluation.exact_lists import queries_of, top_lists
from src.interactions.item_groups import ItemGroups, regrouped
from src.models import POPULARITY
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.pipeline import Pipeline
from src.recommendation.prepared_lists import LENGTH, PreparedLists, prepare_lists
from src.releases.registry import Registry
from src.store import Store
from src.workflows.fit import stored_data

ALL = Rules(variants=True)
GROUPS = st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=N_ITEMS, max_size=N_ITEMS)
STOCKS = st.lists(st.sampled_from([None, 0, 3]), min_size=N_ITEMS, max_size=N_ITEMS)


def grouped(groups: dict[str, str | None], stocks: dict[str, int | None] | None = None) -> Pipeline:
    stocks = stocks or {}
    return PIPELINE.with_attributes(
        [ProductAttributes(f"p{at}", group=groups.get(f"p{at}"), stock=stocks.get(f"p{at}")) for at in range(N_ITEMS)]
    )


def ids(pipeline: Pipeline, rules: Rules = Rules(), n: int = N_ITEMS, **query: object) -> list[str]:  # noqa: B008
    return [each.product_id for each in pipeline.recommend(Query(None, n=n, rules=rules, **query))]  # type: ignore[arg-type]


@given(GROUPS, STOCKS, st.sampled_from([None, ENSEMBLE, POPULARITY]), st.booleans(), st.booleans())
def test_each_group_stands_once_at_the_place_of_its_best_and_in_stock_first(
    groups: list[str | None], stocks: list[int | None], model: str | None, with_filter: bool, knows_user: bool
) -> None:
    of = {f"p{at}": group or f"p{at} alone" for at, group in enumerate(groups)}
    stock = {f"p{at}": each for at, each in enumerate(stocks)}
    pipeline = grouped({f"p{at}": each for at, each in enumerate(groups)}, stock)
    history = did(EventKind.PURCHASE, "p3") if knows_user else ()
    one, each = Rules(), ALL
    if with_filter:  # a filter that all pass takes the other way through the code
        one, each = (replace(rules, not_brands=frozenset({"none"})) for rules in (one, each))
        one, each = (replace(rules, not_categories=frozenset({"none"})) for rules in (one, each))
    shown = ids(pipeline, one, history=history, model=model)
    every = ids(pipeline, each, history=history, model=model)
    assert [of[id_] for id_ in shown] == list(dict.fromkeys(of[id_] for id_ in every))
    for id_ in shown:
        can_be_had = [other for other in every if of[other] == of[id_] and stock[other] != 0]
        assert id_ in can_be_had if can_be_had else True


def test_a_shorter_list_is_the_beginning_of_a_longer_one() -> None:
    pipeline = grouped({id_: str(number // 3) for number, id_ in enumerate(POPULAR)})
    longest = ids(pipeline)
    assert all(ids(pipeline, n=n) == longest[:n] for n in range(1, 5))


def test_what_was_bought_leaves_its_group_in_unless_the_rule_takes_it_out() -> None:
    pipeline = grouped({"p1": "g", "p2": "g", "p3": "g"})
    history = did(EventKind.PURCHASE, "p1")
    stays, goes = (set(ids(pipeline, Rules(seen_group=out), history=history)) for out in (False, True))
    assert len(stays & {"p2", "p3"}) == 1
    assert "p1" not in stays
    assert not goes & {"p1", "p2", "p3"}
    assert {"p1", "p2", "p3"} & set(ids(pipeline, Rules(seen_group=True), history=did(EventKind.VIEW, "p1")))
    assert not {"p2", "p3"} & set(ids(pipeline, replace(ALL, seen_group=True), history=history))


def test_why_not_names_the_variant_that_is_shown_and_the_one_that_was_bought() -> None:
    pipeline = grouped({"p1": "g", "p2": "g"})
    shown = next(id_ for id_ in ids(pipeline) if id_ in ("p1", "p2"))
    other = {"p1": "p2", "p2": "p1"}[shown]
    assert pipeline.position(Query(None, n=N_ITEMS), other).reason is ExclusionReason.VARIANT
    assert pipeline.position(Query(None, n=N_ITEMS, rules=ALL), other).reason is None
    bought = Query(None, did(EventKind.PURCHASE, shown), rules=Rules(seen_group=True))
    assert pipeline.position(bought, other).reason is ExclusionReason.SEEN_GROUP
    assert pipeline.position(bought, shown).reason is ExclusionReason.SEEN


def test_a_size_that_is_never_shown_gives_its_place_to_the_thing() -> None:
    best, last = ids(PIPELINE)[0], ids(PIPELINE)[-1]
    pipeline = grouped({best: "thing", last: "thing"}).without([best])
    assert ids(pipeline)[0] == last
    filtered = Rules(not_categories=frozenset({"none"}))
    assert ids(pipeline, filtered)[0] == last
    assert ids(pipeline.without([best, last]))[0] not in (best, last)
    assert last not in ids(pipeline, history=did(EventKind.PURCHASE, best)), "the thing was bought with its size"
    assert best not in ids(pipeline, ALL)


def test_the_scores_of_an_explanation_add_up_where_a_variant_takes_a_place() -> None:
    history = did(EventKind.PURCHASE, "p3")
    best = ids(PIPELINE, history=history)[0]
    pipeline = grouped({best: "g", "p0": "g", "p7": "g"}, {best: 0, "p0": 1, "p7": 1})
    first = pipeline.recommend(Query(None, history, n=3, explain=True))[0]
    assert first.product_id in ("p0", "p7")
    assert first.explanation is not None
    assert sum(each.contribution for each in first.explanation.opinions) == pytest.approx(first.score, abs=1e-5)


def test_exact_lists_are_those_that_are_served() -> None:
    groups = {id_: str(number % 4) for number, id_ in enumerate(POPULAR[:9])}
    pipeline = grouped(groups)
    score = np.random.default_rng(3).random((5, N_ITEMS)).astype(np.float32)
    kept = score.copy()
    assert pipeline.groups is not None
    pipeline.groups.keep_best(kept)
    for row, before in zip(kept, score, strict=True):
        best: dict[str, float] = {}
        for at, value in enumerate(before.tolist()):
            key = groups.get(f"p{at}") or f"alone {at}"
            best[key] = max(best.get(key, -1.0), value)
        assert sorted(row[np.isfinite(row)].tolist()) == sorted(best.values())


def test_similar_products_are_one_of_each_group_and_none_of_their_own() -> None:
    def similar(pipeline: Pipeline, **more: bool) -> set[str]:
        found = pipeline.similar("p3", None, N_ITEMS, **more)
        return set(pipeline.items.ids_of(each.item_idx for each in found))

    every = sorted(similar(PIPELINE))
    assert len(every) > 3
    own, one, two = every[:3]
    pipeline = grouped({"p3": "own", own: "own", one: "g", two: "g"}, {one: 0, two: 2})
    assert similar(pipeline) == set(every) - {own, one}, "the one in stock stands for both"
    assert similar(pipeline, variants=True) == set(every)
    new = pipeline.similar("new", None, N_ITEMS, group="own")
    assert not {"p3", own} & set(pipeline.items.ids_of(each.item_idx for each in new))


def test_popularity_may_count_a_group_as_one(trained_settings: Settings, trained_store: Store) -> None:
    from src.models.popularity import PopularityParams, train

    data = stored_data(trained_store, Silent())
    own = train(data, PopularityParams(1, 5), seed=1)
    rare, second = int(own.order[-1]), int(own.order[-2])
    group = np.zeros(len(own.order), np.int32)
    group[[int(own.order[0]), rare]] = 1
    attributes = replace(PIPELINE._known_attributes.empty(len(group)), group=group, group_names={"": 0, "g": 1})
    data = replace(data, attributes=attributes)
    by_group = train(data, PopularityParams(1, 5, by_group=True), seed=1)
    assert by_group.order[:2].tolist() == [int(own.order[0]), rare], "sorted by their own events within a group"
    assert by_group.weight[rare] == by_group.weight[own.order[0]] > own.weight[second]
    assert train(data, PopularityParams(1, 5), seed=1).order.tolist() == own.order.tolist()


@pytest.fixture
def made(trained_settings: Settings) -> Pipeline:
    """The pipeline of a release without prepared lists, with groups of three and some of them sold out."""
    pipeline = replace(Registry(trained_settings.releases_dir).active().pipeline, prepared=None)
    return with_groups(pipeline, random.Random(1))


def with_groups(pipeline: Pipeline, draw: random.Random) -> Pipeline:
    names = pipeline.items.ids_of(range(len(pipeline.items)))
    return pipeline.with_attributes(
        ProductAttributes(id_, stock=draw.choice([0, 5]), group=f"g{at // 3}") for at, id_ in enumerate(names)
    )


def test_a_prepared_list_is_the_one_that_would_be_made(made: Pipeline, trained_store: Store, tmp_path: Path) -> None:
    lists = prepare_lists(made, stored_data(trained_store, Silent()), 600, Silent())
    assert lists is not None
    lists.save(tmp_path / "prepared")
    prepared = replace(made, prepared=PreparedLists.load(tmp_path / "prepared"))
    draw = random.Random(2)
    queries = [
        Query(user, tuple(trained_store.events.history(user)), n=n)
        for user in trained_store.events.user_ids("", 60)
        for n in (2, 10, LENGTH)
    ]
    found = sum(prepared.prepared_list(query) is not None for query in queries)
    assert found > len(queries) / 2
    changed_attributes = [
        ProductAttributes(id_, stock=draw.choice([0, 5]), group=draw.choice([None, "g0", "g7", "new"]))
        for id_ in draw.sample(made.items.ids_of(range(len(made.items))), 2)
    ]
    later, made_later = (each.with_attributes(changed_attributes) for each in (prepared, made))
    assert 0 < sum(later.prepared_list(query) is not None for query in queries) < found
    for query in queries:
        assert prepared.recommend(query) == made.recommend(query)
        assert later.recommend(query) == made_later.recommend(query)


def test_without_groups_at_one_time_all_grouped_products_count_as_changed() -> None:
    groups = ItemGroups.of(np.array([0, 1, 1, 2]), np.array([-1, 0, 3, 0]))
    assert groups is not None
    assert groups.sold_out.tolist() == [False, True, False, False], "alone in its group it is no variant"
    assert regrouped(groups, None) == regrouped(None, groups) == {1, 2}
    assert regrouped(None, None) == regrouped(groups, groups) == frozenset()
    assert ItemGroups.of(np.array([0, 1, 2]), np.array([0, 0, 0])) is None


def test_lists_are_measured_as_they_are_served(made: Pipeline, trained_store: Store) -> None:
    data = stored_data(trained_store, Silent())
    users = np.arange(20)
    order = made.models[POPULARITY].order
    lists = top_lists(made.models[POPULARITY], queries_of(data, users, data.events), 10, fill=order, groups=made.groups)
    assert made.groups is not None
    for row in lists:
        leaders = made.groups.leader[row[row >= 0]].tolist()
        assert len(leaders) == len(set(leaders)) > 5
