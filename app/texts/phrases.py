"""Texts of one language, and numbers, times and money as it writes them, in the shop's time zone and currency."""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from markupsafe import Markup

from src.core.domain import DAY
from src.core.shop_days import has_only_a_day

_EPOCH = dt.date(1970, 1, 1)
_UNITS = (("year", 31_557_600), ("day", 86_400), ("hour", 3_600), ("minute", 60))
_BYTES = ("B", "kB", "MB", "GB", "TB")
_NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class Style:
    """How a language writes numbers and dates; day and moment are strftime formats, {month} a name of `months`."""

    thousands: str
    decimal: str
    day: str
    moment: str
    money_after: bool
    months: tuple[str, ...]


ENGLISH_STYLE = Style(
    ",", ".", "%-d {month} %Y", "%-d {month} %Y, %H:%M", False,
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)  # fmt: skip
GERMAN_STYLE = Style(
    ".", ",", "%-d. {month} %Y", "%-d. {month} %Y, %H:%M", True,
    ("Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."),
)  # fmt: skip


@dataclass(frozen=True)
class Phrases:
    """The texts of one language.

    Attributes:
        language: its code, such as "en".
        texts: key → text with {placeholders}; a key with "_1" is the form for n == 1.
        style: how it writes numbers and dates.
        zone: the shop's time zone.
        currency: the shop's sign; "" for none.
    """

    language: str
    texts: Mapping[str, str]
    style: Style
    zone: ZoneInfo
    currency: str

    def __call__(self, key: str, /, **values: object) -> Markup:
        """Return a text with its values, which are escaped; whole numbers are written as the language does."""
        if values.get("n") == 1 and f"{key}_1" in self.texts:
            key = f"{key}_1"
        shown = {name: self.number(value) if type(value) is int else value for name, value in values.items()}
        return Markup(self.texts[key]).format(**shown)  # nosec B704: a text of ours; values are escaped

    def named(self, group: str, name: object) -> Markup:
        """Return the text `group.name`, or the name itself where the catalogue has no text.

        Args:
            group: the first part of the key.
            name: the rest, such as the name of a model or a kind of event.
        """
        text = self.texts.get(f"{group}.{name}")
        return Markup.escape(str(name)) if text is None else Markup(text)  # nosec B704: a text of ours

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with separators.

        Args:
            value: the number.
            digits: decimals.

        Returns:
            Such as 12,345.6 in English and 12.345,6 in German.
        """
        return self._written(f"{value:,.{digits}f}")

    def percent(self, share: float, digits: int = 1) -> str:
        """Return a share as a percentage.

        Args:
            share: 0 to 1, or a change that may be negative.
            digits: decimals.

        Returns:
            Such as 24.9 %.
        """
        return f"{self.number(100 * share, digits)}{_NO_BREAK}%"

    def share(self, part: float, whole: float = 1) -> str:
        """Return a part of a whole as a percentage.

        Args:
            part: the part.
            whole: the whole.

        Returns:
            "–" if the whole is 0.
        """
        return self.percent(part / whole) if whole else "–"

    def figure(self, value: float | None, digits: int = 3) -> str:
        """Return a figure of a model; "–" for None.

        Args:
            value: the figure.
            digits: decimals.

        Returns:
            Such as 0.129.
        """
        return "–" if value is None else self.number(value, digits)

    def axis(self, value: float) -> str:
        """Return the number at the end of a scale, without zeros at its end."""
        text = f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
        return self._written(text)

    def _written(self, text: str) -> str:
        """Return a number that Python wrote as the language writes it."""
        return text.translate(str.maketrans(",.", self.style.thousands + self.style.decimal))

    def money(self, amount: float, decimals: int = 2) -> str:
        """Write an amount of money.

        Args:
            amount: the amount.
            decimals: how many digits stand behind the decimal sign.

        Returns:
            The amount with the shop's currency, if it has one.
        """
        number = self.number(amount, decimals)
        if not self.currency:
            return number
        if self.style.money_after:
            return f"{number}{_NO_BREAK}{self.currency}"
        between = _NO_BREAK if self.currency[-1:].isalnum() else ""
        return f"{self.currency}{between}{number}"

    def day(self, at: float) -> str:
        """Return the shop's day of UTC seconds, such as 29 Nov 2026."""
        return self._dated(at, self.style.day)

    def day_of(self, number: int) -> str:
        """Return a day of the shop's calendar, counted since 1970, such as 29 Nov 2026."""
        return self.period(str(_EPOCH + dt.timedelta(days=number)))

    def moment(self, at: float) -> str:
        """Return UTC seconds in the shop's time zone, such as 29 Nov 2026, 07:48."""
        return self._dated(at, self.style.moment)

    def period(self, name: str) -> str:
        """Return a day, month or year that is written YYYY-MM-DD, YYYY-MM or YYYY as the language writes it."""
        year, *rest = name.split("-")
        if len(rest) == 2:
            return self.day(dt.datetime(int(year), int(rest[0]), int(rest[1]), 12, tzinfo=self.zone).timestamp())
        return f"{self.style.months[int(rest[0]) - 1]} {year}" if rest else year

    def event_day(self, at: int) -> str:
        """Return the day of an event: of its file if that gave no time, else of the shop."""
        return self.day_of(at // DAY) if has_only_a_day(at) else self.day(at)

    def event_moment(self, at: int) -> str:
        """Return when an event was: its day alone if no more is known."""
        return self.event_day(at) if has_only_a_day(at) else self.moment(at)

    def clock(self, at: float) -> str:
        """Return the time of day of UTC seconds in the shop's time zone, such as 07:48."""
        return f"{dt.datetime.fromtimestamp(at, self.zone):%H:%M}"

    def _dated(self, at: float, form: str) -> str:
        when = dt.datetime.fromtimestamp(at, self.zone)
        return when.strftime(form).replace("{month}", self.style.months[when.month - 1])

    def duration(self, seconds: float) -> str:
        """Return a duration in its two largest units, such as 2 days 3 hours, 5 minutes, or 12 seconds."""
        left, parts = int(max(seconds, 0)), list[str]()
        if left < 60:
            return self._count(left, "second")
        for name, length in _UNITS:
            if left >= length and len(parts) < 2:
                parts.append(self._count(left // length, name))
                left %= length
            elif parts:
                break
        return " ".join(parts)

    def ago(self, at: float, now: float | None = None) -> str:
        """Return a time relative to now: 3 hours ago, in 20 minutes, just now.

        Args:
            at: UTC seconds.
            now: UTC seconds; None for the clock.

        Returns:
            The time in its largest unit.
        """
        away = (time.time() if now is None else now) - at
        if abs(away) < 5:
            return str(self("time.now"))
        name, length = next(((name, length) for name, length in _UNITS if abs(away) >= length), ("second", 1))
        relation = "past" if away > 0 else "future"
        return str(self("time." + relation, time=self._count(round(abs(away) / length), name, relation)))

    def _count(self, n: int, unit: str, relation: str = "") -> str:
        key = f"time.{unit}.{relation}" if f"time.{unit}.{relation}" in self.texts else f"time.{unit}"
        return str(self(key, n=n))

    def size(self, n_bytes: float) -> str:
        """Return a number of bytes such as 3.8 MB; a MB is 1,000 kB."""
        left, unit = float(n_bytes), _BYTES[0]
        for unit in _BYTES:
            if left < 1_000 or unit == _BYTES[-1]:
                break
            left /= 1_000
        return f"{self.number(left, 0 if unit == 'B' or left >= 100 else 1)}{_NO_BREAK}{unit}"


def plain(text: str) -> str:
    """Return a text of a catalogue without the escapes of HTML, for answers that are no pages."""
    return text.unescape() if isinstance(text, Markup) else text


def iso(at: float) -> str:
    """Return UTC seconds in ISO 8601."""
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="seconds")


def seconds_of(text: str | None) -> int | None:
    """Return ISO 8601 as UTC seconds; None for another text."""
    try:
        return int(dt.datetime.fromisoformat(text or "").timestamp())
    except ValueError:
        return None


def rounded(document: object) -> object:
    """Return a JSON document whose fractions have five significant digits."""
    match document:
        case dict():
            return {name: rounded(value) for name, value in document.items()}
        case list() | tuple():
            return [rounded(value) for value in document]
        case float() if math.isfinite(document):
            return float(f"{document:.5g}")
    return document
