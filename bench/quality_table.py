"""Print the page docs/quality.md from the figures of `bench.quality`.

.venv/bin/python -m bench.quality_table bench/results/quality-*.json > docs/quality.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_HEAD = """# Lists on public data

Every entry was tuned on the same held-out part of the training files and measured once, by `make bench-quality`.
"Ahead" is the difference to the best other entry, with a 95 % interval by paired resampling of users. Published figures
are quoted.
"""


def page(documents: Mapping[str, Any]) -> str:
    """Return the page. documents: data set → what `bench.quality` wrote of it."""
    return "\n".join([_HEAD, *(line for title, each in documents.items() for line in _of_data_set(title, each))])


def _of_data_set(title: str, document: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"## {title}", "", document["protocol"], "")
    for variant in (key for key, value in document.items() if _is_variant(value)):
        metrics: Mapping[str, Any] = document[variant]
        names = {name: None for each in metrics.values() for name in each["figures"]}
        groups = list(next(iter(metrics.values()))["n_users"].items())
        columns = [(metric, group) for metric in metrics for group, _ in groups]
        yield f"| {variant} | " + " | ".join(f"{metric}, {group}" for metric, group in columns) + " |"
        yield "|---" * (1 + len(columns)) + "|"
        for name in names:
            cells = (f"{metrics[metric]['figures'][name][group]:.4f}" for metric, group in columns)
            yield f"| {name} | " + " | ".join(cells) + " |"
        for name, figures in document["published"].items():
            cells = (f"{figures[metric]:.4f}" if metric in figures else "–" for metric, _ in columns)
            yield f"| published: {name} | " + " | ".join(cells) + " |"
        ahead = (metrics[metric]["ahead_percent"][group] for metric, group in columns)
        yield "| **ahead, %** | " + " | ".join(f"{v:+.1f} [{low:+.1f}, {high:+.1f}]" for v, low, high in ahead) + " |"
        yield ""


def _is_variant(value: Any) -> bool:
    return isinstance(value, dict) and any("figures" in each for each in value.values() if isinstance(each, dict))


def main() -> int:
    documents: dict[str, Any] = {}
    for name in sys.argv[1:]:
        documents |= json.loads(Path(name).read_text(encoding="utf-8"))
    print(page(documents))
    return 0


if __name__ == "__main__":
    sys.exit(main())
