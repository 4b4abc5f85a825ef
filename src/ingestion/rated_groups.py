"""Find groups of columns of which each is a product with its rating and what was said of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from src.ingestion.column_names import PRODUCT, USER, VALUE, is_number, role_of_name
from src.ingestion.column_profile import ColumnProfile
from src.ingestion.parsing import as_texts, is_nothing
from src.ingestion.rating_scales import says_unrated

_FEWEST = 3
_NO_ANSWER = frozenset(
    ["k.a.", "k. a.", "ka", "keine angabe", "n.a.", "na", "n/a", "no answer", "sans réponse", "sans avis", "ns",
     "ns/nc", "sin respuesta", "b.d.", "brak", "brak odpowiedzi", "geen antwoord", "nessuna risposta", "nvt", "?"]
)  # fmt: skip
_MOST = 0.6  # share of ratings that are numbers: some say "no answer"


@dataclass(frozen=True)
class RatedGroups:
    """Columns of ratings that become rows, one for each product that somebody rated.

    Attributes:
        columns: Positions of the ratings.
        labels: The product of each.
        kept: Positions of the columns that say something of the row.
        rating: What the ratings are called.
    """

    columns: tuple[int, ...]
    labels: tuple[str, ...]
    kept: tuple[int, ...]
    rating: str

    @property
    def n_made(self) -> int:
        """How many columns it makes, which stand at the right."""
        return 2

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the columns of the new rows."""
        return [*(names[at] for at in self.kept), PRODUCT, self.rating]

    def rows_of(self, row: Sequence[object]) -> Iterator[list[object]]:
        """Yield a row for each filled rating."""
        kept = [row[at] for at in self.kept]
        cells = as_texts([row[at] for at in self.columns])
        for label, cell in zip(self.labels, cells, strict=True):
            if not is_nothing(cell) and not says_unrated(cell) and cell.lower() not in _NO_ANSWER:
                yield [*kept, label, cell]

    def note(self, names: Sequence[str]) -> str:
        """Return what is said of it, for people."""
        shown = ", ".join(map(repr, self.labels[:_FEWEST]))
        others = sorted({names[at] for at in range(len(names))} - {names[at] for at in (*self.kept, *self.columns)})
        beside = f"; not read: {', '.join(map(repr, others))}"[:200] if others else ""
        return f"each of {shown} … ({len(self.labels)}) is a product, rated in the column {self.rating!r}{beside}"


def find_rated_groups(profiles: Sequence[ColumnProfile]) -> RatedGroups | None:
    """Find columns called after a product and a word for ratings: "Honey Rating", "Cheese Rating".

    Args:
        profiles: One a column.

    Returns:
        How they become rows; None where fewer than three products are rated so, or no other column names users.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    others = set()
    for at, profile in enumerate(profiles):
        label, _, last = profile.name.rpartition(" ")
        if label and role_of_name(last) == VALUE and profile.share(is_number) >= _MOST:
            found.setdefault(last, []).append((at, label))
        elif label:
            others.add(label)
    rating, rated = max(found.items(), key=lambda each: len(each[1]), default=("", []))
    labels = [label for _, label in rated]
    if len(rated) < _FEWEST or len(set(labels)) < len(labels) or not others & set(labels):
        return None
    positions = [at for at, _ in rated]
    kept = [
        at
        for at, each in enumerate(profiles)
        if at not in positions and each.name.rpartition(" ")[0] not in labels and each.name
    ]
    if not any(role_of_name(profiles[at].name) == USER for at in kept):
        return None
    return RatedGroups(tuple(positions), tuple(labels), tuple(kept), rating)
