"""The pages of the shop: lists, search and products. They work without scripts and load no file of another host."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, make_response, render_template, request, url_for

from app.context import current_aisle
from app.problem_json import problem
from app.views.first_steps import untrained_shop
from app.views.form_parsing import typed_ids, typed_search
from app.views.product_cards import Card, Prediction, card_of, cards_of, named, prediction_of, recommended, remembered
from src.core.domain import Product, ProductFilter, Query, category_names
from src.core.errors import NoRelease, NotReady
from src.core.ids import has_bad_characters, is_too_long
from src.recommendation.similar_items import BEHAVIOUR

pages = Blueprint("pages", __name__)

_LIST, _HISTORY, _FOUND, _ALIKE, _EXAMPLES = 12, 10, 24, 6, 5
_LOOKED_AT = 200
"""Newest events of a history that are searched for products to show."""
_LISTS_FOR_SCRIPTS = ("pages.suggest_users", "pages.suggest_products")
_PLACES = (("Shop", "/"), ("Search", "/shop/search"), ("Dashboard", "/dashboard"), ("HTTP calls", "/docs"))
"""The navigation of every page."""


@pages.app_context_processor
def _frame() -> dict[str, Any]:
    """Return the navigation and the release for base.html."""
    endpoints = {rule.rule: rule.endpoint for rule in current_app.url_map.iter_rules() if not rule.arguments}
    navigation = [
        {"name": name, "href": url_for(endpoints[path]), "is_here": request.path == path}
        for name, path in _PLACES
        if path in endpoints
    ]
    may_read = current_aisle().access.keys.may_read()
    return {"navigation": navigation, "release": current_aisle().recommender.version if may_read else None}


@pages.errorhandler(NoRelease)
def show_first_steps(error: NoRelease) -> Response:
    """Answer 200 with what was loaded, where real data replaced the synthetic shop; else 503."""
    if request.endpoint in _LISTS_FOR_SCRIPTS or not current_aisle().registry.is_deactivated:
        return problem(503, "Service Unavailable", str(error))
    untrained = untrained_shop(current_aisle())
    return make_response(render_template("first_steps.html", detail=untrained.detail, steps=untrained.steps))


def front() -> Response:
    """Show the list of a user with the history behind it and a predicted rating; without a user popular products."""
    typed = typed_ids(request.args, "user_id", "product_id")
    shown: dict[str, Any] = {
        "typed": typed,
        "examples": current_aisle().typeahead.examples(_EXAMPLES),
        "made_up": _is_made_up(),
    }
    if not typed.problems:
        shown |= _list_of(typed["user_id"]) | _predicted(typed["user_id"], typed["product_id"])
    return _page("front.html", shown, 422 if typed.problems else 200)


def _page(template: str, shown: dict[str, Any], status: int = 200) -> Response:
    """Render a page; X-Release names the release that its list was made with."""
    response = make_response(render_template(template, **shown), status)
    if "release" in shown:
        response.headers["X-Release"] = shown["release"]
    return response


def _list_of(user_id: str) -> dict[str, Any]:
    """Return the cards of a user's list and history; for the user "" popular products."""
    aisle = current_aisle()
    currency, history = aisle.settings.currency, aisle.store.events.history(user_id) if user_id else []
    answer = aisle.recommender.recommend(Query(user_id or None, n=_LIST, explain=bool(user_id)))
    newest = [event.product_id for event in history[-_LOOKED_AT:]]
    catalogue = aisle.store.products.get({*named(answer.recommendations), *newest})
    return {
        "release": answer.release,
        "listed": recommended(answer.recommendations, history, catalogue, currency),
        "history": remembered(history[-_LOOKED_AT:], catalogue, currency, _HISTORY),
        "n_events": len(history),
    }


def _predicted(user_id: str, product_id: str) -> dict[str, Any]:
    """Return the predicted rating of a product; for an unknown id products that may be meant."""
    if not user_id or not product_id:
        return {}
    aisle = current_aisle()
    product = aisle.store.products.get([product_id]).get(product_id)
    if product is None:
        return {"meant": cards_of(aisle.typeahead.products(product_id)[:_EXAMPLES], aisle.settings.currency)}
    return {"asked": card_of(product, aisle.settings.currency), "predicted": _prediction(user_id, product_id)}


