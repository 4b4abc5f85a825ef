"""Write the table of docs/speed.md from the files of bench/results: one row for each measured state of the project.

python -m bench.trend          writes docs/speed.md
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/speed.md"
BEGIN, END = "<!-- written by python -m bench.trend -->", "<!-- end -->"
_CASES = ("cached", "uncached", "history", "healthz")
_HEAD = (
    "| Date | Commit | Products | Cached | Not cached | History | /healthz | p99 | Ready | Private | Load |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


def table(folder: Path = ROOT / "bench/results") -> str:
    """The rows of all files, oldest first."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("serve-*.json")]
    documents.sort(key=lambda document: (document["measured_at"], document["commit"]))
    return "\n".join([*_HEAD, *map(_row, documents)])


def _row(document: dict[str, Any]) -> str:
    cases = document["cases"]
    ratios = [_cell(cases[name]) if name in cases else "–" for name in _CASES]
    p99 = f"{cases['uncached']['p99_of_hello'][0]:.1f} ×" if "uncached" in cases else "–"
    cells = [
        document["measured_at"][:10],
        document["commit"],
        f"{document['products']:,}",
        *ratios,
        p99,
        f"{statistics.median(document['ready_seconds']):.1f} s",
        f"{max(document['private_mib'])} MiB",
        f"{document['machine']['load_before']:.0f} on {document['machine']['cores']}",
    ]
    return f"| {' | '.join(cells)} |"


def _cell(case: dict[str, Any]) -> str:
    names = ("of_hello", "of_hello_in_flask", "of_hello_in_loop")  # the last one since 2026-11-30
    return " / ".join(f"{case[name][0]:.2f}" for name in names if name in case)


def page(text: str) -> str:
    """The page with the present table."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
