"""Products, lists and predicted ratings in words, as the templates show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

from flask import url_for
from markupsafe import Markup

from app.context import AisleContext
from app.texts.phrases import Phrases
from src.core.domain import (
    NO_RATINGS,
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
"""Ratings of the user and of the product that make a prediction well founded."""


@dataclass(frozen=True)
class Card:
    """A product as a page shows it; "" means that there is nothing to show.

    Attributes:
        product_id: Its id.
        name: Its title, or else its id.
        href: The path of its page.
        category: Its last category.
        tint: The colour of its tile, by its first category.
        turn: The pattern of its tile, by its id.
        initial: The letter of its tile.
        price: Its price with the shop's currency.
        picture: The URL of its image.
        note: A remark beside the price.
        because: Why it is on a list.
        stock: Units in stock; None if that is not known.
        withdrawn: Whether it is withdrawn.
        variants: How many variants of the thing the shop lists, this one included.
        excluded: Whether a rule of the shop keeps it from customers.
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
    stock: int | None = None
    withdrawn: bool = False
    variants: int = 1
    excluded: bool = False


@dataclass(frozen=True)
class Prediction:
    """A predicted rating in words.

    Attributes:
        share: Share of the stars that are filled, 0 to 1.
        rating: The rating.
        out_of: The highest rating.
        level: How well founded it is: 0 (a guess) to 2.
        verdict: The level in words.
        rests_on: The number of ratings behind it.
        off_by: The usual error of the model; "" if it was not measured.
    """

    share: float
    rating: str
    out_of: str
    level: int
    confidence: str
    rests_on: str
    off_by: str


def name_of(product: Product) -> str:
    """Return the title of a product, or else its id."""
    return (product.title or "").strip() or product.product_id


def card_of(product: Product, t: Phrases) -> Card:
    """Return the card of a product, without a note and a reason."""
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
        tint=_bucket(names[0].casefold() if names else name, _TINTS),
        turn=_bucket(product.product_id, _TURNS),
        initial=initial.upper(),
        price="" if product.price is None else t.money(product.price),
        picture=picture if picture.startswith("https://") else "",  # as the Content-Security-Policy demands
        stock=product.stock,
        withdrawn=bool(product.withdrawn),
    )


def _bucket(text: str, n: int) -> str:
    """Return a number from 0 to n - 1 that depends on the text alone."""
    return str(crc32(text.encode("utf-8", "replace")) % n)


def cards_of(products: Iterable[Product], t: Phrases) -> list[Card]:
    """Return the cards of products, in their order."""
    return [card_of(product, t) for product in products]


def with_variants(cards: Sequence[Card], aisle: AisleContext) -> list[Card]:
    """Return the cards with the numbers of their variants."""
    counts = aisle.recommender.n_variants(card.product_id for card in cards)
    return [replace(card, variants=counts.get(card.product_id, 1)) for card in cards]


def named(recommendations: Iterable[Recommendation]) -> set[str]:
    """Return the ids of the products on a list and of the first reason of each."""
    ids: set[str] = set()
    for item in recommendations:
        ids.add(item.product_id)
        ids.update(why.product_id for why in (item.explanation or Explanation()).because[:1])
    return ids


def recommended(
    recommendations: Sequence[Recommendation],
    history: Sequence[Event],
    catalogue: Mapping[str, Product],
    t: Phrases,
) -> list[Card]:
    """Return the cards of a list, each with its reason.

    The reason is the product of the history that contributes most, or else the model that contributes most.

    Args:
        recommendations: The list, best first.
        history: The user's events, oldest first.
        catalogue: Known products by id.

    Returns:
        One card per recommendation.
    """
    kinds = {event.product_id: event.kind for event in sorted(history, key=lambda event: event.kind in SEEN_KINDS)}
    cards = []
    for item in recommendations:
        card = card_of(catalogue.get(item.product_id, Product(item.product_id)), t)
        cards.append(replace(card, because=_because(item, kinds, catalogue, t)))
    return cards


def _because(item: Recommendation, kinds: Mapping[str, EventKind], catalogue: Mapping[str, Product], t: Phrases) -> str:
    """Return why a product is on a list; "" if nothing is known."""
    why = item.explanation or Explanation()
    if why.because and not item.filled_by:
        reason = why.because[0].product_id
        kind = kinds.get(reason, EventKind.VIEW).value
        if reason == item.product_id:
            return t(f"because.itself.{kind}")
        name = name_of(catalogue.get(reason, Product(reason)))
        return t(f"because.{kind}", name=Markup('<b dir="auto">{}</b>').format(name))
    model = item.filled_by or (why.opinions[0].model if why.opinions else item.source)
    return t(f"means.{model}") if f"means.{model}" in t.texts else ""


def remembered(history: Sequence[Event], catalogue: Mapping[str, Product], t: Phrases, n: int) -> list[Card]:
    """Return the cards of the products in a history, newest first, each with what the user did last.

    Args:
        history: The user's events, oldest first.
        catalogue: Known products by id.
        n: The largest number of cards.

    Returns:
        One card per product.
    """
    cards: dict[str, Card] = {}
    for event in reversed(history):
        if event.product_id not in cards:
            card = card_of(catalogue.get(event.product_id, Product(event.product_id)), t)
            cards[event.product_id] = replace(card, note=_event_text(event, t))
        if len(cards) == n:
            break
    return list(cards.values())


def _event_text(event: Event, t: Phrases) -> str:
    one = event.kind is EventKind.PURCHASE and event.value <= 1
    key = "did.purchase_one" if one else f"did.{event.kind.value}"
    text = t(key, value=t.axis(event.value))
    return text if event.at is None else t("did.at", what=text, day=t.event_day(event.at))


def prediction_of(
    predicted: PredictedRating, scale: tuple[float, float], rmse: float | None, t: Phrases
) -> Prediction | None:
    """Return a predicted rating in words.

    Args:
        predicted: The rating.
        scale: The lowest and the highest rating.
        rmse: Error of the model on held-out ratings; None if it was not measured.

    Returns:
        None if there are no ratings at all, so that the prediction has no meaning.
    """
    if predicted.model == NO_RATINGS or (rmse is None and not predicted.known_user and not predicted.known_product):
        return None
    low, high = scale
    of_user, of_product = predicted.n_user_ratings, predicted.n_product_ratings
    level = int(of_user > 0 and of_product > 0) + int(of_user >= _MUCH_OF_USER and of_product >= _MUCH_OF_PRODUCT)
    return Prediction(
        share=predicted.rating / high if low >= 0 else (predicted.rating - low) / (high - low),
        rating=t.number(predicted.rating, 1),
        out_of=t.axis(high),
        level=level,
        confidence=t(f"rating.level{level}"),
        rests_on=_rests_on(of_user, of_product, t),
        off_by="" if rmse is None else t("rating.error", error=t.number(rmse, 1)),
    )


def _rests_on(of_user: int, of_product: int, t: Phrases) -> str:
    kind = ("none", "product", "user", "both")[2 * bool(of_user) + bool(of_product)]
    return t(f"rating.rests_{kind}", user=of_user, product=of_product)
