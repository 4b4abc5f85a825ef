"""Find the role of each column by its name and its cells together. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from src.core.domain import EventKind
from src.ingestion.column_fit import FLAGS, fit
from src.ingestion.column_names import (
    BRAND,
    CANCELLED,
    CATEGORY,
    DESCRIPTION,
    INVOICE,
    KIND,
    LINE_KIND,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    REFUNDED,
    STATE,
    TIME,
    TITLE,
    USER,
    VALUE,
    candidates,
    is_number,
    normalize_name,
)
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_vocabulary import ORDER_WORD, PRODUCT_WORD, TYPE_WORD, USER_WORD
from src.ingestion.column_words import (
    classes_of,
    has_id_word,
    is_excluded,
    is_id_of_owner,
    names_count,
    names_price,
    plain_letters,
    role_by_words,
    says_other_day,
    words_of,
)
from src.ingestion.event_kind_names import kind_of
from src.ingestion.no_products import NOT_SOLD, PART_OF_SET, SOLD, line_kind
from src.ingestion.order_states import OrderState, order_state
from src.ingestion.rating_scales import scale_in_name
from src.ingestion.role_columns import RoleColumn, Roles
from src.ingestion.settled_roles import fields_of, is_counted, settle_roles

_AMOUNT = re.compile(r"\d+\.\d{1,2}", re.ASCII)
_EXACT, _LOOK = 1.0, 0.2
_HALF_FULL = 0.5
_NEARLY_FULL, _MOST = 0.8, 0.9
_FEW_SORTS = 5
_EXCLUDED_FROM_LOOK = {USER_WORD, PRODUCT_WORD}
_PLAIN_NAME = 0.65  # confidence in a column called "name", which may be that of a customer
_UNIVERSAL = frozenset({"ean", "isbn", "gtin", "upc", "barcode"})
"""Codes of a product in all shops, which come after its id in this one."""


def find_roles(profiles: Sequence[ColumnProfile], given: Mapping[str, int], ignored: Collection[str]) -> Roles:
    """Find the columns of each role.

    Args:
        profiles: One a column.
        given: Role → position, as options give it.
        ignored: Roles that have no column.

    Returns:
        Role → its possible columns, best first; a column has one role at most.
    """
    taken = set(given.values())
    roles: Roles = {}
    for role, column in _by_name(profiles, taken):
        if role not in given and role not in ignored:
            if role not in (USER, PRODUCT) or column.filled or not profiles[column.at].n_rows:  # makes no events
                roles.setdefault(role, []).append(column)
            taken.add(column.at)
    roles |= {role: [RoleColumn(at, _EXACT, True, profiles[at].filled)] for role, at in given.items()}
    for role in (KIND, STATE, TIME):
        is_open = role not in ignored and role not in given
        is_open = is_open and not any(column.filled for column in roles.get(role, ()))
        if is_open and (at := _by_cells(role, profiles, taken)) is not None:
            roles.setdefault(role, []).append(RoleColumn(at, 0.9, False, profiles[at].filled))
            taken.add(at)
    settle_roles(roles, profiles, given, ignored)
    return roles


def _by_name(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> list[tuple[str, RoleColumn]]:
    """Return roles by known names, and by the words of other names, of the columns whose cells fit."""
    names = [profile.meaning for profile in profiles]
    known = {at: (role, rank) for role, found in candidates(names).items() for rank, at in enumerate(found)}
    found = []
    for at, profile in enumerate(profiles):
        if at in taken:
            continue
        if at in known:
            role, rank = known[at]
            if role == KIND and profile.is_enumeration and profile.states >= 0.8 > profile.kinds:
                role = STATE
            if role == REFUNDED and _is_yes_or_no(profile):
                role = CANCELLED
            if role == PURCHASED and profile.cells and profile.share(is_counted) == 1.0 and profile.n_distinct > 1:
                role = QUANTITY  # of a click that was none, one cell would say 0
            if role in (TITLE, CATEGORY, BRAND, DESCRIPTION) and _holds_kinds(profile):
                role = KIND
            if role in (CATEGORY, KIND, STATE) and _are_lines(profile):
                role = LINE_KIND
            if fitness := fit(role, profile, is_named=True):
                # Of several names the more specific one comes first.
                is_plain = role == TITLE and normalize_name(profile.name) == "name"
                sure = _PLAIN_NAME if is_plain or normalize_name(profile.name) in _UNIVERSAL else _EXACT
                found.append((role, RoleColumn(at, sure * fitness - 0.005 * rank, True, profile.filled)))
                continue
        worded = role_by_words(profile.meaning)
        if _are_lines(profile):
            worded = LINE_KIND, 0.7
        if worded and worded[0] == INVOICE and profile.is_enumeration and profile.states >= 0.8:
            worded = STATE, worded[1]  # a "payment" that is paid or refunded
        if worded and worded[0] == PRODUCT and profile.is_enumeration and profile.kinds >= 0.9 and profile.n_kinds > 1:
            worded = KIND, worded[1]  # "Art" is an article, and a sort of rows
        if worded and worded[0] == REFUNDED and _is_yes_or_no(profile):
            worded = CANCELLED, worded[1]
        is_sparse = profile.filled < _HALF_FULL  # a file of returns has a day of return in every row
        if worded and worded[0] == TIME and is_sparse and order_state(profile.name) is OrderState.UNDONE:
            worded = CANCELLED, 0.7  # "fecha de cancelación"
        if worded is None and order_state(profile.name) is OrderState.UNDONE and _is_yes_or_no(profile):
            worded = CANCELLED, 0.7  # "void?"
        if worded is None and scale_in_name(profile.name):  # "points (0-10)"
            worded = VALUE, 0.7
        if worded and (fitness := fit(worded[0], profile, is_named=False)):
            found.append((worded[0], RoleColumn(at, worded[1] * fitness, False, profile.filled)))
    return found


def _holds_kinds(profile: ColumnProfile) -> bool:
    """Whether a few words that repeat are kinds of events, of which one is no purchase: a log's "name"."""
    acts = {kind_of(cell) for cell in set(profile.cells)} & {EventKind.VIEW, EventKind.CART, EventKind.CLICK}
    is_many = len(profile.cells) >= MANY and profile.n_kinds > 1
    return is_many and bool(acts) and profile.kinds >= _HALF_FULL and profile.is_enumeration


