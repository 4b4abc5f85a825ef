"""From files, or from imagination, into the store."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from src.core.domain import EventBatch, Product
from src.core.errors import UnknownName, UnusableFile
from src.core.gc_pause import gc_disabled
from src.core.ids import clean_id, has_bad_characters
from src.core.progress import Reporter
from src.core.settings import Settings
from src.ingestion.data_checks import check_load, previous_of
from src.ingestion.event_rules import EventRules
from src.ingestion.external_sort import ExternalSort, sorting_errors
from src.ingestion.layout import Hints, Table
from src.ingestion.layout_detection import open_table
from src.ingestion.row_validation import ValidatedBlock, validate_rows
from src.interactions.interactions import TrainingData, training_data
from src.releases.registry import Registry
from src.store import Store, has_events, open_store
from src.synthetic.shop import make_shop
from src.workflows.export import input_files
from src.workflows.load_summary import LoadSummary, LoadTally
from src.workflows.rejected_rows_file import RejectedRowsFile

_FIRST_AT_ONCE, _MOST_AT_ONCE = 5_000, 50_000
_LONG_SECONDS, _SHORT_SECONDS = 0.25, 0.1  # of a transaction: a running service that takes events waits for its end
_PRODUCTS_AT_ONCE = 2_000
_REPEATED = "product given more than once: the last one counts"
_ASKED = 300  # ids of a file that are asked for in the store


def load_files(
    settings: Settings, store: Store, named: Sequence[Path], reporter: Reporter, hints: Hints | None = None
) -> Iterator[str]:
    """Load the named files, else those lying in data/ and data/raw/, else make up a shop; yields lines for people.

    Every file gets its turn. Raises UnusableFile at the end for named files that were refused; one that only lies
    there is left out, with a line, unless all of them are refused.
    """
    files = list(named) or input_files(settings)
    refused = []
    for path in files:
        try:
            loaded = _load(settings, store, path, reporter, hints)
            yield from loaded.lines()
            loaded.whole()
        except UnusableFile as error:
            refused.append(str(error))
    if refused and (named or len(refused) == len(files)):
        raise UnusableFile(" ".join(refused))
    for said in refused:
        yield f"left out: {said}"
    if not files and make_synthetic_shop(store, reporter):
        yield "no file was named and none lies in data/ or data/raw/: made up a shop to play with"
        yield "it leaves when the first real file is loaded: python data_processing.py ratings.csv"


def ingest(settings: Settings, store: Store, path: Path, reporter: Reporter, hints: Hints | None = None) -> LoadSummary:
    """Load a file into the store, all of it that is usable. Loading it twice changes nothing.

    The first real file drives out the made-up shop, and the release that was trained on it.
    Raises UnusableFile when the file has nothing usable, or breaks off; what came before is stored.
    """
    return _load(settings, store, path, reporter, hints).whole()


def _load(settings: Settings, store: Store, path: Path, reporter: Reporter, hints: Hints | None) -> LoadSummary:
    return _Loading(settings, store, open_table(path, hints), reporter).run(
        make_room=lambda: _make_room_for_real_data(settings, store)
    )


class _Loading:
    """One file on its way: read and cleaned, put in order on disk, stored in short transactions."""

    def __init__(self, settings: Settings, store: Store, table: Table, reporter: Reporter) -> None:
        self._settings, self._store, self._table, self._reporter = settings, store, table, reporter
        self._tally = LoadTally()
        self._pace = _Pace()

    def run(self, make_room: Callable[[], None]) -> LoadSummary:
        """make_room: called before the first thing is stored."""
        path, tally = self._table.path, self._tally
        started = time.time_ns() // 1_000
        broken: UnusableFile | None = None
        self._reporter.step(f"reading {path}")
        with (
            gc_disabled(),
            sorting_errors(self._settings.var),
            RejectedRowsFile(self._settings.rejects_dir, path) as rejects,
            ExternalSort(self._settings.var) as staging,
        ):
            try:
                for block in self._clean_blocks():
                    rejects.write(block.rejected)
                    if tally.n_kept == 0 < block.n_rows - len(block.rejected):
                        make_room()
                        self._ask_for_known_ids(block.events)
                    tally.add(block)
                    self._store_products(block, staging)
                    staging.add(block)
                    self._reporter.advance(tally.n_read)
            except UnusableFile as error:
                broken = error
            rejects_file = rejects.path if tally.n_rejected else None
            self._refuse_if_empty(broken, rejects_file)
            if staging.n_events:
                self._reporter.step(f"storing {path}")
            done = 0
            for batch in staging.sorted(started, _MOST_AT_ONCE):
                tally.n_stored += self._pace.store(self._store, batch)
                done += len(batch)
                self._reporter.advance(done, staging.n_events)
            load = tally.load(self._table, staging.n_events)
        previous = previous_of(load, self._store.journal.loads(50))
        self._store.journal.save_load(load)
        return LoadSummary(load, self._table, rejects_file, check_load(load, previous), broken)

    def _clean_blocks(self) -> Iterator[ValidatedBlock]:
        rules = EventRules(self._settings.rating_min, self._settings.rating_max, now=int(time.time()))
        for raw in self._table.rows.blocks():
            yield validate_rows(raw, self._table.layout, rules)

    def _ask_for_known_ids(self, events: EventBatch) -> None:
        """How many of the first rows' users and products the store has met before."""
        if not len(events) or not has_events(self._store):
            return
        products, users = _some(events.product_id), _some(events.user_id)
        self._tally.known_products = len(self._store.products(products)) / len(products)
        self._tally.known_users = sum(bool(self._store.history(user)) for user in users) / len(users)

    def _store_products(self, block: ValidatedBlock, staging: ExternalSort) -> None:
        if not block.products:
            return
        repeated = staging.count_repeated(block.products)
        if not self._table.layout.has_events:
            self._tally.n_products += len(block.products)
            if repeated:
                self._tally.mended[_REPEATED] += repeated
        else:
            self._tally.n_products += len(block.products) - repeated
        for at in range(0, len(block.products), _PRODUCTS_AT_ONCE):
            self._store.add_products(block.products[at : at + _PRODUCTS_AT_ONCE])

    def _refuse_if_empty(self, broken: UnusableFile | None, rejects_file: Path | None) -> None:
        tally, table = self._tally, self._table
        if tally.n_kept:
            return
        if broken is not None:
            raise broken
        where = f" All of them, with reasons: {rejects_file}." if rejects_file else ""
        raise UnusableFile(
            f"{table.path}: none of its {tally.n_read:,} rows is usable ({tally.reasons}). It was read as "
            f"{table.describe()}.{where} Mend the file, or say how to read it with --layout and --columns, and "
            "load it again."
        )


