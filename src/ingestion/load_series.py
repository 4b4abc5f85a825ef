"""Find loads of the same file series, such as the daily exports of a shop. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from src.core.records import Load
from src.core.remote_files import is_url


def previous_of(load: Load, loads: Iterable[Load]) -> Load | None:
    """Return the load to compare a load with.

    It is the latest earlier one of the same file name, else of a name that differs in its digits only, such as a date.
    A load that kept no row is skipped: compared with it, the next broken file would pass.

    Args:
        load: The load to check.
        loads: All loads, in any order.

    Returns:
        The earlier load, None if there is none.
    """
    earlier = [
        other
        for other in loads
        if other.load_id != load.load_id and other.loaded_at <= load.loaded_at and other.n_kept
        if other.is_increment == load.is_increment  # a night's rows are not to be as many as those of all years
    ]
    for key in (_name, file_series):
        comparable = [other for other in earlier if key(other) == key(load)]
        if comparable:
            return max(comparable, key=lambda other: other.loaded_at)
    return None


def latest_of(loads: Iterable[Load]) -> list[Load]:
    """Return the latest load of each file series (names that are equal once digits are masked)."""
    return list({file_series(load): load for load in sorted(loads, key=lambda load: load.loaded_at)}.values())


def _name(load: Load) -> str:
    return load.file if is_url(load.file) else Path(load.file).name


def file_series(load: Load) -> str:
    """Return the file's name with its digits masked: equal for files of different days."""
    return series_of(_name(load))


def series_of(name: str) -> str:
    """Return a file's name with its digits masked."""
    return re.sub(r"\d+", "0", name)
