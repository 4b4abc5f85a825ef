"""The calls that show and erase what is known of one person."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, g, jsonify

from app.context import current_aisle
from app.problem_json import problems_of
from app.routes.audit_log import name_change
from app.routes.operations import operation
from app.schemas.people import ErasureAnswer, PersonAnswer, PersonPath
from src.workflows.erase import erase, releases_with

_TAG = "people"


@operation(
    _TAG,
    "All that is stored of a user",
    description="Also of an id that is not known: then the lists are empty.",
    responses={"200": PersonAnswer, **problems_of(401, 403, 422, 503)},
)
def export_person(path: PersonPath) -> Response:
    """Answer with every row that names a user."""
    aisle = current_aisle()
    name_change("a user")  # never the id
    known = aisle.store.people.known(path.user_id)
    return jsonify({"user_id": path.user_id, **known, "releases": releases_with(aisle.settings, path.user_id)})


@operation(
    _TAG,
    "Erase a user",
    description="Deletes the user's events, what they tell of searches, first lists in experiments, kept requests and "
    "rejected rows, for good. A backup that is restored later is erased again. No list model keeps users. The models "
    "of ratings (svd, vbmf) hold numbers of each user: the answer names the releases that do.",
    responses={"200": ErasureAnswer, **problems_of(401, 403, 422, 503)},
)
def erase_person(path: PersonPath) -> Response:
    """Erase a user; the audit log names a keyed hash of the id."""
    aisle = current_aisle()
    name_change("a user")  # never the id
    erased = erase(aisle.settings, aisle.store, path.user_id, g.key_name)
    name_change(f"person {erased.person}", {"events": erased.events})
    return jsonify(asdict(erased) | {"next_training": aisle.scheduler.next_run()})
