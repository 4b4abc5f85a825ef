"""Infer from the first rows of a file without known names what they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from src.ingestion.column_names import INVOICE, KIND, PRODUCT, QUANTITY, TIME, USER, is_number
from src.ingestion.column_profile import MANY, ColumnProfile, looks_like_time, profile_columns

_MOST_SMALL = 11  # different ratings on a scale from 0 to 10
_FEW = 5  # rows from which cells tell that a file is a log
_WORDY = re.compile(r"[^\W\d_][^\d]*\d?")
"""A name of a column: letters and blanks, and a digit at its end where columns are numbered."""
_AMAZON_USER = re.compile(r"A[0-9A-Z]{9,20}")
_AMAZON_PRODUCT = re.compile(r"B0[0-9A-Z]{8}|\d{9}[0-9X]")


def is_swapped(sample: Sequence[Sequence[str]]) -> bool:
    """Whether rows without a header begin with the product, as in Amazon's rating files of 2018."""
    pairs = [(row[0].strip(), row[1].strip()) for row in sample if len(row) > 1]
    swapped = sum(bool(_AMAZON_PRODUCT.fullmatch(first) and _AMAZON_USER.fullmatch(second)) for first, second in pairs)
    return swapped * 2 > len(pairs)


def is_unknown_header(sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is a header of unknown names: words only, above columns of numbers."""
    first, rest = sample[0], [row for row in sample[1:] if len(row) == len(sample[0])]
    if not rest or len(set(first)) < len(first) or not all(map(_WORDY.fullmatch, map(str.strip, first))):
        return False
    return any(
        sum(is_number(row[at]) or looks_like_time(row[at].strip()) for row in rest) * 10 >= len(rest) * 8
        for at in range(len(first))
    )


class InferredColumns(NamedTuple):
    """Role → position in a file without a header, where to look in gaps of the product, and numbers left unused."""

    columns: dict[str, int]
    fallbacks: dict[str, tuple[int, ...]]
    numbers: list[int]


def infer_columns_by_cells(sample: Sequence[Sequence[str]]) -> InferredColumns | None:
    """Find users, products, kinds and times in rows without a header: ids come in this order, and repeat.

    Args:
        sample: First rows, all of one width.

    Returns:
        The columns; None if the cells do not tell.
    """
    if len(sample) < _FEW:
        return None
    profiles = profile_columns([""] * len(sample[0]), sample)
    kinds = [at for at, profile in enumerate(profiles) if profile.kinds >= 0.9 and profile.is_enumeration]
    times = [at for at, profile in enumerate(profiles) if profile.times >= 0.9 and at not in kinds[:1]]
    columns = ({KIND: kinds[0]} if kinds else {}) | ({TIME: times[0]} if times else {})
    ids = [
        at
        for at, profile in enumerate(profiles)
        if at not in columns.values()
        and profile.repeated > 0.05
        and profile.n_distinct >= (2 if kinds else 3)
        and not (profile.numbers >= 0.9 > profile.integers)
        and (kinds or not (_are_few_numbers(profile) or _are_codes(profile)))
        and profile.filled >= 0.5
    ]
    if not kinds and len(ids) > 2 and _determines(sample, ids[0], ids[1]):
        columns[INVOICE] = ids.pop(0)  # an order has one customer, and customers have several orders
    if len(ids) < 2 or (not kinds and len(sample) < MANY) or profiles[ids[0]].filled < 0.9:
        return None
    if not kinds and not _are_pairs(sample, ids, [*times, *columns.values()]):
        return None
    columns |= {USER: ids[0], PRODUCT: ids[1]}
    quantities = [at for at, profile in enumerate(profiles) if _are_few_numbers(profile) and at > ids[1]]
    if INVOICE in columns and len(quantities) == 1:
        columns[QUANTITY] = quantities[0]
    free = [at for at in range(len(profiles)) if at not in columns.values()]
    texts = tuple(at for at in free if profiles[at].numbers < 0.5 and profiles[at].filled >= 0.9)
    has_gaps = profiles[ids[1]].filled < 1
    numbers = [at for at in free if profiles[at].numbers >= 0.5]
    return InferredColumns(columns, {PRODUCT: texts[:1]} if has_gaps and texts else {}, numbers)


def _determines(sample: Sequence[Sequence[str]], one: int, other: int) -> bool:
    """Whether each value of one column stands beside a single value of another, and not the other way round."""
    pairs = {(row[one], row[other]) for row in sample}
    ones, others = {first for first, _ in pairs}, {second for _, second in pairs}
    return len(pairs) == len(ones) < len(sample) and len(others) < len(ones)


def guess_columns(sample: Sequence[Sequence[str]]) -> dict[str, int]:
    """Guess which columns are the user, the product and the time, for advice to people.

    Args:
        sample: First rows, all of one width.

    Returns:
        Role → position; without a user and a product if no two columns look like ids.
    """
    profiles = profile_columns([""] * len(sample[0]), sample) if sample else []
    times = [at for at, profile in enumerate(profiles) if profile.times >= 0.9]
    ids = [
        at for at, profile in enumerate(profiles) if at not in times and profile.ids >= 0.9 and profile.n_distinct > 2
    ]
    ids = [at for at in ids if profiles[at].repeated > 0.0 and profiles[at].kinds < 0.5] or ids  # others number rows
    return dict(zip((USER, PRODUCT), ids, strict=False)) | ({TIME: times[0]} if times else {})


def _are_few_numbers(profile: ColumnProfile) -> bool:
    """Whether a column has a handful of small numbers, as ratings, quantities and flags are."""
    return (
        len(profile.cells) >= MANY
        and profile.integers >= 0.9
        and max(map(len, profile.cells)) <= 2
        and (profile.n_distinct <= _MOST_SMALL)
    )


def _are_codes(profile: ColumnProfile) -> bool:
    """Whether a column has a few words without numbers in them, as sorts of lines have and users have not."""
    has_digits = any(map(str.isdigit, "".join(set(profile.cells))))
    return len(profile.cells) >= MANY and profile.n_distinct <= _FEW and not has_digits


def _are_pairs(sample: Sequence[Sequence[str]], ids: Sequence[int], times: Sequence[int]) -> bool:
    """Whether the first two columns beside times are users and products: they repeat, and their pairs hardly do.

    A table of people or places repeats ages, trades and countries in later columns, and its first one is unique.
    """
    pairs = {(row[ids[0]], row[ids[1]]) for row in sample}
    users = {user for user, _ in pairs}
    first = [at for at in range(len(sample[0])) if at not in times][:2]
    return list(ids[:2]) == first and 2 * len(pairs) > len(sample) and len(pairs) > len(users)
