"""Load files, or a synthetic shop, into the store."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from typing_extensions import override

from src.core.domain import EventBatch, EventKind, Product
from src.core.errors import ErasuresAway, UnclearLayout, UnusableFile
from src.core.gc_pause import gc_disabled
from src.core.ids import has_bad_characters
from src.core.messages import message
from src.core.progress import Reporter
from src.core.read_ahead import map_ahead, read_ahead
from src.core.records import Load
from src.core.settings import Settings
from src.ingestion.catalogue_evidence import CatalogueEvidence, noun_of
from src.ingestion.csv_rows import PlainText
from src.ingestion.data_checks import check_load
from src.ingestion.event_columns import ColumnBlock, EventColumns
from src.ingestion.event_evidence import EventEvidence
from src.ingestion.event_rules import EventRules
from src.ingestion.external_sort import ExternalSort, sorting_errors
from src.ingestion.joined_files import Pair, find_headed_pair, find_pair, why_not_joined
from src.ingestion.layout import Hints, Table
from src.ingestion.layout_detection import open_table
from src.ingestion.load_series import file_series, previous_of
from src.ingestion.packed_tables import tables_in
from src.ingestion.plain_rows import parts_of, validated_columns
from src.ingestion.proposed_columns import without_joining
from src.ingestion.raw_rows import RawBlock
from src.ingestion.row_validation import validate_rows
from src.ingestion.variant_titles import GuessedGroups, TitledProduct
from src.interactions.interactions import TrainingData, training_data
from src.store import Store, open_store
from src.store.change_marks import UNDONE, note_erasures
from src.workflows.earlier_readings import EarlierReadings, ReadContents, contents_of
from src.workflows.erase import erase_again
from src.workflows.export import input_files
from src.workflows.id_comparison import IdComparison
from src.workflows.later_refunds import LaterRefunds
from src.workflows.load_summary import TOOK, LoadSummary, LoadTally
from src.workflows.rejected_rows_file import RejectedRowsFile
from src.workflows.row_words import example_lines
from src.workflows.saved_mappings import hints_for, reading_of
from src.workflows.sources import Source, empty_line, last_watermark, named_by, source_hints, stage
from src.workflows.synthetic_data import make_synthetic_shop, remove_synthetic_shop
from src.workflows.watermarks import Since, Watermark

_FIRST_BATCH, _MAX_BATCH = 5_000, 60_000
_SORTED_BATCH = 50_000
_LONG_SECONDS, _SHORT_SECONDS = 0.25, 0.1  # of a transaction: a running service that stores events waits for its end
_PRODUCT_BATCH, _NAMED_PRODUCTS = 2_000, 20_000
_REPEATED = "product given more than once: the last one counts"
_HIDDEN = "variant of a product that the catalogue keeps back: not listed"
_NEW = 0.1  # share of new events, above which a file is another one than before
_SAMPLED_IDS = 300  # of a file, to look up in the store


def load_files(
    settings: Settings,
    store: Store,
    named: Sequence[Path | Source],
    reporter: Reporter,
    hints: Hints | None = None,
    since: Since | None = None,
) -> Iterator[str]:
    """Load the named files, else the files in data/ and data/raw/, else a synthetic shop.

    A file that is refused does not stop the others.

    Args:
        settings: limits of ratings, and folders.
        store: where events and products are stored.
        named: the files and other sources; empty for the files in data/ and data/raw/.
        hints: how the files are to be read, where their content does not tell.
        since: loads of each source what is new since its last load; None for everything.

    Yields:
        Lines for people.

    Raises:
        UnusableFile: a named file, or each of the others, was refused; raised when all were read.
    """
    files, may_refuse = _files_of(settings, named)
    refused: list[str] = []
    unclear: dict[Path, UnclearLayout] = {}
    loading = _Series(settings, store, reporter, hints, since)
    paths = [each for each in files if isinstance(each, Path)]
    left = list(paths)
    while since is None and (pair := find_headed_pair(left, hints or Hints())):
        left = [each for each in left if each not in (pair.lines, pair.orders)]
        yield from _joined(loading, pair, refused)
    for path in files:
        if isinstance(path, Path) and path not in left:
            continue
        try:
            yield from loading.load(path)
        except UnusableFile as error:
            if isinstance(error, UnclearLayout) and isinstance(path, Path) and since is None:
                unclear[path] = error
            else:
                refused.append(str(error))
    while pair := find_pair(list(unclear), hints or Hints()):
        del unclear[pair.lines], unclear[pair.orders]
        yield from _joined(loading, pair, refused)
    refused += [
        without_joining(error, why_not_joined(path, paths, hints or Hints())) for path, error in unclear.items()
    ]
    try:
        erase_again(settings, store)
    except ErasuresAway as error:
        note_erasures(store.database, UNDONE)
        yield f"WARNING: {error} People who were erased are erased again once the list can be read."
    if refused and (not may_refuse or len(refused) == len(files)):
        raise UnusableFile(" ".join(refused))
    for reason in refused:
        yield f"left out: {reason}"
    if not files and make_synthetic_shop(store, reporter):
        yield "no file was named and none lies in data/ or data/raw/: made up a shop to play with"
        yield "it leaves when the first real file is loaded: python data_processing.py ratings.csv"


def _joined(loading: _Series, pair: Pair, refused: list[str]) -> Iterator[str]:
    """Load two files as one; yield lines for people, and add a refusal to those before."""
    yield f"{pair.lines} and {pair.orders} are joined by {pair.key!r}"
    try:
        yield from loading.load_joined(pair)
    except UnusableFile as error:
        refused.append(str(error))


def _files_of(settings: Settings, named: Sequence[Path | Source]) -> tuple[list[Path | Source], bool]:
    """Return the files, those of archives each, and whether some may be no table: those that nobody named."""
    files: list[Path | Source] = []
    for each in named or input_files(settings):
        files += tables_in(each) if isinstance(each, Path) else [each]
    return files, not named or len(files) > len(named)


@dataclass(frozen=True)
class _Series:
    """Loads files one after the other; its fields are the arguments of `load_files`."""

    settings: Settings
    store: Store
    reporter: Reporter
    hints: Hints | None
    since: Since | None

    def load(self, path: Path | Source) -> Iterator[str]:
        """Load a file or source; yield lines for people. Raises UnusableFile."""
        if isinstance(path, Source) or self.since is not None:
            source = path if isinstance(path, Source) else Source(str(path))
            hints = self.hints or Hints()
            yield from _load_source(self.settings, self.store, source, self.reporter, hints, self.since)
            return
        loaded = _load(self.settings, self.store, path, self.reporter, self.hints)
        yield from loaded.lines()
        loaded.whole()

    def load_joined(self, pair: Pair) -> Iterator[str]:
        """Load order lines with the customers of another file; yield lines for people. Raises UnusableFile."""
        hints = pair.hints_of(self.hints or Hints())
        with _temporary_folder(self.settings) as folder:
            table = replace(open_table(pair.write(folder), hints, _known(self.store)), path=pair.lines)
            contents = contents_of(pair.lines, pair.orders)
            read = ReadContents.of(contents, table, hints, self.settings)
            loaded = _Loading(self.settings, self.store, table, self.reporter, read=read).run(
                before_storing=lambda: remove_synthetic_shop(self.settings, self.store)
            )
        yield from loaded.lines()
        loaded.whole()


def ingest(settings: Settings, store: Store, path: Path, reporter: Reporter, hints: Hints | None = None) -> LoadSummary:
    """Load the usable rows of a file into the store; loading it twice changes nothing.

    The first real file removes the synthetic shop, and deactivates the release that was trained on it.

    Args:
        settings: limits of ratings, and folders.
        store: where events and products are stored.
        path: the file.
        hints: how the file is to be read, where its content does not tell.

    Returns:
        What was loaded.

    Raises:
        UnusableFile: the file has no usable row, or cannot be read to its end; the rows before that are stored.
    """
    return _load(settings, store, path, reporter, hints).whole()


def _load_source(
    settings: Settings, store: Store, source: Source, reporter: Reporter, hints: Hints, since: Since | None
) -> Iterator[str]:
    """Load a source by way of a temporary file; yield lines for people."""
    last = last_watermark(store, source, since)
    with _temporary_folder(settings) as folder:
        reporter.step(f"fetching {source.label}")
        staged = stage(source, folder, since, last.mark if last else None)
        if staged.n_rows == 0:
            yield empty_line(source, last, since)
            return
        with named_by(staged.path, source.label):
            read_as = source_hints(staged, hints, last)
            table = open_table(staged.path, read_as, _known(store))
        if staged.watermark is not None:
            staged = staged.noting(reading_of(table, staged.path, read_as))
        table = replace(table, path=source.alias, source=source.label)
        loading = _Loading(settings, store, table, reporter, staged.watermark)
        with named_by(staged.path, source.label):
            loaded = loading.run(before_storing=lambda: remove_synthetic_shop(settings, store))
        yield from loaded.lines()
        yield from staged.lines()
        loaded.whole()


@contextmanager
def _temporary_folder(settings: Settings) -> Iterator[Path]:
    """Make a folder that is removed with its files, also by a later process if this one is killed."""
    settings.var.mkdir(parents=True, exist_ok=True)
    _remove_abandoned_folders(settings.var)
    with tempfile.TemporaryDirectory(prefix=f".reading-{os.getpid()}-", dir=settings.var) as folder:
        yield Path(folder)


def _known(store: Store) -> Callable[[Collection[str]], Collection[str]]:
    """Return a function that finds which of these product ids the store has."""
    return lambda ids: store.products.get([text for text in ids if not has_bad_characters(text)])


def _load(settings: Settings, store: Store, path: Path, reporter: Reporter, hints: Hints | None) -> LoadSummary:
    mapped, mapping = hints_for(settings, path, hints or Hints())
    table = open_table(path, mapped, _known(store))
    if mapping:
        table = table.with_notes(f"read by the saved mapping {mapping!r}; to read it afresh: --no-mapping")
    read = ReadContents.of(contents_of(path), table, mapped, settings)
    loading = _Loading(settings, store, table, reporter, read=read)
    return loading.run(before_storing=lambda: remove_synthetic_shop(settings, store))


class _Loading:
    """Loads one file: rows are read, validated, sorted on disk and stored in short transactions."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        table: Table,
        reporter: Reporter,
        watermark: Watermark | None = None,
        read: ReadContents | None = None,
    ) -> None:
        self._settings, self._store, self._table, self._reporter = settings, store, table, reporter
        self._watermark = watermark
        self._read = read or ReadContents((), "", keep_earlier=True)
        self._earlier = EarlierReadings(store, self._read)
        self._tally = LoadTally()
        self._renamed: dict[str, str] = {}
        self._parent: dict[str, str] = {}
        self._pace = _Pace()
        self._refunds = LaterRefunds(store)
        self._evidence = EventEvidence()
        self._catalogue = CatalogueEvidence()
        self._examples: list[str] = []

    def run(self, before_storing: Callable[[], None]) -> LoadSummary:
        """Load the file; `before_storing` is called before anything is stored. Raises UnusableFile."""
        path, tally = self._table.path, self._tally
        started = time.time_ns() // 1_000
        broken: UnusableFile | None = None
        comparison = IdComparison(self._store, path, self._table.name)
        self._reporter.step(f"reading {self._table.name}")
        with (
            gc_disabled(),
            sorting_errors(self._settings.var),
            RejectedRowsFile(self._settings.rejects_dir, path) as rejects,
            ExternalSort(self._settings.var) as sorter,
        ):
            try:
                for block in self._blocks():
                    rejects.write(block.rejected)
                    if tally.n_kept == 0 < block.n_rows - len(block.rejected):
                        before_storing()
                        if self._earlier.take_back():
                            comparison = IdComparison(self._store, path, self._table.name)
                        self._measure_known_ids(block.events)
                        comparison.look_up(
                            _sample(block.events.texts(1)[0] or [product.product_id for product in block.products])
                        )
                    self._take(block, sorter)
            except UnusableFile as error:
                broken = error
            rejects_file = rejects.path if tally.n_rejected else None
            self._refuse_if_empty(broken, rejects_file)
            self._store_events(sorter, started)
            self._store.rename_products(self._renamed)
            tally.mended.update(self._refunds.apply())
            groups = self._group_products()
            load = replace(
                tally.load(self._table, sorter.n_events),
                contents=list(self._read.contents),
                reading=self._read.reading,
                first_seq=started,
            )
            if self._watermark is not None and broken is None:  # after the rows: an interrupted load is repeated
                load = replace(load, since=self._watermark.to_json())
        otherwise = {each.load_id for each in self._earlier.loads}
        previous = previous_of(load, [each for each in self._store.runs.loads(50) if each.load_id not in otherwise])
        load = _known_as_before(load, previous)
        self._store.runs.save_load(load)
        met = comparison.check(load, has_events=self._table.layout.has_events)
        checks = [
            *check_load(load, previous),
            *([met] if met else []),
            *self._evidence.checks(),
            *self._catalogue.checks(),
        ]
        return LoadSummary(
            load,
            self._table.with_later_notes(*self._earlier.notes(), *self._evidence.remarks()),
            rejects_file,
            checks,
            broken,
            groups,
            tally.words,
            self._examples,
            [*self._evidence.totals(), *self._catalogue.totals()],
            [bool(product.title) for product in self._store.products.get(self._catalogue.ids).values()],
        )

    def _take(self, block: ColumnBlock, sorter: ExternalSort) -> None:
        """Count a block, store its products, and put its events among those to be sorted."""
        self._tally.add(block)
        self._evidence.add(block.events)
        if not self._table.layout.has_events:
            self._catalogue.add(block.products)
        self._renamed.update(block.renamed)
        self._refunds.note(block)
        self._parent.update(block.parent)
        self._store_products(block, sorter)
        sorter.add(block)
        self._reporter.advance(self._tally.n_read)

    def _store_events(self, sorter: ExternalSort, started: int) -> None:
        """Store the sorted events and their products, in short transactions.

        Args:
            sorter: All events.
            started: When the load began, in microseconds: the place of its first event in the order of arrival.
        """
        if sorter.n_events:
            self._reporter.step(f"storing {self._table.name}")
        for product_ids in sorter.products(_NAMED_PRODUCTS):
            self._store.events.add_products(product_ids)
        done = 0
        for batch in read_ahead(sorter.sorted(started, _SORTED_BATCH)):
            self._tally.n_stored += self._pace.store(self._store, batch)
            done += len(batch)
            self._reporter.advance(done, sorter.n_events)

    def _group_products(self) -> GuessedGroups | None:
        """Put variants into the groups that their parents, or else their titles, tell; None without new products."""
        products = self._store.products
        if not self._tally.n_products:
            return None
        products.set_groups(self._parent.items())
        products.join_parents()
        taken, n_hidden = products.inherit()
        self._tally.mended.update({TOOK.format(noun_of(fact)): n for fact, n in taken.items()})
        self._tally.mended.update({_HIDDEN: n_hidden} if n_hidden else {})
        if self._settings.guess_groups == "off":
            products.forget_guesses()
            return None
        self._reporter.step("looking for products whose titles differ by colour and size only")
        guessed = GuessedGroups.of(TitledProduct(*row) for page in products.titled() for row in page)
        products.set_guessed_groups(guessed.changes())
        return guessed

    def _blocks(self) -> Iterator[ColumnBlock]:
        """Yield all blocks, validated and sorted by threads: what they call in numpy and pyarrow runs side by side."""
        rules = EventRules(
            self._settings.rating_min, self._settings.rating_max, int(time.time()), self._settings.count_pending
        )
        validate = partial(validated_columns, table=self._table, rules=rules)
        return map_ahead(validate, self._with_examples(parts_of(self._table, rules), rules))

    def _with_examples(
        self, parts: Iterator[PlainText | RawBlock], rules: EventRules
    ) -> Iterator[PlainText | RawBlock]:
        """Yield the parts of the file, and keep what its first rows mean in words."""
        for part in parts:
            if not self._examples:
                self._examples = example_lines(part, self._table, rules)
            yield part

    def _measure_known_ids(self, events: EventColumns) -> None:
        """Set which shares of the first rows' users and products are in the store."""
        if not len(events) or self._store.events.is_empty():
            return
        users, products = map(_sample, events.texts(0, 1))
        self._tally.known_products = len(self._store.products.get(products)) / len(products)
        self._tally.known_users = sum(bool(self._store.events.history(user)) for user in users) / len(users)

    def _store_products(self, block: ColumnBlock, sorter: ExternalSort) -> None:
        if not block.products:
            return
        repeated = sorter.count_repeated(block.products)
        if not self._table.layout.has_events:
            self._tally.n_products += len(block.products)
            if repeated:
                self._tally.mended[_REPEATED] += repeated
        else:
            self._tally.n_products += len(block.products) - repeated
        for at in range(0, len(block.products), _PRODUCT_BATCH):
            self._store.products.add(block.products[at : at + _PRODUCT_BATCH])

    def _refuse_if_empty(self, broken: UnusableFile | None, rejects_file: Path | None) -> None:
        """Raise UnusableFile if no row was usable."""
        tally, table = self._tally, self._table
        if tally.n_kept:
            return
        if broken is not None:
            raise broken
        where = f" All of them, with reasons: {rejects_file}." if rejects_file else ""
        raise UnusableFile(
            f"{table.name}: none of its {tally.n_read:,} rows is usable ({tally.reasons}). It was read as "
            f"{table.describe()}.{where} Mend the file, or say how to read it with --layout and --columns, and "
            "load it again."
        )


