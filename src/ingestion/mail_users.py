"""Take addresses of e-mail that differ in capitals only for one user. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]{2,}")
_MOSTLY = 0.5


def two_spellings(users: Sequence[str]) -> tuple[str, str] | None:
    """Return an address that stands twice, in other capitals; None if users are no addresses or each has one spelling.

    Where each has one, ids stay as they are, since the shop asks for lists by what its own system writes.

    Args:
        users: One a row, "" for none.
    """
    filled = [user for user in users if user]
    if sum(_MAIL.fullmatch(user) is not None for user in filled) <= _MOSTLY * len(filled):
        return None
    first: dict[str, str] = {}
    pairs = ((first.setdefault(user.lower(), user), user) for user in filled if "@" in user)
    return next((pair for pair in pairs if pair[0] != pair[1]), None)


def spellings_note(spellings: tuple[str, str]) -> str:
    """Say that capitals become small letters.

    Args:
        spellings: An address that stands in two.
    """
    one, other = spellings
    small = one.lower()
    return f"addresses of e-mail count in small letters: {one!r} and {other!r} are {small!r}; ask the API by this one"
