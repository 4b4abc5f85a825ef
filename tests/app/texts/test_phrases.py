"""Every language has every text; numbers and times are written as the language does, in the shop's time zone."""

from __future__ import annotations

import math
import re

import pytest

from app.texts import LANGUAGES, phrases_in
from app.texts.english import ENGLISH
from app.texts.phrases import iso, rounded, seconds_of
from src.models.settings import read_settings

NOW = 1_700_000_000  # 2023-11-14 22:13:20 UTC
T = phrases_in("en", read_settings())
D = phrases_in("de", read_settings(timezone="Europe/Berlin"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_text_with_the_same_placeholders(language: str) -> None:
    texts = LANGUAGES[language][0]
    assert set(ENGLISH) <= set(texts)
    placeholders = re.compile(r"{(\w+)}")
    assert [
        key for key in ENGLISH if set(placeholders.findall(texts[key])) != set(placeholders.findall(ENGLISH[key]))
    ] == []


def test_values_are_escaped_and_one_has_its_own_form() -> None:
    assert T("customer.for", user="<b>") == "Recommended for &lt;b&gt;"
    assert (T("customers.found", n=1), T("customers.found", n=4_000)) == ("1 customer", "4,000 customers")
    assert D("customers.found", n=4_000) == "4.000 Kunden"


def test_times_are_those_of_the_shop() -> None:
    assert (T.moment(NOW), T.day(NOW)) == ("14 Nov 2023, 22:13", "14 Nov 2023")
    assert D.moment(NOW) == "14. Nov. 2023, 23:13"
    assert D.ago(NOW - 3 * 86_400, NOW) == "vor 3 Tagen"
    assert iso(NOW) == "2023-11-14T22:13:20+00:00"
    assert seconds_of("2023-11-14T22:13:20+00:00") == seconds_of("2023-11-14T23:13:20+01:00") == NOW


def test_an_event_whose_day_alone_is_known_has_no_time_and_its_own_day() -> None:
    a_day = NOW - NOW % 86_400
    for phrases in (T, phrases_in("en", read_settings(timezone="America/New_York"))):
        assert (phrases.event_moment(a_day), phrases.event_day(a_day)) == ("14 Nov 2023", "14 Nov 2023")
    assert (D.event_moment(NOW), D.event_day(NOW)) == ("14. Nov. 2023, 23:13", "14. Nov. 2023")


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
    assert T.ago(NOW - away, NOW) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-4, "0 seconds"), (1, "1 second"), (59.9, "59 seconds"), (61, "1 minute"), (3_600, "1 hour"),
        (3_725, "1 hour 2 minutes"), (90_000, "1 day 1 hour"), (86_400 + 120, "1 day"),
        (400 * 86_400, "1 year 34 days"),
    ],
)  # fmt: skip
def test_durations_have_two_parts_at_the_most(seconds: float, said: str) -> None:
    assert T.duration(seconds) == said


@pytest.mark.parametrize(
    ("n", "said"), [(0, "0 B"), (999, "999 B"), (3_801_088, "3.8 MB"), (456_000_000, "456 MB"), (2e15, "2,000 TB")]
)
def test_sizes_are_shown_in_the_unit_that_fits(n: float, said: str) -> None:
    assert T.size(n) == said.replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("top", "said"), [(40_000.0, "40,000"), (1_200_000.0, "1,200,000"), (800, "800"), (0.06, "0.06"), (1.0, "1")]
)
def test_the_end_of_a_scale_is_shown_in_full(top: float, said: str) -> None:
    assert T.axis(top) == said


def test_figures_have_no_insignificant_digits() -> None:
    document = {"value": 0.05134266803860, "n": 12_345_678, "each": [0.1 + 0.2, None, "0.123456789"], "never": math.inf}
    each = [0.3, None, "0.123456789"]
    assert rounded(document) == {"value": 0.051343, "n": 12_345_678, "each": each, "never": math.inf}


def test_numbers_are_written_as_the_language_does() -> None:
    assert (T.number(12_345.6, 1), D.number(12_345.6, 1)) == ("12,345.6", "12.345,6")
    assert (T.percent(0.249), T.share(1, 0), T.figure(None)) == ("24.9\u00a0%", "–", "–")
    assert T.figure(0.13804) == "0.138"
