"""The calls about releases: list them, and change which one is served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from flask import Response, jsonify

from app.context import current_aisle
from app.problem_json import problem, problems_of
from app.routes.audit_log import name_change
from app.routes.operations import operation
from app.routes.release_changes import change_release, status_of
from app.schemas import BODY_PROBLEMS
from app.schemas.admin import ActivateBody, NoBody, ReleaseAnswer, ReleaseList, ReleasePath
from src.core.domain import JsonDict
from src.core.errors import AisleError
from src.releases.listed_release import Listed
from src.releases.registry import Registry


@operation(
    "releases",
    "The releases on disk, newest first",
    responses={"200": ReleaseList, **problems_of(503)},
)
def releases() -> Response:
    """Answer with every release on disk."""
    return jsonify([_release_row(listed) for listed in current_aisle().registry.listing()])


def _release_row(listed: Listed) -> JsonDict:
    row = asdict(listed)
    del row["gate"]
    return row | {"verdict": row.pop("gate_sentence")}


@operation(
    "releases",
    "Serve this release",
    responses={"200": ReleaseAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def activate(path: ReleasePath, body: ActivateBody) -> Response:
    """Serve the named release."""
    return _changed(lambda registry: registry.activate(path.version, pin=body.pin))


@operation(
    "releases",
    "Serve the release that served before the current one",
    responses={"200": ReleaseAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def rollback(body: ActivateBody) -> Response:
    """Serve the release that was active before the current one."""
    return _changed(lambda registry: registry.rollback(pin=body.pin))


@operation(
    "releases",
    "Let no training replace the current release",
    responses={"200": ReleaseAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def pin(body: NoBody) -> Response:
    """Keep trainings from replacing the current release."""
    return _changed(lambda registry: registry.pin())


@operation(
    "releases",
    "Let trainings replace the current release again",
    responses={"200": ReleaseAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def unpin(body: NoBody) -> Response:
    """Let trainings replace the current release again."""
    return _changed(lambda registry: registry.pin(pinned=False))


def _changed(change: Callable[[Registry], object]) -> Response:
    """Make a change, and answer with the current release after it."""
    try:
        release, pinned = change_release(current_aisle(), change)
    except AisleError as error:
        return problem(*status_of(error), str(error))
    name_change(release, {"pinned": pinned})
    return jsonify(ReleaseAnswer(release=release, pinned=pinned).model_dump())
