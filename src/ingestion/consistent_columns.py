"""Prefer columns whose cells hang together as those of orders do: one customer an order, one title a product. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from src.ingestion.column_names import (
    DESCRIPTION,
    INVOICE,
    PART_OF,
    PRICE,
    PRODUCT,
    QUANTITY,
    RETURNED,
    TITLE,
    TOTAL,
    USER,
    VALUE,
    describes_product,
)
from src.ingestion.column_profile import profile_columns
from src.ingestion.column_vocabulary import OTHER_WORD, SUM_WORD
from src.ingestion.column_words import (
    classes_of,
    has_id_word,
    is_excluded,
    names_price,
    role_by_words,
    says_how_long,
    words_of,
)
from src.ingestion.first_rows import FirstRows
from src.ingestion.prices import price_in
from src.ingestion.role_columns import RoleColumn, Roles, free_columns

_ENOUGH = 3  # repeated keys that show something
_MOST, _FEW = 0.9, 0.5
_OF_ALL, _WORDED = 0.8, 0.3  # share of products that have titles of their own; of titles that have several words
_FEW_TITLES, _SEVERAL = 3, 3  # at most so many titles, each of at least so many products, tell no products apart
_ROUNDING = 0.011


def prefer_consistent(roles: Roles, first: FirstRows, settled: Collection[str]) -> list[str]:
    """Put the columns first that hang together, where others were first by their names.

    Args:
        roles: Role → its possible columns, best first; changed.
        first: The first rows of the file.
        settled: Roles that options tell.

    Returns:
        Sentences on what was preferred, for people.
    """
    notes: list[str] = []
    if USER not in roles:
        return notes
    if USER not in settled:
        notes += _ids_before_names(roles, first)
    if PRODUCT in roles and PRODUCT not in settled:
        notes += _codes_before_names(roles, first) if TITLE not in settled else []
        notes += _title_of_product(roles, first) if TITLE not in settled else []
        notes += [*_one_title(roles, first, settled), *_titles_of_copies(roles, first)]
        notes += _name_of_customer(roles, first)
        notes += _title_of_customer(roles, first) if TITLE not in settled else []
        notes += _user_of_product(roles, first) if USER not in settled else []
    if {INVOICE, USER} <= roles.keys() and INVOICE not in settled:
        notes += _one_customer(roles, first)
    if INVOICE in roles and PART_OF not in {*roles, *settled}:
        notes += _parts_of_lines(roles, first)
    if {INVOICE, QUANTITY} & roles.keys() and TOTAL not in settled:
        notes += _amounts_paid_back(roles, first)
    if QUANTITY not in {*roles, *settled} and PRICE in roles:
        notes += _quantity_by_total(roles, first)
    return notes


def _ids_before_names(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Prefer a column of ids to one of names of the same customers."""
    columns = roles[USER]
    named = first.profiles[columns[0].at]
    if named.share(lambda cell: " " in cell) < _FEW:
        return
    for column in columns[1:]:
        profile = first.profiles[column.at]
        is_id = profile.ids >= _MOST and profile.filled >= _MOST * named.filled and has_id_word(profile.meaning)
        if is_id and share_single(first, column.at, columns[0].at) >= _MOST:
            do = first.option(USER, columns[0].at)
            to_front(columns, column)
            yield (
                f"{profile.name!r} has the ids of the customers in {named.name!r} and was taken for the user; for "
                f"these: {do}"
            )
            return


