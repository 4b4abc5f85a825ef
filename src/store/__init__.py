"""Where events, products and runs are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from src.domain import Event, EventBatch, EventKind, Product, ProductCount, Run, StoreSummary
from src.errors import StoreError
from src.store.sql import SqlStore


class Store(Protocol):
    """Everything that outlives a process, but for releases. Any method may raise StoreError."""

    def add_events(self, batch: EventBatch, event_ids_: Sequence[str | None] = ()) -> int:
        """Store events durably, all or none; how many were new or replaced an older one.

        Ratings are one per user and product, the latest wins; other events are the same when user, product, kind and
        mark agree. event_ids_: one per event; an id that was received before makes its event a repetition.
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

    def read_events(self) -> Iterator[EventBatch]:
        """All events stored before the call, in the order they came, in batches."""
        ...

    def popular(self, kinds: Sequence[EventKind], since: int | None, n: int) -> list[ProductCount]:
        """The n products with the most events of these kinds, since a time in UTC seconds."""
        ...

    def products(self, product_ids: Iterable[str]) -> dict[str, Product]:
        """Those of the products that the catalogue has."""
        ...

    def summary(self) -> StoreSummary:
        """What is here, counted."""
        ...

    def drop_made_up(self) -> int:
        """Remove the made-up products and every event on them; how many products went."""
        ...

    def save_run(self, run: Run) -> bool:
        """Add a run or update the one with its run_id; False, and nothing saved, if another run has its due moment."""
        ...

    def runs(self, n: int) -> list[Run]:
        """The n newest runs, newest first."""
        ...


def has_events(store: Store) -> bool:
    """Whether there is anything to learn from; without counting it all."""
    return next(store.read_events(), None) is not None


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
