"""The search page: products for a text or a filter, with counts by category, an order and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from app.context import AisleContext
from app.texts.phrases import Phrases
from app.views.form_parsing import Typed, chosen_of, number_of, typed_search
from app.views.message_texts import message_text
from app.views.product_cards import Card, cards_of, name_of, with_variants
from app.views.search_facets import facets_of
from src.core.domain import CategoryCount, Product, ProductFilter
from src.core.errors import NoRelease, NotReady
from src.core.messages import text_of_error
from src.search.tokenizer import plain

SORTS = ("best", "price", "price_down", "name")
_PAGE, _DEPTH, _LOOKED_AT = 24, 240, 10
_SHORT_WORD = 3


@dataclass(frozen=True)
class Filters:
    """What the catalogue can be filtered by: a filter that the data cannot answer is not offered."""

    categories: list[CategoryCount]
    has_prices: bool
    has_stock: bool


def filters_of(aisle: AisleContext) -> Filters:
    """Return the filters that the catalogue supports; none without a release."""
    try:
        _, pipeline = aisle.recommender.serving()
    except NoRelease:
        return Filters([], has_prices=False, has_stock=False)
    attributes = pipeline.attributes
    has_prices = attributes is not None and bool(np.isfinite(attributes.price).any())
    has_stock = attributes is not None and bool((np.asarray(attributes.stock) >= 0).any())
    return Filters(aisle.recommender.counts.categories(), has_prices, has_stock)


def product_search(aisle: AisleContext, given: Mapping[str, str], t: Phrases) -> dict[str, Any]:
    """Return what the search page shows.

    Args:
        given: the fields of the form.

    Returns:
        The form, and if something was asked: the products of one page, how many there are, counts by category.

    Raises:
        NoRelease: nothing is served.
    """
    typed, wanted = typed_search(given, t)
    asked = any(typed.values.values()) or "sort" in given
    typed = Typed({**typed.values, "sort": chosen_of(given, "sort", SORTS)}, typed.problems)
    shown: dict[str, Any] = {"typed": typed, "asked": asked, "filters": filters_of(aisle), "unsearchable": ""}
    if not asked or typed.problems:
        return shown
    unsearchable, products = _found(aisle, typed["q"], wanted, t)
    is_filtered = wanted != ProductFilter()
    if wanted.in_stock:
        products = [product for product in products if product.stock is not None]
    ordered = _ordered(products, typed["sort"])
    pages = max(1, -(-len(ordered) // _PAGE))
    page = min(number_of(given, "page", 1, _DEPTH), pages)
    corrected, is_weak = _understood(typed["q"], products[:_LOOKED_AT])
    return shown | {
        "unsearchable": unsearchable,
        "found": marked_excluded(with_variants(cards_of(ordered[(page - 1) * _PAGE : page * _PAGE], t), aisle), aisle),
        "total": len(products),
        "is_cut": len(products) >= _DEPTH,
        "is_filtered": is_filtered,
        "facets": facets_of(products, typed.values, has_stock=shown["filters"].has_stock, t=t),
        "page": page,
        "pages": pages,
        "corrected": corrected,
        "is_weak": is_weak,
    }


def marked_excluded(cards: Sequence[Card], aisle: AisleContext) -> list[Card]:
    """Return the cards, marked where a rule of the shop keeps the product from customers."""
    rules = aisle.recommender.rules.active("")
    unwanted = ProductFilter(not_categories=rules.rules.not_categories, not_brands=rules.rules.not_brands)
    _, pipeline = aisle.recommender.serving()
    fits = None if pipeline.attributes is None else pipeline.attributes.fitting(unwanted)
    rows = pipeline.items.rows_of([card.product_id for card in cards]).tolist()
    return [
        replace(card, excluded=card.product_id in rules.excluded or (fits is not None and row >= 0 and not fits[row]))
        for card, row in zip(cards, rows, strict=True)
    ]


def _found(aisle: AisleContext, text: str, wanted: ProductFilter, t: Phrases) -> tuple[str, list[Product]]:
    """Return why nothing can be searched, or "", and the products. Raises NoRelease."""
    try:
        if text:
            return "", aisle.search_service.search(text, _DEPTH, wanted).found()
        return "", aisle.typeahead.browse(wanted, _DEPTH)
    except NoRelease:
        raise
    except NotReady as error:
        why = message_text(text_of_error(error), t)
        return why, aisle.typeahead.products(text) if text and wanted == ProductFilter() else []


def _ordered(products: Sequence[Product], sort: str) -> list[Product]:
    if sort == "name":
        return sorted(products, key=lambda product: name_of(product).casefold())
    if sort == "best":
        return list(products)
    sign = 1 if sort == "price" else -1
    return sorted(products, key=lambda product: (product.price is None, sign * (product.price or 0.0)))


def _understood(text: str, products: Sequence[Product]) -> tuple[str, bool]:
    """Return the text as search must have read it, "" if it is as typed, and whether products match by meaning only."""
    words = [word for word in plain(text).split() if len(word) >= _SHORT_WORD]
    if not words or not products:
        return "", False
    texts = [plain(" ".join(filter(None, _texts(product)))) for product in products]
    missing = [word for word in words if not any(word in each for each in texts)]
    known = {word for each in texts for word in each.split() if len(word) >= _SHORT_WORD}
    read = {word: near for word in missing if (near := _nearest(word, known)) is not None}
    if len(missing) == len(words) and not read:
        return "", True
    corrected = " ".join(read.get(word, word) for word in plain(text).split())
    return (corrected if read else ""), False


def _texts(product: Product) -> tuple[str | None, ...]:
    return product.product_id, product.title, product.category, product.brand, product.description


def _nearest(word: str, known: set[str]) -> str | None:
    """Return the known word that one or two typing errors make of a word; None if there is none."""
    most = 1 if len(word) < 6 else 2
    scored = [(Levenshtein.distance(word, other, score_cutoff=most), other) for other in known]
    best = min((pair for pair in scored if pair[0] <= most), default=None)
    return None if best is None else best[1]
