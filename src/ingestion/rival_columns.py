"""Name the columns that could have been taken for a role instead: other prices, pictures, brands, groups. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from src.ingestion.column_names import (
    BRAND,
    CATEGORY,
    GROUP,
    IMAGE,
    INVOICE,
    KIND,
    PRICE,
    QUANTITY,
    SALE_PRICE,
    STATE,
    STOCK,
    TITLE,
    is_number,
)
from src.ingestion.column_profile import ColumnProfile
from src.ingestion.column_words import classes_of, is_excluded
from src.ingestion.first_rows import FirstRows
from src.ingestion.layout import PRODUCTS
from src.ingestion.prices import price_in
from src.ingestion.role_columns import Roles

_OF_PRODUCTS = (TITLE, CATEGORY, BRAND, PRICE, IMAGE, STOCK, GROUP)
_OF_EVENTS = (KIND, QUANTITY, STATE, INVOICE, PRICE)
_MOST = 3
_SHOWN_LETTERS = 24
_ALIKE = 5.0  # between the amounts of two columns of prices
_PICTURE = re.compile(r"\.(jpe?g|png|webp|gif|avif)([?,;|\s]|$)", re.IGNORECASE)


def rival_note(
    layout: str,
    columns: Mapping[str, int],
    used: Collection[int],
    roles: Roles,
    first: FirstRows,
    given: Collection[str],
) -> list[str]:
    """Name the columns of each role that has several.

    Args:
        layout: Name of the layout.
        columns: Role → position of the column that was taken.
        used: Positions of all columns that are read.
        roles: Role → columns that fit it.
        first: The first rows of the file.
        given: Roles that options tell.

    Returns:
        One sentence for all roles; none where no role has several columns.
    """
    profiles = first.profiles
    found = []
    for role in _OF_PRODUCTS if layout == PRODUCTS else _OF_EVENTS:
        if role not in columns or role in given:
            continue
        fitting = [column.at for column in roles.get(role, ())]
        looking = [at for at, profile in enumerate(profiles) if _looks_like(role, profile, profiles[columns[role]])]
        others = [at for at in dict.fromkeys([*fitting, *looking]) if at not in used and profiles[at].cells]
        if others:
            shown = ", ".join(_shown(profiles[at]) for at in others[:_MOST])
            shown += f" and {len(others) - _MOST} more" if len(others) > _MOST else ""
            found.append((f"{role} is {_shown(profiles[columns[role]])}, not {shown}", role, others[0]))
    if not found:
        return []
    _, role, at = found[0]
    return [f"{'; '.join(text for text, _, _ in found)}; to take another: {first.option(role, at)}"]


def _shown(profile: ColumnProfile) -> str:
    cell = next(iter(profile.cells), "")
    short = cell if len(cell) <= _SHOWN_LETTERS else f"{cell[:_SHOWN_LETTERS]}…"
    return f"{profile.name!r} ({short})"


def _looks_like(role: str, profile: ColumnProfile, chosen: ColumnProfile) -> bool:
    """Whether the cells of a column would do for a price or a picture as well as those of the chosen one."""
    if role == IMAGE:
        return profile.share(_PICTURE.search) >= 0.5
    if role != PRICE or profile.money < 0.9 or profile.filled < 0.5:
        return False
    if {PRICE, SALE_PRICE} & set(classes_of(profile.meaning)) or profile.share(lambda cell: not is_number(cell)) >= 0.5:
        return True
    has_cents = profile.share(lambda cell: cell[-3:-2] in (".", ",")) >= 0.5
    is_near = _median(chosen) / _ALIKE <= _median(profile) <= _median(chosen) * _ALIKE
    return has_cents and is_near and not is_excluded(profile.meaning)


def _median(profile: ColumnProfile) -> float:
    amounts = sorted(match[0] for cell in profile.cells if (match := price_in(cell)))
    return amounts[len(amounts) // 2] if amounts else 0.0
