"""Read single times, as events over HTTP bring them, as the columns of files are read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import NamedTuple

from src.ingestion.parsing import EPOCH, EPOCH_FROM, TimeFormat, is_compact_day, time_format

Sent = int | float | str | None
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,9})?", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d.{0,25})?", re.ASCII)
_UNITS = ((1e17, "nanoseconds"), (1e14, "microseconds"), (1e11, "milliseconds"), (0.0, "seconds"))
_LONGEST = 60


class Moment(NamedTuple):
    """A time that was read, or why it was not.

    Attributes:
        at: UTC seconds; None if there was none, or it cannot be read.
        notation: how it was read, for people; "" if there was none.
        problem: why it cannot be read; "" if it was.
    """

    at: int | None
    notation: str
    problem: str = ""


_NONE = Moment(None, "")


def read_moments(sent: Sequence[Sent]) -> list[Moment]:
    """Read times: unix time in seconds to nanoseconds, ISO 8601, and the other notations that files may have.

    A text without a zone is UTC. Notations that are neither numbers nor ISO 8601 are settled by all such texts
    together, as in a column.

    Args:
        sent: n times; None or "" for none.

    Returns:
        n moments.
    """
    texts = ["" if each is None else str(each).strip() for each in sent]
    found = [_read_quickly(text) for text in texts]
    rest = [at for at, moment in enumerate(found) if moment is None]
    others = _read_together([texts[at] for at in rest])
    for at, moment in zip(rest, others, strict=True):
        found[at] = moment
    return [moment or _NONE for moment in found]


def _read_quickly(text: str) -> Moment | None:
    """Return a number or an ISO time; None for another text."""
    if not text:
        return _NONE
    if _NUMBER.fullmatch(text):
        return _read_number(text)
    if len(text) > _LONGEST:
        return Moment(None, "", _refusal(text))
    if not _ISO.fullmatch(text):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return Moment(int(moment.replace(tzinfo=dt.UTC).timestamp() // 1), "ISO 8601 without a zone, taken as UTC")
    return Moment(int(moment.timestamp() // 1), "ISO 8601")


def _read_number(text: str) -> Moment:
    if is_compact_day(text):
        seconds, is_time = TimeFormat(("%Y%m%d",)).seconds([text])
        if is_time[0]:
            return Moment(int(seconds[0]), "days such as 20260301, taken as UTC")
    seconds, is_time = TimeFormat((EPOCH,)).seconds([text])
    if not is_time[0]:
        return Moment(None, "", _refusal(text))
    unit = next(unit for start, unit in _UNITS if abs(float(text)) >= start)
    return Moment(int(seconds[0]), f"unix time in {unit}{', before 1973' if seconds[0] < EPOCH_FROM else ''}")


def _read_together(texts: list[str]) -> list[Moment]:
    """Read texts that are neither numbers nor ISO times as a column of a file."""
    if not texts:
        return []
    notation, is_unclear = time_format(texts)
    if is_unclear and not all("." in text for text in texts):  # with points, days come first, in files too
        problem = "day and month could be swapped; send 2026-03-01T12:00:00Z"
        return [Moment(None, "", f"{text!r}: {problem}") for text in texts]
    seconds, is_time = notation.seconds(texts)
    return [
        Moment(at, f"text such as {text!r}, taken as UTC where it has no zone")
        if is_read
        else Moment(None, "", _refusal(text))
        for text, at, is_read in zip(texts, seconds.tolist(), is_time.tolist(), strict=True)
    ]


def _refusal(text: str) -> str:
    return (
        f"{text[:_LONGEST]!r} is no time that is known; expected unix time in seconds or milliseconds, or a text such "
        "as 2026-03-01T12:00:00Z"
    )
