"""Coordinates of charts that templates draw as inline SVG on a field of 100 × 100.

The field is stretched to the width of the page, so templates put text beside it as HTML. Every chart comes with a text
and a table of the same figures for screen readers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True)
class Bar:
    """A bar, and the text of its tooltip."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class Columns:
    """A bar chart of counts.

    Attributes:
        bars: One bar for each count above 0.
        top: The number at the upper edge.
        first: Name below the first bar.
        middle: Name below the middle.
        last: Name below the last bar.
        most: Name of the highest bar.
        rows: All names and counts.
    """

    bars: list[Bar]
    top: float
    first: str
    middle: str
    last: str
    most: str
    rows: list[tuple[str, int]]


def columns(counts: Mapping[str, int]) -> Columns:
    """Return the bar chart of counts, in their order; there must be one at least."""
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
    """A point of a time series; at: UTC seconds; value, low, high: None where nothing was measured."""

    at: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """A line chart over time.

    Attributes:
        strokes: SVG paths of the line, one per run of points without a gap.
        bands: SVG paths of the intervals, one per run.
        dots: (x, y, label) of the points.
        marks: (x, label) of vertical lines.
        top: The number at the upper edge.
        start: UTC seconds at the left edge.
        middle: UTC seconds in the middle.
        end: UTC seconds at the right edge.
        bound: Height of a line that the figure should not cross; None without one.
    """

    strokes: list[str]
    bands: list[str]
    dots: list[tuple[float, float, str]]
    marks: list[tuple[float, str]]
    top: float
    start: int
    middle: int
    end: int
    bound: float | None = None


def line(points: Sequence[Point], marks: Sequence[tuple[int, str]], name: str) -> Line | None:
    """Return the line chart of a time series.

    Args:
        points: The points, oldest first.
        marks: (UTC seconds, label) of vertical lines; those outside of the points are left out.
        name: Name of the figure, for the labels of the points.

    Returns:
        None if no point has a value.
    """
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
    for run in _runs(points):
        strokes.append("M" + "L".join(f"{across(p.at)} {up(p.value or 0.0)}" for p in run))
        if len(run) > 1 and all(p.low is not None and p.high is not None for p in run):
            upper = [f"{across(p.at)} {up(p.high or 0.0)}" for p in run]
            lower = [f"{across(p.at)} {up(p.low or 0.0)}" for p in reversed(run)]
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


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """Return the runs of consecutive points that have a value."""
    runs: list[list[Point]] = [[]]
    for point in points:
        if point.value is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def curve(shares: Sequence[float]) -> str:
    """Return the SVG path of a Lorenz curve: shares from 0 to 1 at equal steps from left to right."""
    last = max(len(shares) - 1, 1)
    return "M" + "L".join(f"{place(100 * n / last)} {place(100 - 100 * share)}" for n, share in enumerate(shares))


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval, as coordinates from 0 to 100 on a shared scale."""

    value: float
    low: float
    high: float


def intervals(estimates: Sequence[tuple[float, float, float]]) -> tuple[list[Interval], float]:
    """Place estimates (value, low, high) on one scale; return them and the number at its end."""
    top = round_above(max((max(estimate) for estimate in estimates), default=0.0))
    scaled = (Interval(*(place(100 * max(number, 0.0) / top) for number in estimate)) for estimate in estimates)
    return list(scaled), top


def round_above(value: float) -> float:
    """Return the next round number for the end of a scale; 1 for 0, a negative or an infinite value."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    magnitude = 10.0 ** math.floor(math.log10(value))
    return next(magnitude * step for step in _STEPS if magnitude * step >= value * (1 - 1e-9))


def place(number: float) -> float:
    """Round a coordinate to what a screen can show."""
    return round(number, 2)
