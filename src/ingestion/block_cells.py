"""Recognize customers that stand on the first row of a block only, as merged cells of workbooks leave them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.ingestion.parsing import time_format
from src.ingestion.reshaped_rows import FillDown

_FEWEST_BLOCKS = 3
_FEWEST_LINES = 8
_OPEN = 0.4  # share of lines without the cell, from which it is no gap
_MOSTLY, _RARELY = 0.9, 0.1
_RESTARTS = 0.5  # share of blocks before which the days go back


@dataclass(frozen=True)
class BlockCells:
    """Rows whose cell of a column may be that of the row above.

    Attributes:
        fill: What to repeat.
        is_sure: Whether sums or days show that blocks begin where the cell is filled; else rows may lack it.
        n_open: Lines without the cell.
        n_lines: All lines.
    """

    fill: FillDown
    is_sure: bool
    n_open: int
    n_lines: int


def find_blocks(rows: Sequence[Sequence[str]], key: int, product: int, time: int | None) -> BlockCells | None:
    """Find out whether a cell stands for the rows below it: no value comes again, and most rows have none.

    Rows of guests lack their customer too. But those of a block go back to an earlier day with the next customer, while
    their own days go on; or each block ends with a row of sums, and the row after it is filled.

    Args:
        rows: First rows, as texts.
        key: Position of the cell.
        product: Position of the product, without which a row is a sum.
        time: Position of the time; None without one.

    Returns:
        What was found; None for an ordinary table.
    """
    is_line = [bool(row[product].strip()) for row in rows]
    lines = [row for row, told in zip(rows, is_line, strict=True) if told]
    begins = [bool(row[key].strip()) for row in lines]
    values = {row[key].strip() for row in lines} - {""}
    n_blocks, n_open = sum(begins), len(lines) - sum(begins)
    if len(lines) < _FEWEST_LINES or n_blocks < _FEWEST_BLOCKS or n_open < _OPEN * len(lines):
        return None
    if not begins[0] or len(values) < _MOSTLY * n_blocks:
        return None
    after = [at for at in range(1, len(rows)) if is_line[at] and not is_line[at - 1]]
    n_after = sum(bool(rows[at][key].strip()) for at in after)
    has_sums = n_after >= _MOSTLY * max(len(after), n_blocks - 1)
    is_sure = has_sums or (time is not None and _go_back([row[time] for row in lines], begins))
    return BlockCells(FillDown(key, (), continues=True, ends=product), is_sure, n_open, len(lines))


def _go_back(times: list[str], begins: Sequence[bool]) -> bool:
    """Whether days go back where blocks begin, and hardly ever inside of them."""
    seconds, is_known = time_format(times)[0].seconds(times)
    if not np.all(is_known):
        return False
    back, first = np.diff(seconds) < 0, np.array(begins[1:])
    return bool(back[first].mean() >= _RESTARTS and back[~first].mean() <= _RARELY)
