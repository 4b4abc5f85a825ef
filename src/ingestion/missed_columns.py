"""Doubt a reading that leaves its file's cells unexplained: prices, titles and pieces unused, users who are none. Pure.

What a column is called may explain it wrongly, so the cells of every unused column are asked, whatever its name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from src.ingestion.column_names import (
    CATEGORY,
    INVOICE,
    PRICE,
    PRODUCT,
    QUANTITY,
    TITLE,
    USER,
    candidates,
    is_number,
    role_of_name,
)
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_vocabulary import MAIL_WORD, USER_WORD
from src.ingestion.column_words import classes_of, has_id_word, is_excluded, words_of
from src.ingestion.consistent_columns import share_single
from src.ingestion.first_rows import FirstRows
from src.ingestion.layout import PAIRS, PRODUCTS, PURCHASES, RATINGS
from src.ingestion.prices import price_in
from src.ingestion.usual_cells import usual_cells

_MOST = 0.9
_NEARLY = 0.7  # share of products with a single price, which sales and new prices change now and then
_FEW_PIECES, _MOST_PIECES = 3, 1_000  # at most: half of the quantities, all of them
_AS_MANY = 0.8  # titles to products; fewer are sorts of products
_FEW = 5  # rows
_WITH_PARTS = re.compile(r"[.,]\d{1,2}$", re.ASCII)
_COSTS = frozenset({"cost", "costs"})  # what a product costs may be its price


def missed_notes(
    layout: str, columns: Mapping[str, int], used: Collection[int], first: FirstRows, settled: Collection[str]
) -> list[str]:
    """Name unused columns whose cells look like what no column was found for, and users who may be none.

    Args:
        layout: Of the file.
        columns: Role → position.
        used: Positions of all columns that are read.
        first: The first rows of the file.
        settled: Roles that options give or rule out.

    Returns:
        Sentences for people, each with an option.
    """
    if PRODUCT not in columns:  # the file is refused
        return []
    has_users = layout != PRODUCTS and USER in columns and USER not in settled
    notes = _doubtful_user(columns, used, first) if has_users else []
    if layout == RATINGS:
        return notes
    free = [at for at, profile in enumerate(first.profiles) if at not in used and profile.cells and not profile.nested]
    for role, at in _missed(layout, columns, free, first):
        if role not in settled:
            notes.append(
                f"no column was found for the {role}, and {first.profiles[at]} looks like one; if it is: "
                f"{first.option(role, at)}"
            )
    return notes


def _missed(layout: str, columns: Mapping[str, int], free: list[int], first: FirstRows) -> Iterator[tuple[str, int]]:
    """Yield each role that has no column, with the first free column that looks like it."""
    looks = {PRICE: _has_prices, TITLE: _has_titles, CATEGORY: _has_sorts}
    if layout in (PURCHASES, PAIRS):
        looks[QUANTITY] = _has_pieces
    for role, has in looks.items():
        at = next((at for at in free if role not in columns and has(at, columns, first)), None)
        if at is not None:
            free.remove(at)
            yield role, at


def _has_prices(at: int, columns: Mapping[str, int], first: FirstRows) -> bool:
    """Whether a column has amounts with decimals or a currency, and mostly one for each product."""
    profile = first.profiles[at]
    name = " ".join(word for word in words_of(profile.meaning) if word not in _COSTS)
    if profile.n_distinct < 2 or profile.money < _MOST or is_excluded(name):
        return False
    has_parts = profile.share(lambda cell: _WITH_PARTS.search(cell) or not is_number(cell)) >= _MOST
    is_positive = profile.share(lambda cell: (found := price_in(cell)) and found[0] >= 0) >= _MOST
    repeats = first.profiles[columns[PRODUCT]].repeated > 0.0
    return has_parts and is_positive and (not repeats or share_single(first, columns[PRODUCT], at) >= _NEARLY)


def _is_worded(profile: ColumnProfile) -> bool:
    """Whether most cells are words, and neither ids, numbers, times nor addresses."""
    is_other = max(profile.numbers, profile.times, profile.urls, profile.share(lambda cell: "@" in cell)) > 0.0
    return not is_other and profile.share(lambda cell: any(map(str.islower, cell)) or " " in cell) >= _MOST


def _is_of_products(at: int, columns: Mapping[str, int], first: FirstRows) -> bool:
    """Whether the words of a column say something of each product, and nothing of users or orders."""
    profile = first.profiles[at]
    if profile.filled < _MOST or not _is_worded(profile) or has_id_word(profile.meaning):
        return False
    if USER not in columns:  # in a catalogue most columns do
        is_told = role_of_name(profile.meaning) or is_excluded(profile.meaning) or usual_cells(profile)
        return not is_told and max(profile.listings, profile.texts) < 1 - _MOST
    others = [columns[role] for role in (USER, INVOICE) if role in columns]
    of_others = any(first.depends_on(at, [other]) for other in others)
    return not of_others and first.depends_on(at, [columns[PRODUCT]])


def _has_titles(at: int, columns: Mapping[str, int], first: FirstRows) -> bool:
    product = first.profiles[columns[PRODUCT]]
    is_many = first.profiles[at].n_distinct >= _AS_MANY * product.n_distinct
    return is_many and not _is_worded(product) and _is_of_products(at, columns, first)


def _has_sorts(at: int, columns: Mapping[str, int], first: FirstRows) -> bool:
    profile = first.profiles[at]
    is_few = profile.is_enumeration and 1 < profile.n_distinct <= first.profiles[columns[PRODUCT]].n_distinct / 2
    return is_few and usual_cells(profile) is None and _is_of_products(at, columns, first)


def _has_pieces(at: int, columns: Mapping[str, int], first: FirstRows) -> bool:
    """Whether a column has small whole numbers that say nothing of a whole order or customer, and number no lines."""
    profile = first.profiles[at]
    is_whole = len(profile.cells) >= MANY and profile.integers == 1.0 and profile.filled >= _MOST
    if not is_whole or profile.n_distinct < 2 or has_id_word(profile.meaning) or is_excluded(profile.meaning):
        return False
    numbers = sorted(map(int, profile.cells))
    is_small = numbers[0] in (0, 1) and numbers[len(numbers) // 2] <= _FEW_PIECES and numbers[-1] <= _MOST_PIECES
    keys = [columns[role] for role in (USER, INVOICE) if role in columns]
    return is_small and not any(first.depends_on(at, [key]) for key in keys) and not _numbers_lines(at, columns, first)


def _numbers_lines(at: int, columns: Mapping[str, int], first: FirstRows) -> bool:
    """Whether no order has a number of the column twice."""
    if INVOICE not in columns:
        return False
    pairs = [(row[columns[INVOICE]], row[at]) for row in first.rows]
    return len({order for order, _ in pairs}) < len(pairs) == len(set(pairs))


def _doubtful_user(columns: Mapping[str, int], used: Collection[int], first: FirstRows) -> list[str]:
    """Doubt that a column has users, where each product has one of them only, or no name says that they are people."""
    user, product = first.profiles[columns[USER]], first.profiles[columns[PRODUCT]]
    is_named = {USER_WORD, MAIL_WORD} & set(classes_of(user.meaning)) or USER in candidates([user.meaning])
    if not user.share(lambda cell: "@" in cell) and first.depends_on(columns[USER], [columns[PRODUCT]]):
        why = f"every product has one {user.name!r} only"
    elif not is_named and len(product.cells) >= _FEW and product.repeated == 0.0 < user.repeated:
        why = f"no product comes twice, and no word says that {user.name!r} has users"
    else:
        return []
    other = next(
        (at for at in range(len(first.profiles)) if at not in used and _may_be_users(at, columns, first)), None
    )
    do = first.option(USER, other) if other is not None else "--layout products"
    what = "for users" if other is not None else "if rows are products"
    return [f"{why}: it may tell who made or sells the products; {what}: {do}"]


def _may_be_users(at: int, columns: Mapping[str, int], first: FirstRows) -> bool:
    """Whether ids of a column repeat, and each product has several."""
    profile = first.profiles[at]
    is_id = profile.ids >= _MOST <= profile.filled and profile.repeated > 0.0 and profile.n_distinct > 2
    are_words = profile.is_enumeration and not any(map(str.isdigit, "".join(profile.cells)))
    is_other = is_excluded(profile.meaning) or are_words
    return is_id and not is_other and not first.depends_on(at, [columns[PRODUCT]])
