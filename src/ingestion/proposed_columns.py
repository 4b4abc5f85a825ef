"""Advise how to read a file whose columns are not clear: what is missing, and columns that may be meant. Pure."""

from __future__ import annotations

import re

from src.core.errors import UnclearLayout
from src.ingestion.column_names import (
    GROUP,
    INVOICE,
    PRODUCT,
    QUANTITY,
    TIME,
    TITLE,
    USER,
    VALUE,
    columns_option,
    role_of_name,
)
from src.ingestion.column_roles import find_roles, names_attributes
from src.ingestion.column_vocabulary import PRODUCT_WORD, USER_WORD
from src.ingestion.column_words import classes_of, has_id_word, is_excluded, names_a_visit, role_by_words, says_returned
from src.ingestion.consistent_columns import share_single
from src.ingestion.first_rows import FirstRows
from src.ingestion.layout_choice import GivenColumns
from src.ingestion.likely_columns import are_hardly_users, are_places, likely_product, likely_user
from src.ingestion.role_columns import Roles
from src.ingestion.titled_events import user_and_product

_JOINED = re.compile(r"If another file has the \w+ of these orders, give both files together: they are joined\. ")
_HALF, _MOST = 0.5, 0.9
_FEW_IDS = 3
_DIGITS = 2  # of numbers that are ids rather than counts
_OF_SEVERAL = 0.2  # share of orders with several products, from which they tell what is bought together


def without_joining(error: UnclearLayout, why: str) -> str:
    """Return the message of a refusal, saying why the file was not joined where it says that files are joined.

    Args:
        error: The refusal.
        why: Sentences with a blank at their end; "" leaves the message as it is.
    """
    return _JOINED.sub(lambda _: why, str(error)) if why else str(error)


def advice_of(first: FirstRows, given: GivenColumns) -> str:
    """Return what was expected of a file whose layout is not clear, and what helps with this one.

    Args:
        first: The first rows of the file.
        given: What options say about its columns.

    Returns:
        Sentences with options that work.
    """
    profiles = first.profiles
    if facts := _turned(first):
        return (
            f"Its rows seem to be facts ({', '.join(map(repr, facts))} …) and its columns products. Expected a product "
            "in each row: turn rows into columns, as spreadsheets do by pasting transposed, and load that."
        )
    roles = find_roles(profiles, given.columns, given.ignored)
    advice = ""
    if INVOICE in roles and ((PRODUCT in roles) != (USER in roles)):
        missing = "customers" if PRODUCT in roles else "products"
        advice = f"If another file has the {missing} of these orders, give both files together: they are joined. "
        advice += _baskets(first, roles)
    attribute = next((each.name for at, each in enumerate(profiles) if names_attributes(at, profiles)), None)
    if attribute is not None:
        advice += f"{attribute!r} seems to name attributes, of which each row has one: give each a column of its own. "
    lacking = " and ".join(noun for noun in (USER, PRODUCT) if noun not in roles)
    advice += f"No column was found for the {lacking}. " if lacking else ""
    return (
        f"{advice}Expected a user and a product (and a rating, a quantity, a time, a kind of event), or a product with "
        f"a title, a price …; say which is which{_proposal(first, roles)}; if it is a catalogue: --layout products"
        f"{'' if PRODUCT in roles else ' --columns product=NAME'}"
    )


def _turned(first: FirstRows) -> list[str]:
    """Return names in the first column that tell different roles, where those of the other columns tell none."""
    told = {found[0]: row[0] for row in first.rows if row and (found := role_by_words(row[0]))}
    return [*told.values()][:_FEW_IDS] if len(told) >= _FEW_IDS and not any(map(role_by_words, first.names[1:])) else []


def _baskets(first: FirstRows, roles: Roles) -> str:
    """Return how to learn what is bought together, where a file has orders and no customers; else nothing."""
    if USER in roles or not {INVOICE, PRODUCT} <= roles.keys() or any(says_returned(name) for name in first.names):
        return ""
    order, product = roles[INVOICE][0].at, roles[PRODUCT][0].at
    baskets: dict[str, set[str]] = {}
    for row in first.rows:
        baskets.setdefault(row[order], set()).add(row[product])
    if sum(len(found) > 1 for found in baskets.values()) < _OF_SEVERAL * len(baskets):
        return ""
    return f"If nothing names them, let each order stand for a customer of its own: {first.option(USER, order)}. "


def _names_ids(name: str) -> bool:
    """Whether the name is one of ids: other numbers may be counts."""
    return has_id_word(name) or not {USER_WORD, PRODUCT_WORD}.isdisjoint(classes_of(name))


