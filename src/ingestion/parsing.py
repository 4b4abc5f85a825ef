"""Parse columns of numbers and times in the notations of many countries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from src.core.domain import NO_TIME, BoolArray, FloatArray, IntArray
from src.ingestion.raw_rows import EMPTY_TEXTS
from src.ingestion.written_clocks import plain_clock, with_plain_clock
from src.ingestion.written_dates import without_weekday, written_date

_MILLISECONDS_FROM, _MICROSECONDS_FROM, _NANOSECONDS_FROM = 1e11, 1e14, 1e17  # as seconds: the year 5138 and later
_NUMBER_WITHIN = re.compile(r"[^\d]{0,12}?(\d[\d.,]*\d|\d)[^\d]{0,12}")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_POINTED_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
_POINT_BETWEEN = re.compile(r"(?<=\d)\.\s+(?=\d{1,4}\b(?!:))")  # "3. 2. 2024"
_WORD_AFTER = re.compile(r"(?<=\d)\s*(?:Uhr|hod|hs|hrs|h|г|р|kl)\.?$")  # "03.02.2024 г."
_POINT_AFTER = re.compile(r"(?<=\d)\.(?=\s|$)")  # "2024.02.03. 14:05"
_EXCEL_EPOCH, _DAY = -2_209_161_600, 86_400  # 30 December 1899: Excel's day 0
_EXCEL_DAYS = (20_000, 80_000)  # 1954 to 2119
EPOCH_FROM = 100_000_000
"""Seconds, 1973: smaller numbers are hardly times of a shop."""
_EARLIEST_DAY, _LATEST_DAY = 19_700_101, 21_001_231

EPOCH, ISO, EXCEL, WRITTEN = "unix time", "ISO 8601", "Excel's days", "months as words"
_DAY_FIRST = (
    "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%d-%m-%Y", "%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%d/%m/%y", "%d/%m/%y %H:%M", "%d.%m.%y", "%d-%m-%y",
    "%d/%m/%y %H:%M:%S", "%d.%m.%y %H:%M", "%d.%m.%y %H:%M:%S", "%d-%m-%y %H:%M", "%d/%m/%Y %I:%M %p",
    "%d/%m/%Y %I:%M:%S %p", "%d/%m/%y %I:%M %p",
)  # fmt: skip
_MONTH_FIRST = tuple(pattern.replace("%d", "%?").replace("%m", "%d").replace("%?", "%m") for pattern in _DAY_FIRST)
DAYS_AND_MONTHS = frozenset((*_DAY_FIRST, *_MONTH_FIRST))
_OTHER_PATTERNS = (
    "%m %d, %Y", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y%m%d", "%Y.%m.%d", "%Y.%m.%d %H:%M",
    "%Y.%m.%d %H:%M:%S", "%Y-%m-%d %H", WRITTEN,
)  # fmt: skip
_COMPACT_MONTH = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])")
_MONTHS = ("%Y-%m", "%Y/%m", "%m-%Y", "%m/%Y")


def as_texts(cells: Sequence[object]) -> list[str]:
    """Return every cell as stripped text; "" for None, NaN, and cells that are neither text nor number."""
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
    """Whether the text is one of the notations of an empty cell."""
    return text.lower() in EMPTY_TEXTS


_MINUS_LAST = re.compile(r"\d[\d.,]*-", re.ASCII)
"""How some systems write a negative number: "2.000-"."""


def parse_numbers(texts: list[str], decimal: str = ".") -> tuple[FloatArray, BoolArray]:
    """Parse numbers.

    Args:
        texts: n cells.
        decimal: Decimal sign, "." or ",".

    Returns:
        float64[n], NaN where a cell is no number, and bool[n]: whether the cell is not empty.
    """
    given = texts
    if decimal == ",":
        texts = [_with_point(text) if "," in text or "." in text else text for text in texts]
    elif "," in "".join(texts):
        texts = [text.replace(",", "") if _THOUSANDS.fullmatch(text) else text for text in texts]
    try:
        values = np.fromiter(map(float, texts), np.float64, len(texts))
        # Python also parses 1_000, ٣ and words for NaN and infinity: such columns take the slow path.
        joined = "".join(texts)
        if np.isfinite(values).all() and "_" not in joined and joined.isascii():
            return values, np.ones(len(texts), dtype=np.bool_)
    except ValueError:
        if any(map(_MINUS_LAST.fullmatch, given)):
            return parse_numbers([f"-{text[:-1]}" if _MINUS_LAST.fullmatch(text) else text for text in given], decimal)
    import pandas as pd  # not at the top: serving does not need its 35 MB

    parsed = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce")
    return np.asarray(parsed, dtype=np.float64), _is_given(texts)


def _with_point(text: str) -> str:
    """Return a number with a decimal comma in Python's notation."""
    if "," in text:
        return text.replace(".", "").replace(",", ".")
    return text.replace(".", "") if _POINTED_THOUSANDS.fullmatch(text) else text


