"""Lists under rules contain only products that pass; caps are relaxed last; why-not agrees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_pipeline import N_ITEMS, PIPELINE, POPULAR, did

from src.core.domain import Boost, EventKind, ExclusionReason, ProductAttributes, Query, Recommendation, Rules
from src.core.errors import UnknownName
from src.models import POPULARITY, SPECTRAL, SVD
from src.recommendation import list_candidates
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.list_builder import CATALOGUE, RELAXED
from src.recommendation.list_candidates import boosted
from src.recommendation.pipeline import Pipeline

FACTS = [
    ProductAttributes(
        f"p{item}", f"Home > {'Even' if item % 2 == 0 else 'Odd'}", f"Brand {item % 3}", 10.0 * item, item % 4
    )
    for item in range(N_ITEMS)
]
"""Product p3 costs 30, is odd, of Brand 0, and there are 3 of it; p0, p4 and p8 are sold out."""
STOCKED = PIPELINE.with_attributes(FACTS)
NO_RULES = Rules()
OF = {facts.product_id: facts for facts in FACTS}


def found(rules: Rules, n: int = 4, pipeline: Pipeline = STOCKED, **query: Any) -> list[Recommendation]:
    return pipeline.recommend(Query(query.pop("user_id", None), n=n, rules=rules, **query))


def ids(rules: Rules, n: int = 4, pipeline: Pipeline = STOCKED, **query: Any) -> list[str]:
    return [item.product_id for item in found(rules, n, pipeline, **query)]


@pytest.fixture(params=["every product is scored", "models name them in portions"])
def ways(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test with both retrieval methods for filtered products; the second is for large catalogues."""
    with sized(large="portions" in request.param):
        yield


@contextmanager
def sized(*, large: bool) -> Iterator[None]:
    """Treat twelve products as a catalogue that is too large to be scored for one list."""
    with patch.multiple(list_candidates, _SCORED=2 if large else 99, _NAMED=2, _GROWTH=2, _WIDEST=4):
        yield


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(categories=frozenset({"odd"})), ["p1", "p3", "p5", "p7", "p9", "p11"]),
        (Rules(categories=frozenset({"ODD", "no such"})), ["p1", "p3", "p5", "p7", "p9", "p11"]),
        (Rules(categories=frozenset({"home"})), POPULAR),
        (Rules(not_categories=frozenset({"Odd"})), ["p0", "p2", "p4", "p6", "p8", "p10"]),
        (Rules(categories=frozenset({"no such"})), []),
        (Rules(min_price=90), ["p9", "p10", "p11"]),
        (Rules(min_price=10, max_price=30), ["p1", "p2", "p3"]),
        (Rules(in_stock=True), [p for p in POPULAR if p not in ("p0", "p4", "p8")]),
        (Rules(categories=frozenset({"Even"}), in_stock=True, max_price=60), ["p2", "p6"]),
    ],
    ids=range(9),
)
@pytest.mark.parametrize("n", [1, 3, N_ITEMS])
def test_a_filter_leaves_what_fits_it_in_the_order_it_had(rules: Rules, expected: list[str], n: int) -> None:
    assert ids(rules, n) == expected[:n]


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("model", [SPECTRAL, SVD])
def test_a_filter_keeps_the_order_of_the_wanted_model(model: str) -> None:
    whole = [item.product_id for item in found(Rules(), N_ITEMS, user_id="u1", model=model) if item.source == model]
    rules = Rules(categories=frozenset({"Odd"}))
    odd = [item.product_id for item in found(rules, N_ITEMS, user_id="u1", model=model) if item.source == model]
    assert odd == [id_ for id_ in whole if id_ in odd]
    assert set(odd) == {id_ for id_ in whole if OF[id_].category == "Home > Odd"}


def test_of_what_is_not_known_no_price_fits_and_nothing_is_sold_out() -> None:
    bare = PIPELINE.with_attributes([ProductAttributes("p0"), ProductAttributes("p1", price=5.0)])
    assert ids(Rules(max_price=9), pipeline=bare) == ["p1"]
    assert ids(Rules(in_stock=True), 2, bare) == ["p0", "p1"]
    assert ids(Rules(categories=frozenset({""})), pipeline=bare) == []
    assert ids(Rules(max_per_category=1, max_per_brand=1), 3, bare) == ["p0", "p1", "p2"]
    assert ids(Rules(max_price=9), pipeline=PIPELINE) == []