def _are_lines(profile: ColumnProfile) -> bool:
    """Whether all cells are kinds of lines of orders, some of products and some of what is none."""
    found = {line_kind(cell) for cell in set(profile.cells)} if profile.is_enumeration else set()
    return SOLD in found and bool(found & {NOT_SOLD, PART_OF_SET}) and None not in found


def _is_yes_or_no(profile: ColumnProfile) -> bool:
    """Whether a column says yes or no; 0 and 1 do so only under a name such as "is_returned"."""
    cells = {plain_letters(cell) for cell in set(profile.cells)}
    return cells <= FLAGS or (cells <= {"0", "1"} and words_of(profile.meaning)[:1] in (["is"], ["was"], ["ist"]))


def _by_cells(role: str, profiles: Sequence[ColumnProfile], taken: Collection[int]) -> int | None:
    """Return the free column whose cells are kinds of events, or states of orders; None if there is none."""
    for at, profile in enumerate(profiles):
        if at in taken or not profile.cells or profile.nested:
            continue
        if role == TIME:
            if _has_times(profile) and not _dates_something_else(profile.meaning):
                return at
            continue
        if is_excluded(profile.meaning):
            continue
        share = profile.kinds if role == KIND else profile.states
        if role == KIND and (not profile.n_kinds or _are_numbered(profile)):  # "Register 1" is a till
            continue
        if role == STATE and not _may_be_of_orders(profile):
            continue
        # Among views, carts and purchases a few names may be unknown; of states all must be clear.
        is_told = role == STATE and _tells_done_from_undone(profile)
        if (share < (0.9 if role == STATE or profile.n_kinds < 2 else _HALF_FULL) and not is_told) or not (
            profile.is_enumeration or len(profile.cells) < MANY
        ):
            continue
        # "paid" and "cancelled" are kinds of events too, but a log has views, clicks or carts.
        is_state = (profile.states >= 0.9 or is_told) and profile.n_kinds < profile.n_distinct
        if (role == STATE) == is_state:
            return at
    return None


