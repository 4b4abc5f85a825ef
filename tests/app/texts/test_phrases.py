"""Every language has every text; numbers and times are written as the language does, in the shop's time zone."""

from __future__ import annotations

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
    assert (T.ago(NOW - 7_300, NOW), T.ago(NOW + 86_400, NOW)) == ("2 hours ago", "in 1 day")
    assert D.ago(NOW - 3 * 86_400, NOW) == "vor 3 Tagen"
    assert T.duration(3_725) == "1 hour 2 minutes"
    assert (iso(NOW), seconds_of("2023-11-14T23:13:20+01:00"), seconds_of("x")) == (
        "2023-11-14T22:13:20+00:00",
        NOW,
        None,
    )


def test_numbers_are_written_as_the_language_does() -> None:
    assert (T.number(12_345.6, 1), D.number(12_345.6, 1)) == ("12,345.6", "12.345,6")
    assert (T.percent(0.249), T.share(1, 0), T.figure(None)) == ("24.9\u00a0%", "–", "–")
    assert (T.size(3_801_088), T.axis(40_000.0), T.axis(0.06)) == ("3.8\u00a0MB", "40,000", "0.06")
    assert rounded({"value": 0.05134266803860}) == {"value": 0.051343}
