"""Looking after the service over HTTP: trainings, their runs, and releases. All of these routes are on this page."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from dataclasses import asdict
from typing import Any

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.background.training_process import train_queued
from app.context import current_aisle
from app.problem_json import problem, problems_of
from app.routes.release_changes import change_release, status_of
from app.schemas import BODY_PROBLEMS
from app.schemas.admin import (
    ActivateBody,
    NoBody,
    ReleaseAnswer,
    ReleaseList,
    ReleasePath,
    RunAnswer,
    RunPath,
    TrainingAnswer,
    TrainingBody,
)
from app.security.api_keys import Role
from src.core.errors import AisleError, Busy, NoRelease
from src.core.records import Run, RunStatus
from src.store import Store
from src.workflows.locks import trainer_lock
from src.workflows.run_records import close_abandoned

RUNS, RELEASES = Tag(name="trainings"), Tag(name="releases")
WAIT_SECONDS = 3_600.0
_ASKED_EVERY_SECONDS = 0.2

admin = APIBlueprint("admin", __name__)

ROLES = dict.fromkeys(
    ("admin.start_training", "admin.activate", "admin.rollback", "admin.pin", "admin.unpin"), Role.ADMIN
)
"""What these calls need; the others need Role.READ."""
WITHOUT_BODY = frozenset(ROLES)
"""Calls that may come without any body, which then stands for {}."""


@admin.post(
    "/training",
    tags=[RUNS],
    summary="Train now",
    description="Starts a training in a process of its own and answers 202 with its run, or, with `wait`, when it has "
    "ended. Without `force_retrain` nothing is trained when no event is newer than the current release, and the answer "
    "says so. What is not of `model_type` is carried over from the current release.",
    responses={"202": TrainingAnswer, "200": TrainingAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 409, 500, 503)},
)
def start_training(body: TrainingBody) -> Response:
    settings, store = current_aisle().settings, current_aisle().store
    if not body.force_retrain and (version := _has_seen_everything(store)) is not None:
        said = (
            f"nothing was trained: no event is newer than release {version}. Send force_retrain to train all the same"
        )
        return _trained(
            TrainingAnswer(status="unchanged", message=said, model_type=body.model_type, stats=_stats(body))
        )
    lock = trainer_lock(settings)
    if (owner := lock.owner()) is not None:
        raise Busy(f"a training is running already (process {owner}). Wait for its end and try again.")
    close_abandoned(store, lock)
    run = Run(
        secrets.token_hex(6),
        "api",
        int(time.time()),
        RunStatus.QUEUED,
        host=socket.gethostname(),
        model_type=body.model_type,
        progress="its trainer is being started",
    )
    if (other := store.journal.queue_run(run)) is not None:
        raise Busy(f"a training is under way already: run {other.run_id}. Wait for its end and try again.")
    arguments = ["--again", body.model_type, *(["--force"] if body.force else [])]
    train_queued(current_aisle().training, store, run, arguments)
    return _after_waiting(store, run, body) if body.wait else _accepted(run, body)


def _has_seen_everything(store: Store) -> str | None:
    """The current release, if no event came since it learnt; None if some did, or that cannot be told."""
    try:
        release = current_aisle().recommender.release()
    except NoRelease:
        return None
    if release.version != current_aisle().registry.current_version():
        return None
    data = release.manifest["data"]
    changed_at = store.changed_at()
    seen = data.get("source") == "store" and changed_at is not None and data.get("changed_at") == changed_at
    return release.version if seen else None


def _accepted(run: Run, body: TrainingBody) -> Response:
    said = f"the training was started; GET /runs/{run.run_id} says how far it is"
    return _trained(TrainingAnswer(status="started", run_id=run.run_id, message=said, model_type=body.model_type), 202)


def _after_waiting(store: Store, run: Run, body: TrainingBody) -> Response:
    pause, end = threading.Event(), time.monotonic() + WAIT_SECONDS
    while not (now := store.journal.run(run.run_id) or run).status.is_over:
        if time.monotonic() > end:
            return _accepted(run, body)
        pause.wait(_ASKED_EVERY_SECONDS)
    if now.status not in (RunStatus.SUCCEEDED, RunStatus.KEPT):
        return problem(500, "Internal Server Error", f"run {run.run_id} {now.status}: {now.message}")
    current_aisle().recommender.refresh()
    status = "success" if now.status is RunStatus.SUCCEEDED else now.status.value
    answer = TrainingAnswer(
        status=status,
        run_id=run.run_id,
        message=now.message,
        model_type=body.model_type,
        release=now.release,
        stats=_stats(body),
    )
    return _trained(answer)


def _trained(answer: TrainingAnswer, status: int = 200) -> Response:
    response = jsonify(answer.model_dump(exclude_none=True))
    response.status_code = status
    if answer.run_id is not None:
        response.headers["Location"] = f"/runs/{answer.run_id}"
    return response


def _stats(body: TrainingBody) -> dict[str, Any]:
    """As GET /status says it of what was trained."""
    return (
        current_aisle().search_service.status()
        if body.model_type == "ss"
        else current_aisle().recommender.model_status(body.model_type)
    )


@admin.get(
    "/runs/<run_id>",
    tags=[RUNS],
    summary="A training: how far it is, how it ended, and what the gate said",
    responses={"200": RunAnswer, **problems_of(404, 422, 503)},
)
def show_run(path: RunPath) -> Response:
    run = current_aisle().store.journal.run(path.run_id)
    if run is None:
        return problem(404, "Not Found", f"there is no run {path.run_id[:80]!r}. GET /status lists the last ones.")
    return jsonify(asdict(run))


@admin.get(
    "/releases",
    tags=[RELEASES],
    summary="The releases on disk, newest first",
    responses={"200": ReleaseList, **problems_of(503)},
)
def releases() -> Response:
    return jsonify([asdict(each) for each in current_aisle().registry.listing()])


@admin.post(
    "/releases/<version>/activate",
    tags=[RELEASES],
    summary="Serve this release",
    responses={"200": ReleaseAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def activate(path: ReleasePath, body: ActivateBody) -> Response:
    return _changed(lambda registry: registry.activate(path.version, pin=body.pin))


@admin.post(
    "/releases/rollback",
    tags=[RELEASES],
    summary="Serve the release that served before the current one",
    responses={"200": ReleaseAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def rollback(body: ActivateBody) -> Response:
    return _changed(lambda registry: registry.rollback(pin=body.pin))


@admin.post(
    "/releases/pin",
    tags=[RELEASES],
    summary="Let no training replace the current release",
    responses={"200": ReleaseAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def pin(body: NoBody) -> Response:
    return _changed(lambda registry: registry.pin())


@admin.post(
    "/releases/unpin",
    tags=[RELEASES],
    summary="Let trainings replace the current release again",
    responses={"200": ReleaseAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def unpin(body: NoBody) -> Response:
    return _changed(lambda registry: registry.pin(pinned=False))


def _changed(change: Any) -> Response:
    """The current release after a change, which this worker has taken up; the others do within a few seconds."""
    try:
        release, pinned = change_release(current_aisle().registry, current_aisle().recommender, change)
    except AisleError as error:
        return problem(*status_of(error), str(error))
    return jsonify(ReleaseAnswer(release=release, pinned=pinned).model_dump())
