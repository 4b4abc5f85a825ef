"""Check the data of a load, and the data that a training is about to use. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from src.core.domain import CLOCK_TOLERANCE
from src.core.number_format import percent
from src.core.records import Load
from src.ingestion.load_series import file_series
from src.ingestion.rejections import Rejection, RejectionCode


@dataclass(frozen=True)
class Thresholds:
    """Limits within which a check passes. Shares lie between 0 and 1. Loose on purpose, to avoid false alarms.

    Attributes:
        max_reject_share: Of the rows read. Real files have some bad rows in a thousand, while a misread column, a wrong
            scale or a wrong encoding costs tenths of all rows.
        max_few_rejected: The same of fewer than `min_rows` rows, where a heading and a sum are a tenth already.
        max_without_customer: Of the rows read, sales that name no customer. Tills sell to strangers; where most rows
            do, another column may name the customer.
        max_null_share: Of the rows kept, in which one column is empty. Descriptions and brands may be sparse; a column
            that is almost empty is one that the shop exports by mistake.
        max_null_rise: Increase of that share since the load before. What shops fill in changes slowly.
        min_volume_ratio: Rows read, relative to the load before. A Sunday has half of a Monday; fewer rows mean a
            truncated file.
        max_volume_ratio: The same, upwards. A sale has five times an ordinary day; more rows mean repeated content.
        max_future_share: Of the rows read. Some clocks are wrong; a wrong time unit or a wrong order of day and month
            affects many rows.
        min_known_products: Of a file's products. New ones come a few at a time; mostly new ones mean another catalogue,
            or other ids for the old one.
        min_known_users: Of a file's users. Most customers of many shops come once, so few known users are normal, but
            none at all mean that ids are made in another way.
        max_newest_step_back: Seconds by which the newest event may be older than that of the load before; a day, as
            for clocks.
        max_newest_age: Seconds since the newest event, where events used to be fresher: a long weekend.
        max_loss: Share of the events, users or products that may be gone since the last training. Only deleting a user
            or a test product removes any.
        min_rows: Fewer rows give no reliable shares and volumes.
        min_user_rows: Fewer rows give no reliable share as low as min_known_users.
    """

    max_reject_share: float = 0.05
    max_few_rejected: float = 0.25
    max_without_customer: float = 0.5
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


CheckValue: TypeAlias = int | float | str


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: What was checked.
        passed: Whether it is as expected.
        message: What was found, what was expected and, where the check failed, what to do.
        values: The figures in the message by name, so that it can be written in other languages. "case" names the
            sentence where a check has several; shares begin with "share", times in UTC seconds end with "_at".
    """

    name: str
    passed: bool
    message: str
    values: Mapping[str, CheckValue] = field(default_factory=dict)


@dataclass(frozen=True)
class DataFigures:
    """Counts of the data that a training uses.

    Attributes:
        n_events: Events.
        n_users: Users with events.
        n_products: Products with events.
        newest_at: UTC seconds of the newest event; None without times.
        counted_at: UTC seconds of counting.
    """

    n_events: int
    n_users: int
    n_products: int
    newest_at: int | None
    counted_at: int


def check_load(load: Load, previous: Load | None, thresholds: Thresholds = Thresholds()) -> list[Check]:
    """Check a load.

    Args:
        load: The load.
        previous: The load to compare it with, see `previous_of`; None for the first one.
        thresholds: The limits.

    Returns:
        Every check that the figures allow, passed or not.
    """
    checks = [
        _rejected(load, thresholds),
        _customers(load, thresholds),
        _future(load, thresholds),
        _nulls(load, previous, thresholds),
        *_known_ids(load, thresholds),
    ]
    if previous is not None:
        checks += [_volume(load, previous, thresholds), _layout(load, previous)]
        checks.append(_newest(load.newest_at, previous.newest_at, "the load before", thresholds))
    return [check for check in checks if check is not None]


def check_data(now: DataFigures, before: DataFigures | None, thresholds: Thresholds = Thresholds()) -> list[Check]:
    """Check the data of a training against that of the training before.

    Args:
        now: The data now.
        before: The data of the training before; None for the first training.
        thresholds: The limits.

    Returns:
        Every check that the figures allow, passed or not; none for the first training.
    """
    if before is None:
        return []
    pairs = {
        "events": (now.n_events, before.n_events),
        "users": (now.n_users, before.n_users),
        "products": (now.n_products, before.n_products),
    }
    checks = [_loss(noun, *pair, thresholds) for noun, pair in pairs.items()]
    checks.append(_newest(now.newest_at, before.newest_at, "the last training", thresholds))
    checks.append(_stopped(now, before, thresholds))
    return [check for check in checks if check is not None]


def check_of(name: str, passed: bool, found: str, expected: str, next_: str, **values: CheckValue) -> Check:
    """Return a check with a message of three parts.

    Args:
        name: What was checked.
        passed: Whether it is as expected.
        found: What was found.
        expected: What was expected.
        next_: What to do if it failed.
        **values: See Check.

    Returns:
        The check; its message has `next_` only where it failed.
    """
    return Check(name, passed, f"{name}: {found}; expected {expected}" + ("" if passed else f": {next_}"), values)


