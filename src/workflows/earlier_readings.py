"""A file that is loaded again and read otherwise replaces what it stored before, so that advice works on any store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from src.core.records import Load
from src.core.settings import Settings
from src.ingestion.layout import Hints, Table
from src.releases.release import sha256
from src.store import Store
from src.store.taken_back_loads import LoadedPlaces, TakenBack, forget_products, take_back_events
from src.workflows.checksums import checksum


def contents_of(*paths: Path) -> tuple[str, ...]:
    """Return the SHA-256 of each file in hex; none where one is a folder or cannot be read."""
    try:
        return tuple(sha256(path) for path in paths)
    except OSError:
        return ()


@dataclass(frozen=True)
class ReadContents:
    """What was read, and how.

    Attributes:
        contents: The hashes of the files; empty where they are not known.
        reading: The hash of how they are read.
        keep_earlier: Whether what they stored in another reading stays.
    """

    contents: tuple[str, ...]
    reading: str
    keep_earlier: bool

    @classmethod
    def of(cls, contents: tuple[str, ...], table: Table, hints: Hints, settings: Settings) -> ReadContents:
        """Return what is read, from the hashes of the files and all that decides what their rows mean."""
        limits = settings.rating_min, settings.rating_max, settings.count_pending
        given = [getattr(hints, name) for name in ("kind", "day_first", "ids", "words", "scale", "cents")]
        return cls(contents, checksum([table.describe(), table.layout.decimal, *given, *limits]), hints.keep_earlier)

    def read_otherwise(self, loads: Iterable[Load]) -> list[Load]:
        """Return those of earlier loads that read these files, or one of them, in another way."""
        return [
            load
            for load in loads
            if load.contents and set(load.contents) <= set(self.contents) and load.reading != self.reading
        ]


class EarlierReadings:
    """The loads of the same files that read them otherwise.

    Args:
        store: Where their events are.
        read: What is read now.
    """

    def __init__(self, store: Store, read: ReadContents) -> None:
        self._store = store
        found = [load for content in read.contents for load in store.runs.loads_of_content(content)]
        self.loads = [] if read.keep_earlier else read.read_otherwise(found)
        self._taken = TakenBack(0, frozenset())
        self._n_products = 0

    def take_back(self) -> bool:
        """Delete the events that they stored, and the products that only these name; return whether there were any.

        Where a catalogue was loaded, it may know a product that has a title: such products stay.
        """
        database, runs = self._store.database, self._store.runs
        arrivals = [LoadedPlaces(load.first_seq, sum(load.by_kind.values())) for load in self.loads]
        self._taken = take_back_events(database, [each for each in arrivals if each.n])
        if self._taken.product_ids:
            described = not runs.has_catalogue()
            self._n_products = forget_products(database, self._taken.product_ids, described=described)
        return bool(self._taken.n_events)

    def notes(self) -> list[str]:
        """Return what was taken back, for people; empty for nothing."""
        if not self._taken.n_events:
            return []
        last = max(self.loads, key=lambda load: load.loaded_at)
        when = datetime.fromtimestamp(last.loaded_at, UTC)
        products = f", and {self._n_products:,} products that nothing else names" if self._n_products else ""
        return [
            f"this file was read otherwise before (last on {when:%Y-%m-%d %H:%M} UTC): {self._taken.n_events:,} events "
            f"of it are taken back{products}. To keep two readings of one file, load it in each with --keep-earlier"
        ]
