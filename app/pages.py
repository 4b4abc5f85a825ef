"""What people look at: the front page, and the documentation of the HTTP calls. No asset comes from outside."""

from __future__ import annotations

from importlib.resources import files

from flask import Blueprint, Response, current_app, jsonify, render_template, request, send_from_directory

from app.recommender import Recommender
from src.domain import Query
from src.errors import NotReady

pages = Blueprint("pages", __name__)

_SWAGGER = files("flask_openapi3_swagger") / "templates" / "swagger"
_SHOWN_HISTORY = 10
_LIST = 10


def _recommender() -> Recommender:
    return current_app.extensions["aisle"].recommender  # type: ignore[no-any-return]


@pages.get("/")
def front() -> str | tuple[str, int]:
    """Popular products, and the list of a user beside what it rests on."""
    user_id = request.args.get("user_id", "").strip()[:256]
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


@pages.get("/openapi.json")
def openapi() -> Response:
    """The description of every call."""
    return jsonify(current_app.api_doc)  # type: ignore[attr-defined]


@pages.get("/docs")
def docs() -> str:
    """Swagger UI."""
    return render_template("docs.html")


@pages.get("/docs/<path:name>")
def docs_asset(name: str) -> Response:
    """Swagger UI's own files, out of its package."""
    return send_from_directory(str(_SWAGGER), name, max_age=86_400)