def _is_given(texts: list[str]) -> BoolArray:
    """Return bool[n], whether each cell is not empty."""
    return np.fromiter((len(text) > 4 or not is_nothing(text) for text in texts), np.bool_, len(texts))


def decimal_of(texts: Sequence[str]) -> str:
    """Return the decimal sign of these numbers, "," or "."."""
    votes = Counter(filter(None, map(decimal_vote, texts)))
    return "," if votes[","] > votes["."] else "."


def decimal_vote(text: str) -> str:
    """Return the decimal sign that a number must have, whatever currency stands beside it.

    Returns:
        "," or "."; "" if the text is no number, or could be read with either sign.
    """
    match = _NUMBER_WITHIN.fullmatch(text)
    if match is None:
        return ""
    number = match[1]
    signs = [sign for sign in number if sign in ",."]
    if not signs:
        return ""
    last = signs[-1]
    if len(set(signs)) == 2:
        return last if signs.count(last) == 1 else ""
    if len(signs) > 1:  # only thousands repeat
        return "." if last == "," else ","
    return "" if re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", number) else last


@dataclass(frozen=True)
class TimeFormat:
    """The notation of a column of times. A time without a zone is UTC.

    Attributes:
        patterns: EPOCH, ISO, EXCEL, or patterns of strptime; the first that fits a cell is used.
    """

    patterns: tuple[str, ...]

    @property
    def of_days(self) -> TimeFormat | None:
        """Its patterns of days and months in numbers, without the others; None where it has none."""
        found = tuple(pattern for pattern in self.patterns if pattern in DAYS_AND_MONTHS)
        return TimeFormat(found) if found else None

    @property
    def is_day_first(self) -> bool:
        """Whether such patterns begin with the day."""
        return self.of_days is not None and self.of_days.patterns[0].startswith("%d")

    def notes(self, sample: list[str]) -> list[str]:
        """Return notes for people on how these times were read."""
        if self.patterns[0] == EXCEL:
            return ["times were read as Excel's days since 1900; for none: --columns time="]
        if self.patterns[0] in (*_MONTHS, "%Y%m"):
            return ["times are months: each event counts as of the first day of its month; for none: --columns time="]
        if self.patterns[0] != EPOCH:
            return []
        at, _ = self.seconds([text for text in sample if not is_nothing(text)])
        if not len(at) or np.median(at) >= EPOCH_FROM:
            return []
        return ["times were read as unix time, and most lie before 1973; if they are something else: --columns time="]

    def seconds(self, texts: list[str]) -> tuple[IntArray, BoolArray]:
        """Parse n cells: int64[n] UTC seconds, NO_TIME where empty; bool[n], whether each is a time or empty."""
        at = np.full(len(texts), NO_TIME, dtype=np.int64)
        if self.patterns[0] == EPOCH:
            seconds, is_time = _epoch(texts)
            if is_time.all() and (seconds != NO_TIME).all():
                return seconds, is_time
        given = _is_given(texts)
        pending = given.copy()
        for pattern in self.patterns:
            if not pending.any():
                break
            where = np.flatnonzero(pending)
            part = texts if len(where) == len(texts) else [texts[i] for i in where]
            seconds, is_time = _parse(part, pattern)
            at[where[is_time]] = seconds[is_time]
            pending[where[is_time]] = False
        # A given time of -1 must not pass for "no time".
        at[given & ~pending & (at == NO_TIME)] = NO_TIME - 1
        return at, ~pending


