"""The calls that let a release answer unseen."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, g, jsonify

from app.context import AisleContext, current_aisle
from app.problem_json import problems_of
from app.routes.audit_log import name_change
from app.routes.operations import operation
from app.schemas import BODY_PROBLEMS
from app.schemas.admin import NoBody
from app.schemas.shadows import ShadowAnswer, ShadowBody
from src.core.errors import UnknownName
from src.core.messages import message
from src.core.shadows import ALL, Shadow, ShadowTally
from src.store.shadow_store import ShadowSlice

_TAG, _HOLDER = "experiments", ".shadow"
_NONE = {"release": None, "state": "none", "share": 0.0, "started_at": None, "ended_at": None, "who": ""}


@operation(
    _TAG,
    "Let a release answer unseen",
    description="The release answers a share of the requests for lists of users, in the background, and nobody sees "
    "its lists: GET /shadow says how they differ from those of the release that serves. Requests wait for nothing: "
    "what does not fit in the queue is dropped and counted. Lists of experiments that choose the release or model are "
    "left out. One shadow runs at a time; another one ends it.",
    responses={"200": ShadowAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 503)},
)
def begin_shadow(body: ShadowBody) -> Response:
    """Begin a shadow; all workers follow within two seconds."""
    aisle = current_aisle()
    begin_unseen(aisle, body)
    return jsonify(shadow_report(aisle))


def begin_unseen(aisle: AisleContext, body: ShadowBody) -> None:
    """Begin a shadow; this worker follows at once. Raises UnknownName for a release that is not on disk."""
    if body.release not in {release.version for release in aisle.registry.listing()}:
        raise UnknownName(message("refused.no_release", release=repr(body.release)))
    aisle.registry.hold(_HOLDER, {body.release})
    aisle.store.shadows.begin(Shadow(body.release, body.share, int(time.time()), None, g.key_name))
    aisle.recommender.follow()
    name_change(body.release, {"share": body.share})


@operation(
    _TAG,
    "How the lists of the shadow differ",
    responses={"200": ShadowAnswer, **problems_of(503)},
)
def shadow() -> Response:
    """Answer with the shadow that began last, and its figures."""
    return jsonify(shadow_report(current_aisle()))


@operation(
    _TAG,
    "End the shadow",
    description="Its figures stay.",
    responses={"200": ShadowAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 503)},
)
def end_shadow(body: NoBody) -> Response:
    """End the shadow that runs, if one does."""
    aisle = current_aisle()
    end_unseen(aisle)
    return jsonify(shadow_report(aisle))


def end_unseen(aisle: AisleContext) -> None:
    """End the shadow that runs, if one does; this worker follows at once, the others within two seconds."""
    aisle.store.shadows.end(int(time.time()))
    aisle.registry.hold(_HOLDER, ())
    aisle.recommender.follow()


def shadow_report(aisle: AisleContext) -> dict[str, Any]:
    """Return ShadowAnswer as a dict."""
    aisle.recommender.shadow.flush()
    newest = aisle.store.shadows.newest()
    if newest is None:
        return {**_NONE, "dropped": 0, "failed": 0, "slices": []}
    tallies = aisle.store.shadows.tallies(newest.release)
    ordered = sorted(tallies.items(), key=lambda each: (each[0].served_by, each[0].slice != ALL, -each[1].lists))
    return {
        **{name: getattr(newest, name) for name in ("release", "share", "started_at", "ended_at", "who")},
        "state": "running" if newest.ended_at is None else "ended",
        "dropped": sum(tally.dropped for tally in tallies.values()),
        "failed": sum(tally.failed for tally in tallies.values()),
        "slices": [_slice(key, tally) for key, tally in ordered if tally.lists],
    }


def _slice(key: ShadowSlice, tally: ShadowTally) -> dict[str, Any]:
    lists = tally.lists
    return {
        "served_by": key.served_by,
        "slice": key.slice,
        "lists": lists,
        "overlap": round(tally.overlap / lists, 4),
        "agreement": round(tally.agreement / lists, 4),
        "ms": round(1_000 * tally.seconds / lists, 3),
        "served_ms": round(1_000 * tally.served_seconds / lists, 3),
    }
