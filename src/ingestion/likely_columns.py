"""Find by cells alone which columns may be users and products, where no name tells: to be proposed, not taken. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from src.ingestion.column_names import GROUP, PRODUCT, USER, role_of_name
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_roles import are_sorts
from src.ingestion.column_words import has_id_word, is_excluded
from src.ingestion.consistent_columns import share_single
from src.ingestion.first_rows import FirstRows

_MOST, _HALF = 0.9, 0.5
_FEW_SORTS, _MOST_WORDS = 5, 12
_FEW_IDS = 3
_AS_MANY = 0.8  # different titles to ids; more ids are those of variants or copies
_SHORTEST_ID = 2  # digits of numbers that are ids rather than counts


def are_hardly_users(profile: ColumnProfile) -> bool:
    """Return whether a column has a few words that repeat, as types, places and payments have, and users hardly do.

    Args:
        profile: The column.
    """
    has_digits = any(map(str.isdigit, "".join(set(profile.cells))))
    is_many = len(profile.cells) >= MANY and profile.repeated >= _HALF
    is_few = profile.n_distinct <= _FEW_SORTS or (profile.n_distinct <= _MOST_WORDS and not has_digits)
    return (is_many and is_few) or are_sorts(profile)


def are_places(profile: ColumnProfile) -> bool:
    """Return whether a column has a few words of sorts, or few names of several words: "Shop 3".

    Args:
        profile: The column.
    """
    is_named = profile.share(lambda cell: " " in cell) >= _MOST
    return are_sorts(profile) or (are_hardly_users(profile) and is_named)


def likely_product(title: int, busy: Collection[int], first: FirstRows) -> int | None:
    """Find the column of ids of which each has one title.

    Args:
        title: Position of the titles.
        busy: Columns that are something else.
        first: The first rows of the file.

    Returns:
        The position; None if there is none, or titles hardly repeat.
    """
    n_titles = first.profiles[title].n_distinct
    found = [
        at
        for at in _ids(first, {*busy, title}, (PRODUCT, GROUP))
        if share_single(first, at, title) >= _MOST and first.profiles[at].n_distinct * _AS_MANY <= n_titles
    ]
    return next((at for at in found if has_id_word(first.profiles[at].name)), found[0] if found else None)


def likely_user(product: int, order: int | None, busy: Collection[int], first: FirstRows) -> int | None:
    """Find the column of ids that come again with other products, and that each order has one of.

    Args:
        product: Position of the product.
        order: Position of the numbers of orders; None for none.
        busy: Columns that are something else.
        first: The first rows of the file.

    Returns:
        The position of the one with most different ids; None if there is none.
    """
    times = [at for at, profile in enumerate(first.profiles) if profile.times >= _MOST]
    found = []
    for at in _ids(first, {*busy, product}, (USER,)):
        is_bound = max(share_single(first, at, product), share_single(first, product, at)) >= _MOST
        is_of_order = order is None or share_single(first, order, at) >= _MOST
        if not is_bound and is_of_order and not any(share_single(first, at, time) >= _MOST for time in times):
            found.append(at)
    return max(found, key=lambda at: first.profiles[at].n_distinct, default=None)


def _ids(first: FirstRows, busy: Collection[int], roles: Iterable[str]) -> list[int]:
    """Return columns of ids that repeat and whose names mean nothing else than these roles."""
    return [
        at
        for at, profile in enumerate(first.profiles)
        if at not in busy
        and profile.filled >= _MOST
        and profile.ids >= _MOST
        and profile.repeated > 0.0
        and profile.n_distinct >= _FEW_IDS
        and profile.share(lambda cell: len(cell) >= _SHORTEST_ID) >= _MOST
        and not is_excluded(profile.meaning)
        and not are_hardly_users(profile)
        and role_of_name(profile.meaning) in ("", *roles)
    ]
