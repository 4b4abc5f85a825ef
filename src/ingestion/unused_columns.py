"""Say aloud which columns look telling and are not used: kinds, states, flags, ratings. Pure."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from typing_extensions import override

from src.core.domain import EventKind
from src.ingestion.column_account import ColumnFate, Fate
from src.ingestion.column_names import (
    BRAND,
    CANCELLED,
    CATEGORY,
    GROUP,
    IMAGE,
    KIND,
    LINE_KIND,
    LISTED,
    PRICE,
    PRODUCT,
    QUANTITY,
    REFUNDED,
    STATE,
    TIME,
    TITLE,
    USER,
    VALUE,
    WITHDRAWN,
    number_of,
    role_of_name,
)
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_vocabulary import FILLER, PRODUCT_WORD, SALE_WORD, TYPE_WORD, USER_WORD
from src.ingestion.column_words import classes_of, has_id_word, is_excluded, role_by_words, words_of
from src.ingestion.event_kind_names import is_ignored_kind, kind_of, likely_kind
from src.ingestion.first_rows import FirstRows
from src.ingestion.layout import CLICKS, EVENTS, LAYOUTS, PAIRS, PRODUCTS, PURCHASES, RATINGS
from src.ingestion.no_products import SOLD, is_charge, line_kind
from src.ingestion.order_states import OrderState, is_kept_back, order_state

_MOST_CODES = 10
_MOST_NAMED = 5  # columns in one sentence
_FULL = 0.95
_MOST_SORTS, _MOSTLY = 6, 0.9
_HALF = 0.5
_DIGITS_OF_IDS = 5
_OF_CATALOGUE = (TITLE, CATEGORY, BRAND, PRICE, IMAGE, GROUP)
_OF_LOG = frozenset({TIME, QUANTITY, VALUE, KIND, STATE})
_OF_LINES = (USER, PRODUCT, QUANTITY, PRICE)
"""Roles whose cells the rows of one sort have and those of another lack; without the latter two a row counts."""
_DESCRIBES = frozenset({CATEGORY, BRAND})
"""Roles that a column of sorts of rows may have been taken for."""
_SORT = "sort"
"""In place of a role: the state, or the kind of line where another column has the state."""
_FEW = 2
_REPEATED = 0.4
_HIGHEST_POINTS = 100
_MOST_RATINGS, _HIGHEST_RATING = 21, 10  # different ratings; on scales such as 0.5 to 5 and 0 to 10
_SALES = frozenset({PURCHASES, PAIRS})
_OF_EVENTS = frozenset({PURCHASES, PAIRS, EVENTS, RATINGS, CLICKS})
_MEASURE = re.compile(r"\d+(?:[.,]\d+)?\s?[^\W\d_]{1,5}\.?")  # 350 g, 6 pcs
_SIGNS = re.compile("[,='\"\n]")
"""Characters that have a meaning in options."""
_NEGATIVE = re.compile(r"\s*[-\N{MINUS SIGN}]\s?\d[\d., ]*")
_NO_LOGS = frozenset(LAYOUTS) - {EVENTS, PRODUCTS}


class _Option(NamedTuple):
    """A column, written as the option that gives it a role."""

    first: FirstRows
    at: int
    sort: str

    @override
    def __format__(self, role: str) -> str:
        return self.first.option(self.sort if role == _SORT else role, self.at)


class _Telling(NamedTuple):
    """A look of columns that matters.

    Attributes:
        layouts: The layouts that it matters in.
        looks: Whether a column looks so.
        note: What is said; {columns} (names with cells) stands for all columns of this look, {option:ROLE} (which gives
            it the role), {one} and {two} (its oddest and its usual cell) for the first, {back} for the kind of event
            that the former may be, {charge} for its first cell that is no product, {none} for a meaning by which a row
            does not count, {unknown} for the words that are no known kinds, {undone} for those of what was undone where
            another column has the state, {loud} for a warning about a column that is named like sorts of rows, or says
            of some that count that they were undone.
        allowed: Roles that no option rules out.
        unread: The same, and no column has them.
        needed: Roles that a column has.
        unknown: Whether it matters only in columns that nothing else explains.
    """

    layouts: Collection[str]
    looks: Callable[[ColumnProfile], bool]
    note: str
    allowed: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    unknown: bool = False

    def fits(self, profile: ColumnProfile, fate: ColumnFate) -> bool:
        """Whether an unused column has this look."""
        return (fate.fate is Fate.UNKNOWN or not self.unknown) and self.looks(profile)

    def sentence(self, found: Sequence[int], first: FirstRows, sort: str) -> str:
        """Return what is said of all columns of this look.

        Args:
            found: Their positions.
            first: The first rows of the file that count.
            sort: The role by which some rows do not count.

        Returns:
            A sentence with an option.
        """
        found = sorted(found, key=lambda at: not _says_yes_or_no(first.profiles[at]))
        named = ", ".join(str(first.profiles[at]) for at in found[:_MOST_NAMED])
        named += f" and {len(found) - _MOST_NAMED} others" if len(found) > _MOST_NAMED else ""
        cells = [cell for cell in _oddest_first(found[0], first) if not _SIGNS.search(cell)] or ["WORD"]
        if _says_yes_or_no(first.profiles[found[0]]):
            is_done = order_state(first.profiles[found[0]].name) is OrderState.DONE
            cells.sort(key=lambda cell: is_kept_back(cell) is not is_done)  # "void": yes, "paid": no
        charge = next(filter(is_charge, cells), cells[0])
        undone = [cell for cell in cells if order_state(cell) is OrderState.UNDONE]
        unknown = [cell for cell in cells if not kind_of(cell) and not is_ignored_kind(cell)]
        return self.note.format(
            columns=named,
            option=_Option(first, found[0], sort),
            one=cells[0],
            back=(EventKind.RETURN if cells[0] in undone else EventKind.VIEW).value,
            two=cells[-1],
            charge=charge,
            loud="WARNING: "
            if any(_names_sorts(first.profiles[at]) or _counts_undone(at, first) for at in found)
            else "",
            undone=f" --words {shlex.quote(','.join(f'{cell}=none' for cell in undone))}" if sort != STATE else "",
            none="cancelled" if sort == STATE else "none",
            unknown=f" --words {shlex.quote(','.join(f'{cell}={likely_kind(cell)}' for cell in unknown))}"
            if unknown
            else "",
        )

    def concerns(self, layout: str, roles: Collection[str], ignored: Collection[str]) -> bool:
        """Tell whether it matters in a file.

        Args:
            layout: Of the file.
            roles: That a column has.
            ignored: Roles that an option rules out.

        Returns:
            Whether it does.
        """
        is_open = self.unread.isdisjoint({*roles, *ignored}) and self.allowed.isdisjoint(ignored)
        return layout in self.layouts and is_open and self.needed <= set(roles)


def unused_notes(
    layout: str,
    roles: Mapping[str, int],
    fates: Sequence[ColumnFate],
    first: FirstRows,
    ignored: Collection[str],
    counted: FirstRows,
    *,
    is_grouped: bool,
) -> list[str]:
    """Say which columns look telling and are not used.

    Args:
        layout: of the file.
        roles: role → position.
        fates: what became of each column.
        first: the first rows of the file.
        ignored: roles that an option rules out.
        counted: those of the first rows that count.
        is_grouped: whether rows belong to groups, so that some lack what the first one has.

    Returns:
        A sentence with an option for the columns of each look.
    """
    looks = [each for each in _LOOKS if each.concerns(layout, roles, ignored)]
    found: dict[int, list[int]] = {}
    for fate in fates:
        profile = first.profiles[fate.at]
        if fate.fate is Fate.USED or not profile.cells or profile.nested:
            continue
        number = next((n for n, each in enumerate(looks) if each.fits(profile, fate)), None)
        is_one = len({row[fate.at].strip() for row in counted.rows}) == 1  # in all rows that count
        if number is not None and not (looks[number].unknown and is_one):
            found.setdefault(number, []).append(fate.at)
    sort = LINE_KIND if STATE in roles and layout in (PURCHASES, EVENTS) else STATE
    notes = [looks[number].sentence(columns, counted, sort) for number, columns in sorted(found.items())]
    # Variants lack what their product has, but not every title.
    telling = {TITLE: roles[TITLE]} if is_grouped and TITLE in roles else {} if is_grouped else roles
    sorts = [] if KIND in roles else _sorts_of_rows(layout, telling, fates, counted)
    notes += _undone_in_lists(layout, fates, first)
    return [*notes, *_misfits(layout, roles, fates, first, ignored), *sorts]


def _undone_in_lists(layout: str, fates: Sequence[ColumnFate], first: FirstRows) -> list[str]:
    """Say that lists of what came back, within the objects of a JSON file, are not read."""
    if layout not in (PURCHASES, PAIRS):
        return []
    lists = [first.profiles[fate.at] for fate in fates if fate.fate is not Fate.USED and first.profiles[fate.at].nested]
    return [
        f"WARNING: {each.name!r} has lists or objects in {len(each.cells)} of the first {each.n_rows} rows, by its "
        "name of what was cancelled or came back, and is not read: if it is that, write how many came back into each "
        "line, as returned_quantity"
        for each in lists
        if order_state(each.name.rpartition(".")[2]) is OrderState.UNDONE
    ]


def _misfits(
    layout: str, roles: Collection[str], fates: Sequence[ColumnFate], first: FirstRows, ignored: Collection[str]
) -> list[str]:
    """Name the columns whose names promise what the file lacks, and whose cells are something else."""
    wanted = _OF_CATALOGUE if layout == PRODUCTS else _OF_LOG
    found = []
    for fate in fates:
        profile = first.profiles[fate.at]
        if fate.fate is Fate.USED or profile.n_distinct < 2:
            continue
        role = role_of_name(profile.meaning)
        if role in wanted and role not in {*roles, *ignored}:
            found.append(f"{profile} is named like the {role}, and its cells do not look so")
    return [f"{'; '.join(found)}: not used"] if found else []


def _sorts_of_rows(layout: str, roles: Mapping[str, int], fates: Sequence[ColumnFate], first: FirstRows) -> list[str]:
    """Name a column whose words tell rows that have a decisive cell from rows that do not, and that does not decide.

    Args:
        layout: Of the file.
        roles: Role → position.
        fates: What became of each column.
        first: The first rows of the file that count; what most of a catalogue is, and variants, are never doubted.

    Returns:
        A sentence with an option, or none.
    """
    decisive = [roles[role] for role in (_OF_CATALOGUE if layout == PRODUCTS else _OF_LINES) if role in roles]
    described = set() if layout == PRODUCTS else {at for role, at in roles.items() if role in _DESCRIBES}
    for fate in fates:
        profile = first.profiles[fate.at]
        is_sort = profile.is_enumeration and 1 < profile.n_distinct <= _MOST_SORTS and profile.filled >= _FULL
        if (
            (fate.fate is Fate.USED and fate.at not in described)
            or not is_sort
            or any(map(str.isdigit, "".join(profile.cells)))
        ):
            continue
        found = {cell: [row for row in first.rows if row[fate.at].strip() == cell] for cell in profile.cells}
        sorts = {cell: rows for cell, rows in found.items() if rows}
        for at in decisive:
            shares = {cell: sum(bool(row[at].strip()) for row in rows) / len(rows) for cell, rows in sorts.items()}
            full, empty = max(shares, key=lambda cell: shares[cell]), min(shares, key=lambda cell: shares[cell])
            lacking = [cell for cell in shares if shares[cell] <= 1 - _MOSTLY]
            if layout == PRODUCTS and (_has_main_sort(lacking, sorts) or any(map(_is_sort_of_products, lacking))):
                continue
            if shares[full] >= _MOSTLY and shares[empty] <= 1 - _MOSTLY and len(sorts[empty]) > 1:
                sort = LINE_KIND if STATE in roles and layout in (PURCHASES, EVENTS) else STATE
                what, word = ("a product", "hidden") if layout == PRODUCTS else ("an event", "none")
                words = ",".join(f"{cell}={word}" for cell in lacking)
                loud = "" if layout == PRODUCTS or at in (roles.get(USER), roles.get(PRODUCT)) else "WARNING: "
                return [
                    f"{loud}{profile} tells sorts of rows: those of {full!r} have {first.profiles[at].name!r}, those "
                    f"of {empty!r} have none, and each was taken for {what}; if some are none: "
                    f"{first.option(sort, fate.at)} --words {shlex.quote(words)}"
                ]
    return []


def _has_main_sort(lacking: Sequence[str], sorts: Mapping[str, Sequence[Sequence[str]]]) -> bool:
    """Whether most rows of a catalogue are of sorts that lack a cell: they are what the shop sells."""
    return sum(len(sorts[cell]) for cell in lacking) >= _HALF * sum(map(len, sorts.values()))


def _is_sort_of_products(cell: str) -> bool:
    """Whether a word names a sort of products, as "simple", "variable" and "variation" do."""
    return line_kind(cell) == SOLD


def _may_decide(profile: ColumnProfile) -> bool:
    """Whether the cells of a column may decide what a row counts for: words, flags or codes that repeat, or gaps."""
    if profile.n_distinct < 2:
        return profile.filled < _FULL and not profile.texts
    is_sparse_date = profile.times >= 0.9 and profile.filled < _FULL
    repeats = profile.repeated >= _REPEATED
    is_code = profile.numbers >= 0.9 and profile.n_distinct <= _MOST_CODES and repeats
    is_person = profile.share(lambda cell: "@" in cell) > 0.0
    is_measured = profile.share(_MEASURE.fullmatch) >= 0.5
    return is_sparse_date or is_code or (profile.is_enumeration and repeats and not is_person and not is_measured)


def _says_yes_or_no(profile: ColumnProfile) -> bool:
    """Whether a column has two words, of which one means yes and one no."""
    return profile.n_distinct == 2 and {is_kept_back(cell) for cell in set(profile.cells)} == {True, False}


def _oddest_first(at: int, first: FirstRows) -> list[str]:
    """Return the different cells of a column: those of negative amounts, then of what was undone, then the rarest."""
    filled = set(first.profiles[at].cells)
    counts = Counter(cell for row in first.rows if (cell := row[at].strip()) in filled)
    negative = Counter(row[at].strip() for row in first.rows if any(map(_NEGATIVE.fullmatch, row)))

    def oddity(cell: str) -> tuple[bool, bool, int]:
        return 2 * negative[cell] <= counts[cell], order_state(cell) is not OrderState.UNDONE, counts[cell]

    return sorted(counts, key=oddity)


def _is_mark(profile: ColumnProfile) -> bool:
    """Whether the filled cells of a column are dates, or crosses."""
    return profile.times >= 0.9 or {cell.lower() for cell in profile.cells} <= {"x", "*", "1", "✓", "✗"}


def _has_kinds(profile: ColumnProfile) -> bool:
    """Whether most cells are kinds of events, or words are views, carts or returns among a few unknown ones."""
    if profile.n_kinds == 0 or profile.n_distinct < 2:
        return False
    others = {kind_of(cell) for cell in set(profile.cells)} - {"", EventKind.PURCHASE, EventKind.RATING}
    is_state = profile.states >= 0.5  # "returned" is a state too
    return profile.kinds >= 0.5 if profile.n_kinds > 1 else bool(others) and not is_state


def _names_kinds(profile: ColumnProfile) -> bool:
    """Whether a column is named like kinds of events, and has a few words of which none is known."""
    return profile.is_enumeration and profile.n_distinct > 1 and KIND in classes_of(profile.meaning)


def _names_sorts(profile: ColumnProfile) -> bool:
    """Whether a column is named like sorts or types, and nothing says of what but of the row."""
    classes = set(classes_of(profile.meaning))
    return TYPE_WORD in classes and not classes & {PRODUCT_WORD, USER_WORD} and profile.n_distinct > 1


def _counts_undone(at: int, first: FirstRows) -> bool:
    """Whether the words of a column say of several rows that count, and not of most, that they were undone."""
    found = [order_state(row[at]) for row in first.rows] if first.profiles[at].is_enumeration else []
    return 1 < found.count(OrderState.UNDONE) < _HALF * len(found)


def _is_flag(profile: ColumnProfile) -> bool:
    """Whether a column of unknown name has words, or 0 and 1, for yes and no."""
    meanings = {is_kept_back(cell) for cell in set(profile.cells) if len(cell) > 1 or cell in "01yYnNjJ"}
    few = profile.is_enumeration or (set(profile.cells) == {"0", "1"} and len(profile.cells) >= _FEW)
    return (
        {True, False} <= meanings
        and few
        and profile.listings >= 0.5
        and not set(classes_of(profile.meaning)) - {None, FILLER}
    )


def says_on_sale(profile: ColumnProfile) -> bool:
    """Return whether a column says yes or no, and its name that this is about a sale."""
    meanings = {is_kept_back(cell) for cell in set(profile.cells)}
    is_of_sale = SALE_WORD in classes_of(profile.meaning) or "sale" in words_of(profile.meaning)
    return is_of_sale and meanings == {True, False} and profile.listings == 1.0


def _may_be_ratings(profile: ColumnProfile) -> bool:
    """Whether a column has few different small numbers, more than two, as ratings are."""
    if (
        len(profile.cells) < MANY
        or profile.numbers < 0.9
        or is_excluded(profile.meaning)
        or has_id_word(profile.meaning)
    ):
        return False
    numbers = [number for cell in set(profile.cells) if (number := number_of(cell)) is not None]
    return 2 < len(numbers) <= _MOST_RATINGS and min(numbers) >= 0 and max(numbers) <= _HIGHEST_RATING


def may_be_points(profile: ColumnProfile) -> bool:
    """Return whether a column has numbers up to 100 that repeat, as ratings on any scale do, and no money."""
    is_numeric = len(profile.cells) >= MANY and profile.numbers == 1.0 and profile.n_distinct > 2
    if not is_numeric or profile.repeated < _REPEATED or has_id_word(profile.meaning):
        return False
    numbers = [number for cell in set(profile.cells) if (number := number_of(cell)) is not None]
    is_money = PRICE in classes_of(profile.meaning) or profile.share(lambda cell: cell[-3:-2] in (".", ",")) >= 0.5
    return not is_money and min(numbers) >= 0 and max(numbers) <= _HIGHEST_POINTS


def _may_be_counts(profile: ColumnProfile) -> bool:
    """Whether a column has many different numbers that are no ids, as plays, minutes and hours are."""
    if (
        len(profile.cells) < MANY
        or profile.numbers < 1.0
        or is_excluded(profile.meaning)
        or has_id_word(profile.meaning)
    ):
        return False
    is_long = profile.integers == 1.0 and min(map(len, profile.cells)) >= _DIGITS_OF_IDS  # as ids are
    return (
        profile.n_distinct > 2 and not is_long and any(cell[:1] != "-" and cell.strip("0.") for cell in profile.cells)
    )


def has_undone(profile: ColumnProfile) -> bool:
    """Return whether most cells are states of orders, some of them cancelled or returned."""
    states = {order_state(cell) for cell in set(profile.cells)}
    return profile.is_enumeration and profile.states >= 0.5 and OrderState.UNDONE in states


def _names_listing(profile: ColumnProfile) -> bool:
    """Whether a column is named like the state of a product, or like whether it is shown."""
    role = role_by_words(profile.meaning)
    return says_state(profile) or (role is not None and role[0] == LISTED)


def says_state(profile: ColumnProfile) -> bool:
    """Return whether a column is named like states of orders."""
    role = role_by_words(profile.meaning)
    is_named = role is not None and role[0] in (STATE, CANCELLED, REFUNDED)
    return is_named and not is_excluded(profile.meaning)


_LOOKS = (
    _Telling(
        _NO_LOGS,
        lambda profile: profile.is_enumeration and _has_kinds(profile),
        "WARNING: {columns} looks like kinds of events and is not used; to use it: --layout events "
        "{option:kind}{unknown}",
        allowed=frozenset({KIND}),
    ),
    _Telling(
        {PRODUCTS},
        lambda profile: profile.is_enumeration and _has_kinds(profile),
        "{columns} looks like kinds of events and is not used, as no column says whose; if one does: --layout events "
        "{option:user=COLUMN,kind}",
        allowed=frozenset({KIND}),
    ),
    _Telling(
        _OF_EVENTS,
        lambda profile: says_state(profile) and profile.n_distinct > 1,
        "{columns} seems to say what became of an order, and its words are not known: every row counts; if "
        "some must not: {option:state} --words '{one}=cancelled'",
        unread=frozenset({STATE}),
    ),
    _Telling(
        _OF_EVENTS,
        has_undone,
        "{loud}{columns} is not used; if its rows of cancelled or returned orders must not count: "
        "{option:sort}{undone}",
        allowed=frozenset({STATE}),
    ),
    _Telling(
        {PAIRS},
        _may_be_ratings,
        "{columns} has numbers that may be ratings and is not used; if they are: --layout ratings {option:rating}",
    ),
    _Telling(
        {PRODUCTS},
        lambda profile: _names_listing(profile) and profile.is_enumeration and profile.n_distinct > 1,
        "{columns} seems to say which products are kept back, and its words are not known: all are listed; if some "
        "must not be: {option:listed} --words '{one}=hidden'",
        unread=frozenset({LISTED, STATE}),
    ),
    _Telling(
        {PRODUCTS},
        lambda profile: _may_be_ratings(profile) and (role_by_words(profile.meaning) or ("",))[0] == VALUE,
        "{columns} has ratings, and no column says who gave them: not used; if rows are ratings: --columns user=COLUMN",
        unread=frozenset({USER}),
    ),
    _Telling(
        {PRODUCTS},
        lambda profile: profile.is_enumeration and 0.0 < profile.share(is_charge) < 0.5,
        "WARNING: {columns} is not used; if those of {charge!r} are no products: {option:state} --words "
        "'{charge}=hidden'",
        allowed=frozenset({STATE}),
    ),
    _Telling(
        {PRODUCTS},
        _is_flag,
        "{columns} is not used; if it says which products are shown: {option:listed}",
        unread=frozenset({LISTED}),
    ),
    _Telling(
        {PAIRS},
        _may_be_counts,
        "{columns} has numbers and is not used: every row counts alike; if they say how many or how often: --layout "
        "purchases {option:quantity}",
        unread=frozenset({QUANTITY}),
        unknown=True,
    ),
    _Telling(
        _SALES,
        lambda profile: profile.is_enumeration and 0.0 < profile.share(is_charge) < 1.0,
        "{columns} is not used; if some of its rows are no products: {option:sort} --words '{charge}=none'",
        allowed=frozenset({STATE}),
    ),
    _Telling(
        _SALES,
        lambda profile: _names_kinds(profile) or _may_decide(profile),
        "{loud}{columns} is not understood and not used: every row counts alike; if some of its rows must not count: "
        "{option:sort} --words '{one}={none}'; if it tells kinds of events: --layout events "
        "{option:kind} --words '{one}={back},{two}=purchase'",
        allowed=frozenset({STATE}),
        unknown=True,
    ),
    _Telling(
        _OF_EVENTS,
        _may_decide,
        "{columns} is not understood and not used; if some of its rows must not count: {option:sort} "
        "--words '{one}={none}'",
        allowed=frozenset({STATE}),
        unknown=True,
    ),
    _Telling(
        {PRODUCTS},
        lambda profile: _FEW <= len(profile.cells) < _FULL * profile.n_rows and _is_mark(profile),
        "{columns} is filled for some products only, not understood and not used; if it says which products are kept "
        "back: {option:withdrawn}",
        allowed=frozenset({WITHDRAWN}),
        unknown=True,
    ),
)
"""Of several that a column has, the first is said."""
