"""Queries and recommendations as plain JSON: what the cache keeps a list by, and the list."""

from __future__ import annotations

from dataclasses import asdict, astuple
from typing import Any

from src.core.domain import ComponentScore, Explanation, Query, Reason, Recommendation, Rules


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
    explanation = Explanation(
        tuple(ComponentScore(*each) for each in opinions), tuple(Reason(*each) for each in because)
    )
    return Recommendation(product_id, score, source, filled_by, explanation)


def cache_key(query: Query) -> dict[str, Any]:
    """Everything of the query that shapes the list: above all the history, to the last event."""
    rules = query.rules or Rules()
    return {
        "user": query.user_id,
        "history": [[event.product_id, event.kind, event.value, event.at] for event in query.history],
        "n": query.n,
        "exclude": sorted(query.exclude),
        "exclude_seen": query.exclude_seen,
        "model": query.model,
        "explain": query.explain,
        "rules": {
            name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(rules).items()
        },
    }
