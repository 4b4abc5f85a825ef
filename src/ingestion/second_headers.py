"""Join two lines of names where one names groups of columns and the next what each column has. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from src.ingestion.column_names import is_number
from src.ingestion.column_profile import looks_like_time

_FEWEST_GROUPS = 2


def joined_names(names: Sequence[str], below: Sequence[Sequence[str]]) -> list[str] | None:
    """Return names of columns made of the header and the line below it.

    Args:
        names: The header, in which the name of a group stands above its first column only.
        below: The rows below, the second line of names first.

    Returns:
        A name for each column, such as "Honey Rating"; None where the row below is no line of names.
    """
    if len(below) < 2 or len(below[0]) != len(names):
        return None
    second = [cell.strip() for cell in below[0]]
    groups = [at for at in range(len(names) - 1) if names[at] and not names[at + 1] and second[at] and second[at + 1]]
    words = [cell for cell in second if cell]
    is_named = not any(is_number(cell) or looks_like_time(cell) for cell in words)
    if len(groups) < _FEWEST_GROUPS or not is_named or len(set(words)) == len(words):
        return None
    told = [cell for row in below[1:] for cell in row if is_number(cell) or looks_like_time(cell.strip())]
    if not told or any(second == [cell.strip() for cell in row] for row in below[1:]):
        return None
    found, group, is_spanned = [], "", False
    for at, (name, word) in enumerate(zip(names, second, strict=True)):
        if name:
            group, is_spanned = name, at in groups
        found.append(f"{group} {word}".strip() if (is_spanned or not name) and word else name)
    return found
