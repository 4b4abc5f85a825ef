"""Layouts: what the rows of a file mean, and the hints by which options give one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from src.core.domain import EventKind
from src.core.errors import InputError
from src.ingestion.column_account import ColumnFate
from src.ingestion.column_names import ROLES, describe_columns
from src.ingestion.csv_rows import CsvRows
from src.ingestion.given_words import Words
from src.ingestion.id_matching import IdMapping
from src.ingestion.json_rows import JsonLinesRows
from src.ingestion.parquet_rows import ParquetRows
from src.ingestion.parsing import EPOCH, TimeFormat
from src.ingestion.rating_scales import Scale
from src.ingestion.reshaped_rows import ReshapedRows

RATINGS, PURCHASES, EVENTS, CLICKS, PAIRS, PRODUCTS = "ratings", "purchases", "events", "clicks", "pairs", "products"
LISTS, GENRES = "lists", "genres"
LAYOUTS = {
    RATINGS: "user, product, rating[, time]: one rating a row",
    PURCHASES: "user, product[, quantity, invoice, time, price, description]: one line of an invoice a row",
    EVENTS: "user, product, kind of event[, time, value]: one event a row",
    CLICKS: "user, product clicked, whether it was purchased: a click a row, and a purchase where it was",
    PAIRS: "user, product[, time]: one event a row, of the kind that --kind names",
    LISTS: "numbers with blanks between: a user and all her products a row, of the kind that --kind names",
    PRODUCTS: "product[, title, description, category, brand, price, image, stock, withdrawn]: the catalogue",
    GENRES: "MovieLens' u.item: bars between, and a flag for each of 19 genres",
}
GENRE_NAMES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
_MAX_SHOWN = 200  # characters of the unused columns in a description


@dataclass(frozen=True)
class Hints:
    """Facts about a file that options state; None and {} where they state nothing.

    Attributes:
        layout: A key of LAYOUTS.
        columns: Role → name of its column, or its number from 1, or "" for none.
        kind: Kind of the events where no column gives it.
        day_first: Whether 3/4/2020 is in April.
        encoding: Encoding of the text, as Python names it.
        separator: What stands between fields.
        decimal: Decimal sign, "." or ",".
        language: Language of the texts of a catalogue.
        ids: What replaces ids of products.
        mapping: Whether a saved mapping may complete these hints.
        words: What words of the file mean.
        scale: The scale of its ratings.
        cents: Whether its prices are in cents.
        keep_earlier: Whether what the file stored in another reading stays.
    """

    layout: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    kind: EventKind | None = None
    day_first: bool | None = None
    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    language: str | None = None
    ids: IdMapping | None = None
    mapping: bool = True
    words: Words = field(default_factory=Words)
    scale: Scale | None = None
    cents: bool = False
    keep_earlier: bool = False


@dataclass(frozen=True)
class Layout:
    """The meaning of the rows of a file.

    Attributes:
        name: A key of LAYOUTS.
        columns: Role → position of its cell in a row.
        names: Names of the columns; empty without a header.
        unused: Names of columns without a role.
        kind: Kind of the events where no column gives it.
        time: Notation of times.
        decimal: Decimal sign, "." or ",".
        fallbacks: Role → positions whose cells are taken where the cell of the role is empty, in this order.
        unrated: Whether ratings that are empty, or 0 or less below the scale, mean "used, not rated".
        no_rating: A number that means the same; None for none.
        worded: Whether ratings are words.
        ids: What replaces ids of products; None for nothing.
        language: The language whose rows count, where rows name theirs; "" for rows that name none.
        words: What options say that words mean.
        scale: The scale of its ratings; None where that is not known.
        cents: Roles of prices that are in cents.
        of_lines: Whether prices are those of whole lines: the quantity times that of one piece.
        of_stock: Whether quantities of sales are below zero, as a stock sees them.
        nobody: Ids of users that stand for nobody in this file.
        mails: Whether its users are addresses of e-mail, and some stand in capitals as well as in small letters.
        no_ids: Cells that mean none in its column of ids of products.
        notes: Ambiguities, and the options that resolve them the other way.
        account: What becomes of each column of the file; empty without a header.
    """

    name: str
    columns: dict[str, int]
    names: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    kind: EventKind = EventKind.PURCHASE
    time: TimeFormat = field(default_factory=lambda: TimeFormat((EPOCH,)))
    decimal: str = "."
    fallbacks: dict[str, tuple[int, ...]] = field(default_factory=dict)
    unrated: bool = False
    no_rating: float | None = None
    worded: bool = False
    ids: IdMapping | None = None
    language: str | None = None
    words: Words = field(default_factory=Words)
    scale: Scale | None = None
    cents: frozenset[str] = frozenset()
    of_lines: bool = False
    of_stock: bool = False
    nobody: frozenset[str] = frozenset()
    mails: bool = False
    no_ids: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    account: tuple[ColumnFate, ...] = ()

    @property
    def has_events(self) -> bool:
        """Whether the rows are events rather than products."""
        return self.name not in (PRODUCTS, GENRES)

    def name_of(self, at: int) -> str:
        """Return what messages call the column at a position."""
        return self.names[at] if self.names else f"column {at + 1}"


@dataclass(frozen=True)
class Table:
    """A file with its layout.

    Attributes:
        path: The file.
        rows: Its rows.
        layout: What they mean.
        source: Where its rows come from, if not from a file; "" for a file.
    """

    path: Path
    rows: CsvRows | JsonLinesRows | ParquetRows | ReshapedRows
    layout: Layout
    source: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.source or str(self.path)

    def with_notes(self, *notes: str) -> Table:
        """Return the table with further notes before the others."""
        return replace(self, layout=replace(self.layout, notes=(*notes, *self.layout.notes)))

    def with_later_notes(self, *notes: str) -> Table:
        """Return the table with further notes after the others."""
        return replace(self, layout=replace(self.layout, notes=(*self.layout.notes, *notes)))

    def describe(self) -> str:
        """Return one line for people: how the file is read."""
        layout = self.layout
        header = "" if layout.names or not isinstance(self.rows, CsvRows) else ", no header"
        is_plain = isinstance(self.rows, ParquetRows) or self.rows.file.encoding.startswith("utf-8")
        encoding = "" if is_plain else f" in {self.rows.file.encoding}"
        unused = f"; not used: {', '.join(layout.unused)}"[:_MAX_SHOWN] if layout.unused else ""
        columns = describe_columns(layout.columns, layout.names)
        return f"{layout.name}, {self.rows.describe()}{encoding}{header}; {columns}{unused}"


def note_lines(layout: Layout) -> list[str]:
    """Return a line for each note, for people; of some that events may be wrong, as a warning."""
    return [f"  {note}" if note.startswith("WARNING: ") else f"  note: {note}" for note in layout.notes]


def parse_columns(text: str) -> dict[str, str]:
    """Parse `user=…,product=…` into role → column.

    Raises:
        InputError: A part has no role, or an unknown one.
    """
    columns = {}
    for part in filter(None, text.split(",")):
        role, equals, column = part.partition("=")
        role = role.strip().lower()
        if not equals or role not in ROLES:
            raise InputError(
                f"--columns: found {part!r}; expected role=column with a role out of {', '.join(ROLES)}: "
                "--columns user=customer,product=sku,time=date"
            )
        columns[role] = column.strip()
    return columns


def genres_of(flags: Sequence[object]) -> str:
    """Return MovieLens' flags as names of genres, separated by bars."""
    return "|".join(name for name, flag in zip(GENRE_NAMES, flags, strict=False) if flag == "1")
