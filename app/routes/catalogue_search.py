"""The HTTP calls about the catalogue and about health: parse, ask, respond."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.routing import PathConverter

from app.context import current_aisle
from app.problem_json import problems_of
from app.routes.responses import of_release, unknown_product
from app.schemas import (
    BODY_PROBLEMS,
    CategoryList,
    Health,
    ProductAnswer,
    ProductPath,
    SearchAnswer,
    SearchBody,
    SearchHit,
    StatusAnswer,
)
from app.security.api_keys import Role
from src.core.domain import Product, category_names
from src.search.index import Filter

SEARCH, CATALOGUE, HEALTH = Tag(name="search"), Tag(name="catalogue"), Tag(name="health")


class IdConverter(PathConverter):
    """The rest of an address as an id, whatever it begins with."""

    regex = ".+"
    part_isolating = False  # a slash is one of its characters


api = APIBlueprint("api", __name__)

_OPEN = ("api.healthz", "api.readyz")
ROLES = dict.fromkeys(_OPEN, Role.OPEN)
"""What a call or a page needs; all others need Role.READ."""


@api.post(
    "/search",
    tags=[SEARCH],
    summary="Products for a text",
    description="By words (part numbers, brands; typing errors are forgiven) and by meaning, over the catalogue as it "
    "was at the last training, products that nobody has bought yet included. Price and stock are those of this moment.",
    responses={"200": SearchAnswer, **problems_of(*BODY_PROBLEMS, 503)},
)
def search(body: SearchBody) -> Response:
    wanted = Filter(body.category, body.min_price, body.max_price, body.in_stock)
    answer = current_aisle().search_service.search(body.query, body.top_k, wanted)
    found = [(hit.product, hit.score) for hit in answer.hits]
    rows = [SearchHit(product_id=p.product_id, title=p.title, score=s, image_url=p.image_url) for p, s in found]
    return of_release(answer.release, SearchAnswer(results=rows))


@api.get(
    "/products/<id:product_id>",
    tags=[CATALOGUE],
    summary="What is known of a product",
    description="Of an id that is not known, the answer names the nearest ones.",
    responses={"200": ProductAnswer, **problems_of(404, 422, 503)},
)
def product(path: ProductPath) -> Response:
    found = current_aisle().recommender.products([path.product_id]).get(path.product_id)
    return unknown_product(path.product_id) if found is None else jsonify(_described(found).model_dump())


def _described(found: Product) -> ProductAnswer:
    known = {name: getattr(found, name) for name in ProductAnswer.model_fields if name != "categories"}
    names = None if found.category is None else category_names(found.category)
    return ProductAnswer(categories=names, **known)


@api.get(
    "/categories",
    tags=[CATALOGUE],
    summary="The categories and how many products they have",
    responses={"200": CategoryList, **problems_of(503)},
)
def categories() -> Response:
    return jsonify([asdict(row) for row in current_aisle().recommender.categories()])


@api.get(
    "/status",
    tags=[HEALTH],
    summary="What the store holds, what is served, what the night does",
    responses={"200": StatusAnswer, **problems_of(503)},
)
def status() -> Response:
    aisle = current_aisle()
    parts = {"similarity_search": aisle.search_service.status(), "scheduler": aisle.scheduler.status()}
    return jsonify({**aisle.recommender.status(), **parts})


@api.get("/healthz", tags=[HEALTH], summary="Whether the process lives", responses={"200": Health})
def healthz() -> Response:
    return jsonify({"status": "ok"})


@api.get(
    "/readyz",
    tags=[HEALTH],
    summary="Whether a release is served and the store answers",
    responses={"200": Health, **problems_of(503)},
)
def readyz() -> Response:
    current_aisle().recommender.ready()
    return jsonify({"status": "ok"})
