"""The simulated shop: days of visits through the application, a night with its gate, and a truth that is known."""

from __future__ import annotations

import time
from pathlib import Path

from bench.simulate import Plan, note, simulated
from src.models.settings import read_settings
from src.store import open_store
from src.synthetic.shop import DAY, DEFAULT_UNTIL
from tests.conftest import QUICK


def test_a_simulated_day_and_night_go_through_the_application_and_its_truth_is_known(tmp_path: Path) -> None:
    plan = Plan(days=1, arms=("served", "bestsellers"), users=150, products=60, visits=80)
    outcome = simulated(plan, tmp_path / "var", **QUICK)
    assert time.time() > DEFAULT_UNTIL, "the clock of the process is the real one again"
    assert sum(arm["lists"] for arm in outcome.report["arms"]) == plan.visits
    assert len(outcome.nights) == 1
    assert (outcome.expected > 0).all()
    assert outcome.judged == ["too_early"]
    assert "the better arm was NOT found" in note(plan, outcome)
    store = open_store(read_settings(var=tmp_path / "var").store_url)
    clicked = sum(each.clicked for each in store.served_lists.figures(0))
    assert clicked > 0, "events are joined with the lists that they follow"
    newest = store.events.count().newest_at
    assert newest is not None
    assert DEFAULT_UNTIL - DAY < newest <= DEFAULT_UNTIL + 200
    assert [run.trigger for run in store.runs.newest(5)] == ["night", "command"]
    store.close()