@pytest.mark.usefixtures("ways")
def test_a_list_has_at_most_max_per_products_of_a_category_or_brand() -> None:
    assert ids(Rules(max_per_category=1), 2) == ["p0", "p1"]
    assert ids(Rules(max_per_brand=1), 3) == ["p0", "p1", "p2"]
    # p2 would be a second even one, p3 a second one of Brand 0, p4 even again, p5 of Brand 2 is the first to fit
    assert ids(Rules(max_per_brand=2, max_per_category=2), 4) == ["p0", "p1", "p2", "p3"]


@pytest.mark.usefixtures("ways")
def test_caps_give_way_when_no_other_product_is_left_and_the_list_says_so() -> None:
    listed = found(Rules(max_per_category=1), 5)
    assert [item.product_id for item in listed] == ["p0", "p1", "p2", "p3", "p4"]
    assert [item.filled_by for item in listed] == [None, None, RELAXED, RELAXED, RELAXED]


@pytest.mark.usefixtures("ways")
def test_caps_prefer_less_popular_products_that_have_room() -> None:
    facts = [ProductAttributes(id_, "Same") for id_ in POPULAR[:9]]
    listed = found(Rules(max_per_category=1), 4, PIPELINE.with_attributes(facts))
    assert [item.product_id for item in listed] == ["p0", "p9", "p10", "p11"]


def test_every_place_says_what_filled_it() -> None:
    listed = found(Rules(), N_ITEMS, user_id="u1", model=SVD)
    assert [item.filled_by for item in listed] == [None] * 10 + [POPULARITY] * 2
    assert {item.filled_by for item in found(Rules(), N_ITEMS)} == {None}


def test_a_product_without_events_is_filled_in_from_the_catalogue() -> None:
    weight = STOCKED.models[POPULARITY].weight.copy()
    weight[STOCKED.items.idx_of("p11")] = 0
    models = {**STOCKED.models, POPULARITY: replace(STOCKED.models[POPULARITY], weight=weight)}
    listed = found(Rules(), N_ITEMS, replace(STOCKED, models=models), user_id="u1", model=SVD)
    assert [item.filled_by for item in listed[-2:]] == [POPULARITY, CATALOGUE]


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(
    ("boost", "first"),
    [
        (Boost("category", "odd", 3.0), ["p1", "p3", "p5", "p7", "p9", "p0"]),
        (Boost("brand", " brand  2", 5.0), ["p2", "p5", "p8", "p0", "p1", "p3"]),
        (Boost("product_id", "p7", 9.0), ["p7", "p0", "p1", "p2", "p3", "p4"]),
        (Boost("product_id", "unheard of", 9.0), POPULAR[:6]),
        (Boost("brand", "", 9.0), POPULAR[:6]),
    ],
    ids=range(5),
)
def test_a_boost_multiplies_the_scores_of_what_it_names(boost: Boost, first: list[str]) -> None:
    listed = found(Rules(boosts=(boost,)), 6)
    assert [item.product_id for item in listed] == first
    plain = {item.product_id: item.score for item in found(Rules(), N_ITEMS)}
    named = boost.factor if first != POPULAR[:6] else 1.0
    assert listed[0].score == pytest.approx(named * plain[first[0]])


def test_a_factor_below_one_lowers_and_several_are_multiplied() -> None:
    assert ids(Rules(boosts=(Boost("product_id", "p0", 0.1),)), 2) == ["p1", "p2"]
    both = (Boost("product_id", "p0", 0.5), Boost("category", "Even", 2.0))
    assert found(Rules(boosts=both), N_ITEMS)[-1].score > 0
    scores = {item.product_id: item.score for item in found(Rules(boosts=both), N_ITEMS)}
    plain = {item.product_id: item.score for item in found(Rules(), N_ITEMS)}
    assert scores["p0"] == pytest.approx(plain["p0"])
    assert scores["p2"] == pytest.approx(2 * plain["p2"])


SCORES = st.floats(-1e6, 1e6, width=32)
FACTORS = st.floats(0.001953125, 512, width=32)


