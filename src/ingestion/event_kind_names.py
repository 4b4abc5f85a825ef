"""What shops call the kinds of events."""

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
    """The kind of event that a name means, with or without an s at its end; "" for one that is not known."""
    text = re.sub(r"[\s_-]", "", name.lower())
    return _KIND_OF.get(text) or _KIND_OF.get(text.removesuffix("s"), "")
