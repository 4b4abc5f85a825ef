"""Loads that are killed at any moment, or run beside other writers, store every event once."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import ROOT, environment, event_log, run, start

from src.core.domain import EventBatch
from src.core.progress import Silent
from src.core.settings import Settings
from src.models.settings import read_settings
from src.store import Store, open_store
from src.workflows.ingest import ingest
from tests.forked import fork
from tests.waiting import PATIENCE_SECONDS

Row = tuple[str, str, str, str, float, int]
Opened = Callable[[Settings], Store]


def rows_of(store: Store) -> list[Row]:
    """Return all columns but the order of arrival."""
    return [
        row
        for batch in store.events.read()
        for row in zip(
            batch.user_id, batch.product_id, batch.kind, batch.dedupe_key or [],
            batch.value.tolist(), batch.at.tolist(),
            strict=True,
        )
    ]  # fmt: skip


@dataclass
class KillAfter:
    """A profiler that counts function calls, and kills its process at the call number `limit`."""

    limit: int | None
    calls: int = 0

    def __call__(self, *_: object) -> None:
        self.calls += 1
        if self.calls == self.limit:
            os.kill(os.getpid(), signal.SIGKILL)


def load(var: Path, path: Path, limit: int | None = None, counts: Any = None) -> None:
    """Load the file into the store of `var`, and be killed at the call number `limit`."""
    settings = read_settings(var=var)
    kill_after = KillAfter(limit)
    sys.setprofile(kill_after)
    ingest(settings, open_store(settings.store_url, loading=True), path, Silent())
    sys.setprofile(None)
    if counts is not None:
        counts.put(kill_after.calls)


def test_a_load_killed_five_times_and_repeated_equals_one_that_was_not_killed(tmp_path: Path, opened: Opened) -> None:
    path = event_log(tmp_path / "log.csv", 3_000)
    whole = read_settings(var=tmp_path / "whole")
    counts = multiprocessing.get_context("fork").SimpleQueue()
    with closing(counts):
        process = fork(load, whole.var, path, None, counts)
        process.join()
        assert process.exitcode == 0
        n_calls = counts.get()
    drawn, exit_codes = random.Random(5), []
    torn = [read_settings(var=tmp_path / "one"), read_settings(var=tmp_path / "other")]
    for _attempt in range(5):
        begun = [fork(load, each.var, path, int(n_calls * drawn.uniform(0.01, 0.95))) for each in torn]
        for process in begun:
            process.join()
            exit_codes.append(process.exitcode)
        assert [list(each.var.glob(".*")) for each in torn] == [[], []]
    assert exit_codes.count(-signal.SIGKILL) >= 7, exit_codes  # rows that are stored already take fewer calls
    assert set(exit_codes) <= {0, -signal.SIGKILL}
    for each in torn:
        assert "3,000 rows read" in run(each.var, path, folder=tmp_path)
        assert rows_of(opened(each)) == rows_of(opened(whole))
        assert opened(each).summary() == opened(whole).summary()
        assert {load.n_read for load in opened(each).runs.loads(20)} == {3_000}
        left = {entry.name.removesuffix("-journal") for entry in each.var.iterdir()}
        assert left == {"store.sqlite3", "rejects"}


def test_writes_during_a_load_are_never_refused_and_wait_little(tmp_path: Path, opened: Opened) -> None:
    settings = read_settings(var=tmp_path / "var")
    store = opened(settings)
    path = event_log(tmp_path / "log.csv", 60_000)
    waited = []
    load_began = time.monotonic()
    output = tmp_path / "said"
    process = start(settings.var, path, folder=tmp_path, output=output)
    while process.poll() is None:
        at = np.array([1_600_000_000 + len(waited)])
        one = EventBatch(["visitor"], [f"p{len(waited) % 50}"], ["view"], np.ones(1), at, [f"id:{len(waited)}"])
        began = time.monotonic()
        assert store.events.add(one) == 1
        waited.append(time.monotonic() - began)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.005)
    said = output.read_text(encoding="utf-8")
    assert process.poll() == 0, said
    assert len(store.events.history("visitor")) == len(waited) > 10
    assert max(waited) < (time.monotonic() - load_began) / 2  # no write waits for the greater part of the load
    assert "60,000 rows read" in said


MEASURE = """
import sys
from pathlib import Path
from src.models.settings import read_settings
from src.ingestion import external_sort
from src.core.progress import Silent
from src.store import database, open_store
from src.workflows.ingest import ingest

external_sort._CACHE_KIB = database._LOADING_CACHE_KIB = 2_000  # they are bounded, and not what is looked at
settings = read_settings()
store = open_store(settings.store_url, loading=True)
for path in sys.argv[1:]:
    ingest(settings, store, Path(path), Silent())
    # The ru_maxrss of getrusage would be that of the process that started this one, if that is larger.
    print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024)
"""


def megabytes(var: Path, *paths: Path) -> list[int]:
    """The most memory that a process has had after each of the files, one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)],
        cwd=ROOT, env=environment(var), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


def table(path: Path, size: int) -> Path:
    row = "A{0:035d},B{1:031d},5.0,{2}\n"
    with open(path, "w") as file:
        for n in range(size // 88):
            file.write(row.format(n * 7919 % 5_003, n % 97, 1_300_000_000 + n))
    return path


def objects(path: Path, size: int) -> Path:
    text = "a lamp that shines " * 100
    with open(path, "w") as file:
        for n in range(size // 2_000):
            file.write(f'{{"asin": "p{n % 997}", "title": "Lamp {n}", "description": "{text}", "price": 9.5}}\n')
    return path


@pytest.mark.parametrize("write", [table, objects])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, write: Callable[[Path, int], Path]) -> None:
    small, large = write(tmp_path / "small", 16_000_000), write(tmp_path / "large", 48_000_000)  # buffers fill by 16 MB
    before, after = megabytes(tmp_path / "var", small, large)
    assert after - before < 60
