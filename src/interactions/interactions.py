"""Events as arrays: the training data of all models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from src.core.all_cores import map_on_all_cores
from src.core.domain import NO_TIME, SEEN_KINDS, BoolArray, EventBatch, EventKind, FloatArray, IntArray
from src.core.sorted_sets import distinct
from src.interactions.event_weights import KIND_NUMBER, Weighting, ages_by_group, combine_events, decay
from src.interactions.item_attributes import ItemAttributes
from src.interactions.item_categories import ItemCategories
from src.interactions.vocabulary import Vocabulary


@dataclass(frozen=True)
class Interactions:
    """Events with one meaning of `value`, as arrays of one length n, in the order in which they were stored.

    Attributes:
        users: ids of the users.
        items: ids of the products.
        user_idx: int32[n], row numbers into users.
        item_idx: int32[n], row numbers into items.
        value: float32[n], for instance a rating or a weight.
        at: int64[n], UTC seconds; NO_TIME where unknown.
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
        """Number of users in the vocabulary."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of products in the vocabulary."""
        return len(self.items)

    @property
    def pairs(self) -> IntArray:
        """int64[n], equal for events of one user with one item: user_idx * n_items + item_idx."""
        return self.user_idx.astype(np.int64) * max(self.n_items, 1) + self.item_idx

    def count_by_user(self) -> IntArray:
        """Return int32[n_users], the number of events of each user."""
        return np.bincount(self.user_idx, minlength=self.n_users).astype(np.int32)

    def count_by_item(self) -> IntArray:
        """Return int32[n_items], the number of events of each item."""
        return np.bincount(self.item_idx, minlength=self.n_items).astype(np.int32)

    def users_by_item(self) -> IntArray:
        """Return int64[n_items], the number of distinct users of each item."""
        pairs = distinct(self.item_idx.astype(np.int64) * self.n_users + self.user_idx)
        return np.bincount(pairs // max(self.n_users, 1), minlength=self.n_items)

    def take(self, rows: IntArray) -> Interactions:
        """Return only these rows, in this order, over the same vocabularies."""
        return Interactions(
            self.users, self.items, self.user_idx[rows], self.item_idx[rows], self.value[rows], self.at[rows]
        )


@dataclass(frozen=True)
class WholeCounts:
    """What a training records of all events.

    Attributes:
        n_events: Their number.
        newest_at: UTC seconds; NO_TIME without times.
        users_by_item: int64[n_items], number of users of each item.
    """

    n_events: int
    newest_at: int
    users_by_item: IntArray


@dataclass(frozen=True)
class TrainingData:
    """Everything that models learn from.

    Attributes:
        events: every event; value is the rating, or the quantity bought.
        kind: int8[n], indices into KIND_ORDER.
        weighting: rule for the weights of events.
        categories: of the items; None where no item has one.
        item_vectors: float[n_items, d], embeddings of the items' texts, rows of length 1 or zeros; None where no item
            has one.
        attributes: of the items, their groups among them; None where nothing is known.
        sampled_from: counts of all events, where these are those of a sample of the users; None if they are all.
    """

    events: Interactions
    kind: IntArray
    weighting: Weighting = field(default_factory=Weighting)
    categories: ItemCategories | None = None
    item_vectors: FloatArray | None = None
    attributes: ItemAttributes | None = None
    sampled_from: WholeCounts | None = None

    def __len__(self) -> int:
        return len(self.events)

    @property
    def counts(self) -> WholeCounts:
        """Counts of all events, those of users that are not among these, too."""
        newest = int(self.events.at.max(initial=NO_TIME))
        return self.sampled_from or WholeCounts(len(self), newest, self.events.users_by_item())

    @property
    def has_times(self) -> bool:
        """Whether any event has a time."""
        return bool((self.events.at != NO_TIME).any())

    @property
    def users(self) -> Vocabulary:
        """Ids of the users."""
        return self.events.users

    @property
    def items(self) -> Vocabulary:
        """Ids of the products."""
        return self.events.items

    @cached_property
    def ratings(self) -> Interactions:
        """The ratings only, in the same order."""
        return self.events.take(np.flatnonzero(self.is_kind(EventKind.RATING)))

    @cached_property
    def feedback(self) -> Interactions:
        """Every event; value is its weight without decay."""
        timeless = replace(self.weighting, half_life_days=0)
        return replace(self.events, value=timeless.of_events(self.kind, self.events.value, self.events.at).astype("f4"))

    @cached_property
    def histories(self) -> csr_matrix:
        """float32 CSR [n_users, n_items], columns ascending: combined weight of a user's events with a product."""
        return self._matrix(1.0)

    def decayed_histories(self, half_life_days: float) -> csr_matrix:
        """Return the histories with weights that decay with the time before the newest event of all.

        An event half_life_days before it weighs half; events without a time keep their weight. 0 returns `histories`.
        Co-occurrence changes with the season, faster than the taste of a user.
        """
        if not half_life_days:
            return self.histories
        age = ages_by_group(np.zeros(len(self), np.int8), self.events.at, 1)
        return self._matrix(decay(age, half_life_days))

    def _matrix(self, share: FloatArray | float) -> csr_matrix:
        events = self.events
        age = ages_by_group(events.user_idx, events.at, events.n_users) if self.weighting.half_life_days else events.at
        weight = self.weighting.of_events(self.kind, events.value, age) * share
        pair, weight = combine_events(
            events.user_idx.astype(np.int64) * max(events.n_items, 1) + events.item_idx, weight
        )
        user, item = np.divmod(pair, max(events.n_items, 1))
        pointers = np.searchsorted(user, np.arange(events.n_users + 1))
        return csr_matrix((weight, item.astype(np.int32), pointers), shape=(events.n_users, events.n_items))

    @cached_property
    def seen(self) -> Interactions:
        """The events that exclude a product from a user's list during evaluation: ratings and purchases.

        Where there are neither, all events.
        """
        return self.events.take(np.flatnonzero(self.is_kind(*SEEN_KINDS))) if self._has_seen_kinds else self.events

    @cached_property
    def n_seen(self) -> csr_matrix:
        """float32 CSR [n_users, n_items]: how often a user rated or bought a product."""
        events, rows = self.events, np.flatnonzero(self.is_kind(*SEEN_KINDS))
        pairs = (events.user_idx[rows], events.item_idx[rows])
        return csr_matrix((np.ones(len(rows), np.float32), pairs), shape=(events.n_users, events.n_items))

    @property
    def _has_seen_kinds(self) -> bool:
        return bool(self.is_kind(*SEEN_KINDS).any())

    def is_kind(self, *kinds: EventKind) -> BoolArray:
        """Return bool[n], whether each event is of one of these kinds."""
        return np.isin(self.kind, [KIND_NUMBER[kind] for kind in kinds])

    def liked(self, relevant_rating: float, before: TrainingData) -> TrainingData:
        """Return the events that mean that the user liked the product: purchases and good ratings.

        Args:
            relevant_rating: lowest rating that counts as liked.
            before: the training part. Where neither it nor these data hold a rating or purchase, every event counts
                but returns.

        Returns:
            These events, in the same order.
        """
        if not (self._has_seen_kinds or before._has_seen_kinds):
            return self.take(np.flatnonzero(~self.is_kind(EventKind.RETURN)))
        rated_well = self.is_kind(EventKind.RATING) & (self.events.value >= relevant_rating)
        return self.take(np.flatnonzero(rated_well | self.is_kind(EventKind.PURCHASE)))

    def with_items(self, ids: Iterable[str]) -> TrainingData:
        """Return the same events over a vocabulary that holds these items too; new items get the last row numbers."""
        new = [id_ for id_ in dict.fromkeys(ids) if self.items.idx_of(id_) is None]
        if not new:
            return self
        items = Vocabulary.of([*self.items.ids_of(range(len(self.items))), *new])
        events = replace(self.events, items=items)
        return replace(self, events=events, categories=None, item_vectors=None, attributes=None)

    def compact(self) -> TrainingData:
        """Return the same events over vocabularies of the users and products that have any, in the same order.

        What is known of the products, and of all events, is left out. Lists of a sample then do not cost what a large
        catalogue costs of which the sample names a part.
        """
        (users, user_idx), (items, item_idx) = (
            np.unique(column, return_inverse=True) for column in (self.events.user_idx, self.events.item_idx)
        )
        events = replace(
            self.events,
            users=Vocabulary.of(self.users.ids_of(users)),
            items=Vocabulary.of(self.items.ids_of(items)),
            user_idx=user_idx.astype(np.int32),
            item_idx=item_idx.astype(np.int32),
        )
        return TrainingData(events, self.kind, self.weighting)

    def joined(self, other: TrainingData) -> TrainingData:
        """Return the events of both, which have the same vocabularies; those of `other` come last."""
        one, two = self.events, other.events
        pairs = ((getattr(one, name), getattr(two, name)) for name in ("user_idx", "item_idx", "value", "at"))
        events = Interactions(one.users, one.items, *(np.concatenate(pair) for pair in pairs))
        return replace(self, events=events, kind=np.concatenate([self.kind, other.kind]))

    def take(self, rows: IntArray) -> TrainingData:
        """Return only these events, in this order, over the same vocabularies."""
        return replace(self, events=self.events.take(rows), kind=self.kind[rows])


def training_data(batches: Iterable[EventBatch]) -> TrainingData:
    """Convert events to arrays: sorted by event number, users and products numbered by first appearance.

    Batches without numbers keep their order. A factorization learns row by row and draws its starting values by row
    number, so its result depends on both orders: they must not depend on the page size of the store. Memory: 21 bytes
    an event, about 45 while rows are sorted, and the ids; of each event its two ids while they are read.
    """
    users, items = _Ids(), _Ids()
    columns: list[list[Any]] = [[np.zeros(0, kind)] for kind in _COLUMN_TYPES]
    last = np.iinfo(np.int64).min
    for batch in batches:
        kind = np.fromiter(map(KIND_NUMBER.__getitem__, batch.kind), np.int8, len(batch))
        value, at = batch.value.astype(np.float32), batch.at.astype(np.int64)
        number = np.full(len(batch), last) if batch.arrival_seq is None else batch.arrival_seq.astype(np.int64)
        last = max(last, int(number.max(initial=last)))
        users.add(batch.user_id)
        items.add(batch.product_id)
        for column, part in zip(columns, (kind, value, at, number), strict=True):
            column.append(part)
    order = _order(_joined(columns.pop()))
    kind, value, at = (_joined(column, order) for column in columns)
    (user_ids, user_idx), (item_ids, item_idx) = map_on_all_cores(lambda ids: ids.numbered(order), (users, items))
    return TrainingData(Interactions(user_ids, item_ids, user_idx, item_idx, value, at), kind)


_COLUMN_TYPES = (np.int8, np.float32, np.int64, np.int64)
_PLACES_PER_NUMBER = 2
"""Numbers with more gaps are sorted: a table of their places would be large."""


class _Ids:
    """The users, or products, of all events, in pyarrow: numbering texts in Python takes several times as long."""

    def __init__(self) -> None:
        self._parts: list[Any] = []

    def add(self, ids: list[str]) -> None:
        """Add those of the next events."""
        import pyarrow as pa  # not at the top: serving does not need its 70 MB

        self._parts.append(pa.array(ids, pa.string()).cast(pa.binary()))

    def numbered(self, order: IntArray | None) -> tuple[Vocabulary, IntArray]:
        """Return the distinct ids by their first appearance in an order of the events, and each event's number.

        Args:
            order: int64[n], the events; None for the order in which they were added.

        Returns:
            The ids; int32[n].
        """
        import pyarrow as pa

        encoded = pa.chunked_array(self._parts, pa.binary()).dictionary_encode().combine_chunks()
        self._parts.clear()
        if isinstance(encoded, pa.ChunkedArray):  # some versions of pyarrow give one without a chunk
            return Vocabulary.of([]), np.zeros(0, np.int32)
        idx, ids = encoded.indices.to_numpy(), encoded.dictionary
        idx = idx.copy() if order is None else idx[order]
        by_appearance = _by_first_appearance(len(ids), idx)
        sorted_rows = None
        if _ascend(ids):  # as the users of a sorted file do
            sorted_rows = np.empty(len(ids), np.int32)
            sorted_rows[by_appearance] = np.arange(len(ids))
        return Vocabulary.packed(ids.take(pa.array(by_appearance)), sorted_rows), idx


def _joined(parts: list[Any], order: IntArray | None = None) -> Any:
    """Concatenate the parts in this order and clear them, so that only one column at a time is held twice."""
    joined = np.concatenate(parts)
    parts.clear()
    return joined if order is None else joined[order]


def _ascend(ids: Any) -> bool:
    """Return whether each id of pyarrow's array is greater than the one before."""
    import pyarrow.compute as pc

    return bool(pc.all(pc.greater(ids[1:], ids[:-1])).as_py())


def _order(number: IntArray) -> IntArray | None:
    """Return the stable order by number; None where the numbers are sorted already."""
    if bool(np.all(number[1:] >= number[:-1])):
        return None
    lowest = int(number.min())
    n_places = int(number.max()) - lowest + 1
    if n_places <= _PLACES_PER_NUMBER * len(number):  # few gaps, as between the rows of a file
        place = np.full(n_places, -1)
        place[number - lowest] = np.arange(len(number))
        order = place[place >= 0]
        if len(order) == len(number):  # no two are equal
            return order
    return np.argsort(number, kind="stable")


def _by_first_appearance(n: int, idx: IntArray) -> IntArray:
    """Return int64[n], the n numbers in `idx` by their first appearance in it; it is renumbered in place."""
    first = np.empty(n, np.int64)
    first[idx[::-1]] = np.arange(len(idx) - 1, -1, -1)  # of several assignments to one place the last one wins
    order = np.argsort(first)
    new = np.empty(n, idx.dtype)
    new[order] = np.arange(n)
    np.take(new, idx, out=idx)
    return order
