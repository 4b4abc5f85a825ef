"""Turn queries into cache keys, and lists into JSON and back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, astuple
from functools import lru_cache
from typing import Any

from src.core.domain import ComponentScore, Explanation, Query, Reason, Recommendation, Rules


def list_to_json(listed: Iterable[Recommendation]) -> list[Any]:
    """Return the fields of every place, in their order."""
    return [
        place if place.explanation is None else place._replace(explanation=astuple(place.explanation))  # type: ignore[arg-type]
        for place in listed
    ]


def list_from_json(document: Iterable[list[Any]]) -> list[Recommendation]:
    """Return what `list_to_json` was given."""
    return [_place_from_json(*fields) for fields in document]


def _place_from_json(
    product_id: str, score: float, source: str, filled_by: str | None, parts: list[Any] | None, base_score: float
) -> Recommendation:
    if parts is None:
        return Recommendation(product_id, score, source, filled_by, None, base_score)
    components, reasons = parts
    explanation = Explanation(
        tuple(ComponentScore(*fields) for fields in components), tuple(Reason(*fields) for fields in reasons)
    )
    return Recommendation(product_id, score, source, filled_by, explanation, base_score)


def cache_key(query: Query) -> dict[str, Any]:
    """Return everything of a query that shapes its list, including every event of the history."""
    return {
        "user": query.user_id,
        "history": [[event.product_id, event.kind, event.value, event.at] for event in query.history],
        "n": query.n,
        "exclude": sorted(query.exclude),
        "model": query.model,
        "explain": query.explain,
        "rules": _rules_key(query.rules),
    }


@lru_cache(maxsize=256)  # most lists have the rules of the shop and no others
def _rules_key(rules: Rules) -> str:
    """Return the fields of rules as JSON."""
    fields = asdict(rules).items()
    return json.dumps({name: sorted(value) if isinstance(value, frozenset) else value for name, value in fields})
