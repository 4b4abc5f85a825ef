"""Template filters format numbers and times for people."""

from __future__ import annotations

import math

import pytest
from app.views.template_filters import ago, axis, day, duration, figure, iso, moment, rounded, seconds_of, size

NOW = 1_700_000_000  # 2023-11-14 22:13:20 UTC


def test_times_are_shown_in_utc() -> None:
    assert (moment(NOW), day(NOW), iso(NOW)) == ("2023-11-14 22:13", "2023-11-14", "2023-11-14T22:13:20+00:00")
    assert seconds_of("2023-11-14T22:13:20+00:00") == NOW
    assert seconds_of("2023-11-14T23:13:20+01:00") == NOW


@pytest.mark.parametrize("text", [None, "", "yesterday"])
def test_an_invalid_time_is_none(text: str | None) -> None:
    assert seconds_of(text) is None


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (2, "just now"), (-3, "just now"), (59, "59 seconds ago"), (60, "1 minute ago"), (3_600, "1 hour ago"),
        (7_300, "2 hours ago"), (3 * 86_400, "3 days ago"), (5_467 * 86_400, "15 years ago"),
        (-600, "in 10 minutes"), (-86_400, "in 1 day"),
    ],
)  # fmt: skip
def test_times_are_shown_relative_to_now(away: int, said: str) -> None:
    assert ago(NOW - away, NOW) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-4, "0 seconds"), (1, "1 second"), (59.9, "59 seconds"), (61, "1 minute"), (3_600, "1 hour"),
        (3_725, "1 hour 2 minutes"), (90_000, "1 day 1 hour"), (86_400 + 120, "1 day"),
        (400 * 86_400, "1 year 34 days"),
    ],
)  # fmt: skip
def test_durations_have_two_parts_at_the_most(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("n", "said"), [(0, "0 B"), (999, "999 B"), (3_801_088, "3.8 MB"), (456_000_000, "456 MB"), (2e15, "2000 TB")]
)
def test_sizes_are_shown_in_the_unit_that_fits(n: float, said: str) -> None:
    assert size(n) == said


def test_a_missing_figure_is_a_dash() -> None:
    assert (figure(None), figure(0.13804)) == ("–", "0.1380")


@pytest.mark.parametrize(
    ("top", "said"), [(40_000.0, "40,000"), (1_200_000.0, "1,200,000"), (800, "800"), (0.06, "0.06"), (1.0, "1")]
)
def test_the_end_of_a_scale_is_shown_in_full(top: float, said: str) -> None:
    assert axis(top) == said


def test_figures_have_no_insignificant_digits() -> None:
    document = {"value": 0.05134266803860, "n": 12_345_678, "each": [0.1 + 0.2, None, "0.123456789"], "never": math.inf}
    assert rounded(document) == {
        "value": 0.051343,
        "n": 12_345_678,
        "each": [0.3, None, "0.123456789"],
        "never": math.inf,
    }
