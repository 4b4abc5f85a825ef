"""Tell customers from cashiers, places and orders by how a column hangs together with the others. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from src.ingestion.column_names import DESCRIPTION, INVOICE, PRODUCT, TITLE, USER
from src.ingestion.column_profile import MANY
from src.ingestion.column_words import is_excluded
from src.ingestion.consistent_columns import share_single, to_front
from src.ingestion.first_rows import FirstRows
from src.ingestion.role_columns import RoleColumn, Roles, free_columns

_MOST = 0.9
_FEW, _TIMES = 5, 3  # users of a column of tills or cashiers, and how many times as many customers there are
_ENOUGH = 3  # users who come again, or people behind one id, that show something
_MOST_ORDERS = 0.9  # customers to orders: some customer comes again


def prefer_customers(roles: Roles, first: FirstRows, settled: Collection[str]) -> list[str]:
    """Put the column of customers first, where another one has those who sell, or the numbers of orders.

    Args:
        roles: Role → its possible columns, best first; changed.
        first: The first rows of the file.
        settled: Roles that options tell.

    Returns:
        Sentences on what was preferred, for people.
    """
    if USER not in roles or USER in settled or len(first.rows) < MANY:
        return []
    return [*_buyers_before_sellers(roles, first), *_customers_of_orders(roles, first)]


def _buyers_before_sellers(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Prefer a column of many customers to one of a few people or places, who serve them."""
    served = first.profiles[roles[USER][0].at]
    if served.n_distinct > _FEW:
        return
    for column in roles[USER][1:]:
        profile = first.profiles[column.at]
        if profile.n_distinct >= _TIMES * max(served.n_distinct, 2) and profile.filled >= 0.5 and profile.repeated:
            if INVOICE in roles and 0.0 <= share_single(first, roles[INVOICE][0].at, column.at) < _MOST:
                continue
            do = first.option(USER, roles[USER][0].at)
            to_front(roles[USER], column)
            yield (
                f"{served.name!r} has {served.n_distinct} values only, as tills and cashiers have, and "
                f"{profile.name!r} was taken for the user; for the other: {do}"
            )
            return


def _customers_of_orders(roles: Roles, first: FirstRows) -> Iterator[str]:
    """Find who orders, where the column that looks like users has another one for each order."""
    user = roles[USER][0]
    if user.is_named or INVOICE not in roles:
        return
    order = roles[INVOICE][0].at
    n_orders = first.profiles[order].n_distinct
    pairs = {(row[order], row[user.at]) for row in first.rows if row[order].strip() and row[user.at].strip()}
    if n_orders < MANY or not len(pairs) == n_orders == first.profiles[user.at].n_distinct:
        return
    name = first.profiles[user.at].name
    found = max(_of_orders(roles, first, order), key=lambda at: first.profiles[at].n_distinct, default=None)
    if found is None:
        yield (
            f"WARNING: each {first.profiles[order].name!r} has another {name!r}: no customer comes twice, so it may "
            "number orders; to take another: --columns user=COLUMN"
        )
        return
    profile = first.profiles[found]
    free_columns(roles, [found])
    roles[USER] = [RoleColumn(found, user.confidence, False, profile.filled)]
    yield (
        f"{name!r} has another value for each order, and {profile} comes again in several: taken for the user; for "
        f"the other: {first.option(USER, user.at)}"
    )


def _of_orders(roles: Roles, first: FirstRows, order: int) -> Iterator[int]:
    """Yield columns of which each order has one value, and which come again in other orders, as customers do."""
    taken = {columns[0].at for role, columns in roles.items() if columns and role not in (USER, TITLE, DESCRIPTION)}
    n_orders = first.profiles[order].n_distinct
    for at, profile in enumerate(first.profiles):
        is_many = max(_FEW, n_orders / 10) < profile.n_distinct < _MOST_ORDERS * n_orders
        is_other = max(profile.times, profile.money, profile.urls, profile.texts) >= 0.5
        if at in taken or not is_many or is_other or profile.filled < 0.5 or is_excluded(profile.meaning):
            continue
        is_of_product = PRODUCT in roles and share_single(first, roles[PRODUCT][0].at, at) >= 0.5
        if share_single(first, order, at) == 1.0 and not is_of_product:
            yield at


class SharedIds(NamedTuple):
    """Ids of users that several people share, and the column that tells these apart."""

    ids: frozenset[str]
    people: int

    def note(self, user: int, first: FirstRows) -> str:
        """Return what is said of them, for people.

        Args:
            user: Column of the users.
            first: The first rows of the file.
        """
        name, people = (repr(first.profiles[at].name) for at in (user, self.people))
        return (
            f"{', '.join(map(repr, sorted(self.ids)[:3]))} in {name} stands beside several {people}, so for nobody, "
            f"and {people} was taken there; for {name} in every row: {first.option(USER, user)}"
        )


def find_shared_ids(first: FirstRows, user: int, others: Sequence[int]) -> SharedIds | None:
    """Find ids that stand for guests: beside each of them are many people, and beside every other id one.

    Args:
        first: The first rows of the file.
        user: Column of the users.
        others: Columns that could have users too; those of e-mail addresses are looked at anyway.

    Returns:
        The ids; None if there are none.
    """
    mails = [at for at, each in enumerate(first.profiles) if each.share(lambda cell: "@" in cell) >= _MOST]
    for at in dict.fromkeys([*others, *mails]):
        if at == user or first.profiles[at].filled < 0.5:
            continue
        people: dict[str, list[str]] = defaultdict(list)
        for row in first.rows:
            if row[user].strip() and row[at].strip():
                people[row[user].strip()].append(row[at].strip().lower())
        shared = {id_ for id_, found in people.items() if len(set(found)) >= _ENOUGH}
        own = [found for id_, found in people.items() if id_ not in shared and len(found) > 1]
        n_one = sum(len(set(found)) == 1 for found in own)
        of_shared = {person for id_ in shared for person in people[id_]}
        of_own = {person for id_, found in people.items() if id_ not in shared for person in found}
        if shared and len(shared) <= _ENOUGH <= n_one >= _MOST * len(own) and not of_shared <= of_own:
            return SharedIds(frozenset(shared), at)
    return None
