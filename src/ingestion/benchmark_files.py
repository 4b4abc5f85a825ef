"""Somebody's own split, straight from its files: what to learn from, what to tune on, and what to measure on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from src.core.domain import SEEN_KINDS, EventBatch, IntArray, JsonDict
from src.core.errors import UnclearLayout, UnusableFile
from src.core.gc_pause import gc_disabled
from src.core.progress import Reporter
from src.core.settings import Settings
from src.ingestion.event_rules import EventRules
from src.ingestion.input_files import InputFile
from src.ingestion.layout import LISTS, Hints, Table
from src.ingestion.layout_detection import open_table
from src.ingestion.parsing import EPOCH_FROM
from src.ingestion.row_tally import RowTally, row_lines
from src.ingestion.row_validation import validate_rows
from src.interactions.event_weights import KIND_NUMBER, KIND_ORDER
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split, held_out

_NUMBERS = re.compile(r"\d+( +\d+)* *")
_SAMPLE = 200
_EXPECTED = (
    "Expected a user and a product a row, with user_id,item_id (and value,at where there are any) in the first line, "
    "or a user and all her products a line, in numbers with blanks between; mend the file, or give another."
)


@dataclass(frozen=True)
class FileSummary:
    """How one file was read.

    Attributes:
        path: The file.
        layout: One line for people: what its columns were taken for.
        rows: Its rows, counted while they are read.
    """

    path: Path
    layout: str
    rows: RowTally = field(default_factory=RowTally)

    def lines(self) -> list[str]:
        """Return lines for people: how the file was read, the sum of its rows, and every reason."""
        return [f"{self.path}: {self.layout}", *row_lines(self.rows.n_read, self.rows.rejected)]

    def to_json(self) -> JsonDict:
        """Return the entry of a report."""
        return {
            "file": str(self.path),
            "layout": self.layout,
            "n_rows": self.rows.n_read,
            "n_events": self.rows.n_events,
            "rejected": dict(self.rows.rejected.most_common()),
        }


@dataclass(frozen=True)
class BenchmarkData:
    """What may be learnt from. data: for the final fit. valid: for tuning, as a file gave it; None without one.

    Both over the same vocabularies. files: what became of each file.
    """

    data: TrainingData
    valid: Split | None
    files: dict[str, FileSummary]

    def for_tuning(self) -> Split:
        """What was given for tuning, else a part of the data, held out."""
        return self.valid if self.valid is not None else held_out(self.data)


@dataclass(frozen=True)
class MappedTestRows:
    """Rows to measure on, over vocabularies of their own, and where those stand in the ones that were learnt from.

    user_idx: int64[data.users], item_idx: int64[data.items]: row numbers there; -1 for whoever was never learnt from.
    """

    data: TrainingData
    user_idx: IntArray
    item_idx: IntArray
    file: FileSummary


def read_benchmark(train: Path, valid: Path | None, settings: Settings, reporter: Reporter) -> BenchmarkData:
    """Read what may be learnt from. Rows stay as they stand: nothing is stored, and no repeated row is dropped.

    The final fit learns from train, and from those rows of valid whose pair train has not: from train as it is when
    valid lies in it, from both when they share nothing. While tuning, the pairs of valid are taken out of train
    (of the same kind of event, ratings and purchases being one: what was viewed before it was bought stays).
    Raises UnusableFile when a file has nothing usable or breaks off, or when valid leaves nothing of train.
    """
    files = {"train": _opened(train)} | ({} if valid is None else {"valid": _opened(valid)})
    with gc_disabled():
        parts = (_events(table, read, settings, reporter) for table, read in files.values())
        data = training_data(chain.from_iterable(parts))
    reads = {name: read for name, (_, read) in files.items()}
    if valid is None:
        return BenchmarkData(data, None, reads)
    return _with_valid(data, reads)


def _with_valid(data: TrainingData, files: dict[str, FileSummary]) -> BenchmarkData:
    """The rows of train come first in the data, those of valid after them."""
    rows, n_train = np.arange(len(data)), files["train"].rows.n_events
    pairs = _pairs(data)
    of_train, of_valid = rows[:n_train], rows[n_train:]
    kept = of_train[~np.isin(pairs[of_train], pairs[of_valid])]
    if not len(kept):
        raise UnusableFile(
            f"{files['valid'].path}: every pair of {files['train'].path} lies in it too, so nothing is left to learn "
            "from while tuning. Expected a small part of train, or rows beside it; give another --valid, or none."
        )
    new = of_valid[~np.isin(pairs[of_valid], pairs[of_train])]
    whole = data if len(new) == len(of_valid) else data.take(np.concatenate([of_train, new]))
    return BenchmarkData(whole, Split(data.take(kept), data.take(of_valid), "given", None), files)


def read_test_file(path: Path, learnt: TrainingData, settings: Settings, reporter: Reporter) -> MappedTestRows:
    """Read rows to measure on, and find their users and products among those that were learnt from.

    Raises UnusableFile when the file has nothing usable, or breaks off.
    """
    table, read = _opened(path)
    with gc_disabled():
        data = training_data(_events(table, read, settings, reporter))
    return MappedTestRows(data, data.users.rows_in(learnt.users), data.items.rows_in(learnt.items), read)


def _opened(path: Path) -> tuple[Table, FileSummary]:
    """How a file is to be read. Whole numbers with blanks between are a user and all her products."""
    try:
        table = open_table(path, Hints(layout=LISTS) if _has_lists(path) else None)
    except UnclearLayout as error:
        raise UnusableFile(error.found, _EXPECTED) from None  # a benchmark has no options for the layout of a file
    if not table.layout.has_events:
        raise UnusableFile(f"{path}: it was read as {table.describe()}.", _EXPECTED)
    return table, FileSummary(path, table.describe())


def _has_lists(path: Path) -> bool:
    """Whether lines are a user and her products, also where all lines are equally long: one product held out of each.

    Four numbers of which the last is a time are a rating.
    """
    file = InputFile(path)
    lines = [] if file.is_parquet else [line for line in next(file.line_blocks(), [])[:_SAMPLE] if line.strip()]
    numbers = [line.split() for line in lines if _NUMBERS.fullmatch(line)]
    timed = sum(len(row) == 4 and int(row[3]) >= EPOCH_FROM for row in numbers)
    if not lines or not _NUMBERS.fullmatch(lines[0]) or 2 * timed > len(numbers):
        return False
    # Most of them: one torn line does not make another kind of file of it.
    return 10 * len(numbers) >= 9 * len(lines) and any(len(row) > 1 for row in numbers)


def _events(table: Table, read: FileSummary, settings: Settings, reporter: Reporter) -> Iterator[EventBatch]:
    """The events of a file, block by block, counted in `read`. Raises UnusableFile at the end if there are none."""
    reporter.step(f"reading {read.path}")
    rules = EventRules(settings.rating_min, settings.rating_max, now=int(time.time()))
    for raw in table.rows.blocks():
        block = validate_rows(raw, table.layout, rules)
        read.rows.add(block)
        reporter.advance(read.rows.n_read)
        yield block.events
    if not read.rows.n_events:
        raise UnusableFile(
            f"{read.path}: none of its {read.rows.n_read:,} rows is usable ({read.rows.reasons}). It was read as "
            f"{read.layout}.",
            _EXPECTED,
        )


def _pairs(data: TrainingData) -> IntArray:
    """int64 per event: equal for events of one user, product and kind; ratings and purchases count as one kind."""
    group = np.arange(len(KIND_ORDER))
    group[[KIND_NUMBER[kind] for kind in SEEN_KINDS]] = KIND_NUMBER[SEEN_KINDS[0]]
    pair = data.events.user_idx.astype(np.int64) * len(data.items) + data.events.item_idx
    return pair * len(KIND_ORDER) + group[data.kind]
