"""The calls about products and categories."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, jsonify

from app.context import current_aisle
from app.problem_json import problems_of
from app.routes.operations import operation
from app.routes.responses import unknown_product
from app.schemas import MOST_VARIANTS, CategoryList, ProductAnswer, ProductPath
from src.core.domain import Product, category_names


@operation(
    "catalogue",
    "What is known of a product",
    description="Of an id that is not known, the answer names the nearest ones.",
    responses={"200": ProductAnswer, **problems_of(404, 422, 503)},
)
def product(path: ProductPath) -> Response:
    """Answer with what the store knows of a product."""
    known = current_aisle().store.products.get([path.product_id]).get(path.product_id)
    if known is None:
        return unknown_product(path.product_id)
    return jsonify(_product_answer(known).model_dump(exclude_unset=True))


def _product_answer(product: Product) -> ProductAnswer:
    names = None if product.category is None else category_names(product.category)
    fields = {name: getattr(product, name) for name in ProductAnswer.model_fields if name in Product.__slots__}
    del fields["group_id"]
    if product.group is None:
        return ProductAnswer(categories=names, **fields)
    others = [id_ for id_ in current_aisle().store.products.group_of(product) if id_ != product.product_id]
    return ProductAnswer(
        **fields,
        categories=names,
        group_id=product.group,
        group_guessed=product.group_id is None,
        n_variants=1 + len(others),
        variants=others[:MOST_VARIANTS],
    )


@operation(
    "catalogue",
    "The categories and how many products they have",
    responses={"200": CategoryList, **problems_of(503)},
)
def categories() -> Response:
    """Answer with every category and its number of products."""
    return jsonify([asdict(row) for row in current_aisle().recommender.counts.categories()])
