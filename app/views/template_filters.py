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
    """UTC seconds as 2026-11-20 20:14."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M")


def day(at: float) -> str:
    """UTC seconds as 2026-11-20."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d")


def iso(at: float) -> str:
    """UTC seconds as machines read them."""
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="seconds")


def seconds_of(text: str | None) -> int | None:
    """ISO 8601 as UTC seconds; None for what is none."""
    try:
        return int(dt.datetime.fromisoformat(text or "").timestamp())
    except ValueError:
        return None


def duration(seconds: float) -> str:
    """As 2 days 3 hours, 5 minutes, or 12 seconds."""
    left, said = int(max(seconds, 0)), list[str]()
    if left < 60:
        return _count(left, "second")
    for name, length in _UNITS:
        if left >= length and len(said) < 2:
            said.append(_count(left // length, name))
            left %= length
        elif said:
            break
    return " ".join(said)


def ago(at: float, now: float | None = None) -> str:
    """UTC seconds as seen from now: 3 hours ago, in 20 minutes, just now."""
    away = (time.time() if now is None else now) - at
    if abs(away) < 5:
        return "just now"
    name, length = next(((name, length) for name, length in _UNITS if abs(away) >= length), ("second", 1))
    said = _count(round(abs(away) / length), name)
    return f"{said} ago" if away > 0 else f"in {said}"


def _count(n: int, name: str) -> str:
    return f"{n} {name}" + ("" if n == 1 else "s")


def size(n_bytes: float) -> str:
    """Bytes as 3.8 MB; a MB is 1,000 kB."""
    left = float(n_bytes)
    for unit in _BYTES:
        if left < 1_000 or unit == _BYTES[-1]:
            break
        left /= 1_000
    return f"{left:.0f} {unit}" if unit == "B" or left >= 100 else f"{left:.1f} {unit}"


def figure(value: float | None) -> str:
    """A measured figure with four digits after the point."""
    return "–" if value is None else f"{value:.4f}"


def axis(value: float) -> str:
    """A round number at the end of a scale, in full."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def rounded(document: Any) -> Any:
    """A JSON document whose fractions have five digits that count."""
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
