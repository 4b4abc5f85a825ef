"""Join a file of order lines with a file of orders by the number of the order, when each lacks what the other has."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from src.core.errors import UnusableFile
from src.ingestion.column_names import (
    CANCELLED,
    CLOCK,
    INVOICE,
    PRODUCT,
    QUANTITY,
    REFUNDED,
    STATE,
    TIME,
    TITLE,
    TOTAL,
    USER,
    normalize_name,
)
from src.ingestion.column_profile import ColumnProfile, profile_columns
from src.ingestion.column_roles import find_roles
from src.ingestion.id_matching import strip_zeros
from src.ingestion.layout import Hints
from src.ingestion.parsing import as_texts
from src.ingestion.role_columns import RoleColumn, Roles
from src.ingestion.table_files import NamedRows, named_rows

_OF_ORDER = (USER, TIME, CLOCK, STATE, CANCELLED, REFUNDED, TOTAL)
_BATCH = 500
_MOST_COMPARED = 10  # files
_MOST_BLOCKS = 200  # of orders, to see whether their numbers are those of one customer each
_IDS = 0.9  # share of cells that are ids
_MATCHING = 0.5  # share of the first lines whose order must be in the other file


@dataclass(frozen=True)
class _Part:
    """One of the two files: its rows, the roles of its columns, and whether orders 0071 and 71 are one."""

    named: NamedRows
    roles: Roles
    profiles: Sequence[ColumnProfile]
    is_stripped: bool = False
    beside: int | None = None
    """Position of the column that tells orders of one number apart, such as the shop that numbered them."""

    @property
    def has_lines(self) -> bool:
        """Whether its rows are lines of orders without their customers; what the product is may be told later."""
        told = self.roles.keys()
        return INVOICE in told and USER not in told and (PRODUCT in told or {TITLE, QUANTITY} <= told)

    def order_of(self, row: Sequence[str]) -> str:
        """Return the number of a row's order, as it is compared."""
        text = row[self.key()]
        number = strip_zeros(text.strip("='\" ")) if self.is_stripped else text
        return number if self.beside is None or not number else f"{row[self.beside].strip()}/{number}"

    def example(self) -> str:
        """Return the columns of orders, with the first order of each."""
        row = self.named.sample[0]
        return ", ".join(f"{self.named.names[each.at]!r} ({row[each.at]!r} …)" for each in self.roles[INVOICE])

    def key(self) -> int:
        """Return the position of the order's number."""
        return self.roles[INVOICE][0].at

    def with_key(self, at: int) -> _Part:
        """Return the part with another column as the order's number."""
        return replace(self, roles={**self.roles, INVOICE: [RoleColumn(at, 1.0, False, self.profiles[at].filled)]})


@dataclass(frozen=True)
class Pair:
    """Two files that belong together.

    Attributes:
        lines: The file of order lines.
        orders: The file of orders.
        key: The name of the column by which they are joined, or of the two.
    """

    lines: Path
    orders: Path
    key: str
    _parts: tuple[_Part, _Part]

    def hints_of(self, hints: Hints) -> Hints:
        """Return what options say of the joined rows: columns of the orders are named as they are in these."""
        lines, orders = self._parts
        names = {orders.named.names[at]: name for name, at in self._columns().items()}
        columns = {
            role: given if given in lines.named.names else names.get(given, given)
            for role, given in hints.columns.items()
        }
        return replace(hints, columns=columns)

    def _columns(self) -> dict[str, int]:
        """Return name in the joined rows → position in the orders; of two states both count.

        Columns of a few words are kept under their own names: their cells may be states.
        """
        lines, orders = self._parts
        every = [(role, n, column.at) for role in _OF_ORDER for n, column in enumerate(orders.roles.get(role, ()), 1)]
        told = {role if n == 1 else f"{role} {n}": at for role, n, at in every}
        taken = {orders.key(), *told.values()}
        worded = [at for at, each in enumerate(orders.profiles) if each.is_enumeration and not each.numbers]
        others = {orders.named.names[at]: at for at in worded if at not in taken}
        return told | {name: at for name, at in others.items() if name not in {*told, *lines.named.names}}

    def write(self, folder: Path) -> Path:
        """Write the joined rows as a table into a folder; return its path."""
        lines, orders = self._parts
        path = folder / f"{self.lines.name}.joined.csv"
        names, columns = list(self._columns()), list(self._columns().values())
        with closing(sqlite3.connect(folder / "orders.sqlite3")) as base:
            _fill(base, orders, columns)
            with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                writer = csv.writer(file)
                writer.writerow([*lines.named.names, *names])
                for rows in _batches(lines.named):
                    found = _look_up(base, list(map(lines.order_of, rows)))
                    for row in rows:
                        order = found.get(lines.order_of(row))
                        if order is None:  # without its number, it is no sale to a stranger but a row that is rejected
                            row = [*row[: lines.key()], "", *row[lines.key() + 1 :]]
                        elif lines.beside is not None:  # one number for each order
                            row = [*row[: lines.key()], lines.order_of(row), *row[lines.key() + 1 :]]
                        writer.writerow([*row, *(order or ("",) * len(columns))])
        return path


