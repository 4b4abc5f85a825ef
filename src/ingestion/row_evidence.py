"""Compare the columns of a reading with each other: what must hold in every shop's file, and does not here. Pure."""

from __future__ import annotations

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from src.core.domain import EventKind
from src.ingestion.column_names import (
    BRAND,
    CATEGORY,
    DESCRIPTION,
    GROUP,
    IMAGE,
    INVOICE,
    KIND,
    LANGUAGE,
    LINE_KIND,
    PRICE,
    PRODUCT,
    QUANTITY,
    SALE_PRICE,
    STATE,
    TIME,
    TITLE,
    USER,
    VALUE,
    columns_option,
)
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_vocabulary import TYPE_WORD
from src.ingestion.column_words import classes_of, has_id_word, words_of
from src.ingestion.consistent_columns import share_single
from src.ingestion.event_kind_names import kind_of
from src.ingestion.first_rows import FirstRows
from src.ingestion.layout import EVENTS, PAIRS, PRODUCTS, PURCHASES, RATINGS
from src.ingestion.order_states import OrderState, order_state
from src.ingestion.prices import price_in
from src.ingestion.titled_events import user_and_product
from src.ingestion.usual_cells import usual_cells

_DESCRIBES = frozenset({CATEGORY, BRAND, TITLE, DESCRIPTION})
"""Roles that a column of sorts of rows may have been taken for."""
_FEW = 3  # rows that show how numbers hang together
_MOST, _SOME = 0.8, 0.2
_MOST_SORTS = 10
_FULL_ENOUGH = 0.6  # share of rows that have what the odd ones lack
_ROUNDING = 0.011
_CUT = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
_FACTOR = 5.0  # between prices of one product, more than a sale explains
_WORDS_OF_DISCOUNTS = "discount rabatt remise descuento sconto korting rabat desconto alennus скидка 折扣 割引 할인"
_DISCOUNTS = frozenset(_WORDS_OF_DISCOUNTS.split())
_WORDS_OF_MAKERS = "year jahr annee ano anno artist artists artiste artista kunstler author autor auteur autore maker"
_MAKERS = frozenset(_WORDS_OF_MAKERS.split())
_CODE_OF = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₽": "RUB", "₹": "INR"}
_SIGN = re.compile(r"[$€£¥₽₹]|\b(?:EUR|USD|GBP|CHF|SEK|NOK|DKK|PLN|CZK|JPY|CAD|AUD)\b", re.IGNORECASE)


def evidence_notes(layout: str, columns: Mapping[str, int], first: FirstRows, given: Collection[str]) -> list[str]:
    """Say which columns of a reading contradict each other, or repeat as such columns do not.

    Args:
        layout: Name of the layout.
        columns: Role → position.
        first: The first rows of the file.
        given: Roles that options tell, which are not doubted.

    Returns:
        A sentence with an option for each contradiction.
    """
    notes = [*_currencies(columns, first), *_cut_ids(columns, first)]
    if layout == PRODUCTS:
        notes += _of_catalogue(columns, first, given)
    else:
        notes += _of_lines(layout, columns, first, given)
    return notes


