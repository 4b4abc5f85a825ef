"""Rows of a file after they were completed and taken apart: one product and one customer a row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from src.ingestion.date_parts import day_of
from src.ingestion.input_files import InputFile
from src.ingestion.line_items import Item, Splitter
from src.ingestion.parsing import as_texts
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import RejectedRow, Rejection, RejectionCode

_FEWEST_HEADINGS, _MOST_IN_HEADING = 2, 2
_SHARED = 0.9  # share of rows without a customer that have a cell of the heading above
_UNCOUNTED = "cell of several products without a quantity for each: each was taken once"


class Rows(Protocol):
    """What all readers of rows have."""

    file: InputFile

    def describe(self) -> str:
        """Return the format for people."""

    def blocks(self) -> Iterator[RawBlock]:
        """Yield all rows."""


class RowMaker(Protocol):
    """What makes several rows of one, before all else."""

    @property
    def n_made(self) -> int:
        """How many columns it makes, which stand at the right."""

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the columns of the new rows."""

    def rows_of(self, row: Sequence[object]) -> Iterator[list[object]]:
        """Yield the rows that a row becomes: none where it has no event."""

    def note(self, names: Sequence[str]) -> str:
        """Return what is said of it, for people."""


@dataclass(frozen=True)
class FillDown:
    """Cells that stand in the first row of a group only, such as an order's customer.

    Attributes:
        key: Position of the group's id.
        columns: Positions of the cells to repeat in the other rows of the group.
        continues: Whether the id too is empty in these rows.
        required: Positions of which one must be filled, or the row has pictures only; empty for no such rule.
        heading: What stands before the id in rows that have the id alone, "Customer: " or "", and are no rows of the
            group; None where the first row of a group is one.
        same: Position of what a row must share with the heading above to belong to it; None for nothing.
        ends: Position of a cell without which a row ends its group, as a row of sums does; None for none.
    """

    key: int
    columns: tuple[int, ...]
    continues: bool = False
    required: tuple[int, ...] = ()
    heading: str | None = None
    same: int | None = None
    ends: int | None = None


@dataclass(frozen=True)
class ItemColumn:
    """A column whose cells hold several products.

    Attributes:
        at: Its position.
        split: What takes a cell apart.
        quantities: Position of a column of quantities, one for each product of the cell; None without one.
    """

    at: int
    split: Splitter
    quantities: int | None = None


