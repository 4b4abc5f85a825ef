"""The geometry of pictures that templates draw as inline SVG: numbers in, places on a field of 100 × 100 out.

The field is stretched to whatever width there is, so no text stands in it: templates put words beside it as HTML. Every
picture carries the words and the rows that say the same to somebody who does not see it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True)
class Bar:
    """A bar of the field, and what stands where the pointer rests on it."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class Columns:
    """Counts side by side. top: the number at the upper edge. first, middle, last: names below; most: the highest."""

    bars: list[Bar]
    top: float
    first: str
    middle: str
    last: str
    most: str
    rows: list[tuple[str, int]]


def columns(counts: Mapping[str, int]) -> Columns:
    """Bars for counts in their order; counts must not be empty. What is 0 gets no bar."""
    names, values = list(counts), list(counts.values())
    top, step = round_above(max(values)), 100 / len(values)
    gap = 0.12 * step if len(values) > 1 else 30.0
    bars = [
        Bar(place(n * step + gap / 2), place(100 - height), place(step - gap), place(height), f"{name}: {count:,}")
        for n, (name, count) in enumerate(zip(names, values, strict=True))
        if count and (height := max(100 * count / top, 0.6))
    ]
    most = max(names, key=lambda name: counts[name])
    return Columns(bars, top, names[0], names[len(names) // 2], names[-1], most, list(counts.items()))


@dataclass(frozen=True)
class Point:
    """A moment of a series. at: UTC seconds. value, low, high: None where nothing could be measured."""

    at: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """A series over time. strokes, bands: paths, one for each stretch without a gap. dots: (x, y, label).

    marks: (x, label) of upright lines. start, middle, end: UTC seconds at the left edge, the middle, the right edge.
    """

    strokes: list[str]
    bands: list[str]
    dots: list[tuple[float, float, str]]
    marks: list[tuple[float, str]]
    top: float
    start: int
    middle: int
    end: int


def line(points: Sequence[Point], marks: Sequence[tuple[int, str]], name: str) -> Line | None:
    """points: oldest first; None if none has a value. marks: (UTC seconds, what happened)."""
    known = [point for point in points if point.value is not None]
    if not known:
        return None
    top = round_above(max(max(point.value or 0.0, point.high or 0.0) for point in known))
    start, end = points[0].at, points[-1].at
    span = end - start

    def across(at: int) -> float:
        return place(2 + 96 * (at - start) / span) if span else 50.0

    def up(value: float) -> float:
        return place(100 - 100 * value / top)

    strokes, bands = [], []
    for stretch in _stretches(points):
        strokes.append("M" + "L".join(f"{across(p.at)} {up(p.value or 0.0)}" for p in stretch))
        if len(stretch) > 1 and all(p.low is not None and p.high is not None for p in stretch):
            upper = [f"{across(p.at)} {up(p.high or 0.0)}" for p in stretch]
            lower = [f"{across(p.at)} {up(p.low or 0.0)}" for p in reversed(stretch)]
            bands.append("M" + "L".join([*upper, *lower]) + "Z")
    return Line(
        strokes=[stroke for stroke in strokes if "L" in stroke],
        bands=bands,
        dots=[(across(p.at), up(p.value or 0.0), f"{name} {p.value:.4f}") for p in known],
        marks=[(across(at), label) for at, label in marks if start <= at <= end],
        top=top,
        start=start,
        middle=start + span // 2,
        end=end,
    )


def _stretches(points: Sequence[Point]) -> list[list[Point]]:
    """Runs of points with a value; where one has none the line breaks."""
    found: list[list[Point]] = [[]]
    for point in points:
        if point.value is not None:
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if stretch]


def curve(shares: Sequence[float]) -> str:
    """The path of a Lorenz curve: shares 0 to 1 at equal steps, the first at the left edge, the last at the right."""
    last = max(len(shares) - 1, 1)
    return "M" + "L".join(f"{place(100 * n / last)} {place(100 - 100 * share)}" for n, share in enumerate(shares))


@dataclass(frozen=True)
class Interval:
    """A value and its interval as places from 0 to 100 along a scale that several of them share."""

    value: float
    low: float
    high: float


def intervals(estimates: Sequence[tuple[float, float, float]]) -> tuple[list[Interval], float]:
    """(value, low, high) of each, on one scale from 0 to the number that comes second."""
    top = round_above(max((max(estimate) for estimate in estimates), default=0.0))
    scaled = (Interval(*(place(100 * max(number, 0.0) / top) for number in estimate)) for estimate in estimates)
    return list(scaled), top


def round_above(value: float) -> float:
    """The least number not below that people like at the end of a scale; 1 for nothing."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    magnitude = 10.0 ** math.floor(math.log10(value))
    return next(magnitude * step for step in _STEPS if magnitude * step >= value * (1 - 1e-9))


def place(number: float) -> float:
    """As many digits as a screen can show."""
    return round(number, 2)
