"""The call that makes a list again that was answered before."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from app.context import AisleContext, current_aisle
from app.problem_json import problem, problems_of
from app.routes.audit_log import name_change
from app.routes.operations import operation
from app.schemas import BODY_PROBLEMS
from app.schemas.replays import ReplayAnswer, ReplayBody
from app.serving.replays import replay
from app.texts import phrases_in
from app.texts.phrases import Phrases
from app.views.replay_texts import replay_document
from src.core.errors import UnknownName
from src.core.messages import message


@operation(
    "experiments",
    "Make a list again that was answered before",
    description="With AISLE_LOG_REQUESTS=on what each list was asked for is kept: the rules that held, the model, the "
    "number of events in the history and a digest of them. The release that served makes the list again, to the last "
    "bit, or the answer says why it cannot; another one on disk makes its own. For each product: what became of it, "
    "why, and what each component adds to its score.",
    responses={"200": ReplayAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 404, 503)},
)
def replay_request(body: ReplayBody) -> Response:
    """Answer with a list as it was answered and as a release makes it."""
    aisle = current_aisle()
    try:
        return jsonify(replayed(aisle, body.request_id, body.release, phrases_in("en", aisle.settings)))
    except UnknownName as error:
        return problem(404, "Not Found", str(error))


def replayed(aisle: AisleContext, request_id: str, release: str | None, t: Phrases) -> dict[str, Any]:
    """Make a list again.

    Args:
        request_id: The request.
        release: The release that makes it; None for the one that made it then.

    Returns:
        ReplayAnswer as a dict.

    Raises:
        AisleError: UnknownName for a request or release that is not kept, ReleaseError, or StoreError.
    """
    aisle.served_list_log.flush()
    asked = aisle.store.requests.newest_of(request_id)
    if asked is None:
        if aisle.settings.keeps_requests:
            raise UnknownName(message("refused.not_kept", request=repr(request_id), days=aisle.settings.served_days))
        raise UnknownName(message("refused.keeps_none", request=repr(request_id)))
    name_change(request_id)
    found = replay(aisle.recommender, aisle.store, asked, release or asked.release)
    ids = [each.change.product_id for each in found.products]
    return replay_document(found, aisle.store.products.get(ids), t)
