"""Compare loading files of ratings with the raw driver, and with pyarrow's reading, sorting and writing alone.

    python -m bench.loading [FILE …] [--rounds N] [--no-json]     default: 500,000 random ratings

Loading is `data_processing.py FILE` into an empty folder: reading, cleaning, rejecting, sorting, and storing in short
transactions. In each round it alternates with two others, each in a process of its own. The raw driver is sqlite3's
executemany of clean tuples in memory, in one transaction: in the order of the file into a table without a key, and
sorted into a table with the store's key. The limit is pyarrow.csv's reading with all cores, a sort by user and product,
and writing an Arrow file. Nothing is pinned. Writes bench/results/loading-DATE-COMMIT.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.serve import RESULTS, ROOT, machine

SYNTHETIC_ROWS = 500_000
_LOADING, _NO_KEY, _KEY, _LIMIT = "data_processing.py", "raw driver, no key", "raw driver, sorted, same key", "pyarrow"
_DRIVER = """
import sqlite3, sys, time
path, keyed, most = sys.argv[1], sys.argv[2] == "keyed", 500_000
rows = []
for at, line in enumerate(open(path, encoding="utf-8")):
    cells = line.rstrip("\\n").split(",")
    try:
        rows.append((cells[0], cells[1], "rating", "", float(cells[2]), int(cells[3]), at))
    except (ValueError, IndexError):
        continue
    if len(rows) == most:
        break
rows = list({row[:2]: row for row in rows}.values())
if keyed:
    rows.sort()
key = ", PRIMARY KEY (user_id, product_id, kind, mark)) WITHOUT ROWID" if keyed else ")"
raw = sqlite3.connect(sys.argv[3], isolation_level=None)
raw.execute("PRAGMA cache_size=-131072")
raw.execute("CREATE TABLE events (user_id TEXT NOT NULL, product_id TEXT NOT NULL, kind TEXT NOT NULL, "
            "mark TEXT NOT NULL, value REAL, at INTEGER, number INTEGER" + key)
started = time.perf_counter()
raw.execute("BEGIN IMMEDIATE")
raw.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
raw.execute("COMMIT")
print(len(rows) / (time.perf_counter() - started))
"""
_ARROW = """
import sys, time
import pyarrow as pa
from pyarrow import csv
started = time.perf_counter()
table = csv.read_csv(
    sys.argv[1],
    csv.ReadOptions(column_names=["user", "product", "value", "at"]),
    csv.ParseOptions(invalid_row_handler=lambda row: "skip"),
    csv.ConvertOptions(column_types=dict.fromkeys(["user", "product", "value", "at"], pa.string())),
)
table = table.sort_by([("user", "ascending"), ("product", "ascending")])
with pa.OSFile(sys.argv[2], "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
    writer.write_table(table)
print(len(table) / (time.perf_counter() - started))
"""


def _write_synthetic(path: Path) -> None:
    rng = random.Random(7)
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(SYNTHETIC_ROWS):
            user, product = rng.randrange(SYNTHETIC_ROWS // 2), int(rng.paretovariate(0.9)) % 60_000
            stars, at = rng.choice("12345"), rng.randrange(9 * 10**8, 14 * 10**8)
            file.write(f"A{user:013d},B{product:09d},{stars}.0,{at}\n")


def _load(path: Path) -> dict[str, float]:
    """Load a file in a process of its own; return seconds, cores busy and peak memory in MiB."""
    with tempfile.TemporaryDirectory() as var:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "data_processing.py", str(path)],
            cwd=ROOT,
            env=os.environ | {"AISLE_VAR": var},
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{path} was not loaded: exit code {process.returncode}")
    return {
        "seconds": seconds,
        "cores": (usage.ru_utime + usage.ru_stime) / seconds,
        "peak_mib": usage.ru_maxrss / 1024,
    }


def _rate(program: str, *arguments: str) -> float:
    """Run a program of this file in a process of its own; return the rows a second that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", program, *arguments, f"{folder}/out"]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(path: Path, rounds: int) -> dict[str, Any]:
    """Measure all ways in turn; return their rates of each round, and the figures of loading."""
    with open(path, "rb") as file:
        n_rows = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 24), b""))
    rates: dict[str, list[float]] = {name: [] for name in (_LOADING, _NO_KEY, _KEY, _LIMIT)}
    loads = []
    for _ in range(rounds):
        loads.append(_load(path))
        rates[_LOADING].append(n_rows / loads[-1]["seconds"])
        rates[_NO_KEY].append(_rate(_DRIVER, str(path), "plain"))
        rates[_KEY].append(_rate(_DRIVER, str(path), "keyed"))
        rates[_LIMIT].append(_rate(_ARROW, str(path)))
    return {"file": path.name, "rows": n_rows, "rows_per_second": rates, "loads": loads}


def show(files: list[dict[str, Any]]) -> None:
    """Print the figures of all files, and how the time grows from the smallest to the largest."""
    table = Table("file", "way", "rows/s", "of loading", "seconds", "cores busy", "peak MiB")
    for each in files:
        loading = each["rows_per_second"][_LOADING]
        for way, rates in each["rows_per_second"].items():
            shares = [own / other for own, other in zip(loading, rates, strict=True)]
            share = f"{statistics.median(shares):.2f} ({min(shares):.2f}–{max(shares):.2f})"
            figures = [statistics.median(load[name] for load in each["loads"]) for name in each["loads"][0]]
            own = [f"{figures[0]:.1f}", f"{figures[1]:.2f}", f"{figures[2]:,.0f}"] if way == _LOADING else [""] * 3
            table.add_row(each["file"], way, f"{statistics.median(rates):,.0f}", share, *own)
    Console(width=150).print(table)
    ordered = sorted(files, key=lambda each: each["rows"])
    for small, large in pairwise(ordered):
        seconds = [statistics.median(load["seconds"] for load in each["loads"]) for each in (small, large)]
        growth = math.log(seconds[1] / seconds[0]) / math.log(large["rows"] / small["rows"])
        print(f"from {small['rows']:,} to {large['rows']:,} rows the time grows by the power {growth:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-json", action="store_true", help="write no file")
    options = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short=8", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    about = {
        "measured_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "commit": commit.strip(),
        "machine": machine(),
    }
    with tempfile.TemporaryDirectory() as folder:
        synthetic = Path(folder) / "synthetic.csv"
        if not options.files:
            _write_synthetic(synthetic)
        files = [measure(path.resolve(), options.rounds) for path in options.files or [synthetic]]
    show(files)
    if not options.no_json:
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"loading-{about['measured_at'][:10]}-{about['commit']}.json"
        file.write_text(json.dumps({**about, "files": files}, indent=2) + "\n", encoding="utf-8")
        print(f"written: {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