def time_format(
    sample: Sequence[str], day_first: bool | None = None, is_european: bool = False
) -> tuple[TimeFormat, bool]:
    """Choose the notation of times that fits most of a sample.

    Args:
        sample: Cells of the column.
        day_first: Whether days are written before months; None if no option says it.
        is_european: Whether other columns suggest that days are written first.

    Returns:
        The format, and whether days and months could be swapped.
    """
    filled = [text for text in sample if not is_nothing(text)]
    if not filled:
        return TimeFormat((EPOCH, ISO)), False
    if sum(map(is_compact_day, filled)) * 2 > len(filled):
        return TimeFormat(("%Y%m%d",)), False
    if all(map(_COMPACT_MONTH.fullmatch, filled)):
        return TimeFormat(("%Y%m",)), False
    if _fit(filled, EXCEL) * 2 > len(filled):
        return TimeFormat((EXCEL,)), False
    numeric, textual = (_fit(filled, pattern) for pattern in (EPOCH, ISO))
    if max(numeric, textual) * 2 > len(filled):
        patterns = (EPOCH, ISO) if numeric >= textual else (ISO, EPOCH)
        _, is_time = TimeFormat(patterns).seconds(filled)
        others = [text for text, is_read in zip(filled, is_time, strict=True) if not is_read]
        if not others or _fit(others, WRITTEN) == 0 == max(
            _best(others, _DAY_FIRST)[1], _best(others, _MONTH_FIRST)[1]
        ):
            return TimeFormat(patterns), False
        second, is_unclear = time_format(others, day_first, is_european)
        return TimeFormat(tuple(dict.fromkeys((*patterns, *second.patterns)))), is_unclear
    day, n_day = _best(filled, _DAY_FIRST)
    month, n_month = _best(filled, _MONTH_FIRST)
    other, n_other = _best(filled, (*_OTHER_PATTERNS, *_MONTHS))
    if n_other > max(n_day, n_month):
        return TimeFormat(other), False
    if day_first is None:
        # Countries that write dates with points put the day first; with slashes and dashes, mostly the month.
        takes_day = n_day > n_month or (n_day == n_month and (is_european or "." in filled[0]))
        return TimeFormat((*(day if takes_day else month), ISO)), n_day == n_month > 0
    return TimeFormat((*(day if day_first else month), ISO)), False


def is_compact_day(text: str) -> bool:
    """Whether a text looks like a day without signs, such as 20260301."""
    return len(text) == 8 and text.isdecimal() and _EARLIEST_DAY < int(text) <= _LATEST_DAY


