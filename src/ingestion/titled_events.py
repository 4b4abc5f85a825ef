"""Tell events whose rows repeat the titles of products from catalogues, where each product has its own. Pure."""

from __future__ import annotations

from collections.abc import Collection

from src.ingestion.column_names import AVAILABLE, GROUP, IMAGE, PRICE, PRODUCT, STOCK, TIME, TITLE, USER, VALUE
from src.ingestion.column_profile import MANY
from src.ingestion.column_vocabulary import USER_WORD
from src.ingestion.column_words import classes_of, has_id_word, is_excluded, names_count, names_unknown_id, words_of
from src.ingestion.consistent_columns import share_single
from src.ingestion.first_rows import FirstRows
from src.ingestion.role_columns import RoleColumn, Roles, free_columns

_OF_VARIANTS = frozenset({PRICE, STOCK, GROUP, IMAGE, AVAILABLE})
"""Roles that speak for variants of products: their titles repeat too."""
_REPEATED = 0.3  # share of rows whose title stands in an earlier row
_MOST = 0.9
_LEAST = 3  # different ids
_SHORTEST_ID = 4  # digits of a number that is an id rather than a count
_CONFIDENCE = 0.25


def take_titled_events(roles: Roles, first: FirstRows, settled: Collection[str]) -> list[str]:
    """Take rows for events of the products that their titles depend on, where each row has its time or rating.

    Args:
        roles: Role → its possible columns, best first; changed.
        first: The first rows of the file.
        settled: Roles that options tell.

    Returns:
        Sentences on what was taken, for people.
    """
    if USER in {*roles, *settled} or PRODUCT in settled or not {TIME, VALUE} & roles.keys():
        return []
    found = None if _OF_VARIANTS & roles.keys() or TITLE not in roles else user_and_product(roles[TITLE][0].at, first)
    if found is None:
        return []
    free_columns(roles, found)
    for role, at in zip((USER, PRODUCT), found, strict=True):
        others = roles.get(role, [])
        roles[role] = [RoleColumn(at, _CONFIDENCE, False, first.profiles[at].filled), *others]
    user, product = (first.profiles[at].name for at in found)
    return [
        f"titles repeat with {product!r}, which was taken for the product: rows are events of {user!r}; if each is a "
        "product: --layout products"
    ]


def user_and_product(title: int, first: FirstRows) -> tuple[int, int] | None:
    """Find the ids that titles stand for, and the ids of those whose rows these may be.

    Args:
        title: Position of the titles.
        first: The first rows of the file.

    Returns:
        Positions of the user, most of whose rows have another product each, and of the product, of which each title
        has one; None if titles hardly repeat, or no columns or several ones look so.
    """
    titles, rows = first.profiles[title], first.rows
    if len(rows) < MANY or titles.filled < _MOST or titles.repeated < _REPEATED:
        return None
    ids = [
        at
        for at, profile in enumerate(first.profiles)
        if at != title
        and profile.filled >= _MOST
        and profile.ids >= _MOST
        and profile.repeated > 0.0
        and profile.n_distinct >= _LEAST
        and not is_excluded(profile.meaning)
        and not names_count(profile.meaning)
        and profile.prices < _MOST
    ]

    def n_pairs(one: int, other: int) -> int:
        return len({(row[one], row[other]) for row in rows})

    products = [
        at
        for at in ids
        if n_pairs(at, title) <= first.profiles[at].n_distinct and titles.n_distinct >= _MOST * n_pairs(at, title)
    ]
    if not products:
        return None
    product = next((at for at in products if has_id_word(first.profiles[at].name)), products[0])
    times = [at for at, profile in enumerate(first.profiles) if profile.times >= _MOST]
    users = [at for at in ids if at not in products and n_pairs(at, product) >= _MOST * len(rows)]
    users = [at for at in users if not any(share_single(first, at, time) >= _MOST for time in times)]  # orders
    named = [at for at in users if _names_ids(first.profiles[at].name)]
    long = [at for at in users if first.profiles[at].share(lambda cell: len(cell) >= _SHORTEST_ID) >= _MOST]
    found = next((each for each in (named, long, users) if len(each) == 1), None)
    return (found[0], product) if found else None


def _names_ids(name: str) -> bool:
    last = words_of(name)[-1:]
    return USER_WORD in classes_of(name) or has_id_word(name) or any(map(names_unknown_id, last))
