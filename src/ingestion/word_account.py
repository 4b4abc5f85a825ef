"""Account for the words of a file that decide what a row counts for: kinds, states, flags. Pure."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from src.ingestion.column_names import AVAILABLE, KIND, LINE_KIND, LISTED, ON_SALE, PRODUCT, PURCHASED, STATE, VALUE
from src.ingestion.event_kind_names import likely_kind
from src.ingestion.given_words import Words
from src.ingestion.layout import EVENTS, RATINGS, Layout
from src.ingestion.order_states import OrderState, is_kept_back
from src.ingestion.parsing import as_texts, is_nothing
from src.ingestion.product_cleaning import stock_in

_ROLES = (KIND, STATE, LINE_KIND, PURCHASED, LISTED, AVAILABLE, ON_SALE)
_MOST = 40  # different words of a role in a block: more are numbers or names
_MOST_SHOWN = 12
_LONGEST = 40  # characters of a word
_MOST_NAMED = 6  # unknown words in a sentence
_OF_STATES = {
    OrderState.DONE: "counts",
    OrderState.PENDING: "not paid",
    OrderState.UNDONE: "does not count",
    OrderState.PARTLY: "counts in part",
}


class Word(NamedTuple):
    """A word of a column that has a role."""

    role: str
    text: str


def count_words(cells: Mapping[str, Sequence[object]], layout: Layout) -> Counter[Word]:
    """Count the words of a block's rows that decide what a row counts for.

    Args:
        cells: Role → one cell a row.
        layout: What the cells mean.

    Returns:
        Word → rows. Columns of many different cells are left out.
    """
    found: Counter[Word] = Counter()
    for role in _ROLES:
        if role not in cells or ((role != STATE and role in (KIND, PURCHASED, LINE_KIND)) and not layout.has_events):
            continue
        if role == LINE_KIND and layout.columns[role] == layout.columns[PRODUCT]:  # ids, of which options name some
            continue
        column = cells[role]
        if column and isinstance(column[0], tuple):
            column = [cell for row in column if isinstance(row, tuple) for cell in row]
        counts = Counter(as_texts(column))
        if len(counts) <= _MOST:
            found.update({Word(role, text[:_LONGEST]): n for text, n in counts.items() if not is_nothing(text)})
            empty = sum(n for text, n in counts.items() if is_nothing(text))
            if role == STATE and layout.has_events and 0 < empty < counts.total():
                found[Word(role, "")] += empty
    return found


def word_lines(words: Mapping[Word, int], layout: Layout) -> list[str]:
    """Say what the words of each column were taken for.

    Args:
        words: Word → rows.
        layout: What the cells mean.

    Returns:
        A line for each column, the most frequent words first.
    """
    lines = []
    for role in dict.fromkeys(word.role for word in words):
        name = layout.name_of(layout.columns[role])
        counts = Counter({word.text: n for word, n in words.items() if word.role == role})
        shown = [f"{text!r} {n:,} ({_meaning(role, text, layout) or 'UNKNOWN'})" for text, n in counts.most_common()]
        more = f" and {len(shown) - _MOST_SHOWN} others" if len(shown) > _MOST_SHOWN else ""
        lines.append(f"{role} by {name!r}: {', '.join(shown[:_MOST_SHOWN])}{more}")
    return lines


def kinds_of_words(words: Mapping[Word, int], layout: Layout) -> Counter[str]:
    """Count the rows of each kind of event, whether they were kept or not.

    Args:
        words: Word → rows.
        layout: What the cells mean.

    Returns:
        Kind → rows of the file that name it.
    """
    found: Counter[str] = Counter()
    for word, n in words.items():
        if word.role == KIND and not layout.words.is_ignored_kind(word.text) and (kind := layout.words.kind(word.text)):
            found[kind] += n
    return found


_CONSEQUENCES = {
    KIND: ("their rows are rejected; if they tell kinds of events, say which (none for no act)", ""),
    LINE_KIND: ("rows with them count; if they are no products", "none"),
    STATE: ("rows with them count; if they must not", "cancelled"),
    LISTED: ("products with them are listed; if they must not be", "hidden"),
}


def unknown_word_lines(words: Mapping[Word, int], layout: Layout) -> list[str]:
    """Say which words nobody knows, what follows from that, and how to give them a meaning.

    Args:
        words: Word → rows.
        layout: What the cells mean.

    Returns:
        A sentence for each column with unknown words.
    """
    found: dict[str, Counter[str]] = {}
    for word, n in words.items():
        if _meaning(word.role, word.text, layout) is None:
            found.setdefault(word.role, Counter())[word.text] += n
    lines = []
    for role, counts in found.items():
        shown = ", ".join(f"{text!r} ({n:,})" for text, n in counts.most_common(_MOST_NAMED))
        more = f" and {len(counts) - _MOST_NAMED} others" if len(counts) > _MOST_NAMED else ""
        line = f"words of the {role} are not known: {shown}{more}"
        key = LISTED if role == STATE and not layout.has_events else role
        if key in _CONSEQUENCES:
            consequence, meaning = _CONSEQUENCES[key]
            offered = [text for text, _ in counts.most_common(_MOST_NAMED) if not {",", "="} & set(text)]
            if role == STATE and len(counts) > 1 and all(map(str.isdecimal, counts)):  # codes: hardly all of them
                offered = offered[-1:]
            given = ",".join(f"{text}={meaning or likely_kind(text)}" for text in offered)
            line += f"; {consequence}: --words {shlex.quote(given)}"
        lines.append(line)
    return lines


def _meaning(role: str, text: str, layout: Layout) -> str | None:
    """Return what a word was taken for; None if it is not known."""
    words = layout.words
    if role == KIND:
        return "no act" if words.is_ignored_kind(text) else words.kind(text) or None
    if role == STATE and layout.has_events:
        is_review = layout.name == RATINGS or (layout.name == EVENTS and VALUE in layout.columns)
        return _OF_STATES[OrderState.DONE] if not text else _state(text, words, is_review=is_review)
    if role == LINE_KIND:
        return words.line(text)
    if role == AVAILABLE:
        stock = stock_in(text)
        return None if stock is None else "out of stock" if stock == 0 else "in stock" if stock == math.inf else "stock"
    yes, no = {PURCHASED: ("bought", "clicked"), ON_SALE: ("on sale", "not on sale")}.get(
        role, ("listed", "not listed")
    )
    if role == PURCHASED:
        return yes if text.strip("0.") and text.lower() not in ("false", "no", "n", "f", "none") else no
    shown = words.shown([text])[0]  # where an option says it
    is_back = is_kept_back(text) if isinstance(shown, str) else not shown
    return None if is_back is None else no if is_back else yes


def _state(text: str, words: Words, *, is_review: bool) -> str | None:
    state = words.review_state(text) if is_review else words.state(text)
    return _OF_STATES[state] if state else None