def _cut_ids(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Say that a spreadsheet has cut ids to numbers such as 4.00639E+12."""
    for role in (PRODUCT, USER, GROUP, INVOICE):
        profile = _profile(columns, role, first)
        cut = [cell for cell in profile.cells if _CUT.fullmatch(cell)] if profile else []
        if profile and len(cut) > 1 - _MOST:
            yield (
                f"{profile.name!r} has ids such as {cut[0]!r}: a spreadsheet cut their digits, and some may have "
                f"become one: export the file with this column as text; for another column: --columns {role}=COLUMN"
            )


def _of_lines(layout: str, columns: Mapping[str, int], first: FirstRows, given: Collection[str]) -> Iterator[str]:
    if {PRICE, QUANTITY} <= columns.keys() and PRICE not in given:
        yield from _price_of_line(columns, first)
    yield from _odd_rows(columns, first)
    if layout == RATINGS and VALUE in columns and VALUE not in given:
        yield from _same_for_each_product(columns, first)
    is_log = layout == EVENTS and TIME in columns
    if (layout in (PURCHASES, PAIRS) or is_log) and STATE not in {*columns, *given} and USER in columns:
        yield from _same_sale_twice(columns, first, (INVOICE, KIND, TIME) if is_log else ())
    if layout == PURCHASES and {USER, INVOICE, STATE} <= columns.keys():
        yield from _states_of_one_order(columns, first)
    if layout == PURCHASES and LINE_KIND not in {*columns, *given}:
        yield from _codes_of_lines(columns, first)
    if PRODUCT in columns and PRODUCT not in given:
        yield from _merged_titles(columns, first)
    has_ids = PRODUCT in columns and first.profiles[columns[PRODUCT]].ids >= 0.5
    if TITLE in columns and has_ids and PRODUCT not in given:
        yield from _titles_of_products(columns, first)
    if PRICE in columns and PRICE not in given:
        prices = _values_by(columns[PRODUCT], columns[PRICE], first)
        several = {id_: found for id_, cells in prices.items() if len(found := _amounts(cells)) > 1}
        apart = [id_ for id_, found in several.items() if min(found) > 0 and max(found) > _FACTOR * min(found)]
        if len(apart) >= _FEW and len(apart) > _SOME * len(several):
            yield (
                f"{_name(columns, PRICE, first)} differs more than {_FACTOR:g}-fold for one product, such as "
                f"{apart[0]!r}: it may be no price of one piece; for another: --columns price=COLUMN, for none: "
                "--columns price="
            )


def _same_for_each_product(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Say that all users give a product one rating: it may be its price, or an average."""
    at = columns[VALUE]
    if first.profiles[at].n_distinct > 1 and first.depends_on(at, [columns[PRODUCT]]):
        price = columns_option({PRICE: at}, first.names).removeprefix("--columns ").strip("'")
        do = "--columns " + shlex.quote(f"rating=,{price}" if PRICE not in columns else "rating=")
        yield (
            f"WARNING: every product has one {_name(columns, VALUE, first)} only, whoever gave it: it may be a price "
            f"or an average, and no rating; if it is a price, and rows are purchases: {do}"
        )


def _same_sale_twice(columns: Mapping[str, int], first: FirstRows, beside: Sequence[str]) -> Iterator[str]:
    """Find sorts of rows that tell one sale several times: user, product and quantity repeat across its words.

    Args:
        columns: Role → position.
        first: The first rows of the file.
        beside: Roles that must repeat too.
    """
    rows = [row for row in first.rows if row[columns[PRODUCT]].strip()]
    of_sale = [columns[role] for role in (USER, PRODUCT, QUANTITY, *beside) if role in columns]
    sales = [tuple(row[at].strip() for at in of_sale) for row in rows]
    decisive = {at for role, at in columns.items() if role not in _DESCRIBES}
    for at, profile in enumerate(first.profiles):
        is_sort = profile.is_enumeration and profile.filled >= _MOST and 1 < profile.n_distinct <= _MOST_SORTS
        if at in decisive or not is_sort or len(rows) < MANY or not {",", "="}.isdisjoint("".join(profile.cells)):
            continue
        sorts = [row[at].strip() for row in rows]
        told = defaultdict(set)
        for sale, sort in zip(sales, sorts, strict=True):
            told[sale].add(sort)
        n_once = len(set(zip(sales, sorts, strict=True)))
        n_again = sum(len(told[sale]) > 1 for sale in sales)
        if n_again >= 0.5 * len(rows) and n_once >= 0.9 * len(rows):
            counts = Counter(filter(None, sorts))
            kept = max(counts, key=lambda sort: (kind_of(sort) == EventKind.PURCHASE, counts[sort]))
            meanings = ",".join(f"{sort}={'paid' if sort == kept else 'none'}" for sort in counts)
            yield (
                f"WARNING: the same user, product and quantity stand in rows of several words of {profile}: {n_again} "
                f"of {len(rows)} rows may tell one sale several times; to count those of {kept!r} only: "
                f"{first.option(STATE, at)} --words {shlex.quote(meanings)}"
            )
            return


def _codes_of_lines(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Say that lines have types in codes, of which each product has one, and show what those of rare codes are."""
    shown = columns.get(TITLE, columns[PRODUCT])
    rows = [row for row in first.rows if row[columns[PRODUCT]].strip()]
    for at, profile in enumerate(first.profiles):
        is_type = TYPE_WORD in classes_of(profile.meaning) and profile.integers == 1.0 and profile.filled >= _MOST
        if at in columns.values() or not is_type or not 1 < profile.n_distinct <= _MOST_SORTS or len(rows) < MANY:
            continue
        examples: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            examples[row[at].strip()].append(row[shown].strip())
        usual = max(examples, key=lambda code: len(examples[code]))
        rare = {code: found[0] for code, found in examples.items() if code != usual}
        if rare and share_single(first, columns[PRODUCT], at) >= _MOST and len(examples[usual]) > 0.5 * len(rows):
            lines = ", ".join(f"{code}: {title!r}" for code, title in rare.items())
            yield (
                f"WARNING: {profile.name!r} has a code for each line, mostly {usual}, and what the others mean is not "
                f"known ({lines}): all count; if some are no products: {first.option(LINE_KIND, at)} --words "
                f"{','.join(f'{code}=none' for code in rare)}"
            )
            return


def _states_of_one_order(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Say that orders are told again with each of their states, so that what counts is bought several times."""
    told: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in first.rows:
        sale = tuple(row[columns[role]].strip() for role in (USER, INVOICE, PRODUCT))
        if all(sale):
            told[sale].append(row[columns[STATE]].strip())
    again = [states for states in told.values() if 1 < len(states) == len(set(states))]
    if len(first.rows) < MANY or len(again) < 0.5 * len(told):
        return
    counting = Counter(state for states in told.values() for state in states if order_state(state) is OrderState.DONE)
    if sum(len(set(states) & counting.keys()) > 1 for states in again) < _FEW:
        return
    kept = max(counting, key=lambda state: counting[state])
    meanings = ",".join(f"{state}=none" for state in counting if state != kept)
    yield (
        f"WARNING: {len(again)} of {len(told)} products of an order stand in rows of several "
        f"{_name(columns, STATE, first)}, as if each change told the order again: every row of a state that counts is "
        f"a purchase, also of orders that were cancelled later; to count those of {kept!r} only: --words "
        f"{shlex.quote(meanings)}; or give only the last rows of each order"
    )


def _odd_rows(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Find rows of products that all others lack, with a gap where all others have none: sums, fees, remarks."""
    rows, product = first.rows, columns[PRODUCT]
    of_product = Counter(row[product].strip() for row in rows)
    for at in (columns[role] for role in (TITLE, PRICE, QUANTITY, TIME, INVOICE) if role in columns):
        profile = first.profiles[at]
        if at == product or not _FULL_ENOUGH <= profile.filled < 1.0 or len(rows) < MANY:
            continue
        odd = [row for row in rows if not row[at].strip() and row[product].strip()]
        alike = Counter(row[product].strip() for row in odd)
        is_apart = all(of_product[id_] == n for id_, n in alike.items())
        if len(odd) >= _FEW and len(alike) <= len(odd) / _FEW and is_apart:
            yield (
                f"WARNING: rows of {next(iter(alike))!r} have no {profile.name!r}, which the others have, and count: "
                "if they are sums, fees or remarks, take them out of the file"
            )
            return


def _price_of_line(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Find a column that gives the price when it is multiplied by the quantity."""
    at, rows = columns[PRICE], first.rows
    parsed = [(_amount(row[columns[QUANTITY]]), _amount(row[at]), row) for row in rows]
    several = [(n, price, row) for n, price, row in parsed if n is not None and price and n >= 2 and n == int(n)]
    if len(several) < _FEW:
        return
    for other, profile in enumerate(first.profiles):
        if other in columns.values() or profile.money < 0.9:
            continue
        pairs = [(n, price, _amount(row[other])) for n, price, row in several]
        n_fit = sum(one is not None and abs(one * n - price) <= _ROUNDING * n for n, price, one in pairs)
        if n_fit > 0.9 * len(pairs):
            yield (
                f"{_name(columns, PRICE, first)} is the quantity times {profile.name!r}: the price of the whole line; "
                f"to take that of one piece: {first.option(PRICE, other)}"
            )
            return


def _merged_titles(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Say that products go by titles of which some stand beside several makers or years: they become one product."""
    titles = first.profiles[columns[PRODUCT]]
    are_words = titles.share(lambda cell: any(map(str.isalpha, cell))) >= _MOST and not has_id_word(titles.name)
    if not are_words or len(titles.cells) < MANY or titles.filled < _MOST:
        return
    for at, profile in enumerate(first.profiles):
        is_maker = not _MAKERS.isdisjoint(words_of(profile.meaning)) and profile.filled >= _MOST
        if at in columns.values() or not is_maker:
            continue
        found = {title: list(dict.fromkeys(cells)) for title, cells in _values_by(columns[PRODUCT], at, first).items()}
        several = [title for title, cells in found.items() if len(cells) > 1]
        if several and len(several) <= 0.5 * len(found):
            one, two = found[several[0]][:2]
            yield (
                f"WARNING: products go by {titles.name!r}, and {len(several)} of {len(found)} stand beside several "
                f"{profile.name!r}, such as {several[0]!r} beside {one!r} and {two!r}: each counts as one product; if "
                f"they are several: give the file a column of {titles.name!r} and {profile.name!r} together, and "
                "--columns product=COLUMN"
            )
            return


def _titles_of_products(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    titles = _values_by(columns[PRODUCT], columns[TITLE], first)
    ids = _values_by(columns[TITLE], columns[PRODUCT], first)
    several = [id_ for id_, found in titles.items() if len(set(map(str.lower, found))) > 1]
    if len(several) >= _FEW and len(several) > 0.5 * sum(len(found) > 1 for found in titles.values()):
        one, two = list(dict.fromkeys(titles[several[0]]))[:2]
        yield (
            f"one id of {_name(columns, PRODUCT, first)} has several titles, such as {one!r} and {two!r}: another "
            "column may tell products apart: --columns product=COLUMN"
        )
    repeated = [title for title, found in ids.items() if len(found) > 1]
    alone = [title for title in repeated if len(set(ids[title])) == len(ids[title])]
    if len(repeated) >= _FEW and len(alone) > _MOST * len(repeated) and len(titles) > _MOST * len(first.rows):
        yield (
            f"{_name(columns, PRODUCT, first)} has another id in every row for one title, such as {alone[0]!r}: it may "
            "number rows; to take another column: --columns product=COLUMN"
        )


def _of_catalogue(columns: Mapping[str, int], first: FirstRows, given: Collection[str]) -> Iterator[str]:
    if PRICE in columns and PRICE not in given:
        yield from _discounts(columns, first)
    if GROUP in columns and PRODUCT not in given:
        yield from _ids_of_parents(columns, first)
        yield from _lines_of_orders(columns, first)
    if len(first.rows) < MANY:
        return
    for role in (BRAND, CATEGORY):
        profile = _profile(columns, role, first)
        if profile and role not in given and profile.n_distinct > 0.95 * len(profile.cells) > MANY:
            yield (
                f"{profile.name!r} differs for every product: it may be no {role}; for another: "
                f"--columns {role}=COLUMN, for none: --columns {role}="
            )
    image = _profile(columns, IMAGE, first)
    if image and IMAGE not in given and not image.nested and image.repeated > 0.5 and GROUP not in columns:
        yield (
            f"{image.name!r} has {image.n_distinct} pictures in {len(image.cells)} rows: most products share theirs; "
            "for another: --columns image=COLUMN, for none: --columns image="
        )
    title, product = _profile(columns, TITLE, first), _profile(columns, PRODUCT, first)
    if title and TITLE not in given and title.share(lambda cell: cell.startswith("<")) < 0.5:
        if title.share(lambda cell: any(map(str.isalpha, cell))) < 0.5:
            yield f"{title.name!r} has hardly any words: it may be no title; for another: --columns title=COLUMN"
        elif product and title.repeated > 0.3 > product.repeated and not {GROUP, LANGUAGE} & columns.keys():
            events = user_and_product(columns[TITLE], first)
            others = columns_option(dict(zip((USER, PRODUCT), events, strict=True)), first.names) if events else ""
            yield (
                f"{title.name!r} stands at several products in {title.repeated:.0%} of the rows: if these are variants "
                f"name the column that they share: --columns group=COLUMN{others and f'; if rows are events: {others}'}"
            )


def _discounts(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Name a column of discounts that is not taken off the price."""
    for at, profile in enumerate(first.profiles):
        is_discount = not _DISCOUNTS.isdisjoint(words_of(profile.meaning))
        if at not in columns.values() and is_discount and any(_amount(cell) for cell in profile.cells):
            yield (
                f"{profile.name!r} ({profile.cells[0]}) is not taken off the price; if it lowers it: write the lower "
                "price into a column of its own, and --columns sale_price=COLUMN"
            )
            return


def _ids_of_parents(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Say that variants name their parents by another id than that of the products."""
    parents = {cell.removeprefix("id:") for cell in first.profiles[columns[GROUP]].cells}
    products = set(first.profiles[columns[PRODUCT]].cells)
    if len(parents & products) > _SOME * len(parents):
        return
    for at, profile in enumerate(first.profiles):
        if at not in (columns[GROUP], columns[PRODUCT]) and len(parents & set(profile.cells)) > _MOST * len(parents):
            yield (
                f"{_name(columns, GROUP, first)} has ids of {profile.name!r}, and products go by "
                f"{_name(columns, PRODUCT, first)}: parents are not joined to their variants; to join them: "
                f"{first.option(PRODUCT, at)}"
            )
            return


def _lines_of_orders(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Say that rows look like lines of orders: titles repeat in many groups, each with one and the same other id."""
    if TITLE not in columns or len(first.rows) < MANY or first.profiles[columns[PRODUCT]].repeated > 0.0:
        return
    title, group = columns[TITLE], columns[GROUP]
    n_again = sum(len(found) for cells in _values_by(title, group, first).values() if len(found := set(cells)) > 1)
    if n_again < 0.5 * len(first.rows):
        return
    for at, profile in enumerate(first.profiles):
        is_id = at not in columns.values() and profile.ids >= _MOST and profile.n_distinct >= _FEW
        if is_id and min(share_single(first, at, title), share_single(first, title, at)) >= _MOST:
            yield (
                f"WARNING: each of {first.profiles[title].name!r} stands in several {first.profiles[group].name!r}, "
                f"always with one {profile.name!r}: rows look like lines of orders, and no column has their customers; "
                f"if they are: {columns_option({USER: group, PRODUCT: at}, first.names)} learns what is bought together"
            )
            return


def _currencies(columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Say that prices are in several currencies, which are not converted."""
    if PRICE not in columns:
        return
    signs = {
        _CODE_OF.get(sign[0], sign[0].upper())
        for role in (PRICE, SALE_PRICE)
        if role in columns
        for row in first.rows
        if (sign := _SIGN.search(row[columns[role]]))
    }
    beside = (profile for profile in first.profiles if usual_cells(profile) == "currencies")
    signs |= {cell.upper() for profile in beside for cell in profile.cells}
    if len(signs) > 1:
        yield f"prices are in {', '.join(sorted(signs)[:5])} and are compared as they stand: nothing is converted"


def _name(columns: Mapping[str, int], role: str, first: FirstRows) -> str:
    return repr(first.profiles[columns[role]].name)


def _profile(columns: Mapping[str, int], role: str, first: FirstRows) -> ColumnProfile | None:
    return first.profiles[columns[role]] if role in columns else None


def _values_by(key: int, at: int, first: FirstRows) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in first.rows:
        if row[key].strip() and row[at].strip():
            found[row[key].strip()].append(row[at].strip())
    return found


def _amount(cell: str) -> float | None:
    match = price_in(cell.strip())
    return match[0] if match else None


def _amounts(cells: Sequence[str]) -> list[float]:
    return [amount for cell in cells if (amount := _amount(cell)) is not None]
