"""Lists that are made before anybody asks for them: those of the histories that most requests will bring.

A list is a function of the history. The lists of frequent histories and of active users are made when a release is
trained, by the code that makes lists, and are looked up by a fingerprint of the history. The next event of a user
changes it, so that no list is older than its history. Users with equal histories share a list: in a file with many
users of one or two events few lists serve most of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from src.core.domain import NO_TIME, BoolArray, Event, EventKind, FloatArray, IntArray, Query, Recommendation
from src.core.mapped_arrays import mapped_arrays, save_arrays
from src.core.messages import message
from src.core.progress import Reporter
from src.interactions.counted_history import counts_of
from src.interactions.event_weights import KIND_ORDER, Weighting, ages_by_group
from src.interactions.interactions import TrainingData
from src.interactions.item_groups import ItemGroups
from src.interactions.vocabulary import Vocabulary
from src.recommendation.list_candidates import ALWAYS_SOUGHT

LENGTH = ALWAYS_SOUGHT
"""Products of a prepared list; longer lists are made on request."""
LONGEST_HISTORY = 1_000
"""Events. Of a longer history the newest shape a list, so that their order counts."""
MOST_LISTS = 1_000_000
_MOST_TAKEN = 1_024
_AT_ONCE, _AT_ONCE_IN_BLOCKS = 16, 1_024
"""Lists between two looks at the time."""
_HALF = 64
_MASK = (1 << _HALF) - 1
_HIGH = 2 * _HALF
"""Where the higher half stands in a sum of digests."""
_NO_VALUE = 0.0
_EVENTS_AT_ONCE = 1 << 18
_Bits = TypeVar("_Bits", int, IntArray)
"""uint64, or an int of 64 bits."""
_ARRAYS = ("low", "high", "item", "score", "source", "filled_by")


class Fingerprint(NamedTuple):
    """128 bits that tell histories apart; sums over the events, so that their order does not count."""

    low: int
    high: int


@lru_cache(maxsize=8_192)
def _digest(kind: EventKind, product_id: str, value: float | None = None, age: int | None = None) -> int:
    """Return the fingerprint of an event as one number, which adds up with others' without a carry between the halves.

    value and age: None where they do not shape lists.
    """
    bits = int(np.float64(_NO_VALUE if value is None else value).view(np.uint64))
    since = (NO_TIME if age is None else age) & _MASK
    product, of_kind = _halves_of(product_id), _halves_of(kind.value)
    low, high = (_of_event(*halves, bits, since) for halves in zip(product, of_kind, strict=True))
    return high << _HIGH | low


def _halves_of(text: str) -> tuple[int, int]:
    low, high = np.frombuffer(_bytes_of(text), "<u8").tolist()
    return low, high


def _bytes_of(text: str) -> bytes:
    """Return 16 bytes."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _of_event(product: _Bits, kind: _Bits, value: _Bits, age: _Bits) -> _Bits:
    """Return half a fingerprint of an event, or of many, of 64 bits of each of its parts."""
    return _mixed(product + _mixed(kind + _mixed(value + _mixed(age))))


def _mixed(bits: _Bits) -> _Bits:
    """Return other 64 bits, each of which depends on all of these, and different ones for different bits.

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 17.
    """
    bits = bits + 0x9E3779B97F4A7C15 & _MASK
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB & _MASK
    return bits ^ (bits >> 31)


def fingerprint_of(history: Sequence[Event], weighting: Weighting) -> Fingerprint:
    """Return the fingerprint of a history in any order: equal ones for histories with equal lists only.

    Args:
        weighting: tells what of an event shapes a list.
    """
    fades, alike, rates = bool(weighting.half_life_days), weighting.alike, weighting.rates
    if weighting.by_kind_alone:
        total = sum([n * _digest(alike[kind], id_) for (id_, kind), n in counts_of(history).items()])
    else:
        newest = max((event.at for event in history if event.at is not None), default=0) if fades else 0
        total = sum(
            _digest(
                alike[event.kind],
                event.product_id,
                event.value if rates(event.kind) else None,
                newest - event.at if fades and event.at is not None else None,
            )
            for event in history
        )
    return Fingerprint(total & _MASK, total >> _HIGH & _MASK)


class MakesLists(Protocol):
    """What lists are prepared of: a pipeline."""

    @property
    def items(self) -> Vocabulary:
        """Ids of the items."""
        ...

    @property
    def weighting(self) -> Weighting:
        """Weights of the events of a history."""
        ...

    @property
    def groups(self) -> ItemGroups | None:
        """Which items are variants of one thing; None if no two are."""
        ...

    def recommend(self, query: Query) -> list[Recommendation]:
        """Make the list of a query."""
        ...


