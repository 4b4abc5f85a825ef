"""How users are divided among the arms of experiments."""

from __future__ import annotations

from collections import Counter

import pytest

from src.core.experiments import Experiment, ExperimentBody

USERS = [f"customer-{number}" for number in range(20_000)]


def experiment(name: str, **fields: object) -> Experiment:
    arms = [{"name": "a", "share": 0.2}, {"name": "b", "share": 0.8}]
    body = ExperimentBody.model_validate({"arms": arms, **fields})
    return Experiment(name, body, 0.0, 0, None, "")


def test_arms_get_their_shares_and_a_user_keeps_an_arm() -> None:
    one = experiment("one")
    arms = [one.arm_of(user) for user in USERS]
    names = Counter(None if arm is None else arm.name for arm in arms)
    assert names["a"] == pytest.approx(0.2 * len(USERS), rel=0.05)
    assert names["a"] + names["b"] == len(USERS)
    assert arms == [experiment("one").arm_of(user) for user in USERS]


def test_experiments_do_not_depend_on_each_other() -> None:
    one, two = experiment("one"), experiment("two", layer="other")
    both = Counter((str(one.arm_of(user)), str(two.arm_of(user))) for user in USERS)
    assert min(both.values()) == pytest.approx(0.04 * len(USERS), rel=0.15)


def test_traffic_takes_the_users_of_its_slot() -> None:
    half = experiment("half", traffic=0.5)
    rest = Experiment("rest", half.body, 0.5, 0, None, "")
    members = [{user for user in USERS if each.arm_of(user) is not None} for each in (half, rest)]
    assert members[0] | members[1] == set(USERS)
    assert not members[0] & members[1]
    assert len(members[0]) == pytest.approx(len(USERS) / 2, rel=0.05)


def test_an_experiment_is_for_its_placement_and_category() -> None:
    basket = experiment("basket", placement="basket", category="Kitchen")
    assert basket.is_for("basket", ["toys", "kitchen"])
    assert not basket.is_for("home", ["kitchen"])
    assert not basket.is_for("basket", [])
