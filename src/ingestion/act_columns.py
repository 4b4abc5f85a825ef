"""Find columns that each hold the product of another act: "viewed_sku" beside "bought_sku". Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from src.core.domain import EventKind
from src.ingestion.column_names import KIND, PRODUCT, USER, columns_option, is_number, role_of_name
from src.ingestion.column_profile import ColumnProfile
from src.ingestion.column_vocabulary import PRODUCT_WORD
from src.ingestion.column_words import classes_of, is_excluded, role_by_words, words_of
from src.ingestion.event_kind_names import NO_ACT, kind_among, says_left
from src.ingestion.parsing import as_texts, is_nothing

_SHORTEST_ID = 3  # digits of a number that is an id rather than a count
_LEAST_FILLED = 0.02


@dataclass(frozen=True)
class ActColumns:
    """Columns of products that become rows: one for each filled cell, with the act that the column's name tells.

    Attributes:
        columns: Their positions.
        kinds: The act of each.
        kept: Positions of the other columns.
        left: Position of the column whose words tell carts that nobody paid; None if there is none.
    """

    columns: tuple[int, ...]
    kinds: tuple[EventKind, ...]
    kept: tuple[int, ...]
    left: int | None = None

    @property
    def n_made(self) -> int:
        """How many columns it makes, which stand at the right."""
        return 2

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the columns of the new rows."""
        return [*(names[at] for at in self.kept), PRODUCT, KIND]

    def rows_of(self, row: Sequence[object]) -> Iterator[list[object]]:
        """Yield a row for each filled cell; one that is no act if there is none."""
        kept = [row[at] for at in self.kept]
        cells = as_texts([row[at] for at in self.columns])
        found = [(cell, str(kind)) for cell, kind in zip(cells, self.kinds, strict=True) if not is_nothing(cell)]
        is_left = self.left is not None and says_left(as_texts([row[self.left]])[0])
        for cell, kind in found or [("", NO_ACT)]:
            yield [*kept, cell, str(EventKind.CART) if is_left and kind == EventKind.PURCHASE else kind]

    def note(self, names: Sequence[str]) -> str:
        """Return what is said of it, for people."""
        shown = ", ".join(f"{names[at]!r} a {kind}" for at, kind in zip(self.columns, self.kinds, strict=True))
        left = f"; a purchase that {names[self.left]!r} calls abandoned a cart" if self.left is not None else ""
        return (
            f"each filled cell became an event: in {shown}{left}; to read one of these columns only: "
            f"{columns_option({PRODUCT: self.columns[0]}, names)}"
        )


def find_act_columns(profiles: Sequence[ColumnProfile], sample: Sequence[Sequence[str]]) -> ActColumns | None:
    """Find columns of products whose names tell different acts, or that are filled in different rows.

    Args:
        profiles: One a column.
        sample: The first rows.

    Returns:
        How they become rows; None where no such columns are, or another column has the kinds of events.
    """
    at = [at for at, profile in enumerate(profiles) if _holds_products(profile)]
    named = {each: kind_among(profiles[each].name) for each in at}
    acts = [kind for kind in named.values() if kind is not None]
    others = [profile for each, profile in enumerate(profiles) if each not in at]
    has_kinds = any(each.n_kinds > 1 and each.kinds >= 0.9 and each.is_enumeration for each in others)
    if len(at) < 2 or not acts or has_kinds or not any(_role_of(each.name) == USER for each in others):
        return None
    is_apart = all(sum(bool(row[each].strip()) for each in at) < 2 for row in sample)
    is_told = len(acts) == len(at) == len(set(acts))
    # One column without an act is that of what was bought, where the others tell what was looked at.
    is_bought = is_apart and len(acts) == len(at) - 1 and EventKind.PURCHASE not in acts and len(set(acts)) == len(acts)
    if not is_told and not is_bought:
        return None
    kinds = tuple(named[each] or EventKind.PURCHASE for each in at)
    kept = tuple(each for each in range(len(profiles)) if each not in at)
    words = {each: set(profiles[each].cells) for each in kept if profiles[each].is_enumeration}
    left = next((each for each, cells in words.items() if any(map(says_left, cells))), None)
    return ActColumns(tuple(at), kinds, kept, left)


def _holds_products(profile: ColumnProfile) -> bool:
    """Whether a column is named like a product, and its cells are ids of several."""
    if _role_of(profile.name) != PRODUCT or is_excluded(profile.meaning) or profile.nested:
        return False
    are_codes = all(len(cell) >= _SHORTEST_ID for cell in profile.cells if is_number(cell))
    return profile.filled >= _LEAST_FILLED and profile.ids >= 0.9 and profile.n_distinct > 1 and are_codes


def _role_of(name: str) -> str:
    """Return the role that the words of a name tell which are no act: a "carted item" is an item."""
    rest = " ".join(word for word in words_of(name) if kind_among(word) is None)
    return role_of_name(name) or ((role_by_words(rest) or ("",))[0] if PRODUCT_WORD in classes_of(rest) else "")
