"""Say aloud which columns look telling and are not used: kinds, states, flags, ratings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from src.core.domain import EventKind
from src.ingestion.column_names import (
    CANCELLED,
    INVOICE,
    KIND,
    LISTED,
    REFUNDED,
    SALE_PRICE,
    STATE,
    candidates,
    is_number,
)
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_vocabulary import SALE_WORD
from src.ingestion.column_words import classes_of, has_id_word, is_excluded, role_by_words, words_of
from src.ingestion.event_kind_names import kind_of
from src.ingestion.layout import EVENTS, LAYOUTS, PAIRS, PRODUCTS, PURCHASES
from src.ingestion.order_states import OrderState, is_kept_back, order_state

_MOST_CODES = 10
_MOST_RATINGS, _HIGHEST_RATING = 21, 10  # different ratings; on scales such as 0.5 to 5 and 0 to 10
_SALES = frozenset({PURCHASES, PAIRS})
_NO_LOGS = frozenset(LAYOUTS) - {EVENTS}


class _Telling(NamedTuple):
    """A look of columns that matters.

    Attributes:
        layouts: The layouts that it matters in.
        looks: Whether a column looks so.
        note: What is said of it; {name}, {shown} (three cells), {one} and {two} (cells) stand for the column.
        allowed: Roles that no option rules out.
        unread: The same, and no column has them.
        needed: Roles that a column has.
    """

    layouts: Collection[str]
    looks: Callable[[ColumnProfile], bool]
    note: str
    allowed: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()

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
    roles: Collection[str],
    used: Collection[int],
    profiles: Sequence[ColumnProfile],
    ignored: Collection[str],
) -> list[str]:
    """Say which columns look telling and are not used.

    Args:
        layout: of the file.
        roles: that a column has.
        used: positions of the columns that are read.
        profiles: of all columns.
        ignored: roles that an option rules out.

    Returns:
        A sentence with an option for each such column.
    """
    notes = []
    looks = [each for each in _LOOKS if each.concerns(layout, roles, ignored)]
    for at, profile in enumerate(profiles):
        if at in used or not profile.cells or profile.nested:
            continue
        found = next((each for each in looks if each.looks(profile)), None)
        if found is not None:
            one, *others = dict.fromkeys(profile.cells)
            shown = ", ".join(map(repr, [one, *others[:2]]))
            notes.append(found.note.format(name=profile.name, shown=shown, one=one, two="".join(others[:1])))
    return notes


def _is_unknown_enumeration(profile: ColumnProfile) -> bool:
    """Whether a column of unknown name has a few words that repeat, as kinds of events do."""
    is_known = any(classes_of(profile.name)) or candidates([profile.name])
    few = 1 < profile.n_distinct <= _MOST_CODES and len(profile.cells) >= MANY
    return not is_known and few and profile.filled >= 0.9 and profile.is_enumeration


def _has_kinds(profile: ColumnProfile) -> bool:
    """Whether most cells are kinds of events, or words are views, carts or returns among a few unknown ones."""
    if profile.n_kinds == 0 or profile.n_distinct < 2:
        return False
    others = {kind_of(cell) for cell in set(profile.cells)} - {"", EventKind.PURCHASE, EventKind.RATING}
    is_state = profile.states >= 0.5  # "returned" is a state too
    return profile.kinds >= 0.5 if profile.n_kinds > 1 else bool(others) and not is_state


def _names_kinds(profile: ColumnProfile) -> bool:
    """Whether a column is named like kinds of events, and has a few words of which none is known."""
    return profile.is_enumeration and profile.n_distinct > 1 and KIND in classes_of(profile.name)


def _is_flag(profile: ColumnProfile) -> bool:
    """Whether a column of unknown name has words for yes and no."""
    meanings = {is_kept_back(cell) for cell in set(profile.cells) if not cell.isdecimal()}
    return (
        {True, False} <= meanings
        and profile.is_enumeration
        and profile.listings >= 0.5
        and not any(classes_of(profile.name))
    )


def _says_on_sale(profile: ColumnProfile) -> bool:
    """Whether a column says yes or no, and its name that this is about a sale."""
    meanings = {is_kept_back(cell) for cell in set(profile.cells)}
    is_of_sale = SALE_WORD in classes_of(profile.name) or "sale" in words_of(profile.name)
    return is_of_sale and meanings == {True, False} and profile.listings == 1.0


def _may_be_ratings(profile: ColumnProfile) -> bool:
    """Whether a column has few different small numbers, more than two, as ratings are."""
    if len(profile.cells) < MANY or profile.numbers < 0.9 or is_excluded(profile.name) or has_id_word(profile.name):
        return False
    numbers = [float(cell.replace(",", ".")) for cell in set(profile.cells) if is_number(cell)]
    return 2 < len(numbers) <= _MOST_RATINGS and min(numbers) >= 0 and max(numbers) <= _HIGHEST_RATING


def has_undone(profile: ColumnProfile) -> bool:
    """Return whether most cells are states of orders, some of them cancelled or returned."""
    states = {order_state(cell) for cell in set(profile.cells)}
    return profile.is_enumeration and profile.states >= 0.5 and OrderState.UNDONE in states


def says_state(profile: ColumnProfile) -> bool:
    """Return whether a column is named like states of orders."""
    role = role_by_words(profile.name)
    is_named = role is not None and role[0] in (STATE, CANCELLED, REFUNDED)
    return is_named and not is_excluded(profile.name)


_LOOKS = (
    _Telling(
        _NO_LOGS,
        lambda profile: profile.is_enumeration and _has_kinds(profile),
        "{name!r} ({shown}) looks like kinds of events and is not used; to use it: --layout events "
        "--columns kind={name}",
        allowed=frozenset({KIND}),
    ),
    _Telling(
        _SALES,
        lambda profile: says_state(profile) and profile.n_distinct > 1,
        "{name!r} ({shown}) seems to say what became of an order, and its words are not known: every row counts; if "
        "some must not: --columns 'state={name}' --words '{one}=cancelled'",
        unread=frozenset({STATE}),
    ),
    _Telling(
        _SALES,
        lambda profile: _is_unknown_enumeration(profile) or _names_kinds(profile),
        "{name!r} ({shown}) is not known and not used: every row counts alike; if it tells kinds of events: "
        "--layout events --columns 'kind={name}' --words '{one}=view,{two}=purchase'",
        unread=frozenset({KIND, STATE, INVOICE}),
    ),
    _Telling(
        {PRODUCTS},
        _is_flag,
        "{name!r} ({shown}) is not used; if it says which products are shown: --columns 'listed={name}'",
        unread=frozenset({LISTED}),
    ),
    _Telling(
        {EVENTS},
        has_undone,
        "{name!r} ({shown}) is not used: rows count by their kind alone; to count by it instead: --layout purchases "
        "--columns 'kind=,state={name}'",
        allowed=frozenset({STATE}),
    ),
    _Telling(
        {PRODUCTS},
        _says_on_sale,
        "{name!r} ({shown}) is not used: a sale price below the price counts in every row; for none: "
        "--columns sale_price=",
        needed=frozenset({SALE_PRICE}),
    ),
    _Telling(
        {PAIRS},
        _may_be_ratings,
        "{name!r} ({shown}) has numbers that may be ratings and is not used; if they are: --layout ratings "
        "--columns 'rating={name}'",
    ),
    _Telling(
        _SALES,
        has_undone,
        "{name!r} ({shown}) is not used; if its rows of cancelled or returned orders must not count: "
        "--columns state={name}",
        allowed=frozenset({STATE}),
    ),
)
"""Of several that a column has, the first is said."""
