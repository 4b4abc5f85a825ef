"""Recommendations as plain JSON and back: what the cache keeps."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

from src.domain import Explanation, Opinion, Reason, Recommendation


def to_plain(item: Recommendation) -> list[Any]:
    """Its fields, in their order."""
    told = None if item.explanation is None else list(astuple(item.explanation))
    return [item.product_id, item.score, item.source, item.filled_by, told]


def from_plain(kept: list[Any]) -> Recommendation:
    """What `to_plain` gave, even after it was JSON."""
    product_id, score, source, filled_by, told = kept
    if told is None:
        return Recommendation(product_id, score, source, filled_by)
    opinions, because = told
    explanation = Explanation(tuple(Opinion(*each) for each in opinions), tuple(Reason(*each) for each in because))
    return Recommendation(product_id, score, source, filled_by, explanation)
