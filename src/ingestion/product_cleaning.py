"""Turn the raw cells of one row into a clean Product. Pure, and never raises: bad cells are left empty and counted."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping

from src.core.domain import Product
from src.core.ids import clean_id, has_bad_characters, is_too_long
from src.ingestion import column_names
from src.ingestion.category_cleaning import clean_category
from src.ingestion.column_words import plain_letters
from src.ingestion.image_cleaning import clean_image
from src.ingestion.no_products import is_gift_card_alone
from src.ingestion.order_states import is_kept_back
from src.ingestion.parsing import as_texts
from src.ingestion.prices import MAX_NUMBER_LENGTH, price_in
from src.ingestion.text_cleaning import (
    cell_text,
    clean_text,
    has_value,
    is_truncated,
    iter_texts,
    list_items,
    normalize_cell,
    remove_tag_signs,
)

TITLE_LIMIT, DESCRIPTION_LIMIT, BRAND_LIMIT = 500, 10_000, 200  # characters
PRICE_LIMIT, STOCK_LIMIT = 1e9, 1_000_000_000

_STORE_OF = re.compile(r"visit the\s+(.+?)\s+store", re.IGNORECASE)
_BY = re.compile(r"(?:by\s+|[Bb]rand\s*:\s*)(.+)")  # "By Terry" is a brand


_WHOLE = re.compile(r"[+>]?\s?(\d{1,15})(?:[.,]0*)?(?:\s?[^\W\d_]{1,8}\.?)?")
_WHOLE_IN_GROUPS = re.compile(r"\d{1,3}(?:[, '’\u00a0\u202f]\d{3})+", re.ASCII)
# Beginnings of words for availability, without accents, blanks and dashes.
_IN_STOCK: tuple[str, ...] = (
    "instock", "available", "limitedavailability", "onlineonly", "preorder", "backorder", "auflager", "lieferbar",
    "sofort", "verfugbar", "vorratig", "disponible", "enstock", "disponibile", "disponivel", "emestoque",
    "opvoorraad", "leverbaar", "dostepny", "wmagazynie", "unlimited", "unbegrenzt", "illimite", "有货", "有貨",
    "現貨", "在庫あり", "재고있음", "вналичии", "paalager", "ilager", "skladem",
)  # fmt: skip
_OUT_OF_STOCK: tuple[str, ...] = (
    "outofstock", "discontinued", "soldout", "unavailable", "notavailable", "notinstock", "ausverkauft",
    "nichtlieferbar", "nichtauflager", "nichtverfugbar", "nichtvorratig", "vergriffen", "epuise", "rupture",
    "indisponible",
    "nondisponible", "agotado", "sinstock", "nodisponible", "esaurito", "nondisponibile", "esgotado", "semestoque",
    "uitverkocht", "nietopvoorraad", "nietleverbaar", "niedostepny", "brak", "wyprzedan", "缺货", "缺貨", "无货",
    "售罄", "品切れ", "在庫なし", "품절", "нетвналичии", "udsolgt", "slutsald", "vyprodano",
)  # fmt: skip
_IN_STOCK, _OUT_OF_STOCK = (tuple(plain_letters(word) for word in words) for words in (_IN_STOCK, _OUT_OF_STOCK))
_YES, _NO = (
    {"yes", "y", "true", "ja", "oui", "si", "tak", "sim", "是", "1"},
    {"no", "n", "false", "nein", "non", "nie", "0"},
)
_WITHDRAWN = {"true", "1", "yes", "y", "t", "withdrawn", "discontinued", "inactive", "deleted", "archived", "disabled"}
_LISTED = {"false", "0", "no", "n", "f", "active", "available", "enabled", "live", "published"}


_SKU = re.compile(r"(?:^|,)\s*sku=([^,]+)", re.IGNORECASE)
_BY_NUMBER = "id:"
"""WooCommerce writes it before the number of a parent without a SKU."""
_GROUPED_BY_POINTS = re.compile(r"\D*[1-9]\d{0,2}(\.\d{3})+\D*")


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
        category=clean_category(values.get(column_names.CATEGORY), values.get(column_names.MAIN_CATEGORY), mended),
        brand=_brand(values.get(column_names.BRAND), mended),
        price=_lower_price(values, mended, decimal),
        image_url=clean_image(values.get(column_names.IMAGE), mended),
        stock=_units_in_stock(values, mended),
        withdrawn=_withdrawn(values.get(column_names.WITHDRAWN), mended),
        group_id=_group(values, mended),
        unlisted=_unlisted(values, mended),
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
        elif had_control or has_value(cell):
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


def _group(values: Mapping[str, object], mended: Counter[str]) -> str | None:
    """Return the id of the product's group, a text or number as ids of products are; that of a parent is its own."""
    cell = normalize_cell(values.get(column_names.GROUP))
    if cell is None:
        return str(values[column_names.PRODUCT]) if variants_of(values.get(column_names.VARIANTS)) else None
    group = clean_id(as_texts([cell])[0].removeprefix(_BY_NUMBER))
    if group and not has_bad_characters(group) and not is_too_long(group):
        return group
    mended["group is no id: left empty"] += 1
    return None