@given(score=SCORES, factors=st.tuples(FACTORS, FACTORS))
def test_a_larger_factor_never_lowers_a_score_of_any_sign(score: float, factors: tuple[float, float]) -> None:
    low, high = sorted(factors)
    given_ = np.array([score, score], np.float32)
    lower, higher = boosted(given_, np.array([low, high], np.float32)).tolist()
    assert lower <= higher
    assert boosted(given_[:1], np.ones(1, np.float32))[0] == np.float32(score)


@given(scores=st.lists(SCORES, min_size=2, max_size=2), factor=FACTORS)
def test_one_boost_for_all_leaves_the_order_as_it_is(scores: list[float], factor: float) -> None:
    low, high = sorted(scores)
    lower, higher = boosted(np.array([low, high], np.float32), np.full(2, factor, np.float32)).tolist()
    assert low < 0 <= high or lower <= higher
    assert lower <= higher


NAMES = st.frozensets(st.sampled_from(["Home", "Even", "odd", "no such"]), max_size=2)
PRICES = st.none() | st.sampled_from([0.0, 20.0, 55.0, 90.0])
AT_MOST = st.none() | st.integers(1, 3)
BOOSTS = st.lists(
    st.builds(
        Boost,
        st.sampled_from(["category", "brand", "product_id"]),
        st.sampled_from(["Even", "Odd", "Brand 1", "p6", "p11"]),
        st.sampled_from([0.25, 2.0, 8.0]),
    ),
    max_size=2,
)
RULES = st.builds(
    Rules,
    seen=st.frozensets(st.sampled_from([EventKind.PURCHASE, EventKind.VIEW])),
    categories=NAMES,
    not_categories=NAMES,
    min_price=PRICES,
    max_price=PRICES,
    in_stock=st.booleans(),
    max_per_category=AT_MOST,
    max_per_brand=AT_MOST,
    boosts=BOOSTS.map(tuple),
)
QUERIES = st.builds(
    Query,
    st.sampled_from([None, "u1", "nobody"]),
    st.lists(
        st.tuples(st.sampled_from(POPULAR), st.sampled_from([EventKind.PURCHASE, EventKind.VIEW])), max_size=5
    ).map(lambda pairs: tuple(event for product, kind in pairs for event in did(kind, product))),
    n=st.integers(0, N_ITEMS + 2),
    exclude=st.frozensets(st.sampled_from(POPULAR), max_size=3),
    model=st.sampled_from([None, POPULARITY, SPECTRAL, SVD, ENSEMBLE]),
    rules=RULES,
)
WITHDRAWN = st.frozensets(st.sampled_from(POPULAR), max_size=2)


def fits(product_id: str, rules: Rules) -> bool:
    """Apply the filter by hand, as documented in Rules."""
    facts = OF[product_id]
    names = {"home", "even" if "Even" in str(facts.category) else "odd"}
    wanted, unwanted = ({name.lower() for name in each} for each in (rules.categories, rules.not_categories))
    assert facts.price is not None
    return (
        (not wanted or bool(names & wanted))
        and not names & unwanted
        and (rules.min_price is None or facts.price >= rules.min_price)
        and (rules.max_price is None or facts.price <= rules.max_price)
        and not (rules.in_stock and facts.stock == 0)
    )


def eligible(query: Query, withdrawn: frozenset[str]) -> set[str]:
    assert query.rules is not None
    seen = {event.product_id for event in query.history if event.kind in query.rules.seen}
    return {id_ for id_ in POPULAR if fits(id_, query.rules)} - seen - query.exclude - withdrawn


@given(query=QUERIES, withdrawn=WITHDRAWN, large=st.booleans())
def test_a_list_is_filled_to_n_while_products_are_left_that_the_filters_let_pass(
    query: Query, withdrawn: frozenset[str], large: bool
) -> None:
    with sized(large=large):
        listed = STOCKED.without(withdrawn).recommend(query)
    names = [item.product_id for item in listed]
    allowed = eligible(query, withdrawn)
    assert len(names) == len(set(names)) == min(query.n, len(allowed))
    assert set(names) <= allowed


