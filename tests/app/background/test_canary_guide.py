"""A promoted release goes out to few users, then to more, then to all, or comes back, whatever process dies."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.background.canary_guide import CanaryGuide, fault_of, is_harmless
from app.context import AisleContext, context_of
from src.core.canaries import Canary, CanaryState
from src.core.domain import DAY
from src.core.errors import ConfigError
from src.core.experiments import ArmFigures, ArmLists, Experiment
from src.core.progress import Silent
from src.core.settings import Settings
from src.evaluation.experiment_report import report
from src.models.settings import AllSettings, read_settings
from src.store.experiment_store import Exposure
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest
from tests.conftest import ADMIN_KEY

HOURS = 3_600
NOW = int(time.time()) - 25 * HOURS
USERS = [f"U{number:05d}" for number in range(1, 61)]


@pytest.fixture
def settings_with_canary(trained_settings: AllSettings) -> AllSettings:
    """Steps end by time; `sells` gives figures, where these decide."""
    return trained_settings.model_copy(update={"canary": "on", "scheduler": "on", "canary_harm": 1.0})


@pytest.fixture
def flask_app(settings_with_canary: Settings, make_app: Callable[[Settings], Flask]) -> Flask:
    return make_app(settings_with_canary)


@pytest.fixture
def aisle(flask_app: Flask) -> AisleContext:
    return context_of(flask_app)


@pytest.fixture
def proposed(aisle: AisleContext, publish_again: Callable[..., str]) -> Callable[..., str]:
    """Publishes a release that is not active, and proposes it."""

    def propose(run_id: str, at: int = NOW) -> str:
        before = aisle.registry.current_version()
        assert before is not None
        version = publish_again()
        aisle.registry.activate(before)
        aisle.store.canaries.propose(Canary(version, run_id, at))
        return version

    return propose


def guide(aisle: AisleContext, **changed: float) -> CanaryGuide:
    """The guide of a leader that has just begun to lead."""
    return CanaryGuide(aisle.settings.model_copy(update=changed), aisle.store, aisle.registry)


def sells(arm: str, clicks: int, purchases: int) -> ArmFigures:
    """What 20,000 users of an arm did, each at most once."""
    outcomes = {name: (float(n), float(n), n) for name, n in {"clicks": clicks, "purchases": purchases}.items()}
    return ArmFigures(arm, 20_000, outcomes, 0.0, ArmLists(40_000, 0, 0, 40.0))


def shown(aisle: AisleContext, step: int, **faults: int) -> None:
    """Note 400 lists of each arm of the step; faults are those of the canary's."""
    canary = aisle.store.canaries.open()
    assert canary is not None
    name = canary.experiment(step)
    experiment = aisle.store.experiments.get(name)
    assert experiment is not None
    users = [(arm.name, user) for number in range(600) if (arm := experiment.arm_of(user := f"x{number}"))]
    lists = {(name, "now"): ArmLists(4_000, 0, 0, 4.0), (name, "canary"): ArmLists(400, **faults, seconds=0.4)}
    aisle.store.experiments.add((Exposure(name, user, arm, NOW) for arm, user in users), lists)


def test_a_training_proposes_its_release_which_reaches_all_users_in_steps(
    client: FlaskClient, aisle: AisleContext, settings_with_canary: AllSettings
) -> None:
    older = aisle.registry.current_version()
    trained = train(settings_with_canary, aisle.store, TrainingRequest(), Silent())
    assert trained is not None
    assert (trained.canary, trained.active, aisle.registry.current_version()) == (True, False, older)
    run = aisle.store.runs.newest(1)[0]
    assert "goes out to few users first" in run.message
    told = client.get(f"/runs/{run.run_id}").get_json()["canary"]
    assert (told["state"], told["release"], told["share"]) == ("waiting", trained.version, 0)
    guide(aisle).check(NOW)
    shown(aisle, 0)
    for later in (0, 23 * HOURS):  # not before a day has passed
        guide(aisle).check(NOW + later)
        assert client.get("/canaries").get_json()[0]["share"] == 0.05
    guide(aisle).check(NOW + 24 * HOURS)
    told = client.get(f"/runs/{run.run_id}").get_json()["canary"]
    assert (told["state"], told["share"]) == ("running", 0.5)
    assert [each["body"]["arms"][1]["share"] for each in told["experiments"]] == [0.05, 0.5]
    assert "Too early" in told["experiments"][1]["verdict"][0]
    aisle.recommender.follow()
    releases = {
        client.post("/recommend", json={"user_id": user}).headers["X-Release"] for user in USERS
    }  # fmt: skip
    assert releases == {older, trained.version}
    shown(aisle, 1)
    guide(aisle).check(NOW + 48 * HOURS)
    assert aisle.registry.current_version() == trained.version
    told = client.get("/canaries").get_json()[0]
    assert (told["state"], told["share"], told["text"]) == ("done", 1, "All customers get it.")
    assert not [each for each in aisle.store.experiments.all() if each.ended_at is None]
    assert aisle.registry.holders() == []