def _known_as_before(load: Load, previous: Load | None) -> Load:
    """Return a load with the shares of known ids of the load before, where nearly all of its events came with that.

    A file that is loaded again finds the ids that it brought itself, be they those of the catalogue or not.
    """
    if previous is None or file_series(load) != file_series(previous) or load.n_stored > _NEW * load.n_events:
        return load
    return replace(load, known_users=previous.known_users, known_products=previous.known_products)


def _sample(ids: list[str]) -> list[str]:
    """Return up to _SAMPLED_IDS distinct ids, evenly spaced."""
    distinct = list(dict.fromkeys(ids))
    return distinct[:: -(-len(distinct) // _SAMPLED_IDS)]


@dataclass
class _Pace:
    """Adapts the number of events in a transaction to the time that it takes."""

    size: int = _FIRST_BATCH

    def store(self, store: Store, events: EventBatch) -> int:
        """Store events whose products are stored, in short transactions.

        Args:
            store: where they are stored.
            events: the events.

        Returns:
            How many were new, or replaced an older rating.
        """
        stored = at = 0
        while at < len(events):
            n_parts = -(-(len(events) - at) // self.size)  # of one size, else the last one would cost as much as others
            end = at + -(-(len(events) - at) // n_parts)
            started = time.monotonic()
            part = events if end - at == len(events) else events.take(range(at, end))
            stored += store.events.add(part, products_are_stored=True)
            at = end
            self._took(time.monotonic() - started)
        return stored

    def _took(self, seconds: float) -> None:
        if seconds > _LONG_SECONDS:
            self.size = max(self.size // 2, 1_000)
        elif seconds < _SHORT_SECONDS:
            self.size = min(self.size * 2, _MAX_BATCH)


def read_table(settings: Settings, path: Path, reporter: Reporter, hints: Hints | None = None) -> TrainingData:
    """Read training data from a file as if it had been loaded into an empty store.

    Args:
        settings: limits of ratings, and the folder of the temporary store.
        path: the file.
        hints: how the file is to be read, where its content does not tell.

    Returns:
        The training data.

    Raises:
        UnusableFile: the file has no usable row, or cannot be read to its end.
    """
    with _temporary_folder(settings) as folder:
        store = open_store(f"sqlite:///{folder}/store.sqlite3", loading=True)
        reading = _Reading(settings, store, open_table(path, hints), reporter)
        reading.run(before_storing=lambda: None).whole()
        return training_data(store.events.read()) if reading.data is None else reading.data


class _Reading(_Loading):
    """Reads one file for a training. Its events are stored only if returns change what purchases are worth.

    Attributes:
        data: The events, as the store would give them; None where they are stored.
    """

    data: TrainingData | None = None

    @override
    def _store_events(self, sorter: ExternalSort, started: int) -> None:
        if self._tally.by_kind[EventKind.RETURN.value]:
            super()._store_events(sorter, started)
        elif sorter.n_events:
            self.data = training_data(read_ahead(sorter.sorted(started, _SORTED_BATCH)))
            self._tally.n_stored = len(self.data)


def products_of(settings: Settings, path: Path, reporter: Reporter) -> list[Product]:
    """Read the products of a file, each once, as they would be stored.

    Args:
        settings: limits of ratings.
        path: the file.

    Returns:
        The products; of a repeated one, its last row.

    Raises:
        UnusableFile: the file has no product.
    """
    reporter.step(message("step.reading_file", file=str(path)))
    table = open_table(path)
    rules = EventRules(settings.rating_min, settings.rating_max, int(time.time()), settings.count_pending)
    products: dict[str, Product] = {}
    for raw in table.rows.blocks():
        products.update((product.product_id, product) for product in validate_rows(raw, table.layout, rules).products)
    if not products:
        raise UnusableFile(
            f"{path}: no product was found in it. It was read as {table.describe()}. Expected a catalogue: "
            "ids and titles."
        )
    return list(products.values())


def _remove_abandoned_folders(folder: Path) -> None:
    """Remove the temporary stores of processes that were killed."""
    for temporary in folder.glob(".reading-*-*"):
        if not Path(f"/proc/{temporary.name.split('-')[1]}").exists() and Path("/proc").is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
