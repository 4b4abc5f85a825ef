"""Tell files whose rows are all products brought back, or paid back, from those of purchases. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from src.core.domain import EventKind
from src.ingestion.column_fit import FLAGS
from src.ingestion.column_names import INVOICE, QUANTITY, STATE, TIME
from src.ingestion.column_vocabulary import ID_WORD, OTHER_WORD, SUM_WORD
from src.ingestion.column_words import classes_of, plain_letters, says_returned, words_of
from src.ingestion.event_kind_names import kind_of
from src.ingestion.layout import Layout
from src.ingestion.parsing import is_nothing

_REASONS = (
    "reason",
    "grund",
    "grunde",
    "motif",
    "motivo",
    "powod",
    "reden",
    "raison",
    "arsag",
    "causa",
    "причина",
    "原因",
)
_TELLING = frozenset({ID_WORD, SUM_WORD, "time", "price"})
_CREDITED = (
    "refund",
    "erstattet",
    "erstattung",
    "gutschrift",
    "rembours",
    "reembols",
    "rimbors",
    "terugbeta",
    "退款",
    "返金",
    "환불",
)


def names_of_returns(path: Path, layout: Layout, sample: Sequence[Sequence[str]]) -> list[str]:
    """Find the names that say that all rows are products brought back.

    That is the name of the quantity; two other names; one of a column that has in each row the number, the day, the sum
    or the reason of a return; or the name of the file, where no quantity is negative.

    Args:
        path: The file.
        layout: What its rows mean.
        sample: Its first rows.

    Returns:
        The names; none where rows are purchases, or their states tell.
    """
    if not layout.names or STATE in layout.columns:
        return []
    names = {role: layout.names[layout.columns[role]] for role in (QUANTITY, TIME, INVOICE) if role in layout.columns}
    said = {role: name for role, name in names.items() if says_returned(name)}
    found = list(said.values()) + [name for name in (*layout.unused, path.name) if says_returned(name)]
    if QUANTITY in said or (said and len(found) > 1):
        return found
    told = [name for at, name in enumerate(layout.names) if _is_of_return(name) and _is_in_every_row(at, sample)]
    counts = [row[at].strip() for row in sample if 0 <= (at := layout.columns.get(QUANTITY, -1)) < len(row)]
    if told or any(count.startswith(("-", "\N{MINUS SIGN}")) for count in counts):
        return told
    return [path.name] if _names_returns_only(path) else []


def _is_of_return(name: str) -> bool:
    """Whether a name is that of the number, day, sum or reason of a return: "refund_id", "Gutschrift-Nr."."""
    if kind_of(name) == EventKind.RETURN.value:
        return True
    classes = set(classes_of(name))
    words = words_of(name)
    says = says_returned(name) or any(word.startswith(_CREDITED) for word in words) or _has_kind(words)
    return says and OTHER_WORD not in classes and (bool(classes & _TELLING) or not set(_REASONS).isdisjoint(words))


def _has_kind(words: Sequence[str]) -> bool:
    """Whether a word, or two neighbours, name a return: "credit note no"."""
    joined = (first + second for first, second in pairwise(words))
    return any(kind_of(each) == EventKind.RETURN.value for each in (*words, *joined))


def _is_in_every_row(at: int, sample: Sequence[Sequence[str]]) -> bool:
    """Whether a column says something in every row that is neither 0 nor a flag."""
    cells = [row[at].strip() if at < len(row) else "" for row in sample]
    return (
        bool(cells)
        and not any(is_nothing(cell) or not cell.strip("0.,- ") for cell in cells)
        and not set(map(plain_letters, cells)) <= {*FLAGS, "0", "1"}
    )


def _names_returns_only(path: Path) -> bool:
    """Whether the name of a file has a word for returns and none for anything else that people do."""
    words = re.split(r"[\W_\d]+", plain_letters(path.name.partition(".")[0]))
    kinds = {EventKind.RETURN.value if word.startswith(_CREDITED) else kind_of(word) for word in words if word}
    return kinds - {""} == {EventKind.RETURN.value}
