"""Say why a product is not on a list."""

from __future__ import annotations

from collections.abc import Iterable

from app.texts.phrases import Phrases
from src.core.domain import EventKind, ExclusionReason, ListPosition, Product, Query, Rules

_MOST_FIRST = (EventKind.PURCHASE, EventKind.RATING, EventKind.CART, EventKind.CLICK, EventKind.VIEW, EventKind.RETURN)


def why_not_sentence(position: ListPosition, query: Query, product: Product | None, t: Phrases) -> str:
    """Return in one line where a product stands on the list of a query, or why nowhere; None: it is unknown."""
    rules, known = query.rules or Rules(), product or Product("")
    match position.reason:
        case None:
            return t("whynot.listed", rank=position.rank, n=query.n)
        case ExclusionReason.UNKNOWN_PRODUCT:
            return t("whynot.nobody" if product is None else "whynot.newer")
        case ExclusionReason.SEEN:
            return t(f"whynot.seen_{_did(query, known.product_id, rules)}")
        case ExclusionReason.CATEGORY:
            return _against("category", known.category, _wanted(rules, t), t)
        case ExclusionReason.BRAND:
            return _against("brand", known.brand, t("whynot.without", names=_listed(rules.not_brands)), t)
        case ExclusionReason.PRICE:
            return _against_range(known.price, _range(rules, t), t)
        case ExclusionReason.MAX_PER_CATEGORY:
            return t("whynot.max_per_category", most=rules.max_per_category)
        case ExclusionReason.MAX_PER_BRAND:
            return t("whynot.max_per_brand", most=rules.max_per_brand)
        case reason:
            return t(f"whynot.{reason}", **({"rank": position.rank, "n": query.n} if position.rank else {}))


def _did(query: Query, product_id: str, rules: Rules) -> str:
    """Return the kind of event that takes a product out as seen: the one that means most, if there were several."""
    had = {event.kind for event in query.history if event.product_id == product_id}
    return next((kind.value for kind in _MOST_FIRST if kind in had & rules.seen), "somehow")


def _against(what: str, name: str | None, wanted: str, t: Phrases) -> str:
    return t(f"whynot.{what}_none", wanted=wanted) if name is None else t(f"whynot.{what}", name=name, wanted=wanted)


def _against_range(price: float | None, wanted: str, t: Phrases) -> str:
    if price is None:
        return t("whynot.price_none", range=wanted)
    return t("whynot.price", price=_price(price, t), range=wanted)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(str(name) for name in names))


def _wanted(rules: Rules, t: Phrases) -> str:
    wanted = [_listed(rules.categories)] if rules.categories else []
    if rules.not_categories:
        wanted.append(t("whynot.without", names=_listed(rules.not_categories)))
    return t("whynot.and").join(wanted)


def _price(price: float, t: Phrases) -> str:
    return t.money(price)


def _range(rules: Rules, t: Phrases) -> str:
    bounds = (("at_least", rules.min_price), ("at_most", rules.max_price))
    said = [t(f"whynot.{word}", price=_price(bound, t)) for word, bound in bounds if bound is not None]
    return t("whynot.and").join(said)
