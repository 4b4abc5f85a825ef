"""Map names that shops give to events to EventKind."""

from __future__ import annotations

import re

from src.core.domain import EventKind

_NAMES = {
    EventKind.RATING: ("rating", "rate", "rated", "review", "reviewed"),
    EventKind.PURCHASE: ("purchase", "purchased", "buy", "bought", "transaction", "order", "ordered", "sale", "paid"),
    EventKind.CART: ("cart", "addtocart", "cartadd", "basket", "addtobasket", "addtobag"),
    EventKind.VIEW: ("view", "viewed", "pageview", "productview", "viewitem", "detail", "visit", "pv"),
    EventKind.CLICK: ("click", "clicked"),
    EventKind.RETURN: ("return", "returned", "refund", "refunded", "cancel", "cancelled", "canceled", "cancellation"),
}
_KIND_OF = {name: kind.value for kind, names in _NAMES.items() for name in names}


def kind_of(name: str) -> str:
    """Return the EventKind value that a name means, with or without a final s; "" for an unknown name."""
    text = re.sub(r"[\s_-]", "", name.lower())
    return _KIND_OF.get(text) or _KIND_OF.get(text.removesuffix("s"), "")
