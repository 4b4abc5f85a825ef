"""Whether data looks as it should: of a file just loaded, and of all that a training is about to learn from. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.core.domain import CLOCK_TOLERANCE
from src.core.records import Load
from src.ingestion.rejections import Rejection, RejectionCode


@dataclass(frozen=True)
class Thresholds:
    """What still passes. Shares lie between 0 and 1. They are wide: a check that often cries wolf is read by nobody.

    max_reject_share: of the rows read. Real files have some dirt in every thousand rows, while a column taken for
        another one, a wrong scale or a wrong encoding costs whole tenths.
    max_null_share: of the rows kept, in which one column is empty. Descriptions and brands may well be sparse; a column
        that has almost nothing in it is one that the shop believes to export and does not.
    max_null_rise: by which that share may have grown since the load before. What shops fill in changes slowly.
    min_volume_ratio, max_volume_ratio: rows read against the load before. A Sunday has half of a Monday, and a sale
        five times an ordinary day; less is a file that was cut off, and more one that holds everything several times.
    max_future_share: of the rows read. Some clocks are wrong; a unit or the order of day and month that is wrong makes
        it many.
    min_known_products: of a file's products. New ones come a few at a time, so that mostly new ones are another
        catalogue, or the old one under other ids.
    min_known_users: of a file's users. Most customers of many shops come once, so that few known ones are normal, but
        none at all are not: their ids were made in another way.
    max_newest_step_back: seconds by which the newest event may be older than that of the load before; a day, as for
        clocks.
    max_newest_age: seconds since the newest event, where it used to be fresher: a long weekend. After it nothing comes.
    max_loss: share of the events, users or products that may be gone since the last training. Nothing goes by itself;
        a user or a test product that somebody deleted does.
    min_rows: fewer of them say nothing about shares and volumes.
    min_user_rows: fewer of them say nothing about a share as low as min_known_users.
    """

    max_reject_share: float = 0.05
    max_null_share: float = 0.95
    max_null_rise: float = 0.2
    min_volume_ratio: float = 0.5
    max_volume_ratio: float = 5.0
    max_future_share: float = 0.01
    min_known_products: float = 0.2
    min_known_users: float = 0.01
    max_newest_step_back: int = CLOCK_TOLERANCE
    max_newest_age: int = 4 * 86_400
    max_loss: float = 0.1
    min_rows: int = 100
    min_user_rows: int = 1_000


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. message: what was found, what was expected and, where it failed, what to do."""

    name: str
    passed: bool
    message: str


@dataclass(frozen=True)
class DataFigures:
    """What a training learns from, counted. counted_at, newest_at: UTC seconds; newest_at is None without times."""

    n_events: int
    n_users: int
    n_products: int
    newest_at: int | None
    counted_at: int


def previous_of(load: Load, loads: Iterable[Load]) -> Load | None:
    """The load to compare this one with: the newest earlier one of the same file name, else of a name that differs in
    its numbers only, such as a date. Files of other names need have nothing in common.

    A load that kept no row is no measure: beside it the next broken file would look right.
    """
    earlier = [
        other for other in loads if other.load_id != load.load_id and other.loaded_at <= load.loaded_at and other.n_kept
    ]
    for key in (_name, _series):
        alike = [other for other in earlier if key(other) == key(load)]
        if alike:
            return max(alike, key=lambda other: other.loaded_at)
    return None


def latest_of(loads: Iterable[Load]) -> list[Load]:
    """The newest load of each row of files whose names differ in their numbers only: what it mends is mended."""
    return list({_series(load): load for load in sorted(loads, key=lambda load: load.loaded_at)}.values())


def _name(load: Load) -> str:
    return Path(load.file).name


def _series(load: Load) -> str:
    return re.sub(r"\d+", "0", _name(load))