@given(query=QUERIES, large=st.booleans())
def test_caps_hold_for_every_place_that_is_not_relaxed_and_relax_only_when_nothing_else_has_room(
    query: Query, large: bool
) -> None:
    rules = query.rules
    with sized(large=large):
        listed = STOCKED.recommend(query)
    kept = [OF[item.product_id] for item in listed if item.filled_by != RELAXED]
    of_category, of_brand = Counter(facts.category for facts in kept), Counter(facts.brand for facts in kept)
    most_category, most_brand = rules.max_per_category or N_ITEMS, rules.max_per_brand or N_ITEMS
    assert max(of_category.values(), default=0) <= most_category
    assert max(of_brand.values(), default=0) <= most_brand
    if len(kept) < len(listed):
        others = eligible(query, frozenset()) - {facts.product_id for facts in kept}
        for facts in (OF[id_] for id_ in others):
            assert of_category[facts.category] == most_category or of_brand[facts.brand] == most_brand


LIFTED: dict[ExclusionReason, dict[str, Any]] = {
    ExclusionReason.SEEN: {"seen": frozenset()},
    ExclusionReason.CATEGORY: {"categories": frozenset(), "not_categories": frozenset()},
    ExclusionReason.PRICE: {"min_price": None, "max_price": None},
    ExclusionReason.STOCK: {"in_stock": False},
    ExclusionReason.MAX_PER_CATEGORY: {"max_per_category": None},
    ExclusionReason.MAX_PER_BRAND: {"max_per_brand": None},
}


@given(query=QUERIES, withdrawn=WITHDRAWN, large=st.booleans(), product=st.sampled_from([*POPULAR, "unheard of"]))
def test_why_not_says_listed_of_just_what_is_listed_and_a_lifted_rule_is_no_reason_any_more(
    query: Query, withdrawn: frozenset[str], large: bool, product: str
) -> None:
    with sized(large=large):
        pipeline = STOCKED.without(withdrawn)
        names = [item.product_id for item in pipeline.recommend(query)]
        standing = pipeline.position(query, product)
        assert (standing.reason is None) == (product in names)
        if standing.reason is None:
            assert standing.rank == names.index(product) + 1
        elif standing.reason is ExclusionReason.EXCLUDED:
            lifted = replace(query, exclude=query.exclude - {product})
            assert pipeline.position(lifted, product).reason is not ExclusionReason.EXCLUDED
        elif standing.reason in LIFTED:
            assert query.rules is not None
            lifted = replace(query, rules=replace(query.rules, **LIFTED[standing.reason]))
            assert pipeline.position(lifted, product).reason is not standing.reason
        elif standing.reason is ExclusionReason.RANK:
            assert standing.rank is not None
            assert standing.rank > query.n == len(names)


def test_why_not_tells_the_reason() -> None:
    pipeline = STOCKED.without({"p2"})
    query = Query(None, did(EventKind.PURCHASE, "p1"), n=2, exclude=frozenset({"p0"}))

    def reason(product: str, rules: Rules = NO_RULES, n: int = 2) -> tuple[int | None, str | None]:
        standing = pipeline.position(replace(query, rules=rules, n=n), product)
        return standing.rank, standing.reason

    assert reason("p3") == (1, None)
    assert reason("p7") == (5, "rank")
    assert reason("p0") == (None, "excluded")
    assert reason("p1") == (None, "seen")
    assert reason("p2") == (None, "withdrawn")
    assert reason("unheard of") == (None, "unknown_product")
    assert reason("p3", Rules(categories=frozenset({"Even"}))) == (None, "category")
    assert reason("p3", Rules(max_price=29.99)) == (None, "price")
    assert reason("p4", Rules(in_stock=True)) == (None, "stock")
    assert reason("p5", Rules(max_per_category=1, in_stock=True)) == (2, "max_per_category")
    assert reason("p6", Rules(max_per_brand=1, in_stock=True), 3) == (3, "max_per_brand")
    assert reason("p9", Rules(max_per_category=1)) == (7, "rank")  # its turn never came


def test_a_product_that_the_wanted_model_has_nothing_to_say_of_is_not_retrieved() -> None:
    standing = STOCKED.position(Query("u1", n=3, model=SVD), "p11")
    assert (standing.rank, standing.reason) == (None, ExclusionReason.NOT_RETRIEVED)


def test_why_not_refuses_a_model_that_the_release_does_not_hold() -> None:
    with pytest.raises(UnknownName):
        STOCKED.position(Query("u1", model="magic"), "unheard of")
