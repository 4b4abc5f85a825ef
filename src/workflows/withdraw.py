"""Stop or resume listing products."""

from __future__ import annotations

from collections.abc import Sequence

from src.core.domain import Product
from src.core.errors import UnknownName
from src.core.ids import clean_id, has_bad_characters
from src.store import Store


def withdraw(store: Store, product_ids: Sequence[str], withdrawn: bool) -> int:
    """Stop or resume listing products.

    Args:
        store: the products.
        product_ids: their ids.
        withdrawn: True to stop listing them, False to resume.

    Returns:
        How many different products there were.

    Raises:
        UnknownName: the store does not have one of them; nothing is changed.
    """
    product_ids = list(dict.fromkeys(clean_id(id_) for id_ in product_ids))
    known = store.products.get(id_ for id_ in product_ids if not has_bad_characters(id_))
    missing = [id_ for id_ in product_ids if id_ not in known]
    if missing:
        raise UnknownName(
            f"no product {', '.join(map(repr, missing[:5]))} is known. Expected ids of products in the store, as they "
            "stand in its files; GET /products/ID names the nearest."
        )
    return store.products.add([Product(id_, withdrawn=withdrawn) for id_ in product_ids])
