"""Tell why the product ids of a catalogue and of events do not meet, and map one to the other. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{1,2}")
_ENOUGH = 0.3  # share of unknown ids that one cause must explain
_SHOWN = 3
_ROUNDED = "a workbook rounded long numbers (4.00638E+12): format the column as text and export it again"

Known = Callable[[Collection[str]], Collection[str]]


class Mismatch(NamedTuple):
    """Why ids do not meet: words for people, and some pairs of an unknown id and the one it may be."""

    cause: str
    pairs: list[tuple[str, str]]
    is_mapped: bool


def explain(unknown: Sequence[str], others: Sequence[str], known: Known) -> Mismatch:
    """Find what makes unknown ids known.

    Args:
        unknown: Ids of events that the catalogue does not have.
        others: Some ids of the catalogue.
        known: Of these ids, returns those that the catalogue has.

    Returns:
        The likely cause; without pairs if none was found.
    """
    lengths = sorted({len(other) for other in others})
    causes: tuple[tuple[str, bool, Callable[[str], Iterable[str]]], ...] = (
        ("zeros at the beginning were lost", True, lambda text: (text.zfill(n) for n in lengths)),
        ("zeros at the beginning were added", True, lambda text: (text.lstrip("0"),)),
        ("capital and small letters differ", True, lambda text: (text.upper(), text.lower())),
        ("blanks or dashes differ", True, lambda text: (re.sub(r"[\s\-_./]", "", text),)),
        ("events name variants, the catalogue their parents", False, _parents),
        (
            _ROUNDED,
            False,
            _rounded,
        ),
    )
    best = Mismatch("", [], False)
    for cause, is_mapped, variants in causes:
        wanted = {text: [each for each in variants(text) if each and each != text] for text in unknown}
        found = set(known([each for texts in wanted.values() for each in texts]))
        pairs = [(text, each) for text, texts in wanted.items() for each in texts if each in found]
        if len({text for text, _ in pairs}) >= max(1, _ENOUGH * len(unknown)) and len(pairs) > len(best.pairs):
            best = Mismatch(cause, pairs, is_mapped)
    if best.pairs:
        return best._replace(pairs=best.pairs[:_SHOWN])
    return Mismatch(_by_shape(unknown, others), [], False)


def _parents(text: str) -> Iterable[str]:
    return (text[: match.start()] for match in re.finditer(r"[-_./]", text))


def _rounded(text: str) -> Iterable[str]:
    return (f"{float(text):.{n}E}" for n in range(1, 8)) if text.isdecimal() and len(text) > 9 else ()


def _by_shape(unknown: Sequence[str], others: Sequence[str]) -> str:
    if any(_SCIENTIFIC.fullmatch(text) for text in [*unknown, *others]):
        return _ROUNDED
    numeric = [sum(text.isdecimal() for text in ids) > 0.9 * len(ids) for ids in (unknown, others)]
    if numeric[0] != numeric[1]:
        names = ("numbers", "article codes") if numeric[0] else ("article codes", "numbers")
        return f"events have {names[0]} where the catalogue has {names[1]}: another column of one file holds the others"
    return "they come from different systems, or from different parts of the shop"


class IdMapping:
    """Replaces ids of products while a file is read.

    Attributes:
        by_form: Normal form → id; None to take zeros at the beginning away.
    """

    def __init__(self, by_form: Mapping[str, str] | None = None) -> None:
        self.by_form = by_form

    def apply(self, ids: Sequence[str]) -> dict[str, str]:
        """Return id → new id for those of these ids that change."""
        new = {
            text: strip_zeros(text) if self.by_form is None else self.by_form.get(normal_form(text), text)
            for text in set(ids)
        }
        return {old: each for old, each in new.items() if old != each}


def normal_form(text: str) -> str:
    """Return an id without zeros at the beginning, case, blanks and dashes."""
    return re.sub(r"[\s\-_./]", "", text).upper().lstrip("0") or "0"


def strip_zeros(text: str) -> str:
    """Return an id of digits without zeros at the beginning; any other text as it is."""
    return (text.lstrip("0") or "0") if text.isdecimal() else text


def map_by_rows(rows: Iterable[Sequence[str]], at: int) -> dict[str, str]:
    """Return a mapping of every id of a product to its own id, from rows that have several ids of one product.

    Args:
        rows: Ids of one product each.
        at: Position of the product's own id.

    Returns:
        Normal form → id, for ids that lead to one product only.
    """
    found: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for row in rows:
        for form in {normal_form(text) for text in row if text}:
            if found.setdefault(form, row[at]) != row[at]:
                counts[form] += 1
    for row_form in list(counts):
        del found[row_form]
    return found
