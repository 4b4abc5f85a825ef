"""The HTTP calls that ask for something: parse, ask, respond."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, current_app, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel
from werkzeug.routing import PathConverter

from app.access import Role
from app.problems import problem, problems_of
from app.recommender import ListAnswer, Recommender
from app.scheduler import Scheduler
from app.schemas import (
    BODY_PROBLEMS,
    CategoryList,
    DetailedList,
    DetailedRecommendation,
    Health,
    IdList,
    ItemList,
    ItemRecommendation,
    PopularList,
    PopularProduct,
    PopularQuery,
    PredictAnswer,
    PredictBody,
    ProductAnswer,
    ProductList,
    ProductPath,
    RecommendBody,
    RecommendQuery,
    SearchAnswer,
    SearchBody,
    SearchHit,
    SimilarBody,
    StatusAnswer,
    UserBody,
)
from app.searcher import Searcher
from src.domain import Event, EventKind, Product, Query, category_names
from src.text.search import Filter

LISTS, SEARCH, CATALOGUE = Tag(name="lists"), Tag(name="search"), Tag(name="catalogue")
HEALTH = Tag(name="health")


class IdConverter(PathConverter):
    """The rest of an address as an id, whatever it begins with."""

    regex = ".+"
    part_isolating = False  # a slash is one of its characters


api = APIBlueprint("api", __name__)

_OPEN = ("api.healthz", "api.readyz")
ROLES = dict.fromkeys(_OPEN, Role.OPEN)
"""What a call or a page needs; all others need Role.READ."""


def _searcher() -> Searcher:
    return current_app.extensions["aisle"].searcher  # type: ignore[no-any-return]


def _recommender() -> Recommender:
    return current_app.extensions["aisle"].recommender  # type: ignore[no-any-return]


@api.post(
    "/recommend",
    tags=[LISTS],
    summary="A list of products for a user",
    description="A bare list of product ids, best first; with `detail` an object. The headers X-Release and X-Source "
    "name the release and the model that made it. A list is a function of the history: the user's events in the store, "
    "to the last second, and the products in `history`. With `product_name` instead of a user: "
    '`{"recommendations": [ids]}`, what POST /search finds for the text.',
    responses={"200": ProductList, **problems_of(*BODY_PROBLEMS, 503)},
)
def recommend(body: RecommendBody) -> Response:
    if body.product_name is not None:
        found = _searcher().search(body.product_name, body.length, Filter())
        return _with_release(found.release, IdList(recommendations=[hit.product.product_id for hit in found.hits]))
    query = Query(
        body.user_id,
        history=tuple(Event("", product_id, EventKind.PURCHASE) for product_id in body.history),
        n=body.length,
        exclude=frozenset(body.exclude),
        exclude_seen=body.exclude_seen,
        model=body.model,
    )
    answer = _recommender().recommend(query)
    return _detailed(body.user_id, answer) if body.detail else _bare(answer)


@api.get(
    "/recommend",
    tags=[LISTS],
    summary="The same, for a browser",
    responses={"200": ProductList, **problems_of(422, 503)},
)
def recommend_by_address(query: RecommendQuery) -> Response:
    return _bare(_recommender().recommend(Query(query.user_id, n=query.n, model=query.model)))


def _bare(answer: ListAnswer) -> Response:
    return _of_release(answer, [item.product_id for item in answer.recommendations])


def _detailed(user_id: str | None, answer: ListAnswer) -> Response:
    catalogue = _recommender().products(item.product_id for item in answer.recommendations)
    rows = []
    for item in answer.recommendations:
        product = catalogue.get(item.product_id)
        known = {name: getattr(product, name, None) for name in ("title", "image_url", "category", "price")}
        rows.append(DetailedRecommendation(product_id=item.product_id, score=item.score, source=item.source, **known))
    body = DetailedList(user_id=user_id, release=answer.release, source=answer.source, recommendations=rows)
    return _of_release(answer, body.model_dump())


def _of_release(answer: ListAnswer, body: Any) -> Response:
    response = jsonify(body)
    response.headers["X-Release"], response.headers["X-Source"] = answer.release, answer.source
    return response


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
    answer = _searcher().search(body.query, body.top_k, wanted)
    found = [(hit.product, hit.score) for hit in answer.hits]
    rows = [SearchHit(product_id=p.product_id, title=p.title, score=s, image_url=p.image_url) for p, s in found]
    return _with_release(answer.release, SearchAnswer(results=rows))


@api.post(
    "/matrix_factor/similar",
    tags=[LISTS],
    summary="Products that go with a product",
    description="What the same people took (source: behaviour), filled by what is described alike (source: text) where "
    "few people took it. Never the product itself; of several sizes or colours of one title, one.",
    responses={"200": ItemList, **problems_of(*BODY_PROBLEMS, 404, 503)},
)
def similar(body: SimilarBody) -> Response:
    answer = _searcher().similar(body.item_id, body.n)
    if answer is None:
        return _unknown(body.item_id)
    return _items(answer.release, [(hit.product, hit.score, hit.source) for hit in answer.hits])


@api.post(
    "/matrix_factor/user",
    tags=[LISTS],
    summary="Products for a user, with titles",
    responses={"200": ItemList, **problems_of(*BODY_PROBLEMS, 503)},
)
def for_user(body: UserBody) -> Response:
    answer = _recommender().recommend(Query(body.user_id, n=body.n, exclude_seen=body.filter_already_liked))
    catalogue = _recommender().products(item.product_id for item in answer.recommendations)
    rows = [
        (catalogue.get(item.product_id, Product(item.product_id)), item.score, item.source)
        for item in answer.recommendations
    ]
    return _items(answer.release, rows)


def _items(release: str, rows: list[tuple[Product, float, str]]) -> Response:
    items = [
        ItemRecommendation(
            item_id=product.product_id, score=score, title=product.title, image_url=product.image_url, source=source
        )
        for product, score, source in rows
    ]
    return _with_release(release, ItemList(recommendations=items))


def _with_release(release: str, body: BaseModel) -> Response:
    response = jsonify(body.model_dump())
    response.headers["X-Release"] = release
    return response


@api.post(
    "/predict",
    tags=[LISTS],
    summary="The rating a user would give a product",
    responses={"200": PredictAnswer, **problems_of(*BODY_PROBLEMS, 503)},
)
def predict(body: PredictBody) -> Response:
    release, predicted = _recommender().predict(body.user_id, body.product_id)
    answer = PredictAnswer(
        user_id=body.user_id,
        product_id=body.product_id,
        rating=round(predicted.rating, 4),
        known_user=predicted.known_user,
        known_product=predicted.known_product,
        n_user_ratings=predicted.n_user_ratings,
        n_product_ratings=predicted.n_product_ratings,
        model=predicted.model,
        release=release,
    )
    response = jsonify(answer.model_dump())
    response.headers["X-Release"] = release
    return response


@api.get(
    "/popular",
    tags=[LISTS],
    summary="The products with the most events",
    responses={"200": PopularList, **problems_of(422, 503)},
)
def popular(query: PopularQuery) -> Response:
    release, counts = _recommender().popular(query.n, query.days, query.kind)
    catalogue = _recommender().products(item.product_id for item in counts)
    rows = []
    for item in counts:
        product = catalogue.get(item.product_id)
        title = product.title if product else None
        rows.append(PopularProduct(product_id=item.product_id, title=title, count=item.count).model_dump())
    response = jsonify(rows)
    response.headers["X-Release"] = release
    return response


@api.get(
    "/products/<id:product_id>",
    tags=[CATALOGUE],
    summary="What is known of a product",
    description="Of an id that is not known, the answer names the nearest ones.",
    responses={"200": ProductAnswer, **problems_of(404, 422, 503)},
)
def product(path: ProductPath) -> Response:
    found = _recommender().products([path.product_id]).get(path.product_id)
    return _unknown(path.product_id) if found is None else jsonify(_described(found).model_dump())


def _described(found: Product) -> ProductAnswer:
    known = {name: getattr(found, name) for name in ProductAnswer.model_fields if name != "categories"}
    names = None if found.category is None else category_names(found.category)
    return ProductAnswer(categories=names, **known)


def _unknown(product_id: str) -> Response:
    near = _recommender().nearest_ids(product_id)
    said = f"the nearest ids are {'; '.join(near)}" if near else "no id that is known is near to it"
    return problem(404, "Not Found", f"no product {product_id!r}; {said}. Expected the id of an event or a catalogue.")


@api.get(
    "/categories",
    tags=[CATALOGUE],
    summary="The categories and how many products they have",
    responses={"200": CategoryList, **problems_of(503)},
)
def categories() -> Response:
    return jsonify([asdict(row) for row in _recommender().categories()])


@api.get(
    "/status",
    tags=[HEALTH],
    summary="What the store holds, what is served, what the night does",
    responses={"200": StatusAnswer, **problems_of(503)},
)
def status() -> Response:
    scheduler: Scheduler = current_app.extensions["aisle"].scheduler
    parts = {"similarity_search": _searcher().status(), "scheduler": scheduler.status()}
    return jsonify({**_recommender().status(), **parts})


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
    _recommender().ready()
    return jsonify({"status": "ok"})
