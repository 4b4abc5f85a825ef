"""Experiments, the first list of each user in them, and what their users did from then on."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, case, delete, func, insert, select, update

from src.core.domain import EventKind
from src.core.errors import Busy, InputError
from src.core.experiments import (
    ArmFigures,
    ArmLists,
    Experiment,
    ExperimentBody,
    InterleavedList,
    check_company,
    free_slot,
)
from src.store.batches import batches
from src.store.change_marks import EXPERIMENTS, changed_at, note_change
from src.store.database import Database
from src.store.served_list_store import CLICKS
from src.store.tables import arm_lists, events, experiments, exposures, followed, interleaved, products

_WRITE_ROWS = 1_000
_BOUGHT = EventKind.PURCHASE.value
_FOLLOWED = ("request_id", "product_id", "kind")
_METRICS = ("clicks", "purchases", "revenue")


class Exposure(NamedTuple):
    """A user's list in an experiment; at: UTC seconds."""

    experiment: str
    user_id: str
    arm: str
    at: int


class ExperimentStore:
    """Experiments and what happened in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, name: str, body: ExperimentBody, who: str, now: int) -> Experiment:
        """Keep a new experiment, or a changed end of one that is there.

        Args:
            name: Its name.
            body: What it is.
            who: Name of the key.
            now: UTC seconds.

        Returns:
            The experiment.

        Raises:
            Busy: One of this name differs in more than its end, or has ended.
            InputError: The layer has not so many users left, or it cannot run beside the others.
        """
        until = None if body.until is None else int(body.until.timestamp())
        with self._database.write() as connection:
            known = {each.name: each for each in map(_experiment, connection.execute(select(experiments)))}
            old = known.get(name)
            if old is not None:
                _check_same(old, body, now)
            if until is not None and until <= now:
                raise InputError(
                    f"until: the time {body.until} has passed. Send a later one, or none; POST /experiments/NAME/end "
                    "ends an experiment that runs."
                )
            if old is not None:
                kept = Experiment(name, body, old.slot, old.started_at, until, old.who)
                connection.execute(update(experiments).where(experiments.c.name == name).values(**_row(kept)))
            else:
                running = [each for each in known.values() if each.ended_at is None or each.ended_at > now]
                check_company(body, running)
                begin = now if body.from_ is None else max(now, int(body.from_.timestamp()))
                slot = free_slot(body.traffic, body.layer, running)
                kept = Experiment(name, body, slot, begin, until, who)
                connection.execute(insert(experiments).values(**_row(kept)))
            note_change(self._database, connection, EXPERIMENTS)
        return kept

    def end(self, name: str, now: int) -> Experiment | None:
        """End an experiment; one that has ended stays as it is.

        Args:
            name: Its name.
            now: UTC seconds.

        Returns:
            The experiment; None if there is no such one.
        """
        unended = experiments.c.ended_at.is_(None) | (experiments.c.ended_at > now)
        with self._database.write() as connection:
            named = experiments.c.name == name
            connection.execute(update(experiments).where(named, unended).values(ended_at=now))
            note_change(self._database, connection, EXPERIMENTS)
            row = connection.execute(select(experiments).where(named)).first()
        return None if row is None else _experiment(row)

    def get(self, name: str) -> Experiment | None:
        """Return an experiment; None if there is no such one."""
        with self._database.read() as connection:
            row = connection.execute(select(experiments).where(experiments.c.name == name)).first()
        return None if row is None else _experiment(row)

    def all(self) -> list[Experiment]:
        """Return all experiments, newest first."""
        query = select(experiments).order_by(experiments.c.started_at.desc(), experiments.c.name)
        with self._database.read() as connection:
            return [_experiment(row) for row in connection.execute(query)]

    def changed_at(self) -> int | None:
        """Return when an experiment last changed, in microseconds since 1970; None for never. Quick."""
        return changed_at(self._database, EXPERIMENTS)

    def add(self, shown: Iterable[Exposure], lists: Mapping[tuple[str, str], ArmLists]) -> None:
        """Keep what was shown; of a user in an experiment the first list stays.

        Args:
            shown: Lists of users.
            lists: (experiment, arm) → what its lists cost.
        """
        rows = sorted(shown)
        with self._database.write() as connection:
            for part in batches(rows, _WRITE_ROWS):
                statement = self._database.insert(exposures).on_conflict_do_nothing()
                connection.execute(statement, [row._asdict() for row in part])
            if lists:
                incoming = self._database.insert(arm_lists)
                sums = {name: arm_lists.c[name] + incoming.excluded[name] for name in ArmLists._fields}
                added = incoming.on_conflict_do_update(index_elements=["experiment", "arm"], set_=sums)
                names = ("experiment", "arm", *ArmLists._fields)
                connection.execute(added, [dict(zip(names, (*key, *cost), strict=True)) for key, cost in lists.items()])

    def add_interleaved(self, lists: Iterable[InterleavedList]) -> None:
        """Keep lists that two arms made together."""
        for part in batches(lists, _WRITE_ROWS):
            rows = [each._asdict() | {"named": json.dumps(each.named, separators=(",", ":"))} for each in part]
            with self._database.write() as connection:
                connection.execute(self._database.insert(interleaved).on_conflict_do_nothing(), rows)

    def figures(self, experiment: Experiment) -> list[ArmFigures]:
        """Return what happened in each arm, in their order."""
        if experiment.body.is_interleaved:
            return self._credited(experiment)
        users = _by_user(experiment).subquery()
        sums = [
            part for name in _METRICS for part in (func.sum(users.c[name]), func.sum(users.c[name] * users.c[name]))
        ]
        counts = [func.sum(users.c.n_clicks), func.sum(users.c.n_purchases), func.sum(users.c.returned)]
        query = select(users.c.arm, func.count(), *sums, *counts).group_by(users.c.arm)
        costs = select(arm_lists).where(arm_lists.c.experiment == experiment.name)
        with self._database.read() as connection:
            rows = {row[0]: row for row in connection.execute(query)}
            cost_of = {row.arm: row for row in connection.execute(costs)}
        return [_figures(arm.name, rows.get(arm.name), cost_of.get(arm.name)) for arm in experiment.body.arms]

    def _credited(self, experiment: Experiment) -> list[ArmFigures]:
        """Return what was credited to each arm of an interleaving."""
        mine = interleaved.c.experiment == experiment.name
        columns = (interleaved.c.user_id, interleaved.c.named, *(followed.c[name] for name in _FOLLOWED))
        joined = interleaved.join(followed, followed.c.request_id == interleaved.c.request_id)
        query = select(*columns).select_from(joined).where(mine, followed.c.kind.in_((*CLICKS, _BOUGHT)))
        if experiment.ended_at is not None:
            query = query.where(followed.c.at < experiment.ended_at)
        counted = select(func.count(interleaved.c.user_id.distinct()), func.count()).where(mine)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            n_users, n_lists = connection.execute(counted).one()
        return _credits(experiment, rows, n_users, ArmLists(n_lists))

    def clear(self, connection: Connection) -> None:
        """Delete everything, within the transaction of `connection`."""
        for table in (experiments, exposures, arm_lists, interleaved):
            connection.execute(delete(table))


def _by_user(experiment: Experiment) -> Any:
    """Return a query of arm, clicks, purchases, revenue and what was returned, a row for each user."""
    during = (events.c.user_id == exposures.c.user_id) & (events.c.at >= exposures.c.at)
    if experiment.ended_at is not None:
        during &= events.c.at < experiment.ended_at
    clicked = events.c.kind.in_(CLICKS)
    bought = events.c.kind == _BOUGHT
    net = events.c.value - events.c.returned_quantity
    columns = {
        "clicks": case((clicked, 1.0), else_=0.0),
        "purchases": case((bought, 1.0), else_=0.0),
        "revenue": case((bought, net * func.coalesce(products.c.price, 0.0)), else_=0.0),
        "returned": case((bought, events.c.returned_quantity), else_=0.0),
        "n_clicks": case((clicked, 1), else_=0),
        "n_purchases": case((bought, 1), else_=0),
    }
    sums = [func.coalesce(func.sum(column), 0).label(name) for name, column in columns.items()]
    joined = exposures.outerjoin(events, during).outerjoin(products, products.c.product_id == events.c.product_id)
    return (
        select(exposures.c.arm, *sums)
        .select_from(joined)
        .where(exposures.c.experiment == experiment.name)
        .group_by(exposures.c.user_id, exposures.c.arm)
    )


def _credits(experiment: Experiment, rows: Sequence[Row[Any]], n_users: int, cost: ArmLists) -> list[ArmFigures]:
    """Sum what users did with the products that each arm named; a product of a list counts once for each metric."""
    done = {
        (row.request_id, row.product_id, "purchases" if row.kind == _BOUGHT else "clicks"): (row.user_id, row.named)
        for row in rows
    }
    by_user: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for (_, product_id, metric), (user_id, named) in done.items():
        for team, ids in enumerate(json.loads(named)):
            by_user[metric, user_id][team] += product_id in ids
    sums: list[Counter[str]] = [Counter(), Counter()]
    squares: list[Counter[str]] = [Counter(), Counter()]
    shared: Counter[str] = Counter(dict.fromkeys(("clicks", "purchases"), 0))
    for (metric, _), counts in by_user.items():
        for team, count in enumerate(counts):
            sums[team][metric] += count
            squares[team][metric] += count**2
        shared[metric] += counts[0] * counts[1]
    return [
        ArmFigures(
            arm.name,
            n_users,
            {name: (float(sums[team][name]), float(squares[team][name]), sums[team][name]) for name in shared},
            cost=cost,
            shared=dict(shared) if team else {},
        )
        for team, arm in enumerate(experiment.body.arms)
    ]


def _figures(arm: str, row: Row[Any] | None, cost: Row[Any] | None) -> ArmFigures:
    lists = ArmLists() if cost is None else ArmLists(*(getattr(cost, name) for name in ArmLists._fields))
    if row is None:
        return ArmFigures(arm, cost=lists)
    clicks, clicks2, bought, bought2, revenue, revenue2, n_clicks, n_bought, returned = map(float, row[2:])
    outcomes = {
        "clicks": (clicks, clicks2, int(n_clicks)),
        "purchases": (bought, bought2, int(n_bought)),
        "revenue": (revenue, revenue2, int(n_bought)),
    }
    return ArmFigures(arm, int(row[1]), outcomes, returned, lists)


def _row(experiment: Experiment) -> dict[str, Any]:
    body = experiment.body.model_dump(mode="json", by_alias=True, exclude_none=True)
    fields = {name: getattr(experiment, name) for name in ("name", "slot", "started_at", "ended_at", "who")}
    return fields | {"body": json.dumps(body)}


def _experiment(row: Row[Any]) -> Experiment:
    body = ExperimentBody.model_validate_json(row.body)
    return Experiment(row.name, body, row.slot, row.started_at, row.ended_at, row.who)


def _check_same(old: Experiment, body: ExperimentBody, now: int) -> None:
    if old.ended_at is not None and old.ended_at <= now:
        raise Busy(f"the experiment {old.name!r} has ended, and its figures stay. Begin another one under a new name.")
    times = {"until", "from_"}
    if old.body.model_dump(exclude=times) != body.model_dump(exclude=times):
        raise Busy(
            f"the experiment {old.name!r} runs, and differs from this one in more than its end: users would change "
            "their arm. End it with POST /experiments/NAME/end, and begin another one under a new name."
        )
