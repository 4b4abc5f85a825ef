"""Logs of music are of tracks, and no sales; lists of wishes are none either; rows of averages are nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import kinds, notes, read, table

from src.core.errors import UnclearLayout
from src.ingestion.event_kind_names import says_listening

Write = Callable[..., Path]


@pytest.mark.parametrize(
    "names", [("artist_name", "track_name"), ("Künstler", "Song"), ("liczba", "utwór", "wykonawca")]
)
def test_tracks_beside_artists_are_listened_to(names: tuple[str, ...]) -> None:
    assert says_listening(names)
    assert not says_listening(names[-1:])


@pytest.mark.parametrize("header", ["listener_id,ts,artist_name,track_name", "user,date,artist,track"])
def test_the_product_of_a_listening_log_is_the_track_and_nothing_is_bought(write: Write, header: str) -> None:
    found = read(
        write(
            table(
                header, lambda at: f"u{at % 6:03d},2023-05-{1 + at % 28:02d},Band {'xyz'[at % 3]}z,Song {at % 9} of it"
            )
        )
    )
    assert kinds(found) == {"view": 40}
    assert {event[1] for event in found.events} == {f"Song {at} of it" for at in range(9)}
    assert "each was taken for a view" in notes(found)


def test_tracks_with_prices_are_bought(write: Write) -> None:
    found = read(
        write(
            table(
                "user,date,artist,track,price",
                lambda at: f"u{at % 6:03d},2023-05-{1 + at % 28:02d},Band {'xyz'[at % 3]}z,Song {at % 9} of it,0.99",
            )
        )
    )
    assert kinds(found) == {"purchase": 40}


def test_columns_of_several_names_are_said_where_nothing_names_them(write: Write) -> None:
    rows = "".join(
        f"user_{at % 6:03d}\t2023-05-{1 + at % 28:02d}T10:00:00Z\tid{at % 3}-a\tBand {'xyz'[at % 3]}\t\t"
        f"Song {'abcdefg'[at % 7]}\n"
        for at in range(40)
    )
    with pytest.raises(UnclearLayout, match=r"columns 4 \('Band x'\), 6 \('Song a'\) have names"):
        read(write(rows, "log.tsv"))


@pytest.mark.parametrize("name", ["verlanglijst.csv", "wishlists-2024.csv", "liste_envies.csv", "merkzettel.csv"])
def test_lists_of_wishes_are_not_bought(write: Write, name: str) -> None:
    found = read(write(table("customer,sku,date", lambda at: f"c{at % 9},P{at % 7},2023-05-{1 + at % 28:02d}"), name))
    assert kinds(found) == {"cart": 40}


@pytest.mark.parametrize("name", ["Mittel", "Ø", "Average", "moyenne", "MEDIA", "średnia"])
def test_a_row_of_averages_is_nobody(write: Write, name: str) -> None:
    rows = table("member,wine,rating", lambda at: f"{f'm{at % 9}' if at < 35 else name},W{at % 7},{at % 5 + 1}")
    assert name not in read(write(rows)).users
