"""What people look at: the front page, and the documentation of the HTTP calls. No asset comes from outside."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template, request, send_from_directory, url_for

from app.admin_schemas import ActivateBody, NoBody, TrainingBody
from app.event_schemas import EventsBody
from app.problems import FieldError, Problem
from app.recommender import Recommender
from app.schemas import PredictBody, RecommendBody, SearchBody, SimilarBody, UserBody
from src.domain import Query
from src.errors import NotReady
from src.ids import MAX_ID_LENGTH, clean_id, has_bad_characters, is_too_long

pages = Blueprint("pages", __name__)

_SWAGGER = files("flask_openapi3_swagger") / "templates" / "swagger"
_WITH_EXAMPLES = (
    Problem,
    FieldError,
    RecommendBody,
    SearchBody,
    SimilarBody,
    UserBody,
    PredictBody,
    EventsBody,
    TrainingBody,
    ActivateBody,
    NoBody,
)
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


@pages.get("/openapi.json")
def openapi() -> Response:
    """The description of every call."""
    return jsonify(_described(current_app.api_doc))  # type: ignore[attr-defined]


def _described(document: dict[str, Any]) -> dict[str, Any]:
    """With the examples and the schemas of errors that flask-openapi3 drops, and without the 422 it makes up for
    calls that cannot answer so."""
    schemas = document["components"]["schemas"]
    for model in _WITH_EXAMPLES:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    for operation in (call for path in document["paths"].values() for call in path.values()):
        if "application/json" in operation["responses"].get("422", {}).get("content", {}):
            del operation["responses"]["422"]
    schemas.pop("ValidationErrorModel", None)
    return document


@pages.get("/docs")
def docs() -> str:
    """Swagger UI."""
    return render_template("docs.html")


@pages.get("/docs/<path:name>")
def docs_asset(name: str) -> Response:
    """Swagger UI's own files, out of its package."""
    return send_from_directory(str(_SWAGGER), name, max_age=86_400)
