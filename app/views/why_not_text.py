"""Say why a product is not on a list."""

from __future__ import annotations

from src.core.domain import ExclusionReason, ListPosition, Product, Query, Rules


def why_not_sentence(position: ListPosition, query: Query, product: Product | None) -> str:
    """Return the reason in words.

    Args:
        position: The product's position, or the reason why it has none.
        query: The query of the list.
        product: The product as the store has it; None if it is unknown.

    Returns:
        One line without a full stop.
    """
    rules = query.rules or Rules()
    known = product or Product("")
    category, brand = _known("category", known.category), _known("brand", known.brand)
    if position.reason is None:
        return f"it is on the list, at place {position.rank} of {query.n}"
    return {
        ExclusionReason.UNKNOWN_PRODUCT: "nobody knows this id"
        if product is None
        else "it came after the release was made, and can be listed after the next training",
        ExclusionReason.WITHDRAWN: "it is withdrawn, so it is on no list",
        ExclusionReason.EXCLUDED: "the request or a rule of the shop excludes it",
        ExclusionReason.SEEN: f"the user has seen it: events of {_listed(rules.seen)} count as that",
        ExclusionReason.SEEN_GROUP: "the user has seen another variant of it, and seen_group takes all of them out",
        ExclusionReason.VARIANT: "another variant of it is on the list, which shows one of a group; variants: true "
        "lists each by itself",
        ExclusionReason.CATEGORY: f"{category}; the list is for {_wanted(rules)}",
        ExclusionReason.BRAND: f"{brand}; the list is for nothing of {_listed(rules.not_brands)}",
        ExclusionReason.PRICE: f"{_price(known.price)}; the list is for {_range(rules)}",
        ExclusionReason.STOCK: "it is sold out, and the list is for what is in stock",
        ExclusionReason.MAX_PER_CATEGORY: (
            f"{rules.max_per_category} of its category stand above it, which is as many as may be"
        ),
        ExclusionReason.MAX_PER_BRAND: f"{rules.max_per_brand} of its brand stand above it, which is as many as may be",
        ExclusionReason.RANK: f"it is ranked {position.rank}, and the list ends at {query.n}",
        ExclusionReason.NOT_RETRIEVED: (
            "the model did not name it among the products that were looked at for this history"
        ),
    }[position.reason]


def _known(what: str, value: str | None) -> str:
    return f"no {what} is known of it" if value is None else f"its {what} is {value!r}"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _wanted(rules: Rules) -> str:
    wanted = [f"{_listed(rules.categories)}"] if rules.categories else []
    return " and ".join([*wanted, *([f"nothing of {_listed(rules.not_categories)}"] if rules.not_categories else [])])


def _price(price: float | None) -> str:
    return "its price is not known" if price is None else f"it costs {price:g}"


def _range(rules: Rules) -> str:
    bounds = (("at least", rules.min_price), ("at most", rules.max_price))
    return "what costs " + " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
