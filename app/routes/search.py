"""The call that searches for products."""

from __future__ import annotations

from flask import Response

from app.context import current_aisle
from app.problem_json import problems_of
from app.routes.operations import operation
from app.routes.responses import of_release
from app.schemas import BODY_PROBLEMS, SearchAnswer, SearchBody, SearchHit
from src.core.domain import ProductFilter

_NOTHING = "no product has to do with {!r}, or passes the filters. Try fewer or other words."


@operation(
    "search",
    "Products for a text",
    description="By words (part numbers, brands; typing errors are forgiven) and by meaning, over the catalogue as it "
    "was at the last training, products that nobody has bought yet included. Price and stock are those of this moment. "
    "Variants of one thing (colours, sizes) are one result: the one that fits best, with their number. "
    "Rules of the shop that exclude, boost or bury hold here too.",
    responses={"200": SearchAnswer, **problems_of(*BODY_PROBLEMS, 503)},
)
def search(body: SearchBody) -> Response:
    """Answer with the products that match a text, best first."""
    wanted = ProductFilter(
        categories=frozenset() if body.category is None else frozenset({body.category}),
        min_price=body.min_price,
        max_price=body.max_price,
        in_stock=body.in_stock,
    )
    rules = current_aisle().recommender.rules.active(body.placement or "")
    answer = current_aisle().search_service.search(body.query, body.top_k, wanted, rules, variants=body.variants)
    rows = []
    for product, place in zip(answer.found(), answer.recommendations, strict=True):
        n_variants = answer.variants.get(product.product_id)
        several = {} if n_variants is None else {"variants": n_variants}
        named = {"product_id": product.product_id, "title": product.title, "image_url": product.image_url}
        rows.append(SearchHit(**named, score=place.score, **several))
    note = {} if rows else {"note": _NOTHING.format(body.query)}
    return of_release(answer.release, SearchAnswer(results=rows, **note), without_unset=True)