def check_load(load: Load, previous: Load | None, thresholds: Thresholds = Thresholds()) -> list[Check]:
    """Everything about a load that can be told, passed or not. A check that has nothing to go by is left out.

    previous: what `previous_of` says; None the first time.
    """
    checks = [
        _rejected(load, thresholds),
        _future(load, thresholds),
        _nulls(load, previous, thresholds),
        *_known(load, thresholds),
    ]
    if previous is not None:
        checks += [_volume(load, previous, thresholds), _layout(load, previous)]
        checks.append(_newest(load.newest_at, previous.newest_at, "the load before", thresholds))
    return [check for check in checks if check is not None]


def check_data(now: DataFigures, before: DataFigures | None, thresholds: Thresholds = Thresholds()) -> list[Check]:
    """Whether a training may trust what it finds, against what the training before found; empty for the first one."""
    if before is None:
        return []
    pairs = {
        "events": (now.n_events, before.n_events),
        "users": (now.n_users, before.n_users),
        "products": (now.n_products, before.n_products),
    }
    checks = [_loss(what, *pair, thresholds) for what, pair in pairs.items()]
    checks.append(_newest(now.newest_at, before.newest_at, "the last training", thresholds))
    checks.append(_stopped(now, before, thresholds))
    return [check for check in checks if check is not None]


def percent(share: float) -> str:
    """A share for people, in three figures: 0.1214 is "12.1 %"."""
    return f"{np.format_float_positional(100 * share, precision=3, fractional=False, trim='-')} %"


