"""What views share: the parts of the application they ask, and how they answer."""

from __future__ import annotations

from flask import Response, jsonify
from pydantic import BaseModel

from app.context import current_aisle
from app.problem_json import problem


def of_release(release: str, body: BaseModel) -> Response:
    """An answer that rests on a release, which it names."""
    response = jsonify(body.model_dump())
    response.headers["X-Release"] = release
    return response


def unknown_product(product_id: str) -> Response:
    """404, with the nearest ids."""
    near = current_aisle().recommender.nearest_ids(product_id)
    said = f"the nearest ids are {'; '.join(near)}" if near else "no id that is known is near to it"
    return problem(404, "Not Found", f"no product {product_id!r}; {said}. Expected the id of an event or a catalogue.")