def test_a_release_goes_out_slowly_by_hand_once_and_says_why_not_twice(
    client: FlaskClient, aisle: AisleContext, as_admin: dict[str, str], publish_again: Callable[..., str],
    is_problem: Callable[[Any, int], dict[str, Any]],
) -> None:  # fmt: skip
    older = aisle.registry.current_version()
    newer = publish_again()
    aisle.registry.activate(str(older))

    def refused(release: str, status: int) -> str:
        return str(is_problem(client.post("/canaries", json={"release": release}, headers=as_admin), status)["detail"])

    assert "GET /releases lists them" in refused("gone", 422)
    assert "serves all users already" in refused(str(older), 409)
    page = client.get("/operations/canaries/new").text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    answer = client.post("/operations/canaries/new", data={**fields, "release": newer, "key": ADMIN_KEY})
    assert f"The release {newer} goes out to few customers first." in client.get(answer.location).text
    guide(aisle).check(NOW)
    again = client.post("/canaries", json={"release": newer}, headers=as_admin).get_json()
    assert again == client.get("/canaries").get_json()[0]
    assert (again["state"], again["share"]) == ("running", 0.05)
    client.post("/canaries/end", headers=as_admin)
    assert "Activate it, or begin an experiment" in refused(newer, 409)


@pytest.mark.parametrize("fault", ["empty_lists", "slow_lists"])
def test_a_guardrail_that_falls_takes_the_release_back_and_is_a_finding(
    client: FlaskClient, aisle: AisleContext, proposed: Callable[..., str], fault: str
) -> None:
    version = proposed("r1")
    guide(aisle).check(NOW)
    shown(aisle, 0, **{"empty_lists": 0, "slow_lists": 0} | {fault: 60})
    guide(aisle).check(NOW + 60)
    told = client.get("/canaries").get_json()[0]
    assert (told["state"], told["reason"], told["share"]) == ("fell", fault, 0)
    assert aisle.registry.current_version() != version
    assert all(each.ended_at == NOW + 60 for each in aisle.store.experiments.all())
    found = {each["kind"]: each["text"] for each in client.get("/findings").get_json()}
    assert f"Release {version} was shown to few customers first. Taken back" in found["CanaryFell"]


@pytest.mark.parametrize(
    ("clicks", "purchases", "fault", "harmless"),
    [
        ((9_000, 9_000), (1_400, 1_400), None, True),  # a loss of a fifth is ruled out
        ((9_000, 9_000), (140, 140), None, False),
        ((9_000, 9_000), (140, 0), None, False),
        ((9_000, 7_500), (140, 140), "fewer_clicks", False),
        ((9_000, 9_000), (1_400, 800), "worse", False),
        ((9_000, 7_500), (1_400, 2_000), None, True),  # who buys more may click less
    ],
)
def test_what_speaks_against_a_release_and_when_a_great_loss_is_ruled_out(
    clicks: tuple[int, int], purchases: tuple[int, int], fault: str | None, harmless: bool
) -> None:
    canary = Canary("r", "", NOW, CanaryState.RUNNING, "before", 1, NOW)
    experiment = Experiment(canary.experiment(1), canary.body(), 0.0, NOW, None, "canary")
    judged = report(experiment, [sells("now", clicks[0], purchases[0]), sells("canary", clicks[1], purchases[1])], NOW)
    assert (fault_of(judged), is_harmless(judged, 0.2)) == (fault, harmless)
    assert is_harmless(judged, 1.0)


