"""Curl lines of the documents, sent to the application without a network."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from flask import Flask

from app.background.background_job import BackgroundJob
from app.context import context_of
from app.schemas.example import ASKED, FINDING, OLDER, RELEASE, RUN, RUNNING
from app.schemas.running_examples import RUNNING_EXAMPLES
from src.core.canaries import Canary, CanaryState
from src.core.domain import Query
from src.core.experiments import ExperimentBody
from src.core.list_recipes import AskedList, ListRecipe, digest_of
from src.core.operation_records import FindingRecord
from src.core.process_lock import LockOwner
from src.core.records import Run, RunStatus
from src.store import Store
from tests.aisle_context import exchange


@dataclass(frozen=True)
class Shown:
    """A request as a curl line shows it."""

    method: str
    address: str
    headers: list[tuple[str, str]]
    body: str | None


def curl_lines(paper: str) -> list[str]:
    """Return the curl lines that are alone in a shell block, but for a remark above."""
    return re.findall(r"^```sh\n(?:# [^\n]+\n)?(curl -s .+?)\n```", paper, re.MULTILINE | re.DOTALL)


def read_curl(line: str) -> Shown:
    """Parse a curl line as curl does: POST with a body, GET without."""
    words = shlex.split(line.replace("\\\n", ""))
    assert words[:2] == ["curl", "-s"], line
    known = {"-H", "-d", "-X"}
    assert {word for word in words[2:] if re.fullmatch(r"-\w", word)} <= known, line
    given: dict[str, list[str]] = {option: [] for option in known}
    rest, at = [], 2
    while at < len(words):
        if words[at] in known:
            given[words[at]].append(words[at + 1])
            at += 2
        else:
            rest.append(words[at])
            at += 1
    (url,) = rest
    headers = [(name, value) for name, _, value in (said.partition(": ") for said in given["-H"])]
    body = given["-d"][0] if given["-d"] else None
    method = given["-X"][0] if given["-X"] else "GET" if body is None else "POST"
    return Shown(method, url.removeprefix("localhost:5000"), headers, body)


@dataclass(frozen=True)
class Shop:
    """The shop of the examples, which replaces example names of the documents by its own."""

    app: Flask
    names: dict[str, str]

    def send(self, line: str) -> Any:
        """Send a curl line; return the answer."""
        for name, real in self.names.items():
            line = line.replace(name, real)
        shown = read_curl(line)
        return self.app.test_client().open(
            shown.address, method=shown.method, headers=shown.headers, data=shown.body, content_type=None
        )


def trained_at_once(store: Store) -> Callable[..., Any]:
    """Return a launcher of trainings that succeed at once without a change."""

    def start(command: Sequence[str], *_: Any) -> Any:
        run = store.runs.get(command[command.index("--run-id") + 1])
        assert run is not None
        store.runs.save(replace(run, status=RunStatus.SUCCEEDED, finished_at=run.started_at))
        return SimpleNamespace(wait=lambda: 0)

    return start


class _Held:
    """The lock of a training that runs."""

    def owner(self) -> LockOwner:
        return LockOwner.this_process("api")


class _NeverEnded(BackgroundJob):
    """A job whose process is not ended."""

    def end(self, *_: Any) -> None:
        """Do nothing."""


def running_run(store: Store) -> None:
    """Save the run of the examples that is under way."""
    store.runs.save(Run(RUNNING, "api", 1_795_737_721, RunStatus.RUNNING, host="shop-1", model_type="all"))


def shop_of_examples(
    app: Flask, store: Store, publish_again: Callable[..., str], writer: dict[str, str], admin: dict[str, str]
) -> Shop:
    """The application with a second release, a finding, a run under way, and fake processes."""
    older = context_of(app).recommender.version
    newer = publish_again()
    run = store.runs.newest(5)[0]
    aisle = context_of(app)
    aisle.recommender.refresh()
    training = _NeverEnded(aisle.training.script, _Held(), aisle.training.log, launch=trained_at_once(store))
    comparing = replace(aisle.comparing, launch=lambda *_: SimpleNamespace(wait=lambda: 0))
    exchange(app, training=training, comparing=comparing)
    (finding,) = store.findings.update([FindingRecord("", "SchedulerOff", "", 2, {}, 0, 0)], str, 1_795_733_423)
    experiment, _ = RUNNING_EXAMPLES["PUT /experiments/{name}"]
    store.experiments.begin("holdout", ExperimentBody.model_validate(experiment.body), "anna", int(time.time()))
    estimate = aisle.settings.reports_dir / older / "off_policy.json"
    estimate.parent.mkdir(parents=True)
    (example,) = RUNNING_EXAMPLES["GET /releases/{version}/off-policy"]
    estimate.write_text(json.dumps(example.answer | {"release": older}))
    asked = aisle.recommender.answer(Query("U00001", n=2))
    history, made_of = store.events.history("U00001"), ListRecipe(Query("U00001", n=2), (), "", None, "")
    of_user = (1_795_733_423, "U00001", asked.release, "", "", len(history), digest_of(history))
    store.requests.add([AskedList(ASKED, 1, *of_user, made_of, tuple(asked.recommendations))])
    assert older is not None
    shown = Canary(older, run.run_id, 1_795_733_423, CanaryState.RUNNING, newer, step_at=1_795_733_424)
    store.canaries.propose(shown)
    keys = (headers["Authorization"].removeprefix("Bearer ") for headers in (writer, admin))
    names = ("$(cat var/keys/write.key)", "$(cat var/keys/admin.key)", RUN, RELEASE, OLDER, FINDING)
    return Shop(app, dict(zip(names, (*keys, run.run_id, newer, older, finding.finding_id), strict=True)))