def find_pair(paths: Sequence[Path], hints: Hints) -> Pair | None:
    """Find two of these files that make one table: order lines without customers, and orders without products.

    Args:
        paths: Files that could not be read alone.
        hints: What options say about them.

    Returns:
        The pair; None if there is none.
    """
    parts = {path: part for path in paths if (part := _part_of(path, hints)) is not None}
    lines = [path for path, part in parts.items() if part.has_lines]
    orders = [path for path, part in parts.items() if USER in part.roles and PRODUCT not in part.roles]
    for line_path in lines:
        for order_path in orders:
            pair = _told_apart(_matching(parts[line_path], parts[order_path]))
            if pair is not None:
                return Pair(line_path, order_path, _key_of(pair[0]), pair)
    return None


def _key_of(part: _Part) -> str:
    """Return the name of the column, or the names of the two columns, by which a part is joined."""
    names = [part.named.names[at] for at in (part.beside, part.key()) if at is not None]
    return " and ".join(names)


def find_headed_pair(paths: Sequence[Path], hints: Hints) -> Pair | None:
    """Find order lines without customers whose orders are a file that could be read alone, by what is no product there.

    Such are orders with a reference or a code of their own: each stands in one row, and none of their products in a
    line.

    Args:
        paths: All files that were given.
        hints: What options say about them.

    Returns:
        The pair; None if there is none.
    """
    if not 1 < len(paths) <= _MOST_COMPARED:
        return None
    parts = {path: part for path in paths if (part := _part_of(path, hints)) is not None}
    lines = [path for path, part in parts.items() if part.has_lines and PRODUCT in part.roles]
    orders = [path for path, part in parts.items() if {USER, PRODUCT, INVOICE} <= part.roles.keys()]
    for line_path in lines:
        for order_path in orders:
            pair = _told_apart(_matching(parts[line_path], parts[order_path]))
            if pair is not None and _is_headed(*pair):
                return Pair(line_path, order_path, _key_of(pair[0]), pair)
    return None


def _is_headed(lines: _Part, orders: _Part) -> bool:
    """Whether each of the first orders has one row, and no product of the lines."""
    numbers = list(map(orders.order_of, orders.named.sample))
    sold, named = (
        {row[column.at] for column in part.roles[PRODUCT] for row in part.named.sample} for part in (lines, orders)
    )
    return len(set(numbers)) == len(numbers) and sold.isdisjoint(named - {""})


def why_not_joined(path: Path, paths: Sequence[Path], hints: Hints) -> str:
    """Say by what a file was compared with others that were given, where it has orders and was not joined; else "".

    Args:
        path: The file.
        paths: All files that were given.
        hints: What options say about them.
    """
    part = _part_of(path, hints)
    if part is None or INVOICE not in part.roles or not part.named.sample:
        return ""
    said = ""
    for each in paths[:_MOST_COMPARED]:
        other = _part_of(each, hints) if each != path else None
        if other is None or INVOICE not in other.roles or not other.named.sample:
            continue
        is_whole = {USER, PRODUCT} <= other.roles.keys()
        lines, orders = (part, other) if part.has_lines else (other, part)
        pair = _matching(lines, orders) if lines.has_lines and USER in orders.roles else None
        if pair is not None and _told_apart(pair) is None:
            said += (
                f"It was not joined with {each.name}: {_of_several_customers(pair[1])!r} of {_key_of(pair[1])!r} has "
                "several customers, and no second column that both files have tells such orders apart: write a "
                "number of its own for each order into both files. "
            )
            continue
        why = (
            f"has customers and products itself, so it was read alone: write its customers into {path.name}"
            if is_whole
            else "has other orders, or lacks the same column"
        )
        said += f"It was not joined: {part.example()} was compared with {other.example()} of {each.name}, which {why}. "
    return said


