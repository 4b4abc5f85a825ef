"""data_processing.py as a process of its own."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment(var: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AISLE_")}
    return kept | {"AISLE_VAR": str(var)}


def run(var: Path, *arguments: str | Path, folder: Path, code: int = 0) -> str:
    """Everything that it says; it must end with this code."""
    with start(var, *arguments, folder=folder) as process:
        said, _ = process.communicate(timeout=120)
    assert process.returncode == code, said
    return said


def start(var: Path, *arguments: str | Path, folder: Path) -> subprocess.Popen[str]:
    """Begin; what it says comes through stdout."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "data_processing.py"), *map(str, arguments)],
        cwd=folder,
        env=environment(var),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


_NURSERY = """
import json, os, runpy, sys
import src.workflows.explore, src.workflows.ingest
for line in sys.stdin:
    var, *arguments = json.loads(line)
    child = os.fork()
    if child == 0:
        print(f"pid {os.getpid()}", flush=True)
        os.environ["AISLE_VAR"], sys.argv = var, arguments
        runpy.run_path(arguments[0], run_name="__main__")
    print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """Starts data_processing.py over and over, each time as a process, without the seconds that its imports take."""

    def __init__(self, folder: Path) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-c", _NURSERY],
            cwd=folder,
            env=environment(folder) | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._orders, self._said = self._parent.stdin, self._parent.stdout

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.close()
        self._parent.wait(30)
        self._said.close()

    def begin(self, var: Path, *arguments: str | Path) -> int:
        """The id of the new process."""
        script = str(ROOT / "data_processing.py")
        self._orders.write(json.dumps([str(var), script, *map(str, arguments)]) + "\n")
        self._orders.flush()
        return int(self._said.readline().removeprefix("pid "))

    def until(self, start: str) -> str:
        """The next line that begins so, or the one that tells how the process ended."""
        return next(line for line in self._said if line.startswith((start, "ended ")))


def event_log(path: Path, n_rows: int) -> Path:
    """Ratings, repeated purchases, their returns, views and wrong rows, in no order."""
    drawn = random.Random(n_rows)
    kinds = ("view", "view", "purchase", "purchase", "return", "rating", "nonsense")
    with open(path, "w", encoding="utf-8") as file:
        file.write("user_id,item_id,event,value,timestamp\n")
        for _ in range(n_rows):
            user, item, kind = drawn.randrange(n_rows // 20), int(drawn.paretovariate(1.0)) % 3_000, drawn.choice(kinds)
            file.write(
                f"u{user},p{item},{kind},{drawn.randrange(1, 6)},{1_500_000_000 + drawn.randrange(50) * 86_400}\n"
            )
    return path
