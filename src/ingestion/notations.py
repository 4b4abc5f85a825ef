"""Find the notation of the cells of a file by its first rows: times, numbers, ratings, letters, languages."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.core.domain import EventKind
from src.core.errors import UnusableFile
from src.ingestion.column_names import (
    BRAND,
    CATEGORY,
    KIND,
    LISTED,
    PRICE,
    PRODUCT,
    QUANTITY,
    SALE_PRICE,
    STATE,
    TIME,
    TITLE,
    USER,
    VALUE,
    columns_option,
    number_of,
)
from src.ingestion.column_profile import ColumnProfile
from src.ingestion.column_words import writes_days_first
from src.ingestion.control_columns import is_control, meanings_of_control
from src.ingestion.csv_rows import CsvRows
from src.ingestion.event_kind_names import kind_of_rows, name_of_left_carts, says_listening
from src.ingestion.given_words import Words
from src.ingestion.layout import EVENTS, PAIRS, PRODUCTS, PURCHASES, RATINGS, Hints, Layout
from src.ingestion.loan_kinds import are_loans, names_rental
from src.ingestion.order_states import OrderState, order_state
from src.ingestion.parquet_rows import ParquetRows
from src.ingestion.parsing import (
    TimeFormat,
    as_texts,
    decimal_of,
    decimal_vote,
    is_nothing,
    parse_numbers,
    time_format,
)
from src.ingestion.piece_counts import is_measure
from src.ingestion.prices import is_in_cents, price_in
from src.ingestion.rating_scales import (
    SHARES,
    USUAL_SCALE,
    WORDED,
    Scale,
    find_no_rating,
    find_scale,
    is_ranking,
    may_be_grades,
    says_unrated,
    scale_in_name,
    scale_of_ranks,
    scale_of_votes,
)
from src.ingestion.reshaped_rows import ReshapedRows
from src.ingestion.returned_rows import names_of_returns
from src.ingestion.table_files import FlatRows

_DAY_SAMPLE_BLOCKS = 200
_FEW_PRICES, _ODD = 5, 0.5  # different prices, and the share of them that does not end in 0
_FEW_PRODUCTS, _MOSTLY = 3, 0.8  # that were bought in several quantities, and share that shows prices of lines
_TWO_NUMBERS = re.compile(r"(\d{1,2})[-/.] ?(\d{1,2})[-/.]")
_MANY_DAYS, _DAYS_A_MONTH = 5, 3  # different days, and how many for each month
_MOST_UNRATED = 2  # different numbers that mean "not rated", such as 0 and -1
_UNRATED_SHARE = 0.02  # of the first rows
_NO_LETTER = re.compile("[\udc80-\udcff]")  # a byte that the encoding does not know
_ENCODED_TWICE = re.compile("Ã[\x80-\xbf¼¶¤Ÿ©¨]|â€|Å‚|Ä™")


def find_kind(path: Path, layout: Layout, sample: list[list[str]], hints: Hints, notes: list[str]) -> EventKind:
    """Find the kind of rows that do not name one.

    Args:
        path: The file.
        layout: What its rows mean.
        sample: First rows of the file.
        hints: What options say.
        notes: What is said of it is added.

    Returns:
        The kind; a purchase if nothing tells.
    """
    if layout.name in (PAIRS, PURCHASES) and not hints.kind and (said := names_of_returns(path, layout, sample)):
        notes.append(
            f"{' and '.join(map(repr, said))} say that products were brought back: each row was taken for a return; if "
            "bought: --kind purchase"
        )
        return EventKind.RETURN
    if layout.name == PAIRS:
        named = [
            layout.names[layout.columns[role]] for role in (TIME, PRODUCT) if layout.names and role in layout.columns
        ]
        is_music = PRICE not in layout.columns and says_listening(layout.names)
        kind = hints.kind or (EventKind.VIEW if is_music else kind_of_rows(path, named))
        notes += kind_notes(hints, kind)
        return kind
    if layout.name == PURCHASES and not hints.kind and (name := name_of_left_carts(path, layout.names)):
        notes.append(f"{name!r} says that carts were left: each row was taken for a cart; if bought: --kind purchase")
        return EventKind.CART
    return hints.kind or EventKind.PURCHASE


def find_decimal(texts: dict[str, list[str]], sample: list[list[str]], hints: Hints, notes: list[str]) -> str:
    """Find the decimal sign.

    Args:
        texts: Role → cells.
        sample: First rows of the file.
        hints: What options say.
        notes: What is said of it is added.

    Returns:
        "." or ",".
    """
    decimal = hints.decimal or _decimal(texts, sample)
    notes += _decimal_notes(texts, decimal, hints)
    return decimal


def find_time(
    rows: FlatRows | ReshapedRows, layout: Layout, texts: list[str], decimal: str, hints: Hints, notes: list[str]
) -> TimeFormat:
    """Find the notation of times.

    Args:
        rows: The reader.
        layout: What its rows mean.
        texts: The first cells of the column of times; none without one.
        decimal: The decimal sign.
        hints: What options say.
        notes: What is said of it is added.

    Returns:
        The notation.
    """
    # Countries with a decimal comma write days before months.
    is_european = decimal == "," or (isinstance(rows, CsvRows) and rows.separator == ";") or _is_european(layout)
    time, is_ambiguous = time_format(texts, hints.day_first, is_european)
    if is_ambiguous and (day_first := _day_first(rows, layout.columns[TIME])) is not None:
        time, is_ambiguous = time_format(texts, day_first)
    if is_ambiguous and (day_first := _day_by_spread(texts)) is not None:
        time, _ = time_format(texts, day_first)
    notes += time.notes(texts)
    if is_ambiguous:
        read, other = ("day", "month") if time.is_day_first else ("month", "day")
        is_read = (time.of_days or time).seconds(texts)[1].tolist()
        shown = next(text for text, is_day in zip(texts, is_read, strict=True) if text and is_day)
        notes.append(f"dates such as {shown!r} were read {read} first; the other way: --dates {other}-first")
    return time


class RatingNotation(NamedTuple):
    """How ratings are written: whether some mean "used, not rated", a number that means it too, and the scale."""

    unrated: bool = False
    no_rating: float | None = None
    scale: Scale | None = None


def find_rating_scale(
    layout: Layout, texts: dict[str, list[str]], decimal: str, kind: EventKind, hints: Hints, notes: list[str]
) -> RatingNotation:
    """Find the scale of ratings, and whether some mean "used, not rated".

    Args:
        layout: What the rows mean.
        texts: Role → cells.
        decimal: The decimal sign.
        kind: The kind of rows without a rating.
        hints: What options say.
        notes: What is said of it is added.

    Returns:
        What was found; no scale where it is not known, or rows are no ratings.
    """
    if layout.name != RATINGS:
        return RatingNotation()
    numbers = _numbers_of(texts[VALUE], decimal, above=-np.inf)
    no_rating = None if hints.scale else find_no_rating(numbers)
    rated = [text for text in texts[VALUE] if not says_unrated(text, no_rating)]
    if hints.scale is None and (own := _own_scale(layout, rated, decimal, notes)):
        return RatingNotation(no_rating is not None, no_rating, own)
    if hints.scale is None and layout.names and may_be_grades(layout.names[layout.columns[VALUE]], numbers):
        notes.append(
            f"WARNING: {layout.names[layout.columns[VALUE]]!r} may be a school grade, of which 1 is the best, and was "
            "read so that the highest is the best; if 1 is the best: --scale 6-1"
        )
    may_lack = hints.scale != SHARES and hints.scale is not WORDED  # who gave no answer told nothing
    unrated = no_rating is not None or (may_lack and _has_unrated(texts[VALUE]))
    if unrated:
        what = "empty, 0 or below 0" if no_rating is None else f"empty, or {no_rating:g} far from all others,"
        notes.append(
            f"ratings that are {what} mean 'used, not rated' here: each became a {kind.value} without a "
            "rating; for another kind: --kind view"
        )
    above = 0.0 if unrated and no_rating is None else -np.inf
    scale = hints.scale or find_scale(_numbers_of(rated, decimal, above=above))
    if scale is not None and not scale.is_given and scale != USUAL_SCALE:
        notes.append(
            f"ratings seem to go from {scale.low:g} to {scale.high:g}, and are converted where AISLE_RATING_MIN and "
            "AISLE_RATING_MAX say another scale; if they begin elsewhere: --scale "
            f"{0 if scale.low else 1}-{scale.high:g}"
        )
    return RatingNotation(unrated, no_rating, scale)


def _own_scale(layout: Layout, texts: list[str], decimal: str, notes: list[str]) -> Scale | None:
    """Return the scale that the name says, of ranks, or of votes, and say it; None for ordinary ratings."""
    name = layout.names[layout.columns[VALUE]] if layout.names else ""
    numbers = _numbers_of(texts, decimal, above=-np.inf)
    if said := scale_in_name(name):
        notes.append(f"ratings go from {said.low:g} to {said.high:g}, as {name!r} says; otherwise: --scale 1-5")
        return said
    if votes := scale_of_votes(name, numbers):
        notes.append(
            f"{name!r} has votes for and against: {votes.low:g} is the worst and 1 the best; otherwise: --scale 1-5"
        )
        return votes
    if is_ranking(name) and (ranks := scale_of_ranks(numbers)):
        notes.append(
            f"{name!r} was read so that 1 is the best and {ranks.low:g} the worst; if {ranks.low:g} is the best: "
            f"--scale 1-{ranks.low:g}"
        )
        return ranks
    return None


def find_cents(layout: Layout, texts: dict[str, list[str]], hints: Hints, notes: list[str]) -> frozenset[str]:
    """Find the prices that are in cents, by their names or an option; say where cells look so and no name tells.

    Args:
        layout: What the rows mean.
        texts: Role → cells.
        hints: What options say.
        notes: What is said of it is added.

    Returns:
        Their roles.
    """
    roles = [role for role in (PRICE, SALE_PRICE) if role in layout.columns]
    if hints.cents or not layout.names:
        return frozenset(roles if hints.cents else ())
    named = frozenset(role for role in roles if is_in_cents(layout.names[layout.columns[role]]))
    named -= {role for role in named if role in hints.columns}
    for role in roles:
        name = layout.names[layout.columns[role]]
        if role in named:
            notes.append(f"{name!r} is in cents and was divided by 100; for none: --columns {role}=")
        elif _look_like_cents(texts[role]):
            shown = next(filter(None, texts[role]))
            notes.append(f"{name!r} has whole numbers such as {shown}, taken as they are; if they are cents: --cents")
    return named


def quantity_notes(layout: Layout, texts: dict[str, list[str]]) -> list[str]:
    """Say that quantities are weights or lengths, which tell no number of pieces.

    Args:
        layout: What the rows mean.
        texts: Role → cells.

    Returns:
        A note; nothing where they are pieces.
    """
    measure = next(filter(is_measure, texts.get(QUANTITY, [])), None) if layout.has_events else None
    if measure is None:
        return []
    return [
        f"{layout.name_of(layout.columns[QUANTITY])!r} has measures such as {measure!r}: each such row counts as one "
        "piece; for another column: --columns quantity=COLUMN"
    ]


def find_prices_of_lines(layout: Layout, texts: dict[str, list[str]], hints: Hints, notes: list[str]) -> bool:
    """Tell whether prices are those of whole lines, by the products that were bought in several quantities.

    Args:
        layout: What the rows mean.
        texts: Role → cells.
        hints: What options say; a price that they name is taken as it stands.
        notes: What is said of it is added.

    Returns:
        Whether the price over the quantity, and not the price, is the same in most rows of one product.
    """
    if not layout.has_events or not {PRICE, QUANTITY} <= layout.columns.keys() or PRICE in hints.columns:
        return False
    found: dict[str, set[tuple[float, float]]] = {}
    for product, count, price in zip(texts[PRODUCT], texts[QUANTITY], texts[PRICE], strict=True):
        pieces, paid = price_in(count), price_in(price)
        if pieces and paid and pieces[0] >= 1.0 and paid[0] > 0.0:
            found.setdefault(product, set()).add((pieces[0], paid[0]))
    several = [sorted(pairs) for pairs in found.values() if len({n for n, _ in pairs}) > 1]
    rounding = 0.51 if all(amount.is_integer() for pairs in several for _, amount in pairs) else 0.011
    lines = [pairs for pairs in several if _are_of_lines(pairs, rounding)]
    if len(lines) < _FEW_PRODUCTS or len(lines) < _MOSTLY * len(several):
        return False
    name = layout.name_of(layout.columns[PRICE])
    (_, low), *_, (n, high) = lines[0]
    notes.append(
        f"{name!r} grows with the quantity ({low:g}, and {high:g} for {n:g} pieces): it is the price of the whole line "
        f"and was divided by the quantity; to take it as it stands: "
        f"{columns_option({PRICE: layout.columns[PRICE]}, layout.names)}"
    )
    return True


def _are_of_lines(pairs: list[tuple[float, float]], rounding: float) -> bool:
    """Whether the amounts of one product, by quantity, are the quantity times one price, up to rounding."""
    n_most, most = pairs[-1]
    is_same = max(amount for _, amount in pairs) - min(amount for _, amount in pairs) <= rounding
    return not is_same and all(abs(amount - most / n_most * n) <= rounding * (1 + n / n_most) for n, amount in pairs)


def _look_like_cents(texts: list[str]) -> bool:
    """Whether prices are whole numbers of three digits and more that are seldom round, as those of cents are."""
    filled = {text for text in texts if text}
    if len(filled) < _FEW_PRICES or not all(text.isdecimal() and len(text) >= len("100") for text in filled):
        return False
    return sum(not text.endswith("0") for text in filled) >= _ODD * len(filled)


def kind_notes(hints: Hints, kind: EventKind) -> list[str]:
    """Say which kind all rows were taken for.

    Args:
        hints: What options say.
        kind: The kind.

    Returns:
        A note; nothing where an option says it.
    """
    other = EventKind.PURCHASE if kind is EventKind.VIEW else EventKind.VIEW
    return [] if hints.kind else [f"each was taken for a {kind.value}; if it is another kind of event: --kind {other}"]


def _is_european(layout: Layout) -> bool:
    """Whether the column of times has a name in a language that writes days before months."""
    return bool(layout.names) and TIME in layout.columns and writes_days_first(layout.names[layout.columns[TIME]])


def _numbers_of(texts: list[str], decimal: str, above: float) -> list[float]:
    values, is_given = parse_numbers(texts, decimal)
    return list(values[is_given & np.isfinite(values) & (values > above)].tolist())


def _decimal(texts: dict[str, list[str]], sample: list[list[str]]) -> str:
    """Return the decimal sign of the columns that are used; where they do not tell, that of all cells of the file."""
    used = [text for role in (VALUE, QUANTITY, PRICE, SALE_PRICE) for text in texts.get(role, [])]
    if any(map(decimal_vote, used)):
        return decimal_of(used)
    return (
        decimal_of([cell.strip() for row in sample for cell in row]) if any("." in t or "," in t for t in used) else "."
    )


def _decimal_notes(texts: dict[str, list[str]], decimal: str, hints: Hints) -> list[str]:
    """Return a note where numbers such as 1.500 could be read either way, and one where a column has both signs."""
    if hints.decimal:
        return []
    used = [text for role in (VALUE, QUANTITY, PRICE, SALE_PRICE) for text in texts.get(role, [])]
    votes = Counter(filter(None, map(decimal_vote, used)))
    other = "comma" if decimal == "." else "point"
    # A price is read by its own sign.
    if {",", "."} <= {decimal_vote(text) for role in (VALUE, QUANTITY) for text in texts.get(role, [])}:
        return [f"some numbers have a decimal comma and some a point; most decide: for the other: --decimal {other}"]
    unclear = next((text for text in used if re.search(r"\d[.,]\d{3}(?!\d)", text) and not decimal_vote(text)), None)
    if unclear and not votes:
        return [f"numbers such as {unclear!r} were read with a decimal {'comma' if decimal == ',' else 'point'}; for "
                f"the other: --decimal {other}"]  # fmt: skip
    return []


def encoding_notes(rows: FlatRows | ReshapedRows, cells: dict[str, list[str]], hints: Hints) -> list[str]:
    """Say in which encoding letters were read, if it is none of Unicode, and which were encoded twice.

    Args:
        rows: The reader.
        cells: Role → cells.
        hints: What options say.

    Returns:
        A note; nothing where all is clear.
    """
    texts = [text for role in (TITLE, BRAND, CATEGORY, USER) for text in cells.get(role, [])]
    odd = next((text for text in texts if not text.isascii()), None)
    if odd is None or isinstance(rows, ParquetRows):
        return []
    encoding = rows.file.encoding
    another = "cp1250" if encoding == "cp1252" else "cp1252"
    if broken := next((text for text in texts if _NO_LETTER.search(text)), None):
        shown = _NO_LETTER.sub("?", broken[:40])
        return [f"some letters are none in {encoding} and are left out, such as in {shown!r}: --encoding {another}"]
    if hints.encoding:
        return []
    if twice := next((text for text in texts if _ENCODED_TWICE.search(text)), None):
        return [f"letters in {twice[:40]!r} seem to have been encoded twice: export the file as UTF-8 once more"]
    if encoding.startswith("utf"):
        return []
    return [f"letters were read in {encoding}, such as {odd[:40]!r}; if wrong: --encoding {another}, or others"]


def _has_unrated(texts: list[str]) -> bool:
    """Whether a notable part of the ratings is empty, 0 or negative, below all others."""
    values = [number for text in texts if (number := number_of(text)) is not None]
    rated = [value for value in values if value > 0]
    n_unrated = len(texts) - len(rated)
    if len({value for value in values if value <= 0}) > _MOST_UNRATED:
        return False  # a scale that goes below 0
    return bool(rated) and n_unrated >= max(2, _UNRATED_SHARE * len(texts)) and min(rated) >= 1


def find_words(layout: Layout, texts: dict[str, list[str]], hints: Hints, notes: list[str]) -> Words:
    """Find out whether kinds of events, or states, are those of a library or rental, whose returns take nothing back.

    Args:
        layout: What the rows mean.
        texts: Role → cells.
        hints: What options say.
        notes: What is said of it is added.

    Returns:
        What words mean in this file.
    """
    if layout.name == PRODUCTS and LISTED in texts and layout.names:
        control = ColumnProfile(layout.name_of(layout.columns[LISTED]), tuple(filter(None, texts[LISTED])), 0)
        meanings = meanings_of_control(control.cells) if is_control(control) else {}
        return replace(hints.words, given={**meanings, **hints.words.given})
    if layout.name in (PURCHASES, PAIRS) and STATE in texts:
        return _words_of_rentals(layout, set(texts[STATE]), hints, notes)
    if layout.name != EVENTS or not are_loans(set(texts[KIND])):
        return hints.words
    words = replace(hints.words, of_loans=True)
    ends = sorted(name for name in set(texts[KIND]) if words.is_ignored_kind(name) and not hints.words.gives(name))
    if ends:
        notes.append(
            f"{layout.name_of(layout.columns[KIND])!r} has loans: {', '.join(map(repr, ends))} end or prolong one, and "
            f"do not count; if they take it back: --words {shlex.quote(','.join(f'{name}=return' for name in ends))}"
        )
    return words


def _words_of_rentals(layout: Layout, states: set[str], hints: Hints, notes: list[str]) -> Words:
    """Let what came back count where rows are loans or rentals, by their states or the names of columns."""
    if not are_loans(states) and not names_rental(layout.names):
        return hints.words
    words = replace(hints.words, of_loans=True)
    back = sorted(
        name
        for name in states
        if not hints.words.gives(name)
        and order_state(name) is OrderState.UNDONE
        and words.state(name) is OrderState.DONE
    )
    if back:
        notes.append(
            f"{layout.name_of(layout.columns[STATE])!r} has rentals or loans: {', '.join(map(repr, back))} ended one "
            f"that took place, and counts; if it takes it back: --words "
            f"{shlex.quote(','.join(f'{name}=cancelled' for name in back))}"
        )
    return words


def find_language(texts: list[str], hints: Hints, notes: list[str]) -> str:
    """Find the language whose rows count: the wanted one, else rows without one, else the most frequent.

    Args:
        texts: The language of each row.
        hints: What options say.
        notes: What is said of it is added.

    Returns:
        The language; "" for rows that name none.
    """
    counts = Counter(text.lower() for text in texts)
    wanted = hints.language.lower() if hints.language else "" if counts[""] else counts.most_common(1)[0][0]
    others = sorted(set(counts) - {wanted, ""})
    if others:
        notes.append(
            f"rows in {wanted or 'no language of their own'} count; those in {', '.join(others)[:100]} do not: "
            f"--language {others[0]} takes those"
        )
    return wanted


def _day_by_spread(texts: list[str]) -> bool | None:
    """Return whether days are written before months: of the two the one that has many values while the other has few.

    Args:
        texts: Dates, in which neither is above 12.

    Returns:
        None where both change.
    """
    found = [match for text in texts if (match := _TWO_NUMBERS.match(text))]
    first, second = ({int(match[at]) for match in found} for at in (1, 2))
    few, many = sorted((len(first), len(second)))
    return len(first) == many if many >= _MANY_DAYS and many >= _DAYS_A_MONTH * few else None


def _day_first(rows: FlatRows | ReshapedRows, column: int) -> bool | None:
    """Return whether days are written before months, by the first day above the 12th; None if there is none."""
    with suppress(UnusableFile):  # of a damaged file the readable part is loaded
        for _, block in zip(range(_DAY_SAMPLE_BLOCKS), rows.blocks(), strict=False):
            texts = [text for text in set(as_texts([row[column] for row in block.rows])) if not is_nothing(text)]
            time, is_ambiguous = time_format(texts)
            # A block may hold times in another notation, or mistakes only.
            if not is_ambiguous and time.of_days is not None and time.of_days.seconds(texts)[1].any():
                return time.is_day_first
    return None
