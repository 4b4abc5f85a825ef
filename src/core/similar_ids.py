"""Ids that somebody may have meant by one that is not known."""

from __future__ import annotations

import string
from collections.abc import Iterable
from difflib import get_close_matches

_CHARACTERS = string.ascii_letters + string.digits + "-_"
_LONGEST = 40  # of a longer id there would be thousands of edits to look up
_NAMED = 5


def one_edit_away(id_: str) -> set[str]:
    """Every text that is one slip from this id: a character too many, too few or another, two swapped, another case.

    The characters tried are letters, digits, - and _, and those of the id. Empty for an id of over 40 characters.
    """
    if len(id_) > _LONGEST:
        return set()
    characters = {*_CHARACTERS, *id_}
    splits = [(id_[:at], id_[at:]) for at in range(len(id_) + 1)]
    found = {id_.upper(), id_.lower(), id_.swapcase(), id_.title()}
    for head, tail in splits:
        found.update(head + new + tail for new in characters)
        found.update(head + new + tail[1:] for new in characters if tail)
        found.update([head + tail[1:], head + tail[1:2] + tail[:1] + tail[2:]])
    return found - {id_, ""}


def nearest(id_: str, known: Iterable[str]) -> list[str]:
    """At most five of the known ids, the likest first; none that is not much like it. Case counts little."""
    likes: dict[str, list[str]] = {}
    for each in sorted(set(known)):
        likes.setdefault(each.casefold(), []).append(each)
    matches = get_close_matches(id_.casefold(), likes, n=_NAMED)
    return [each for match in matches for each in likes[match]][:_NAMED]
