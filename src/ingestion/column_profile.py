"""Profile the columns of a file by their first cells: how full they are, and what the cells are. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from src.ingestion.ambiguous_names import Look, other_meanings
from src.ingestion.column_names import is_number, number_of
from src.ingestion.event_kind_names import is_ignored_kind, kind_of
from src.ingestion.loan_kinds import are_loans, loan_kind
from src.ingestion.order_states import is_kept_back, order_state
from src.ingestion.parsing import is_nothing
from src.ingestion.prices import price_in
from src.ingestion.worded_ratings import rating_in_words
from src.ingestion.written_clocks import is_clock
from src.ingestion.written_dates import without_weekday, written_date

MANY = 20
"""Filled cells from which shares of a sample say something."""
_EPOCH = re.compile(r"1\d{9}(\d{3}|\d{6}|\d{9})?(\.\d+)?|9\d{8}")
_COMPACT_DAY = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])[0-3]\d")
_EXCEL_DAY = re.compile(r"(3[6-9]|4\d|5[0-5])\d{3}([.,]\d+)?")
_DATE = re.compile(r"\d{1,4}(?:[-/]|\. ?)\d{1,2}(?:[-/]|\. ?)\d{1,4}.*")
_MONTH = re.compile(r"(?:19|20)\d\d[-/](?:0[1-9]|1[0-2])|(?:0[1-9]|1[0-2])[-/](?:19|20)\d\d")
_CLOCK = re.compile(
    r"\d{1,2}[:hH]\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp]\.?[Mm]\.?)?|\d{1,2}[.:]\d{2}([.:]\d{2})? ?([Uu]hr|h|hrs)\.?"
)
_HUNDREDTHS = re.compile(r"\d[.,]\d{1,2}[^\w.,]*(?:[^\W\d_]{1,4}\.?)?$")
_URL = re.compile(r"\s*(https?:)?//?\S+\.\S+.*", re.DOTALL)
_SHOWN_CELLS, _SHOWN_LETTERS = 3, 30
_LONG_TEXT = 40  # characters
_FIRST_YEAR, _LAST_YEAR = 1880, 2035
_MOST, _FEW = 0.8, 0.2
_HIGHEST_STARS, _HIGHEST_RATING = 10, 100
_MOST_STEPS = 21  # different ratings on a scale such as 0 to 10 in halves
_DIGITS_OF_NUMBERS = 3  # at least, of documents
_SHORTEST_REMARK = 3


@dataclass(frozen=True)
class ColumnProfile:
    """What the first cells of a column are. Shares are those of the filled cells, from 0 to 1.

    Attributes:
        name: The column's name, "" without a header.
        cells: The filled cells, as texts.
        n_rows: Rows of the sample.
        nested: Whether most cells are objects or lists of a JSON file.
    """

    name: str
    cells: tuple[str, ...]
    n_rows: int
    nested: bool = False

    def __str__(self) -> str:
        """Return the name with three of the cells, for people."""
        cells = list(dict.fromkeys(self.cells))[:_SHOWN_CELLS]
        return f"{self.name!r} ({', '.join(repr(cell[:_SHOWN_LETTERS]) for cell in cells)})"

    @property
    def filled(self) -> float:
        """Share of the rows in which the cell is not empty."""
        return len(self.cells) / self.n_rows if self.n_rows else 0.0

    @cached_property
    def n_distinct(self) -> int:
        """Number of different cells."""
        return len(set(self.cells))

    @property
    def repeated(self) -> float:
        """Share of the filled cells that stand in an earlier row too."""
        return 1 - self.n_distinct / len(self.cells) if self.cells else 0.0

    @cached_property
    def meaning(self) -> str:
        """The name; where it means something else in another language and the cells are that, in words for that."""
        others = other_meanings(self.name) if self.cells else ()
        return next((name for look, name in others if self._has(look)), self.name)

    def _has(self, look: Look) -> bool:
        """Whether nearly all cells are what another meaning of the name says, and cannot be what the usual one says."""
        if look is Look.DAYS:
            return max(self.times, self.excel_days) >= _MOST
        if look is Look.MONEY:
            return self._is_money_beyond_ratings()
        if look is Look.NUMBERS:
            return self.ids >= _MOST and self.share(_has_number) >= _MOST
        is_worded = self.share(lambda cell: len(cell) >= _SHORTEST_REMARK and any(map(str.isalpha, cell))) >= _MOST
        are_codes = self.ids >= _FEW and self.share(_has_number) >= _MOST
        return is_worded and not are_codes and max(self.numbers, self.share(rating_in_words)) < _FEW

    def _is_money_beyond_ratings(self) -> bool:
        numbers = {number for cell in set(self.cells) if (number := number_of(cell)) is not None}
        if self.money < _MOST or not numbers:
            return self.money >= _MOST
        is_many = len(numbers) > _MOST_STEPS or self.share(lambda cell: cell[-3:-2] in (".", ",")) >= _MOST
        return max(numbers) > _HIGHEST_RATING or (max(numbers) > _HIGHEST_STARS and is_many)

    def share(self, test: Callable[[str], object]) -> float:
        """Return the share of the filled cells that pass a test."""
        return sum(bool(test(cell)) for cell in self.cells) / len(self.cells) if self.cells else 0.0

    @cached_property
    def numbers(self) -> float:
        """Share of numbers."""
        return self.share(is_number)

    @cached_property
    def integers(self) -> float:
        """Share of whole numbers."""
        return self.share(str.isdecimal)

    @cached_property
    def money(self) -> float:
        """Share of numbers with or without a currency."""
        return self.share(price_in)

    @cached_property
    def prices(self) -> float:
        """Share of amounts of money with their hundredths, or a currency beside them, as ids do not have."""
        return self.share(lambda cell: _HUNDREDTHS.search(cell) and price_in(cell))

    @cached_property
    def kinds(self) -> float:
        """Share of names of events, also of those that are left out."""
        if self.of_loans:
            return self.share(lambda cell: kind_of(cell) or is_ignored_kind(cell) or loan_kind(cell) is not None)
        return self.share(lambda cell: kind_of(cell) or is_ignored_kind(cell))

    @cached_property
    def of_loans(self) -> bool:
        """Whether a few words name the events of a library."""
        return self.is_enumeration and are_loans(set(self.cells))

    @cached_property
    def n_kinds(self) -> int:
        """Number of different kinds of events."""
        found = {kind_of(cell) for cell in set(self.cells)}
        found |= {loan_kind(cell) or "" for cell in set(self.cells)} if self.of_loans else set()
        return len(found - {""})

    @cached_property
    def states(self) -> float:
        """Share of states of orders."""
        return self.share(order_state)

    @cached_property
    def listings(self) -> float:
        """Share of states of products: active, draft, hidden."""
        return self.share(lambda cell: is_kept_back(cell) is not None)

    @cached_property
    def times(self) -> float:
        """Share of cells that look like a time with a day."""
        return self.share(looks_like_time)

    @cached_property
    def days(self) -> float:
        """Share of times that are written as such: no number of another kind looks so."""
        return self.share(lambda cell: not is_number(cell) and looks_like_time(cell))

    @cached_property
    def excel_days(self) -> float:
        """Share of numbers that are days since 1900 in this century, as workbooks keep times."""
        return self.share(_EXCEL_DAY.fullmatch)

    @cached_property
    def years(self) -> float:
        """Share of years, as films and books have."""
        return self.share(is_year)

    @cached_property
    def clocks(self) -> float:
        """Share of times of day."""
        return self.share(lambda cell: _CLOCK.fullmatch(cell) or is_clock(cell))

    @cached_property
    def urls(self) -> float:
        """Share of addresses."""
        return self.share(_URL.fullmatch)

    @cached_property
    def objects(self) -> float:
        """Share of objects of a JSON file, which have no text."""
        return self.share(lambda cell: self.nested and cell.startswith("{"))

    @cached_property
    def texts(self) -> float:
        """Share of longer texts with blanks, which are no ids."""
        return self.share(lambda cell: len(cell) > _LONG_TEXT and " " in cell)

    @cached_property
    def ids(self) -> float:
        """Share of cells that could be ids: one word, no decimal number, no time, no address."""
        return self.share(_looks_like_id)

    @cached_property
    def is_enumeration(self) -> bool:
        """Whether a few short words repeat, as names of kinds and states do."""
        few = self.n_distinct <= 25 and (self.repeated >= 0.5 or len(self.cells) < MANY)
        return few and self.numbers < 0.5 and all(len(cell) <= _LONG_TEXT for cell in set(self.cells))


def _has_number(text: str) -> bool:
    return sum(map(str.isdigit, text)) >= _DIGITS_OF_NUMBERS


def is_year(text: str) -> bool:
    """Whether a text is a year in which a film, a book or a record may have come out."""
    return len(text) == len("2026") and text.isdecimal() and _FIRST_YEAR <= int(text) <= _LAST_YEAR


def numbers_rows(profile: ColumnProfile) -> bool:
    """Return whether the cells of a column are the numbers of the rows, from 0 or 1 on.

    Args:
        profile: The column.
    """
    cells, is_whole = profile.cells, profile.filled == 1.0 and len(profile.cells) > 2
    return is_whole and cells[0] in ("0", "1") and all(cell == str(at) for at, cell in enumerate(cells, int(cells[0])))


def looks_like_time(text: str) -> bool:
    """Whether a text has the shape of a date, of a date and time, or of a unix time."""
    if is_number(text):
        return bool(_EPOCH.fullmatch(text) or _COMPACT_DAY.fullmatch(text))
    return bool(_DATE.fullmatch(without_weekday(text)) or _MONTH.fullmatch(text) or written_date(text))


def _looks_like_id(text: str) -> bool:
    if " " in text or len(text) > 2 * _LONG_TEXT or "://" in text:
        return False
    return not looks_like_time(text) and (text.isdecimal() or not is_number(text))


def profile_columns(
    names: Sequence[str], sample: Sequence[Sequence[str]], nested: Sequence[bool] = ()
) -> list[ColumnProfile]:
    """Profile every column.

    Args:
        names: Names of the columns, "" for a column without one.
        sample: First rows, as texts, each as wide as `names`.
        nested: Whether most cells of a column are JSON objects or lists; empty for none.

    Returns:
        One profile a column.
    """
    return [
        ColumnProfile(
            name,
            tuple(text for row in sample if not is_nothing(text := row[at].strip())),
            len(sample),
            bool(nested) and nested[at],
        )
        for at, name in enumerate(names)
    ]
