"""The first rows of a file: what their columns are, and which columns hang together. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from src.ingestion.column_names import columns_option
from src.ingestion.column_profile import ColumnProfile

_EXPECTED = 5.0  # contradictions that chance would bring, from which their absence says something


@dataclass(frozen=True)
class FirstRows:
    """The first rows of a file.

    Attributes:
        profiles: One a column.
        rows: Cells as texts, each row as wide as `profiles`.
    """

    profiles: Sequence[ColumnProfile]
    rows: Sequence[Sequence[str]]

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [profile.name for profile in self.profiles]

    def option(self, role: str, at: int) -> str:
        """Return the option that gives a column a role.

        Args:
            role: The role.
            at: Position of the column.

        Returns:
            As a shell takes it.
        """
        return columns_option({role: at}, self.names)

    def depends_on(self, at: int, key: Sequence[int], others: Sequence[int] = ()) -> bool:
        """Tell whether a column says something of a customer, or of a product, rather than of a row.

        Args:
            at: The column.
            key: Columns of the customer or product.
            others: Columns that tell apart several orders of one key; rows that agree in them too count once.

        Returns:
            Whether each key has one value, where chance would have brought several.
        """
        cells = {tuple(row[each] for each in (*key, *others, at)) for row in self.rows}
        values: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for row in cells if others else [tuple(row[each] for each in (*key, at)) for row in self.rows]:
            values[row[: len(key)]].append(row[-1])
        if any(len(set(each)) > 1 for each in values.values()):
            return False
        counts = Counter(row[at] for row in self.rows)
        chance = 1 - sum((n / len(self.rows)) ** 2 for n in counts.values()) if self.rows else 0.0
        return sum(len(each) - 1 for each in values.values()) * chance >= _EXPECTED
