"""Find tables in which each column is a product, or a kind of event, and each filled cell an event of its own. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from src.core.domain import EventKind
from src.ingestion.column_names import (
    INVOICE,
    KIND,
    PRODUCT,
    QUANTITY,
    TITLE,
    USER,
    VALUE,
    candidates,
    number_of,
    role_of_name,
    without_groups,
)
from src.ingestion.column_profile import ColumnProfile, looks_like_time
from src.ingestion.column_words import is_excluded, role_by_words
from src.ingestion.event_kind_names import NO_ACT, kind_of
from src.ingestion.parsing import as_texts, is_nothing
from src.ingestion.rating_scales import find_no_rating, without_whole
from src.ingestion.worded_ratings import rating_in_words

_FEWEST_PRODUCTS, _FEWEST_ROWS = 4, 3
_FEWEST_ASKED = 2
_IN_GRID = re.compile(r"(\S.*?)\s*\[([^\[\]]+)\]\s*")
_MOST_UNDERSTOOD = 0.3  # share of a matrix's columns whose names mean something else
_GAPS = 0.1  # share of its cells that are empty or 0: nobody rated everything
_HIGHEST_RATING, _MOST_RATINGS = 10, 21
_HIGHEST_COUNT = 10_000
_ALMOST_ALL, _MOST = 0.9, 0.8
_ACTS = frozenset({EventKind.VIEW, EventKind.CLICK, EventKind.CART, EventKind.PURCHASE})
_YES, _NO = frozenset({"true", "yes", "y", "t", "x"}), frozenset({"false", "no", "n", "f"})


@dataclass(frozen=True)
class Wide:
    """Columns that become rows.

    Attributes:
        columns: Their positions.
        labels: What each of them is: a product, a user or a kind of event.
        kept: Positions of the other columns.
        role: Role of the labels.
        value: Role of the cells.
        zeros: Whether a cell of 0 is a value; if not, it is no event.
        absent: A number that stands for an empty cell; None for none.
    """

    columns: tuple[int, ...]
    labels: tuple[str, ...]
    kept: tuple[int, ...]
    role: str
    value: str
    zeros: bool = False
    absent: float | None = None

    @property
    def n_made(self) -> int:
        """How many columns it makes, which stand at the right."""
        return 2

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the columns of the new rows."""
        return [*(names[at] for at in self.kept), self.role, self.value]

    def rows_of(self, row: Sequence[object]) -> Iterator[list[object]]:
        """Yield a row for each cell that is an event; one without an event if there is none."""
        kept = [row[at] for at in self.kept]
        cells = as_texts([row[at] for at in self.columns])
        found = [(label, _number(cell)) for label, cell in zip(self.labels, cells, strict=True) if self._counts(cell)]
        for label, cell in found or [(NO_ACT if self.role == KIND else "", "")]:
            yield [*kept, label, cell]

    def note(self, names: Sequence[str]) -> str:
        """Return what is said of it, for people."""
        first, last, n = self.labels[0], self.labels[-1], len(self.labels)
        if self.role == KIND:
            shown = ", ".join(map(repr, self.labels))
            return f"{shown} count kinds of events: every cell above 0 became an event; for none: --columns kind="
        other = USER if self.role == PRODUCT else PRODUCT
        what = "a rating" if self.value == VALUE else "how many were bought"
        empty = f"; {self.absent:g}, far from all others, for an empty cell" if self.absent is not None else ""
        whose = f"; the first is the {other}" if self.kept == (0,) else ""
        return (
            f"{n} columns from {first!r} to {last!r} were taken for one {self.role} each, and each filled cell for "
            f"{what}{empty}; if another column has the {self.role}: --columns {self.role}=COLUMN{whose}"
        )

    def _counts(self, cell: str) -> bool:
        if self.absent is not None and number_of(cell) == self.absent:
            return False
        return not is_nothing(cell) and cell.lower() not in _NO and (self.zeros or cell.strip("0.") != "")


def _number(cell: str) -> str:
    return "1" if cell.lower() in _YES else without_groups(cell)


def find_wide(profiles: Sequence[ColumnProfile], settled: Collection[str]) -> Wide | None:
    """Find columns of which each is a product, a user or a kind of event.

    Args:
        profiles: One a column.
        settled: Roles that options tell.

    Returns:
        How they become rows; None for an ordinary table.
    """
    if len(profiles) < 2 or profiles[0].n_rows < _FEWEST_ROWS:
        return None
    acts = None if KIND in settled else _acts(profiles)
    if acts or {PRODUCT, VALUE, QUANTITY} & set(settled):
        return acts
    return _matrix(profiles) or _grid(profiles)


def _grid(profiles: Sequence[ColumnProfile]) -> Wide | None:
    """Find the columns of one question of a survey on several products: "How do you like [Red Mug]"."""
    asked = [_IN_GRID.fullmatch(profile.name) for profile in profiles]
    questions = Counter(found[1] for found in asked if found)
    question, n = next(iter(questions.most_common(1)), ("", 0))
    at = [at for at, found in enumerate(asked) if found and found[1] == question]
    cells = [cell for each in at for cell in profiles[each].cells]
    n_rated = sum(number_of(without_whole(cell)) is not None or rating_in_words(cell) is not None for cell in cells)
    has_user = any(role_of_name(profiles[each].meaning) == USER for each in _others(at, profiles))
    if n < _FEWEST_ASKED or not has_user or n_rated < _MOST * len(cells) or not cells:
        return None
    labels = tuple(found[2] for found in asked if found and found[1] == question)
    return Wide(tuple(at), labels, _others(at, profiles), PRODUCT, VALUE)