@dataclass(frozen=True)
class ReshapedRows:
    """Rows of another reader, completed and taken apart.

    Attributes:
        inner: The other reader.
        fill: What is repeated; None for nothing.
        items: Which column is taken apart; None for none.
        later: Position of a cell and its text, in lower case, by which rows come after all others; None for no order.
        day: Positions of year, month and day, which are put together at the right of each row; () for none.
        wide: Columns that become rows, before all else; None for none.
    """

    inner: Any
    fill: FillDown | None = None
    items: ItemColumn | None = None
    later: tuple[int, str] | None = None
    day: tuple[int, ...] = ()
    wide: RowMaker | None = None

    @property
    def file(self) -> InputFile:
        """The file."""
        file: InputFile = self.inner.file
        return file

    def describe(self) -> str:
        """Return the format for people."""
        return str(self.inner.describe())

    def reshape(self, rows: Sequence[Sequence[object]]) -> list[Sequence[object]]:
        """Return rows, such as those of a sample, reshaped."""
        lines = list(range(1, len(rows) + 1))
        return list(self._taken_apart(self._filled(self._dated(self._narrow(RawBlock(lines, list(rows)))), {})).rows)

    def blocks(self) -> Iterator[RawBlock]:
        """Yield all rows, reshaped; a row that is taken apart keeps its line number."""
        if self.later is None:
            yield from self._reshaped()
            return
        for block in self._reshaped():
            yield self._part(block, is_later=False)
        for block in self._reshaped():
            yield self._part(block, is_later=True)

    def _reshaped(self) -> Iterator[RawBlock]:
        group: dict[int, object] = {}
        for block in self.inner.blocks():
            yield self._taken_apart(self._filled(self._dated(self._narrow(block)), group))

    def _narrow(self, block: RawBlock) -> RawBlock:
        """Return the block with a row for each cell of the wide columns."""
        if self.wide is None:
            return block
        found = [(at, row) for at, whole in enumerate(block.rows) for row in self.wide.rows_of(whole)]
        at, rows = [at for at, _ in found], [row for _, row in found]
        return RawBlock([block.lines[each] for each in at], list(rows), block.broken, _picked(block.texts, at))

    def _dated(self, block: RawBlock) -> RawBlock:
        """Return the block with the day of each row at its right."""
        if not self.day:
            return block
        rows: list[Sequence[object]] = [[*row, day_of(as_texts([row[at] for at in self.day]))] for row in block.rows]
        return RawBlock(block.lines, rows, block.broken, block.texts)

    def _part(self, block: RawBlock, *, is_later: bool) -> RawBlock:
        """Return the rows that come later, or the others with the broken ones."""
        at, text = self.later or (0, "")
        kept = [
            index
            for index, cell in enumerate(as_texts([row[at] for row in block.rows]))
            if (cell.lower() == text) is is_later
        ]
        rows = [block.rows[index] for index in kept]
        return RawBlock(
            [block.lines[i] for i in kept],
            rows,
            [] if is_later else block.broken,
            _picked(block.texts, kept),
            Counter() if is_later else block.mended,
        )

    def _filled(self, block: RawBlock, group: dict[int, object]) -> RawBlock:
        """Return the block with repeated cells.

        Args:
            block: Rows.
            group: Position → cell of the group's first row; changed to that of the last group.
        """
        fill = self.fill
        if fill is None:
            return block
        kept, rows, broken = [], [], list(block.broken)
        for at, row in enumerate(block.rows):
            key = row[fill.key]
            if fill.ends is not None and _is_empty(row[fill.ends]):
                group.clear()
            elif not _is_empty(key) and key != group.get(fill.key):
                group.clear()
                told = (fill.key, *fill.columns, *(() if fill.same is None else (fill.same,)))
                group.update({column: row[column] for column in told})
                if fill.heading is not None and all(_is_empty(row[column]) for column in fill.required):
                    group[fill.key] = str(key).strip().removeprefix(fill.heading)
                    broken.append(block.reject(at, Rejection(RejectionCode.GROUP_HEADING)))
                    continue
                if fill.heading is not None:
                    group.clear()  # a whole row is no heading of those below
            elif (
                group
                and (fill.continues or not _is_empty(key))
                and (fill.same is None or row[fill.same] == group[fill.same])
            ):
                if fill.required and all(_is_empty(row[column]) for column in fill.required):
                    code = RejectionCode.NO_VARIANT if fill.heading is None else RejectionCode.GROUP_HEADING
                    broken.append(block.reject(at, Rejection(code)))
                    continue
                filled = list(row)
                for column, cell in group.items():
                    if _is_empty(filled[column]):
                        filled[column] = cell
                row = filled
            kept.append(at)
            rows.append(row)
        return RawBlock([block.lines[at] for at in kept], rows, broken, _picked(block.texts, kept))

    def _taken_apart(self, block: RawBlock) -> RawBlock:
        """Return the block with one row for each product."""
        column = self.items
        if column is None:
            return block
        origins: list[int] = []
        rows: list[Sequence[object]] = []
        broken: list[RejectedRow] = list(block.broken)
        mended = Counter(block.mended)
        for at, row in enumerate(block.rows):
            text = as_texts([row[column.at]])[0] if isinstance(row[column.at], str) else _as_json(row[column.at])
            items = column.split(text) if text else [Item("")]
            if items is None:
                broken.append(block.reject(at, Rejection(RejectionCode.ITEMS_UNREADABLE)))
                continue
            for item in self._with_quantities(items, row, mended):
                origins.append(at)
                rows.append([*row, *item])
        return RawBlock([block.lines[at] for at in origins], rows, broken, _picked(block.texts, origins), mended)

    def _with_quantities(self, items: list[Item], row: Sequence[object], mended: Counter[str]) -> list[Item]:
        """Return the items with the quantities of the column beside them, if they are as many; else count it."""
        column = self.items
        if column is None or column.quantities is None or any(item.quantity for item in items):
            return items
        text = as_texts([row[column.quantities]])[0].strip("[]")
        for separator in ("|", ";", ",", "\n", "/", " "):
            parts = [part.strip() for part in text.split(separator) if part.strip()]
            if len(parts) == len(items) and (len(items) > 1 or separator == "|"):
                return [item._replace(quantity=part) for item, part in zip(items, parts, strict=True)]
        if text and len(items) > 1:
            mended[_UNCOUNTED] += 1
        return [items[0]._replace(quantity=text)] if len(items) == 1 else items


