"""Take apart cells that hold several products: "Red Mug x 2 (SKU: MUG-R), Tea Tin x 1", "MUG-R|TIN-1", JSON. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from src.ingestion.column_names import PRICE, PRODUCT, QUANTITY, TITLE, candidates

_LONGEST = 8_000  # characters of a cell; longer ones are not taken apart
_ENOUGH = 0.8  # share of the first cells that a notation must fit
_CODE = r"\((?:sku|art[\w.\-]*|ref[\w.]*|code|id|item|nr|no|kod|n°)\s*[:.#=]*\s*(?P<product>[^()]+?)\s*\)"
_END = r"\s*(?:[,;|\n\r/]+\s*|$)"
_PATTERNS = tuple(
    re.compile(pattern + _END, re.IGNORECASE)
    for pattern in (
        rf"(?P<title>[^\n]+?)\s*[x×*]\s*(?P<quantity>\d{{1,5}})\s*{_CODE}",
        rf"(?P<quantity>\d{{1,5}})\s*[x×*]\s*(?P<title>[^\n]+?)\s*{_CODE}",
        rf"(?P<title>[^\n]+?)\s*{_CODE}\s*[x×*:]\s*(?P<quantity>\d{{1,5}})",
        rf"(?P<title>[^\n]+?)\s*{_CODE}",
        r"(?P<product>[^\s,;|:*=()]+)\s*(?:[:*=×]|\sx\s)\s*(?P<quantity>\d{1,5})",
        r"(?P<product>[^\s,;|:*=()]+)\s*\((?P<quantity>\d{1,5})\)",
        r"(?P<quantity>\d{1,5})\s*[x×]\s*(?P<product>[^\s,;|:*=()]+)",
        r"(?P<title>[^\n;|]+?)\s+[x×]\s*(?P<quantity>\d{1,5})",
        r"(?P<quantity>\d{1,5})\s*[x×]\s+(?P<title>[^\n;|]+?)",
    )
)
_SEPARATORS = ("|", ";", "\n", ",", " / ")


class Item(NamedTuple):
    """One product of a cell; texts as they stand there, "" where it says nothing."""

    product: str
    quantity: str = ""
    title: str = ""
    price: str = ""


Splitter = Callable[[str], list[Item] | None]
"""Takes a cell apart; None if the cell does not have the notation."""


def split_json(text: str) -> list[Item] | None:
    """Take apart a JSON list of objects or ids, or one object."""
    if not text.startswith(("[", "{")) or len(text) > _LONGEST:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        value = [value]
    items = [_json_item(each) for each in value]
    return [item for item in items if item] if items and all(items) else None


def _json_item(value: object) -> Item | None:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return Item(str(value))
    if not isinstance(value, dict):
        return None
    names = [str(name) for name in value]
    found = {role: str(value[names[at[0]]]) for role, at in candidates(names).items() if _is_plain(value[names[at[0]]])}
    product = found.get(PRODUCT) or found.get(TITLE)
    if not product:
        return None
    return Item(product, found.get(QUANTITY, ""), found.get(TITLE, ""), found.get(PRICE, ""))


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def split_pairs(text: str) -> list[Item] | None:
    """Take apart items of named values: "product_id:45|name:Mug|quantity:2;product_id:46|…"."""
    items = []
    for part in re.split(r"[;\n]+", text[:_LONGEST].strip(" ;\n")):
        pairs = [pair.partition(":") for pair in part.split("|")]
        if len(pairs) < 2 or not all(colon for _, colon, _ in pairs):
            return None
        item = _json_item({name.strip(): value.strip() for name, _, value in pairs})
        if item is None:
            return None
        items.append(item)
    return items or None


def _by_pattern(pattern: re.Pattern[str]) -> Splitter:
    def split(text: str) -> list[Item] | None:
        items, at = [], 0
        text = text.strip()
        if not text or len(text) > _LONGEST:
            return None
        while at < len(text):
            match = pattern.match(text, at)
            if match is None:
                return None
            groups = match.groupdict()
            title = (groups.get("title") or "").strip()
            items.append(Item(groups.get("product") or title, groups.get("quantity") or "", title))
            at = match.end()
        return items

    return split


def _by_separator(separator: str) -> Splitter:
    def split(text: str) -> list[Item] | None:
        parts = [part.strip() for part in text.strip("[]").split(separator)]
        return [Item(part.strip("'\" ")) for part in parts if part.strip("'\" ")] or None

    return split


def find_splitter(cells: Sequence[str]) -> Splitter | None:
    """Find the notation in which the first cells of a column hold several products each.

    Args:
        cells: The filled cells.

    Returns:
        What takes such a cell apart; None if each cell holds one product.
    """
    if not cells:
        return None
    for split in (split_json, split_pairs, *map(_by_pattern, _PATTERNS)):
        if sum(split(cell) is not None for cell in cells) >= _ENOUGH * len(cells):
            return split
    return next((_by_separator(sign) for sign in _SEPARATORS if _is_list(cells, sign)), None)


def _is_list(cells: Sequence[str], separator: str) -> bool:
    """Whether cells are lists of ids: what stands between the separators stands in other cells too, and is one word."""
    several = [cell for cell in set(cells) if separator in cell.strip(f"[] {separator}")]
    if len(several) < 2 or len(several) * 10 < len(set(cells)):
        return False
    split = _by_separator(separator)
    parts = {cell: {item.product for item in split(cell) or ()} for cell in set(cells)}
    counts = Counter(part for each in parts.values() for part in each)
    of_lists = [part for cell in several for part in parts[cell]]
    are_words = all(" " not in part for part in of_lists)
    return are_words and sum(counts[part] > 1 for part in of_lists) >= 0.6 * len(of_lists)