def _rejected(load: Load, thresholds: Thresholds) -> Check | None:
    if not load.n_read:
        return None
    n_rejected = sum(load.rejected.values())
    share = n_rejected / load.n_read
    # One bad row in a file of ten is already a tenth.
    limit = thresholds.max_reject_share if load.n_read >= thresholds.min_rows else thresholds.max_few_rejected
    most = max(load.rejected, key=lambda reason: load.rejected[reason], default="")
    return check_of(
        "rejected rows",
        share <= limit,
        f"{percent(share)} of {load.n_read:,} rows",
        f"at most {percent(limit)}",
        f'look into var/rejects; the most frequent reason is "{most}" ({load.rejected.get(most, 0):,} rows)',
    )


def _customers(load: Load, thresholds: Thresholds) -> Check | None:
    """Check that most sales have a customer: tills and guests leave some without."""
    n_without = load.left_out.get(str(Rejection(RejectionCode.NO_CUSTOMER)), 0)
    if not n_without:
        return None
    return check_of(
        "customers",
        n_without <= thresholds.max_without_customer * load.n_read,
        f"{percent(n_without / load.n_read)} of {load.n_read:,} rows are sales without a customer",
        f"at most {percent(thresholds.max_without_customer)}",
        "see whether another column of the file names the customers: --columns user=COLUMN",
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
    emptied = []
    for column, share in load.nulls.items():
        if _is_emptied(share, before.get(column), thresholds):
            earlier = f" ({percent(before[column])} the time before)" if column in before else ""
            emptied.append(f"{column} is empty in {percent(share)} of {load.n_kept:,} rows{earlier}")
    most = max(load.nulls, key=lambda column: load.nulls[column])
    return check_of(
        "empty columns",
        not emptied,
        ", ".join(emptied) or f"{most} is the emptiest, in {percent(load.nulls[most])} of {load.n_kept:,} rows",
        f"at most {percent(thresholds.max_null_share)} in a new column, and at most "
        f"{percent(thresholds.max_null_rise)} of the rows more than the time before in any other",
        "see whether the shop still exports the column, under the same name",
    )


def _is_emptied(share: float, before: float | None, thresholds: Thresholds) -> bool:
    """Whether a column lost its content. One that was as empty before is accepted: it was reported then."""
    return share > thresholds.max_null_share if before is None else share - before > thresholds.max_null_rise


def _known_ids(load: Load, thresholds: Thresholds) -> Iterable[Check | None]:
    """Check that the store knows enough of the ids. Few rows of a small shop may all have new ids."""
    cases = (
        ("known products", load.known_products, thresholds.min_known_products, thresholds.min_rows),
        ("known users", load.known_users, thresholds.min_known_users, thresholds.min_user_rows),
    )
    for name, share, least, min_rows in cases:
        if share is not None and load.n_kept >= min_rows:
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
    if file_series(load) != file_series(previous):
        return None
    return check_of(
        "layout",
        load.layout == previous.layout,
        load.layout,
        f"as the load before: {previous.layout}" if load.layout != previous.layout else "the same as the load before",
        "see that every column was taken for what it is; if the file was meant to change, nothing is to be done",
    )


def _newest(now: int | None, before: int | None, since: str, thresholds: Thresholds) -> Check | None:
    """Check that the newest event is not older than before; no newest event counts as older."""
    if before is None:
        return None
    return check_of(
        "newest event",
        now is not None and now >= before - thresholds.max_newest_step_back,
        "no event has a time" if now is None else f"of {_moment(now)}",
        f"not before that of {since}, {_moment(before)}",
        "see whether an old file came again, or the column of times is gone",
        **({"case": "no_newest_event"} if now is None else {"now_at": now}),
        before_at=before,
    )


def _loss(noun: str, now: int, before: int, thresholds: Thresholds) -> Check | None:
    if before < thresholds.min_rows:
        return None
    return check_of(
        noun,
        now >= before * (1 - thresholds.max_loss),
        f"{now:,}, where the last training had {before:,}",
        f"at most {percent(thresholds.max_loss)} fewer",
        "see that AISLE_DATABASE_URL and AISLE_VAR lead to the right store, and who deleted from it; if it was meant, "
        "train by hand: python train_model.py --force",
        case="loss",
        noun=noun,
        now=now,
        before=before,
        share_most=thresholds.max_loss,
    )


def _stopped(now: DataFigures, before: DataFigures, thresholds: Thresholds) -> Check | None:
    """Check that events still arrive. Data that was old at the last training already is historical on purpose."""
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
        days=age / 86_400,
        most=limit / 86_400,
    )


def _moment(at: int) -> str:
    return f"{str(np.datetime64(at, 's')).replace('T', ' ')} UTC"
