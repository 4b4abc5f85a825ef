"""Events as a few columns, in which millions can be sorted: a file's events between cleaning and storing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from src.core.domain import BoolArray, EventBatch, FloatArray, IntArray, Product, no_events
from src.ingestion.rejections import RejectedRow
from src.ingestion.row_validation import ValidatedBlock
from src.ingestion.word_account import Word

SEPARATOR = b"\0"
"""Between the parts of a key. No id, kind or mark contains it, and it sorts before every other byte."""
_KEY_PARTS = 4


@dataclass(frozen=True)
class EventColumns:
    """Columns of n events.

    Attributes:
        key: pyarrow binary[n]: user, product, kind and mark in UTF-8 with SEPARATOR between. The order of these bytes
            is the order of the store.
        value: float64[n].
        at: int64[n], UTC seconds, NO_TIME where unknown.
        counted: bool[n], whether equal events are told apart by counting them.
        place: int64[n], the place of each event among those of its block, or of its file, from 0.
    """

    key: Any
    value: FloatArray
    at: IntArray
    counted: BoolArray
    place: IntArray

    def __len__(self) -> int:
        return len(self.key)

    def take(self, positions: IntArray) -> EventColumns:
        """Return the events at these positions, in this order."""
        key = self.key.take(pa.array(positions))
        return EventColumns(
            key, self.value[positions], self.at[positions], self.counted[positions], self.place[positions]
        )

    def in_order(self) -> EventColumns:
        """Return the events by key, time and place."""
        order = pc.sort_indices(self.key).to_numpy()  # a stable sort
        ordered = self.take(order)
        group = ordered.group()
        if not len(group) or group[-1] == len(group) - 1:
            return ordered
        size = np.bincount(group)[group]
        repeated = np.flatnonzero(size > 1)
        by_time = np.lexsort((ordered.place[repeated], ordered.at[repeated], group[repeated]))
        order = np.arange(len(ordered))
        order[repeated] = repeated[by_time]
        return ordered.take(order)

    def group(self) -> IntArray:
        """Return int64[n], numbers from 0 that are the same for neighbours with equal keys."""
        if not len(self):
            return np.zeros(0, np.int64)
        differs = pc.not_equal(self.key[1:], self.key[:-1]).to_numpy(zero_copy_only=False)
        return np.concatenate([[0], np.cumsum(differs)])

    def texts(self, *parts: int) -> list[list[str]]:
        """Return parts of all keys as texts: 0 users, 1 products, 2 kinds, 3 marks."""
        return [column.cast(pa.string()).to_pylist() for column in self._split(*parts)]

    def products(self) -> Any:
        """Return the distinct products, pyarrow binary."""
        return pc.unique(self._split(1)[0])

    def _split(self, *parts: int) -> list[Any]:
        every = pc.split_pattern(self.key, SEPARATOR).flatten()
        return [every.take(pa.array(np.arange(part, len(every), _KEY_PARTS))) for part in parts]


@dataclass(frozen=True)
class ColumnBlock:
    """The result of validating a block of rows, with its events in columns; see ValidatedBlock.

    Attributes:
        n_rows: Rows in the block, good and rejected ones.
        events: Events of the good rows.
        products: Products of the good rows.
        rejected: Rows that cannot be used, in the order of the file.
        mended: What was repaired or left out of products → times.
        nulls: Column → good rows in which it is empty.
        renamed: Id of a product in the file → the one that an option gives it.
        by_kind: Kind → events.
        undone: What was bought in orders that were cancelled or refunded, as returns.
        parent: Id of a product → the one whose row names it as a variant.
        words: Words that decide what a row counts for → rows.
    """

    n_rows: int
    events: EventColumns
    products: list[Product]
    rejected: list[RejectedRow]
    mended: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    by_kind: Counter[str] = field(default_factory=Counter)
    undone: EventBatch = field(default_factory=no_events)
    parent: dict[str, str] = field(default_factory=dict)
    words: Counter[Word] = field(default_factory=Counter)

    def in_order(self) -> ColumnBlock:
        """Return the block with its events by key, time and place."""
        return replace(self, events=self.events.in_order())


def as_columns(block: ValidatedBlock) -> ColumnBlock:
    """Return a validated block with its events in columns."""
    batch, n = block.events, len(block.events)
    texts = (batch.user_id, batch.product_id, batch.kind, batch.dedupe_key or [""] * n)
    key = keys_of(*(pa.array(column, pa.string()).cast(pa.binary()) for column in texts))
    events = EventColumns(key, batch.value, batch.at, block.counted, np.arange(n))
    return ColumnBlock(
        block.n_rows,
        events,
        block.products,
        block.rejected,
        block.mended,
        block.nulls,
        block.renamed,
        block.by_kind,
        block.undone,
        block.parent,
        block.words,
    )


def keys_of(*parts: Any) -> Any:
    """Join users, products, kinds and marks, pyarrow's binary columns or single values, to keys."""
    return pc.binary_join_element_wise(*parts, pa.scalar(SEPARATOR))
