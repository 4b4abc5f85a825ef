"""A directory of the customers that can be searched by any part of an id, and the sales of every product by day.

It is made beside the data profile, by a process of low priority, and mapped from disk by the web workers.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from src.core.domain import NO_TIME, EventKind, FloatArray, IntArray
from src.core.mapped_arrays import save_arrays
from src.core.shop_days import midnight, shop_days
from src.core.sorted_sets import distinct
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import TrainingData
from src.interactions.vocabulary import Vocabulary

SORTS = ("events", "seen", "id")
SALES_DAYS = 90
_GRAM = 3
_BUCKETS = 1 << 16
_MOST_CANDIDATES = 20_000
"""Candidates of a search with typing errors; where there are more, those that share the most parts are looked at."""
_FEW = 5
"""Customers that are fewer than a part of so many are put in order by themselves."""
_NEAR, _COMPARED = 20, 300
"""Ids with typing errors that are returned, and how many are compared: those that share the most parts."""
_ARRAYS = (
    "n_events", "last_at", "last_item", "by_events", "by_seen", "gram_start", "gram_users", "sale_start", "sale_day",
    "sale_count", "returned", "owner_start", "owners",
)  # fmt: skip
ABOUT = "directory-2.json"
"""Written last, and named anew when the arrays change, so that a directory of another version is made again."""


@dataclass(frozen=True)
class CustomerRow:
    """A customer of the directory: id, number of actions, time and product of the last one; None where unknown."""

    user_id: str
    n_events: int | None = None
    last_at: int | None = None
    last_product: str | None = None


@dataclass(frozen=True)
class CustomersFound:
    """Row numbers of customers that were found, in the wanted order; forgiven: only with typing errors."""

    rows: IntArray
    forgiven: bool = False


@dataclass(frozen=True, eq=False)
class ShopDirectory:
    """Customers and sales as arrays.

    Attributes:
        users: Ids of customers.
        items: Ids of products.
        n_events: int32[n_users], actions.
        last_at: int64[n_users], UTC seconds of the last one; NO_TIME where unknown.
        last_item: int32[n_users], the product of the last one.
        by_events: int32[n_users], rows with the most actions first.
        by_seen: int32[n_users], rows seen last first.
        gram_start: int64[_BUCKETS + 1], where the customers of each part of three bytes begin in gram_users.
        gram_users: int32[n], row numbers, ascending within each part.
        sale_start: int64[n_items + 1], where the sales of each product begin.
        sale_day: int32[n], days since 1970 in the shop's time zone.
        sale_count: float32[n], sold on that day, net of returns.
        returned: float32[n_items], what was returned of the purchases of the last SALES_DAYS days.
        owner_start: int64[n_items + 1], where the owners of each product begin in owners.
        owners: int32[n], row numbers of the customers who bought it, or rated it in a shop of ratings; ascending for
            each product.
        owned_by: The kind of event that makes an owner.
        newest_day: The day of the newest event.
        changed_at: When the store was last changed before it was read; None if never.
    """

    users: Vocabulary
    items: Vocabulary
    n_events: IntArray
    last_at: IntArray
    last_item: IntArray
    by_events: IntArray
    by_seen: IntArray
    gram_start: IntArray
    gram_users: IntArray
    sale_start: IntArray
    sale_day: IntArray
    sale_count: FloatArray
    returned: FloatArray
    owner_start: IntArray
    owners: IntArray
    owned_by: str
    newest_day: int
    changed_at: int | None

    @classmethod
    def of(
        cls,
        data: TrainingData,
        changed_at: int | None,
        returned: Callable[[int], Mapping[str, float]],
        zone: dt.tzinfo = dt.UTC,
    ) -> ShopDirectory:
        """Compute the directory of a shop.

        Args:
            data: All events, net of returns.
            changed_at: When the store was last changed before they were read.
            returned: UTC seconds → what was returned of each product's purchases since then.
            zone: The shop's time zone.

        Returns:
            The directory.
        """
        users, events, n_users = data.users, data.events, len(data.users)
        n_events = np.bincount(events.user_idx, minlength=n_users).astype(np.int32)
        order = np.lexsort((events.at, events.user_idx))
        ends = np.cumsum(n_events.astype(np.int64)) - 1
        last = order[np.maximum(ends, 0)]
        last_at = np.where(n_events > 0, events.at[last], NO_TIME)
        starts, members = _postings(users)
        sale_start, sale_day, sale_count, newest = _sales(data, zone)
        back = np.zeros(len(events.items), np.float32)
        for id_, quantity in returned(midnight(newest - SALES_DAYS + 1, zone)).items():
            if (item := events.items.idx_of(id_)) is not None:
                back[item] = quantity
        owned_by = EventKind.PURCHASE if data.is_kind(EventKind.PURCHASE).any() else EventKind.RATING
        owner_start, owners = _owners(data, owned_by)
        return cls(
            users, events.items, n_events, last_at, events.item_idx[last].astype(np.int32),
            np.argsort(-n_events, kind="stable").astype(np.int32), np.argsort(-last_at, kind="stable").astype(np.int32),
            starts, members, sale_start, sale_day, sale_count, back, owner_start, owners, owned_by.value, newest,
            changed_at,
        )  # fmt: skip

    def rows(self, found: Iterable[int]) -> list[CustomerRow]:
        """Return the customers of row numbers."""
        return [
            CustomerRow(
                self.users.id_of(row),
                int(self.n_events[row]),
                None if self.last_at[row] == NO_TIME else int(self.last_at[row]),
                self.items.id_of(int(self.last_item[row])),
            )
            for row in found
        ]

    def sales_of(self, product_id: str) -> dict[int, float]:
        """Return day since 1970 → sold on it, of the last SALES_DAYS days of the shop."""
        item = self.items.idx_of(product_id)
        if item is None:
            return {}
        part = slice(int(self.sale_start[item]), int(self.sale_start[item + 1]))
        return dict(zip(self.sale_day[part].tolist(), self.sale_count[part].tolist(), strict=True))

    def returned_of(self, product_id: str) -> float:
        """Return how much was returned of the product's sales of the last SALES_DAYS days."""
        item = self.items.idx_of(product_id)
        return 0.0 if item is None else float(self.returned[item])

    @cached_property
    def sold_and_returned(self) -> tuple[float, float]:
        """What the shop sold in the last SALES_DAYS days, returns not taken off, and what was returned of it."""
        back = float(self.returned.sum())
        return float(self.sale_count.sum()) + back, back

    def owners_of_both(self, product_id: str, others: Iterable[str]) -> list[int]:
        """Count the customers who own both of two products.

        Args:
            product_id: the one.
            others: the other of each pair.

        Returns:
            One number for each of the others.
        """
        own = self._owners(product_id)
        return [self._common(own, self._owners(other)) for other in others]

    def _owners(self, product_id: str) -> IntArray:
        item = self.items.idx_of(product_id)
        if item is None:
            return self.owners[:0]
        return self.owners[int(self.owner_start[item]) : int(self.owner_start[item + 1])]

    @staticmethod
    def _common(one: IntArray, other: IntArray) -> int:
        few, many = sorted((one, other), key=len)
        if not len(few):
            return 0
        places = np.minimum(np.searchsorted(many, few), len(many) - 1)
        return int((many[places] == few).sum())

    def ordered(self, sort: str) -> IntArray:
        """Return all customers in an order of SORTS."""
        if sort == "id":
            return self.users.sorted_rows
        return self.by_seen if sort == "seen" else self.by_events

    def search(self, text: str, sort: str = "events", n: int | None = None) -> CustomersFound:
        """Find customers by any part of their ids, from three letters on; if there is none, with typing errors.

        Args:
            text: The part, in any case of letters.
            sort: One of SORTS.
            n: How many need be in order, such as those up to the end of a page; None for all.

        Returns:
            All customers, the first n of them in order. With typing errors the nearest come first.
        """
        wanted = _folded(text.encode("utf-8", "surrogatepass"))
        if not wanted:
            return CustomersFound(self.ordered(sort))
        exact = self._containing(wanted)
        if len(exact):
            return CustomersFound(self._sorted(exact, sort, len(exact) if n is None else n))
        return CustomersFound(self._near(wanted), forgiven=True)

    def _containing(self, wanted: bytes) -> IntArray:
        """Return the rows whose ids contain these bytes."""
        if len(wanted) < _GRAM:
            return self._beginning(wanted.decode("utf-8", "replace"))
        parts = sorted((self._members(key) for key in set(_grams(wanted))), key=len)
        candidates = parts[0]
        for part in parts[1:3]:
            if len(candidates) <= _MOST_CANDIDATES:
                break
            candidates = np.intersect1d(candidates, part, assume_unique=True)
        return self._holding(candidates, wanted)

    def _holding(self, rows: IntArray, wanted: bytes) -> IntArray:
        """Return those of the rows whose ids hold these bytes one after another."""
        starts, ends = self.users.bounds_of(rows)
        found = np.zeros(len(rows), np.bool_)
        longest = int((ends - starts).max(initial=0))
        blob, limit = self._folded_blob, len(self._folded_blob)
        for shift in range(max(longest - len(wanted) + 1, 0)):
            at = starts + shift
            holds = ~found & (at + len(wanted) <= ends)
            for offset, byte in enumerate(wanted):
                if not holds.any():
                    break
                holds[holds] = blob[np.minimum(at[holds] + offset, limit - 1)] == byte
            found |= holds
        return rows[found]

    def _beginning(self, wanted: str) -> IntArray:
        """Return the rows whose ids begin with one or two letters: any part would be found in almost every id."""
        cases = dict.fromkeys((wanted, wanted.upper(), wanted.capitalize()))  # no id begins with two of them
        found: IntArray = np.concatenate([self.users.starting_with(case) for case in cases])
        return found

    def _near(self, wanted: bytes) -> IntArray:
        """Return the rows with the ids, or the parts of ids, nearest to a text, at one or two typing errors."""
        most = 1 if len(wanted) < 6 else 2
        parts = sorted((self._members(key) for key in set(_grams(wanted))), key=len)
        # An error spoils three parts at most, so one of the rarest 3 × errors + 1 is whole.
        parts = [part for part in parts if len(part)][: 3 * most + 1]
        if not parts:
            return np.zeros(0, np.int32)
        members, shared = np.unique(np.concatenate([part[:_MOST_CANDIDATES] for part in parts]), return_counts=True)
        nearest = members[np.argsort(-shared, kind="stable")[:_COMPARED]]
        text = wanted.decode("utf-8", "replace")
        scored = [
            (distance, row)
            for row in nearest.tolist()
            if (distance := _distance(text, _folded(self.users.id_of(row).encode()).decode("utf-8", "replace"), most))
            <= most
        ]
        return np.array([row for _, row in sorted(scored)[:_NEAR]], np.int32)

    def _sorted(self, rows: IntArray, sort: str, n: int) -> IntArray:
        """Return the rows, the first n in order: putting a million in order takes longer than finding them."""
        if len(rows) * _FEW >= len(self.users):  # nearly all: the order of all without the others
            chosen, order_of_all = np.zeros(len(self.users), np.bool_), self.ordered(sort)
            chosen[rows] = True
            return np.asarray(order_of_all[chosen[order_of_all]])
        places: IntArray = self._places(sort)[rows]
        if n >= len(rows):
            return np.asarray(rows[np.argsort(places)])
        parted = np.argpartition(places, n)
        first = parted[:n]
        order: IntArray = np.concatenate([first[np.argsort(places[first])], parted[n:]])
        return np.asarray(rows[order])

    def _places(self, sort: str) -> IntArray:
        """Return the place of every customer in an order of SORTS, kept once it was asked for."""
        places = self._kept_places.get(sort)
        if places is None:
            places = np.empty(len(self.users), np.int32)
            places[self.ordered(sort)] = np.arange(len(self.users), dtype=np.int32)
            self._kept_places[sort] = places
        return places

    @cached_property
    def _kept_places(self) -> dict[str, IntArray]:
        return {}

    @cached_property
    def _folded_blob(self) -> IntArray:
        return _lower(np.asarray(self.users.blob))

    def _members(self, key: int) -> IntArray:
        return self.gram_users[int(self.gram_start[key]) : int(self.gram_start[key + 1])]

    def save(self, folder: Path) -> None:
        """Write the directory beside an old one, and put it in its place. Raises OSError."""
        fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        self.users.save(fresh / "users")
        self.items.save(fresh / "items")
        save_arrays(self, _ARRAYS, fresh)
        about = {"newest_day": self.newest_day, "changed_at": self.changed_at, "owned_by": self.owned_by}
        (fresh / ABOUT).write_text(json.dumps(about), encoding="utf-8")
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(fresh, folder)
        shutil.rmtree(old, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> ShopDirectory | None:
        """Map what `save` wrote; None if there is nothing that can be read."""
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
            users, items = Vocabulary.load(folder / "users"), Vocabulary.load(folder / "items")
            return cls(users=users, items=items, **arrays, **about)
        except (OSError, ValueError, TypeError):
            return None


def _distance(text: str, id_: str, most: int) -> int:
    """Return the least number of typing errors between a text and an id, or a part of it of the same length."""
    parts = {id_, *(id_[at : at + len(text)] for at in range(max(len(id_) - len(text) + 1, 1)))}
    return min(Levenshtein.distance(text, part, score_cutoff=most) for part in parts)


def _lower(blob: IntArray) -> IntArray:
    """Return bytes with ASCII letters in lower case."""
    return np.where((blob >= 65) & (blob <= 90), blob + 32, blob).astype(np.uint8)


def _folded(text: bytes) -> bytes:
    return text.lower()


def _grams(text: bytes) -> list[int]:
    """Return the numbers of the parts of three bytes."""
    return [_key(text[at], text[at + 1], text[at + 2]) for at in range(len(text) - _GRAM + 1)]


def _key(first: int, second: int, third: int) -> int:
    return (first * 2_053 + second * 97 + third) % _BUCKETS


def _postings(users: Vocabulary) -> tuple[IntArray, IntArray]:
    """Return where the rows of each part begin, and the rows: ascending, each once."""
    blob = _lower(np.asarray(users.blob)).astype(np.int64)
    if len(blob) < _GRAM:
        return np.zeros(_BUCKETS + 1, np.int64), np.zeros(0, np.int32)
    keys = ((blob[:-2] * 2_053 + blob[1:-1] * 97 + blob[2:]) % _BUCKETS).astype(np.uint16)
    at = np.arange(len(keys))
    rows = users.rows_at(at)
    _, ends = users.bounds_of(rows)
    inside = at + _GRAM <= ends
    keys, rows = keys[inside], rows[inside]
    order = np.lexsort((rows, keys))
    keys, rows = keys[order], rows[order]
    first = np.ones(len(keys), np.bool_)
    first[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
    keys, rows = keys[first], rows[first]
    starts = np.searchsorted(keys, np.arange(_BUCKETS + 1))
    return starts.astype(np.int64), rows.astype(np.int32)


def _sales(data: TrainingData, zone: dt.tzinfo) -> tuple[IntArray, IntArray, FloatArray, int]:
    """Return the sales of the last days by product and day, and the newest day."""
    events = data.events
    days = shop_days(events.at, zone)
    known = days[events.at != NO_TIME]
    newest = int(known.max()) if len(known) else 0
    is_sale = (
        (data.kind == KIND_ORDER.index(EventKind.PURCHASE)) & (events.at != NO_TIME) & (days > newest - SALES_DAYS)
    )
    key = events.item_idx[is_sale].astype(np.int64) * SALES_DAYS + (newest - days[is_sale])
    distinct, place = np.unique(key, return_inverse=True)
    count = np.bincount(place, weights=events.value[is_sale], minlength=len(distinct)).astype(np.float32)
    item, day = distinct // SALES_DAYS, newest - distinct % SALES_DAYS
    start = np.searchsorted(item, np.arange(len(events.items) + 1)).astype(np.int64)
    return start, day.astype(np.int32), count, newest


def _owners(data: TrainingData, kind: EventKind) -> tuple[IntArray, IntArray]:
    """Return where the owners of each product begin, and the owners, each once and ascending."""
    owned = np.flatnonzero(data.is_kind(kind))
    events, n_users = data.events, max(len(data.users), 1)
    pairs = distinct(events.item_idx[owned].astype(np.int64) * n_users + events.user_idx[owned])
    start = np.searchsorted(pairs // n_users, np.arange(len(events.items) + 1)).astype(np.int64)
    return start, (pairs % n_users).astype(np.int32)


def page_of(rows: Sequence[int] | IntArray, page: int, length: int) -> list[int]:
    """Return one page of row numbers.

    Args:
        rows: All of them.
        page: From 1.
        length: Rows of a page.

    Returns:
        At most `length` rows.
    """
    return [int(row) for row in rows[(page - 1) * length : page * length]]
