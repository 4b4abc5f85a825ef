"""The table of customers: found by any part of an id, sorted, page by page."""

from __future__ import annotations

from dataclasses import dataclass

from app.context import AisleContext
from app.views.product_cards import name_of
from src.core.domain import Product
from src.exploration.shop_directory import CustomerRow, ShopDirectory, page_of

PAGE = 50


@dataclass(frozen=True)
class NamedCustomerRow:
    """A row of the table; last_title: the title of the last product, or its id."""

    user_id: str
    n_events: int | None
    last_at: int | None
    last_product: str | None
    last_title: str


@dataclass(frozen=True)
class CustomerTable:
    """One page of customers.

    Attributes:
        rows: The customers.
        total: How many were found.
        page: This page, from 1.
        pages: How many there are.
        sort: One of SORTS.
        forgiven: Whether they were found with typing errors only.
        is_counting: Whether there are customers, and the directory is not made yet: ids are found by their beginnings.
    """

    rows: list[NamedCustomerRow]
    total: int
    page: int
    pages: int
    sort: str
    forgiven: bool = False
    is_counting: bool = False


def customer_table(aisle: AisleContext, text: str, sort: str, page: int) -> CustomerTable:
    """Return one page of the customers whose ids contain a text.

    Args:
        text: part of an id; "" for all.
        sort: one of SORTS.
        page: from 1.

    Returns:
        The page; the last one for a page that does not exist.
    """
    directory = aisle.directory.current()
    if directory is None:
        ids = aisle.typeahead.users(text) if text else aisle.store.events.user_ids("", PAGE)
        rows = [NamedCustomerRow(id_, None, None, None, "") for id_ in ids]
        return CustomerTable(rows, len(rows), 1, 1, sort, is_counting=bool(ids or text))
    found = directory.search(text, sort, page * PAGE)
    total = len(found.rows)
    pages = max(1, -(-total // PAGE))
    page = min(page, pages)
    rows = _named(aisle, directory.rows(page_of(found.rows, page, PAGE)))
    if text and page == 1:
        rows, added = _with_newer(aisle, directory, rows, text)
        total += added
    return CustomerTable(rows, total, page, pages, sort, found.forgiven and bool(rows))


def _named(aisle: AisleContext, rows: list[CustomerRow]) -> list[NamedCustomerRow]:
    catalogue = aisle.store.products.get(row.last_product for row in rows if row.last_product)
    return [
        NamedCustomerRow(
            row.user_id, row.n_events, row.last_at, row.last_product,
            name_of(catalogue.get(row.last_product or "", Product(row.last_product or ""))),
        )
        for row in rows
    ]  # fmt: skip


def _with_newer(
    aisle: AisleContext, directory: ShopDirectory, rows: list[NamedCustomerRow], text: str
) -> tuple[list[NamedCustomerRow], int]:
    """Put customers who came after the directory was made in front, by the beginnings of their ids."""
    newer = [id_ for id_ in aisle.typeahead.users(text) if directory.users.idx_of(id_) is None]
    return [*(NamedCustomerRow(id_, None, None, None, "") for id_ in newer), *rows], len(newer)


def suggested_customers(aisle: AisleContext, text: str, n: int) -> list[str]:
    """Return ids that a text may mean: those that begin with it, then those that contain it, then near ones.

    Args:
        text: what was typed.
        n: highest number of ids.

    Returns:
        At most n ids.
    """
    ids = aisle.typeahead.users(text)
    directory = aisle.directory.current()
    if directory is not None and len(ids) < n and len(text) > 1:
        ids += [row.user_id for row in directory.rows(directory.search(text, n=n).rows[:n])]
    return list(dict.fromkeys(ids))[:n]
