"""Where events, products, and records of runs and loads are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from src.core.domain import CategoryCount, Event, EventBatch, EventKind, Product, ProductAttributes, ProductCount
from src.core.errors import StoreError
from src.core.records import (
    FollowUp,
    Load,
    Run,
    RunCount,
    Score,
    SearchFeedback,
    ServedFigures,
    ServedList,
    StoreSummary,
)
from src.store.sql_store import SqlStore


class Journal(Protocol):
    """What the program did: trainings, loads, and how good releases proved to be. Any method may raise StoreError."""

    def save_run(self, run: Run) -> bool:
        """Add a run or update the one with its run_id; False, and nothing saved, if another run has its due moment."""
        ...

    def note_progress(self, run_id: str, progress: str) -> None:
        """Say how far a run is, if it is running still."""
        ...

    def queue_run(self, run: Run) -> Run | None:
        """Add a run unless one is queued or running, which is then returned; however many ask at once, one is added."""
        ...

    def run(self, run_id: str) -> Run | None:
        """The run of this id; None if there is none."""
        ...

    def run_of(self, due: int) -> Run | None:
        """The run that answers for a due moment; None if there is none."""
        ...

    def runs(self, n: int) -> list[Run]:
        """The n newest runs, newest first."""
        ...

    def unfinished(self) -> list[Run]:
        """The runs that are queued or running, oldest first."""
        ...

    def outcomes(self) -> list[RunCount]:
        """How often runs have each status, by its name; statuses that none has are left out."""
        ...

    def save_score(self, score: Score) -> None:
        """Add a score, or replace the one of the same moment and release."""
        ...

    def scores(self, n: int) -> list[Score]:
        """The n newest scores, newest first."""
        ...

    def save_load(self, load: Load) -> None:
        """Add a load or update the one with its load_id."""
        ...

    def loads(self, n: int) -> list[Load]:
        """The n newest loads, newest first."""
        ...


class Searches(Protocol):
    """What people did with products that a search had shown them. Any method may raise StoreError."""

    def add(self, rows: Iterable[SearchFeedback]) -> None:
        """Keep these; one that is here already counts once."""
        ...

    def newest(self, n: int) -> list[SearchFeedback]:
        """At most n, the newest first."""
        ...


class ServedLists(Protocol):
    """Which lists were answered, and what followed them. Any method may raise StoreError."""

    def add(self, lists: Iterable[ServedList]) -> None:
        """Keep these; what followed them and came before them finds them now."""
        ...

    def follow(self, rows: Iterable[FollowUp]) -> int:
        """Keep what was done to products of lists; how many were found in one. One that is here already counts once.

        Where the list was for a text, the search learns from it (see Searches). A row whose list is not here waits.
        """
        ...

    def newest(self, n: int) -> list[ServedList]:
        """At most n lists, the newest first."""
        ...

    def figures(self, since: int) -> list[ServedFigures]:
        """Shown, clicked and bought by release, kind of list, source and position, in this order.

        Of lists that were served since a time in UTC seconds; of the whole day (UTC) it lies in.
        """
        ...

    def forget(self, before: int, most: int) -> int:
        """Remove at most so many lists, and as many rows of what followed, from before a time in UTC seconds, and what
        was counted on days before it; how many lists and rows went.
        """
        ...


class Store(Protocol):
    """Everything that outlives a process, but for releases. Any method may raise StoreError.

    A return takes back purchases of its user and product (src/store/returns.py). Whoever reads sees what is left:
    `history` and `read_events` hand out no returns and no purchase that is taken back whole, and lower the value of
    the others.
    """

    @property
    def journal(self) -> Journal:
        """Runs, loads and scores."""
        ...

    @property
    def searches(self) -> Searches:
        """What followed searches."""
        ...

    @property
    def served(self) -> ServedLists:
        """Lists that were answered, with AISLE_LOG_SERVED=on."""
        ...

    def add_events(self, batch: EventBatch, event_ids_: Sequence[str | None] = ()) -> int:
        """Store events durably, all or none; how many were new or replaced an older one. Their products become known.

        Ratings are one per user and product, the latest wins; other events are the same when user, product, kind and
        mark agree. event_ids_: one per event; an id that was received before makes its event a repetition.
        A batch sorted by user, product, kind and mark is stored fastest.
        """
        ...

    def add_products(self, rows: Iterable[Product]) -> int:
        """Add or update products; a None leaves what is known, and what is real does not become made up.

        Returns how many were given.
        """
        ...

    def history(self, user_id: str) -> list[Event]:
        """The user's events, oldest first; empty for an unknown user."""
        ...

    def users(self, prefix: str, n: int) -> list[str]:
        """At most n users with an event whose ids begin with a text, in the order of their ids; quick, however many
        users there are and however many events they have.
        """
        ...

    def read_events(self, *, as_recorded: bool = False) -> Iterator[EventBatch]:
        """All events stored before the call, and perhaps some of those stored meanwhile, in batches, with numbers.

        They come in the order of user, product, kind and mark; the order in which they were stored is in `number`.
        as_recorded: the returns as well, and purchases as they were before.
        """
        ...

    def popular(self, kinds: Sequence[EventKind], since: int | None, n: int) -> list[ProductCount]:
        """The n products with the most events of these kinds, since a time in UTC seconds; no withdrawn ones.

        Purchases that are taken back whole do not count; RETURN counts returns. Exact when nothing is stored meanwhile.
        """
        ...

    def products(self, product_ids: Iterable[str]) -> dict[str, Product]:
        """Those of the products that are known, if only by an event."""
        ...

    def read_products(self) -> Iterator[list[Product]]:
        """All products that are known, page by page, in the order of their ids."""
        ...

    def read_facts(self) -> Iterator[list[ProductAttributes]]:
        """What rules ask of products, page by page, in the order of their ids; none of which nothing is known."""
        ...

    def products_changed_at(self) -> int | None:
        """When products were last added, updated or removed: as changed_at for events. Quick."""
        ...

    def withdrawn(self) -> frozenset[str]:
        """Ids of the products that must not be listed; quick."""
        ...

    def categories(self) -> list[CategoryCount]:
        """How many products, without the withdrawn ones, each name of a category has; most first, then by name."""
        ...

    def summary(self) -> StoreSummary:
        """What is here, counted. Exact when nothing is stored meanwhile."""
        ...

    def changed_at(self) -> int | None:
        """When an event was last stored, replaced or removed: microseconds since 1970, and never the same twice.

        None if that is not known, as in a store that an earlier version filled. Quick.
        """
        ...

    def drop_made_up(self) -> int:
        """Remove the made-up products and every event on them; how many products went."""
        ...


def has_events(store: Store) -> bool:
    """Whether there is anything to learn from; without counting it all."""
    return next(store.read_events(as_recorded=True), None) is not None


def open_store(url: str, *, loading: bool = False) -> Store:
    """The store behind a SQLAlchemy URL; its folder and tables are made. Raises ConfigError, StoreError.

    loading: take 256 MB for SQLite's page cache. Without it a long load spills pages in the middle of a transaction,
    which locks readers out.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is not None and parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        folder = Path(str(parsed.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the folder {folder} cannot be made ({error.strerror}). Expected a place that can be written: "
                "mend its rights, or set AISLE_VAR to another folder."
            ) from None
    return SqlStore(url, loading=loading)
