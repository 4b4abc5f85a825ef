"""Find known ids that are similar to an unknown one."""

from __future__ import annotations

import string
from collections.abc import Iterable
from difflib import get_close_matches

_EDIT_CHARACTERS = string.ascii_letters + string.digits + "-_"
_MAX_LENGTH = 40  # a longer id has thousands of edits to look up
_MAX_MATCHES = 5


def one_edit_away(id_: str) -> set[str]:
    """Return every text one edit away: a character added, removed or replaced, two swapped, or another case.

    The characters inserted are letters, digits, - and _, and those of the id. Empty for an id of over 40 characters.
    """
    if len(id_) > _MAX_LENGTH:
        return set()
    characters = {*_EDIT_CHARACTERS, *id_}
    splits = [(id_[:at], id_[at:]) for at in range(len(id_) + 1)]
    edits = {id_.upper(), id_.lower(), id_.swapcase(), id_.title()}
    for head, tail in splits:
        edits.update(head + new + tail for new in characters)
        edits.update(head + new + tail[1:] for new in characters if tail)
        edits.update([head + tail[1:], head + tail[1:2] + tail[:1] + tail[2:]])
    return edits - {id_, ""}


def nearest(id_: str, known: Iterable[str]) -> list[str]:
    """Return the known ids that resemble an id most.

    Args:
        id_: The unknown id.
        known: Ids to choose from.

    Returns:
        At most five, the most similar first; ids that differ in case only are equally similar.
    """
    by_folded: dict[str, list[str]] = {}
    for known_id in sorted(set(known)):
        by_folded.setdefault(known_id.casefold(), []).append(known_id)
    matches = get_close_matches(id_.casefold(), by_folded, n=_MAX_MATCHES)
    return [known_id for match in matches for known_id in by_folded[match]][:_MAX_MATCHES]