def test_a_release_of_which_too_little_is_known_never_reaches_all_users(
    client: FlaskClient, aisle: AisleContext, proposed: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = proposed("r1")
    guide(aisle).check(NOW)
    shown(aisle, 0)
    guide(aisle).check(NOW + DAY)
    figures = [sells("now", 9_000, 140), sells("canary", 9_000, 140)]
    monkeypatch.setattr(aisle.store.experiments, "figures", lambda _: figures)
    for day, state in ((13.9, "running"), (14, "undecided")):
        guide(aisle, canary_harm=0.2).check(NOW + int((1 + day) * DAY))
        assert client.get("/canaries").get_json()[0]["state"] == state
    assert "did too little to say that it does no harm" in client.get("/canaries").get_json()[0]["text"]
    assert aisle.registry.current_version() != version
    found = {each["kind"]: each["text"] for each in client.get("/findings").get_json()}
    assert "Undecided and taken back" in found["CanaryFell"]


def test_a_leader_that_dies_anywhere_leaves_what_the_next_one_goes_on_from(
    aisle: AisleContext, proposed: Callable[..., str]
) -> None:
    """Every write of a whole way is the last one of a leader once, and the way still ends with the release."""
    version = proposed("r1")
    writes = 0

    class Died(Exception):
        """What ends the leader."""

    def dying(method: Callable[..., Any], at: int) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            nonlocal writes
            done = method(*args, **more)
            writes += 1
            if writes == at:
                raise Died
            return done

        return call

    names = [(aisle.store.canaries, "replace"), (aisle.store.experiments, "begin"), (aisle.store.experiments, "end")]
    names += [(aisle.registry, "activate")]
    canary = aisle.store.canaries.open()
    assert canary is not None
    before = aisle.registry.current_version()
    assert before is not None
    deaths = 0
    for at in range(1, 30):
        with pytest.MonkeyPatch.context() as patch:
            writes = 0
            for owner, name in names:
                patch.setattr(owner, name, dying(getattr(owner, name), at))
            ended, step, now = False, -1, NOW
            for _ in range(12):
                now += 25 * HOURS
                try:
                    guide(aisle).check(now)
                except Died:
                    deaths += 1
                found = aisle.store.canaries.of_run(canary.run_id)
                assert found is not None
                if found.state is CanaryState.RUNNING and found.step != step:
                    step = found.step
                    shown(aisle, step, empty_lists=0, slow_lists=0)
                ended = found.ended_at is not None
                if ended:
                    guide(aisle).check(now + 1)
                    break
        assert (found.state, aisle.registry.current_version()) == (CanaryState.DONE, version), at
        assert not [each for each in aisle.store.experiments.all() if each.runs_at(now + 2)], at
        if writes < at:
            break
        aisle.registry.activate(before)  # and once more from the beginning
        with aisle.store.database.write() as connection:
            aisle.store.experiments.clear(connection)
            aisle.store.canaries.clear(connection)
        canary = Canary(version, f"r{at + 1}", NOW)
        aisle.store.canaries.propose(canary)
    assert deaths >= 6


def test_a_new_night_waits_and_other_changes_of_the_release_end_the_canary(
    client: FlaskClient, aisle: AisleContext, proposed: Callable[..., str], as_admin: dict[str, str]
) -> None:
    older = aisle.registry.current_version()
    proposed("r1")
    guide(aisle).check(NOW)
    proposed("r2", NOW + 1)
    third = proposed("r3", NOW + 2)
    guide(aisle).check(NOW + 3)
    states = {each["run_id"]: (each["state"], each["text"]) for each in client.get("/canaries").get_json()}
    assert [states[run][0] for run in ("r1", "r2", "r3")] == ["running", "overtaken", "waiting"]
    assert states["r2"][1] == f"Overtaken by {third}."
    assert client.post("/canaries/end", headers=as_admin).get_json()["state"] == "stopped"
    guide(aisle).check(NOW + 4)
    assert client.get("/canaries").get_json()[0]["state"] == "running"
    rival = {
        "arms": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "holdout": "bestsellers"}],
        "traffic": 0.1,
    }
    refused = client.put("/experiments/rival", json=rival, headers=as_admin).get_json()
    assert "canary-" in refused["detail"], "users of a canary are in no other experiment that chooses lists"
    page = client.get("/operations/experiments").text
    assert f"the others get {older}" in page
    assert "curl -s localhost:5000/canaries" in page
    form = client.get(f"/operations/do/end_canary?subject={third}").text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
    answer = client.post("/operations/do/end_canary", data={**fields, "key": "admin-key-of-the-tests"})
    assert f"The canary {third} was ended." in client.get(answer.location).text
    assert client.post("/canaries/end", headers=as_admin).status_code == 404
    fourth = proposed("r4", NOW + 5)
    guide(aisle).check(NOW + 6)
    aisle.registry.activate(third)
    guide(aisle).check(NOW + 7)
    assert aisle.store.canaries.of_run("r4") == Canary(
        fourth, "r4", NOW + 5, CanaryState.OVERTAKEN, str(older), 0, NOW + 6, NOW + 7, third
    )


def test_a_canary_waits_while_an_experiment_chooses_the_lists(
    client: FlaskClient, aisle: AisleContext, proposed: Callable[..., str], as_admin: dict[str, str]
) -> None:
    arms = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "holdout": "bestsellers"}]
    client.put("/experiments/held", json={"arms": arms}, headers=as_admin)
    proposed("r1")
    guide(aisle).check(NOW)
    told = client.get("/canaries").get_json()[0]
    assert told["state"] == "waiting"
    assert "held" in told["text"]


def test_nobody_leads_a_canary_without_the_scheduler() -> None:
    with pytest.raises(ConfigError, match="AISLE_SCHEDULER is off"):
        read_settings(canary="on", scheduler="off")