def _picked(texts: list[str] | None, at: list[int]) -> list[str] | None:
    return None if texts is None else [texts[each] for each in at]


def _is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _as_json(cell: object) -> str:
    import json

    return json.dumps(cell) if isinstance(cell, list | dict) else as_texts([cell])[0]


def find_headings(rows: Sequence[Sequence[str]], key: int, product: int) -> FillDown | None:
    """Find rows that have an id, such as a customer's, and nothing else, above the rows that belong to it.

    Args:
        rows: First rows, as texts.
        key: Position of the id.
        product: Position of the product.

    Returns:
        What to repeat; None for an ordinary table.
    """
    heads = [row for row in rows if row[key].strip() and not row[product].strip()]
    lines = [row for row in rows if row[product].strip()]
    is_alone = all(sum(bool(cell.strip()) for cell in row) <= _MOST_IN_HEADING for row in heads)
    if len(heads) < _FEWEST_HEADINGS:
        return None
    if not is_alone or any(row[key].strip() for row in lines) or len(lines) < len(heads):
        same = _shared_by_packages(rows, key, product)
        return None if same is None else FillDown(key, (), True, required=(product,), heading="", same=same)
    before = {match[0] if (match := re.match(r"[^:#]*[:#]\s*", row[key].strip())) else "" for row in heads}
    return FillDown(key, (), continues=True, required=(product,), heading=before.pop() if len(before) == 1 else "")


def _shared_by_packages(rows: Sequence[Sequence[str]], key: int, product: int) -> int | None:
    """Return the column, such as a time, by which rows without a customer belong to one without a product above.

    Rows that merely lack their customer are rare and stand below any row. So most rows without a product must be such
    headings, and what a heading shares with the rows below must tell it from other headings, as a state does not.

    Args:
        rows: First rows, as texts.
        key: Position of the customer.
        product: Position of the product.
    """
    packages: list[tuple[Sequence[str], list[Sequence[str]]]] = []
    n_lines, above = 0, False
    for row in rows:
        if row[key].strip():
            above = not row[product].strip()
            packages += [(row, [])] if above else []
        elif row[product].strip():
            n_lines += 1
            if above:
                packages[-1][1].append(row)
    whole = [(head, lines) for head, lines in packages if lines]
    if len(whole) < max(_FEWEST_HEADINGS, len(packages) / 2):
        return None
    shared = {
        at: sum(bool(head[at].strip()) and row[at] == head[at] for head, lines in whole for row in lines)
        for at in range(len(rows[0]))
        if len({head[at] for head, _ in whole}) > len(whole) / 2
    }
    best = max(shared, key=lambda at: shared[at], default=None)
    return best if best is not None and shared[best] >= _SHARED * n_lines else None


def find_fill_down(
    rows: Sequence[Sequence[str]], key: int, columns: Sequence[int], required: Sequence[int], line: int | None = None
) -> FillDown | None:
    """Find the columns that are filled in the first row of each group only.

    Args:
        rows: First rows, as texts.
        key: Position of the group's id.
        columns: Positions of columns that may be repeated.
        required: Positions of which one must be filled in a row that counts.
        line: Position of what each line of a group has, such as its product; None if lines may lack it. Rows of sums
            have none, so that what they leave empty groups nothing.

    Returns:
        What to repeat; None for nothing.
    """
    first: list[Sequence[str]] = []
    later: list[Sequence[str]] = []
    before = ""
    n_continued = 0
    for row in rows:
        if row[key].strip() and row[key] != before:
            first.append(row)
            before = row[key]
        elif before and (line is None or row[line].strip()):
            later.append(row)
            n_continued += not row[key].strip()
    if not later or not first:
        return None
    repeated = tuple(
        at
        for at in columns
        if at != key
        and sum(not row[at].strip() for row in later) >= 0.9 * len(later)
        and sum(bool(row[at].strip()) for row in first) >= 0.5 * len(first)
    )
    if not repeated:
        return None
    # What few orders have, such as a day of cancelling, is the order's where no other row has any.
    repeated += tuple(
        at
        for at in columns
        if at not in (key, *repeated)
        and not any(row[at].strip() for row in later)
        and any(row[at].strip() for row in first)
    )
    return FillDown(key, repeated, n_continued >= 0.9 * len(later), tuple(required))
