"""/docs in a real browser shows all calls, from our own files, under a policy that forbids others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

Open = Callable[..., Page]


def test_the_documentation_shows_every_call_with_its_curl_line(shop_url: str, open_page: Open) -> None:
    """Console messages and requests to other hosts fail the test at its end."""
    page = open_page(f"{shop_url}/docs")
    expect(page.locator(".opblock-summary-path", has_text="/recommend").first).to_be_visible()
    paths = page.request.get(f"{shop_url}/openapi.json").json()["paths"]
    assert page.locator(".opblock").count() == sum(len(methods) for methods in paths.values())
    page.locator("#operations-lists-lists_recommend_recommend_post .opblock-summary-control").click()
    expect(page.locator(".opblock-description code", has_text="curl -s localhost:5000/recommend").first).to_be_visible()


def test_a_call_can_be_tried_in_the_documentation(shop_url: str, open_page: Open) -> None:
    page = open_page(f"{shop_url}/docs")
    block = page.locator("#operations-lists-lists_popular_popular_get")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table tr.response .response-col_status").first).to_contain_text("200")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_the_documentation(
    shop_url: str, open_page: Open, faults: Callable[[Page], list[str]], scheme: str
) -> None:
    page = open_page(f"{shop_url}/docs", scheme=scheme)
    expect(page.locator(".opblock-summary-path", has_text="/recommend").first).to_be_visible()
    assert faults(page) == []
    page.locator("#operations-lists-lists_recommend_recommend_post .opblock-summary-control").click()
    expect(page.locator(".responses-table").first).to_be_visible()
    assert faults(page) == []