def variants_of(cell: object) -> list[str]:
    """Return the ids of the variants that a parent names.

    Args:
        cell: Ids with signs between, or attributes of each variant with its id as one of them, as Magento writes them:
            "sku=A-S,size=S|sku=A-M,size=M".

    Returns:
        The ids; none for an empty cell.
    """
    cell = normalize_cell(cell)
    parts = list(map(str, list_items(cell))) if isinstance(cell, list) else re.split(r"[|;\n]", str(cell or ""))
    named = [match[1] if (match := _SKU.search(part)) else part for part in parts]
    ids = [clean_id(id_) for part in named for id_ in ([part] if "=" in part else part.split(","))]
    return [id_ for id_ in ids if id_ and "=" not in id_ and not has_bad_characters(id_) and not is_too_long(id_)]


def _brand(cell: object, mended: Counter[str]) -> str | None:
    text = _text(cell, column_names.BRAND, BRAND_LIMIT, mended)
    if text and (wrapped := _STORE_OF.fullmatch(text) or _BY.fullmatch(text)):
        text = wrapped[1].strip()
    return text


def _lower_price(values: Mapping[str, object], mended: Counter[str], decimal: str) -> float | None:
    """Return the price that a customer pays: the sale price where there is one below it and no flag says no sale."""
    price = _price(values.get(column_names.PRICE), mended, decimal)
    if column_names.SALE_PRICE not in values:
        return price
    flag = cell_text(normalize_cell(values.get(column_names.ON_SALE)))
    if flag and price is not None and is_kept_back(flag):
        return price
    sale = _price(values[column_names.SALE_PRICE], mended, decimal)
    return sale if sale and (price is None or sale < price) else price


def _units_in_stock(values: Mapping[str, object], mended: Counter[str]) -> int | None:
    """Return the units in stock; 0 where a column beside them says that the product is not available."""
    stock = _stock(values.get(column_names.STOCK), mended)
    cell = values.get(column_names.AVAILABLE)
    if cell is None:
        return stock
    text = (cell_text(normalize_cell(cell)) or "") if not isinstance(cell, bool) else str(cell)
    said = stock_in(text)
    if said == 0:
        return 0
    if said == math.inf or text == "1" or not text:
        return None if text and stock == 0 else stock
    return stock if stock is not None else _stock(cell, mended)


def _unlisted(values: Mapping[str, object], mended: Counter[str]) -> bool | None:
    """Return whether the catalogue keeps the product back; None where it does not say."""
    found: list[bool] = []
    listed = values.get(column_names.LISTED)
    cells = [(column_names.LISTED, cell) for cell in (listed if isinstance(listed, tuple) else (listed,))]
    for role, raw in [*cells, (column_names.STATE, values.get(column_names.STATE))]:
        # In a column of visibility "none" is no empty cell.
        is_none = role == column_names.LISTED and isinstance(raw, str) and raw.strip().lower() == "none"
        cell = raw if is_none else _first_value(raw, "value")
        if cell is None:
            continue
        if isinstance(cell, bool):
            found.append(not cell)
            continue
        text = (cell_text(cell) or "").strip()
        is_back = is_kept_back(text)
        if is_back is not None:
            found.append(is_back)
        else:
            mended[f"{role} {text[:30]!r} is not known: taken as listed"] += 1
    if is_gift_card_alone(cell_text(values.get(column_names.TITLE)) or ""):
        mended["gift card: not listed"] += 1
        return True
    if any(found):
        mended["kept back by the catalogue (draft, disabled, not visible): not listed"] += 1
    return any(found) if found else None


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
    elif isinstance(cell, str):
        number = stock_in(cell)
        if number == math.inf:
            return None
    if number is not None and 0 <= number <= STOCK_LIMIT and number == int(number):
        return int(number)
    mended["stock is not a whole number: left empty"] += 1
    return None


def stock_in(text: str) -> float | None:
    """Return the units in stock that a text tells, 0 for "out of stock", infinity for "in stock"; None for neither."""
    if len(text) > MAX_NUMBER_LENGTH or text.startswith("-"):
        return None
    if _WHOLE_IN_GROUPS.fullmatch(text):
        return int(re.sub(r"\D", "", text))
    if whole := _WHOLE.fullmatch(text):
        return int(whole[1])
    word = _word(text)
    if word in _NO or word.startswith(_OUT_OF_STOCK):
        return 0
    return math.inf if word in _YES or word.startswith(_IN_STOCK) else None


def _withdrawn(cell: object, mended: Counter[str]) -> bool | None:
    cell = _first_value(cell, "value")
    if cell is None or isinstance(cell, bool):
        return cell or None
    word = _word(cell_text(cell) or "")
    if word in _WITHDRAWN or word in _LISTED or word in _YES or word in _NO:
        return True if word in _WITHDRAWN or word in _YES else None
    mended["withdrawn is neither yes nor no: left empty"] += 1
    return None


def _word(text: str) -> str:
    """Return the text without case, blanks and dashes; of a schema.org address (…/InStock) its last part."""
    return re.sub(r"[\W_]", "", plain_letters(text[-100:].rpartition("/")[2]).removesuffix(".0"))
