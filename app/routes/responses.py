"""Answers that several handlers share."""

from __future__ import annotations

from flask import Response, jsonify
from pydantic import BaseModel

from app.context import current_aisle
from app.problem_json import problem


def of_release(release: str, body: BaseModel, *, without_unset: bool = False) -> Response:
    """Return an answer that names the release it was made with.

    Args:
        release: The version.
        body: The answer.
        without_unset: Leave fields out that were not given.

    Returns:
        A JSON response with the header X-Release.
    """
    response = jsonify(body.model_dump(exclude_unset=without_unset))
    response.headers["X-Release"] = release
    return response


def unknown_product(product_id: str) -> Response:
    """Return a 404 that names the nearest known ids."""
    nearest = current_aisle().recommender.nearest_ids(product_id)
    hint = f"the nearest ids are {'; '.join(nearest)}" if nearest else "no id that is known is near to it"
    return problem(404, "Not Found", f"no product {product_id!r}; {hint}. Expected the id of an event or a catalogue.")
