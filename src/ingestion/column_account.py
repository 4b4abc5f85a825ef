"""Account for every column of a file: used, known and not needed, or not understood. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

from src.ingestion.column_names import (
    CATALOGUE_ROLES,
    INVOICE,
    LISTED,
    PRICE,
    PRODUCT,
    QUANTITY,
    STATE,
    TIME,
    USER,
    role_of_name,
)
from src.ingestion.column_vocabulary import ID_WORD, ORDER_WORD, TYPE_WORD
from src.ingestion.column_words import classes_of, is_excluded
from src.ingestion.consistent_columns import total_column
from src.ingestion.first_rows import FirstRows
from src.ingestion.usual_cells import usual_cells

_FULL = 0.95
_LONG = 0.5


class Fate(Enum):
    """What becomes of a column."""

    USED = "used"
    KNOWN = "not needed"
    UNKNOWN = "not understood"


@dataclass(frozen=True)
class ColumnFate:
    """What becomes of one column, and why.

    Attributes:
        at: Its position.
        name: Its name.
        fate: What becomes of it.
        why: For people: the role and what speaks for it, or why it is not needed.
    """

    at: int
    name: str
    fate: Fate
    why: str


def account_for(
    first: FirstRows, columns: Mapping[str, int], used: Collection[int], reasons: Mapping[int, str], *, has_events: bool
) -> tuple[ColumnFate, ...]:
    """Account for every column of a file.

    Args:
        first: The first rows of the file.
        columns: Role → position.
        used: Positions of all columns that are read.
        reasons: Position → what speaks for the role of a used column.
        has_events: Whether rows are events rather than products.

    Returns:
        One fate a column.
    """
    role_at = {at: role for role, at in columns.items()}
    total = total_column(first, columns[QUANTITY], columns[PRICE]) if {QUANTITY, PRICE} <= columns.keys() else None
    fates = []
    for at, profile in enumerate(first.profiles):
        if at in used:
            role = role_at.get(at, "where another column is empty, or beside it")
            why = f"{role} ({reasons[at]})" if at in reasons else role
            fates.append(ColumnFate(at, profile.name, Fate.USED, why))
            continue
        known = _why_known(first, at, columns, has_events=has_events) if at != total else "quantity times price"
        fates.append(ColumnFate(at, profile.name, Fate.KNOWN if known else Fate.UNKNOWN, known or ""))
    return tuple(fates)


def _why_known(first: FirstRows, at: int, columns: Mapping[str, int], *, has_events: bool) -> str | None:
    """Return why an unused column is not needed; None if that is not known."""
    profile = first.profiles[at]
    if not profile.cells:
        return "empty"
    if profile.n_distinct == 1 and profile.filled >= _FULL:
        return "the same in every row"
    if profile.texts >= _LONG:
        return "texts"
    if family := usual_cells(profile):
        return family
    if is_excluded(profile.meaning):
        return "by its name"
    role = role_of_name(profile.meaning)
    if role and role not in columns:
        is_open = profile.is_enumeration and (role not in CATALOGUE_ROLES if has_events else role in (LISTED, STATE))
        return None if is_open else f"{role}, which such files do not need"
    if role:
        return f"{role} is in another column"
    classes = set(classes_of(profile.meaning))
    if {ORDER_WORD, ID_WORD} & classes and TYPE_WORD not in classes and not profile.is_enumeration:
        return "numbers of something else"
    return _whose_it_is(first, at, columns) if has_events else None


def _whose_it_is(first: FirstRows, at: int, columns: Mapping[str, int]) -> str | None:
    """Return whose attribute a column of a file of events is: of a customer or of a product; None for neither."""
    orders = [columns[role] for role in (INVOICE, TIME) if role in columns][:1]
    for role, noun, others in ((USER, "customer", orders), (PRODUCT, "product", [])):
        if role in columns and first.depends_on(at, [columns[role]], others):
            return f"the same for each {noun}"
    return None
