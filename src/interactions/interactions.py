"""Ids ↔ row numbers, and events as arrays: what models learn from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import NO_TIME, SEEN_KINDS, BoolArray, EventBatch, EventKind, FloatArray, IntArray
from src.interactions.event_weights import KIND_NUMBER, Weighting, ages, halved, together
from src.interactions.item_categories import ItemCategories
from src.interactions.vocabulary import Vocabulary


@dataclass(frozen=True)
class Interactions:
    """Events of one meaning, as arrays of one length n, in the order they happened to be stored.

    user_idx, item_idx: int32 row numbers into users and items. value: float32, what the events mean by it.
    at: int64 UTC seconds, NO_TIME where unknown.
    """

    users: Vocabulary
    items: Vocabulary
    user_idx: IntArray
    item_idx: IntArray
    value: FloatArray
    at: IntArray

    def __len__(self) -> int:
        return len(self.user_idx)

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    def count_by_user(self) -> IntArray:
        """int32[n_users]: how many of these events each user has."""
        return np.bincount(self.user_idx, minlength=self.n_users).astype(np.int32)

    def count_by_item(self) -> IntArray:
        """int32[n_items]: how many of these events each item has."""
        return np.bincount(self.item_idx, minlength=self.n_items).astype(np.int32)

    def users_by_item(self) -> IntArray:
        """int64[n_items]: how many different users each item has."""
        pairs = np.unique(self.item_idx.astype(np.int64) * self.n_users + self.user_idx)
        return np.bincount(pairs // max(self.n_users, 1), minlength=self.n_items)

    def take(self, rows: IntArray) -> Interactions:
        """The same vocabularies with only these rows, in the order given."""
        return Interactions(
            self.users, self.items, self.user_idx[rows], self.item_idx[rows], self.value[rows], self.at[rows]
        )


@dataclass(frozen=True)
class TrainingData:
    """All that models learn from.

    events: every event; value is the rating given, or how many were bought. kind: int8 per event, an index into
    KIND_ORDER. weighting: how much each event speaks for its product. categories: None where none are known.
    item_vectors: float[n_items, d], what the texts of items mean, rows of length 1 or zeros; None where none is known.
    """

    events: Interactions
    kind: IntArray
    weighting: Weighting = field(default_factory=Weighting)
    categories: ItemCategories | None = None
    item_vectors: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.events)

    @property
    def has_times(self) -> bool:
        """Whether any event has a time."""
        return bool((self.events.at != NO_TIME).any())

    @property
    def users(self) -> Vocabulary:
        return self.events.users

    @property
    def items(self) -> Vocabulary:
        return self.events.items

    @cached_property
    def ratings(self) -> Interactions:
        """The ratings alone, in the same order."""
        return self.events.take(np.flatnonzero(self.is_kind(EventKind.RATING)))

    @cached_property
    def feedback(self) -> Interactions:
        """Every event; value is how much it speaks for the product, whenever it happened."""
        timeless = replace(self.weighting, half_life_days=0)
        return replace(self.events, value=timeless.of_events(self.kind, self.events.value, self.events.at).astype("f4"))

    @cached_property
    def histories(self) -> csr_matrix:
        """float32 CSR [n_users, n_items], columns ascending: how much all of a user's events speak for a product."""
        return self._matrix(1.0)

    def faded(self, half_life_days: float) -> csr_matrix:
        """The histories of which an event so many days before the newest of all weighs half, unless its time is
        unknown; 0: as they are. What goes with what changes with the season, and faster than a user's taste does.
        """
        if not half_life_days:
            return self.histories
        age = ages(np.zeros(len(self), np.int8), self.events.at, 1)
        return self._matrix(halved(age, half_life_days))

    def _matrix(self, share: FloatArray | float) -> csr_matrix:
        events = self.events
        age = ages(events.user_idx, events.at, events.n_users) if self.weighting.half_life_days else events.at
        weight = self.weighting.of_events(self.kind, events.value, age) * share
        pair, weight = together(events.user_idx.astype(np.int64) * max(events.n_items, 1) + events.item_idx, weight)
        user, item = np.divmod(pair, max(events.n_items, 1))
        pointers = np.searchsorted(user, np.arange(events.n_users + 1))
        return csr_matrix((weight, item.astype(np.int32), pointers), shape=(events.n_users, events.n_items))

    @cached_property
    def seen(self) -> Interactions:
        """The events that take a product off a user's list while it is measured: ratings and purchases; all of them
        where nobody rates or buys, as only what was not looked at before can then be found.
        """
        return self.events.take(np.flatnonzero(self.is_kind(*SEEN_KINDS))) if self._has_seen_kinds else self.events

    @property
    def _has_seen_kinds(self) -> bool:
        return bool(self.is_kind(*SEEN_KINDS).any())

    def is_kind(self, *kinds: EventKind) -> BoolArray:
        """Which events are of one of these kinds."""
        return np.isin(self.kind, [KIND_NUMBER[kind] for kind in kinds])

    def liked(self, relevant_rating: float, before: TrainingData) -> TrainingData:
        """Only the purchases, and the ratings of relevant_rating or better; everything in a shop in which, here and
        before, nobody rates or buys.
        """
        if not (self._has_seen_kinds or before._has_seen_kinds):
            return self.take(np.flatnonzero(~self.is_kind(EventKind.RETURN)))
        rated_well = self.is_kind(EventKind.RATING) & (self.events.value >= relevant_rating)
        return self.take(np.flatnonzero(rated_well | self.is_kind(EventKind.PURCHASE)))

    def with_items(self, ids: Iterable[str]) -> TrainingData:
        """The same events, and these items as well: new ones get row numbers after those that events name."""
        new = [id_ for id_ in dict.fromkeys(ids) if self.items.idx_of(id_) is None]
        if not new:
            return self
        items = Vocabulary.of([*self.items.ids_of(range(len(self.items))), *new])
        return replace(self, events=replace(self.events, items=items), categories=None, item_vectors=None)

    def take(self, rows: IntArray) -> TrainingData:
        """Only these events, in the order given, over the same vocabularies."""
        return replace(self, events=self.events.take(rows), kind=self.kind[rows])


