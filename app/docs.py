"""The documentation of the HTTP calls: /openapi.json for programs, /docs for people. No asset comes from outside."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template, send_from_directory

from app.access import Role
from app.admin_schemas import ActivateBody, NoBody, TrainingBody
from app.event_schemas import EventsBody
from app.list_schemas import PredictBody, RecommendBody, SimilarBody, UserBody, WhyNotBody
from app.problems import FieldError, Problem
from app.schemas import SearchBody

docs = Blueprint("docs", __name__)
ROLES = dict.fromkeys(("docs.page", "docs.asset", "docs.openapi"), Role.OPEN)

_SWAGGER = files("flask_openapi3_swagger") / "templates" / "swagger"
_WITH_EXAMPLES = (
    Problem,
    FieldError,
    RecommendBody,
    WhyNotBody,
    SearchBody,
    SimilarBody,
    UserBody,
    PredictBody,
    EventsBody,
    TrainingBody,
    ActivateBody,
    NoBody,
)


@docs.get("/openapi.json")
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


@docs.get("/docs")
def page() -> str:
    """Swagger UI."""
    return render_template("docs.html")


@docs.get("/docs/<path:name>")
def asset(name: str) -> Response:
    """Swagger UI's own files, out of its package."""
    return send_from_directory(str(_SWAGGER), name, max_age=86_400)
