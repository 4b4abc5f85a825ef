"""The pages of the shop: overview, search and products. They work without scripts and load no file of another host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, make_response, redirect, render_template, request, url_for

from app.context import current_aisle
from app.problem_json import problem
from app.texts import current_phrases
from app.texts.phrases import Phrases
from app.views.customer_search import suggested_customers
from app.views.finding_records import summary_of, update_findings
from app.views.first_steps import untrained_shop
from app.views.form_parsing import typed_ids
from app.views.overview_tiles import overview_tiles
from app.views.product_cards import (
    Card,
    Prediction,
    card_of,
    cards_of,
    name_of,
    named,
    prediction_of,
    recommended,
    remembered,
    with_variants,
)
from app.views.product_sales import ProductSales, sales_of
from app.views.product_search import SORTS, marked_excluded, product_search
from app.views.why_not_text import why_not_sentence
from src.core.domain import Product, Query, category_names
from src.core.errors import NoRelease, NotReady
from src.core.ids import has_bad_characters, is_too_long
from src.recommendation.similar_items import BEHAVIOUR

pages = Blueprint("pages", __name__)

_SHELF, _ALIKE, _EXAMPLES, _EXAMPLE_PLACES = 12, 6, 5, 5
_SUGGESTED = 10
PRODUCT_ACTIONS = ("withdraw", "resume", "exclude", "include")
"""Forms that lead back to the page of their product."""
LOOKED_AT = 200
"""Newest events of a history that are searched for products to show."""
_LISTS_FOR_SCRIPTS = ("pages.suggest_users", "pages.suggest_products")
_PLACES = (
    ("overview", "pages.overview", ()),
    ("customers", "pages.customers", ("pages.customer",)),
    ("products", "pages.search", ("pages.product",)),
    ("operations", "dashboard.show", ("dashboard.", "actions.")),
    ("api", "docs.page", ()),
)
"""The navigation of every page: text, endpoint, and other endpoints (or their beginnings) below it."""


@pages.app_context_processor
def _frame() -> dict[str, Any]:
    """Return the texts, the navigation, the state of the service and the release for base.html."""
    aisle, t = current_aisle(), current_phrases()
    here = request.endpoint or ""
    navigation = [
        {
            "name": t("nav." + name),
            "href": url_for(endpoint),
            "is_here": here == endpoint or here.startswith(below or ("-",)),
        }
        for name, endpoint, below in _PLACES
        if endpoint in current_app.view_functions
    ]
    shown: dict[str, Any] = {"t": t, "navigation": navigation, "release": None, "health": None}
    if aisle.access.keys.may_read():
        summary = summary_of(aisle, update_findings(aisle))
        health = {"level": summary.level, "sentence": summary.sentence(t), "at": summary.at}
        shown |= {"release": aisle.recommender.version, "health": health}
    return shown


@pages.errorhandler(NoRelease)
def show_first_steps(error: NoRelease) -> Response:
    """Answer 200 with what was loaded, where real data replaced the synthetic shop; else 503."""
    if request.endpoint in _LISTS_FOR_SCRIPTS or not current_aisle().registry.is_deactivated:
        return problem(503, "Service Unavailable", str(error))
    untrained = untrained_shop(current_aisle(), current_phrases())
    return make_response(render_template("first_steps.html", **untrained._asdict()))


def overview() -> Response:
    """Show what Aisle is, whether it works and what it is good for, with one real example."""
    if request.args.get("user_id"):  # the address of a customer in earlier versions
        wanted = {name: value for name, value in request.args.items() if name in ("user_id", "product_id")}
        return redirect(url_for("pages.customer", **wanted), 301)  # type: ignore[return-value, arg-type]
    aisle, t = current_aisle(), current_phrases()
    answer = aisle.recommender.recommend(Query(None, n=_SHELF))
    catalogue = aisle.store.products.get(named(answer.recommendations))
    examples = aisle.typeahead.examples(_EXAMPLES)
    shown = {
        "tiles": overview_tiles(aisle, t),
        "examples": examples,
        "example": _example(examples[0]) if examples else None,
        "bestsellers": with_variants(
            cards_of((catalogue.get(item.product_id, Product(item.product_id)) for item in answer.recommendations), t),
            aisle,
        ),
        "made_up": aisle.recommender.release().manifest.made_up,
        "provisional": aisle.recommender.release().manifest.provisional,
        "release": answer.release,
    }
    return page("overview.html", shown)


def _example(user_id: str) -> dict[str, Any]:
    """Return the latest products of a customer, and some that are recommended because of them."""
    aisle, t = current_aisle(), current_phrases()
    history = aisle.store.events.history(user_id)
    answer = aisle.recommender.recommend(Query(user_id, n=_EXAMPLE_PLACES, explain=True))
    newest = [event.product_id for event in history[-LOOKED_AT:]]
    catalogue = aisle.store.products.get({*named(answer.recommendations), *newest})
    return {
        "user_id": user_id,
        "history": remembered(history[-LOOKED_AT:], catalogue, t, _EXAMPLE_PLACES),
        "listed": with_variants(recommended(answer.recommendations, history, catalogue, t), aisle),
    }


def page(template: str, shown: dict[str, Any], status: int = 200) -> Response:
    """Render a page.

    Args:
        template: its file.
        shown: what it shows; X-Release names the release in it.
        status: HTTP status.

    Returns:
        The answer.
    """
    response = make_response(render_template(template, **shown), status)
    if shown.get("release"):
        response.headers["X-Release"] = shown["release"]
    return response


def prediction(user_id: str, product_id: str) -> Prediction | None:
    """Return a predicted rating in words.

    Args:
        user_id: the customer.
        product_id: the product.

    Returns:
        None if the release cannot predict ratings, or nobody has rated anything.
    """
    settings, release = current_aisle().settings, current_aisle().recommender.release()
    if release.pipeline.rater is None:
        return None
    predicted = release.pipeline.predict(user_id, product_id)
    rmse = release.manifest.metrics.rmse.get(predicted.model)
    return prediction_of(predicted, (settings.rating_min, settings.rating_max), rmse, current_phrases())


def why_not_here(query: Query, product_id: str) -> str:
    """Return in words where a product stands on the list of a query, by the code of POST /why-not."""
    found = current_aisle().recommender.why_not(query, product_id)
    return why_not_sentence(found.position, found.query, found.product, current_phrases())


def search() -> Response:
    """Show the products that match a text, or else those that pass the filter, the most popular first."""
    found = product_search(current_aisle(), request.args, current_phrases())
    return page("search.html", {**found, "sorts": SORTS, "dict": dict}, 422 if found["typed"].problems else 200)


def product(product_id: str) -> Response:
    """Show a product, its sales, the products that go with it, and whether a customer would like it."""
    aisle, t = current_aisle(), current_phrases()
    known = aisle.store.products.get([product_id]).get(product_id)
    if known is None:
        return _unknown(product_id)
    typed = typed_ids(request.args, t, "user_id")
    asked = bool(typed["user_id"]) and not typed.problems
    shown = {
        "product": known,
        "card": marked_excluded(with_variants([card_of(known, t)], aisle), aisle)[0],
        "categories": category_names(known.category or ""),
        "typed": typed,
        "predicted": prediction(typed["user_id"], product_id) if asked else None,
        "whynot": why_not_here(Query(typed["user_id"], n=_SHELF), product_id) if asked else "",
        "sales": _sales(product_id),
        "done": _done(known, t),
        **_beside(product_id),
    }
    return page("product.html", shown, 422 if typed.problems else 200)


def _done(product: Product, t: Phrases) -> str:
    """Return what was just done to a product, as the address says."""
    name = request.args.get("changed", "")
    return t(f"done.{name}", subject=name_of(product)) if name in PRODUCT_ACTIONS else ""


def _sales(product_id: str) -> ProductSales | None:
    directory = current_aisle().directory.current()
    return None if directory is None else sales_of(directory, product_id, current_phrases())


def _unknown(product_id: str) -> Response:
    """Return a 404 with the products that may be meant."""
    aisle = current_aisle()
    near = aisle.recommender.nearest_ids(product_id)
    known = aisle.store.products.get(near)
    cards = cards_of((known.get(id_, Product(id_)) for id_ in near), current_phrases())
    return page("unknown_product.html", {"product_id": product_id, "near": cards}, 404)


def _beside(product_id: str) -> dict[str, list[Card]]:
    """Return products that the same users took, and products with similar texts that are not among them."""
    aisle, t = current_aisle(), current_phrases()
    try:
        found = aisle.search_service.similar(product_id, _SHELF, aisle.recommender.rules.active(""))
    except NoRelease:
        raise
    except NotReady:  # a product newer than the release needs the release's encoder
        found = None
    together = found.found(place for place in found.recommendations if place.source == BEHAVIOUR) if found else []
    texts = found.found(place for place in found.recommendations if place.source != BEHAVIOUR) if found else []
    alike = texts or aisle.typeahead.alike(product_id, {each.product_id for each in together}, _ALIKE)
    cards = _counted(product_id, with_variants(cards_of(together, t), aisle))
    return {"together": cards, "alike": with_variants(cards_of(alike, t), aisle)}


def _counted(product_id: str, cards: list[Card]) -> list[Card]:
    """Return cards of products that go with one, each with the number of customers who took both."""
    directory, t = current_aisle().directory.current(), current_phrases()
    if directory is None:
        return cards
    both = directory.owners_of_both(product_id, [card.product_id for card in cards])
    said = [t(f"product.both.{directory.owned_by}", n=n) if n else "" for n in both]
    return [replace(card, note=text) for card, text in zip(cards, said, strict=True)]


def suggest_users() -> Response:
    """Answer the type-ahead: users that q may mean, as [{"id", "href"}]."""
    text = _typed_text()
    ids = suggested_customers(current_aisle(), text, _SUGGESTED) if text else []
    return jsonify([{"id": id_, "href": url_for("pages.customer", user_id=id_)} for id_ in ids])


def suggest_products() -> Response:
    """Answer the type-ahead: products that q may mean, as [{"id", "title", "category", "href"}]."""
    text = _typed_text()
    cards = cards_of(current_aisle().typeahead.products(text), current_phrases()) if text else []
    return jsonify([{"id": c.product_id, "title": c.name, "category": c.category, "href": c.href} for c in cards])


def _typed_text() -> str:
    """Return the text that was typed; "" if no id or title can begin so."""
    text = request.args.get("q", "").strip()
    return "" if is_too_long(text) or has_bad_characters(text) else text
