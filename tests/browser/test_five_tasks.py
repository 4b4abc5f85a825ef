"""Five tasks of somebody who has never seen the pages: visible links only, counted from the overview on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lively_shop import KEY, Shop
from playwright.sync_api import Locator, Page, expect

Open = Callable[..., Page]


class Visitor:
    """Follows what is to be seen on the page, and counts the clicks."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, wanted: Locator) -> None:
        expect(wanted.first).to_be_visible()
        wanted.first.click()
        self.clicks += 1

    def follow(self, name: Any, within: str = "body") -> None:
        self.click(self.page.locator(within).get_by_role("link", name=name))

    def confirm(self, button: str) -> None:
        self.page.get_by_label("Admin key").fill(KEY)
        self.click(self.page.get_by_role("button", name=button))


def test_why_a_product_is_on_a_list_is_found_in_two_clicks(lively: Shop, open_page: Open) -> None:
    visitor = Visitor(open_page(lively.address))
    expect(visitor.page.locator(".place-why").first).to_have_text(re.compile("Because|Bestseller"))
    visitor.follow("Everything for")
    visitor.click(visitor.page.get_by_text("Why?"))
    expect(visitor.page.get_by_role("columnheader", name="Part of the score").first).to_be_visible()
    assert visitor.clicks == 2


def test_a_product_is_excluded_for_everybody_and_put_back_from_its_page(lively: Shop, open_page: Open) -> None:
    visitor = Visitor(open_page(lively.address))
    card = visitor.page.locator(".shelf .card-link").first
    name = card.inner_text()
    visitor.click(card)
    visitor.follow("Exclude from lists")
    visitor.confirm("Exclude from lists")
    assert visitor.clicks == 3
    expect(visitor.page.get_by_role("status").first).to_contain_text(f"{name} is excluded from all lists")
    expect(visitor.page.locator(".product-facts")).to_contain_text("Excluded by a rule")
    page = open_page(lively.address)
    assert name not in page.locator(".shelf .card-link").all_inner_texts()
    visitor.follow("Put back on lists")
    visitor.confirm("Put back on lists")
    page.reload()
    assert name in page.locator(".shelf .card-link").all_inner_texts()


def test_the_release_is_rolled_back_in_three_clicks(lively: Shop, open_page: Open) -> None:
    newer = lively.registry.current_version()
    visitor = Visitor(open_page(lively.address))
    visitor.follow("Operations", "header")
    visitor.follow("Roll back")
    visitor.confirm("Roll back")
    assert visitor.clicks == 3
    expect(visitor.page.get_by_role("status").first).to_contain_text("Done: rolled back")
    assert lively.registry.current_version() != newer
    lively.registry.activate(newer)


def test_what_recommendations_earn_is_found_in_one_click(lively: Shop, open_page: Open) -> None:
    visitor = Visitor(open_page(lively.address))
    visitor.follow("Clicks on recommendations")
    assert visitor.clicks == 1
    tile = visitor.page.locator(".tiles .panel", has_text="Revenue that followed recommendations")
    expect(tile).to_contain_text("€")
    assert "€0.00" not in tile.locator("b").inner_text()
    expect(visitor.page.get_by_text("A purchase counts if")).to_be_visible()


def test_what_was_wrong_with_the_last_file_is_found_in_three_clicks(lively: Shop, open_page: Open) -> None:
    visitor = Visitor(open_page(lively.address))
    visitor.follow("issue", "header")
    expect(visitor.page.locator(".findings")).to_contain_text("40.0\u00a0% were rejected, most for “empty user”")
    visitor.follow("See the rejected rows")
    visitor.follow("Show rows")
    expect(visitor.page.locator("pre")).to_contain_text("7,empty user,;P00012;2")
    assert visitor.clicks == 3
