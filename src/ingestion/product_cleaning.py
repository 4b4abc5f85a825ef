"""Turn the raw cells of one row into a clean Product. Pure; nothing raises: what is odd is left empty and counted."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from urllib.parse import urlsplit

from src.core.domain import CATEGORY_LIST, CATEGORY_PATH, Product
from src.ingestion import column_names
from src.ingestion.prices import LONGEST_NUMBER, price_in
from src.ingestion.text_cleaning import alt_text, as_text, clean_text, is_cut, known, members, texts, without_tag_signs

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
    """The product that a row describes: role → raw cell, as text, JSON or parquet give it; roles may be missing.

    The id is the caller's, who has checked it. What is put right or left out is counted in `mended`, at most once a row
    for each reason. None, NaN, "", "null", "n/a", a lone dash and the like mean "not known" and are not counted.
    decimal: what the file writes before the tenths. A "no" in the column withdrawn says nothing: what was withdrawn
    stays so.
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
    """One line: of several texts the first that is one for a title, all that differ for a description."""
    cell = known(cell)
    if cell is None:
        return None
    parts: dict[str, None] = {}
    size, given, had_html, had_control, was_cut = 0, False, False, False, False
    for raw in texts(cell):
        given = True
        part = clean_text(raw)
        had_html, had_control, was_cut = (
            had_html or part.had_html,
            had_control or part.had_control,
            was_cut or is_cut(raw),
        )
        if known(part.text) is None or part.text in parts:
            continue
        parts[part.text] = None
        size += len(part.text) + 1
        if role != column_names.DESCRIPTION or size > limit:
            break
    text = without_tag_signs(" ".join(parts))
    if not text:
        if given and had_html:
            mended[f"{role} is markup: left empty"] += 1
        elif had_control or _holds_something(cell):
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


def _holds_something(cell: object) -> bool:
    return any(known(member) is not None for member in members(known(cell)))


def _brand(cell: object, mended: Counter[str]) -> str | None:
    text = _text(cell, column_names.BRAND, BRAND_LIMIT, mended)
    if text and (wrapped := _STORE_OF.fullmatch(text) or _BY.fullmatch(text)):
        text = wrapped[1].strip()
    return text


# --- Category ---------------------------------------------------------------------------------------------------------


def _category(cell: object, main: object, mended: Counter[str]) -> str | None:
    """A path, or several names that are equals, joined as the domain says; the main category if there is none."""
    given = left_out = False
    category = None
    for found in (known(cell), known(main)):
        if found is None or category:
            continue
        given = True
        names, sign, is_complete = _names_of(found)
        left_out = left_out or not is_complete
        if len(names) > CATEGORY_NAMES_LIMIT:
            names, left_out = names[:CATEGORY_NAMES_LIMIT], True
        category = sign.join(names)
    if category:
        if left_out:
            mended["what is no name left out of category"] += 1
        return category
    if given and (left_out or _holds_something(cell) or _holds_something(main)):
        mended["category is no name: left empty"] += 1
    return None


def _names_of(cell: object) -> tuple[list[str], str, bool]:
    """(names, what to join them with, whether nothing was left out). Of several paths the first of the longest."""
    entries = members(cell)
    if any(isinstance(known(entry), list) for entry in entries):
        paths = [_path(list(texts(entry))) for entry in entries]
    else:
        found = list(texts(entries))
        if len(found) == 1:
            # The text as a whole first: its markup may stand between the names.
            found = [part for part in _one_line(found[0]).split("|") if part.strip()] or found
            paths = [_path([part]) for part in found]
            if len(paths) > 1 and all(len(path) < 2 for path, _ in paths):
                return list(dict.fromkeys(name for path, _ in paths for name in path)), CATEGORY_LIST, _all_whole(paths)
        elif any(_PATH_SIGN.search(_one_line(text)) for text in found):
            paths = [_path([text]) for text in found]
        else:
            paths = [_path(found)]
    if not paths:
        return [], CATEGORY_PATH, False
    names, is_whole = max(paths, key=lambda path: len(path[0]))
    return names, CATEGORY_PATH, is_whole


def _all_whole(paths: list[tuple[list[str], bool]]) -> bool:
    return all(is_whole for _, is_whole in paths)


def _one_line(raw: str) -> str:
    return clean_text(raw).text or alt_text(raw)


