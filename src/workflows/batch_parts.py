"""Parts of the batch of all users' lists: what they are made of, and one part as a Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix

from src.core.all_cores import on_one_core
from src.core.domain import NO_TIME, BoolArray, Event, FloatArray, IntArray, Query, Rules
from src.interactions.event_weights import KIND_NUMBER, KIND_ORDER
from src.interactions.interactions import TrainingData
from src.models.compiled_top_n import best_of_rows
from src.recommendation.history_rows import RECENT
from src.recommendation.list_blocks import lists_of_rows, makes_blocks
from src.recommendation.pipeline import Pipeline

MOST_PER_PART, _FEWEST_PER_PART, _FEWEST_PARTS = 20_000, 500, 16
"""Users of a part; a batch has so many parts that all cores are busy to its end."""
SCHEMA = pa.schema(
    {
        "user_id": pa.string(),
        "product_ids": pa.list_(pa.string()),
        "scores": pa.list_(pa.float32()),
        "sources": pa.list_(pa.string()),
        "release": pa.string(),
    }
)


@dataclass(frozen=True)
class BatchRequest:
    """The lists to make.

    Attributes:
        file: The Parquet file to write.
        n: Length of a list.
        users: A text file with an id on each line; None for all users with an event.
    """

    file: Path
    n: int = 50
    users: Path | None = None


@dataclass(frozen=True)
class BatchWork:
    """What all parts are made of.

    Attributes:
        pipeline: Makes the lists.
        data: The events.
        rows: int64[n_events], numbers of events, user by user, oldest first.
        begins: int64[n_users + 1], where the events of each user begin in rows.
        users: int64[m], the users, equal histories side by side; -1 - k for the k-th of `unknown`.
        mark: uint64[m], equal for equal histories only (but for one case in 2⁶⁴ of any two).
        unknown: Ids of users without an event.
        rules: Of the lists.
        request: What was asked for.
        release: That makes the lists.
        folder: Where the parts are.
    """

    pipeline: Pipeline
    data: TrainingData
    rows: IntArray
    begins: IntArray
    users: IntArray
    mark: IntArray
    unknown: Sequence[str]
    rules: Rules
    request: BatchRequest
    release: str
    folder: Path

    @property
    def per_part(self) -> int:
        """Number of users of a part; the same when an interrupted batch goes on."""
        return max(_FEWEST_PER_PART, min(MOST_PER_PART, len(self.users) // _FEWEST_PARTS))

    @property
    def n_parts(self) -> int:
        """Number of parts."""
        return -(-len(self.users) // self.per_part)

    def part_of(self, number: int) -> slice:
        """Return the users of a part."""
        return slice(number * self.per_part, min((number + 1) * self.per_part, len(self.users)))

    def file_of(self, number: int) -> Path:
        """Return the file of a part."""
        return self.folder / f"{number:06d}.parquet"

    def id_of(self, user: int) -> str:
        """Return the id of a user."""
        return self.unknown[-1 - user] if user < 0 else self.data.users.id_of(user)

    def history_of(self, user: int) -> tuple[Event, ...]:
        """Return the events of a user, oldest first."""
        if user < 0:
            return ()
        rows, events = self.rows[self.begins[user] : self.begins[user + 1]], self.data.events
        columns = (self.data.kind[rows], events.value[rows], events.at[rows])
        ids = events.items.ids_of(events.item_idx[rows].tolist())
        return tuple(
            Event("", id_, KIND_ORDER[kind], value, None if at == NO_TIME else at)
            for id_, kind, value, at in zip(ids, *(column.tolist() for column in columns), strict=True)
        )

    @property
    def n(self) -> int:
        """Length of a list: never more than there are items."""
        return min(self.request.n, len(self.pipeline.items))

    @cached_property
    def histories(self) -> csr_matrix | None:
        """float32 CSR [n_users, n_items of the release], what requests see of histories; None if not for blocks."""
        weighting, items = self.pipeline.weighting, self.data.events.items
        column = items.rows_in(self.pipeline.items)
        if not makes_blocks(self.pipeline) or self.rules != Rules() or (weighting.half_life_days and column.min() < 0):
            return None
        return _in_columns(replace(self.data, weighting=weighting).histories, column, len(self.pipeline.items))

    @cached_property
    def seen(self) -> csr_matrix:
        """float32 CSR [n_users, n_items of the release], above 0 for what a list must not hold."""
        events, kinds = self.data.events, [KIND_NUMBER[kind] for kind in self.rules.seen]
        rows = np.flatnonzero(np.isin(self.data.kind, kinds))
        pairs = (events.user_idx[rows], events.item_idx[rows])
        matrix = csr_matrix((np.ones(len(rows), np.float32), pairs), shape=(events.n_users, events.n_items))
        return _in_columns(matrix, events.items.rows_in(self.pipeline.items), len(self.pipeline.items))

    @cached_property
    def product_ids(self) -> Any:
        """Pyarrow string[n_items], the ids of the release's products."""
        return pa.array(self.pipeline.items.ids_of(range(len(self.pipeline.items))), pa.string())

    def prepare(self) -> None:
        """Compute what all parts need, before processes are forked that share it."""
        if self.histories is not None:
            _ = self.seen
            best_of_rows(np.zeros((1, 1), np.float32), 1)  # loads the compiled code
        _ = self.product_ids


