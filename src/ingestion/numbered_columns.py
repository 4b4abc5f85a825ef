"""Find columns that are numbered, "product_1", "qty_1", "product_2", of which each number is a row of its own. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from src.ingestion.column_names import (
    INVOICE,
    PRICE,
    PRODUCT,
    QUANTITY,
    TITLE,
    USER,
    columns_option,
    is_number,
    role_of_name,
)
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_words import is_excluded
from src.ingestion.line_items import find_items
from src.ingestion.parsing import as_texts, is_nothing

_ONE_NUMBER = re.compile(r"\D*\d{1,3}\D*")
_NUMBER = re.compile(r"[\W_]*(\d+)[\W_]*")
_OF_LINES = frozenset({PRODUCT, QUANTITY, TITLE, PRICE})
_SHORTEST_ID = 3  # digits of a number that is an id rather than a rating or a count
_OUTER = "record."
"""Before the name of a column of the whole row that has the role of a numbered one: an order's number of pieces."""


@dataclass(frozen=True)
class Numbered:
    """Columns that become rows: one for each number.

    Attributes:
        groups: Positions of the columns of each number, one a label; None where a number lacks it.
        labels: Names of the columns without their number.
        kept: Positions of the other columns.
    """

    groups: tuple[tuple[int | None, ...], ...]
    labels: tuple[str, ...]
    kept: tuple[int, ...]

    @property
    def n_made(self) -> int:
        """How many columns it makes, which stand at the right."""
        return len(self.labels)

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the columns of the new rows."""
        taken = {role for label in self.labels if (role := role_of_name(label)) in _OF_LINES}
        kept = [names[at] if role_of_name(names[at]) not in taken else f"{_OUTER}{names[at]}" for at in self.kept]
        return [*kept, *self.labels]

    def rows_of(self, row: Sequence[object]) -> Iterator[list[object]]:
        """Yield a row for each number that has a cell; one without any if there is none."""
        kept = [row[at] for at in self.kept]
        lines = [[None if at is None else row[at] for at in group] for group in self.groups]
        filled = [line for line in lines if not all(map(is_nothing, as_texts(line)))]
        for line in filled or [[None] * len(self.labels)]:
            yield [*kept, *line]

    def note(self, names: Sequence[str]) -> str:
        """Return what is said of it, for people."""
        first = [at for at in self.groups[0] if at is not None]
        shown = ", ".join(repr(names[at]) for at in first)
        return (
            f"{shown} and those of other numbers up to {len(self.groups)}: each number became a row of its own; to "
            f"take one column only: {columns_option({PRODUCT: first[0]}, names)}"
        )


def find_numbered(profiles: Sequence[ColumnProfile]) -> Numbered | None:
    """Find numbered columns of products beside a customer or an order.

    Args:
        profiles: One a column.

    Returns:
        How they become rows; None where no such columns are, or another column has the product.
    """
    found: dict[str, dict[int, int]] = {}
    for at, profile in enumerate(profiles):
        if _ONE_NUMBER.fullmatch(profile.name) and (match := _NUMBER.search(profile.name)):
            found.setdefault(_NUMBER.sub(" ", profile.name).strip(), {})[int(match[1])] = at
    for name, numbered in found.items():  # the first one may have no number: "sku", "sku_2"
        first = next((at for at, profile in enumerate(profiles) if profile.name.strip(" _") == name), None)
        if first is not None and min(numbered) == 2:
            numbered[1] = first
    label = next((label for label, at in found.items() if _are_products(label, at, profiles)), None)
    if label is None:
        return None
    numbers = sorted(found[label])
    labels = [
        label,
        *(each for each in found if each != label and len(found[each]) > 1 and {*found[each]} <= {*numbers}),
    ]
    taken = {at for each in labels for at in found[each].values()}
    kept = tuple(at for at in range(len(profiles)) if at not in taken)
    roles = {role_of_name(profiles[at].meaning) for at in kept}
    if PRODUCT in roles or not {USER, INVOICE} & roles:
        return None
    columns = [profiles[at] for at in found[label].values()]
    if len(labels) == 1 and not _are_ids(columns) and not _are_items(columns):
        return None
    groups = tuple(tuple(found[each].get(number) for each in labels) for number in numbers)
    return Numbered(groups, tuple(labels), kept)


def _are_products(label: str, at: Mapping[int, int], profiles: Sequence[ColumnProfile]) -> bool:
    """Whether columns of one label are numbered from 0 or 1 on, and hold products."""
    numbers = sorted(at)
    is_counted = len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] < 2
    cells = [profiles[each] for each in at.values() if profiles[each].cells]
    if not is_counted or not cells or is_excluded(label):
        return False
    is_named = role_of_name(label) == PRODUCT and all(max(each.times, each.urls, each.texts) < 0.5 for each in cells)
    return is_named or _are_items(cells)


def _are_items(columns: Sequence[ColumnProfile]) -> bool:
    """Whether the cells of all columns are items with their codes, quantities or other named values."""
    filled = [column.cells[:MANY] for column in columns if column.cells]
    return bool(filled) and all(find_items(cells) is not None for cells in filled)


def _are_ids(columns: Sequence[ColumnProfile]) -> bool:
    """Whether the cells of columns are ids, some of which stand in several columns, rather than ratings or counts."""
    first, others = set(columns[0].cells), {cell for each in columns[1:] for cell in each.cells}
    texts = first | others
    are_codes = all(len(text) >= _SHORTEST_ID and not text.startswith("-") for text in texts if is_number(text))
    return bool(first & others) and are_codes
