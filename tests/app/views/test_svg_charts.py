"""Coordinates of charts on a field of 100 × 100, compared with values computed by hand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.views.svg_charts import Point, columns, curve, intervals, line, round_above


def test_columns_are_adjacent_and_as_high_as_their_counts() -> None:
    picture = columns({"mon": 10, "tue": 0, "wed": 5, "thu": 1})
    assert [(bar.x, bar.width) for bar in picture.bars] == [(1.5, 22.0), (51.5, 22.0), (76.5, 22.0)]
    assert [(bar.y, bar.height) for bar in picture.bars] == [(0.0, 100.0), (50.0, 50.0), (90.0, 10.0)]
    assert (picture.top, picture.most, picture.first, picture.middle, picture.last) == (10, "mon", "mon", "wed", "thu")
    assert picture.bars[0].label == "mon: 10"
    assert picture.rows == [("mon", 10), ("tue", 0), ("wed", 5), ("thu", 1)]


def test_one_among_millions_is_still_seen() -> None:
    picture = columns({"a": 8_000_000, "b": 1})
    assert picture.bars[1].height > 0.5


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=200))
def test_no_bar_leaves_the_field_or_meets_another(counts: list[int]) -> None:
    picture = columns({str(n): count for n, count in enumerate(counts)})
    assert len(picture.bars) == sum(count > 0 for count in counts)
    for bar in picture.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= 100.01
        assert bar.y >= -0.01
        assert bar.y + bar.height == pytest.approx(100, abs=0.02)
    for before, after in zip(picture.bars, picture.bars[1:], strict=False):
        assert before.x + before.width <= after.x + 0.02


def test_a_line_has_gaps_at_missing_values() -> None:
    points = [Point(0, 0.1), Point(10, 0.2), Point(20), Point(30, 0.2), Point(40, 0.4)]
    picture = line(points, [(30, "release b")], "NDCG@10")
    assert picture is not None
    assert picture.strokes == ["M2.0 75.0L26.0 50.0", "M74.0 50.0L98.0 0.0"]
    assert [dot[:2] for dot in picture.dots] == [(2.0, 75.0), (26.0, 50.0), (74.0, 50.0), (98.0, 0.0)]
    assert picture.dots[0][2] == "NDCG@10 0.1000"
    assert picture.marks == [(74.0, "release b")]
    assert (picture.start, picture.middle, picture.end, picture.top) == (0, 20, 40, pytest.approx(0.4))


def test_a_point_alone_is_a_dot_without_a_stroke() -> None:
    picture = line([Point(5), Point(7, 0.3, 0.2, 0.35), Point(9)], [], "RMSE")
    assert picture is not None
    assert (picture.strokes, picture.bands, len(picture.dots)) == ([], [], 1)
    only = line([Point(7, 0.3)], [], "RMSE")
    assert only is not None
    assert only.dots[0][0] == 50.0


def test_the_band_goes_along_the_upper_edge_and_back_along_the_lower() -> None:
    picture = line([Point(0, 0.5, 0.4, 0.6), Point(10, 0.5, 0.3, 1.0)], [], "x")
    assert picture is not None
    assert picture.bands == ["M2.0 40.0L98.0 0.0L98.0 70.0L2.0 60.0Z"]


def test_a_series_without_a_figure_is_no_picture() -> None:
    assert line([Point(1), Point(2)], [], "x") is None
    assert line([], [], "x") is None


def test_a_curve_goes_from_one_lower_corner_to_the_upper_other_one() -> None:
    assert curve([0.0, 0.8, 1.0]) == "M0.0 100.0L50.0 20.0L100.0 0.0"


def test_intervals_share_one_scale_from_0() -> None:
    places, top = intervals([(0.1, 0.05, 0.15), (0.2, 0.2, 0.2), (0.0, -0.1, 0.01)])
    assert top == 0.2
    assert [(place.value, place.low, place.high) for place in places] == [(50, 25, 75), (100, 100, 100), (0, 0, 5)]
    assert intervals([]) == ([], 1.0)


@given(st.floats(1e-6, 1e12))
def test_the_end_of_a_scale_is_near_and_round(value: float) -> None:
    top = round_above(value)
    assert value * (1 - 1e-6) <= top <= value * 1.51
    assert re.fullmatch(r"[1-9]\d?0*(\.0)?|0\.0*[1-9]\d?|[1-9]\.\d", f"{top:.10g}") or f"{top:.2g}" == f"{top:.10g}"


@pytest.mark.parametrize("value", [0.0, -3.0, float("nan"), float("inf")])
def test_a_scale_without_a_positive_value_ends_at_1(value: float) -> None:
    assert round_above(value) == 1.0
