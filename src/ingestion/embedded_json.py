"""Read JSON objects in cells, such as a log's "properties", as columns of their own. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.ingestion.column_names import PRODUCT, USER, candidates
from src.ingestion.column_words import role_by_words
from src.ingestion.line_items import is_map_of_quantities
from src.ingestion.nested_json import Plan, plan_of_objects, rows_of_object

_MOST = 0.8  # share of the filled cells
_LONGEST = 1_000_000  # characters


@dataclass(frozen=True)
class EmbeddedObjects:
    """Columns of objects that become columns of their values, and a row for each element of a list of products.

    Attributes:
        outer: Names of the columns of the file.
        at: Positions of the columns of objects.
        plan: How the objects become rows.
    """

    outer: tuple[str, ...]
    at: tuple[int, ...]
    plan: Plan

    @property
    def n_made(self) -> int:
        """How many columns are found by themselves: none, since each has a name by which it is found again."""
        return 0

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the columns of the new rows."""
        return list(self.plan.columns)

    def rows_of(self, row: Sequence[object]) -> Iterator[list[object]]:
        """Yield the rows that a row becomes."""
        yield from rows_of_object(_object_of(self.outer, self.at, row), self.plan, list(self.plan.columns))

    def note(self, names: Sequence[str]) -> str:
        """Return what is said of it, for people."""
        shown = ", ".join(repr(self.outer[at]) for at in self.at)
        return f"cells of {shown} hold JSON objects: each of their values became a column"


def find_embedded(names: Sequence[str], sample: Sequence[Sequence[object]], path: Path) -> EmbeddedObjects | None:
    """Find columns of JSON objects, where the other columns name no user or no product.

    Args:
        names: Of the columns.
        sample: The first rows, as texts.
        path: The file.

    Returns:
        How they become columns; None where no such columns are, or nothing is missing.
    """
    roles = {*candidates(names), *(found[0] for name in names if (found := role_by_words(name)))}
    if {USER, PRODUCT} <= roles:
        return None
    at = tuple(at for at in range(len(names)) if _are_objects([row[at] for row in sample]))
    if not at:
        return None
    objects = [_object_of(names, at, row) for row in sample]
    return EmbeddedObjects(tuple(names), at, plan_of_objects(objects, path, always=True))


def _are_objects(cells: Sequence[object]) -> bool:
    filled = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    found = [value for cell in filled if (value := _parsed(cell)) is not None]
    are_maps = any(found) and all(isinstance(value, dict) and is_map_of_quantities(value) for value in found if value)
    return bool(filled) and len(found) >= _MOST * len(filled) and not are_maps


def _parsed(cell: object) -> Any:
    """Return the object or list of objects in a cell; None if it holds none."""
    if not isinstance(cell, str) or not cell.lstrip().startswith(("{", "[{")) or len(cell) > _LONGEST:
        return None
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None


def _object_of(names: Sequence[str], at: Sequence[int], row: Sequence[object]) -> dict[str, Any]:
    return {name: _parsed(row[i]) if i in at else row[i] for i, name in enumerate(names)}
