"""Run a made-up shop for some weeks, with an experiment in it: python -m bench.simulate --days 30 --arms A,B

Every day users visit, get their lists from POST /recommend, and click and buy by chance (src/synthetic/visits.py); what
they do comes back through POST /events, and every night a training goes through the gate. The application is the one
that serves a shop, in this process, with a clock of its own. An arm is `served` (what the shop serves), `bestsellers`,
or a list model; A stands for served, B for bestsellers, and A,A compares what is served with itself. The tool knows
what to expect of every list, which no shop does, and says whether the experiment has found the better arm.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask

from app import create_app
from app.context import AisleContext, context_of
from src.core.domain import DAY, EventBatch, Query
from src.core.progress import Silent
from src.models import POPULARITY
from src.models.settings import AllSettings, read_settings
from src.synthetic.shop import DEFAULT_UNTIL, make_shop, make_world
from src.synthetic.visits import Visitors
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest

SERVED, AGAIN = "served", "served-again"
SHORT = {"A": SERVED, "B": "bestsellers"}
SERVED_MODELS = ("popularity", "category_popularity", "co_occurrence", "item_graph")
"""What the shop's lists are made of: models that train in a moment. Those that arms name are trained beside them."""
EXPERIMENT = "simulated"
_KEY = "key-of-the-simulation"
_SEEN_SHARE = 0.05
"""Share of the visits for which the lists of all arms are compared."""
_ROUND = 100
"""Visits between two looks at what threads of a worker would do; events are sent as often, as shops send them."""


class Clock:
    """The time of a simulation, in UTC seconds; `started` lets the whole process see it."""

    def __init__(self, now: float) -> None:
        self.now = now

    @contextmanager
    def started(self) -> Iterator[None]:
        """Replace the functions that tell the time; durations are measured by others."""
        kept = time.time, time.time_ns
        time.time, time.time_ns = lambda: self.now, lambda: int(self.now * 1e9)
        try:
            yield
        finally:
            time.time, time.time_ns = kept


@dataclass(frozen=True)
class Plan:
    """What is simulated.

    Attributes:
        days: Number of days.
        arms: Ways of making lists; the first is the control.
        users: Users of the shop.
        products: Products of the shop.
        visits: Visits a day.
        seed: Seed of everything that is drawn.
        nights: A training after so many days.
    """

    days: int
    arms: tuple[str, ...]
    users: int = 1_000
    products: int = 200
    visits: int = 500
    seed: int = 7
    nights: int = 1


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        expected: (clicks, purchases) of each arm's lists for the same visits, summed.
        nights: Whether each night's release was promoted.
        judged: The verdict on the second arm, day by day.
        report: The last answer of GET /experiments/NAME.
        seconds: Time of the whole simulation.
        processor_seconds: Time of processors for it, with the processes that try releases.
    """

    expected: Any
    nights: list[bool] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    processor_seconds: float = 0.0

    @property
    def true_lift(self) -> float:
        """Purchases to be expected of the second arm's lists over those of the first, less 1."""
        return float(self.expected[1, 1] / self.expected[0, 1] - 1)

    @property
    def found(self) -> bool:
        """Whether the verdict names the arm that is better in truth; of equal ones, whether none ever did."""
        if not self.true_lift:
            return not {"better", "worse"} & set(self.judged)
        return bool(self.judged[-1] == ("better" if self.true_lift > 0 else "worse"))


