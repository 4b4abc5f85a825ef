"""What a file's columns mean: the usual headers of public rating files, and files without one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from src.errors import UnusableFile

USER, PRODUCT, VALUE, TIME, KIND, MARK = "user", "product", "value", "time", "kind", "mark"

# Compared without case, blanks, dashes and underscores.
_NAMES = {
    USER: {"user", "userid", "uid", "reviewerid", "customerid", "visitorid"},
    PRODUCT: {"product", "productid", "prodid", "item", "itemid", "asin", "parentasin", "movieid"},
    VALUE: {"rating", "ratings", "overall", "score", "stars", "value"},
    TIME: {"timestamp", "time", "unixreviewtime", "unixtime", "at"},
    KIND: {"kind", "event", "eventtype"},
    MARK: {"mark"},
}
_REQUIRED = (USER, PRODUCT, VALUE)
_NO_HEADER_ORDER = (USER, PRODUCT, VALUE, TIME)


@dataclass(frozen=True)
class Layout:
    """Where a delimited file keeps what.

    columns: role (USER, PRODUCT, VALUE, TIME, KIND, MARK) → position, 0-based.
    width: how many fields a row has. header: whether the first line names the columns.
    """

    columns: dict[str, int]
    width: int
    header: bool

    def describe(self) -> str:
        """One line for people: which column was taken for what."""
        named = ", ".join(f"column {at + 1} is the {role}" for role, at in sorted(self.columns.items(), key=_position))
        return f"{'a header' if self.header else 'no header'}; {named}"


def _position(entry: tuple[str, int]) -> int:
    return entry[1]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def is_number(text: str) -> bool:
    """Whether the text reads as a finite decimal number."""
    return re.fullmatch(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", text) is not None


def is_filled(row: Sequence[str]) -> bool:
    """Whether a field of the row holds more than blanks."""
    return any(field.strip() for field in row)


def detect_layout(rows: Sequence[Sequence[str]], where: str) -> Layout:
    """Tell the layout from a file's first rows.

    A first row that names user, product and rating is a header. Otherwise the file must look like the public
    Amazon files: user, product, rating[, unix time].
    Raises UnusableFile with what was found and what was expected.
    """
    filled = [row for row in rows if is_filled(row)]
    if not filled:
        raise UnusableFile(
            f"{where}: the file is empty. Expected one rating a line: user,product,rating,time. "
            "Give another file, or none to use what lies in data/."
        )
    first = filled[0]
    found: dict[str, int] = {}
    for role, names in _NAMES.items():
        for at, name in enumerate(first):
            if _plain(name) in names and role not in found:
                found[role] = at
    if all(role in found for role in _REQUIRED):
        return Layout(found, len(first), header=True)

    # Voted over the first rows, so that one bad row at the top does not hide the layout.
    votes = [len(row) for row in filled if len(row) in (3, 4) and is_number(row[2])]
    if len(votes) * 2 > len(filled) or (votes and len(filled) <= 2):
        width = max(set(votes), key=votes.count)
        return Layout({role: at for at, role in enumerate(_NO_HEADER_ORDER[:width])}, width, header=False)

    shown = ",".join(first)[:120]
    raise UnusableFile(
        f"{where}: the first line is {shown!r}. Expected a header that names user, product and rating "
        "(such as user_id,product_id,rating,timestamp), or lines of user,product,rating,unix time without one. "
        "Name the columns in the first line and run again."
    )