def share_of(part: float, whole: float = 1.0) -> str:
    """A part of a whole in percent, for columns, where the points should stand below each other."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return "< 0.1 %" if 0 < share < 0.05 else f"{share:.1f} %"


def check_of(name: str, passed: bool, found: str, expected: str, next_: str) -> Check:
    """A check with its message in three parts; what to do next is said only where it failed."""
    return Check(name, passed, f"{name}: {found}; expected {expected}" + ("" if passed else f": {next_}"))


def _rejected(load: Load, thresholds: Thresholds) -> Check | None:
    if not load.n_read:
        return None
    rejected = sum(load.rejected.values())
    share = rejected / load.n_read
    most = max(load.rejected, key=lambda reason: load.rejected[reason], default="")
    return check_of(
        "rejected rows",
        # A typing error in a file of ten rows is a tenth of them.
        share <= thresholds.max_reject_share or (load.n_read < thresholds.min_rows and load.n_kept >= rejected),
        f"{percent(share)} of {load.n_read:,} rows",
        f"at most {percent(thresholds.max_reject_share)}",
        f'look into var/rejects; the most frequent reason is "{most}" ({load.rejected.get(most, 0):,} rows)',
    )


def _future(load: Load, thresholds: Thresholds) -> Check | None:
    if load.n_read < thresholds.min_rows:
        return None
    share = load.rejected.get(str(Rejection(RejectionCode.TIME_IN_FUTURE)), 0) / load.n_read
    return check_of(
        "future times",
        share <= thresholds.max_future_share,
        f"{percent(share)} of {load.n_read:,} rows",
        f"at most {percent(thresholds.max_future_share)}",
        "compare the file's unit and zone of time, and the order of day and month, with what the shop's system writes, "
        "and this host's clock with the right time",
    )


def _nulls(load: Load, previous: Load | None, thresholds: Thresholds) -> Check | None:
    if load.n_kept < thresholds.min_rows or not load.nulls:
        return None
    before = previous.nulls if previous is not None and previous.n_kept >= thresholds.min_rows else {}
    found = []
    for column, share in load.nulls.items():
        if _is_emptied(share, before.get(column), thresholds):
            was = f" ({percent(before[column])} the time before)" if column in before else ""
            found.append(f"{column} is empty in {percent(share)} of {load.n_kept:,} rows{was}")
    most = max(load.nulls, key=lambda column: load.nulls[column])
    return check_of(
        "empty columns",
        not found,
        ", ".join(found) or f"{most} is the emptiest, in {percent(load.nulls[most])} of {load.n_kept:,} rows",
        f"at most {percent(thresholds.max_null_share)} in a new column, and at most "
        f"{percent(thresholds.max_null_rise)} of the rows more than the time before in any other",
        "see whether the shop still exports the column, under the same name",
    )


def _is_emptied(share: float, before: float | None, thresholds: Thresholds) -> bool:
    """A column that was as empty the time before is how this shop is, and a person was told then."""
    return share > thresholds.max_null_share if before is None else share - before > thresholds.max_null_rise


def _known(load: Load, thresholds: Thresholds) -> Iterable[Check | None]:
    """Whether the ids are those that the store knows. Few rows of a small shop may all be of somebody new."""
    cases = (
        ("known products", load.known_products, thresholds.min_known_products, thresholds.min_rows),
        ("known users", load.known_users, thresholds.min_known_users, thresholds.min_user_rows),
    )
    for name, share, least, enough in cases:
        if share is not None and load.n_kept >= enough:
            yield check_of(
                name,
                share >= least,
                f"the store knew {percent(share)} of the file's",
                f"at least {percent(least)}",
                "compare some ids of the file with stored ones (leading zeros, prefixes, another system's numbers). If "
                "the ids are right and this is another part of the shop, nothing is to be done",
            )


def _volume(load: Load, previous: Load, thresholds: Thresholds) -> Check | None:
    if previous.n_read < thresholds.min_rows:
        return None
    ratio = load.n_read / previous.n_read
    low, high = thresholds.min_volume_ratio, thresholds.max_volume_ratio
    return check_of(
        "volume",
        low <= ratio <= high,
        f"{load.n_read:,} rows, {ratio:.2f} times the {previous.n_read:,} of {previous.file}",
        f"{low:g} to {high:g} times",
        "see whether the file is whole, and holds every row once",
    )


def _layout(load: Load, previous: Load) -> Check | None:
    if _series(load) != _series(previous):
        return None
    return check_of(
        "layout",
        load.layout == previous.layout,
        load.layout,
        f"as the load before: {previous.layout}" if load.layout != previous.layout else "the same as the load before",
        "see that every column was taken for what it is; if the file was meant to change, nothing is to be done",
    )


def _newest(now: int | None, before: int | None, since: str, thresholds: Thresholds) -> Check | None:
    """Whether the newest event is not older than it was. One that is gone is the oldest of all."""
    if before is None:
        return None
    return check_of(
        "newest event",
        now is not None and now >= before - thresholds.max_newest_step_back,
        "no event has a time" if now is None else f"of {_moment(now)}",
        f"not before that of {since}, {_moment(before)}",
        "see whether an old file came again, or the column of times is gone",
    )


def _loss(what: str, now: int, before: int, thresholds: Thresholds) -> Check | None:
    if before < thresholds.min_rows:
        return None
    return check_of(
        what,
        now >= before * (1 - thresholds.max_loss),
        f"{now:,}, where the last training had {before:,}",
        f"at most {percent(thresholds.max_loss)} fewer",
        "see that AISLE_DATABASE_URL and AISLE_VAR lead to the right store, and who deleted from it; if it was meant, "
        "train by hand: python train_model.py --force",
    )


def _stopped(now: DataFigures, before: DataFigures, thresholds: Thresholds) -> Check | None:
    """Whether events still come. Data that was old at the last training already is history, and meant to be."""
    if now.newest_at is None or before.newest_at is None:
        return None
    limit = thresholds.max_newest_age
    if before.counted_at - before.newest_at > limit:
        return None
    age = now.counted_at - now.newest_at
    return check_of(
        "fresh events",
        age <= limit,
        f"the newest event is {age / 86_400:.1f} days old",
        f"at most {limit / 86_400:g}, as at the last training",
        "see whether the shop still sends events and files are still loaded",
    )


def _moment(at: int) -> str:
    return f"{str(np.datetime64(at, 's')).replace('T', ' ')} UTC"
