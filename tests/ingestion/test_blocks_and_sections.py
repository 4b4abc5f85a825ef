"""Tables as offices keep them: cells of a block, two tables in one file, a day and its clock apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reading import read, table

from src.ingestion.layout import Hints, parse_columns

Write = Callable[..., Path]


def test_a_clock_with_a_point_is_joined_to_the_day_beside_it(write: Write) -> None:
    rows = table("Data;Orario;card;art", lambda at: f"1{at % 8}/03/2023;{at % 3 + 8:02}.{at + 10};c{at % 5};A{at % 7}")
    found = read(write(rows), Hints(columns=parse_columns("user=card,product=art")))
    assert [event[4] % 86_400 for event in found.events[:2]] == [8 * 3600 + 10 * 60, 9 * 3600 + 11 * 60]


def test_prices_beside_the_day_are_no_clock(write: Write) -> None:
    rows = table("Data;Prezzo;card;art", lambda at: f"1{at % 8}/03/2023;{at % 9 + 10}.{at + 10};c{at % 5};A{at % 7}")
    found = read(write(rows), Hints(columns=parse_columns("user=card,product=art")))
    assert {event[4] % 86_400 for event in found.events} == {0}