def _prediction(user_id: str, product_id: str) -> Prediction | None:
    """Return a predicted rating in words; None if the release cannot predict ratings."""
    settings, release = current_aisle().settings, current_aisle().recommender.release()
    if release.pipeline.rater is None:
        return None
    predicted = release.pipeline.predict(user_id, product_id)
    rmse = release.manifest.metrics.rmse.get(predicted.model)
    return prediction_of(predicted, (settings.rating_min, settings.rating_max), rmse)


def _is_made_up() -> bool:
    return current_aisle().recommender.release().manifest.made_up


def search() -> Response:
    """Show the products that match a text, or else those that pass the filter, the most popular first."""
    typed, wanted = typed_search(request.args)
    asked = any(typed.values.values())
    shown: dict[str, Any] = {
        "typed": typed,
        "asked": asked,
        "categories": current_aisle().recommender.counts.categories(),
    }
    if asked and not typed.problems:
        shown |= _found(typed["q"], wanted)
    return _page("search.html", shown, 422 if typed.problems else 200)


def _found(text: str, wanted: ProductFilter) -> dict[str, Any]:
    """Return the cards that were found, and whether there may be more.

    If nothing can be searched: the reason, and the products that the type-ahead finds. Raises NoRelease.
    """
    unsearchable = ""
    try:
        if text:
            found = current_aisle().search_service.search(text, _FOUND, wanted).found()
        else:
            found = current_aisle().typeahead.browse(wanted, _FOUND)
    except NoRelease:
        raise
    except NotReady as error:
        unsearchable, found = (
            str(error),
            current_aisle().typeahead.products(text) if text and wanted == ProductFilter() else [],
        )
    cards = cards_of(found, current_aisle().settings.currency)
    return {"found": cards, "may_be_more": len(cards) == _FOUND, "unsearchable": unsearchable}


def product(product_id: str) -> Response:
    """Show a product, the products that go with it, and the rating that a user would give it."""
    known = current_aisle().store.products.get([product_id]).get(product_id)
    if known is None:
        return _unknown(product_id)
    typed, currency = typed_ids(request.args, "user_id"), current_aisle().settings.currency
    asked = bool(typed["user_id"]) and not typed.problems
    shown = {
        "product": known,
        "card": card_of(known, currency),
        "categories": category_names(known.category or ""),
        "typed": typed,
        "asked": asked,
        "predicted": _prediction(typed["user_id"], product_id) if asked else None,
        **_beside(product_id, currency),
    }
    return _page("product.html", shown, 422 if typed.problems else 200)


def _unknown(product_id: str) -> Response:
    """Return a 404 with the products that may be meant."""
    near = current_aisle().recommender.nearest_ids(product_id)
    known = current_aisle().store.products.get(near)
    cards = cards_of((known.get(id_, Product(id_)) for id_ in near), current_aisle().settings.currency)
    return _page("unknown_product.html", {"product_id": product_id, "near": cards}, 404)


def _beside(product_id: str, currency: str) -> dict[str, list[Card]]:
    """Return products that the same users took, and products with similar texts that are not among them."""
    try:
        found = current_aisle().search_service.similar(product_id, _LIST)
    except NoRelease:
        raise
    except NotReady:  # a product newer than the release needs the release's encoder
        found = None
    together = found.found(place for place in found.recommendations if place.source == BEHAVIOUR) if found else []
    texts = found.found(place for place in found.recommendations if place.source != BEHAVIOUR) if found else []
    alike = texts or current_aisle().typeahead.alike(product_id, {product.product_id for product in together}, _ALIKE)
    return {"together": cards_of(together, currency), "alike": cards_of(alike, currency)}


def suggest_users() -> Response:
    """Answer the type-ahead: users whose ids begin with q, as [{"id"}]."""
    text = _typed_text()
    return jsonify([{"id": id_} for id_ in current_aisle().typeahead.users(text)] if text else [])


def suggest_products() -> Response:
    """Answer the type-ahead: products that q may mean, as [{"id", "title", "category", "href"}]."""
    text = _typed_text()
    cards = cards_of(current_aisle().typeahead.products(text), current_aisle().settings.currency) if text else []
    return jsonify([{"id": c.product_id, "title": c.name, "category": c.category, "href": c.href} for c in cards])


def _typed_text() -> str:
    """Return the text that was typed; "" if no id or title can begin so."""
    text = request.args.get("q", "").lstrip()
    return "" if is_too_long(text) or has_bad_characters(text) else text
