"""Columns that may have a role, and the roles of a file. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class RoleColumn:
    """A column that may have a role.

    Attributes:
        at: Its position.
        confidence: How well its name and its cells fit the role, from 0 to 1.
        is_named: Whether its name is one of the known names.
        filled: Share of rows in which it is not empty.
    """

    at: int
    confidence: float
    is_named: bool
    filled: float


Roles = dict[str, list[RoleColumn]]


def free_columns(roles: Roles, positions: Collection[int]) -> None:
    """Take columns out of all roles, and out of the roles those that have no other column.

    Args:
        roles: Role → its possible columns; changed.
        positions: Of the columns.
    """
    for columns in roles.values():
        columns[:] = [column for column in columns if column.at not in positions]
    for role in [role for role, columns in roles.items() if not columns]:
        del roles[role]
