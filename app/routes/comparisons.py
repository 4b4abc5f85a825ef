"""The calls that compare two releases on the same events, in a process in the background."""

from __future__ import annotations

import time
from dataclasses import asdict, replace

from flask import Response, jsonify, make_response

from app.context import AisleContext, current_aisle
from app.problem_json import problem, problems_of
from app.routes.audit_log import name_change
from app.routes.operations import operation
from app.schemas import BODY_PROBLEMS
from app.schemas.running import CompareBody, CompareQuery, ComparisonAnswer
from src.core.errors import Busy, StoreError, UnknownName
from src.core.messages import message
from src.core.operation_records import ReleaseComparison
from src.core.process_lock import LockOwner


def start_comparison(aisle: AisleContext, one: str, other: str) -> ReleaseComparison:
    """Start the process that compares two releases; the result is kept in the store.

    Args:
        one: version of the first.
        other: version of the second.

    Returns:
        The comparison as it begins.

    Raises:
        UnknownName: a release is not on disk, or both are the same.
        Busy: another comparison is being computed.
        OSError: the process cannot be started.
        StoreError: the store does not answer.
    """
    versions = {release.version for release in aisle.registry.listing()}
    if one == other or not {one, other} <= versions:
        raise UnknownName(f"{one} and {other} are not two releases on disk. GET /releases lists them.")
    if aisle.comparing.is_running() or not aisle.comparing.lock.acquire(LockOwner.this_process()):
        raise Busy(message("refused.comparison"))
    begun = ReleaseComparison(one, other, int(time.time()))

    def ended(code: int) -> None:
        aisle.comparing.lock.release()
        saved = aisle.store.comparisons.get(one, other)
        if saved is not None and saved.finished_at is None:
            problem = f"its process ended with exit code {code}; {aisle.comparing.log} says why"
            aisle.store.comparisons.save(replace(saved, finished_at=int(time.time()), problem=problem))

    try:
        aisle.store.comparisons.save(begun)
        aisle.comparing.start(["--compare", one, other], ended)
    except (OSError, StoreError):
        aisle.comparing.lock.release()
        raise
    name_change(f"{one} – {other}")
    return begun


@operation(
    "releases",
    "Compare two releases on the same events",
    description="Computed in the background on events that are newer than both, so that neither has seen them; "
    "GET /releases/comparison has the result, which is kept.",
    responses={"202": ComparisonAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 409, 503)},
)
def compare(body: CompareBody) -> Response:
    """Start a comparison."""
    try:
        begun = start_comparison(current_aisle(), body.one, body.other)
    except UnknownName as error:
        return problem(404, "Not Found", str(error))
    return make_response(jsonify(asdict(begun)), 202)


@operation(
    "releases",
    "A comparison of two releases",
    responses={"200": ComparisonAnswer, **problems_of(404, 422, 503)},
)
def comparison(query: CompareQuery) -> Response:
    """Answer with a comparison that was asked for."""
    found = current_aisle().store.comparisons.get(query.one, query.other)
    if found is None:
        return problem(404, "Not Found", "nobody asked for this comparison. POST /releases/compare starts it.")
    return jsonify(asdict(found))
