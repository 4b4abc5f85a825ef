"""From files, or from imagination, into the store."""

from __future__ import annotations

import csv
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pandas as pd

from src.config import Settings
from src.dataset.interactions import TrainingData, training_data
from src.dataset.loading import BLOCK_ROWS, EventFile, find_event_files
from src.dataset.preprocessing import CleanBlock, Limits, RejectedRow, clean
from src.dataset.synthetic import make_shop
from src.domain import NO_TIME, EventBatch, EventKind
from src.errors import AisleError, UnusableFile
from src.progress import Reporter
from src.registry import Registry
from src.store import Store, has_events

DEFAULT_EXPORT = Path("data/processed_amazon_reviews.csv")
_INPUT_FOLDERS = (Path("data"), Path("data/raw"))
_STORED_AT_ONCE = 20_000
_LONG_SECONDS, _SHORT_SECONDS = 0.25, 0.1  # of a transaction: a running service that takes events waits for its end


@dataclass
class Loaded:
    """What became of one file. read = stored + known + the sum of rejected.

    stored: new, or a newer rating instead of an older one. known: repeated, or older than what is there.
    """

    path: Path
    layout: str
    read: int = 0
    stored: int = 0
    known: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rejects_file: Path | None = None

    def lines(self) -> list[str]:
        """For people: the sum, and every reason."""
        said = [
            f"{self.path}: {self.layout}",
            f"  {self.read:,} rows read: {self.stored:,} stored, {self.known:,} repeated or outdated, "
            f"{self.rejected.total():,} rejected",
        ]
        said += [f"    {count:,} × {reason}" for reason, count in self.rejected.most_common()]
        if self.rejects_file is not None:
            said.append(f"  rejected rows, with line number and reason: {self.rejects_file}")
        return said


def input_files(settings: Settings) -> list[Path]:
    """The files lying in data/ and data/raw/, without those that `export` wrote."""
    return find_event_files(_INPUT_FOLDERS, _exports(settings))


def take_in(settings: Settings, store: Store, named: Sequence[Path], reporter: Reporter) -> Iterator[str]:
    """Load the named files, else those lying in data/ and data/raw/, else make up a shop; yields lines for people.

    Every file gets its turn. Raises UnusableFile at the end for named files that were refused; one that only lies
    there is left out, with a line, unless all of them are refused.
    """
    files = list(named) or input_files(settings)
    refused = []
    for path in files:
        try:
            yield from ingest(settings, store, path, reporter).lines()
        except UnusableFile as error:
            refused.append(str(error))
    if refused and (named or len(refused) == len(files)):
        raise UnusableFile(" ".join(refused))
    for said in refused:
        yield f"left out: {said}"
    if not files and make_up_shop(store, reporter):
        yield "no file was named and none lies in data/ or data/raw/: made up a shop to play with"
        yield "it leaves when the first real file is loaded: python data_processing.py ratings.csv"


def ingest(settings: Settings, store: Store, path: Path, reporter: Reporter) -> Loaded:
    """Load a file of ratings into the store, all of it that is usable. Loading it twice changes nothing.

    The first real file drives out the made-up shop, and the release that was trained on it.
    Raises UnusableFile when the file has nothing usable, or breaks off; what came before is stored.
    """
    source = EventFile(path)
    done = Loaded(path, source.layout.describe())
    pace = _Pace()
    reporter.step(f"loading {path}")
    with _RejectsFile(settings.rejects_dir, path) as rejects:
        for block in _clean_blocks(source, settings):
            rejects.write(block.rejected)
            done.read += len(block.events) + len(block.rejected)
            done.rejected.update(row.reason for row in block.rejected)
            if len(block.events) and done.stored + done.known == 0:
                _make_room_for_real_data(settings, store)
            stored = _store(store, block.events, pace)
            done.stored += stored
            done.known += len(block.events) - stored
            reporter.advance(done.read)
    done.rejects_file = rejects.path if done.rejected else None
    _refuse_if_empty(done)
    return done


def _refuse_if_empty(done: Loaded) -> None:
    if done.stored + done.known:
        return
    reasons = ", ".join(f"{count:,} × {reason}" for reason, count in done.rejected.most_common()) or "no rows at all"
    where = f" All of them, with reasons: {done.rejects_file}." if done.rejects_file else ""
    raise UnusableFile(
        f"{done.path}: none of its {done.read:,} rows is usable ({reasons}). "
        f"Expected user, product, rating and unix time ({done.layout}).{where} Mend the file and load it again."
    )


def _clean_blocks(source: EventFile, settings: Settings) -> Iterator[CleanBlock]:
    limits = Limits(settings.rating_min, settings.rating_max, now=int(time.time()))
    occurrence: Counter[_Same] = Counter()
    for raw in source.blocks():
        block = clean(raw, source.layout, limits)
        yield CleanBlock(_marked(block.events, occurrence), block.rejected)


_Same = tuple[str, str, str, int]
"""User, product, kind, time."""


