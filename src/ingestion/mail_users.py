"""Take addresses of e-mail that differ in capitals only for one user. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]{2,}")
_MOSTLY = 0.5


def are_mails(users: Sequence[str]) -> bool:
    """Return whether users are addresses of e-mail.

    Args:
        users: One a row, "" for none.
    """
    filled = [user for user in users if user]
    return bool(filled) and sum(_MAIL.fullmatch(user) is not None for user in filled) > _MOSTLY * len(filled)


def mails_note(users: Sequence[str]) -> list[str]:
    """Say that capitals become small letters, with the first address that has any; nothing where none has.

    Args:
        users: Addresses of e-mail, one a row.
    """
    shown = next((user for user in users if "@" in user and user != user.lower()), None)
    if shown is None:
        return []
    small = shown.lower()
    return [f"addresses of e-mail count in small letters: {shown!r} is the user {small!r}, also when the API is asked"]
