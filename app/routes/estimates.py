"""The calls that estimate from the log what a release would have earned, in a process in the background."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, make_response

from app.context import AisleContext, current_aisle
from app.problem_json import problem, problems_of
from app.routes.audit_log import name_change
from app.routes.operations import operation
from app.schemas import BODY_PROBLEMS
from app.schemas.admin import NoBody, ReleasePath
from app.schemas.estimates import EstimateAnswer, EstimateBegun
from app.texts import phrases_in
from app.texts.phrases import Phrases
from app.views.estimate_texts import estimate_sentences
from src.core.errors import Busy
from src.core.process_lock import LockOwner
from src.workflows.off_policy import saved_estimate

_TAG = "experiments"
_UNKNOWN = "there is no release {!r}. GET /releases lists them."


def start_estimate(aisle: AisleContext, version: str) -> None:
    """Start the process that estimates what a release would have earned.

    Raises:
        Busy: Another release is being compared or estimated.
        OSError: The process cannot be started.
    """
    lock = aisle.comparing.lock
    if aisle.comparing.is_running() or not lock.acquire(LockOwner.this_process()):
        raise Busy("another release is being compared or estimated. Wait for its end and try again.")
    try:
        aisle.comparing.start(["--off-policy", version], lambda _: lock.release())
    except OSError:
        lock.release()
        raise
    name_change(version)


@operation(
    _TAG,
    "Estimate what a release would have earned",
    description="Computed in the background from lists with places that were drawn by chance (AISLE_EXPLORE) and that "
    "are newer than what the release has learnt from. GET of the same address has the result, which is kept.",
    responses={"202": EstimateBegun, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def begin_estimate(path: ReleasePath, body: NoBody) -> Response:
    """Start the process that estimates."""
    aisle = current_aisle()
    if not _is_there(aisle, path.version):
        return problem(404, "Not Found", _UNKNOWN.format(path.version))
    start_estimate(aisle, path.version)
    return make_response(jsonify(release=path.version, status="running"), 202)


@operation(
    _TAG,
    "What a release would have earned",
    description="Clicks and purchases of a list of this release, estimated from the log by inverse propensity scores "
    "(ips), the same normalised (snips) and doubly robust (dr), with 95 % intervals, or how much more log is needed.",
    responses={"200": EstimateAnswer, **problems_of(404, 422, 503)},
)
def release_estimate(path: ReleasePath) -> Response:
    """Answer with the estimate that was asked for last."""
    aisle = current_aisle()
    found = worded_estimate(aisle, path.version, phrases_in("en", aisle.settings))
    if found is None:
        said = "nobody asked for this estimate. POST /releases/{version}/off-policy starts it."
        return problem(404, "Not Found", said if _is_there(aisle, path.version) else _UNKNOWN.format(path.version))
    return jsonify(found)


def worded_estimate(aisle: AisleContext, version: str, t: Phrases) -> dict[str, Any] | None:
    """Return the last estimate for a release as EstimateAnswer describes it; None without an estimate or release."""
    found = saved_estimate(aisle.settings, version) if _is_there(aisle, version) else None
    return None if found is None else {"problem": "", **found, "said": estimate_sentences(found, t)}


def _is_there(aisle: AisleContext, version: str) -> bool:
    return version in {release.version for release in aisle.registry.listing()}
