"""Compare loading a file of ratings with a bulk insert of the same rows by sqlite3.

    python -m bench.loading [FILE]     default: 1,000,000 random rows in the format of the public Amazon file

Loading is `data_processing.py FILE` into an empty folder: reading, cleaning, rejecting, sorting, and storing in short
transactions. It is compared with sqlite3's `executemany` of clean tuples in memory, in one transaction, into a table
with the same key and into a table without a key.
"""

from __future__ import annotations

import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from src.store import open_store

ROOT = Path(__file__).resolve().parent.parent
SYNTHETIC_ROWS = 1_000_000
_COLUMNS = (
    "user_id TEXT NOT NULL, product_id TEXT NOT NULL, kind TEXT NOT NULL, mark TEXT NOT NULL, value REAL, at INTEGER"
)
_Row = tuple[str, str, str, str, float, int]


def _write_synthetic(path: Path) -> None:
    rng = random.Random(7)
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(SYNTHETIC_ROWS):
            user, product = rng.randrange(SYNTHETIC_ROWS // 2), int(rng.paretovariate(0.9)) % 60_000
            stars, at = rng.choice("12345"), rng.randrange(9 * 10**8, 14 * 10**8)
            file.write(f"A{user:013d},B{product:09d},{stars}.0,{at}\n")


def _load(path: Path, var: Path) -> tuple[float, float]:
    """Load a file in a process of its own; return seconds and peak memory in MiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "data_processing.py", str(path)],
        cwd=ROOT,
        check=True,
        env=os.environ | {"AISLE_VAR": str(var)},
    )
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak > before, "another child process had a higher peak"
    return seconds, peak / 1024


def _insert(rows: list[_Row], path: Path, key: str) -> float:
    """Insert the rows with the driver alone; return seconds."""
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("PRAGMA cache_size=-262144")
    raw.execute(f"CREATE TABLE events ({_COLUMNS}{key})")
    started = time.perf_counter()
    raw.execute("BEGIN IMMEDIATE")
    raw.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)
    raw.execute("COMMIT")
    seconds = time.perf_counter() - started
    raw.close()
    return seconds


def _rows_by_arrival(store_url: str) -> list[_Row]:
    rows = []
    for batch in open_store(store_url).events.read():
        assert batch.arrival_seq is not None
        columns = (
            batch.user_id,
            batch.product_id,
            batch.kind,
            batch.dedupe_key or [],
            batch.value.tolist(),
            batch.at.tolist(),
        )
        rows += list(zip(batch.arrival_seq.tolist(), *columns, strict=True))
    rows.sort()
    return [row[1:] for row in rows]


def _measure(file: Path, folder: Path) -> Iterator[tuple[str, str, str, str]]:
    seconds, peak = _load(file, folder / "var")
    rows = _rows_by_arrival(f"sqlite:///{folder}/var/store.sqlite3")
    rate = len(rows) / seconds
    yield (
        f"data_processing.py, {len(rows):,} rows stored",
        f"{seconds:.1f}",
        f"{rate:,.0f}",
        f"1 ({peak:,.0f} MiB peak)",
    )
    for title, key in (
        ("raw driver, the same key", ", UNIQUE (user_id, product_id, kind, mark)"),
        (
            "raw driver, the same key, WITHOUT ROWID",
            ", PRIMARY KEY (user_id, product_id, kind, mark)) WITHOUT ROWID --",
        ),
        ("raw driver, no key", ""),
    ):
        insert_seconds = _insert(rows, folder / "raw.sqlite3", key)
        (folder / "raw.sqlite3").unlink()
        yield (
            title,
            f"{insert_seconds:.1f}",
            f"{len(rows) / insert_seconds:,.0f}",
            f"{rate / (len(rows) / insert_seconds):.2f}",
        )


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "synthetic.csv"
        if len(sys.argv) < 2:
            _write_synthetic(file)
        table = Table("loading", "seconds", "rows/s", "rows/s of loading, relative", title=file.name)
        for row in _measure(file, folder):
            table.add_row(*row)
        Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
