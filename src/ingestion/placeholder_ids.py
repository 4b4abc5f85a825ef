"""Find the word for "none" in the finer of two columns of ids, such as the 0 of products without variants. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from src.ingestion.column_names import PRODUCT, TITLE
from src.ingestion.column_profile import profile_columns
from src.ingestion.first_rows import FirstRows
from src.ingestion.nobody import NOBODY
from src.ingestion.role_columns import Roles

_ENOUGH = 3  # ids that repeat, ids and titles beside the word for none
_MOST = 0.9  # share of ids that have one title
_SEVERAL = 2  # ids of variants for one product


class Placeholder(NamedTuple):
    """A cell of a column of ids that means none.

    Attributes:
        at: Position of the column of the finer ids.
        beside: Position of the column of the coarser ids.
        text: The cell; "" where the column is empty.
        n_beside: How many of the coarser ids it stands beside.
    """

    at: int
    beside: int
    text: str
    n_beside: int

    def note(self, first: FirstRows) -> str:
        """Return what is said of the reading."""
        names = first.names
        what = f"is {self.text!r}" if self.text else "is empty"
        return (
            f"{names[self.at]!r} {what} beside {self.n_beside} of {names[self.beside]!r}, so it means none: there "
            f"{names[self.beside]!r} was taken for the product; for this in all rows: "
            f"{first.option(PRODUCT, self.beside)}"
        )

    def taken_out(self, first: FirstRows) -> FirstRows:
        """Return the first rows with empty cells in place of the word."""
        rows = [list(row) for row in first.rows]
        for row in rows:
            row[self.at] = "" if row[self.at].strip() == self.text else row[self.at]
        old = first.profiles[self.at]
        (profile,) = profile_columns([old.name], [[row[self.at]] for row in rows], [old.nested])
        return FirstRows([*first.profiles[: self.at], profile, *first.profiles[self.at + 1 :]], rows)


def find_placeholder(roles: Roles, first: FirstRows) -> Placeholder | None:
    """Find a cell that many products share, in a column whose other ids stand beside one product each.

    Args:
        roles: Role → its possible columns, best first.
        first: The first rows of the file.

    Returns:
        The cell with both columns; None if there is none.
    """
    columns = [column.at for column in roles.get(PRODUCT, ())]
    titles = [column.at for column in roles.get(TITLE, ()) if column.at not in columns][:1]
    pairs = ((at, beside) for at in columns for beside in columns if at != beside)
    return next((found for at, beside in pairs for found in _placeholders(at, beside, titles, first)), None)


def _placeholders(at: int, beside: int, titles: list[int], first: FirstRows) -> Iterator[Placeholder]:
    """Yield the one cell of a column that stands beside several ids of another, and several titles.

    Args:
        at: The column of the finer ids.
        beside: That of the coarser ids.
        titles: That of titles; [] for none.
        first: The first rows of the file.
    """
    rows = [row for row in first.rows if row[beside].strip()]
    if len({row[at].strip() for row in rows}) <= _ENOUGH:
        return
    coarser: dict[str, set[str]] = defaultdict(set)
    finer: dict[str, set[str]] = defaultdict(set)
    named: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for row in rows:
        id_, product = row[at].strip(), row[beside].strip()
        counts[id_] += 1
        coarser[id_].add(product)
        finer[product].add(id_)
        named[id_].update(row[title].strip() for title in titles)
    several = [id_ for id_, products in coarser.items() if len(products) > 1]
    if len(several) != 1 or len(coarser[several[0]]) < _ENOUGH:
        return
    none = several[0]
    n_repeated = sum(n > 1 for id_, n in counts.items() if id_ != none)
    n_varied = sum(len(ids - {none}) >= _SEVERAL for ids in finer.values())
    # A word for none tells no titles apart, and an id has one title. Where no titles are, its look must tell.
    n_single = sum(len(each) == 1 for id_, each in named.items() if id_ != none)
    is_told = len(named[none]) >= _ENOUGH and n_single >= _MOST * (len(coarser) - 1)
    is_told = is_told if titles else none in NOBODY or (bool(none) and not none.strip("0"))
    if is_told and n_repeated >= _ENOUGH and n_varied >= _SEVERAL:
        yield Placeholder(at, beside, none, len(coarser[none]))


def prefer_finer(roles: Roles, found: Placeholder, first: FirstRows) -> None:
    """Put the column of the finer ids first, and that of the coarser ones, which fills its gaps, second.

    Args:
        roles: Role → its possible columns; changed.
        found: The word for none.
        first: The first rows, without that word.
    """
    columns = {column.at: column for column in roles[PRODUCT]}
    finer = replace(columns.pop(found.at), filled=first.profiles[found.at].filled)
    roles[PRODUCT] = [finer, columns.pop(found.beside), *columns.values()]
