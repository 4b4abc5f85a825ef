"""The pages in a real browser: for screen readers, on a phone, by keyboard, without scripts; and a shop's own page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from lively_shop import KEY, FreePort, Shop
from playwright.sync_api import Browser, Page, expect

Open = Callable[..., Page]
PAGES = [
    "/",
    "/customers",
    "/customers/U00003?product_id=P00012",
    "/customers/nobody",
    "/shop/search?q=paint",
    "/shop/search?min_price=cheap",
    "/shop/products/P00012?user_id=U00003",
    "/shop/products/P000122",
    "/operations",
    "/operations/business",
    "/operations/quality",
    "/operations/releases",
    "/operations/data",
    "/operations/rules",
    "/operations/experiments",
    "/operations/experiments/new",
    "/operations/replay",
    "/operations/do/train",
    "/dashboard/releases/rollback",
    "/docs",
]

BEYOND_THEIR_PANEL = """[...document.querySelectorAll('.panel table')].filter(it => !it.closest('.scroll')
    && it.getBoundingClientRect().right > it.closest('.panel').getBoundingClientRect().right).map(it => it.innerText)"""


def serve_again(shop: Shop, version: str) -> None:
    """Activate a release by a call, so that the service has taken it up when the next test begins."""
    headers = {"Authorization": f"Bearer {KEY}"}
    urlopen(Request(f"{shop.address}/releases/{version}/activate", b"", headers, method="POST"))


@pytest.fixture(scope="module")
def shop_site() -> Iterator[str]:
    """Serve the example of a shop's own page from another origin."""
    thread = threading.Thread(target=FreePort.server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{FreePort.port}"
    FreePort.server.shutdown()
    FreePort.server.server_close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (1280, "dark")])
def test_no_page_has_a_fault_for_screen_readers_or_scrolls_sideways(
    lively: Shop, open_page: Open, faults: Callable[..., list[str]], width: int, scheme: str
) -> None:
    # Of what axe looks at, only contrast depends on the colours.
    rules = () if scheme == "light" else (("color-contrast",),)
    page, found = open_page(lively[0], width=width, scheme=scheme), {}
    for path in PAGES:
        page.goto(lively[0] + path)
        page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true; })")
        wide = page.evaluate("document.documentElement.scrollWidth")
        cut = page.evaluate(BEYOND_THEIR_PANEL)
        if (wrong := faults(page, *rules)) or wide > width or cut:
            found[path] = (wide, wrong, cut)
    assert found == {}


def test_a_customer_is_picked_by_keyboard_with_one_enter(lively: Shop, open_page: Open) -> None:
    page = open_page(lively[0])
    page.get_by_role("combobox", name="Customer ID").press_sequentially("0003")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers/U*")
    expect(page.get_by_role("heading", name="Recommended for")).to_be_visible()


def test_a_rollback_with_a_wrong_key_marks_the_field_and_with_the_right_one_is_done(
    lively: Shop, open_page: Open
) -> None:
    address, registry = lively
    newer = registry.current_version()
    page = open_page(f"{address}/operations")
    page.get_by_role("link", name="Roll back").click()
    page.get_by_label("Admin key").fill("wrong")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_label("Admin key")).to_be_focused()
    expect(page.get_by_label("Admin key")).to_have_attribute("aria-invalid", "true")
    page.goto(f"{address}/customers")
    page.go_back()
    expect(page.get_by_label("Admin key")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Admin key").fill(KEY)
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("status").first).to_contain_text("Done: rolled back")
    assert registry.current_version() != newer
    serve_again(lively, str(newer))
    assert KEY not in page.url


def test_without_scripts_every_page_is_whole(lively: Shop, open_page: Open) -> None:
    page = open_page(f"{lively[0]}/docs", java_script_enabled=False)
    expect(page.get_by_text("/recommend", exact=True).first).to_be_visible()
    page.goto(f"{lively[0]}/operations")
    expect(page.get_by_text("training als")).to_be_visible()
    expect(page.get_by_text("File orders.csv").first).to_be_visible()