class Simulation:
    """A shop with its service."""

    def __init__(self, plan: Plan, settings: AllSettings) -> None:
        self.plan, self.settings = plan, settings
        self.clock = Clock(DEFAULT_UNTIL - plan.days * DAY)
        self.rng = np.random.default_rng([plan.seed, 9])
        self.visitors = Visitors(make_world(plan.users, plan.products, plan.seed, DEFAULT_UNTIL))
        self.outcome = Outcome(np.zeros((len(plan.arms), 2)))
        self._events: list[dict[str, Any]] = []

    def run(self) -> Outcome:
        """Load the year before, train, begin the experiment, and live through the days."""
        began, before = time.perf_counter(), _processor_seconds()
        with self.clock.started():
            app = create_app(self.settings)
            aisle = context_of(app)
            try:
                self._load(aisle)
                self._train(aisle, "command")
                self._begin(app, aisle)
                for day in range(self.plan.days):
                    self._day(app, aisle, day)
                    if (day + 1) % self.plan.nights == 0:
                        self.outcome.nights.append(self._train(aisle, "night"))
            finally:
                aisle.leave()
                aisle.store.close()
        self.outcome.seconds = time.perf_counter() - began
        self.outcome.processor_seconds = _processor_seconds() - before
        return self.outcome

    def _load(self, aisle: AisleContext) -> None:
        """Store the products, and the events before the simulated days."""
        plan = self.plan
        shop = make_shop(n_users=plan.users, n_products=plan.products, seed=plan.seed, until=DEFAULT_UNTIL)
        events = shop.events
        assert events.at is not None
        assert events.dedupe_key is not None
        before = np.flatnonzero(events.at < self.clock.now)
        columns = (events.user_id, events.product_id, events.kind, events.dedupe_key)
        user, product, kind, key = ([column[row] for row in before] for column in columns)
        aisle.store.products.add(shop.products)
        aisle.store.events.add(EventBatch(user, product, kind, events.value[before], events.at[before], key))

    def _train(self, aisle: AisleContext, trigger: str) -> bool:
        """Train as a night does; return whether the release was promoted."""
        due = int(self.clock.now) if trigger == "night" else None
        named = (model for arm in self.plan.arms if (model := model_of(arm)) not in (None, *SERVED_MODELS))
        request = TrainingRequest(models=(*SERVED_MODELS, *map(str, named)), trigger=trigger, due=due)
        trained = train(self.settings, aisle.store, request, Silent())
        aisle.recommender.refresh()
        return trained is not None and trained.version is not None

    def _begin(self, app: Flask, aisle: AisleContext) -> None:
        share = 1 / len(self.plan.arms)
        arms: list[dict[str, Any]] = [{"name": name, "share": share} | way_of(name) for name in self.plan.arms]
        answer = app.test_client().put(f"/experiments/{EXPERIMENT}", json={"arms": arms}, headers=_authorized())
        if answer.status_code != 200:
            raise SystemExit(f"the experiment was refused: {answer.get_json()['detail']}")
        aisle.recommender.follow()

    def _day(self, app: Flask, aisle: AisleContext, day: int) -> None:
        client, plan = app.test_client(), self.plan
        begin = DEFAULT_UNTIL - (plan.days - day) * DAY
        users = self.visitors.draw(self.rng, plan.visits)
        for number, (user, second) in enumerate(zip(users, np.sort(self.rng.random(plan.visits)) * DAY, strict=True)):
            self.clock.now = begin + float(second)
            self._visit(client, aisle, int(user))
            if number % _ROUND == 0:
                self._keep_house(client, aisle)
        self.clock.now = begin + DAY
        self._keep_house(client, aisle)
        self.outcome.report = client.get(f"/experiments/{EXPERIMENT}").get_json()
        self.outcome.judged.append(self.outcome.report["verdicts"][0]["finding"])

    def _keep_house(self, client: Any, aisle: AisleContext) -> None:
        """Send the events that wait, and do what the threads of a worker do, which run by the real clock."""
        if self._events:
            client.post("/events", json=self._events, headers=_authorized())
            self._events.clear()
        aisle.recommender.follow()
        aisle.served_list_log.flush()

    def _visit(self, client: Any, aisle: AisleContext, user: int) -> None:
        user_id, now = self.visitors.user_ids[user], int(self.clock.now)
        if self.rng.random() < _SEEN_SHARE:
            self._compare(aisle, user, now)
        answer = client.post("/recommend", json={"user_id": user_id})
        listed = answer.get_json()
        response = self.visitors.respond(self.rng, user, self.visitors.rows_of(listed), now)
        about = {"user_id": user_id, "request_id": answer.headers["X-Request-Id"]}
        self._events += [
            {**about, "product_id": listed[place], "kind": kind, "at": now + delay}
            for kind, places, delay in (("click", response.clicked, 20), ("purchase", response.bought, 200))
            for place in places
        ]

    def _compare(self, aisle: AisleContext, user: int, now: int) -> None:
        """Add what is to be expected of each arm's list for the same visit."""
        pipeline = aisle.recommender.release().pipeline
        user_id = self.visitors.user_ids[user]
        query = Query(user_id, tuple(aisle.store.events.history(user_id)), 10)
        for row, name in enumerate(self.plan.arms):
            listed = pipeline.recommend(replace(query, model=model_of(name)))
            rows = self.visitors.rows_of([place.product_id for place in listed])
            self.outcome.expected[row] += self.visitors.expected(user, rows, now)


