"""HTTP calls that return lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from flask import Response, jsonify

from app.context import current_aisle
from app.problem_json import problems_of
from app.routes.operations import operation
from app.routes.responses import of_release, unknown_product
from app.schemas import BODY_PROBLEMS
from app.schemas.list_answers import (
    DetailedList,
    DetailedRecommendation,
    ExplanationAnswer,
    IdList,
    ItemList,
    ItemRecommendation,
    OpinionAnswer,
    PopularList,
    PopularProduct,
    PredictAnswer,
    ProductList,
    ReasonAnswer,
    WhyNotAnswer,
)
from app.schemas.lists import (
    PopularQuery,
    PredictBody,
    RecommendBody,
    RecommendQuery,
    SimilarBody,
    UserBody,
    WhyNotBody,
)
from app.serving.recommender import DEGRADED, EXPERIMENTS, WITHOUT_STORE, ListAnswer
from app.texts import phrases_in
from app.texts.phrases import Phrases, plain
from app.views.why_not_text import why_not_sentence
from src.core.domain import Explanation, Product, ProductFilter, Query, Recommendation
from src.core.list_rules import RuleFields


@operation(
    "lists",
    "A list of products for a user",
    description="A bare list of product ids, best first; with `detail` an object. The headers X-Release and X-Source "
    "name the release and the model that made it. A list is a function of the history: the user's events in the store, "
    "to the last second, and the products in `history`. Rules (category, price, stock, at most so many of one category "
    "or brand, boosts) go over the shop's own of AISLE_RULES; the list is as long as asked for while products are left "
    "that the filters let pass. With `product_name` instead of a user: "
    '`{"recommendations": [ids]}`, what POST /search finds for the text. While PostgreSQL cannot be reached a list is '
    "made without the stored history, and says so in the header X-Degraded: store.",
    responses={"200": ProductList, **problems_of(*BODY_PROBLEMS, 503)},
)
def recommend(body: RecommendBody) -> Response:
    """Answer with the list of a user, or of a text."""
    if body.product_name is not None:
        shop, variants = current_aisle().recommender.rules.active(body.placement or ""), bool(body.variants)
        search = current_aisle().search_service.search
        found = search(body.product_name, body.length, ProductFilter(), shop, variants=variants)
        return of_release(found.release, IdList(recommendations=[place.product_id for place in found.recommendations]))
    answer = current_aisle().recommender.recommend(
        replace(body.query(), explain=body.explain), body, body.placement or ""
    )
    return _detailed(body.user_id, answer) if body.detail or body.explain else _bare(answer)


@operation(
    "lists",
    "A list for a user, by an address that a browser can open",
    responses={"200": ProductList, **problems_of(422, 503)},
)
def recommend_by_address(query: RecommendQuery) -> Response:
    """Answer with the list of a user, for a query string."""
    wanted = Query(query.user_id, n=query.n, model=query.model)
    return _bare(current_aisle().recommender.recommend(wanted, query.rule_fields(), query.placement or ""))


def _bare(answer: ListAnswer) -> Response:
    """Return the ids of a list."""
    return _sourced(answer, [item.product_id for item in answer.recommendations])


def _detailed(user_id: str | None, answer: ListAnswer) -> Response:
    """Return a list with catalogue data, scores and explanations."""
    catalogue = current_aisle().store.products.get(_named(answer.recommendations))
    n_variants = current_aisle().recommender.n_variants(item.product_id for item in answer.recommendations)
    rows = [_row(item, catalogue, n_variants.get(item.product_id, 1)) for item in answer.recommendations]
    arms = dict(answer.assignment.arms) if answer.assignment else {}
    body = DetailedList(
        user_id=user_id, release=answer.release, source=answer.source, experiments=arms, recommendations=rows
    )
    unwanted: dict[str, Any] = {
        "recommendations": {at: {"explanation"} for at, row in enumerate(rows) if row.explanation is None}
    }
    if not arms:
        unwanted["experiments"] = True
    return _sourced(answer, body.model_dump(exclude=unwanted))


def _named(recommendations: Iterable[Recommendation]) -> set[str]:
    """Return the ids of the listed products, and of those that explain them."""
    explained = [item.explanation for item in recommendations if item.explanation]
    reasons = {reason.product_id for explanation in explained for reason in explanation.because}
    return {item.product_id for item in recommendations} | reasons


def _row(item: Recommendation, catalogue: dict[str, Product], n_variants: int) -> DetailedRecommendation:
    product = catalogue.get(item.product_id, Product(item.product_id))
    names = ("title", "image_url", "category", "brand", "price", "stock")
    return DetailedRecommendation(
        product_id=item.product_id,
        score=item.score,
        source=item.source,
        filled_by=item.filled_by,
        explanation=None if item.explanation is None else _explained(item.explanation, catalogue),
        variants=None if n_variants == 1 else n_variants,
        **{name: getattr(product, name) for name in names},
    )


def _explained(explanation: Explanation, catalogue: dict[str, Product]) -> ExplanationAnswer:
    opinions = [
        OpinionAnswer(model=each.model, score=each.score, weight=each.weight, contribution=each.contribution)
        for each in explanation.opinions
    ]
    because = [
        ReasonAnswer(
            product_id=each.product_id,
            title=catalogue.get(each.product_id, Product(each.product_id)).title,
            contribution=each.contribution,
        )
        for each in explanation.because
    ]
    return ExplanationAnswer(opinions=opinions, because=because)


def _sourced(answer: ListAnswer, body: Any) -> Response:
    """Return a body with the headers that name the release and the source."""
    response = jsonify(body)
    response.headers["X-Release"], response.headers["X-Source"] = answer.release, answer.source
    if answer.assignment is not None:
        response.headers[EXPERIMENTS] = answer.assignment.header
    if answer.without_store:
        response.headers[DEGRADED] = WITHOUT_STORE
    return response


@operation(
    "lists",
    "Why a product is not on a list",
    description="The body of POST /recommend, and a product: it is on the list, or not retrieved, or ranked so many "
    "places below, or a rule took it. The same code answers that makes the list.",
    responses={"200": WhyNotAnswer, **problems_of(*BODY_PROBLEMS, 503)},
)
def why_not(body: WhyNotBody) -> Response:
    """Answer with the place of a product in a list, or the reason why it is not in it."""
    found = current_aisle().recommender.why_not(body.query(), body.product_id, body, body.placement or "")
    answer = WhyNotAnswer(
        user_id=body.user_id,
        product_id=body.product_id,
        release=found.release,
        listed=found.position.reason is None,
        rank=found.position.rank,
        reason=found.position.reason,
        detail=plain(why_not_sentence(found.position, found.query, found.product, _english())),
    )
    return of_release(found.release, answer)


def _english() -> Phrases:
    return phrases_in("en", current_aisle().settings)


@operation(
    "lists",
    "Products that go with a product",
    description="What the same people took (source: behaviour), filled by what is described alike (source: text) where "
    "few people took it. Never the product itself nor, unless `variants` is true, another size or colour of it; of "
    "several variants of one thing, the best one in stock first. "
    "Rules of the shop that exclude, boost or bury hold here too; pins and caps are of lists for users.",
    responses={"200": ItemList, **problems_of(*BODY_PROBLEMS, 404, 503)},
)
def similar(body: SimilarBody) -> Response:
    """Answer with the products that go with a product."""
    shop = current_aisle().recommender.rules.active(body.placement or "")
    answer = current_aisle().search_service.similar(body.item_id, body.n, shop, variants=body.variants)
    if answer is None:
        return unknown_product(body.item_id)
    return _items(answer.release, answer.recommendations, answer.products)


@operation(
    "lists",
    "Products for a user, with titles",
    responses={"200": ItemList, **problems_of(*BODY_PROBLEMS, 503)},
)
def for_user(body: UserBody) -> Response:
    """Answer with the list of a user, with titles."""
    given: dict[str, bool] = {} if body.variants is None else {"variants": body.variants}
    wanted = RuleFields(**given) if body.filter_already_liked else RuleFields(exclude_seen=False, **given)
    answer = current_aisle().recommender.recommend(Query(body.user_id, n=body.n), wanted)
    catalogue = current_aisle().store.products.get(item.product_id for item in answer.recommendations)
    return _items(answer.release, answer.recommendations, catalogue)


def _items(release: str, listed: list[Recommendation], catalogue: dict[str, Product]) -> Response:
    """Return the answer of a list with titles."""
    items = []
    for place in listed:
        product = catalogue.get(place.product_id, Product(place.product_id))
        items.append(
            ItemRecommendation(
                item_id=place.product_id,
                score=place.score,
                title=product.title,
                image_url=product.image_url,
                source=place.source,
            )
        )
    return of_release(release, ItemList(recommendations=items))


@operation(
    "lists",
    "The rating a user would give a product",
    responses={"200": PredictAnswer, **problems_of(*BODY_PROBLEMS, 503)},
)
def predict(body: PredictBody) -> Response:
    """Answer with the rating that a user would give a product."""
    release, predicted = current_aisle().recommender.predict(body.user_id, body.product_id)
    answer = PredictAnswer(
        user_id=body.user_id,
        product_id=body.product_id,
        rating=round(predicted.rating, 4),
        known_user=predicted.known_user,
        known_product=predicted.known_product,
        n_user_ratings=predicted.n_user_ratings,
        n_product_ratings=predicted.n_product_ratings,
        model=predicted.model,
        low=None if predicted.low is None else round(predicted.low, 4),
        high=None if predicted.high is None else round(predicted.high, 4),
        release=release,
    )
    return of_release(release, answer)


@operation(
    "lists",
    "The products with the most events",
    responses={"200": PopularList, **problems_of(422, 503)},
)
def popular(query: PopularQuery) -> Response:
    """Answer with the products that have the most events."""
    release, counts = current_aisle().recommender.popular(query.n, query.days, query.kind, variants=query.variants)
    catalogue = current_aisle().store.products.get(item.product_id for item in counts)
    rows = []
    for item in counts:
        product = catalogue.get(item.product_id)
        title = product.title if product else None
        rows.append(PopularProduct(product_id=item.product_id, title=title, count=item.count).model_dump())
    response = jsonify(rows)
    response.headers["X-Release"] = release
    return response