def _has_times(profile: ColumnProfile) -> bool:
    return profile.times >= 0.9 or (profile.excel_days >= 0.95 and profile.integers < _HALF_FULL)


def _dates_something_else(name: str) -> bool:
    """Whether a name says that a day is that of a customer or a product, or of what came before or after the event.

    A "visit" that is a day is the day of the visit, and a "gift" that is a day has no word that says what else it is.
    """
    classes = set(classes_of(name))
    return says_other_day(name) or (bool(_EXCLUDED_FROM_LOOK & classes) and len(words_of(name)) > 1)


def _are_numbered(profile: ColumnProfile) -> bool:
    """Whether cells differ in their numbers only, as ids such as "order-5101" do."""
    return profile.n_distinct > 2 and len({re.sub(r"\d+", "", cell) for cell in profile.cells}) == 1


def _may_be_of_orders(profile: ColumnProfile) -> bool:
    """Whether states are those of orders: not of persons, who are new or return, and some of orders that count."""
    found = {order_state(cell) for cell in set(profile.cells)} - {None}
    return USER_WORD not in classes_of(profile.meaning) and (OrderState.DONE in found or len(found) == 1)


def _tells_done_from_undone(profile: ColumnProfile) -> bool:
    """Whether most words are states, some of orders that count and some of orders that do not."""
    found = {order_state(cell) for cell in set(profile.cells)}
    return profile.states >= _HALF_FULL and {OrderState.DONE, OrderState.UNDONE} <= found