@dataclass(frozen=True)
class PreparedLists:
    """Lists by the fingerprints of their histories, ascending.

    Attributes:
        names: of sources and fillers, in the order of their numbers.
        low: uint64[n].
        high: uint64[n].
        item: int32[n, LENGTH], row numbers; -1 beyond the end of a list.
        score: float[n, LENGTH].
        source: int8[n, LENGTH], numbers of names.
        filled_by: int8[n, LENGTH]; -1 for None.
        groups: the groups of the items when the lists were made; None if no two items shared one.
    """

    names: tuple[str, ...]
    low: IntArray
    high: IntArray
    item: IntArray
    score: FloatArray
    source: IntArray
    filled_by: IntArray
    groups: ItemGroups | None = None
    _taken: dict[tuple[int, int], list[Recommendation]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Lists that were asked for lately, by row and length: making their places takes longer than finding them."""

    def __len__(self) -> int:
        return len(self.low)

    def find(self, fingerprint: Fingerprint, n: int, items: Vocabulary) -> list[Recommendation] | None:
        """Return the first n places of the list of a history.

        Args:
            fingerprint: of the history.
            n: at most LENGTH.
            items: of the release.

        Returns:
            The list; None for a history without a prepared one.
        """
        at = int(self.low.searchsorted(np.uint64(fingerprint.low)))
        if at == len(self.low) or self.low.item(at) != fingerprint.low or self.high.item(at) != fingerprint.high:
            return None
        taken = self._taken.get((at, n))
        if taken is None:
            if len(self._taken) >= _MOST_TAKEN:
                self._taken.clear()
            taken = self._taken[at, n] = self._list_at(at, n, items)
        return taken.copy()

    def _list_at(self, at: int, n: int, items: Vocabulary) -> list[Recommendation]:
        rows, names = self.item[at, :n].tolist(), self.names
        if rows and rows[-1] < 0:
            rows = [row for row in rows if row >= 0]
        columns = (self.score, self.source, self.filled_by)
        return [
            Recommendation(id_, score, names[source], None if filler < 0 else names[filler], None, score)
            for id_, score, source, filler in zip(
                items.ids_of(rows), *(column[at, : len(rows)].tolist() for column in columns), strict=True
            )
        ]

    def save(self, folder: Path) -> None:
        """Write the arrays, names.txt and the groups into the folder, which is made."""
        if self.groups is not None:
            self.groups.save(folder / "groups")
        save_arrays(self, _ARRAYS, folder)
        (folder / "names.txt").write_text("\n".join(self.names), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> PreparedLists:
        """Map what `save` wrote."""
        names = (folder / "names.txt").read_text(encoding="utf-8").split("\n")
        arrays = mapped_arrays(folder, _ARRAYS)
        return cls(tuple(names), **arrays, groups=ItemGroups.load(folder / "groups"))


def prepare_lists(
    pipeline: MakesLists,
    data: TrainingData,
    seconds: float,
    reporter: Reporter,
    in_blocks: MakesBlocks | None = None,
) -> PreparedLists | None:
    """Make the lists of the histories that are asked for most, as far as the time goes.

    Args:
        pipeline: makes the lists; it must hold no prepared ones.
        data: the events of all users.
        seconds: how long to go on.
        in_blocks: makes the lists of many users at once, up to the rounding of scores; None to make one by one.

    Returns:
        The lists; None if there is no time for any.
    """
    if not seconds:
        return None
    reporter.step(message("step.preparing_lists"))
    until = time.monotonic() + seconds
    asked, names = _asked(data, pipeline.weighting), _Names()
    parts, at_once = [], _AT_ONCE if in_blocks is None else _AT_ONCE_IN_BLOCKS
    for start in range(0, len(asked.user), at_once):
        began, users = time.monotonic(), asked.user[start : start + at_once]
        parts.append(_made(pipeline, data, asked, users, names, in_blocks))
        now = time.monotonic()
        if now + (now - began) > until:  # the next ones would take as long
            break
    return replace(_joined(parts, names, asked), groups=pipeline.groups)


class MakesBlocks(Protocol):
    """Makes the lists of many users at once."""

    def __call__(self, users: IntArray) -> tuple[IntArray, FloatArray, BoolArray, str]:
        """Make lists of LENGTH products.

        Args:
            users: int64[m], row numbers; -1 for nobody.

        Returns:
            int32[m, LENGTH] row numbers, float32[m, LENGTH] scores, bool[m], which lists were made, and their source.
        """
        ...


class _Names(dict[str, int]):
    """Names of sources and fillers, numbered in the order in which they are first looked up."""

    def __missing__(self, name: str) -> int:
        self[name] = len(self)
        return self[name]


class _Asked(NamedTuple):
    """Distinct histories, those with the most events of all their users first.

    Attributes:
        user: int64[m], a user with the history; -1 for the first one, which is empty.
        low: uint64[m], of the fingerprints.
        high: uint64[m], of the fingerprints.
        order: int64[n_events], numbers of events, user by user.
        begins: int64[n_users + 1], where those of each user begin in order.
    """

    user: IntArray
    low: IntArray
    high: IntArray
    order: IntArray
    begins: IntArray


class _PlacesOfLists(NamedTuple):
    """Lists in columns; see PreparedLists."""

    item: IntArray
    score: FloatArray
    source: IntArray
    filled_by: IntArray


def _asked(data: TrainingData, weighting: Weighting) -> _Asked:
    events = data.events
    order = np.argsort(events.user_idx, kind="stable")
    n_events = np.bincount(events.user_idx, minlength=events.n_users)
    begins = np.concatenate([[0], np.cumsum(n_events)])
    low, high = _fingerprints(data, weighting, order, begins[:-1][n_events > 0])
    users = np.flatnonzero(n_events)
    is_short = n_events[users] <= LONGEST_HISTORY
    users, low, high = users[is_short], low[is_short], high[is_short]
    _, first, count = np.unique(low, return_index=True, return_counts=True)
    asked = count * n_events[users[first]]
    at = first[np.argsort(-asked, kind="stable")[:MOST_LISTS]]
    low, high = (np.insert(half[at], 0, 0) for half in (low, high))
    return _Asked(np.insert(users[at], 0, -1), low, high, order, begins)


def _made(
    pipeline: MakesLists,
    data: TrainingData,
    asked: _Asked,
    users: IntArray,
    names: _Names,
    in_blocks: MakesBlocks | None,
) -> _PlacesOfLists:
    """Make the lists of users: at once where that is possible, else one by one."""
    shape, is_made = (len(users), LENGTH), np.zeros(len(users), np.bool_)
    lists = _PlacesOfLists(
        np.full(shape, -1, np.int32), np.zeros(shape), np.zeros(shape, np.int8), np.full(shape, -1, np.int8)
    )
    if in_blocks is not None:
        lists.item[:], lists.score[:], is_made, source = in_blocks(users)
        lists.source[:] = names[source]
    for at in np.flatnonzero(~is_made).tolist():
        user = int(users[at])
        rows = asked.order[asked.begins[user] : asked.begins[user + 1]] if user >= 0 else asked.order[:0]
        listed = pipeline.recommend(Query(None, _events_at(data, rows), n=LENGTH))
        part = slice(0, len(listed))
        lists.item[at] = -1
        lists.item[at, part] = pipeline.items.rows_of([place.product_id for place in listed])
        lists.score[at, part] = [place.score for place in listed]
        lists.source[at, part] = [names[place.source] for place in listed]
        lists.filled_by[at, part] = [-1 if place.filled_by is None else names[place.filled_by] for place in listed]
    return lists


def _events_at(data: TrainingData, rows: IntArray) -> tuple[Event, ...]:
    events = data.events
    columns = (data.kind[rows], events.value[rows], events.at[rows])
    return tuple(
        Event("", product_id, KIND_ORDER[kind], value, None if at == NO_TIME else at)
        for product_id, kind, value, at in zip(
            events.items.ids_of(events.item_idx[rows].tolist()), *(column.tolist() for column in columns), strict=True
        )
    )


def _fingerprints(
    data: TrainingData, weighting: Weighting, order: IntArray, starts: IntArray
) -> tuple[IntArray, IntArray]:
    """Return uint64[m], the two halves of the fingerprints of the histories that begin at these places of an order."""
    events, rates = data.events, np.array([weighting.rates(kind) for kind in KIND_ORDER])
    product = _table_of(events.items.ids_of(range(events.n_items)))
    kind = _table_of([weighting.alike[kind].value for kind in KIND_ORDER])
    fades = bool(weighting.half_life_days)
    age = ages_by_group(events.user_idx, events.at, events.n_users) if fades else None
    halves = np.zeros((2, len(order)), np.uint64)
    for start in range(0, len(order), _EVENTS_AT_ONCE):
        rows = order[start : start + _EVENTS_AT_ONCE]
        item, number = events.item_idx[rows], data.kind[rows]
        value = np.where(rates[number], events.value[rows], _NO_VALUE).astype(np.float64).view(np.uint64)
        since = np.full(1, NO_TIME) if age is None else age[rows].astype(np.int64)
        for half, of_product, of_kind in zip(halves, product, kind, strict=True):
            half[start : start + len(rows)] = _of_event(of_product[item], of_kind[number], value, since.view(np.uint64))
    if not len(order):
        return halves[0], halves[1]
    low, high = (np.add.reduceat(half, starts) for half in halves)
    return low, high


def _table_of(texts: Sequence[str]) -> IntArray:
    """Return uint64[2, n], the halves of each text."""
    return np.frombuffer(b"".join(map(_bytes_of, texts)), "<u8").reshape(-1, 2).T.copy()


def _joined(parts: list[_PlacesOfLists], names: _Names, asked: _Asked) -> PreparedLists:
    """Return all lists by their fingerprints."""
    item, score, source, filled_by = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    low, high = asked.low[: len(item)], asked.high[: len(item)]
    order = np.argsort(low, kind="stable")
    if (score == score.astype(np.float32)).all():
        score = score.astype(np.float32)
    return PreparedLists(
        tuple(names), low[order], high[order], item[order], score[order], source[order], filled_by[order]
    )
