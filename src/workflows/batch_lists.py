"""Make the lists of all users at once and write them to a Parquet file: in parts, on all cores, resumable.

A list is a function of the history, so users with equal histories share one: in a large shop most users have one or two
events. Users are sorted by their histories, and each distinct history is asked for once, by the code that serves.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from src.core.domain import IntArray
from src.core.errors import InputError, NoData, UnusableFile
from src.core.list_rules import shop_rules
from src.core.progress import Reporter
from src.core.sorted_sets import distinct
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import TrainingData, training_data
from src.interactions.vocabulary import Vocabulary
from src.models.factorization import Factorization
from src.models.settings import AllSettings
from src.releases.shared_registry import open_registry
from src.store import Store
from src.workflows.batch_parts import SCHEMA, BatchRequest, BatchWork, make_part


@dataclass(frozen=True)
class BatchSummary:
    """Counts of a finished batch.

    Attributes:
        release: That made the lists.
        n_users: Lists in the file.
        n_histories: Distinct histories in the parts that were made now.
        n_resumed: Lists that an interrupted batch had made.
        seconds: Time to make and write the others.
    """

    release: str
    n_users: int
    n_histories: int
    n_resumed: int
    seconds: float

    def sentence(self) -> str:
        """Return the counts and the speed in a sentence."""
        made = self.n_users - self.n_resumed
        before = f", {self.n_resumed:,} of them from an interrupted batch" if self.n_resumed else ""
        return (
            f"{self.n_users:,} lists by release {self.release}{before}: {made:,} users with {self.n_histories:,} "
            f"distinct histories in {self.seconds:.1f} s, {made / max(self.seconds, 1e-9):,.0f} users/s"
        )


def write_batch_lists(settings: AllSettings, store: Store, request: BatchRequest, reporter: Reporter) -> BatchSummary:
    """Write the lists of users, as they would be served now, with the rules of the shop.

    Parts are kept beside the file until it is whole. A batch of the same release, data and request goes on where an
    interrupted one ended.

    Raises:
        NoRelease: No release is active.
        NoData: There is no user.
        InputError: The file of users, or the length, cannot be used.
        OSError: The file cannot be written.
    """
    if request.n < 1:
        raise InputError(f"lists of {request.n} products were asked for. Expected 1 or more: --n 50")
    work = _work_of(settings, store, request, reporter)
    started = time.perf_counter()
    missing = [number for number in range(work.n_parts) if not work.file_of(number).exists()]
    n_made = sum(work.part_of(number).stop - work.part_of(number).start for number in missing)
    reporter.step(f"making {n_made:,} lists")
    n_done, n_histories = 0, 0
    for n_users, n_distinct in _in_processes(work, missing):
        n_done, n_histories = n_done + n_users, n_histories + n_distinct
        reporter.advance(n_done, n_made)
    seconds = time.perf_counter() - started
    reporter.step(f"writing {request.file}")
    _join(work)
    return BatchSummary(work.release, len(work.users), n_histories, len(work.users) - n_made, seconds)


def _work_of(settings: AllSettings, store: Store, request: BatchRequest, reporter: Reporter) -> BatchWork:
    release = open_registry(settings).active()
    reporter.step("reading the store")
    data = training_data(store.events.read())
    rules = shop_rules(settings.rules).rules()
    pipeline = release.pipeline.without(store.products.withdrawn())
    pipeline = pipeline.with_attributes(chain.from_iterable(store.products.read_attributes()))
    wanted, unknown = _wanted_users(request.users, data)
    events = data.events
    rows = np.lexsort((np.arange(len(data)), events.at, events.user_idx))
    begins = np.searchsorted(events.user_idx[rows], np.arange(events.n_users + 1))
    mark = _marks(data, rows, begins, by_age=bool(pipeline.weighting.half_life_days))[wanted]
    if isinstance(pipeline.models[pipeline.default], Factorization):  # its lists depend on who the user is
        mark = np.arange(len(wanted), dtype=np.uint64)
    order = np.argsort(mark, kind="stable")
    users = np.concatenate([wanted[order], -1 - np.arange(len(unknown))])
    if not len(users):
        raise NoData("there is no user to make a list for: run python data_processing.py FILE")
    mark = np.concatenate([mark[order], np.zeros(len(unknown), np.uint64)])
    folder = request.file.with_name(f"{request.file.name}.parts")
    work = BatchWork(pipeline, data, rows, begins, users, mark, unknown, rules, request, release.version, folder)
    _open_folder(work)
    work.prepare()
    return work


def _wanted_users(file: Path | None, data: TrainingData) -> tuple[IntArray, list[str]]:
    """Return int64, the row numbers of the users, and the ids of those that have no event."""
    if file is None:
        return distinct(data.events.user_idx).astype(np.int64), []
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableFile(
            f"{file} cannot be read ({error}).", "Expected a text file with an id on each line."
        ) from None
    ids = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not ids:
        raise UnusableFile(f"{file} names no user.", "Expected a text file with an id on each line.")
    found = _find(data.users, ids)
    return found[found >= 0], [id_ for id_, row in zip(ids, found.tolist(), strict=True) if row < 0]


def _find(users: Vocabulary, ids: list[str]) -> IntArray:
    return users.finder()(ids)


def _marks(data: TrainingData, rows: IntArray, begins: IntArray, *, by_age: bool) -> IntArray:
    """Return uint64[n_users], equal for users with equal histories: a sum of random numbers, one for each event.

    The random numbers belong to a product, a kind and a value, and to a time where ages count.
    """
    events = data.events
    value = np.unique(events.value, return_inverse=True)[1].astype(np.uint64)
    code = _mixed(events.item_idx.astype(np.uint64) * np.uint64(len(KIND_ORDER)) + data.kind.astype(np.uint64))
    code = _mixed(code ^ _mixed(value))
    if by_age:
        code = _mixed(code ^ _mixed(events.at.astype(np.uint64)))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(code[rows], dtype=np.uint64)])
    marks: IntArray = sums[begins[1:]] - sums[begins[:-1]]
    return marks


def _mixed(number: IntArray) -> IntArray:
    """Return uint64, well mixed bits of numbers (SplitMix64: Steele, Lea and Flood, OOPSLA 2014, figure 17)."""
    number = number + np.uint64(0x9E3779B97F4A7C15)
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


def _open_folder(work: BatchWork) -> None:
    """Keep the parts of an interrupted batch of the same kind; remove those of another one."""
    same = blake2b(np.concatenate([work.users.view(np.uint64), work.mark]).tobytes(), digest_size=16)
    withdrawn = sorted(work.pipeline.items.ids_of(work.pipeline.withdrawn))
    same.update("\n".join([*work.unknown, repr(work.rules), *withdrawn]).encode())
    asked = {"release": work.release, "n": work.request.n, "users": same.hexdigest(), "per_part": work.per_part}
    about = work.folder / "batch.json"
    if not about.exists() or json.loads(about.read_text(encoding="utf-8")) != asked:
        shutil.rmtree(work.folder, ignore_errors=True)
        work.folder.mkdir(parents=True)
        about.write_text(json.dumps(asked), encoding="utf-8")


_shared: BatchWork | None = None
"""Inherited by the processes that make the parts, so that they share the arrays."""


def _in_processes(work: BatchWork, parts: list[int]) -> Iterator[tuple[int, int]]:
    """Make parts, in processes that share the memory of this one where the system can fork; yield their counts."""
    global _shared
    _shared = work
    n_processes = min(os.cpu_count() or 1, len(parts))
    if n_processes < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(_make_part, parts)
        return
    with multiprocessing.get_context("fork").Pool(n_processes) as pool:
        yield from pool.imap_unordered(_make_part, parts)


def _make_part(number: int) -> tuple[int, int]:
    """Make a part of the shared work."""
    assert _shared is not None
    return make_part(_shared, number)


def _join(work: BatchWork) -> None:
    """Write all parts into the file, one after the other, and remove them."""
    unfinished = work.folder / "whole.tmp"
    with pq.ParquetWriter(unfinished, SCHEMA) as writer:
        for number in range(work.n_parts):
            writer.write_table(pq.read_table(work.file_of(number), schema=SCHEMA))
    unfinished.replace(work.request.file)
    shutil.rmtree(work.folder, ignore_errors=True)
