"""Read JSON lines in which the lines of an order or product follow it and name it as their parent: `__parentId`."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from src.ingestion.json_rows import JsonLinesRows, parse_object
from src.ingestion.nested_json import NestedJsonRows

_PARENT = "__parentId"
_GLOBAL_ID = re.compile(r"gid://[\w-]+/(\w+)/([^/?]+)(?:\?.*)?")
_FIRST_LINES = 200
_CHILDREN = "children"
"""The list of children whose ids do not tell what they are."""


class ChildLinesRows(JsonLinesRows):
    """A file of which each line without a parent becomes an object, with lists of the lines that follow it."""

    @override
    def numbered_lines(self) -> Iterator[tuple[int, str]]:
        """Yield the number and the text of each object; of a line whose parent is not the last object, itself."""
        root: dict[str, Any] | None = None
        at_root, by_id = 0, dict[str, dict[str, Any]]()
        for number, line in super().numbered_lines():
            value = parse_object(line)
            parent = by_id.get(str(value.get(_PARENT))) if value is not None else None
            if value is None or (parent is None and value.get(_PARENT)):
                yield number, line
                continue
            inner = {name: _plain(cell) for name, cell in value.items() if name != _PARENT}
            if parent is None:
                if root is not None:
                    yield at_root, json.dumps(root, ensure_ascii=False)
                root, at_root = inner, number
                by_id.clear()
            else:
                parent.setdefault(_kind_of_id(value.get("id")), []).append(inner)
            by_id[str(value.get("id"))] = inner
        if root is not None:
            yield at_root, json.dumps(root, ensure_ascii=False)


class NestedChildRows(NestedJsonRows, ChildLinesRows):
    """The same, with a row for each child."""


def has_child_lines(reader: JsonLinesRows) -> bool:
    """Whether one of the first lines names a parent."""
    first = itertools.islice(reader.numbered_lines(), _FIRST_LINES)
    return any(_PARENT in (parse_object(line) or {}) for _, line in first if _PARENT in line)


def _kind_of_id(text: object) -> str:
    """Return what a global id is the id of: "LineItem" for "gid://shop/LineItem/7"."""
    match = _GLOBAL_ID.fullmatch(str(text))
    return match[1] if match else _CHILDREN


def _plain(cell: Any) -> Any:
    """Return a cell with the last part of each global id, as other exports of the same shop have it."""
    if isinstance(cell, dict):
        return {name: _plain(inner) for name, inner in cell.items()}
    match = _GLOBAL_ID.fullmatch(cell) if isinstance(cell, str) else None
    return match[2] if match else cell
