"""The calls that train and that show a training's run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, jsonify, request

from app.background.requested_training import has_learnt_everything, start_requested_training, wait_for_end
from app.context import AisleContext, current_aisle
from app.problem_json import problem, problems_of
from app.routes.operations import operation
from app.routes.run_outcomes import outcomes_of
from app.schemas import BODY_PROBLEMS
from app.schemas.admin import RunAnswer, RunPath, TrainingAnswer, TrainingBody
from app.texts import phrases_in
from src.core.errors import NoRelease
from src.core.records import Run, RunStatus

WAIT_SECONDS = 3_600.0
"""The longest wait of a request for the end of its training."""


@operation(
    "trainings",
    "Train now",
    description="Starts a training in a process of its own and answers 202 with its run, or, with `wait`, when it has "
    "ended. Without `force_retrain` nothing is trained when no event is newer than the current release, and the answer "
    "says so. What is not of `model_type` is carried over from the current release.",
    responses={"202": TrainingAnswer, "200": TrainingAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 409, 500, 503)},
)
def start_training(body: TrainingBody) -> Response:
    """Start a training, and wait for its end if asked to."""
    aisle = current_aisle()
    if not body.force_retrain and (release := up_to_date_release(aisle)) is not None:
        return _unchanged(release, body)
    run = start_requested_training(aisle.settings, aisle.store, aisle.training, body.model_type, force=body.force)
    if body.wait:
        run = wait_for_end(aisle.store, run, WAIT_SECONDS)
    return _ended(run, body) if run.status.is_over else _accepted(run, body)


def up_to_date_release(aisle: AisleContext) -> str | None:
    """Return the version of the current release if a training would find nothing new, else None."""
    try:
        release = aisle.recommender.release()
    except NoRelease:
        return None
    is_current = release.version == aisle.registry.current_version()
    return release.version if is_current and has_learnt_everything(aisle.store, release) else None


def _unchanged(version: str, body: TrainingBody) -> Response:
    message = f"nothing was trained: no event is newer than release {version}. Send force_retrain to train all the same"
    return _answer(
        TrainingAnswer(status="unchanged", message=message, model_type=body.model_type, stats=_model_status(body))
    )


def _accepted(run: Run, body: TrainingBody) -> Response:
    message = f"the training was started; GET /runs/{run.run_id} says how far it is"
    answer = TrainingAnswer(status="started", run_id=run.run_id, message=message, model_type=body.model_type)
    return _answer(answer, 202)


def _ended(run: Run, body: TrainingBody) -> Response:
    if run.status not in (RunStatus.SUCCEEDED, RunStatus.KEPT):
        return problem(500, "Internal Server Error", f"run {run.run_id} {run.status}: {run.message}")
    current_aisle().recommender.refresh()
    return _answer(
        TrainingAnswer(
            status="success" if run.status is RunStatus.SUCCEEDED else run.status.value,
            run_id=run.run_id,
            message=run.message,
            model_type=body.model_type,
            release=run.release,
            stats=_model_status(body),
        )
    )


def _answer(answer: TrainingAnswer, status: int = 200) -> Response:
    response = jsonify(answer.model_dump(exclude_none=True))
    response.status_code = status
    if answer.run_id is not None:
        response.headers["Location"] = f"{request.script_root}/runs/{answer.run_id}"
    return response


def _model_status(body: TrainingBody) -> dict[str, Any]:
    """Return the part of GET /status about the type of model that was trained."""
    aisle = current_aisle()
    return aisle.search_service.status() if body.model_type == "ss" else aisle.recommender.model_status(body.model_type)


@operation(
    "trainings",
    "A training: how far it is, how it ended, what the gate said, how its release goes out and what it earns",
    responses={"200": RunAnswer, **problems_of(404, 422, 503)},
)
def show_run(path: RunPath) -> Response:
    """Answer with one run."""
    run = current_aisle().store.runs.get(path.run_id)
    if run is None:
        return problem(404, "Not Found", f"there is no run {path.run_id[:80]!r}. GET /status lists the last ones.")
    aisle = current_aisle()
    return jsonify({**asdict(run), **outcomes_of(aisle, run.run_id, run.release, phrases_in("en", aisle.settings))})