def _acts(profiles: Sequence[ColumnProfile]) -> Wide | None:
    """Find columns that are called like kinds of events and count them."""
    roles = {role_of_name(profile.meaning) for profile in profiles}
    at = [at for at, profile in enumerate(profiles) if _counts_an_act(profile)]
    kinds = {kind_of(profiles[each].name) for each in at}
    if len(kinds) < 2 or len(kinds) < len(at) or not {USER, PRODUCT} <= roles:
        return None
    if any(profile.kinds >= 0.5 and profile.is_enumeration and profile.n_kinds > 1 for profile in profiles):
        return None  # another column has the kinds
    return Wide(tuple(at), tuple(profiles[each].name for each in at), _others(at, profiles), KIND, QUANTITY)


def _counts_an_act(profile: ColumnProfile) -> bool:
    if kind_of(profile.name) not in _ACTS or INVOICE in candidates([profile.meaning]) or profile.nested:
        return False
    cells = {cell.lower() for cell in profile.cells}
    counts = [int(float(cell)) for cell in cells - _YES - _NO if _is_count(cell)]
    if len(counts) < len(cells - _YES - _NO) or not cells:
        return False
    return max(counts, default=1) <= _HIGHEST_COUNT and (profile.repeated > 0.0 or profile.n_rows < 2 * _FEWEST_ROWS)


def _is_count(cell: str) -> bool:
    return cell.removesuffix(".0").isdecimal()


def _matrix(profiles: Sequence[ColumnProfile]) -> Wide | None:
    """Find the columns of a matrix of users and products: one row each, and numbers under names that mean nothing."""
    role = role_of_name(profiles[0].meaning)
    cells = _columns_of_matrix(profiles, role)
    if not cells:
        return None
    numbers = [number_of(cell) or 0.0 for at in cells for cell in profiles[at].cells]
    absent = find_no_rating(numbers)
    numbers = [number for number in numbers if number != absent]
    is_numbered = _are_numbered(profiles, cells, role)
    n_all = profiles[0].n_rows * len(cells)
    n_empty = n_all - len(numbers) + sum(number == 0 for number in numbers)
    if not any(numbers) or (not is_numbered and n_empty < _GAPS * n_all):
        return None
    values = set(numbers) - {0.0}
    are_ratings = 1 < len(values) <= _MOST_RATINGS and max(values) <= _HIGHEST_RATING
    is_rated = are_ratings or (is_numbered and min(numbers) < 0)
    if not is_rated and (role != USER or any(value < 0 or value % 1 for value in values)):
        return None
    labels = tuple(profiles[at].name for at in cells)
    label = USER if role in (PRODUCT, TITLE) else PRODUCT
    kept = _others(cells, profiles)
    return Wide(tuple(cells), labels, kept, label, VALUE if is_rated else QUANTITY, min(numbers) < 0, absent)


def _columns_of_matrix(profiles: Sequence[ColumnProfile], role: str) -> list[int]:
    """Return the columns of numbers beside one of different users or products; none if the names mean attributes.

    Args:
        profiles: One a column.
        role: What the name of the first column tells.
    """
    first = profiles[0]
    if first.filled < 1.0 or first.repeated > 0.0 or first.urls or first.times >= 0.5:
        return []
    cells = [
        at
        for at, profile in enumerate(profiles)
        if at and profile.name and profile.numbers == float(bool(profile.cells)) and not is_excluded(profile.meaning)
    ]
    if len(cells) < _FEWEST_PRODUCTS or role not in (USER, PRODUCT, TITLE, ""):
        return []
    other = {role_of_name(profiles[at].meaning) for at in _others([0, *cells], profiles)}
    if len(cells) < _MOST * (len(profiles) - 1) or {PRODUCT, USER, VALUE} & other:
        return []  # a table of reviews has counts too
    if sum(looks_like_time(profiles[at].name) for at in cells) > 1:
        return []
    of_users = [at for at in cells if role_of_name(profiles[at].meaning) == USER]
    if role in (PRODUCT, TITLE):
        return cells if len(of_users) >= _ALMOST_ALL * len(cells) else []
    meant = [at for at in cells if _is_meant(profiles[at].name)]
    is_other = len(meant) > _MOST_UNDERSTOOD * len(cells) and not _are_numbered(profiles, cells, role)
    return [] if is_other else cells


def _are_numbered(profiles: Sequence[ColumnProfile], cells: Sequence[int], role: str) -> bool:
    """Whether columns beside users are called "item1", "item2", and so on."""
    names = [profiles[at].name for at in cells]
    return role == USER and all(role_of_name(name) == PRODUCT and any(map(str.isdigit, name)) for name in names)


def _is_meant(name: str) -> bool:
    found = role_by_words(name)
    return bool(candidates([name])) or (found is not None and found[1] >= 0.5)


def _others(at: Sequence[int], profiles: Sequence[ColumnProfile]) -> tuple[int, ...]:
    return tuple(each for each in range(len(profiles)) if each not in set(at))
