"""Serve the documentation of the calls: /openapi.json and Swagger UI at /docs, with files of this host only."""

from __future__ import annotations

from importlib.resources import files

from flask import Response, current_app, jsonify, render_template, send_from_directory

from app.context import current_aisle
from app.schemas.description import openapi_document

_SWAGGER = files("flask_openapi3_swagger") / "templates" / "swagger"


def openapi() -> Response:
    """Answer with the OpenAPI document, which is made once per process."""
    document = current_app.extensions.get("description")
    if document is None:
        aisle = current_aisle()
        document = openapi_document(current_app, aisle.settings, aisle.access)
        current_app.extensions["description"] = document
    return jsonify(document)


def page() -> str:
    """Answer with the page of Swagger UI."""
    return render_template("docs.html")


def asset(name: str) -> Response:
    """Answer with a file of the Swagger UI package."""
    return send_from_directory(str(_SWAGGER), name, max_age=86_400)