def _best(texts: list[str], patterns: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return all patterns that fit any text, best first, and how many texts the best one fits."""
    fits = sorted(((_fit(texts, pattern), pattern) for pattern in patterns), key=lambda entry: -entry[0])
    return tuple(pattern for count, pattern in fits if count) or (patterns[0],), fits[0][0]


def _fit(texts: list[str], pattern: str) -> int:
    return int(_parse(texts, pattern)[1].sum())


def _without_remarks(text: str) -> str:
    """Return a date of numbers without what some write around and between them: "Sa, 3. 2. 2024, 14:05 Uhr"."""
    text = without_weekday(text).replace(", ", " ")
    if text[-1:].isdecimal() and ". " not in text:  # nearly all texts
        return text
    return _POINT_AFTER.sub("", _POINT_BETWEEN.sub(".", _WORD_AFTER.sub("", text)))


def _parse(texts: list[str], pattern: str) -> tuple[IntArray, BoolArray]:
    """Return int64[n] UTC seconds, and bool[n]: whether each text is a time."""
    if pattern == EPOCH:
        return _epoch(texts)
    if pattern == EXCEL:
        days, _ = parse_numbers(texts, "," if any("," in text for text in texts) else ".")
        is_time = (days >= _EXCEL_DAYS[0]) & (days <= _EXCEL_DAYS[1])
        seconds = np.round(np.where(is_time, days, 0) * _DAY) + _EXCEL_EPOCH
        return np.where(is_time, seconds, NO_TIME).astype(np.int64), np.asarray(is_time)
    if pattern == WRITTEN:
        pattern, texts = ISO, [written_date(text) for text in texts]
    elif pattern in DAYS_AND_MONTHS or pattern.startswith("%Y."):
        texts = [_without_remarks(text) for text in texts]
    if pattern == ISO:
        pattern, texts = "ISO8601", [f"{text[:-4]}Z" if text.endswith(" UTC") else text for text in texts]
        # A year or month alone is more likely another number.
        texts = [text if len(text) >= 8 and not text.isdecimal() else "" for text in texts]
    import pandas as pd  # not at the top: serving does not need its 35 MB

    parsed = pd.to_datetime(pd.Series(texts, dtype=object), format=pattern, errors="coerce", utc=True)
    is_time = np.array(parsed.notna())
    seconds = np.full(len(texts), NO_TIME, dtype=np.int64)
    micro = parsed[is_time].to_numpy(dtype="datetime64[us]").astype(np.int64)
    seconds[is_time] = micro // 1_000_000
    plain = {int(at): text for at in np.flatnonzero(~is_time) if (text := with_plain_clock(texts[at])) != texts[at]}
    if plain:  # their second reading changes nothing more
        at = np.fromiter(plain, dtype=np.int64)
        seconds[at], is_time[at] = _parse(list(plain.values()), ISO if pattern == "ISO8601" else pattern)
    return seconds, is_time


def _epoch(texts: list[str]) -> tuple[IntArray, BoolArray]:
    """Parse unix times; their size tells seconds from milli-, micro- and nanoseconds."""
    values, _ = parse_numbers(texts)
    size = np.abs(values)
    for start, unit in ((_NANOSECONDS_FROM, 1e9), (_MICROSECONDS_FROM, 1e6), (_MILLISECONDS_FROM, 1e3)):
        values = np.where(size >= start, values / unit, values)
        size = np.where(size >= start, 0, size)
    is_time = np.isfinite(values) & (np.abs(values) < 2**53)
    return np.where(is_time, np.floor(np.where(is_time, values, 0)), NO_TIME).astype(np.int64), is_time


_CLOCK = re.compile(r"(\d{1,2})[:hH](\d{2})(?::(\d{2})(?:\.\d+)?)? ?(?:([AaPp])\.?[Mm]\.?)?")
_HOURS = re.compile(r" ?(?:uhr|h|hrs)\.?$", re.IGNORECASE)
_COMPACT_CLOCK = re.compile(r"(\d{1,2}?)\.?(\d{2})(?:\.?(\d{2}))?()")


def clock_seconds(texts: list[str]) -> tuple[IntArray, BoolArray]:
    """Parse n times of day: int64[n] seconds since midnight, 0 where empty; bool[n], whether each is one or empty."""
    known = {text: _clock(text) for text in set(texts)}
    seconds = np.array([known[text] for text in texts], dtype=np.int64)
    return np.maximum(seconds, 0), seconds >= 0


def _clock(text: str) -> int:
    """Return the seconds since midnight, 0 for an empty text, -1 for an unreadable one."""
    if is_nothing(text):
        return 0
    text = _HOURS.sub("", plain_clock(text))
    match = _CLOCK.fullmatch(text) or _COMPACT_CLOCK.fullmatch(text.zfill(4) if len(text) < 4 else text)
    if not match:
        return -1
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4] and hour <= 12:
        hour = hour % 12 + (12 if match[4].lower() == "p" else 0)
    return hour * 3_600 + minute * 60 + second if hour < 24 and minute < 60 and second < 60 else -1
