"""The page that makes a list again that was answered before."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from app.context import current_aisle
from app.routes.dashboard_pages import form_answer, key_refusal
from app.routes.replays import replayed
from app.schemas.examples import EXAMPLES
from app.security.api_keys import Role
from app.texts import current_phrases
from app.views.message_texts import refusal_text
from app.views.product_cards import name_of
from src.core.errors import AisleError

_CALL = "POST /replay"


def replay_form() -> Response:
    """Ask which list, and by which release."""
    return _page({})


def replay_list() -> Response:
    """Show a list as it was answered and as a release makes it, if the key is the admin's."""
    typed = {name: request.form.get(name, "").strip() for name in ("request_id", "release")}
    if (refused := key_refusal(request.form.get("key", "").strip())) is not None:
        status, problem = refused
        return _page(typed | {"problem": problem, "wrong_key": status == 401}, status)
    try:
        found = replayed(current_aisle(), typed["request_id"], typed["release"] or None, current_phrases())
    except AisleError as error:
        return _page(typed | {"problem": refusal_text(error, current_phrases())}, 409)
    ids = [row["product_id"] for row in found["products"]]
    titles = {id_: name_of(product) for id_, product in current_aisle().store.products.get(ids).items()}
    return _page(typed | {"found": found, "titles": titles})


def _page(shown: dict[str, Any], status: int = 200) -> Response:
    aisle = current_aisle()
    usual = {
        "tab": "replay",
        "request_id": request.args.get("request_id", ""),
        "release": "",
        "problem": "",
        "wrong_key": False,
        "found": None,
        "titles": {},
        "is_kept": aisle.settings.keeps_requests,
        "releases": [each.version for each in aisle.registry.listing()] if aisle.access.keys.may_read() else [],
        "curl": EXAMPLES[_CALL][0].curl(_CALL, Role.ADMIN, current_aisle().settings.tenant),
    }
    return form_answer("operations_replay.html", usual | shown, status)
