"""Find the role of each column by its name and its cells together. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from src.core.domain import EventKind
from src.ingestion.column_names import (
    BRAND,
    CANCELLED,
    CATEGORY,
    CLOCK,
    DESCRIPTION,
    EVENT_ID,
    GROUP,
    IMAGE,
    INVOICE,
    KIND,
    LINE_KIND,
    LISTED,
    MARK,
    NOT_SENT,
    PART_OF,
    PRICE,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    REFUNDED,
    RETURNED,
    SALE_PRICE,
    STATE,
    STOCK,
    TIME,
    TITLE,
    TOTAL,
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
    image_size,
    is_act_of_sale,
    is_excluded,
    names_a_visit,
    names_unknown_id,
    plain_letters,
    role_by_words,
    words_of,
)
from src.ingestion.event_kind_names import kind_of
from src.ingestion.no_products import NOT_SOLD, PART_OF_SET, SOLD, line_kind
from src.ingestion.order_states import OrderState, order_state
from src.ingestion.piece_counts import is_pieces
from src.ingestion.product_cleaning import stock_in
from src.ingestion.rating_scales import scale_in_name, without_whole
from src.ingestion.worded_ratings import rating_in_words
from src.ingestion.written_dates import written_date

_AMOUNT = re.compile(r"\d+\.\d{1,2}", re.ASCII)
_IDS = (USER, PRODUCT, INVOICE, EVENT_ID, MARK, GROUP)
_EXACT, _LOOK = 1.0, 0.2
_HALF_FULL = 0.5
_FEW_PIECES = _FEW_SORTS = 5
_EXCLUDED_FROM_LOOK = {USER_WORD, PRODUCT_WORD}
_EPOCH_DIGITS = 10
_LONGEST_DAY = len("31 de septiembre de 2026")
_CLOCK_NUMBER = re.compile(r"(?:[01]?\d|2[0-3])\.?[0-5]\d(?:\.?[0-5]\d)?")  # 905, 1405, 14.05, 140530
_PADDED_CLOCK = re.compile(r"(?:[01]\d|2[0-3])\.[0-5]\d(?:\.[0-5]\d)?")
_WORDS_OF_FLAGS = "y n t f yes no true false ja nein j oui non si nee tak nie sim nao nej evet hayir"
_FLAGS = frozenset(_WORDS_OF_FLAGS.split())
_BITS = _FLAGS | {"0", "1"}
_PLACES = frozenset({"position", "pos", "positions", "line", "lines", "no", "nr", "number", "rang", "rank"})
_WORDS_OF_AUTHORS = "author autor auteur autore autora verfasser schrijver forfatter forfattare kirjoittaja автор"
_AUTHORS = frozenset(_WORDS_OF_AUTHORS.split())
_MAKERS = frozenset(["artist", "artists", "artiste", "artista", "kunstler", "interpret", "interprete"])
_COLLECTIONS = frozenset(["album", "albums", "series"])
_WORDS_WITHOUT_TAXES = "excl excluded excluding ex ht netto net 税抜 sem sans without ohne exkl uden utan bez"
_WITHOUT_TAXES = frozenset(_WORDS_WITHOUT_TAXES.split())
_PLAIN_NAME = 0.65  # confidence in a column called "name", which may be that of a customer
_UNIVERSAL = frozenset({"ean", "isbn", "gtin", "upc", "barcode"})
"""Codes of a product in all shops, which come after its id in this one."""
_EXACT_TIME = 0.35  # how much a time with a clock is preferred to a day


@dataclass(frozen=True)
class RoleColumn:
    """A column that may have a role.

    Attributes:
        at: Its position.
        confidence: How well its name and its cells fit the role, from 0 to 1.
        is_named: Whether its name is one of the known names.
        filled: Share of rows in which it is not empty.
    """

    at: int
    confidence: float
    is_named: bool
    filled: float


Roles = dict[str, list[RoleColumn]]


def free_columns(roles: Roles, positions: Collection[int]) -> None:
    """Take columns out of all roles, and out of the roles those that have no other column.

    Args:
        roles: Role → its possible columns; changed.
        positions: Of the columns.
    """
    for columns in roles.values():
        columns[:] = [column for column in columns if column.at not in positions]
    for role in [role for role, columns in roles.items() if not columns]:
        del roles[role]


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
        if role not in ignored and role not in roles and (at := _by_cells(role, profiles, taken)) is not None:
            roles[role] = [RoleColumn(at, 0.9, False, profiles[at].filled)]
            taken.add(at)
    for role, columns in roles.items():
        exact_times = [at for at, profile in enumerate(profiles) if role == TIME and not _is_day_only(profile)]
        columns.sort(key=lambda column: -_preference(column) - (_EXACT_TIME if column.at in exact_times else 0.0))
    if USER in roles and USER not in given:  # who comes again is told by the visitor, not by the visit
        roles[USER].sort(key=lambda c: c.filled >= _HALF_FULL and names_a_visit(profiles[c.at].name))
    if PRICE in roles and PRICE not in given:  # customers pay what is with taxes
        roles[PRICE].sort(key=lambda c: _is_without_taxes(profiles[c.at].name))
    if STATE in roles and STATE not in given:  # words say what codes beside them mean
        roles[STATE].sort(key=lambda c: profiles[c.at].numbers >= _HALF_FULL)
    if IMAGE in roles and IMAGE not in given:
        roles[IMAGE].sort(key=lambda c: (c.filled < _HALF_FULL, -image_size(profiles[c.at].name)))
    if BRAND in roles and USER not in {*roles, *ignored}:
        _settle_author(roles, profiles)
    if PRODUCT in roles and PRODUCT not in given:
        _settle_products(roles, profiles)
    _settle_clock(roles, profiles, ignored, given.values())
    _settle_units(roles, profiles, {*given, *ignored}, given.values())
    return roles


def _settle_author(roles: Roles, profiles: Sequence[ColumnProfile]) -> None:
    """Take the author for the user, where ratings stand beside it and nothing else names a user: she wrote them.

    The id of an author ("author.steamid") is enough where rows have times and nothing describes a product.
    Where no product is rated twice, she wrote the product: a catalogue of books has an average rating of each.
    """
    authors = [column for column in roles[BRAND] if not _AUTHORS.isdisjoint(words_of(profiles[column.at].name))]
    if VALUE not in roles:
        is_log = TIME in roles and {TITLE, PRICE}.isdisjoint(roles)
        authors = [each for each in authors if is_log and names_unknown_id(words_of(profiles[each.at].name)[-1])]
    rated = profiles[roles[PRODUCT][0].at] if PRODUCT in roles else None
    if authors and not (rated and len(rated.cells) >= MANY and rated.n_distinct == len(rated.cells)):
        roles[USER] = [replace(column, is_named=False) for column in authors]
        roles[BRAND] = [column for column in roles[BRAND] if column not in authors]
        if not roles[BRAND]:
            del roles[BRAND]


def _settle_products(roles: Roles, profiles: Sequence[ColumnProfile]) -> None:
    """Drop products that are fields of the user, and prefer a track to its album, and both to their artist."""
    if USER in roles:
        fields = _fields_of(roles[USER][0].at, profiles)
        roles[PRODUCT] = [column for column in roles[PRODUCT] if column.at not in fields]
    named = [set(words_of(profiles[column.at].name)) for column in roles[PRODUCT]]
    if any(not _MAKERS.isdisjoint(words) for words in named[:1]):
        roles[PRODUCT].sort(key=lambda column: _rank_of_work(profiles[column.at].name))
    if not roles[PRODUCT]:
        del roles[PRODUCT]


def _rank_of_work(name: str) -> int:
    words = set(words_of(name))
    return 2 if not _MAKERS.isdisjoint(words) else 1 if not _COLLECTIONS.isdisjoint(words) else 0


def _fields_of(user: int, profiles: Sequence[ColumnProfile]) -> set[int]:
    """Return the columns of the object that holds the user, such as "author.games" beside "author.id"."""
    whole, point, _ = profiles[user].name.rpartition(".")
    last = whole.rpartition(".")[2]
    if not point or (_AUTHORS.isdisjoint(words_of(last)) and USER_WORD not in classes_of(last)):
        return set()
    return {at for at, profile in enumerate(profiles) if at != user and profile.name.startswith(f"{whole}.")}


def _settle_units(
    roles: Roles, profiles: Sequence[ColumnProfile], settled: Collection[str], given: Collection[int]
) -> None:
    """Take a column of few pieces that is called "ordered" for the quantity, and "returned" beside it for its returns.

    Args:
        roles: Role → columns; changed.
        profiles: One a column.
        settled: Roles that options tell.
        given: Positions of columns that options name.
    """
    if QUANTITY not in {*roles, *settled} and {USER, INVOICE} & roles.keys():
        acts = [at for at, each in enumerate(profiles) if is_act_of_sale(each.name) and at not in given]
        pieces = [at for at in acts if _fit_of_amount(profiles[at]) and profiles[at].share(_is_counted) >= _HALF_FULL]
        pieces = [at for at in pieces if set(profiles[at].cells) - {"0", "1"}]  # flags
        free_columns(roles, pieces)
        roles |= {QUANTITY: [RoleColumn(at, 0.5, False, profiles[at].filled) for at in pieces]} if pieces else {}
    if RETURNED in roles and {QUANTITY, RETURNED}.isdisjoint(settled) and QUANTITY not in roles:
        back = profiles[roles[RETURNED][0].at]
        if back.filled == 1.0 == back.share(_is_counted):  # a file of returns: each row has some
            roles[QUANTITY] = roles.pop(RETURNED)
    if len(roles.get(RETURNED, ())) > 1 and {RETURNED, NOT_SENT}.isdisjoint({*settled, *(roles.keys() - {RETURNED})}):
        roles[NOT_SENT] = [roles[RETURNED].pop()]  # cancelled pieces beside those that came back
    if {QUANTITY, REFUNDED} <= roles.keys() and not {RETURNED, REFUNDED} & {*settled, *(roles.keys() - {REFUNDED})}:
        sold, back = profiles[roles[QUANTITY][0].at], profiles[roles[REFUNDED][0].at]
        if _are_returns(sold, back):
            roles[RETURNED] = roles.pop(REFUNDED)[:1]


def _is_without_taxes(name: str) -> bool:
    return not _WITHOUT_TAXES.isdisjoint(re.split(r"[\W_]+", plain_letters(name)))


def _is_counted(cell: str) -> bool:
    return cell.isdecimal() and cell != "0"


def _are_returns(sold: ColumnProfile, back: ColumnProfile) -> bool:
    """Whether each cell of a column is no more than the pieces that were sold, so that it counts pieces too."""
    if min(sold.filled, back.filled) < 1.0 or min(sold.integers, back.integers) < 1.0 or len(back.cells) < MANY:
        return False
    pairs = [(float(out), float(again)) for out, again in zip(sold.cells, back.cells, strict=True)]
    return any(again for _, again in pairs) and all(0.0 <= again <= out for out, again in pairs)


def _preference(column: RoleColumn) -> float:
    """Return how much a column is preferred for its role: a column that is mostly empty comes after a full one."""
    return column.confidence * (1.0 if column.filled >= _HALF_FULL else 0.1 + column.filled)


def _by_name(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> list[tuple[str, RoleColumn]]:
    """Return roles by known names, and by the words of other names, of the columns whose cells fit."""
    names = [profile.name for profile in profiles]
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
        worded = role_by_words(profile.name)
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
    return cells <= _FLAGS or (cells <= {"0", "1"} and words_of(profile.name)[:1] in (["is"], ["was"], ["ist"]))


def fit(role: str, profile: ColumnProfile, *, is_named: bool) -> float:
    """Return how well the cells of a column fit a role that its name suggests.

    Args:
        role: The role.
        profile: The column.
        is_named: Whether the name is one of the known names, which is trusted where cells say little.

    Returns:
        From 0, where the cells rule the role out, to 1.
    """
    if not profile.cells:
        return 1.0
    weak = 0.3 if is_named else 0.0
    if role in _IDS:
        is_place = role == PRODUCT and _PLACES.issuperset(words_of(profile.name)) and _counts_places(profile)
        is_flag = role == GROUP and len(profile.cells) >= MANY and {*map(plain_letters, profile.cells)} <= _BITS
        return 0.0 if is_place or is_flag else _fit_of_ids(profile, is_named)
    shares = {
        TIME: max(profile.times, profile.excel_days, 0.0 if profile.clocks >= _HALF_FULL else weak),
        CLOCK: max(profile.clocks, profile.integers),
        KIND: profile.kinds,
        STATE: max(
            profile.states, profile.listings, 0.5 if profile.integers >= 0.9 and profile.n_distinct <= MANY else 0.0
        ),
        VALUE: max(profile.share(lambda cell: is_number(without_whole(cell))), profile.share(rating_in_words), weak),
        RETURNED: profile.numbers,
        NOT_SENT: profile.numbers,
        PART_OF: profile.ids,
        QUANTITY: max(profile.numbers, profile.share(is_pieces), weak)
        if "amount" not in words_of(profile.name)
        else _fit_of_amount(profile),
        PRICE: max(profile.money, weak if not profile.nested else 1.0),
        SALE_PRICE: max(profile.money, weak),
        REFUNDED: profile.money,
        TOTAL: profile.money,
        PURCHASED: 1.0,
    }
    if role == KIND and profile.kinds < _HALF_FULL:
        return 0.5 if profile.is_enumeration and (is_named or profile.kinds > 0.0) else 0.0
    if role == LISTED and max(profile.times, profile.texts, profile.urls) >= _HALF_FULL:
        return 0.0
    if role == LINE_KIND:
        return 1.0 if {line_kind(cell) for cell in set(profile.cells)} & {NOT_SOLD, PART_OF_SET} else 0.0
    if role == CANCELLED:
        return 1.0 if profile.times or profile.is_enumeration or profile.integers else 0.0
    if role in shares:
        share = shares[role]
        return (1.0 if share >= _HALF_FULL else share) if share > 0.05 else 0.0
    if role in (TITLE, BRAND, CATEGORY) and profile.times >= _HALF_FULL:
        return 0.0
    if role in (TITLE, DESCRIPTION) and max(profile.urls, profile.objects) >= _HALF_FULL:
        return 0.0
    return 1.0 if is_named or profile.nested else _fit_of_attribute(role, profile)


def _counts_places(profile: ColumnProfile) -> bool:
    """Whether a column has the numbers from 0 or 1 on, as places in a list or lines of an order have."""
    numbers = {int(cell) for cell in profile.cells if cell.isdecimal() and len(cell) <= len("999")}
    is_whole = profile.integers == 1.0 and bool(numbers)
    return is_whole and min(numbers) < 2 and max(numbers) - min(numbers) < 2 * len(numbers)


def _fit_of_ids(profile: ColumnProfile, is_named: bool) -> float:
    if profile.nested:  # the rows of such a column are rejected one by one, with their lines
        return 0.1 if is_named else 0.0
    if profile.texts >= _HALF_FULL:
        return 0.2
    if is_named:
        return 1.0
    if profile.urls >= _HALF_FULL or (profile.times >= 0.8 and not has_id_word(profile.name)):
        return 0.0
    # Some ids have a point: "1000.170".
    return 0.8 if profile.numbers >= 0.9 > profile.integers else 1.0


def _fit_of_amount(profile: ColumnProfile) -> float:
    """Return 1.0 for small whole numbers: an amount of pieces, not of money."""
    numbers = sorted(int(cell) for cell in profile.cells if cell.isdecimal() and len(cell) < 9)
    is_pieces = profile.integers >= 0.95 and bool(numbers) and numbers[len(numbers) // 2] <= _FEW_PIECES
    return 1.0 if is_pieces else 0.0


def _fit_of_attribute(role: str, profile: ColumnProfile) -> float:
    if role == IMAGE:
        return 1.0 if profile.share(lambda cell: "/" in cell or "." in cell) >= _HALF_FULL else 0.0
    if role in (TITLE, CATEGORY) and (profile.numbers >= 0.9 or profile.urls >= _HALF_FULL):
        return 0.0
    if role == CATEGORY and TYPE_WORD in classes_of(profile.name) and profile.n_distinct < 2 <= len(profile.cells):
        return 0.0
    if role == STOCK and max(profile.numbers, profile.share(lambda cell: stock_in(cell) is not None)) < _HALF_FULL:
        return 0.0
    return 1.0


def _by_cells(role: str, profiles: Sequence[ColumnProfile], taken: Collection[int]) -> int | None:
    """Return the free column whose cells are kinds of events, or states of orders; None if there is none."""
    for at, profile in enumerate(profiles):
        if at in taken or not profile.cells or profile.nested or is_excluded(profile.name):
            continue
        if role == TIME:
            is_time = profile.times >= 0.9 or (profile.excel_days >= 0.95 and profile.integers < _HALF_FULL)
            if is_time and not _EXCLUDED_FROM_LOOK & set(classes_of(profile.name)):
                return at
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


def _are_numbered(profile: ColumnProfile) -> bool:
    """Whether cells differ in their numbers only, as ids such as "order-5101" do."""
    return profile.n_distinct > 2 and len({re.sub(r"\d+", "", cell) for cell in profile.cells}) == 1


def _may_be_of_orders(profile: ColumnProfile) -> bool:
    """Whether states are those of orders: not of persons, who are new or return, and some of orders that count."""
    found = {order_state(cell) for cell in set(profile.cells)} - {None}
    return USER_WORD not in classes_of(profile.name) and (OrderState.DONE in found or len(found) == 1)


def _tells_done_from_undone(profile: ColumnProfile) -> bool:
    """Whether most words are states, some of orders that count and some of orders that do not."""
    found = {order_state(cell) for cell in set(profile.cells)}
    return profile.states >= _HALF_FULL and {OrderState.DONE, OrderState.UNDONE} <= found


def _settle_clock(
    roles: Roles, profiles: Sequence[ColumnProfile], ignored: Collection[str], given: Collection[int]
) -> None:
    """Take a column of times of day for the clock of the day beside it, and drop it where no day stands beside it.

    Args:
        roles: Role → columns; changed.
        profiles: One a column.
        ignored: Roles that have no column.
        given: Positions of columns that options name.
    """
    free = [at for at, profile in enumerate(profiles) if profile.cells and not is_excluded(profile.name)]
    clocks = [at for at in free if profiles[at].clocks >= _HALF_FULL]
    named = [column for column in roles.pop(CLOCK, []) if column.at in clocks]
    roles[TIME] = [column for column in roles.get(TIME, []) if column.at not in clocks]
    if not roles[TIME]:
        del roles[TIME]
        return
    if CLOCK in ignored or not _is_day_only(profiles[roles[TIME][0].at]):
        return
    of_times = [at for at in free if at != roles[TIME][0].at and TIME in classes_of(profiles[at].name)]
    clocks = clocks or [at for at in of_times if profiles[at].share(_is_clock_number) >= 0.95 > profiles[at].years]
    beside = {roles[TIME][0].at - 1, roles[TIME][0].at + 1}.difference(given)
    clocks = clocks or [at for at in free if at in beside and _are_padded_clocks(profiles[at])]
    if clocks:
        at = named[0].at if named else clocks[0]
        roles[CLOCK] = [RoleColumn(at, 1.0, bool(named), profiles[at].filled)]
        roles[TIME] = [column for column in roles[TIME] if column.at != at]


def _is_clock_number(cell: str) -> bool:
    return _CLOCK_NUMBER.fullmatch(cell) is not None


def _are_padded_clocks(profile: ColumnProfile) -> bool:
    """Whether all cells are as 08.05 and 17.40: prices have no zero before their units, and more than 59 hundredths."""
    is_whole = len(profile.cells) >= MANY and profile.share(_PADDED_CLOCK.fullmatch) == 1.0
    return is_whole and any(cell.startswith("0") and not cell.startswith("00") for cell in profile.cells)


def _is_day_only(profile: ColumnProfile) -> bool:
    return profile.share(lambda cell: ":" not in cell and _is_short(cell) and not _is_epoch(cell)) >= _HALF_FULL


def _is_short(cell: str) -> bool:
    """Whether nothing stands beside the day; the names of months, unlike those of zones, are no capitals."""
    return len(cell) <= len("31. 12. 2026") or (written_date(cell) != "" and len(cell) <= _LONGEST_DAY)


def _is_epoch(cell: str) -> bool:
    return cell.isdecimal() and len(cell) >= _EPOCH_DIGITS


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
        if not _names_other(profiles[at].name, PRODUCT_WORD)
        and {KIND, QUANTITY}.isdisjoint(classes_of(profiles[at].name))
        and not kind_of(profiles[at].name)  # a report's "clicks"
        and not _are_sorts(profiles[at])
        and not names_attributes(at, profiles)
    ]
    of_users = [at for at in found if USER_WORD in classes_of(profiles[at].name)]
    named = [at for at in of_users or found if has_id_word(profiles[at].name)]
    found = named or of_users or found
    return found[0] if len(found) == 1 else None


def _are_sorts(profile: ColumnProfile) -> bool:
    """Whether a column has a few words without numbers in them: places, or sorts of rows."""
    return profile.n_distinct <= _FEW_SORTS and not any(map(str.isdigit, "".join(profile.cells)))


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
    taken = {*taken, *_fields_of(user, profiles)}
    free = [
        at
        for at in range(len(profiles))
        if at not in taken and not is_excluded(profiles[at].name) and not _names_other(profiles[at].name, USER_WORD)
    ]
    named = [
        at
        for at in free
        if (has_id_word(profiles[at].name) or normalize_name(profiles[at].name).endswith("id"))
        and profiles[at].ids >= 0.9
        and profiles[at].filled >= _HALF_FULL  # rows of totals have none
        and profiles[at].n_distinct > 1
        and (profiles[at].repeated > 0.0 or len(profiles[at].cells) < MANY)  # numbers of rows and orders do not repeat
    ]
    full = [at for at in named if profiles[at].filled >= 0.9]
    named = full or named
    if not named:
        # Amounts of money repeat too.
        named = [at for at in _id_like(profiles, taken) if profiles[at].filled >= 0.9 and profiles[at].ids >= 0.9]
    return named[0] if len(named) == 1 else None


def find_code(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> int | None:
    """Find the id of a catalogue's products whose name says "code" or "number" only: it is full, and does not repeat.

    Args:
        profiles: One a column.
        taken: Positions of columns with another role.

    Returns:
        Its position; None if there is none.
    """
    for at, profile in enumerate(profiles):
        is_unique = profile.cells and profile.filled == 1.0 and profile.repeated < 0.02 and profile.ids >= 0.9
        if at not in taken and is_unique and has_id_word(profile.name) and not is_excluded(profile.name):
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
        and not is_excluded(profile.name)
        and len(profile.cells) >= MANY
        and profile.filled >= _HALF_FULL
        and (profile.ids >= 0.9 or profile.share(_has_points) >= 0.9)
        and profile.n_distinct >= 3
        and profile.repeated >= 0.1
        and not (profile.integers >= 0.9 and max(len(cell) for cell in profile.cells) <= 1)
        and profile.years < 1.0
    ]
