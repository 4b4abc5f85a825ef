"""Serve the documentation of the calls: /openapi.json, and a page of it that works without scripts."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, current_app, jsonify, render_template

from app.context import current_aisle
from app.schemas.description import openapi_document
from app.views.api_reference import ReferenceGroup, api_reference


@dataclass(frozen=True)
class _Description:
    """What is the same for every request: made once per process, as anybody may ask for it often."""

    json: bytes
    groups: list[ReferenceGroup]


def openapi() -> Response:
    """Answer with the OpenAPI document."""
    return Response(_description().json, mimetype="application/json")


def _description() -> _Description:
    description: _Description | None = current_app.extensions.get("description")
    if description is None:
        aisle = current_aisle()
        document = openapi_document(current_app, aisle.settings, aisle.access)
        description = _Description(jsonify(document).get_data(), api_reference(document))
        current_app.extensions["description"] = description
    return description


def page() -> str:
    """Answer with the page of all calls."""
    return render_template("docs.html", groups=_description().groups)