def test_a_page_that_loses_the_service_says_so(lively: Shop, open_page: Open) -> None:
    page = open_page("about:blank")
    page.clock.install()
    page.route("**/operations/progress", lambda route: route.fulfill(status=503, body="{}"))
    page.goto(f"{lively[0]}/operations")
    page.clock.run_for(1_000)
    expect(page.get_by_role("alert")).to_contain_text("connection to Aisle is lost")
    page.unroute("**/operations/progress")
    page.clock.run_for(1_000)
    expect(page.get_by_role("alert")).to_be_hidden()
    # A service that takes requests and never answers is as lost as one that is gone, and is so within two seconds.
    page.route("**/operations/progress", lambda route: None)
    page.clock.run_for(2_000)
    expect(page.get_by_role("alert")).to_be_visible()
    page.goto("about:blank")


def test_an_open_page_follows_what_is_changed_elsewhere(lively: Shop, open_page: Open) -> None:
    newer = str(lively.registry.current_version())
    watched, other = (open_page(f"{lively.address}/operations") for _ in range(2))
    expect(watched.locator(".now-release code")).to_have_text(newer)
    other.get_by_role("link", name="Roll back").click()
    other.get_by_label("Admin key").fill(KEY)
    other.get_by_role("button", name="Roll back").click()
    expect(other.get_by_role("status").first).to_contain_text("Done: rolled back")
    expect(watched.locator(".now-release code")).to_have_text(str(lively.registry.current_version()))
    serve_again(lively, newer)
    watched.goto("about:blank")


def test_a_shops_own_page_shows_a_list_and_survives_the_service_being_away(
    lively: Shop, shop_site: str, chromium: Browser
) -> None:
    page = chromium.new_page()
    told: list[Any] = []
    page.on("request", lambda asked: told.append(asked) if "/events" in asked.url and asked.method == "POST" else None)
    page.goto(f"{shop_site}/shop.html?aisle={lively[0]}&key=a-public-key")
    expect(page.locator("[data-aisle-product]")).to_have_count(4)
    with page.expect_response(lambda answer: "/events" in answer.url and answer.request.method == "POST") as answer:
        page.locator("[data-aisle-product] a").first.click()
    assert answer.value.status == 201
    (event,) = [each for each in told[-1].post_data_json if each["kind"] == "click"]
    assert event["user_id"].startswith("session-")
    assert event["request_id"]
    assert page.context.cookies() == []
    page.goto(f"{shop_site}/shop.html?aisle=http://127.0.0.1:9&key=a-public-key")
    expect(page.get_by_role("heading", name="Example shop")).to_be_visible()
    expect(page.locator("[data-aisle-product]")).to_have_count(0)
    page.close()


def test_a_shops_own_page_tells_of_every_act_and_loses_none_that_nobody_took(
    lively: Shop, shop_site: str, chromium: Browser
) -> None:
    page = chromium.new_page()
    page.add_init_script("navigator.sendBeacon = (url, body) => { window.beacon = url; return true; }")
    told: list[Any] = []
    page.on(
        "request",
        lambda asked: told.extend(asked.post_data_json) if "/events" in asked.url and asked.method == "POST" else None,
    )
    page.goto(f"{shop_site}/shop.html?aisle={lively[0]}&key=a-public-key")
    listed = page.locator("[data-aisle-product]")
    expect(listed).to_have_count(4)
    product = listed.first.get_attribute("data-aisle-product")
    for act in ("cart", "purchase"):
        with page.expect_response(lambda answer: "/events" in answer.url and answer.request.method == "POST"):
            page.evaluate(f"aisle.{act}({product!r})")
    assert {event["kind"] for event in told} == {"view", "cart", "purchase"}
    assert all(event["request_id"] for event in told if event["product_id"] == product)
    page.wait_for_function("localStorage.getItem('aisle.waiting') === '[]'")
    page.evaluate("Object.defineProperty(document, 'visibilityState', { value: 'hidden' }); aisle.cart('left')")
    assert "/events?key=a-public-key" in page.evaluate("window.beacon")
    assert not [event for event in told if event["product_id"] == "left"], "that beacon was lost"
    page.reload()
    page.wait_for_function("localStorage.getItem('aisle.waiting') === '[]'")
    assert {event["kind"] for event in told if event["product_id"] == "left"} == {"cart"}
    page.close()