def find_user_by_look(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> int | None:
    """Find a column of ids of users in a log whose names tell none: many values, and they repeat.

    Args:
        profiles: One a column.
        taken: Positions of columns with another role.

    Returns:
        Its position; None if no column, or no single one, looks like that.
    """
    found = [
        at
        for at in _id_like(profiles, taken)
        if not _names_other(profiles[at].meaning, PRODUCT_WORD)
        and KIND not in classes_of(profiles[at].meaning)
        and not names_count(profiles[at].meaning)
        and not kind_of(profiles[at].name)  # a report's "clicks"
        and not are_sorts(profiles[at])
        and not names_attributes(at, profiles)
    ]
    of_users = [at for at in found if USER_WORD in classes_of(profiles[at].meaning)]
    named = [at for at in of_users or found if has_id_word(profiles[at].meaning)]
    owned = [at for at in named if is_id_of_owner(profiles[at].name)]
    found = owned or named or of_users or found
    return found[0] if len(found) == 1 else None


def are_sorts(profile: ColumnProfile) -> bool:
    """Return whether a column has a few words without numbers in them: places, payments, or sorts of rows.

    Args:
        profile: The column.
    """
    is_typed = TYPE_WORD in classes_of(profile.meaning) and profile.is_enumeration
    return is_typed or (profile.n_distinct <= _FEW_SORTS and not any(map(str.isdigit, "".join(set(profile.cells)))))


def names_attributes(at: int, profiles: Sequence[ColumnProfile]) -> bool:
    """Return whether a column says what the cells of another one are: beside each of its cells numbers, or never.

    Args:
        at: The column.
        profiles: One a column.

    Returns:
        True for the attribute in a table of things, attributes and values.
    """
    keys = profiles[at].cells
    if profiles[at].filled < 1.0 or len(keys) < MANY or profiles[at].repeated < _HALF_FULL:
        return False
    for value in profiles:
        if value is profiles[at] or value.filled < 1.0 or not 0.1 <= value.numbers <= 0.9:
            continue
        found: dict[str, set[bool]] = {}
        for key, cell in zip(keys, value.cells, strict=True):
            found.setdefault(key, set()).add(is_number(cell))
        if all(len(kinds) == 1 for kinds in found.values()):
            return True
    return False


def _names_other(name: str, noun: str) -> bool:
    """Whether a name says that a column holds numbers of orders, or ids of something else."""
    return bool({ORDER_WORD, noun} & set(classes_of(name))) and role_by_words(name) != ("user", 0.7)


def find_product_by_look(profiles: Sequence[ColumnProfile], taken: Collection[int], user: int) -> int | None:
    """Find the one column of ids that has no role, such as "anime_id" or "aid".

    Args:
        profiles: One a column.
        taken: Positions of columns with another role.
        user: Position of the user, whose other fields ("author.games" beside "author.id") are no products.

    Returns:
        Its position; None if no column, or no single one, looks like that.
    """
    taken = {*taken, *fields_of(user, profiles)}
    free = [
        at
        for at in range(len(profiles))
        if at not in taken
        and not is_excluded(profiles[at].meaning)
        and not names_count(profiles[at].meaning)
        and not names_price(profiles[at].meaning)
        and profiles[at].prices < _HALF_FULL
        and not _names_other(profiles[at].meaning, USER_WORD)
    ]
    named = [
        at
        for at in free
        if (has_id_word(profiles[at].meaning) or normalize_name(profiles[at].name).endswith("id"))
        and profiles[at].ids >= 0.9
        and profiles[at].filled >= _HALF_FULL  # rows of totals have none
        and profiles[at].n_distinct > 1
        and (profiles[at].repeated > 0.0 or len(profiles[at].cells) < MANY)  # numbers of rows and orders do not repeat
    ]
    full = [at for at in named if profiles[at].filled >= 0.9]
    named = full or named
    if not named:
        # Amounts of money repeat too, and so do sorts of rows.
        named = [at for at in _id_like(profiles, taken) if profiles[at].filled >= 0.9 and profiles[at].ids >= 0.9]
        named = [at for at in named if profiles[at].prices < _HALF_FULL and not names_price(profiles[at].meaning)]
        named = [at for at in named if not names_count(profiles[at].meaning)]
        named = [at for at in named if len(profiles[at].cells) < MANY or not are_sorts(profiles[at])]
    return named[0] if len(named) == 1 else None


def find_code(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> int | None:
    """Find the id of a catalogue's products whose name says "code" or "number" only: it does not repeat, and is full.

    Headings between products have neither a code nor a price.

    Args:
        profiles: One a column.
        taken: Positions of columns with another role.

    Returns:
        Its position; None if there is none.
    """
    priced = max((each.filled for each in profiles if each.money >= _MOST > each.integers), default=1.0)
    for at, profile in enumerate(profiles):
        is_full = profile.filled == 1.0 or (profile.filled >= _NEARLY_FULL and profile.filled >= priced)
        is_unique = profile.cells and is_full and profile.repeated < 0.02 and profile.ids >= 0.9
        if at not in taken and is_unique and has_id_word(profile.meaning) and not is_excluded(profile.meaning):
            return at
    return None


def _has_points(cell: str) -> bool:
    """Whether a cell has numbers with points between, and is no amount of money."""
    return "." in cell and cell.replace(".", "").isdecimal() and not _AMOUNT.fullmatch(cell)


def _id_like(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> list[int]:
    """Return free columns of ids that are many and repeat."""
    return [
        at
        for at, profile in enumerate(profiles)
        if at not in taken
        and not is_excluded(profile.meaning)
        and len(profile.cells) >= MANY
        and profile.filled >= _HALF_FULL
        and (profile.ids >= 0.9 or profile.share(_has_points) >= 0.9)
        and profile.n_distinct >= 3
        and profile.repeated >= 0.1
        and not (profile.integers >= 0.9 and max(len(cell) for cell in profile.cells) <= 1)
        and profile.years < 1.0
    ]
