"""Recognize reports that have customers, documents and products below each other in one column. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from src.ingestion.column_names import PRODUCT, USER, role_of_name
from src.ingestion.csv_rows import HEADER_ROWS


def column_of_groups(rows: Sequence[Sequence[str]]) -> str | None:
    """Find the name of a column that holds users and products, one below the other.

    Args:
        rows: The first rows of a file, or the names of its columns alone.

    Returns:
        The name, such as "Customer / Document / Item"; None where no name has several nouns, or another column has the
        users.
    """
    for row in rows[:HEADER_ROWS]:
        names = [name.strip() for name in row]
        grouped = [name for name in names if {USER, PRODUCT} <= {role_of_name(part) for part in _parts(name)}]
        if (
            grouped
            and len(list(filter(None, names))) > 1
            and all(role_of_name(n) != USER for n in names if n not in grouped)
        ):
            return grouped[0]
    return None


def _parts(name: str) -> list[str]:
    return re.split(r"\s*[/|>→,]\s*", name) if len(name) <= 120 else []