def _in_columns(matrix: csr_matrix, column: IntArray, n_columns: int) -> csr_matrix:
    """Return a matrix whose columns have other numbers, ascending in each row; -1 leaves a column out."""
    known = column[matrix.indices] >= 0
    pointers = np.concatenate([[0], np.cumsum(known)])[matrix.indptr]
    moved = csr_matrix(
        (matrix.data[known], column[matrix.indices[known]], pointers), shape=(matrix.shape[0], n_columns)
    )
    moved.sort_indices()
    return moved


@dataclass(frozen=True)
class _Lists:
    """Lists in columns.

    Attributes:
        item: int32[n_lists, n], row numbers; -1 beyond the end of a list.
        score: float32[n_lists, n].
        source: int8[n_lists, n], places in `names`.
        names: of models.
    """

    item: IntArray
    score: FloatArray
    source: IntArray
    names: list[str]


def make_part(work: BatchWork, number: int) -> tuple[int, int]:
    """Write the part of this number, whole or not at all; return its numbers of users and of distinct histories."""
    part = work.part_of(number)
    users, mark = work.users[part], work.mark[part]
    first = np.append(True, mark[1:] != mark[:-1])
    with on_one_core():  # each process has its own
        lists = _lists_of(work, users[first])
    table = _table(work, users, lists, np.cumsum(first) - 1)
    file = work.file_of(number)
    unfinished = file.with_suffix(".tmp")
    pq.write_table(table, unfinished)
    unfinished.replace(file)
    return len(users), int(first.sum())


def _lists_of(work: BatchWork, users: IntArray) -> _Lists:
    """Make the lists of users with distinct histories: in blocks where that is possible, else one by one."""
    shape, names = (len(users), work.n), list(work.pipeline.list_models)
    lists = _Lists(np.full(shape, -1, np.int32), np.zeros(shape, np.float32), np.zeros(shape, np.int8), names)
    lists.source[:] = names.index(work.pipeline.default)
    is_made = _write_blocks(work, users, lists) if work.histories is not None else np.zeros(len(users), np.bool_)
    number = {name: at for at, name in enumerate(names)}
    for at in np.flatnonzero(~is_made).tolist():
        user = int(users[at])
        query = Query(work.id_of(user), work.history_of(user), n=work.n, rules=work.rules)
        listed, lists.item[at] = work.pipeline.recommend(query), -1
        lists.item[at, : len(listed)] = work.pipeline.items.rows_of([place.product_id for place in listed])
        lists.score[at, : len(listed)] = [place.score for place in listed]
        lists.source[at, : len(listed)] = [number[place.source] for place in listed]
    return lists


def _write_blocks(work: BatchWork, users: IntArray, lists: _Lists) -> BoolArray:
    """Write lists that can be made in blocks; return bool[n_users], which they are."""
    assert work.histories is not None
    n_events = work.begins[np.maximum(users, 0) + 1] - work.begins[np.maximum(users, 0)]
    rows = np.where((users >= 0) & (n_events <= RECENT), users, -1)
    made = lists_of_rows(work.pipeline, work.histories, work.seen, rows, work.n)
    lists.item[:], lists.score[:] = made.item, made.score
    return made.is_whole


def _table(work: BatchWork, users: IntArray, lists: _Lists, row: IntArray) -> Any:
    """Return the rows of the file; row: int64[n_users], the list of each user."""
    is_place = lists.item[row] >= 0
    offsets = pa.array(np.concatenate([[0], np.cumsum(is_place.sum(axis=1))]).astype(np.int32))
    values = (
        work.product_ids.take(pa.array(lists.item[row][is_place])),
        pa.array(lists.score[row][is_place]),
        pa.array(lists.names, pa.string()).take(pa.array(lists.source[row][is_place])),
    )
    ids = [work.id_of(user) for user in users.tolist()]
    columns = [ids, *(pa.ListArray.from_arrays(offsets, each) for each in values), [work.release] * len(users)]
    return pa.table(columns, schema=SCHEMA)
