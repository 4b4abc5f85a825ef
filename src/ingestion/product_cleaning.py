"""Turn the raw cells of one row into a clean Product. Pure, and never raises: bad cells are left empty and counted."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import NamedTuple
from urllib.parse import urlsplit

from src.core.domain import CATEGORY_LIST, CATEGORY_PATH, Product
from src.ingestion import column_names
from src.ingestion.prices import MAX_NUMBER_LENGTH, price_in
from src.ingestion.text_cleaning import (
    cell_text,
    clean_text,
    first_alt_text,
    is_truncated,
    iter_texts,
    list_items,
    normalize_cell,
    remove_tag_signs,
)

TITLE_LIMIT, DESCRIPTION_LIMIT, BRAND_LIMIT, URL_LIMIT = 500, 10_000, 200, 2_000  # characters
CATEGORY_NAME_LIMIT, CATEGORY_NAMES_LIMIT = 100, 20  # characters of a name, names of a category
PRICE_LIMIT, STOCK_LIMIT = 1e9, 1_000_000_000

_STORE_OF = re.compile(r"visit the\s+(.+?)\s+store", re.IGNORECASE)
_BY = re.compile(r"(?:by\s+|[Bb]rand\s*:\s*)(.+)")  # "By Terry" is a brand

_PATH_SIGN = re.compile(r"\s*(?:-{0,3}>+|={1,3}>+|›|»|→)\s*")
_SENTENCE = re.compile(r"(?:\S+\s+){3,}\S*[.!]")

_WHOLE = re.compile(r"\+?(\d{1,15})(?:\.0*)?", re.ASCII)
_WHOLE_IN_GROUPS = re.compile(r"\d{1,3}(?:[, ]\d{3})+", re.ASCII)
_IN_STOCK = {"instock", "yes", "y", "true", "available", "limitedavailability", "onlineonly", "preorder", "backorder"}
_OUT_OF_STOCK = {"outofstock", "no", "n", "false", "soldout", "unavailable", "notavailable", "notinstock"}
_WITHDRAWN = {"true", "1", "yes", "y", "t", "withdrawn", "discontinued", "inactive", "deleted", "archived", "disabled"}
_LISTED = {"false", "0", "no", "n", "f", "active", "available", "enabled", "live", "published"}

_GROUPED_BY_POINTS = re.compile(r"\D*[1-9]\d{0,2}(\.\d{3})+\D*")
_BETWEEN_URLS = re.compile(r"(?<![\s|,;])[\s|,;]+(?=https?://)", re.IGNORECASE)
_NOT_IN_URLS = re.compile('[\x00-\x20\x7f-\xa0<>"\\\\^`{|}\ud800-\udfff]')
_URL_KEYS = ("hi_res", "large", "thumb", "url", "src")


def clean_product(values: Mapping[str, object], mended: Counter[str], decimal: str = ".") -> Product:
    """Return the product that a row describes.

    None, NaN, "", "null", "n/a", a single dash and the like mean "unknown" and are not counted. A "no" in the column
    withdrawn counts as unknown too: a withdrawn product stays withdrawn.

    Args:
        values: Role → raw cell, as text, JSON or parquet give it. The product id is checked already; other roles may be
            missing.
        mended: What is repaired or left empty is counted here, at most once a row for each reason.
        decimal: Decimal sign of the file, "." or ",".

    Returns:
        The product, None in every field that is unknown or unreadable.
    """
    return Product(
        product_id=str(values[column_names.PRODUCT]),
        title=_text(values.get(column_names.TITLE), column_names.TITLE, TITLE_LIMIT, mended),
        description=_text(values.get(column_names.DESCRIPTION), column_names.DESCRIPTION, DESCRIPTION_LIMIT, mended),
        category=_category(values.get(column_names.CATEGORY), values.get(column_names.MAIN_CATEGORY), mended),
        brand=_brand(values.get(column_names.BRAND), mended),
        price=_price(values.get(column_names.PRICE), mended, decimal),
        image_url=_image(values.get(column_names.IMAGE), mended),
        stock=_stock(values.get(column_names.STOCK), mended),
        withdrawn=_withdrawn(values.get(column_names.WITHDRAWN), mended),
    )


def _text(cell: object, role: str, limit: int, mended: Counter[str]) -> str | None:
    """Return one line: of several texts the first usable one, for a description all different ones."""
    cell = normalize_cell(cell)
    if cell is None:
        return None
    parts: dict[str, None] = {}
    size, has_text, had_html, had_control, was_cut = 0, False, False, False, False
    for raw in iter_texts(cell):
        has_text = True
        part = clean_text(raw)
        had_html, had_control = had_html or part.had_html, had_control or part.had_control
        was_cut = was_cut or is_truncated(raw)
        if normalize_cell(part.text) is None or part.text in parts:
            continue
        parts[part.text] = None
        size += len(part.text) + 1
        if role != column_names.DESCRIPTION or size > limit:
            break
    text = remove_tag_signs(" ".join(parts))
    if not text:
        if has_text and had_html:
            mended[f"{role} is markup: left empty"] += 1
        elif had_control or _has_value(cell):
            mended[f"{role} is no text: left empty"] += 1
        return None
    if had_html:
        mended[f"HTML removed from {role}"] += 1
    if had_control:
        mended[f"control characters removed from {role}"] += 1
    if was_cut or len(text) > limit:
        mended[f"{role} cut to {limit:,} characters"] += 1
        text = text[:limit].rstrip()
    return text


def _has_value(cell: object) -> bool:
    return any(normalize_cell(item) is not None for item in list_items(normalize_cell(cell)))


def _brand(cell: object, mended: Counter[str]) -> str | None:
    text = _text(cell, column_names.BRAND, BRAND_LIMIT, mended)
    if text and (wrapped := _STORE_OF.fullmatch(text) or _BY.fullmatch(text)):
        text = wrapped[1].strip()
    return text


# --- Category ---------------------------------------------------------------------------------------------------------


def _category(cell: object, main: object, mended: Counter[str]) -> str | None:
    """Return a path or alternative names, joined by the separators of the domain; else the main category."""
    has_cell = left_out = False
    category = None
    for value in (normalize_cell(cell), normalize_cell(main)):
        if value is None or category:
            continue
        has_cell = True
        names, separator, is_complete = _category_names(value)
        left_out = left_out or not is_complete
        if len(names) > CATEGORY_NAMES_LIMIT:
            names, left_out = names[:CATEGORY_NAMES_LIMIT], True
        category = separator.join(names)
    if category:
        if left_out:
            mended["what is no name left out of category"] += 1
        return category
    if has_cell and (left_out or _has_value(cell) or _has_value(main)):
        mended["category is no name: left empty"] += 1
    return None


class _CategoryNames(NamedTuple):
    """Names of a category, their separator, and whether nothing was left out."""

    names: list[str]
    separator: str
    is_complete: bool


def _category_names(cell: object) -> _CategoryNames:
    """Return the names of a category; of several paths those of the first of the longest."""
    items = list_items(cell)
    if any(isinstance(normalize_cell(item), list) for item in items):
        paths = [_path(list(iter_texts(item))) for item in items]
    else:
        texts = list(iter_texts(items))
        if len(texts) == 1:
            # The text is cleaned as a whole first: its markup may stand between the names.
            texts = [part for part in _one_line(texts[0]).split("|") if part.strip()] or texts
            paths = [_path([part]) for part in texts]
            if len(paths) > 1 and all(len(path) < 2 for path, _ in paths):
                names = list(dict.fromkeys(name for path, _ in paths for name in path))
                return _CategoryNames(names, CATEGORY_LIST, all(is_whole for _, is_whole in paths))
        elif any(_PATH_SIGN.search(_one_line(text)) for text in texts):
            paths = [_path([text]) for text in texts]
        else:
            paths = [_path(texts)]
    if not paths:
        return _CategoryNames([], CATEGORY_PATH, False)
    names, is_whole = max(paths, key=lambda path: len(path[0]))
    return _CategoryNames(names, CATEGORY_PATH, is_whole)


def _one_line(raw: str) -> str:
    return clean_text(raw).text or first_alt_text(raw)


def _path(texts: list[str]) -> tuple[list[str], bool]:
    """Return the names of a path from wide to narrow, and whether nothing was left out.

    Scrapes append a product's features to its path, so the path ends before the first text that is no name.
    """
    names: list[str] = []
    is_whole = True
    for raw in texts:
        for name in _PATH_SIGN.split(_one_line(raw)):
            name = name.replace("|", "/").replace("<", " ").strip()
            if len(name) > CATEGORY_NAME_LIMIT or _SENTENCE.fullmatch(name) or (not name and "<" in raw):
                is_whole = False
                if names:
                    return names, is_whole
            elif normalize_cell(name) is not None and (not names or names[-1].casefold() != name.casefold()):
                names.append(name)
    return names, is_whole


# --- Numbers ----------------------------------------------------------------------------------------------------------


def _price(cell: object, mended: Counter[str], decimal: str) -> float | None:
    cell = _first_value(cell, "amount", "value", "price")
    if cell is None:
        return None
    price: float | None = None
    is_range = False
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        price = float(cell) if abs(cell) < PRICE_LIMIT else math.inf if cell > 0 else -math.inf
    elif isinstance(cell, str):
        is_grouped = decimal == "," and _GROUPED_BY_POINTS.fullmatch(cell)
        match = price_in(cell.replace(".", "") if is_grouped else cell)
        if match:
            price, is_range = match
    if price is None:
        mended["price is not readable: left empty"] += 1
    elif price < 0:
        mended["price is below 0: left empty"] += 1
    elif price >= PRICE_LIMIT:
        mended["price is far too high: left empty"] += 1
    else:
        if is_range:
            mended["price is a range: the lowest taken"] += 1
        return abs(price)  # -0.0 is 0
    return None


def _first_value(cell: object, *keys: str) -> object:
    """Unpack a cell of a single value: a list's first known item, a dict's item under the first key it has.

    Args:
        cell: The raw cell.
        *keys: Keys to look for in a dict.

    Returns:
        The normalized value; None if there is none.
    """
    for _ in range(3):
        cell = normalize_cell(cell)
        if isinstance(cell, list):
            cell = next((item for item in map(normalize_cell, list_items(cell)) if item is not None), None)
        elif isinstance(cell, dict):
            cell = next((cell[key] for key in keys if key in cell), cell)
    return cell


def _stock(cell: object, mended: Counter[str]) -> int | None:
    """Return the units in stock: 0 for "out of stock", None (not counted) for "in stock"."""
    cell = _first_value(cell, "quantity", "value")
    if cell is None or cell is True:
        return None
    if cell is False:
        return 0
    number: float | int | None = None
    if isinstance(cell, int | float):
        number = cell
    elif isinstance(cell, str) and len(cell) <= MAX_NUMBER_LENGTH:
        if (whole := _WHOLE.fullmatch(cell)) or _WHOLE_IN_GROUPS.fullmatch(cell):
            number = int(whole[1] if whole else re.sub("[, ]", "", cell))
        word = _word(cell)
        if word in _IN_STOCK or word in _OUT_OF_STOCK:
            return None if word in _IN_STOCK else 0
    if number is not None and 0 <= number <= STOCK_LIMIT and number == int(number):
        return int(number)
    mended["stock is not a whole number: left empty"] += 1
    return None


def _withdrawn(cell: object, mended: Counter[str]) -> bool | None:
    cell = _first_value(cell, "value")
    if cell is None or isinstance(cell, bool):
        return cell or None
    word = _word(cell_text(cell) or "")
    if word in _WITHDRAWN or word in _LISTED:
        return True if word in _WITHDRAWN else None
    mended["withdrawn is neither yes nor no: left empty"] += 1
    return None


def _word(text: str) -> str:
    """Return the text without case, blanks and dashes; of a schema.org address (…/InStock) its last part."""
    return re.sub(r"[\W_]", "", text[-100:].rpartition("/")[2].lower().removesuffix(".0"))


# --- Image ------------------------------------------------------------------------------------------------------------


def _image(cell: object, mended: Counter[str]) -> str | None:
    """Return the first valid address; of images in several sizes the largest one of the main image."""
    cell = normalize_cell(cell)
    if cell is None:
        return None
    has_address = False
    for raw in _addresses(cell):
        has_address = True
        if url := _url(raw):
            return url
    if has_address or _has_value(cell):
        mended["image is no address: left empty"] += 1
    return None


def _addresses(cell: object) -> Iterator[str]:
    images: list[object] = []
    for item in map(normalize_cell, list_items(cell)):
        images.extend(_images(item) if isinstance(item, dict) else list_items(item))
    for image in sorted(images, key=_is_other_view):
        sizes = [image.get(key) for key in _URL_KEYS] if isinstance(image, dict) else [image]
        for address in map(normalize_cell, sizes):
            if isinstance(address, str):
                yield from _BETWEEN_URLS.split(address)


def _images(columns: dict[str, object]) -> list[object]:
    """Return a dict for each image, also out of a dict of lists, as columnar files have them."""
    cells = {key: normalize_cell(columns.get(key)) for key in (*_URL_KEYS, "variant")}
    lists = {key: list_items(cell) for key, cell in cells.items() if cell is not None}
    return [dict(zip(lists, row, strict=True)) for row in zip_longest(*lists.values())]


def _is_other_view(image: object) -> bool:
    return isinstance(image, dict) and image.get("variant") not in ("MAIN", "main")


def _url(raw: str) -> str | None:
    """Return an http(s) address, or a path on the shop's own site; None for anything else."""
    url = raw.strip().replace("&amp;", "&").replace(" ", "%20")
    if url.startswith("//"):
        url = f"https:{url}"
    if len(url) > URL_LIMIT or _NOT_IN_URLS.search(url):
        return None
    if url.startswith("/"):
        return url if len(url) > 1 else None
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return None
    return url if is_address else None
