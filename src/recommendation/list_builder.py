"""Build one list: candidates of the wanted model within the caps, then what fills the remaining places."""

from __future__ import annotations

import numpy as np

from src.core.domain import ExclusionReason, ListPosition, Recommendation, Rules
from src.core.tracing import span
from src.models import POPULARITY
from src.recommendation.diversity import DiversityCaps
from src.recommendation.list_candidates import CandidatePool, ListRequest

CATALOGUE, RELAXED = "catalogue", "relaxed"
"""Sources that fill places beside popularity: items without events; items beyond the caps if no others are left."""
_DEPTH = 5_000
"""Highest rank that a position reports; lower places on a list are reported without a rank."""


class ListBuilder:
    """Builds one list; used once.

    Attributes:
        watched_refusal: the cap that refused the watched item when its turn came; None if none did.
    """

    def __init__(self, request: ListRequest) -> None:
        self._request, self._pool = request, CandidatePool(request)
        self._taken: set[int] = set()
        self._listed: list[Recommendation] = []
        self.watched_refusal: ExclusionReason | None = None

    def build(self, n: int) -> list[Recommendation]:
        """Return at most n places, best first; fewer only if the filters leave no other item."""
        rules = self._request.rules
        self._fill(n, rules, None)
        if len(self._listed) < n and rules.has_caps:
            self._fill(n, Rules(), RELAXED)
        return self._listed

    def _fill(self, n: int, caps: Rules, filled_by: str | None) -> None:
        """Add items of the wanted model, then of popularity, until there are n; `caps`: rules with the caps to keep."""
        request = self._request
        diversity = DiversityCaps(request.attributes, caps, request.watched) if caps.has_caps else None
        rounds = [(source, False) for source in dict.fromkeys((request.wanted, POPULARITY))]
        for source, is_exhaustive in [*rounds, (POPULARITY, True)] if request.rules.asks_facts else rounds:
            missing = n - len(self._listed)
            if missing > 0:
                with span("candidates"):
                    named = self._pool.named(source, missing, self._taken, is_exhaustive=is_exhaustive)
                with span("ranking"):
                    at = slice(missing) if diversity is None else diversity.take(named.item_idx, missing)
                    items = [self._pool.shown(item, source) for item in named.item_idx[at].tolist()]
                scores = zip(named.score[at].tolist(), named.base_score[at].tolist(), strict=True)
                for id_, (score, base) in zip(request.items.names_of(items), scores, strict=True):
                    filler = None if source == request.wanted else POPULARITY if base > 0 else CATALOGUE
                    self._listed.append(Recommendation(id_, score, source, filled_by or filler, None, base))
                self._taken.update(items if request.groups is None else request.groups.with_members(items))
        if diversity is not None:
            self.watched_refusal = self.watched_refusal or diversity.watched_refusal


def find_position(request: ListRequest, n: int) -> ListPosition:
    """Find where the watched item stands on a list of length n, or why it is not listed.

    Args:
        request: the query of the list; no filter leaves its watched item out.
    """
    assert request.watched is not None
    builder, watched = ListBuilder(request), request.items.id_of(request.watched)
    listed = [place.product_id for place in builder.build(n)]
    if watched in listed:
        return ListPosition(listed.index(watched) + 1, None)
    order, groups = CandidatePool(request).named(request.wanted, max(_DEPTH, n), frozenset()).item_idx, request.groups
    if groups is None:
        at = np.flatnonzero(order == request.watched)
    elif set(groups.members(request.watched)) & set(request.items.rows_of(listed).tolist()):
        return ListPosition(None, ExclusionReason.VARIANT)
    else:
        at = np.flatnonzero(groups.leader[order] == groups.leader[request.watched])
    rank = int(at[0]) + 1 if len(at) else None
    if builder.watched_refusal is not None:
        return ListPosition(rank, builder.watched_refusal)
    if rank is None or rank <= n:  # a longer list looks at more candidates than the list of n did
        return ListPosition(None, ExclusionReason.NOT_RETRIEVED)
    return ListPosition(rank, ExclusionReason.RANK)