def _processor_seconds() -> float:
    """Return the time of processors that this process and its children that have ended took."""
    return sum(os.times()[:4])


def _authorized() -> dict[str, str]:
    return {"Authorization": f"Bearer {_KEY}"}


def way_of(arm: str) -> dict[str, str]:
    """Return what an arm of this name is in an experiment."""
    return {} if arm in (SERVED, AGAIN) else {"holdout": arm} if arm == "bestsellers" else {"model": arm}


def model_of(arm: str) -> str | None:
    """Return the model that makes the lists of an arm; None for the release's default."""
    return None if arm in (SERVED, AGAIN) else POPULARITY if arm == "bestsellers" else arm


def note(plan: Plan, outcome: Outcome) -> str:
    """Word what came of it.

    Args:
        plan: What was simulated.
        outcome: What came of it.

    Returns:
        Some lines.
    """
    control, arm = plan.arms[:2]
    decided = [day + 1 for day, finding in enumerate(outcome.judged) if finding in ("better", "worse")]
    when = f"decided on day {decided[0]}" if decided else "not decided"
    what = "the better arm" if outcome.true_lift else "that no arm is better"
    says = f"{what} was found" if outcome.found else f"{what} was NOT found"
    return (
        f"{plan.days} days, {plan.days * plan.visits:,} visits, {len(outcome.nights)} nights "
        f"({sum(outcome.nights)} promoted), "
        f"{outcome.seconds:.0f} s, {outcome.processor_seconds:.0f} s of processors\n"
        f"in truth: {arm} makes {outcome.true_lift:+.1%} purchases compared with {control}\n"
        f"the experiment: {' '.join(outcome.report['verdict'])} ({when})\n"
        f"{says}"
    )


def simulated(plan: Plan, var: Path, **settings: Any) -> Outcome:
    """Simulate a shop.

    Args:
        plan: What to simulate.
        var: Folder of the service.
        settings: That differ from what the simulation sets.

    Returns:
        What came of it.
    """
    wanted = {"var": var, "scheduler": "off", "log_served": "on", "admin_keys": _KEY, "admin_rate_limit": ""}
    wanted |= {"tune_seconds": 0, "prepare_seconds": 0, "ranker": "off"}
    return Simulation(plan, read_settings(**{**wanted, **settings})).run()


def main() -> int:
    """Run the tool; the exit code is 1 if the better arm was not found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--arms", default="A,B", help="ways of making lists, divided by commas; the control first")
    for name in ("users", "products", "visits", "seed", "nights"):
        default = getattr(Plan, name)
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default}")
    parser.add_argument("--tune", type=float, default=0.0, metavar="SECONDS", help="AISLE_TUNE_SECONDS of each night")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = vars(parser.parse_args())
    file, tune = given.pop("json"), given.pop("tune")
    arms = tuple(SHORT.get(name, name) for name in given.pop("arms").split(","))
    if arms == (SERVED, SERVED):
        arms = (SERVED, AGAIN)
    if not 2 <= len(set(arms)) == len(arms):
        parser.error("--arms: expected two or more different ones, such as served,bestsellers")
    logging.disable(logging.WARNING)
    plan = Plan(arms=arms, **given)
    with tempfile.TemporaryDirectory() as folder:
        outcome = simulated(plan, Path(folder), tune_seconds=tune)
    print(note(plan, outcome))
    if file is not None:
        figures = {"true_lift": outcome.true_lift, "judged": outcome.judged, "nights": outcome.nights}
        document = {**figures, "report": outcome.report, "seconds": outcome.seconds}
        document["processor_seconds"] = outcome.processor_seconds
        file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if outcome.found else 1


if __name__ == "__main__":
    sys.exit(main())
