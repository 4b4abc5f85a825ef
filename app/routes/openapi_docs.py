"""Serve the documentation of the calls: /openapi.json, and a page of it that works without scripts."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, jsonify, render_template

from app.context import current_aisle
from app.schemas.description import openapi_document
from app.views.api_reference import api_reference


def openapi() -> Response:
    """Answer with the OpenAPI document."""
    return jsonify(_document())


def _document() -> dict[str, Any]:
    """Return the OpenAPI document, which is made once per process."""
    document: dict[str, Any] | None = current_app.extensions.get("description")
    if document is None:
        aisle = current_aisle()
        document = openapi_document(current_app, aisle.settings, aisle.access)
        current_app.extensions["description"] = document
    return document


def page() -> str:
    """Answer with the page of all calls."""
    return render_template("docs.html", groups=api_reference(_document()))
