"""The calls about canaries: promoted releases on their way to all users."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, jsonify

from app.context import AisleContext, current_aisle
from app.problem_json import problem, problems_of
from app.routes.audit_log import name_change
from app.routes.operations import operation
from app.schemas import BODY_PROBLEMS
from app.schemas.admin import NoBody
from app.schemas.canaries import CanaryAnswer, CanaryBody, CanaryList
from app.texts import phrases_in
from app.texts.phrases import Phrases
from app.views.canary_texts import canary_sentence
from src.core.canaries import Canary

_TAG, _SHOWN = "experiments", 20


@operation(
    _TAG,
    "Promoted releases on their way to all users, newest first",
    description="With AISLE_CANARY=on a release that the gate promotes is shown to 5 % of the users for "
    "AISLE_CANARY_HOURS at least, then to 50 %, then to all. Each step is an experiment. If returns, empty lists or "
    "slow lists are surely more frequent, or purchases or clicks fewer, all users get the release before again. It "
    "reaches all when it surely costs less than AISLE_CANARY_HARM of the purchases. If a step takes longer than "
    "AISLE_CANARY_DAYS, the canary is undecided and taken back.",
    responses={"200": CanaryList, **problems_of(503)},
)
def canaries() -> Response:
    """Answer with the last canaries."""
    aisle = current_aisle()
    t = phrases_in("en", aisle.settings)
    return jsonify([canary_document(each, t) for each in aisle.store.canaries.newest(_SHOWN)])


@operation(
    _TAG,
    "Let a release go out to few users first",
    description="The release waits for the next check of the leading worker, and then goes the way of a promoted one: "
    "5 % of the users, 50 %, all. AISLE_CANARY need not be on. A canary that waits already is overtaken by this one.",
    responses={"200": CanaryAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 409, 503)},
)
def begin_canary(body: CanaryBody) -> Response:
    """Let a release wait for its canary."""
    aisle = current_aisle()
    return jsonify(canary_document(propose_canary(aisle, body), phrases_in("en", aisle.settings)))


def propose_canary(aisle: AisleContext, body: CanaryBody) -> Canary:
    """Let a release wait for its canary, and return it. Raises what CanaryGuide.propose does."""
    proposed = aisle.scheduler.canaries.propose(body.release, int(time.time()))
    name_change(body.release)
    return proposed


@operation(
    _TAG,
    "End the canary that runs or waits",
    description="All users get the current release again. To show the release to all at once, activate it.",
    responses={"200": CanaryAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 503)},
)
def end_canary(body: NoBody) -> Response:
    """End the canary."""
    aisle = current_aisle()
    ended = stop_canary(aisle)
    if ended is None:
        return problem(404, "Not Found", "no canary runs or waits. GET /canaries lists those that have ended.")
    newest = aisle.store.canaries.of_run(ended.run_id) or ended
    return jsonify(canary_document(newest, phrases_in("en", aisle.settings)))


def stop_canary(aisle: AisleContext) -> Canary | None:
    """End the canary that runs or waits, and return it; None if none does."""
    ended = aisle.scheduler.canaries.stop(int(time.time()))
    if ended is not None:
        aisle.recommender.follow()
        name_change(ended.release)
    return ended


def canary_document(canary: Canary, t: Phrases) -> dict[str, Any]:
    """Return a canary as CanaryAnswer describes it."""
    return {**canary.to_json(), "text": str(canary_sentence(canary, t))}
