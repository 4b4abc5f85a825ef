"""Take apart cells that hold several products: "Red Mug x 2 (SKU: MUG-R), Tea Tin x 1", "MUG-R|TIN-1", JSON. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from src.ingestion.column_names import PRICE, PRODUCT, QUANTITY, TITLE, candidates
from src.ingestion.column_profile import is_year
from src.ingestion.column_words import role_by_words

_LONGEST = 8_000  # characters of a cell; longer ones are not taken apart
_ENOUGH = 0.8  # share of the first cells that a notation must fit
_LABEL = (
    r"(?:(?:sku|art[^\W\d_.\-]*|r[eé]f[^\W\d_.]*|c[oó]d[^\W\d_.]*|kod|id|item|model|mpn|ean|编号|编码|货号|品番|型番)[.\-\s]*)?"
    r"(?:(?:nr|no|n[°º]|#|id|code)\b)?\s*[:.#=]*\s*"
)
_CODE = rf"[(\[]{_LABEL}(?P<product>[^()\[\]\s]+(?: [^()\[\]\s]+)?)\s*[)\]]"
_END = r"\s*(?:[,;|+&\n\r/]+\s*|$)"
_UNITS = (
    r"\s*(?:pcs?|pieces?|szt|stk|st|stück|stuks|uds?|unid|un|pzs?|ks|kpl|db|buc|adet|kom|шт|τεμ|件|个|個|点|개)\b\.?"
)
_TIMES = r"(?:[x×*:]|[,\-–]?\s*(?:qty|quantity|menge|anzahl|qt[eé]|cantidad|quantit[aà]|aantal|ilo[sś][cć])\b\s*[.:=]*)"
_COUNT = rf"(?P<quantity>\d{{1,5}})(?:{_UNITS})?"
_NOTATIONS = (
    rf"(?P<title>[^\n]+?)\s*[x×*]\s*{_COUNT}\s*{_CODE}",
    rf"(?P<quantity>\d{{1,5}})\s*[x×*]\s*(?P<title>[^\n]+?)\s*{_CODE}",
    rf"(?P<title>[^\n]+?)\s*{_CODE}\s*{_TIMES}\s*{_COUNT}",
    rf"(?P<product>[^\s,;|:*=()]+)\s*[(\[](?P<quantity>\d{{1,5}}){_UNITS}\s*[)\]]",
    rf"(?P<title>[^\n]+?)\s*[(\[](?P<quantity>\d{{1,5}}){_UNITS}\s*[)\]]",
    rf"(?P<title>[^\n]+?)\s*{_CODE}",
    r"\[(?P<product>[^\[\]\s]+)\]\s+(?P<title>[^\n\[\];|]+?)",
    rf"(?P<product>[^\s,;|:*=()]+)\s*(?:[:*=×]|\sx\s)\s*{_COUNT}",
    rf"(?P<product>[^\s,;|:*=()]+)\s+[-–]\s+{_COUNT}",
    r"(?P<product>[^\s,;|:*=()]+)\s*\((?P<quantity>\d{1,5})\)",
    r"(?P<quantity>\d{1,5})\s*[x×]\s*(?P<product>[^\s,;|:*=()]+)",
    rf"(?P<title>[^\n;|]+?)\s+[x×]\s*{_COUNT}",
    r"(?P<quantity>\d{1,5})\s*[x×]\s+(?P<title>[^\n;|]+?)",
)
_END_BEFORE_COUNT = r"\s*(?:[,;|+&\n\r/]+\s*(?=\d{1,5}\s*[x×])|$)"  # not within "1x Cola 0,5l" or "2x Fish & chips"
_END_BEFORE_CODE = r"\s*(?:[,;|+&\n\r/]+\s*(?=\[)|$)"  # not within "[T-1] Honey, wild"
_ENDS = tuple(
    _END_BEFORE_CODE if notation.startswith(r"\[") else _END_BEFORE_COUNT if notation == _NOTATIONS[-1] else _END
    for notation in _NOTATIONS
)
_PATTERNS = tuple(re.compile(notation + end, re.IGNORECASE) for notation, end in zip(_NOTATIONS, _ENDS, strict=True))
_WHOLE = tuple(re.compile(notation, re.IGNORECASE) for notation in _NOTATIONS)
_MARKED = re.compile(r"[x×*]?\s?\d{1,3}\s?[x×*]?", re.IGNORECASE)
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
        if is_map_of_quantities(value):
            return [Item(str(name), str(count)) for name, count in value.items()]
        value = [value]
    items = [_json_item(each) for each in value]
    return [item for item in items if item] if items and all(items) else None


def is_map_of_quantities(value: Mapping[str, object]) -> bool:
    """Whether an object has ids of products as its names, and how many of each were bought."""
    names = list(value)
    counts = [str(each) for each in value.values() if _is_plain(each)]
    is_counted = len(counts) == len(names) > 0 and all(re.fullmatch(r"\d{1,5}(\.0+)?", count) for count in counts)
    return is_counted and not candidates(names) and not any(map(role_by_words, names))


def _json_item(value: object) -> Item | None:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return Item(str(value))
    if not isinstance(value, dict):
        return None
    names = [str(name) for name in value if _is_plain(value[name])]
    found = {role: str(value[names[at[0]]]) for role, at in candidates(names).items()}
    for name in names:
        if worded := role_by_words(name):
            found.setdefault(worded[0], str(value[name]))
    product = found.get(PRODUCT) or found.get(TITLE)
    if not product:
        return None
    return Item(product, found.get(QUANTITY, ""), found.get(TITLE, ""), found.get(PRICE, ""))


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def split_pairs(text: str) -> list[Item] | None:
    """Take apart items of named values: "product_id:45|name:Mug|quantity:2;product_id:46|…"."""
    text = text[:_LONGEST].strip(" ;|\n")
    best: tuple[tuple[int, int], list[Item]] = ((0, 0), [])
    for between, within in _OF_PAIRS:
        parts = [part for part in re.split(between, text) if part.strip()]
        items = [_item_of_pairs(part, within) for part in parts]
        rank = (sum(part.count(within) for part in parts), len(items))
        if all(items) and rank > best[0]:
            best = (rank, [item for item in items if item])
    return best[1] or None


_OF_PAIRS = ((r"[;\n]+", "|"), (r"\|+|\n+", ","), (r"\|+|\n+", ";"), (r";+", ","))
"""What stands between items, and between the named values of one."""


def _item_of_pairs(text: str, within: str) -> Item | None:
    pairs = [pair.partition(":") for pair in text.split(within) if ":" in pair]
    if len(pairs) < 2 or not re.match(r"\s*[^\W\d_][\w .#/-]{0,40}:", text):
        return None
    return _json_item({name.strip(): value.strip() for name, _, value in pairs})


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


def _by_parts(pattern: re.Pattern[str]) -> Splitter:
    """Return what takes cells apart whose items have commas in their titles, and stronger signs between them."""

    def split(text: str) -> list[Item] | None:
        parts = [part.strip() for part in re.split(r"[;|\n]+", text[:_LONGEST]) if part.strip()]
        matches = [pattern.fullmatch(part) for part in parts]
        found = [match.groupdict() for match in matches if match]
        titles = [(groups.get("title") or "").strip() for groups in found]
        items = [
            Item(groups.get("product") or title, groups.get("quantity") or "", title)
            for groups, title in zip(found, titles, strict=True)
        ]
        return items if items and len(items) == len(parts) else None

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
    if all(cell.startswith("[") and cell.endswith("]") for cell in cells):  # also where each list has one product
        return find_items(cells) or _by_separator(",")
    return find_items(cells) or next((_by_separator(sign) for sign in _SEPARATORS if _is_list(cells, sign)), None)


def find_items(cells: Sequence[str]) -> Splitter | None:
    """Find the notation of items with quantities, codes or named values in the first cells of a column.

    Args:
        cells: The filled cells.

    Returns:
        What takes such a cell apart; None if the cells are something else, or plain lists of ids.
    """
    has_parts = any(not {";", "|", "\n"}.isdisjoint(cell) for cell in cells)
    by_parts: list[Splitter] = list(map(_by_parts, _WHOLE)) if has_parts else []
    for split in (split_json, split_pairs, *map(_by_pattern, _PATTERNS), *by_parts):
        if sum(split(cell) is not None for cell in cells) >= _ENOUGH * len(cells):
            if _are_dated_titles(split, cells):
                return None
            return split if split in (split_json, split_pairs) else _with_counts(split, cells)
    return None


def _are_dated_titles(split: Splitter, cells: Sequence[str]) -> bool:
    """Whether each cell is the title of one thing with its year, which is no id of it: "High Noon (1952)"."""
    found = [items for cell in cells if (items := split(cell))]
    is_single = all(len(items) == 1 and items[0].title for items in found)
    return is_single and all(is_year(items[0].quantity or items[0].product) for items in found)


def _with_counts(split: Splitter, cells: Sequence[str]) -> Splitter:
    """Return what takes cells apart with numbers in brackets as quantities, where they are no codes: "A-7 (x2)"."""
    items = [item for cell in cells for item in split(cell) or ()]
    has_numbers = all(item.title and not item.quantity and _MARKED.fullmatch(item.product) for item in items)
    is_marked = not any(item.product.isdecimal() for item in items)
    are_codes = all(" " not in item.title and any(map(str.isdigit, item.title)) for item in items)
    if not has_numbers or not (is_marked or are_codes):
        return split

    def counted(text: str) -> list[Item] | None:
        found = split(text)
        return found and [Item(item.title, item.product.strip("x×*X "), item.title) for item in found]

    return counted


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