def training_data(batches: Iterable[EventBatch]) -> TrainingData:
    """Put events in the order of their numbers, number users and products as they first appear there, make arrays.

    Batches without numbers keep the order in which they are given. A factorization learns row by row and draws its
    starting values by row number, so both orders shape it: they must not depend on how the store pages.
    Memory grows with the users and products, and by 21 bytes an event; by about 45 while the rows are put in order.
    """
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    columns: list[list[Any]] = [[np.zeros(0, kind)] for kind in _COLUMN_TYPES]
    last = np.iinfo(np.int64).min
    for batch in batches:
        kind = np.fromiter((KIND_NUMBER[kind] for kind in batch.kind), np.int8, len(batch))
        value, at = batch.value.astype(np.float32), batch.at.astype(np.int64)
        number = np.full(len(batch), last) if batch.arrival_seq is None else batch.arrival_seq.astype(np.int64)
        last = max(last, int(number.max(initial=last)))
        row = (_numbered(batch.user_id, users), _numbered(batch.product_id, items), kind, value, at, number)
        for column, part in zip(columns, row, strict=True):
            column.append(part)
    order = _order(_joined(columns.pop()))
    user_idx, item_idx, kind, value, at = (_joined(column, order) for column in columns)
    user_ids, item_ids = (_as_they_appear(*pair) for pair in ((list(users), user_idx), (list(items), item_idx)))
    return TrainingData(
        Interactions(Vocabulary.of(user_ids), Vocabulary.of(item_ids), user_idx, item_idx, value, at), kind
    )


_COLUMN_TYPES = (np.int32, np.int32, np.int8, np.float32, np.int64, np.int64)


def _numbered(ids: list[str], known: dict[str, int]) -> IntArray:
    """The ids' numbers, int32; an id that is not known yet gets the next one."""
    return np.fromiter((known.setdefault(id_, len(known)) for id_ in ids), np.int32, len(ids))


def _joined(parts: list[Any], order: IntArray | None = None) -> Any:
    """One array of all parts, in this order; the parts go at once, so that one column at a time is there twice."""
    joined = np.concatenate(parts)
    parts.clear()
    return joined if order is None else joined[order]


def _order(number: IntArray) -> IntArray | None:
    """The positions by number, equal ones as they are; None if that is how they stand."""
    return None if bool(np.all(number[1:] >= number[:-1])) else np.argsort(number, kind="stable")


def _as_they_appear(ids: list[str], idx: IntArray) -> list[str]:
    """The ids in the order in which `idx`, into them, first names each; `idx` is renumbered in place."""
    first = np.empty(len(ids), np.int64)
    first[idx[::-1]] = np.arange(len(idx) - 1, -1, -1)  # of several assignments to one place the last one stays
    appearing = np.argsort(first)
    new = np.empty(len(ids), idx.dtype)
    new[appearing] = np.arange(len(ids))
    np.take(new, idx, out=idx)
    return [ids[at] for at in appearing.tolist()]
