"""The database of events, products, runs, served lists, rules and findings: SQLite or PostgreSQL."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from src.core.domain import EventKind
from src.core.errors import StoreAway, StoreError
from src.core.records import StoreSummary
from src.store.canary_store import CanaryStore
from src.store.database import Database
from src.store.event_store import EventStore
from src.store.experiment_store import ExperimentStore
from src.store.operations_store import AuditStore, ComparisonStore, FindingStore, RuleStore
from src.store.person_store import PersonStore
from src.store.product_store import SYNTHETIC, ProductStore
from src.store.request_store import RequestStore
from src.store.run_store import RunStore
from src.store.search_store import SearchStore
from src.store.served_list_store import ServedListStore
from src.store.shadow_store import ShadowStore

_TRY_AGAIN_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Store:
    """All data that outlives a process, except releases. Any method of it and its parts may raise StoreError.

    Attributes:
        database: Connections and transactions.
        events: What users did: ratings, purchases, views.
        products: The catalogue.
        runs: Trainings, loads of files, and scores of releases.
        searches: What users did with search results.
        served_lists: Lists that were served, with AISLE_LOG_SERVED=on, and what users did with them.
        requests: Lists as they were asked for, with AISLE_LOG_REQUESTS=on.
        findings: What was found not to be as it should be.
        rules: The versions of the shop's rules.
        audit: What was done with a key.
        comparisons: Releases measured on the same events.
        people: All that the store knows of one person.
        experiments: Experiments, who was shown what, and what followed.
        shadows: Releases that answer unseen, and how their lists differ.
        canaries: Releases on their way to all users.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.events = EventStore(database)
        self.products = ProductStore(database)
        self.runs = RunStore(database)
        self.searches = SearchStore(database)
        self.served_lists = ServedListStore(database)
        self.requests = RequestStore(database)
        self.findings = FindingStore(database)
        self.rules = RuleStore(database)
        self.audit = AuditStore(database)
        self.comparisons = ComparisonStore(database)
        self.people = PersonStore(database)
        self.experiments = ExperimentStore(database)
        self.shadows = ShadowStore(database)
        self.canaries = CanaryStore(database)

    def close(self) -> None:
        """Close the database connections; the next use opens new ones."""
        self.database.engine.dispose()

    def summary(self) -> StoreSummary:
        """Count what is stored; exact unless events are added meanwhile."""
        counts = self.events.count()
        n_ratings, total = counts.kinds.get(EventKind.RATING.value, (0, 0.0))
        return StoreSummary(
            n_events=sum(count for count, _ in counts.kinds.values()),
            n_ratings=n_ratings,
            n_users=counts.n_users,
            n_products=self.products.count(),
            avg_rating=total / n_ratings if n_ratings else None,
            newest_at=counts.newest_at,
            made_up=self.products.has_synthetic(),
            by_kind={kind: count for kind, (count, _) in sorted(counts.kinds.items())},
        )

    def rename_products(self, new_ids: Mapping[str, str]) -> int:
        """Give products other ids, with all their events; what the store holds under the new id already stays.

        Args:
            new_ids: Id → new id.

        Returns:
            The number of ids that were known, and are gone.
        """
        known = self.products.get(new_ids)
        if not known:
            return 0
        present = self.products.get(new_ids[old] for old in known)
        moved = [replace(product, product_id=new_ids[old]) for old, product in known.items()]
        self.products.add(product for product in moved if product.product_id not in present)
        with self.database.write() as connection:
            self.events.rename_products(connection, {old: new_ids[old] for old in known})
            self.products.delete(connection, known)
        return len(known)

    def delete_synthetic(self) -> int:
        """Delete the synthetic products, their events and searches, and all served lists and experiments.

        Returns:
            The number of products deleted; 0 if there are none, and then nothing else is deleted.
        """
        with self.database.write() as connection:
            if connection.execute(SYNTHETIC.limit(1)).first() is None:
                return 0  # the usual case: no reason to read all events with the store locked
            self.events.delete_synthetic(connection)
            self.searches.delete_synthetic(connection)
            self.served_lists.clear(connection)
            self.requests.clear(connection)
            self.experiments.clear(connection)
            self.shadows.clear(connection)
            self.canaries.clear(connection)
            return self.products.delete_synthetic(connection)


def open_store(url: str, *, loading: bool = False, wait_seconds: float = 0.0) -> Store:
    """Open a store; create its folder and tables, or upgrade the tables of an earlier version.

    Args:
        url: A SQLAlchemy URL of SQLite or PostgreSQL.
        loading: Whether files are loaded. Gives SQLite a page cache of 32 MB: without it a long load writes pages in
            the middle of a transaction, which locks readers out.
        wait_seconds: How long a database that cannot be reached is tried again; the log says so. Containers start in
            any order.

    Returns:
        The store, to be closed by the caller.

    Raises:
        ConfigError: The URL is not that of a SQLite or PostgreSQL database.
        StoreError: The database does not answer, cannot be written, or a later version of Aisle made it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is not None and parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        folder = Path(str(parsed.database)).parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the folder {folder} cannot be created ({error.strerror}). Expected a folder that can be written: "
                "change its permissions, or set AISLE_VAR to another folder."
            ) from None
    return Store(_reached(url, loading, wait_seconds))


def _reached(url: str, loading: bool, wait_seconds: float) -> Database:
    """Connect to a database, again and again while it cannot be reached. Raises StoreAway after `wait_seconds`."""
    end, said = time.monotonic() + wait_seconds, ""
    while True:
        try:
            database = Database(url, loading=loading)
        except StoreAway as error:
            if (left := end - time.monotonic()) <= 0:
                raise
            if str(error) != said:
                said = str(error)
                _log.warning("trying again for %.0f seconds, as %s", left, said)
            time.sleep(min(_TRY_AGAIN_SECONDS, left))
        else:
            if said:
                _log.warning("the store answers now")
            return database