def _path(found: list[str]) -> tuple[list[str], bool]:
    """(names from wide to narrow, whether nothing was left out).

    Scrapes put a product's features behind its path: from the first thing that is no name on, nothing is one.
    """
    names: list[str] = []
    is_whole = True
    for raw in found:
        for name in _PATH_SIGN.split(_one_line(raw)):
            name = name.replace("|", "/").replace("<", " ").strip()
            if len(name) > CATEGORY_NAME_LIMIT or _SENTENCE.fullmatch(name) or (not name and "<" in raw):
                is_whole = False
                if names:
                    return names, is_whole
            elif known(name) is not None and (not names or names[-1].casefold() != name.casefold()):
                names.append(name)
    return names, is_whole


# --- Numbers ----------------------------------------------------------------------------------------------------------


def _price(cell: object, mended: Counter[str], decimal: str) -> float | None:
    cell = _only(cell, "amount", "value", "price")
    if cell is None:
        return None
    price: float | None = None
    is_range = False
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        price = float(cell) if abs(cell) < PRICE_LIMIT else math.inf if cell > 0 else -math.inf
    elif isinstance(cell, str):
        is_grouped = decimal == "," and _GROUPED_BY_POINTS.fullmatch(cell)
        found = price_in(cell.replace(".", "") if is_grouped else cell)
        if found:
            price, is_range = found
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


def _only(cell: object, *keys: str) -> object:
    """The first known thing in a list, and in a dict what stands under the first of the keys that it has."""
    for _ in range(3):
        cell = known(cell)
        if isinstance(cell, list):
            cell = next((member for member in map(known, members(cell)) if member is not None), None)
        elif isinstance(cell, dict):
            cell = next((cell[key] for key in keys if key in cell), cell)
    return cell


def _stock(cell: object, mended: Counter[str]) -> int | None:
    """How many there are: 0 for "out of stock", and None, which is not counted, for "in stock"."""
    cell = _only(cell, "quantity", "value")
    if cell is None or cell is True:
        return None
    if cell is False:
        return 0
    number: float | int | None = None
    if isinstance(cell, int | float):
        number = cell
    elif isinstance(cell, str) and len(cell) <= LONGEST_NUMBER:
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
    cell = _only(cell, "value")
    if cell is None or isinstance(cell, bool):
        return cell or None
    word = _word(as_text(cell) or "")
    if word in _WITHDRAWN or word in _LISTED:
        return True if word in _WITHDRAWN else None
    mended["withdrawn is neither yes nor no: left empty"] += 1
    return None


def _word(text: str) -> str:
    """Without case, blanks and dashes; of schema.org's addresses ("https://schema.org/InStock") the end."""
    return re.sub(r"[\W_]", "", text[-100:].rpartition("/")[2].lower().removesuffix(".0"))


# --- Image ------------------------------------------------------------------------------------------------------------


def _image(cell: object, mended: Counter[str]) -> str | None:
    """The first address there is, of images in several sizes the largest of the main one."""
    cell = known(cell)
    if cell is None:
        return None
    given = False
    for raw in _addresses(cell):
        given = True
        if url := _url(raw):
            return url
    if given or _holds_something(cell):
        mended["image is no address: left empty"] += 1
    return None


def _addresses(cell: object) -> Iterator[str]:
    entries = [known(member) for member in members(cell)]
    pictures: list[object] = []
    for entry in entries:
        pictures.extend(_pictures(entry) if isinstance(entry, dict) else members(entry))
    for picture in sorted(pictures, key=_is_other_view):
        sizes = [picture.get(key) for key in _URL_KEYS] if isinstance(picture, dict) else [picture]
        for address in map(known, sizes):
            if isinstance(address, str):
                yield from _BETWEEN_URLS.split(address)


def _pictures(images: dict[str, object]) -> list[object]:
    """A dict for each picture, also out of a dict of lists, as columnar files have them."""
    columns = {key: members(value) for key in (*_URL_KEYS, "variant") if (value := known(images.get(key))) is not None}
    return [dict(zip(columns, row, strict=True)) for row in zip_longest(*columns.values())]


def _is_other_view(picture: object) -> bool:
    return isinstance(picture, dict) and picture.get("variant") not in ("MAIN", "main")


def _url(raw: str) -> str | None:
    """An http(s) address, or a path on the shop's own site; None for anything else."""
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
