"""What people look at: the front page. No asset comes from outside."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, render_template, request, url_for

from app.recommender import Recommender
from src.domain import Query
from src.errors import NotReady
from src.ids import MAX_ID_LENGTH, clean_id, has_bad_characters, is_too_long

pages = Blueprint("pages", __name__)

_SHOWN_HISTORY = 10
_LIST = 10
_PLACES = (("Shop", "/"), ("Search", "/shop/search"), ("Dashboard", "/dashboard"), ("HTTP calls", "/docs"))
"""What the head of every page leads to."""


def _recommender() -> Recommender:
    return current_app.extensions["aisle"].recommender  # type: ignore[no-any-return]


@pages.app_context_processor
def _frame() -> dict[str, Any]:
    """What base.html shows around every page."""
    endpoints = {rule.rule: rule.endpoint for rule in current_app.url_map.iter_rules() if not rule.arguments}
    navigation = [
        {"name": name, "href": url_for(endpoints[path]), "is_here": request.path == path}
        for name, path in _PLACES
        if path in endpoints
    ]
    return {"navigation": navigation, "release": _recommender().version}


@pages.get("/")
def front() -> str | tuple[str, int]:
    """Popular products, and the list of a user beside what it rests on."""
    user_id = clean_id(request.args.get("user_id", ""))
    if is_too_long(user_id) or has_bad_characters(user_id):
        said = f"this is no user: expected up to {MAX_ID_LENGTH} characters, none of them a control character"
        return render_template("front.html", problem=said), 422
    recommender = _recommender()
    try:
        _, popular = recommender.popular(_LIST, None, None)
        answer = recommender.recommend(Query(user_id, n=_LIST)) if user_id else None
    except NotReady as error:
        return render_template("front.html", problem=str(error)), 503
    history = recommender.history(user_id)[::-1][:_SHOWN_HISTORY] if user_id else []
    shown = [row.product_id for row in (*popular, *history, *(answer.recommendations if answer else ()))]
    catalogue = recommender.products(shown)
    return render_template(
        "front.html", user_id=user_id, popular=popular, answer=answer, history=history, catalogue=catalogue
    )
