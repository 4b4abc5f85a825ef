"""Put the products that rules pin at their places of a list."""

from __future__ import annotations

from collections.abc import Sequence

from src.core.domain import Query, Recommendation
from src.recommendation.pipeline import Pipeline

PIN = "pin"
"""Source of a pinned product."""
Pins = Sequence[tuple[int, str]]


def with_pins(listed: Sequence[Recommendation], pins: Pins, pipeline: Pipeline, query: Query) -> list[Recommendation]:
    """Put pinned products into a list.

    A product is left out where the filters of the list, the history or a withdrawal would leave it out. It takes the
    place of another variant of it on the list.

    Args:
        listed: the list, best first.
        pins: (place from 1, id), by place.
        pipeline: made the list.
        query: of the list, with its rules.

    Returns:
        A list of the same length, or a longer one if it was shorter than query.n.
    """
    wanted = [(place, id_) for place, id_ in pins if place <= query.n and _may_stand(id_, pipeline, query)]
    ids = {id_ for _, id_ in wanted}
    before = {place.product_id: place for place in listed}
    left_out = ids if query.rules.variants else pipeline.variants_of(ids)
    pinned = [place for place in listed if place.product_id not in left_out]
    for place, id_ in wanted:
        known = before.get(id_)
        pinned.insert(place - 1, known or Recommendation(id_, _score_at(pinned, place), PIN))
    return pinned[: query.n]


def pinned_place(product_id: str, pins: Pins, pipeline: Pipeline, query: Query) -> int | None:
    """Return the place at which a product is pinned.

    Args:
        product_id: the product.
        pins: (place from 1, id), by place.
        pipeline: makes the list.
        query: of the list, with its rules.

    Returns:
        The place; None if the product is not pinned on this list.
    """
    place = next((place for place, id_ in pins if id_ == product_id), None)
    return place if place is not None and place <= query.n and _may_stand(product_id, pipeline, query) else None


def _may_stand(id_: str, pipeline: Pipeline, query: Query) -> bool:
    item = pipeline.items.idx_of(id_)
    if item is None or item in pipeline.withdrawn or id_ in query.exclude or id_ in query.seen:
        return False
    if query.rules.seen_group and id_ in pipeline.variants_of(query.seen):
        return False
    return pipeline.attributes is None or pipeline.attributes.refusal(query.rules, item) is None


def _score_at(listed: Sequence[Recommendation], place: int) -> float:
    """Return a score that keeps scores falling: that of the product which the pinned one moves down."""
    if not listed:
        return 0.0
    return listed[min(place - 1, len(listed) - 1)].score
