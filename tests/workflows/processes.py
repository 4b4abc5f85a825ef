"""Run data_processing.py in a process of its own."""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.programs import Program

ROOT = Path(__file__).resolve().parents[2]


def environment(var: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AISLE_")}
    return kept | {"AISLE_VAR": str(var)}


def run(var: Path, *arguments: str | Path, folder: Path, code: int = 0) -> str:
    """Run it, assert its exit code and return its output."""
    output = folder / ".said"
    output.unlink(missing_ok=True)
    ended = start(var, *arguments, folder=folder, output=output).wait()
    said = output.read_text(encoding="utf-8")
    assert ended == code, said
    return said


def start(var: Path, *arguments: str | Path, folder: Path, output: Path) -> Program:
    """Start it."""
    return Program("data_processing.py", *arguments, folder=folder, environment=environment(var), output=output)


def event_log(path: Path, n_rows: int) -> Path:
    """Return ratings, repeated purchases, returns, views and wrong rows, in random order."""
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
