"""Filters of the dashboard's templates: numbers and times for people. All times are UTC.

Own code, as humanize words each of them otherwise: "a minute ago", "10 minutes from now", "999 Bytes", "1.0 PB".
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Callable
from typing import Any

from src.core.number_format import share_of

_UNITS = (("year", 31_557_600), ("day", 86_400), ("hour", 3_600), ("minute", 60))
_BYTES = ("B", "kB", "MB", "GB", "TB")


def moment(at: float) -> str:
    """Return UTC seconds such as 2026-11-20 20:14."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M")


def day(at: float) -> str:
    """Return the day of UTC seconds, such as 2026-11-20."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d")


def iso(at: float) -> str:
    """Return UTC seconds in ISO 8601."""
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="seconds")


def seconds_of(text: str | None) -> int | None:
    """Return ISO 8601 as UTC seconds; None for another text."""
    try:
        return int(dt.datetime.fromisoformat(text or "").timestamp())
    except ValueError:
        return None


def duration(seconds: float) -> str:
    """Return a duration such as 2 days 3 hours, 5 minutes, or 12 seconds."""
    left, parts = int(max(seconds, 0)), list[str]()
    if left < 60:
        return _count(left, "second")
    for name, length in _UNITS:
        if left >= length and len(parts) < 2:
            parts.append(_count(left // length, name))
            left %= length
        elif parts:
            break
    return " ".join(parts)


def ago(at: float, now: float | None = None) -> str:
    """Return a time relative to now: 3 hours ago, in 20 minutes, just now.

    Args:
        at: UTC seconds.
        now: UTC seconds; None for the clock.

    Returns:
        The time in its largest unit.
    """
    away = (time.time() if now is None else now) - at
    if abs(away) < 5:
        return "just now"
    name, length = next(((name, length) for name, length in _UNITS if abs(away) >= length), ("second", 1))
    text = _count(round(abs(away) / length), name)
    return f"{text} ago" if away > 0 else f"in {text}"


def _count(n: int, name: str) -> str:
    return f"{n} {name}" + ("" if n == 1 else "s")


def size(n_bytes: float) -> str:
    """Return a number of bytes such as 3.8 MB; a MB is 1,000 kB."""
    left = float(n_bytes)
    for unit in _BYTES:
        if left < 1_000 or unit == _BYTES[-1]:
            break
        left /= 1_000
    return f"{left:.0f} {unit}" if unit == "B" or left >= 100 else f"{left:.1f} {unit}"


def figure(value: float | None) -> str:
    """Return a figure with four decimals; "–" for None."""
    return "–" if value is None else f"{value:.4f}"


def axis(value: float) -> str:
    """Return the number at the end of a scale."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def rounded(document: Any) -> Any:
    """Return a JSON document whose fractions have five significant digits."""
    match document:
        case dict():
            return {name: rounded(value) for name, value in document.items()}
        case list() | tuple():
            return [rounded(value) for value in document]
        case float() if math.isfinite(document):
            return float(f"{document:.5g}")
    return document


FILTERS: dict[str, Callable[..., Any]] = {
    "number": "{:,}".format,
    "axis": axis,
    "rounded": rounded,
    "moment": moment,
    "day": day,
    "iso": iso,
    "duration": duration,
    "ago": ago,
    "size": size,
    "share": share_of,
    "figure": figure,
}