def _part_of(path: Path, hints: Hints) -> _Part | None:
    try:
        named = named_rows(path, replace(hints, layout=None, columns={}))
    except UnusableFile:
        return None
    if named is None:
        return None
    profiles = profile_columns(named.names, named.sample)
    return _Part(named, find_roles(profiles, {}, []), profiles)


def _matching(lines: _Part, orders: _Part) -> tuple[_Part, _Part] | None:
    """Return the parts with the columns by which they are joined: by their names, else by their cells."""
    for is_stripped in (False, True):
        for column in orders.roles.get(INVOICE, ()):
            pair = replace(lines, is_stripped=is_stripped), replace(orders.with_key(column.at), is_stripped=is_stripped)
            if _match(*pair):
                return pair
    for at, profile in enumerate(orders.profiles):  # such as "entity_id", which is the lines' "order_id"
        if profile.cells and profile.filled == 1.0 and profile.repeated == 0.0 and profile.ids >= _IDS:
            other = orders.with_key(at)
            if _match(lines, other):
                return lines, other
    return None


def _match(lines: _Part, orders: _Part) -> bool:
    """Whether the first orders of one file stand among those of the other, or the other way round."""
    of_lines = set(map(lines.order_of, lines.named.sample))
    of_orders = set(map(orders.order_of, orders.named.sample))
    if of_lines & of_orders and not lines.is_stripped:
        return True
    known = {text for rows in _batches(orders.named) for row in rows if (text := orders.order_of(row)) in of_lines}
    return len(known) >= _MATCHING * len(of_lines)


def _told_apart(pair: tuple[_Part, _Part] | None) -> tuple[_Part, _Part] | None:
    """Return a pair with a second column where one number stands beside several customers; None if none tells apart."""
    if pair is None or USER not in pair[1].roles or not _of_several_customers(pair[1]):
        return pair
    lines, orders = pair
    names = {normalize_name(name): at for at, name in enumerate(orders.named.names)}
    for at, name in enumerate(lines.named.names):
        other = names.get(normalize_name(name))
        if at == lines.key() or other in (None, orders.key(), orders.roles[USER][0].at):
            continue
        apart = replace(lines, beside=at), replace(orders, beside=other)
        if not _of_several_customers(apart[1]) and _match(*apart):
            return apart
    return None


def _of_several_customers(orders: _Part) -> str:
    """Return a number, as it is compared, that stands beside several customers; "" for none."""
    user = orders.roles[USER][0].at
    customers: dict[str, str] = {}
    for rows in islice(_batches(orders.named), _MOST_BLOCKS):
        for row in rows:
            number, customer = orders.order_of(row), row[user].strip()
            if number and customer and customers.setdefault(number, customer) != customer:
                return number
    return ""


def _batches(named: NamedRows) -> Iterator[list[list[str]]]:
    for block in named.rows.blocks():
        yield [as_texts(row) for row in block.rows]


def _fill(base: sqlite3.Connection, orders: _Part, columns: Sequence[int]) -> None:
    """Write the orders into a table on disk, since there may be more of them than fit into memory."""
    base.execute("PRAGMA journal_mode = OFF")
    cells = "".join(f", c{at} TEXT" for at in range(len(columns)))
    base.execute(f"CREATE TABLE orders (id TEXT PRIMARY KEY{cells}) WITHOUT ROWID")
    places = ", ".join("?" * (len(columns) + 1))
    for rows in _batches(orders.named):
        base.executemany(
            f"INSERT OR REPLACE INTO orders VALUES ({places})",
            ([orders.order_of(row), *(row[at] for at in columns)] for row in rows),
        )


def _look_up(base: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Sequence[Any]]:
    found: dict[str, Sequence[Any]] = {}
    distinct = list(dict.fromkeys(ids))
    for at in range(0, len(distinct), _BATCH):
        part = distinct[at : at + _BATCH]
        places = ", ".join("?" * len(part))
        for row in base.execute(f"SELECT * FROM orders WHERE id IN ({places})", part):
            found[row[0]] = row[1:]
    return found