def _marked(events: EventBatch, occurrence: Counter[_Same]) -> EventBatch:
    """Tell apart purchases, views … of one user and product: by the mark that their file gives, else by their time, and
    a count where that is the same. A rating has no mark, as there is one of a user and product.

    occurrence: how often each was met in this file so far; counted on here.
    """
    others = [at for at, kind in enumerate(events.kind) if kind != EventKind.RATING]
    marks = [""] * len(events)
    for at in others:
        if events.mark is not None and events.mark[at]:
            marks[at] = events.mark[at]
            continue
        key = (events.user_id[at], events.product_id[at], events.kind[at], int(events.at[at]))
        marks[at] = f"{key[3]}" if not occurrence[key] else f"{key[3]}#{occurrence[key]}"
        occurrence[key] += 1
    return EventBatch(events.user_id, events.product_id, events.kind, events.value, events.at, marks)


@dataclass
class _Pace:
    """How many events go into one transaction; follows the time that they take."""

    size: int = _STORED_AT_ONCE

    def took(self, seconds: float) -> None:
        if seconds > _LONG_SECONDS:
            self.size = max(self.size // 2, 1_000)
        elif seconds < _SHORT_SECONDS:
            self.size = min(self.size * 2, BLOCK_ROWS)


def _store(store: Store, events: EventBatch, pace: _Pace) -> int:
    """Store a block in transactions that are short; how many events were new or replaced an older one."""
    stored = at = 0
    while at < len(events):
        started = time.monotonic()
        part = events.take(range(at, min(at + pace.size, len(events))))
        stored += store.add_events(part)
        at += len(part)
        pace.took(time.monotonic() - started)
    return stored


def _make_room_for_real_data(settings: Settings, store: Store) -> None:
    """Drive out the made-up shop; first what is served of it, so that a crash in between leaves none of it served."""
    registry = Registry(settings.releases_dir)
    current = registry.current_version()
    if current is not None and registry.is_made_up(current):
        registry.deactivate()
    store.drop_made_up()


class _RejectsFile:
    """Rejected rows of one file as CSV (line, reason, fields …), made when the first one comes."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.path = folder / f"{source.resolve().parent.name}-{source.name}.rejects.csv"
        self._file: IO[str] | None = None

    def __enter__(self) -> _RejectsFile:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, rows: Sequence[RejectedRow]) -> None:
        if not rows:
            return
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # surrogateescape writes bytes that were not UTF-8 back as they came.
            self._file = open(  # noqa: SIM115 (closed in __exit__)
                self.path, "w", encoding="utf-8", errors="surrogateescape", newline=""
            )
            csv.writer(self._file).writerow(["line", "reason", "fields"])
        csv.writer(self._file).writerows([row.line, row.reason, *row.fields] for row in rows)


def read_table(settings: Settings, path: Path, reporter: Reporter) -> TrainingData:
    """Training data straight from a file, without the store, by the same rules. Raises UnusableFile."""
    source = EventFile(path)
    done = Loaded(path, source.layout.describe())
    reporter.step(f"reading {path}")
    batches = []
    for block in _clean_blocks(source, settings):
        batches.append(block.events)
        done.stored += len(block.events)
        done.read += len(block.events) + len(block.rejected)
        done.rejected.update(row.reason for row in block.rejected)
        reporter.advance(done.read)
    _refuse_if_empty(done)
    return training_data(batches).latest_ratings()


def make_up_shop(store: Store, reporter: Reporter) -> bool:
    """Fill an empty store with the made-up shop; False, and nothing done, if there is anything in it."""
    if has_events(store):
        return False
    reporter.step("no data here: making up a shop")
    shop = make_shop(until=int(time.time()))
    store.add_products(shop.products)
    store.add_events(shop.events)  # in one transaction: half a shop would stay half a shop
    return True


def export(settings: Settings, store: Store, path: Path) -> int:
    """Write the cleaned events as CSV and return their number; `input_files` will not take it for input.

    Of ratings alone the columns are user_id, product_id, rating, timestamp; with other events user_id, product_id,
    kind, mark, value, timestamp; the mark tells apart repeated purchases, so that reading it back adds nothing.
    The file appears whole or not at all.
    """
    only_ratings = set(store.summary().by_kind) <= {EventKind.RATING.value}
    temporary = path.with_name(f".{path.name}.tmp")
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            columns = ["rating"] if only_ratings else ["kind", "mark", "value"]
            file.write(",".join(["user_id", "product_id", *columns, "timestamp"]) + "\n")
            for batch in store.read_events():
                frame = pd.DataFrame({"user": batch.user_id, "product": batch.product_id})
                if not only_ratings:
                    frame["kind"], frame["mark"] = batch.kind, batch.mark
                frame["value"] = batch.value
                frame["at"] = pd.Series(batch.at, dtype="Int64").where(batch.at != NO_TIME)
                frame.to_csv(file, header=False, index=False, lineterminator="\n")
                written += len(batch)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise AisleError(
            f"{path} could not be written ({error.strerror}). Expected a folder that can be written and has space; "
            "name another file with --export FILE."
        ) from None
    _remember_export(settings, path)
    return written


def _exports(settings: Settings) -> list[Path]:
    try:
        return [Path(name) for name in json.loads(_exports_file(settings).read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return [DEFAULT_EXPORT]


def _remember_export(settings: Settings, path: Path) -> None:
    names = sorted({str(known.resolve()) for known in (*_exports(settings), DEFAULT_EXPORT, path)})
    file = _exports_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(names, indent=2), encoding="utf-8")


def _exports_file(settings: Settings) -> Path:
    return settings.var / "exports.json"
