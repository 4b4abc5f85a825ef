"""Turn rows of text into events. Pure: a block in, clean events and rejected rows with their reasons out."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from src.dataset.columns import KIND, MARK, PRODUCT, TIME, USER, VALUE, Layout
from src.dataset.loading import RawBlock
from src.domain import CLOCK_TOLERANCE, MAX_VALUE, NO_TIME, BoolArray, EventBatch, EventKind, FloatArray, IntArray
from src.ids import MAX_ID_LENGTH, clean_id, has_bad_characters

_KINDS = {kind.value for kind in EventKind}
_EARLIEST = 0  # 1970: an earlier time in a shop's file is a mistake
_MILLISECONDS_FROM = 1e11  # as seconds that would be the year 5138


@dataclass(frozen=True)
class Limits:
    """What a row must keep to. now: UTC seconds; a later time (beyond a day, for clocks and zones) is refused."""

    rating_min: float
    rating_max: float
    now: int


@dataclass(frozen=True)
class RejectedRow:
    line: int
    reason: str
    fields: list[str]


@dataclass(frozen=True)
class CleanBlock:
    """Events in the file's order, and every row that could not become one."""

    events: EventBatch
    rejected: list[RejectedRow]


def clean(block: RawBlock, layout: Layout, limits: Limits) -> CleanBlock:
    """Check every row of a block; each becomes an event or a RejectedRow with the first reason found.

    Ids are stripped of surrounding blanks. An id read as `17850.0` is `17850`, as numeric columns write it.
    An empty time is NO_TIME; a wrong one rejects the row.
    """
    reasons = np.array([_shape_reason(row, layout) for row in block.rows], dtype=object)
    right_shape = np.flatnonzero(reasons == "")
    columns = _columns([block.rows[at] for at in right_shape], layout)

    def refuse(where: BoolArray, reason: str) -> None:
        at = right_shape[where]
        reasons[at[reasons[at] == ""]] = reason

    user, product = _ids(columns[USER]), _ids(columns[PRODUCT])
    kind = _kinds(columns, len(user))
    mark = columns.get(MARK, [""] * len(user))
    value, value_given = _numbers(columns[VALUE])
    at, time_ok = _times(columns.get(TIME), len(user))
    rating = _where(kind, lambda name: name == EventKind.RATING)

    for ids, name in ((user, "user id"), (product, "product id")):
        refuse(_where(ids, lambda text: not text), f"empty {name}")
        refuse(_where(ids, lambda text: len(text) > MAX_ID_LENGTH), f"{name} is longer than {MAX_ID_LENGTH}")
        refuse(_where(ids, has_bad_characters), f"{name} has control characters or is not UTF-8")
    refuse(_where(mark, has_bad_characters), "mark has control characters or is not UTF-8")
    refuse(_where(kind, lambda name: name not in _KINDS), "unknown kind of event")
    refuse(rating & ~value_given, "rating is empty")
    refuse(value_given & ~np.isfinite(value), "rating is not a number")
    refuse(rating & ((value < limits.rating_min) | (value > limits.rating_max)), "rating is out of range")
    refuse(~rating & value_given & ~((value > 0) & (value <= MAX_VALUE)), "value is not above 0")
    refuse(~time_ok, "time is not a number")
    refuse((at != NO_TIME) & (at < _EARLIEST), "time is before 1970")
    refuse(at > limits.now + CLOCK_TOLERANCE, "time is in the future")

    good = np.flatnonzero(reasons[right_shape] == "")
    events = EventBatch(
        user_id=[user[i] for i in good],
        product_id=[product[i] for i in good],
        kind=[kind[i] for i in good],
        value=np.where(value_given, value, 1.0)[good],
        at=at[good],
        mark=[mark[i] for i in good],
    )
    rejected = [RejectedRow(block.lines[i], reasons[i], block.rows[i]) for i in np.flatnonzero(reasons != "")]
    return CleanBlock(events, rejected)


def _shape_reason(row: list[str], layout: Layout) -> str:
    if len(row) == layout.width:
        return ""
    if len(row) == 1 and '"' in row[0]:  # reading hands out such a line unparted
        return "quote that is never closed"
    if len(row) == 1 and len(row[0]) > csv.field_size_limit():
        return "line is too long"
    return "missing field" if len(row) < layout.width else "too many fields"


def _columns(rows: list[list[str]], layout: Layout) -> dict[str, list[str]]:
    turned = list(zip(*rows, strict=True)) or [()] * layout.width
    return {role: list(turned[at]) for role, at in layout.columns.items()}


def _ids(texts: list[str]) -> list[str]:
    return [clean_id(text) for text in texts]


def _kinds(columns: dict[str, list[str]], n: int) -> list[str]:
    if KIND not in columns:
        return [EventKind.RATING.value] * n
    return [text.strip().lower() for text in columns[KIND]]


def _where(values: list[str], test: Callable[[str], bool]) -> BoolArray:
    return np.fromiter(map(test, values), dtype=np.bool_, count=len(values))


def _numbers(texts: list[str]) -> tuple[FloatArray, BoolArray]:
    """(float64 values, NaN where no number; whether anything was given)."""
    given = _where(texts, lambda text: bool(text.strip()))
    values = pd.to_numeric(pd.Series(texts, dtype=object).str.strip(), errors="coerce")
    return np.asarray(values, dtype=np.float64), given


def _times(texts: list[str] | None, n: int) -> tuple[IntArray, BoolArray]:
    """(int64 UTC seconds, NO_TIME where none was given; whether the text was a sane number or empty).

    Times in milliseconds are told by their size.
    """
    if texts is None:
        return np.full(n, NO_TIME, dtype=np.int64), np.ones(n, dtype=np.bool_)
    seconds, given = _numbers(texts)
    seconds = np.where(np.abs(seconds) >= _MILLISECONDS_FROM, seconds / 1_000, seconds)
    sane = np.isfinite(seconds) & (np.abs(seconds) < 2**53)
    # A given time of -1 must not pass for "no time".
    whole = np.where(sane, np.floor(np.where(sane, seconds, 0)), NO_TIME).astype(np.int64)
    at = np.where(given, np.where(whole == NO_TIME, NO_TIME - 1, whole), NO_TIME)
    at[~sane] = NO_TIME
    return at, sane | ~given
