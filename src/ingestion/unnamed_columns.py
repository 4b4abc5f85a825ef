"""Propose what the columns of a file without a header are, by cells alone, for advice to people. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from src.core.domain import EventKind
from src.ingestion.column_inference import guess_columns
from src.ingestion.column_names import INVOICE, KIND, PRODUCT, QUANTITY, TIME, TITLE, USER, columns_option
from src.ingestion.column_profile import MANY, ColumnProfile, profile_columns
from src.ingestion.consistent_columns import share_single
from src.ingestion.event_kind_names import NO_MEANING
from src.ingestion.first_rows import FirstRows
from src.ingestion.likely_columns import are_hardly_users, likely_product, likely_user

_MOST, _HALF = 0.9, 0.5
_MOST_CODES = 6
_LONGEST_CODE = 3
_RETURNED = frozenset("rR")
_WHICH_NUMBERS = ", or say with --columns which number each has: user=NUMBER,product=NUMBER"


def columns_by_cells(whole: Sequence[Sequence[str]]) -> str:
    """Return the advice to name columns by their numbers, with those that cells tell.

    Args:
        whole: First rows, all of one width.

    Returns:
        The end of a sentence.
    """
    if not whole:
        return _WHICH_NUMBERS
    first = FirstRows(profile_columns([""] * len(whole[0]), whole), whole)
    found = _told(first)
    if not {USER, PRODUCT} <= found.keys():
        guessed, beside = guess_columns(whole), _names_beside(first)
        if not {USER, PRODUCT} <= guessed.keys() or are_hardly_users(first.profiles[guessed[USER]]):
            return f"{_WHICH_NUMBERS}{beside}"
        return f", or by their numbers, perhaps: {columns_option(guessed)}{beside}"
    advice = f", or by their numbers, perhaps: {columns_option(found)}"
    if KIND not in found:
        return advice
    counts = Counter(first.profiles[found[KIND]].cells).most_common()
    shown = ", ".join(f"{code!r} ({n})" for code, n in counts)
    words = ",".join(f"{code}={_likely(code, at)}" for at, (code, _) in enumerate(counts))
    return (
        f"{advice} --words {shlex.quote(words)}; column {found[KIND] + 1} has the codes {shown}: say of each whether "
        "it is a purchase, a return or none"
    )


def _names_beside(first: FirstRows) -> str:
    """Return which columns have names, where there are several: of products, or of their makers and groups."""
    named = [
        at
        for at, profile in enumerate(first.profiles)
        if profile.filled >= _MOST
        and profile.repeated > 0.0
        and profile.share(lambda cell: any(map(str.isalpha, cell)) and not any(map(str.isdigit, cell))) >= _HALF
    ]
    if len(named) <= 1:
        return ""
    shown = ", ".join(f"{at + 1} ({first.profiles[at].cells[0][:30]!r})" for at in named)
    return f"; columns {shown} have names: the product is what was used or bought, not its maker or group"


def _likely(code: str, at: int) -> str:
    if at == 0:
        return EventKind.PURCHASE.value
    return EventKind.RETURN.value if code in _RETURNED else NO_MEANING


def _told(first: FirstRows) -> dict[str, int]:
    """Return role → position of what the cells of a till's or shop's lines tell."""
    profiles = first.profiles
    times = [at for at, profile in enumerate(profiles) if profile.times >= _MOST]
    titles = [at for at, profile in enumerate(profiles) if at not in times and _has_titles(profile)]
    product = likely_product(titles[0], times, first) if titles else None
    if product is None or not times:
        return {}
    orders = [
        at
        for at, profile in enumerate(profiles)
        if at not in (*times, *titles, product)
        and profile.ids >= _MOST
        and profile.repeated > 0.0
        and not are_hardly_users(profile)
        and share_single(first, at, times[0]) >= _MOST
    ]
    order = max(orders, key=lambda at: (not profiles[at].integers, profiles[at].n_distinct), default=None)
    user = likely_user(product, order, {*times, *titles, *orders}, first)
    if user is None:
        return {}
    found = {TIME: times[0], USER: user, PRODUCT: product, TITLE: titles[0]}
    found |= {INVOICE: order} if order is not None else {}
    free = [at for at in range(len(profiles)) if at not in found.values()]
    kinds = [at for at in free if _has_codes(profiles[at])]
    pieces = [at for at in free if profiles[at].integers == 1.0 and max(map(len, profiles[at].cells)) == 1]
    pieces = [at for at in pieces if profiles[at].filled >= _MOST and profiles[at].n_distinct > 1]
    return found | ({KIND: kinds[0]} if kinds else {}) | ({QUANTITY: pieces[0]} if len(pieces) == 1 else {})


def _has_titles(profile: ColumnProfile) -> bool:
    is_worded = profile.share(lambda cell: " " in cell and any(map(str.isalpha, cell))) >= 0.5
    return is_worded and profile.filled >= _MOST and profile.repeated > 0.0 and profile.n_distinct > _MOST_CODES


def _has_codes(profile: ColumnProfile) -> bool:
    """Whether a column has a few codes of letters in all rows, as kinds of lines have."""
    is_short = all(cell.isalpha() and len(cell) <= _LONGEST_CODE for cell in set(profile.cells))
    is_many = len(profile.cells) >= MANY and profile.filled == 1.0
    return is_many and is_short and 1 < profile.n_distinct <= _MOST_CODES