def _codes_before_names(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Prefer codes of products to their names, which become titles, where every row of a user has both.

    Rows of sums have words in the column of names, and no code.
    """
    columns = roles[PRODUCT]
    named = columns[0]
    of_users = [row for row in first.rows if row[roles[USER][0].at].strip() and row[named.at].strip()]
    words = [row[named.at] for row in of_users]
    is_worded = sum(not any(map(str.isdigit, cell)) for cell in words) >= _MOST * len(words)
    if TITLE in roles or len(words) < _ENOUGH or not is_worded:
        return
    for column in columns[1:]:
        profile = first.profiles[column.at]
        is_code = (
            profile.ids >= _MOST and has_id_word(profile.meaning) and all(row[column.at].strip() for row in of_users)
        )
        if is_code and share_single(first, column.at, named.at) >= _MOST:
            columns.remove(named)
            to_front(columns, column)
            roles[TITLE] = [named]
            yield (
                f"{profile.name!r} has the codes of the products in {first.profiles[named.at].name!r} and was taken "
                f"for the product; for these: {first.option(PRODUCT, named.at)}"
            )
            return


def _one_title(roles: Roles, first: FirstRows, settled: Collection[str]) -> Iterator[str]:
    """Prefer a column of which each id has one title, and take an order's number from among the products."""
    named = roles.get(TITLE) or roles.get(DESCRIPTION) or []
    columns = roles[PRODUCT]
    if not named or named[0].at == columns[0].at:
        return
    titles = named[0]
    worst = columns[0]
    share = share_single(first, worst.at, titles.at)
    if not 0.0 <= share < 1.0:
        return
    better = next((column for column in columns[1:] if share_single(first, column.at, titles.at) >= _MOST), None)
    if share >= _FEW:  # ids of parents beside those of variants
        is_of_each = better is not None and share_single(first, better.at, titles.at) == 1.0
        is_mixed = share_single(first, titles.at, worst.at) < _MOST or share < _MOST
        is_finer = better is not None and is_mixed and share_single(first, titles.at, better.at) >= _MOST
        better = better if is_of_each and is_finer else None
    else:
        better = better or _code_of_each(titles.at, roles, first)
    if better is None:
        return
    columns[:] = [better, *(column for column in columns if column.at != better.at)]
    yield (
        f"{first.profiles[better.at].name!r} was taken for the product, as each of its ids has one title; for another: "
        f"{first.option(PRODUCT, worst.at)}"
    )
    is_order = INVOICE not in settled and share_single(first, worst.at, roles[USER][0].at) >= _MOST
    if is_order or not worst.is_named:  # nor does it fill the gaps of the product
        columns.remove(worst)
    if is_order:
        roles[INVOICE] = [RoleColumn(worst.at, 0.5, False, worst.filled), *roles.get(INVOICE, [])]


def _code_of_each(title: int, roles: Roles, first: FirstRows) -> RoleColumn | None:
    """Return the free column of ids of which each has one title, and each title one of them."""
    taken = {column.at for columns in roles.values() for column in columns}
    for at, profile in enumerate(first.profiles):
        is_id = profile.ids >= _MOST and profile.filled >= _FEW and profile.n_distinct >= _ENOUGH
        if at in taken or not is_id or is_excluded(profile.meaning) or profile.years == 1.0:
            continue
        if min(share_single(first, at, title), share_single(first, title, at)) >= _MOST:
            return RoleColumn(at, 0.5, False, profile.filled)
    return None


def _title_of_product(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Prefer words that tell products apart to titles that do not: these may be a seller's or a browser's name.

    Of each product there are several such titles, or a few for many products, which go where no words are better.
    """
    product = roles[PRODUCT][0].at
    worst = roles[TITLE][0] if TITLE in roles else None
    if worst is None or worst.at == product:
        return
    rows = [row for row in first.rows if row[product].strip()]
    n_products = first.profiles[product].n_distinct
    n_titles = len({row[worst.at].strip() for row in rows} - {""})
    is_few = are_few_titles(worst, n_titles, n_products)
    if not is_few and not 0.0 <= share_single(first, product, worst.at) < _FEW:
        return
    fixed = {columns[0].at for role, columns in roles.items() if role not in (TITLE, DESCRIPTION)}
    do = first.option(TITLE, worst.at)
    for at, profile in enumerate(profile_columns(first.names, rows)):
        is_worded = profile.filled >= _FEW and profile.share(lambda cell: " " in cell) >= _WORDED
        if at in fixed or not is_worded or profile.n_distinct < _OF_ALL * n_products or profile.times >= _FEW:
            continue
        if share_single(first, product, at) >= _MOST:
            free_columns(roles, [at])
            roles[TITLE] = [RoleColumn(at, 0.5, False, first.profiles[at].filled), *roles.get(TITLE, [])]
            yield f"{profile.name!r} was taken for the title, as each product has one; for another: {do}"
            return
    if is_few and first.profiles[worst.at].cells:
        free_columns(roles, [worst.at])
        yield f"{first.profiles[worst.at]} tells no products apart, and was not taken for the title; if it does: {do}"


def are_few_titles(column: RoleColumn, n_titles: int, n_products: int) -> bool:
    """Tell whether a column that is not plainly called a title has too few of them to tell products apart.

    Args:
        column: The possible titles.
        n_titles: How many different ones it has.
        n_products: How many products these are of.

    Returns:
        True where at most three titles stand for three times as many products or more.
    """
    return not column.is_named and n_titles <= _FEW_TITLES and n_products >= _SEVERAL * n_titles


def _user_of_product(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Drop users that no name tells, of which each product has one and each of them one product: another id of it."""
    user, product = roles[USER][0], roles[PRODUCT][0].at
    is_told = user.is_named or role_by_words(first.profiles[user.at].name) is not None
    if is_told or min(share_single(first, product, user.at), share_single(first, user.at, product)) < _MOST:
        return
    free_columns(roles, [user.at])
    roles.setdefault(PRODUCT, []).append(user)
    yield f"{first.profiles[user.at].name!r} is another id of each product, and tells no users"


def _titles_of_copies(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Prefer the ids of titles to those of their copies, where nothing but its look told the product."""
    column, titles = roles[PRODUCT][0], roles.get(TITLE, [])
    if column.is_named or not titles or titles[0].at == column.at:
        return
    if not 0.0 <= share_single(first, titles[0].at, column.at) < _FEW:
        return
    title = first.profiles[titles[0].at]
    for at, profile in enumerate(first.profiles):
        is_id = profile.share(_is_code) >= _MOST <= profile.filled and not is_excluded(profile.meaning)
        is_id = is_id and profile.prices < _FEW and not names_price(profile.meaning)
        if is_id and profile.n_distinct == title.n_distinct and share_single(first, titles[0].at, at) == 1.0:
            copies = first.profiles[column.at].name
            free_columns(roles, [at])
            roles[PRODUCT] = [RoleColumn(at, column.confidence, False, profile.filled), *roles[PRODUCT]]
            yield (
                f"{copies!r} has several ids for one title, and {profile.name!r} has one, and was taken for the "
                f"product; for the other: {first.option(PRODUCT, column.at)}"
            )
            return


def _is_code(cell: str) -> bool:
    return " " not in cell and any(map(str.isdigit, cell))


def _one_customer(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Drop columns of orders whose numbers have several customers: ways of paying, shops, days."""
    user = roles[USER][0].at
    wrong = [
        column
        for column in roles[INVOICE]
        if not column.is_named
        and (0.0 <= share_single(first, column.at, user) < _FEW or _stands_for_none(column.at, user, first))
    ]
    roles[INVOICE] = [column for column in roles[INVOICE] if column not in wrong]
    if not roles[INVOICE]:
        del roles[INVOICE]
    for column in wrong[:1]:
        name = first.profiles[column.at].name
        do = first.option(INVOICE, column.at)
        yield f"{name!r} numbers no orders: one stands beside several customers; if it does: {do}"


def _stands_for_none(at: int, user: int, first: FirstRows) -> bool:
    """Whether one cell fills most rows, of several customers: the 0 of a number of an order that most rows lack."""
    cells = first.profiles[at].cells
    often = max(set(cells), key=cells.count) if cells else ""
    users = {row[user] for row in first.rows if row[at].strip() == often}
    return cells.count(often) > _FEW * len(first.rows) and len(users) >= _ENOUGH


def _name_of_customer(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Drop a product that each customer has one of, and each of them another one: it is a customer's name."""
    product, user = roles[PRODUCT][0], roles[USER][0]
    both = (share_single(first, user.at, product.at), share_single(first, product.at, user.at))
    profile = first.profiles[product.at]
    has_digits = profile.share(lambda cell: any(map(str.isdigit, cell))) > 1 - _MOST  # as codes have
    if product.is_named or has_digits or min(both) < _MOST:
        return
    name = profile.name
    roles[PRODUCT].remove(product)
    for role in [role for role in (PRODUCT, TITLE) if all(column.at == product.at for column in roles.get(role, []))]:
        roles.pop(role, None)
    yield f"{name!r} tells customers apart, and no products; if it does: {first.option(PRODUCT, product.at)}"


def _title_of_customer(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Drop titles that each customer has one of, and products have several of: they are names of people."""
    product, user = roles[PRODUCT][0], roles[USER][0]
    for title in list(roles.get(TITLE, [])):
        name = first.profiles[title.at].name
        is_same = title.at in (product.at, user.at) or describes_product(name)
        if is_same or not 0.0 <= share_single(first, product.at, title.at) < _FEW:
            continue
        if share_single(first, user.at, title.at) >= _MOST:
            roles[TITLE].remove(title)
            do = first.option(TITLE, title.at)
            yield f"{name!r} tells customers apart, and no products: not used; if it does: {do}"
    if not roles.get(TITLE, [True]):
        del roles[TITLE]


def _parts_of_lines(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Find a column that names, in some lines of an order, another line of it by that line's own number."""
    fixed = {roles[role][0].at for role in (INVOICE, USER, PRODUCT) if role in roles}
    orders = [row[roles[INVOICE][0].at] for row in first.rows]
    own = [at for at, each in enumerate(first.profiles) if each.filled == 1.0 and each.repeated == 0.0 and each.ids]
    for at, profile in enumerate(first.profiles):
        if at in fixed or not _ENOUGH <= len(profile.cells) < profile.n_rows:
            continue
        for number in own:
            order_of = {row[number].strip(): order for row, order in zip(first.rows, orders, strict=True)}
            named = [(row[at].strip(), order) for row, order in zip(first.rows, orders, strict=True) if row[at].strip()]
            if sum(order_of.get(line) == order for line, order in named) >= _MOST * len(named):
                free_columns(roles, [at])
                roles[PART_OF] = [RoleColumn(at, 1.0, False, profile.filled)]
                yield (
                    f"{profile.name!r} names another line by {first.profiles[number].name!r}: such lines are parts of "
                    "it and do not count; if they do: --columns part_of="
                )
                return


def _amounts_paid_back(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Find a column of sums that pays money back in some lines, where neither the quantity nor the price says so."""
    told = [roles[role][0].at for role in (QUANTITY, PRICE, TOTAL, RETURNED) if role in roles]
    taken = {columns[0].at for columns in roles.values()}
    if any(_is_negative(cell) for at in told for cell in first.profiles[at].cells):
        return
    for at, profile in enumerate(first.profiles):
        negative = profile.share(_is_negative)
        is_sum = profile.money >= _MOST <= profile.filled and 0.0 < negative < _FEW
        words = {*classes_of(profile.meaning), *words_of(profile.meaning)}
        if at in taken or not is_sum or words.isdisjoint({SUM_WORD, "price", "amount"}) or OTHER_WORD in words:
            continue
        free_columns(roles, [at])
        roles[TOTAL] = [RoleColumn(at, 0.5, False, profile.filled), *roles.get(TOTAL, [])]
        yield (
            f"{profile.name!r} is below 0 in some rows, which pay money back: these count as returns, or not at all "
            "where nobody bought the product; to count them as bought: --columns total="
        )
        return


def _is_negative(cell: str) -> bool:
    return cell.strip()[:1] in ("-", "\N{MINUS SIGN}") and any(map(str.isdigit, cell))


def _quantity_by_total(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Find the column of whole numbers that makes a total of the price."""
    price = roles[PRICE][0].at
    taken = {column.at for columns in roles.values() for column in columns}
    for at, profile in enumerate(first.profiles):
        if at in taken or profile.integers < _MOST or profile.n_distinct < 2 or is_excluded(profile.meaning):
            continue
        if says_how_long(profile.name):  # days of a rental
            continue
        total = total_column(first, at, price)
        if total is not None:
            if [column.at for column in roles.get(VALUE, [])] == [total]:
                del roles[VALUE]  # what was paid is no rating
            roles[QUANTITY] = [RoleColumn(at, 0.5, False, profile.filled)]
            yield (
                f"{profile.name!r} was taken for the quantity: with {first.profiles[price].name!r} it makes "
                f"{first.profiles[total].name!r}; for none: --columns quantity="
            )
            return


def total_column(first: FirstRows, quantity: int, price: int) -> int | None:
    """Find the column that holds the quantity times the price.

    Args:
        first: The first rows of the file.
        quantity: Position of the quantities.
        price: Position of the prices of one piece.

    Returns:
        Its position; None if there is none, or no row has more than one piece.
    """
    several = [
        (n * one, row)
        for row in first.rows
        if (n := _amount(row[quantity])) and (one := _amount(row[price])) and abs(n) > 1
    ]
    if len(several) < _ENOUGH:
        return None
    for at in range(len(first.profiles)):
        if at not in (quantity, price):
            n_fit = sum(
                (found := _amount(row[at])) is not None
                and abs(abs(found) - abs(total)) <= _ROUNDING * abs(total) + 0.01
                for total, row in several
            )
            if n_fit >= _MOST * len(several):
                return at
    return None


def share_single(first: FirstRows, key: int, at: int) -> float:
    """Compare the cells of one column in rows of the same key.

    Args:
        first: The first rows of the file.
        key: The column of keys.
        at: The other column.

    Returns:
        The share of keys in several rows that have one value in them; -1 where too few keys repeat.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for row in first.rows:
        if row[key].strip() and row[at].strip():
            found[row[key].strip()].append(row[at].strip())
    repeated = [cells for cells in found.values() if len(cells) > 1]
    if len(repeated) < _ENOUGH:
        return -1.0
    return sum(len(set(cells)) == 1 for cells in repeated) / len(repeated)


def to_front(columns: list[RoleColumn], column: RoleColumn) -> None:
    """Put a column before all others of its role."""
    columns.remove(column)
    columns.insert(0, column)


def _amount(cell: str) -> float | None:
    match = price_in(cell.strip())
    return match[0] if match else None
