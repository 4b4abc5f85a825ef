"""Make a list again that was answered before, with the release that made it or another one, and compare."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from app.serving.pinned_products import pinned_place, with_pins
from app.serving.recommender import Recommender
from app.serving.serving_snapshot import ServingSnapshot
from src.core.domain import ComponentScore, ListPosition, Query, Recommendation
from src.core.errors import AisleError
from src.core.list_recipes import AskedList, digest_of
from src.evaluation.list_difference import Change, ProductChange, changes
from src.recommendation.team_draft import fitting, team_draft
from src.store import Store


class Obstacle(StrEnum):
    """Why a list cannot be made again exactly as it was."""

    HISTORY = "history"
    """An event of the history was deleted, returned, or replaced by a newer rating."""
    WITHDRAWN = "withdrawn"
    """Other products are withdrawn."""
    FACTS = "facts"
    """The list's rules ask for prices, stock or categories, and products have changed."""
    GROUPS = "groups"
    """Variants are grouped in another way."""
    RELEASE = "release"
    """The release that made it is not kept any more, or does not verify."""
    ARITHMETIC = "arithmetic"
    """All that is kept is equal: another processor or version of Aisle computes otherwise."""


@dataclass(frozen=True)
class ReplayedProduct:
    """A product of both lists.

    Attributes:
        change: What became of it.
        because: Where it stands with regard to the list that it is not on; None where it is on both, or where that
            release is not kept.
        query: Of the list that `because` is about.
        before: Scores that the components of the release that served gave; None where that is not known.
        after: The same of the other release.
    """

    change: ProductChange
    because: ListPosition | None
    query: Query
    before: tuple[ComponentScore, ...] | None
    after: tuple[ComponentScore, ...] | None


@dataclass(frozen=True)
class Replay:
    """A list that was made again.

    Attributes:
        asked: The list as it was answered.
        release: The release that has made it now.
        places: What it has made.
        repeated: Whether the release that served makes the same list again, scores included, to the last bit.
        obstacles: What speaks against that; empty if it does.
        products: What became of each product.
    """

    asked: AskedList
    release: str
    places: list[Recommendation]
    repeated: bool
    obstacles: list[Obstacle]
    products: list[ReplayedProduct]


def replay(recommender: Recommender, store: Store, asked: AskedList, version: str) -> Replay:
    """Make a list again.

    Args:
        recommender: Holds releases.
        store: The events and products.
        asked: The list as it was answered.
        version: The release that shall make it.

    Returns:
        The list, and how it differs from what was answered.

    Raises:
        AisleError: UnknownName or ReleaseError for a release that is not kept or does not verify, or StoreError.
    """
    stored = [] if asked.user_id is None else store.events.earliest(asked.user_id, asked.n_stored)
    query = asked.recipe.after(stored)
    other = recommender.snapshot_of(version)
    drafted = asked.recipe.drafted
    served = rival = None
    with suppress(AisleError):
        rival = None if drafted is None else recommender.snapshot_of(drafted.release)
        served = recommender.snapshot_of(asked.release)
    again = None if served is None else _again(served, rival, asked, query, store)
    repeated = again is not None and _bits(again) == _bits(asked.places)
    made = again if again is not None and version == asked.release else _make(other, asked, query, store)
    obstacles = [] if repeated else _obstacles(asked, query, served)
    products = _compare(asked, made, query, served, other)
    return Replay(asked, version, made, repeated, obstacles, products)


def _suited(query: Query, snapshot: ServingSnapshot) -> Query:
    """Return the query; with the usual model of a release that does not hold the wanted one."""
    return query if query.model in snapshot.pipeline.list_models else replace(query, model=None)


def _make(snapshot: ServingSnapshot, asked: AskedList, query: Query, store: Store) -> list[Recommendation]:
    query = _suited(query, snapshot)
    current, listed = snapshot.listed(query, store.products)
    return with_pins(listed, asked.recipe.pins, current.pipeline, query) if asked.recipe.pins else listed


def _again(
    snapshot: ServingSnapshot, rival: ServingSnapshot | None, asked: AskedList, query: Query, store: Store
) -> list[Recommendation]:
    """Return the list of the release that served, with the products that were drawn or drafted then at their places."""
    if rival is not None:
        return _drafted(snapshot, rival, asked, query, store)
    if asked.drawn is None:
        return _make(snapshot, asked, query, store)
    pool = {
        each.product_id: each
        for each in _make(snapshot, asked, replace(query, n=max(query.n, asked.drawn.among)), store)
    }
    return [pool[each.product_id] for each in asked.places if each.product_id in pool]


def _drafted(
    snapshot: ServingSnapshot, rival: ServingSnapshot, asked: AskedList, query: Query, store: Store
) -> list[Recommendation]:
    """Return the lists of both arms in one, with the coin of that time."""
    drafted, pins, n_own = asked.recipe.drafted, asked.recipe.pins, len(asked.recipe.query.history)
    assert drafted is not None
    other = drafted.recipe.after(query.history[: len(query.history) - n_own])
    lists = (_make(snapshot, asked, query, store), _make(rival, replace(asked, recipe=drafted.recipe), other, store))
    coin = random.Random(drafted.seed)  # nosec B311: no secret depends on it
    listed = [place for place, _ in team_draft(lists, query.n, fitting(snapshot.pipeline, query.rules), coin)]
    return with_pins(listed, pins, snapshot.pipeline, query) if pins else listed


def _bits(places: Iterable[Recommendation]) -> list[tuple[str, str, str, str | None]]:
    return [(place.product_id, float(place.score).hex(), place.source, place.filled_by) for place in places]


def _obstacles(asked: AskedList, query: Query, served: ServingSnapshot | None) -> list[Obstacle]:
    recipe, found = asked.recipe, []
    stored = query.history[: len(query.history) - len(recipe.query.history)]
    if len(stored) != asked.n_stored or digest_of(stored) != asked.history:
        found.append(Obstacle.HISTORY)
    if served is None:
        return [*found, Obstacle.RELEASE]
    withdrawn, facts, groups = served.marks
    if withdrawn != recipe.withdrawn:
        found.append(Obstacle.WITHDRAWN)
    if facts != recipe.facts and recipe.query.rules.asks_facts:
        found.append(Obstacle.FACTS)
    if groups != recipe.groups:
        found.append(Obstacle.GROUPS)
    return found or [Obstacle.ARITHMETIC]


def _compare(
    asked: AskedList,
    made: Sequence[Recommendation],
    query: Query,
    served: ServingSnapshot | None,
    other: ServingSnapshot,
) -> list[ReplayedProduct]:
    found = changes([place.product_id for place in asked.places], [place.product_id for place in made])
    ids = [each.product_id for each in found]
    before, after = (
        None if each is None else each.pipeline.opinions(_suited(query, each), ids) for each in (served, other)
    )
    products = []
    for each in found:
        missing = {Change.CAME: served, Change.WENT: other}.get(each.change)
        because = None if missing is None else _position(missing, asked, query, each.product_id)
        known = (None if side is None else side.get(each.product_id) for side in (before, after))
        products.append(ReplayedProduct(each, because, query, *known))
    return products


def _position(snapshot: ServingSnapshot, asked: AskedList, query: Query, product_id: str) -> ListPosition:
    query = _suited(query, snapshot)
    place = pinned_place(product_id, asked.recipe.pins, snapshot.pipeline, query)
    return snapshot.pipeline.position(query, product_id) if place is None else ListPosition(place, None)
