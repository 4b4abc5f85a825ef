"""Read the files of a benchmark: training data, validation data and test data of a given split."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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
_SAMPLE_LINES = 200
_EXPECTED = (
    "Expected a user and a product a row, with user_id,item_id (and value,at where there are any) in the first line, "
    "or a user and all her products a line, in numbers with blanks between; mend the file, or give another."
)


@dataclass(frozen=True)
class FileSummary:
    """The layout and row counts of one file that was read.

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
    """Data to train and to tune on, over the same vocabularies.

    Attributes:
        data: Data of the final fit.
        valid: The split for tuning that a file gives; None without one.
        files: "train" or "valid" → how the file was read.
    """

    data: TrainingData
    valid: Split | None
    files: dict[str, FileSummary]

    def for_tuning(self) -> Split:
        """Return the given split for tuning, else hold out a part of the data."""
        return self.valid if self.valid is not None else held_out(self.data)


@dataclass(frozen=True)
class MappedTestRows:
    """Test rows, over vocabularies of their own, mapped to the vocabularies of the training data.

    Attributes:
        data: The test rows.
        user_idx: int64[len(data.users)], row of each user in the training data, -1 for unknown users.
        item_idx: int64[len(data.items)], row of each item in the training data, -1 for unknown items.
        file: How the file was read.
    """

    data: TrainingData
    user_idx: IntArray
    item_idx: IntArray
    file: FileSummary


def read_benchmark(train: Path, valid: Path | None, settings: Settings, reporter: Reporter) -> BenchmarkData:
    """Read the data to train and to tune on. Nothing is stored, and repeated rows are kept.

    The final fit uses train, and the rows of valid whose pair of user, item and kind of event is not in train (ratings
    and purchases count as one kind). While tuning, the pairs of user and item of valid are removed from train with all
    their events: a click would name the purchase.

    Args:
        train: File of training rows.
        valid: File of validation rows; None to hold out a part of train.
        settings: The range of ratings.
        reporter: Receives the progress.

    Returns:
        The data, and how each file was read.

    Raises:
        UnusableFile: A file has nothing usable or is damaged, or valid leaves nothing of train.
    """
    tables = {"train": _open(train)} | ({} if valid is None else {"valid": _open(valid)})
    with gc_disabled():
        parts = (_read_events(table, summary, settings, reporter) for table, summary in tables.values())
        data = training_data(chain.from_iterable(parts))
    files = {name: summary for name, (_, summary) in tables.items()}
    return BenchmarkData(data, None, files) if valid is None else _with_valid(data, files)


def _with_valid(data: TrainingData, files: dict[str, FileSummary]) -> BenchmarkData:
    """Split the data for tuning; in it, the rows of train come before those of valid."""
    rows, n_train = np.arange(len(data)), files["train"].rows.n_events
    pairs, kinds = data.events.pairs, _pairs_and_kinds(data)
    train, valid = rows[:n_train], rows[n_train:]
    remaining = train[~np.isin(pairs[train], pairs[valid])]
    if not len(remaining):
        raise UnusableFile(
            f"{files['valid'].path}: every pair of {files['train'].path} lies in it too, so nothing is left to learn "
            "from while tuning.",
            "Expected a small part of train, or rows beside it; give another --valid, or none.",
        )
    new = valid[~np.isin(kinds[valid], kinds[train])]
    whole = data if len(new) == len(valid) else data.take(np.concatenate([train, new]))
    return BenchmarkData(whole, Split(data.take(remaining), data.take(valid), "given", None), files)


def read_test_file(path: Path, learnt: TrainingData, settings: Settings, reporter: Reporter) -> MappedTestRows:
    """Read test rows, and map their users and items to those of the training data.

    Args:
        path: File of test rows.
        learnt: The training data.
        settings: The range of ratings.
        reporter: Receives the progress.

    Returns:
        The rows, and their mapping.

    Raises:
        UnusableFile: The file has nothing usable, or is damaged.
    """
    table, summary = _open(path)
    with gc_disabled():
        data = training_data(_read_events(table, summary, settings, reporter))
    return MappedTestRows(data, data.users.rows_in(learnt.users), data.items.rows_in(learnt.items), summary)


def _open(path: Path) -> tuple[Table, FileSummary]:
    """Open a file. Lines of whole numbers with blanks between are a user and all their products."""
    try:
        table = open_table(path, Hints(layout=LISTS) if _has_lists(path) else None)
    except UnclearLayout as error:
        raise UnusableFile(error.found, _EXPECTED) from None  # a benchmark has no options for the layout of a file
    if not table.layout.has_events:
        raise UnusableFile(f"{path}: it was read as {table.describe()}.", _EXPECTED)
    # All files of a split have one scale, that of the train file: nothing is converted.
    table = replace(table, layout=replace(table.layout, scale=None))
    return table, FileSummary(path, table.describe())


def _has_lists(path: Path) -> bool:
    """Whether lines are a user and their products, also where all lines have one length (one product held out of each).

    Four numbers of which the last is a time are a rating.
    """
    file = InputFile(path)
    lines = [] if file.is_parquet else [line for line in next(file.line_blocks(), [])[:_SAMPLE_LINES] if line.strip()]
    numbers = [line.split() for line in lines if _NUMBERS.fullmatch(line)]
    n_ratings = sum(len(row) == 4 and int(row[3]) >= EPOCH_FROM for row in numbers)
    if not lines or not _NUMBERS.fullmatch(lines[0]) or 2 * n_ratings > len(numbers):
        return False
    # A majority is enough: one broken line does not change the layout.
    return 10 * len(numbers) >= 9 * len(lines) and any(len(row) > 1 for row in numbers)


def _read_events(table: Table, summary: FileSummary, settings: Settings, reporter: Reporter) -> Iterator[EventBatch]:
    """Yield the events of a file in blocks, counted in `summary`. Raises UnusableFile at the end if there are none."""
    reporter.step(f"reading {summary.path}")
    rules = EventRules(settings.rating_min, settings.rating_max, now=int(time.time()))
    for raw in table.rows.blocks():
        block = validate_rows(raw, table.layout, rules)
        summary.rows.add(block)
        reporter.advance(summary.rows.n_read)
        yield block.events
    if not summary.rows.n_events:
        raise UnusableFile(
            f"{summary.path}: none of its {summary.rows.n_read:,} rows is usable ({summary.rows.reasons}). "
            f"It was read as {summary.layout}.",
            _EXPECTED,
        )


def _pairs_and_kinds(data: TrainingData) -> IntArray:
    """Return int64 per event, equal for events of one user, item and kind; ratings and purchases are one kind."""
    group = np.arange(len(KIND_ORDER))
    group[[KIND_NUMBER[kind] for kind in SEEN_KINDS]] = KIND_NUMBER[SEEN_KINDS[0]]
    return data.events.pairs * len(KIND_ORDER) + group[data.kind]
