"""Mappings: settled readings of a series of files, kept in AISLE_VAR/mappings and used again by themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from src.core.domain import EventKind, JsonDict
from src.core.errors import InputError, UnclearLayout, UnusableFile
from src.core.settings import Settings
from src.ingestion.column_names import ROLES
from src.ingestion.given_words import Words
from src.ingestion.layout import Hints, Table
from src.ingestion.layout_detection import open_table
from src.ingestion.load_series import series_of
from src.ingestion.rating_scales import Scale
from src.ingestion.reshaped_rows import ReshapedRows
from src.ingestion.table_files import open_rows

_NAME = re.compile(r"[\w.\-]{1,60}")
_MADE = re.compile(r" \((product|quantity|title|price)\)$")  # columns that taking cells apart makes


def _folder(settings: Settings) -> Path:
    return settings.var / "mappings"


def save_mapping(settings: Settings, name: str, path: Path, hints: Hints) -> Path:
    """Save how a file is read, for all files whose names differ from its name in digits only.

    Args:
        settings: The folder.
        name: The name of the mapping.
        path: The file.
        hints: What options say about it.

    Returns:
        The file of the mapping.

    Raises:
        InputError: The name is no name of a file.
        UnusableFile: The file cannot be read.
    """
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise InputError(f"--save-mapping: found {name!r}; expected letters, digits, dashes and points, such as orders")
    mapping = {"series": series_of(path.name), **reading_of(open_table(path, hints), path, hints)}
    target = _folder(settings) / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(mapping, indent=1, ensure_ascii=False), encoding="utf-8")
    return target


def reading_of(table: Table, path: Path, hints: Hints) -> JsonDict:
    """Return how a file is read, as a mapping keeps it.

    Args:
        table: The file as it is read.
        path: The file.
        hints: What options say about it.

    Returns:
        A JSON object, for `hints_of`.
    """
    scale = table.layout.scale
    return {
        "names": open_rows(path, hints).names or [],
        "layout": _layout_of(table),
        "columns": _columns_of(table, hints),
        "kind": table.layout.kind.value,
        "day_first": hints.day_first,
        "encoding": hints.encoding,
        "separator": hints.separator,
        "decimal": table.layout.decimal,
        "language": table.layout.language,
        "scale": list(scale) if scale else None,
        "words": dict(hints.words.given),
        "cents": bool(table.layout.cents),
    }


def _layout_of(table: Table) -> str | None:
    made = any(_MADE.search(name) for name in table.layout.names)
    return None if made else table.layout.name


def _columns_of(table: Table, hints: Hints) -> dict[str, str]:
    """Return role → column for every role, "" for those that no column has."""
    layout = table.layout
    if not layout.names:
        return {role: str(at + 1) for role, at in layout.columns.items()} | dict(hints.columns)
    if isinstance(table.rows, ReshapedRows) and table.rows.wide:  # what is made of wide columns is found by itself
        n_kept = len(layout.names) - table.rows.wide.n_made
        return {role: layout.names[at] for role, at in layout.columns.items() if at < n_kept}
    made = {_MADE.sub("", name) for name in layout.names if _MADE.search(name)}
    if made:  # what is taken apart is found again by itself
        kept = ("product", "quantity", "title", "price", "category")
        return {role: layout.names[at] for role, at in layout.columns.items() if role not in kept}
    # A role whose gaps other columns fill is left out: naming its column would leave the gaps empty.
    roles = [role for role in ROLES if role not in layout.fallbacks]
    return {role: layout.names[layout.columns[role]] if role in layout.columns else "" for role in roles}


def hints_for(settings: Settings, path: Path, hints: Hints) -> tuple[Hints, str | None]:
    """Return the hints of the mapping that was saved for files like this one.

    Args:
        settings: The folder.
        path: The file.
        hints: What options say; where they say anything about the columns, no mapping is used.

    Returns:
        The hints, and the name of the mapping; None if there is none.

    Raises:
        UnclearLayout: The columns of the file have changed since the mapping was saved.
    """
    if not hints.mapping or hints.layout or hints.columns or hints.separator:
        return hints, None
    for file in sorted(_folder(settings).glob("*.json")):
        mapping = _read(file)
        if mapping.get("series") != series_of(path.name):
            continue
        advice = (
            f"Look at it with --preview --no-mapping, save the mapping again with --no-mapping --save-mapping "
            f"{file.stem}, or remove {file}."
        )
        return hints_of(mapping, path, hints, f"the mapping {file.stem!r}", advice), file.stem
    return hints, None


def hints_of(mapping: Mapping[str, Any], path: Path, hints: Hints, whose: str, advice: str) -> Hints:
    """Return what a mapping says about a file.

    Args:
        mapping: What `reading_of` returned.
        path: The file.
        hints: What options say, which counts more.
        whose: What the mapping is called.
        advice: What to do where the columns have changed.

    Raises:
        UnclearLayout: The columns of the file are not those of the mapping.
    """
    scale = mapping.get("scale")
    mapped = replace(
        hints,
        layout=mapping.get("layout"),
        columns=mapping.get("columns") or {},
        kind=hints.kind or EventKind(mapping["kind"]),
        day_first=hints.day_first if hints.day_first is not None else mapping.get("day_first"),
        encoding=hints.encoding or mapping.get("encoding"),
        separator=mapping.get("separator"),
        decimal=hints.decimal or mapping.get("decimal"),
        language=hints.language or mapping.get("language") or None,
        scale=hints.scale or (Scale(*scale) if scale else None),
        words=hints.words if hints.words.given else Words(mapping.get("words") or {}),
        cents=hints.cents or bool(mapping.get("cents")),
    )
    names = open_rows(path, mapped).names or []
    if names != mapping.get("names"):
        gone = [each for each in mapping.get("names", []) if each not in names]
        new = [each for each in names if each not in mapping.get("names", [])]
        raise UnclearLayout(
            f"{path}: its columns are not those of {whose} (gone: {', '.join(gone) or 'none'}; "
            f"new: {', '.join(new) or 'none'}).",
            advice,
        )
    return mapped


def _read(file: Path) -> dict[str, Any]:
    try:
        mapping = json.loads(file.read_text(encoding="utf-8"))
        EventKind(mapping["kind"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UnusableFile(f"{file}: it is no mapping. Expected what --save-mapping wrote; remove it.") from None
    if not isinstance(mapping, dict):
        raise UnusableFile(f"{file}: it is no mapping. Expected what --save-mapping wrote; remove it.")
    return mapping
