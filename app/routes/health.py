"""The calls about the state of the service."""

from __future__ import annotations

from flask import Response, jsonify

from app.context import current_aisle
from app.problem_json import problems_of
from app.routes.operations import operation
from app.schemas import Health, StatusAnswer
from app.views.finding_records import finding_summary, update_findings


@operation(
    "health",
    "What the store holds, what is served, what the night does",
    responses={"200": StatusAnswer, **problems_of(503)},
)
def status() -> Response:
    """Answer with the state of the store, the release, the workers and the scheduler."""
    aisle = current_aisle()
    parts = {
        "similarity_search": aisle.search_service.status(),
        "scheduler": aisle.scheduler.status(),
        "findings": [finding_summary(record) for record in update_findings(aisle)],
    }
    return jsonify({**aisle.recommender.status(), **parts})


@operation("health", "Whether the process lives", responses={"200": Health})
def healthz() -> Response:
    """Answer while the process handles requests."""
    return jsonify({"status": "ok"})


@operation(
    "health",
    "Whether a release is served and the store answers",
    responses={"200": Health, **problems_of(503)},
)
def readyz() -> Response:
    """Answer if a release is served and the store answers; else the error handlers answer 503."""
    current_aisle().recommender.ready()
    return jsonify({"status": "ok"})