def _some(ids: list[str]) -> list[str]:
    """Different ids out of these, evenly spaced."""
    distinct = list(dict.fromkeys(ids))
    return distinct[:: -(-len(distinct) // _ASKED)]


@dataclass
class _Pace:
    """How many events go into one transaction; follows the time that they take."""

    size: int = _FIRST_AT_ONCE

    def store(self, store: Store, events: EventBatch) -> int:
        """Store events in transactions that are short; how many were new or replaced an older one."""
        stored = at = 0
        while at < len(events):
            started = time.monotonic()
            part = events.take(range(at, min(at + self.size, len(events)))) if self.size < len(events) else events
            stored += store.add_events(part)
            at += len(part)
            self._took(time.monotonic() - started)
        return stored

    def _took(self, seconds: float) -> None:
        if seconds > _LONG_SECONDS:
            self.size = max(self.size // 2, 1_000)
        elif seconds < _SHORT_SECONDS:
            self.size = min(self.size * 2, _MOST_AT_ONCE)


def _make_room_for_real_data(settings: Settings, store: Store) -> None:
    """Drive out the made-up shop; first what is served of it, so that a crash in between leaves none of it served."""
    registry = Registry(settings.releases_dir)
    current = registry.current_version()
    if current is not None and registry.is_made_up(current):
        registry.deactivate()
    store.drop_made_up()


def read_table(settings: Settings, path: Path, reporter: Reporter, hints: Hints | None = None) -> TrainingData:
    """Training data straight from a file, by the rules of the store, which is left alone. Raises UnusableFile."""
    settings.var.mkdir(parents=True, exist_ok=True)
    _remove_what_killed_ones_left(settings.var)
    with tempfile.TemporaryDirectory(prefix=f".reading-{os.getpid()}-", dir=settings.var) as folder:
        store = open_store(f"sqlite:///{folder}/store.sqlite3", loading=True)
        _Loading(settings, store, open_table(path, hints), reporter).run(make_room=lambda: None).whole()
        return training_data(store.read_events())


def products_of(settings: Settings, path: Path, reporter: Reporter) -> list[Product]:
    """The products that a file tells of, each once, as the store would have them. Raises UnusableFile."""
    reporter.step(f"reading {path}")
    table = open_table(path)
    rules = EventRules(settings.rating_min, settings.rating_max, now=int(time.time()))
    found: dict[str, Product] = {}
    for raw in table.rows.blocks():
        found.update((product.product_id, product) for product in validate_rows(raw, table.layout, rules).products)
    if not found:
        raise UnusableFile(
            f"{path}: no product was found in it. It was read as {table.describe()}. Expected a catalogue: "
            "ids and titles."
        )
    return list(found.values())


def _remove_what_killed_ones_left(folder: Path) -> None:
    for left in folder.glob(".reading-*-*"):
        if not Path(f"/proc/{left.name.split('-')[1]}").exists() and Path("/proc").is_dir():
            shutil.rmtree(left, ignore_errors=True)


def make_synthetic_shop(store: Store, reporter: Reporter) -> bool:
    """Fill an empty store with the made-up shop; False, and nothing done, if there is anything in it."""
    here = store.summary()
    if here.n_events or (here.n_products and not here.made_up):  # made-up products alone: its filling was cut short
        return False
    reporter.step("no data here: making up a shop")
    shop = make_shop(until=int(time.time()))
    store.add_products(shop.products)
    store.add_events(shop.events)  # in one transaction: half a shop would stay half a shop
    return True


def withdraw(store: Store, product_ids: Sequence[str], withdrawn: bool) -> int:
    """Never list these products again, or (False) do so again; how many there were.

    Raises UnknownName, and changes nothing, if one of them is not known.
    """
    product_ids = list(dict.fromkeys(clean_id(id_) for id_ in product_ids))
    known = store.products(id_ for id_ in product_ids if not has_bad_characters(id_))
    missing = [id_ for id_ in product_ids if id_ not in known]
    if missing:
        raise UnknownName(
            f"no product {', '.join(map(repr, missing[:5]))} is known. Expected ids of products in the store, as they "
            "stand in its files; GET /products/ID names the nearest."
        )
    return store.add_products([Product(id_, withdrawn=withdrawn) for id_ in product_ids])
