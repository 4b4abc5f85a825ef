"""The pages of customers: the table, and one customer's list beside the history behind it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, redirect, request, url_for

from app.context import current_aisle
from app.routes.shop_pages import LOOKED_AT, page, prediction, why_not_here
from app.texts import current_phrases
from app.views.customer_search import customer_table
from app.views.form_parsing import Typed, chosen_of, number_of, typed_ids, typed_search
from app.views.product_cards import Card, card_of, cards_of, named, recommended, remembered, with_variants
from app.views.product_search import filters_of
from src.core.domain import Explanation, ProductFilter, Query, Recommendation
from src.core.list_rules import RuleFields
from src.exploration.shop_directory import SORTS

_LIST, _MOST, _HISTORY, _MEANT = 10, 100, 10, 5


@dataclass(frozen=True)
class PlaceDetails:
    """A place of a list: its explanation, and its score as a share of the first one's; None where that is unknown."""

    explanation: Explanation | None
    strength: float | None


def customers() -> Response:
    """Show the customers whose ids contain a text; lead to the one whose id it is."""
    aisle, t = current_aisle(), current_phrases()
    wanted = request.args.get("user_id", "").strip()
    if wanted:
        others = {name: value for name, value in request.args.items() if value and name not in ("user_id", "q")}
        return redirect(url_for("pages.customer", user_id=wanted, **others), 303)  # type: ignore[return-value, arg-type]
    typed = typed_ids(request.args, t, "q")
    sort, text = chosen_of(request.args, "sort", SORTS), "" if typed.problems else typed["q"]
    is_only_text = set(request.args) <= {"q"}
    if text and is_only_text and aisle.store.events.history(text):
        return redirect(url_for("pages.customer", user_id=text), 303)  # type: ignore[return-value]
    aisle.profile_refresher.look()
    found = customer_table(aisle, text, sort, number_of(request.args, "page", 1, 10_000_000))
    return page("customers.html", {"typed": typed, "found": found}, 422 if typed.problems else 200)


def customer(user_id: str) -> Response:
    """Show the list of a customer with the history behind it, and why a product is not on it."""
    t = current_phrases()
    ids = typed_ids({**request.args, "user_id": user_id}, t, "user_id", "product_id")
    rules, wanted = typed_search(request.args, t)
    n = number_of(request.args, "n", _LIST, _MOST)
    values = {**rules.values, **ids.values, "n": str(n)}
    typed = Typed(values, {**rules.problems, **ids.problems})
    shown: dict[str, Any] = {"typed": typed, "filters": filters_of(current_aisle())}
    if not typed.problems:
        shown |= _list_of(typed["user_id"], n, wanted) | _asked(typed["user_id"], typed["product_id"], n)
    return page("customer.html", shown, 422 if typed.problems else 200)


def _list_of(user_id: str, n: int, wanted: ProductFilter) -> dict[str, Any]:
    """Return the places of a customer's list, the history, and the same list as a call."""
    aisle, t = current_aisle(), current_phrases()
    history = aisle.store.events.history(user_id)
    fields = {
        "category": sorted(wanted.categories) or None,
        "min_price": wanted.min_price,
        "max_price": wanted.max_price,
        "in_stock": wanted.in_stock or None,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    answer = aisle.recommender.recommend(Query(user_id, n=n, explain=True), RuleFields.model_validate(given))
    newest = [event.product_id for event in history[-LOOKED_AT:]]
    catalogue = aisle.store.products.get({*named(answer.recommendations), *newest})
    cards = with_variants(recommended(answer.recommendations, history, catalogue, t), aisle)
    body = json.dumps({"user_id": user_id, "n": n, "explain": True, **given}, ensure_ascii=False)
    quoted = body.replace("'", "'\\''")
    return {
        "release": answer.release,
        "listed": list(zip(cards, _shown_places(answer.recommendations), strict=True)),
        "history": remembered(history[-LOOKED_AT:], catalogue, t, _HISTORY),
        "n_events": len(history),
        "curl": f"curl -s {request.host_url}recommend -H 'Content-Type: application/json' -d '{quoted}'",
    }


def _shown_places(listed: list[Recommendation]) -> list[PlaceDetails]:
    first = listed[0].score if listed else 0.0
    can_compare = first > 0 and all(place.filled_by is None for place in listed[:1])
    return [
        PlaceDetails(
            place.explanation, max(min(place.score / first, 1.0), 0.0) if can_compare and not place.filled_by else None
        )
        for place in listed
    ]


def _asked(user_id: str, product_id: str, n: int) -> dict[str, Any]:
    """Return why a product is not on the list; for an unknown id products that may be meant."""
    if not product_id:
        return {}
    aisle, t = current_aisle(), current_phrases()
    product = aisle.store.products.get([product_id]).get(product_id)
    if product is None:
        return {"meant": cards_of(aisle.typeahead.products(product_id)[:_MEANT], t)}
    asked: Card = replace(card_of(product, t), because="")
    why = why_not_here(Query(user_id, n=n), product_id)
    return {"asked": asked, "whynot": why, "predicted": prediction(user_id, product_id)}
