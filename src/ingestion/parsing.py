"""Cells as numbers and times: what shops write, whatever the country."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from src.core.domain import NO_TIME, BoolArray, FloatArray, IntArray
from src.ingestion.raw_rows import EMPTY_TEXTS

_MILLISECONDS_FROM, _MICROSECONDS_FROM, _NANOSECONDS_FROM = 1e11, 1e14, 1e17  # as seconds: the year 5138 and later
_COMMA_NUMBER = re.compile(r"\d,\d+\D*$")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_POINTED_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
_EXCEL_EPOCH, _DAY = -2_209_161_600, 86_400  # 30 December 1899: Excel's day 0
_EXCEL_DAYS = (20_000, 80_000)  # 1954 to 2119
EPOCH_FROM = 100_000_000
"""Seconds: 1973. Smaller numbers are hardly the times of a shop."""
_EARLIEST_DAY, _LATEST_DAY = 19_700_101, 21_001_231

EPOCH, ISO, EXCEL = "unix time", "ISO 8601", "Excel's days"
_DAY_FIRST = (
    "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%d-%m-%Y", "%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%d/%m/%y", "%d/%m/%y %H:%M", "%d.%m.%y", "%d-%m-%y",
)  # fmt: skip
_MONTH_FIRST = (
    *(pattern.replace("%d", "%?").replace("%m", "%d").replace("%?", "%m") for pattern in _DAY_FIRST),
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
)
DAYS_AND_MONTHS = frozenset((*_DAY_FIRST, *_MONTH_FIRST))
_NAMED = (
    "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%m %d, %Y", "%Y/%m/%d", "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S", "%Y%m%d", "%d-%b-%Y %H:%M:%S", "%b %d, %Y %H:%M:%S", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip


def as_texts(cells: Sequence[object]) -> list[str]:
    """Every cell as text without blanks around it; "" for None, NaN, and what is neither text nor number."""
    try:
        return list(map(str.strip, cells))  # type: ignore[arg-type]
    except TypeError:
        return [_text(cell) for cell in cells]


def _text(cell: object) -> str:
    if isinstance(cell, bool) or cell is None or isinstance(cell, str):
        return "" if cell is None else str(cell).strip()
    if isinstance(cell, float):
        return "" if cell != cell else repr(cell)
    return str(cell) if isinstance(cell, int | Decimal) else ""


def is_nothing(text: str) -> bool:
    """Whether this is one of the ways in which programs write "nothing"."""
    return text.lower() in EMPTY_TEXTS


def numbers(texts: list[str], decimal: str = ".") -> tuple[FloatArray, BoolArray]:
    """(float64 values, NaN where there is no number; whether anything was given)."""
    if decimal == ",":
        texts = [_with_point(text) if "," in text or "." in text else text for text in texts]
    elif "," in "".join(texts):
        texts = [text.replace(",", "") if _THOUSANDS.fullmatch(text) else text for text in texts]
    try:
        values = np.fromiter(map(float, texts), np.float64, len(texts))
        # Python also takes 1_000 for a number, ٣, and words for NaN and infinity: those go the long way.
        joined = "".join(texts)
        if np.isfinite(values).all() and "_" not in joined and joined.isascii():
            return values, np.ones(len(texts), dtype=np.bool_)
    except ValueError:
        pass
    found = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce")
    return np.asarray(found, dtype=np.float64), _given(texts)


def _with_point(text: str) -> str:
    """A number with a decimal comma, as Python writes it."""
    if "," in text:
        return text.replace(".", "").replace(",", ".")
    return text.replace(".", "") if _POINTED_THOUSANDS.fullmatch(text) else text


def _given(texts: list[str]) -> BoolArray:
    return np.fromiter((len(text) > 4 or not is_nothing(text) for text in texts), np.bool_, len(texts))


def decimal_of(texts: Sequence[str]) -> str:
    """ "," if these numbers are written with decimal commas, else "."."""
    filled = [text for text in texts if not is_nothing(text)]
    commas = [text for text in filled if "," in text and not _THOUSANDS.fullmatch(text)]
    pointed = any("." in text and "," not in text and not _POINTED_THOUSANDS.fullmatch(text) for text in filled)
    return "," if commas and not pointed and all(_COMMA_NUMBER.search(text) for text in commas) else "."


@dataclass(frozen=True)
class TimeFormat:
    """How a column writes times. patterns: EPOCH, ISO, or strptime's; the first that fits a cell is taken.

    A time without a zone is UTC.
    """

    patterns: tuple[str, ...]

    def notes(self, sample: list[str]) -> list[str]:
        """What people should know of these times."""
        if self.patterns[0] == EXCEL:
            return ["times were read as Excel's days since 1900; for none: --columns time="]
        if self.patterns[0] != EPOCH:
            return []
        at, _ = self.seconds([text for text in sample if not is_nothing(text)])
        if not len(at) or np.median(at) >= EPOCH_FROM:
            return []
        return ["times were read as unix time, and most lie before 1973; if they are something else: --columns time="]

    def seconds(self, texts: list[str]) -> tuple[IntArray, BoolArray]:
        """(int64 UTC seconds, NO_TIME where none was given; whether the text was a time or nothing)."""
        at, open_ = np.full(len(texts), NO_TIME, dtype=np.int64), np.ones(len(texts), dtype=np.bool_)
        if self.patterns[0] == EPOCH:
            found, sane = _epoch(texts)
            if sane.all() and (found != NO_TIME).all():
                return found, sane
        given = _given(texts)
        open_ &= given
        for pattern in self.patterns:
            if not open_.any():
                break
            where = np.flatnonzero(open_)
            part = texts if len(where) == len(texts) else [texts[i] for i in where]
            found, sane = _parse(part, pattern)
            at[where[sane]] = found[sane]
            open_[where[sane]] = False
        # A given time of -1 must not pass for "no time".
        at[given & ~open_ & (at == NO_TIME)] = NO_TIME - 1
        return at, ~open_


def time_format(
    sample: Sequence[str], day_first: bool | None = None, is_european: bool = False
) -> tuple[TimeFormat, bool]:
    """(the format that fits most of the sample, whether days and months could be the other way round).

    day_first: what somebody who knows has said. is_european: whether the file looks as if days were written first.
    """
    filled = [text for text in sample if not is_nothing(text)]
    if not filled:
        return TimeFormat((EPOCH, ISO)), False
    if sum(map(_is_plain_day, filled)) * 2 > len(filled):
        return TimeFormat(("%Y%m%d",)), False
    if _fit(filled, EXCEL) * 2 > len(filled):
        return TimeFormat((EXCEL,)), False
    numeric, textual = (_fit(filled, pattern) for pattern in (EPOCH, ISO))
    if max(numeric, textual) * 2 > len(filled):
        return TimeFormat((EPOCH, ISO) if numeric >= textual else (ISO, EPOCH)), False
    day, n_day = _best(filled, _DAY_FIRST)
    month, n_month = _best(filled, _MONTH_FIRST)
    named, n_named = _best(filled, _NAMED)
    if n_named > max(n_day, n_month):
        return TimeFormat(named), False
    if day_first is None:
        # Points are written where the day comes first; slashes and dashes mostly where the month does.
        takes_day = n_day > n_month or (n_day == n_month and (is_european or "." in filled[0]))
        return TimeFormat(day if takes_day else month), n_day == n_month > 0
    return TimeFormat(day if day_first else month), False


def _is_plain_day(text: str) -> bool:
    return len(text) == 8 and text.isdecimal() and _EARLIEST_DAY < int(text) <= _LATEST_DAY


def _best(texts: list[str], patterns: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """(all patterns that fit something, best first; how many texts the best fits)."""
    fits = sorted(((_fit(texts, pattern), pattern) for pattern in patterns), key=lambda entry: -entry[0])
    return tuple(pattern for count, pattern in fits if count) or (patterns[0],), fits[0][0]


def _fit(texts: list[str], pattern: str) -> int:
    return int(_parse(texts, pattern)[1].sum())


def _parse(texts: list[str], pattern: str) -> tuple[IntArray, BoolArray]:
    """(int64 UTC seconds, whether each text was one)."""
    if pattern == EPOCH:
        return _epoch(texts)
    if pattern == EXCEL:
        days, _ = numbers(texts)
        sane = (days >= _EXCEL_DAYS[0]) & (days <= _EXCEL_DAYS[1])
        seconds = np.round(np.where(sane, days, 0) * _DAY) + _EXCEL_EPOCH
        return np.where(sane, seconds, NO_TIME).astype(np.int64), np.asarray(sane)
    if pattern == ISO:
        pattern, texts = "ISO8601", [f"{text[:-4]}Z" if text.endswith(" UTC") else text for text in texts]
        # A bare year or month is more likely some other number.
        texts = [text if len(text) >= 8 and not text.isdecimal() else "" for text in texts]
    found = pd.to_datetime(pd.Series(texts, dtype=object), format=pattern, errors="coerce", utc=True)
    sane = np.asarray(found.notna())
    seconds = np.full(len(texts), NO_TIME, dtype=np.int64)
    micro = found[sane].to_numpy(dtype="datetime64[us]").astype(np.int64)
    seconds[sane] = micro // 1_000_000
    return seconds, sane


def _epoch(texts: list[str]) -> tuple[IntArray, BoolArray]:
    """Seconds, or milli-, micro- and nanoseconds, which their size tells."""
    values, _ = numbers(texts)
    size = np.abs(values)
    for start, unit in ((_NANOSECONDS_FROM, 1e9), (_MICROSECONDS_FROM, 1e6), (_MILLISECONDS_FROM, 1e3)):
        values = np.where(size >= start, values / unit, values)
        size = np.where(size >= start, 0, size)
    sane = np.isfinite(values) & (np.abs(values) < 2**53)
    return np.where(sane, np.floor(np.where(sane, values, 0)), NO_TIME).astype(np.int64), sane