def _hang_together(first: FirstRows, found: dict[str, int], roles: Roles) -> bool:
    """Whether columns look like users and products: neither has one of the other, of titles, or of times."""
    user, product = found[USER], found[PRODUCT]
    is_swapped = USER_WORD in classes_of(first.names[product]) or PRODUCT_WORD in classes_of(first.names[user])
    are_counts = max(map(len, first.profiles[user].cells), default=0) < _DIGITS and first.profiles[user].integers == 1.0
    if is_swapped or are_counts or names_a_visit(first.names[user]) or are_hardly_users(first.profiles[user]):
        return False  # neither numbers, visits nor types are users
    if max(share_single(first, user, product), share_single(first, product, user)) >= _MOST:
        return False
    times = [at for at, profile in enumerate(first.profiles) if profile.times >= _MOST]
    if any(share_single(first, each, at) >= _MOST for each in (user, product) for at in times):
        return False  # the number of an order
    titles = [column.at for column in roles.get(TITLE, ()) if column.at not in (user, product)][:1]
    has_titles = any(0.0 <= share_single(first, product, at) < _HALF for at in titles)
    return not has_titles and not any(share_single(first, user, at) >= _MOST for at in titles)


def _proposal(first: FirstRows, roles: Roles) -> str:
    """Return columns that may be the user and the product, as an option; else how such an option looks.

    Only what hangs together as users and products do is proposed: a wrong reading is worse than none.
    """
    profiles = first.profiles
    found = {role: roles[role][0].at for role in (USER, PRODUCT, VALUE, QUANTITY, TIME) if role in roles}
    if QUANTITY in found:
        found.pop(VALUE, None)  # a "rate" beside it is a price
    free = [
        at
        for at, profile in enumerate(profiles)
        if at not in found.values()
        and profile.filled >= _HALF
        and profile.n_distinct >= _FEW_IDS
        and profile.repeated > 0.0
        and not is_excluded(profile.meaning)
        and (profile.integers < _HALF or max(map(len, profile.cells)) > len("999"))
        and max(profile.times, profile.urls, profile.texts, profile.states, profile.money - profile.integers) < _HALF
        and {role_of_name(profile.meaning), (role_by_words(profile.meaning) or ("",))[0]} <= {"", USER, PRODUCT, GROUP}
        and not names_attributes(at, profiles)
        and (profile.numbers < _HALF or _names_ids(profile.name))
    ]
    _add_by_titles(found, first, roles)
    free = [at for at in free if at not in found.values()]
    # The customers of orders that name none are in another file.
    for role in (PRODUCT,) if INVOICE in roles else (USER, PRODUCT):
        # What has one customer each, such as an order, is no product.
        other = (PRODUCT, GROUP) if role == USER else (USER,)
        fit = [at for at in free if role_of_name(profiles[at].meaning) not in other]
        fit = [at for at in fit if role == USER or USER not in found or not first.depends_on(found[USER], [at])]
        fit = [at for at in fit if not (are_hardly_users(profiles[at]) if role == USER else are_places(profiles[at]))]
        if role not in found and fit:
            found[role] = fit[0]
            free.remove(fit[0])
    if not {USER, PRODUCT} <= found.keys() or not _hang_together(first, found, roles):
        return ": --columns user=NAME,product=NAME,rating=NAME,time=NAME"
    return f", perhaps: {columns_option(found, [profile.name for profile in profiles])}"


def _add_by_titles(found: dict[str, int], first: FirstRows, roles: Roles) -> None:
    """Add the ids that titles stand for, and the ids that come again with others of them.

    Args:
        found: Role → position; completed.
        first: The first rows of the file.
        roles: The columns of each role.
    """
    if TITLE not in roles or {USER, PRODUCT} <= found.keys():
        return
    title = roles[TITLE][0].at
    order = roles[INVOICE][0].at if INVOICE in roles else None
    busy = {*found.values(), *({order} if order is not None else ())}
    product = found[PRODUCT] if PRODUCT in found else likely_product(title, busy, first)
    user = likely_user(product, order, busy, first) if USER not in found and product is not None else found.get(USER)
    if (user is None or product is None) and {USER, PRODUCT}.isdisjoint(found):
        pair = user_and_product(title, first)
        user, product = pair if pair and not are_hardly_users(first.profiles[pair[0]]) else (user, product)
    found |= {role: at for role, at in ((USER, user), (PRODUCT, product)) if at is not None}
