"""What pages show of products, of lists and of predicted ratings, in words: templates decide nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

from flask import url_for

from src.core.domain import (
    SEEN_KINDS,
    Event,
    EventKind,
    Explanation,
    PredictedRating,
    Product,
    Recommendation,
    category_names,
)

_TINTS, _TURNS = 12, 4
_MUCH_OF_USER, _MUCH_OF_PRODUCT = 5, 10
"""Ratings from which on a prediction rests on enough."""
_DID = {
    EventKind.RATING: "rated",
    EventKind.PURCHASE: "bought",
    EventKind.CART: "put into the cart",
    EventKind.VIEW: "looked at",
    EventKind.CLICK: "clicked",
    EventKind.RETURN: "brought back",
}
_MEANS = {
    "popularity": "Popular with everybody",
    "trending": "Popular of late",
    "category_popularity": "Popular in the categories they buy from",
    "item_graph": "Often taken with what they have",
    "spectral": "Liked by people of a similar taste",
    "als": "Liked by people of a similar taste",
    "text": "Described like what they have",
    "svd": "They would rate it highly",
    "vbmf": "They would rate it highly",
}


@dataclass(frozen=True)
class Card:
    """One product as a page shows it; "" is nothing to show.

    note: what is said beside the price. because: why it is here, up to the name of the product that it is for.
    """

    product_id: str
    name: str
    href: str
    category: str
    tint: str
    turn: str
    initial: str
    price: str
    picture: str
    note: str = ""
    because: str = ""
    because_name: str = ""


@dataclass(frozen=True)
class Prediction:
    """A predicted rating in words. share: 0 to 1, of the stars. level: 0 (a guess) to 2 (rests on much)."""

    share: float
    rating: str
    out_of: str
    level: int
    confidence: str
    rests_on: str
    off_by: str


def name_of(product: Product) -> str:
    """Its title, or else its id."""
    return (product.title or "").strip() or product.product_id


def price_of(product: Product, currency: str) -> str:
    """With the shop's sign before it; "" where it is not known."""
    if product.price is None:
        return ""
    between = "\u00a0" if currency[-1:].isalnum() else ""
    return f"{currency}{between}{product.price:,.2f}"


def card_of(product: Product, currency: str) -> Card:
    """What is known of a product, with a tile of its category's colour and initial for where there is no picture."""
    names = category_names(product.category or "")
    category = names[-1] if names else ""
    name = name_of(product)
    initial = next((letter for letter in category or name if letter.isalnum()), "·")
    picture = product.image_url or ""
    return Card(
        product_id=product.product_id,
        name=name,
        href=url_for("pages.product", product_id=product.product_id),
        category=category,
        tint=_number(names[0].casefold() if names else name, _TINTS),
        turn=_number(product.product_id, _TURNS),
        initial=initial.upper(),
        price=price_of(product, currency),
        picture=picture if picture.startswith("https://") else "",  # what the policy for content lets through
    )


def _number(text: str, n: int) -> str:
    """0 to n - 1, always the same for a text."""
    return str(crc32(text.encode("utf-8", "replace")) % n)


def cards_of(products: Iterable[Product], currency: str) -> list[Card]:
    """In their order."""
    return [card_of(product, currency) for product in products]


def named(recommendations: Iterable[Recommendation]) -> set[str]:
    """Ids of the products that a list shows, those that explain it included."""
    found: set[str] = set()
    for item in recommendations:
        found.add(item.product_id)
        found.update(why.product_id for why in (item.explanation or Explanation()).because[:1])
    return found


def recommended(
    recommendations: Sequence[Recommendation],
    history: Sequence[Event],
    catalogue: Mapping[str, Product],
    currency: str,
) -> list[Card]:
    """A list, each place with why it is there: the product of the history that speaks most for it, or what the model
    that speaks most for it goes by.
    """
    did = {event.product_id: event.kind for event in sorted(history, key=lambda event: event.kind in SEEN_KINDS)}
    cards = []
    for item in recommendations:
        card = card_of(catalogue.get(item.product_id, Product(item.product_id)), currency)
        why = item.explanation or Explanation()
        if why.because and not item.filled_by:
            reason = why.because[0].product_id
            verb, is_itself = _DID[did.get(reason, EventKind.VIEW)], reason == item.product_id
            name = "it before" if is_itself else name_of(catalogue.get(reason, Product(reason)))
            card = replace(card, because=f"Because they {verb}", because_name=name)
        else:
            model = item.filled_by or (why.opinions[0].model if why.opinions else item.source)
            card = replace(card, because=_MEANS.get(model, ""))
        cards.append(card)
    return cards


def remembered(history: Sequence[Event], catalogue: Mapping[str, Product], currency: str, n: int) -> list[Card]:
    """What a user did last, newest first, each product once, at most n of them."""
    cards: dict[str, Card] = {}
    for event in reversed(history):
        if event.product_id not in cards:
            card = card_of(catalogue.get(event.product_id, Product(event.product_id)), currency)
            cards[event.product_id] = replace(card, note=_said_of(event))
        if len(cards) == n:
            break
    return list(cards.values())


def _said_of(event: Event) -> str:
    said = _DID[event.kind] + (f" {event.value:g}" if event.kind is EventKind.RATING else "")
    if event.kind is EventKind.PURCHASE and event.value > 1:
        said += f" {event.value:g} of it"
    if event.at is None:
        return said
    when = dt.datetime.fromtimestamp(event.at, dt.UTC)
    return f"{said}, {when.day} {when:%b %Y}"


def prediction_of(predicted: PredictedRating, scale: tuple[float, float], rmse: float | None) -> Prediction | None:
    """A predicted rating and how sure it is; None where nobody has ever rated anything, so that it says nothing.

    scale: the lowest and the highest rating. rmse: of the model on ratings it had not seen; None without any.
    """
    if rmse is None and not predicted.known_user and not predicted.known_product:
        return None
    low, high = scale
    of_user, of_product = predicted.n_user_ratings, predicted.n_product_ratings
    level = int(of_user > 0 and of_product > 0) + int(of_user >= _MUCH_OF_USER and of_product >= _MUCH_OF_PRODUCT)
    return Prediction(
        share=predicted.rating / high if low >= 0 else (predicted.rating - low) / (high - low),
        rating=f"{predicted.rating:.1f}",
        out_of=f"{high:g}",
        level=level,
        confidence=("A guess", "A fair idea", "Well founded")[level],
        rests_on=_rests_on(of_user, of_product),
        off_by="" if rmse is None else f"On ratings it had not seen, this model was off by {rmse:.1f} or so (RMSE).",
    )


def _rests_on(of_user: int, of_product: int) -> str:
    if not of_user and not of_product:
        return "Neither this user nor this product has a rating yet: this is the average of all."
    if not of_user:
        return f"It rests on {_ratings(of_product)} of the product. The user has rated nothing yet."
    if not of_product:
        return f"It rests on {_ratings(of_user)} by the user. Nobody has rated the product yet."
    return f"It rests on {_ratings(of_product)} of the product and {_ratings(of_user)} by the user."


def _ratings(n: int) -> str:
    return f"{n:,} rating{'' if n == 1 else 's'}"
