"""One list being made: products named by models, what the rules leave of them, and what fills the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from src.core.domain import BoolArray, ExclusionReason, FloatArray, IntArray, ListPosition, Rules
from src.interactions.item_attributes import ItemAttributes
from src.models import POPULARITY
from src.models.base import ListModel, QueryRows
from src.models.top_n import Candidates, top_n
from src.recommendation.diversity import DiversityCaps, boosted

CATALOGUE, RELAXED = "catalogue", "relaxed"
"""What may have filled a place, beside popularity: a product that nobody did anything with, and one for which the
rules had no room in its category or brand, when no other product was left."""
_SCORED = 10_000
"""Where rules leave no more products than this, every one is scored; else so many of the most popular, at most, are
scored beside what a model names by itself."""
_NAMED, _GROWTH, _WIDEST = 1_000, 4, 16_000
"""So many products a model names at first where it will be asked to leave out many; then more, up to the last."""
_DEPTH = 5_000
"""Down to this place ranks are told."""


@dataclass(frozen=True)
class Place:
    """A place of a list. unboosted: the score as it would be without boosts."""

    item: int
    score: float
    source: str
    filled_by: str | None
    unboosted: float


@dataclass(frozen=True)
class ListRequest:
    """What a list is made of: a query in row numbers, and the models it is made with.

    wanted: the model whose list it is. withdrawn, barred: items that must not be listed; nobody, or this query, wants
    them.
    factor: float32[n_items], what boosts make of scores; None without boosts. watched: an item whose fate is of
    interest.
    """

    models: Mapping[str, ListModel]
    wanted: str
    rows: QueryRows
    withdrawn: frozenset[int]
    barred: frozenset[int]
    shelf: ItemAttributes
    rules: Rules
    factor: FloatArray | None = None
    watched: int | None = None


class ListBuilder:
    """Makes one list; used once."""

    def __init__(self, asked: ListRequest) -> None:
        self._asked = asked
        self._plain = not asked.rules.asks_facts
        self._taken: set[int] = set()
        self._places: list[Place] = []
        self.watched_refusal: ExclusionReason | None = None

    @cached_property
    def _open(self) -> BoolArray:
        """bool[n_items]: what may be listed, and is not yet."""
        left = self._asked.shelf.fitting(self._asked.rules)
        left = np.ones(len(self._asked.shelf.price), np.bool_) if left is None else left
        for items in (self._asked.withdrawn, self._asked.barred, self._taken):
            left[list(items)] = False
        return left

    def places(self, n: int) -> list[Place]:
        """At most n, best first; fewer only where no product is left that the filters let pass."""
        chooser = DiversityCaps(self._asked.shelf, self._asked.rules)
        self._fill(n, chooser)
        if len(self._places) < n and chooser.is_strict:
            self._fill(n, DiversityCaps(self._asked.shelf, Rules()), RELAXED)
        return self._places

    def ranking(self, n: int) -> IntArray:
        """Return the item_idx of at least n eligible items in the wanted model's order, if it names as many."""
        return self._named(self._asked.wanted, n).item_idx

    def _fill(self, n: int, chooser: DiversityCaps, filled_by: str | None = None) -> None:
        wanted = self._asked.wanted
        for source in dict.fromkeys((wanted, POPULARITY)):
            if len(self._places) < n:
                self._add(source, self._named(source, n - len(self._places)), n, chooser, filled_by)
        if len(self._places) < n and not self._plain:
            self._add(POPULARITY, self._by_popularity(), n, chooser, filled_by)

    def _add(self, source: str, named: Candidates, n: int, chooser: DiversityCaps, filled_by: str | None) -> None:
        at = chooser.take(named.item_idx, n - len(self._places))
        items, unboosted = named.item_idx[at], named.score[at]
        score = self._boosted(items, unboosted)
        for item, its, plain in zip(items.tolist(), score.tolist(), unboosted.tolist(), strict=True):
            filled = filled_by or (None if source == self._asked.wanted else POPULARITY if plain > 0 else CATALOGUE)
            self._places.append(Place(item, its, source, filled, plain))
        self._taken.update(items.tolist())
        if not self._plain:
            self._open[items] = False
        self._watch(named.item_idx, at, is_full=len(self._places) == n, chooser=chooser)

    def _watch(self, offered: IntArray, at: IntArray, *, is_full: bool, chooser: DiversityCaps) -> None:
        """Note that the watched item's turn came and there was no room for it."""
        end = (int(at[-1]) if len(at) else -1) if is_full else len(offered)
        if self._asked.watched is not None and self._asked.watched in offered[: max(end, 0)]:
            self.watched_refusal = chooser.refusal(self._asked.watched)

    # what models name

    def _named(self, source: str, n: int) -> Candidates:
        """At least n products that may be listed, by a model's score with boosts, best first, if it names as many;
        with the scores that they have without boosts.
        """
        model = self._asked.models[source]
        if self._plain:
            barred, withdrawn = self._asked.barred | self._taken, self._asked.withdrawn
            found = model.retrieve(self._asked.rows, n + len(barred) + len(withdrawn))
            offered = enumerate(found.item_idx.tolist())
            allowed = (at for at, item in offered if item not in barred and item not in withdrawn)
            keep = list(islice(allowed, n))
            return Candidates(found.item_idx[keep], found.score[keep])
        items = self._considered(model, n)
        score = model.display_scores(self._asked.rows, items)
        order = top_n(self._boosted(items, score), len(items)).item_idx
        return Candidates(items[order], score[order])

    def _considered(self, model: ListModel, n: int) -> IntArray:
        """int64, ascending: the products that may be listed and are worth scoring; all where the rules leave few."""
        left = np.flatnonzero(self._open)
        if len(left) <= _SCORED:
            return left
        enough = max(n, _NAMED // _GROWTH)
        parts = [item[self._open[item]] for item in self._boosts_up()]
        for k in self._portions(n):
            found = model.retrieve(self._asked.rows, k).item_idx
            among = found[self._open[found]]
            if len(among) >= enough or len(found) < k:
                break
        if len(among) < enough:
            parts.append(self._by_popularity().item_idx[:_SCORED])
        return np.unique(np.concatenate([among, *parts]))

    @staticmethod
    def _portions(n: int) -> Iterator[int]:
        k = max(_NAMED, _GROWTH * n)
        yield k
        while (k := k * _GROWTH) <= _WIDEST:
            yield k

    def _boosts_up(self) -> list[IntArray]:
        """The most popular products that boosts lift: they may come from far below."""
        if self._asked.factor is None:
            return []
        lifted: IntArray = np.flatnonzero(self._open & (self._asked.factor > 1))
        if len(lifted) > _SCORED:
            popular = self._by_popularity().item_idx
            lifted = popular[self._asked.factor[popular] > 1][:_SCORED]
        return [lifted]

    def _by_popularity(self) -> Candidates:
        """Every product that may be listed, the popular ones first."""
        found = self._asked.models[POPULARITY].retrieve(self._asked.rows, len(self._open))
        left = self._open[found.item_idx]
        return Candidates(found.item_idx[left], found.score[left])

    def _boosted(self, items: IntArray, score: FloatArray) -> FloatArray:
        factor = self._asked.factor
        return score if factor is None else boosted(score, factor[items])


def find_position(asked: ListRequest, n: int) -> ListPosition:
    """Find where the watched item stands with regard to a list.

    Args:
        asked: the query of the list; no filter leaves its watched item out.
        n: length of the list.

    Returns:
        Its place on the list, or why it is not listed.
    """
    builder = ListBuilder(asked)
    listed = [place.item for place in builder.places(n)]
    if asked.watched in listed:
        return ListPosition(listed.index(asked.watched) + 1, None)
    order = ListBuilder(asked).ranking(max(_DEPTH, n))
    at = np.flatnonzero(order == asked.watched)
    rank = int(at[0]) + 1 if len(at) else None
    if builder.watched_refusal is not None:
        return ListPosition(rank, builder.watched_refusal)
    if rank is None or rank <= n:  # a longer list looks at more candidates than the list of n did
        return ListPosition(None, ExclusionReason.NOT_RETRIEVED)
    return ListPosition(rank, ExclusionReason.RANK)
