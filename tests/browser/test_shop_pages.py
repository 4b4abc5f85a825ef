"""The shop's pages in a real browser: by keyboard, on a phone, in dark colours, for screen readers, without scripts."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect
from watching import Watched

Open = Callable[..., Page]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
BARE = "bare/id with a very long name that nobody breaks " + "x" * 60
PAGES = [
    "/",
    "/?user_id=U00003&product_id=P00012",
    "/?user_id=nobody&product_id=P00012",
    "/?user_id=U00003&product_id=coffee",
    "/?user_id=%00",
    "/shop/search",
    "/shop/search?q=paint",
    "/shop/search?q=paint&min_price=99999",
    "/shop/search?q=paint&min_price=cheap&max_price=-1",
    "/shop/products/P00012?user_id=U00003",
    f"/shop/products/{BARE}",
    "/shop/products/gone",
    "/shop/products/P000122",
    "/shop/nothing",
]


def test_a_user_is_picked_by_keyboard_and_her_list_is_shown(shop_url: str, open_page: Open) -> None:
    page = open_page(shop_url)
    field = page.get_by_role("combobox", name="User")
    field.focus()
    page.keyboard.type("u0000")
    options = page.get_by_role("option")
    expect(options).to_have_count(9)
    expect(page.get_by_role("status")).to_have_text("9 suggestions")
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_have_text("U00003")
    assert field.get_attribute("aria-activedescendant") == options.nth(2).get_attribute("id")
    page.keyboard.press("Enter")
    expect(field).to_have_value("U00003")
    expect(field).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="For U00003")).to_be_visible()
    assert page.get_by_role("article").count() == 12


def test_escape_closes_the_suggestions_and_leaves_the_text(shop_url: str, open_page: Open) -> None:
    page = open_page(shop_url)
    field = page.get_by_role("combobox", name="User")
    field.press_sequentially("U")
    expect(page.get_by_role("option")).to_have_count(10)
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("option", selected=True)).to_have_text("U00010")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(field).to_have_value("U")
    field.press_sequentially("zzz")
    expect(page.get_by_role("status")).to_have_text("No suggestion")


def test_a_product_is_picked_by_its_title_with_the_mouse_and_its_rating_is_shown(
    shop_url: str, open_page: Open
) -> None:
    page = open_page(f"{shop_url}/?user_id=U00003")
    title = page.get_by_role("article").first.get_by_role("heading").inner_text()
    page.get_by_role("combobox", name="Product").press_sequentially(title.lower())
    page.get_by_role("option").filter(has_text=title).first.click()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name=title, level=2)).to_be_visible()
    expect(page.get_by_role("img", name="of 5 stars")).to_be_visible()
    expect(page.get_by_text("is the rating we expect of U00003")).to_be_visible()


def test_a_suggestion_of_the_search_leads_to_the_product(shop_url: str, open_page: Open) -> None:
    page = open_page(f"{shop_url}/shop/search")
    page.get_by_role("combobox", name="What are you looking for?").press_sequentially("P00012")
    expect(page.get_by_role("option").first).to_contain_text("P00012")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/shop/products/P00012")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_enter_without_a_choice_searches_for_the_text(shop_url: str, open_page: Open) -> None:
    page = open_page(f"{shop_url}/shop/search")
    page.get_by_role("combobox", name="What are you looking for?").press_sequentially("coffee")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Best for “coffee”")).to_be_visible()
    page.get_by_role("article").first.get_by_role("link").click()
    page.wait_for_url("**/shop/products/*")


def test_all_works_without_scripts(shop_url: str, open_page: Open) -> None:
    page = open_page(shop_url, java_script_enabled=False)
    assert not page.get_by_label("Dark colours").is_visible()
    page.get_by_label("User", exact=True).fill("U00003")
    page.get_by_label("User", exact=True).press("Enter")
    assert page.get_by_role("heading", name="For U00003").is_visible()


def test_the_first_stop_of_the_keyboard_skips_to_the_content(shop_url: str, open_page: Open) -> None:
    page = open_page(shop_url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="User")).to_be_focused()


def background_of(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_colours_follow_the_system_until_a_theme_is_chosen(shop_url: str, open_page: Open) -> None:
    page = open_page(shop_url, scheme="dark")
    dark = background_of(page)
    switch = page.get_by_role("button", name="Dark colours")
    expect(switch).to_have_attribute("aria-pressed", "true")
    page.emulate_media(color_scheme="light")
    expect(switch).to_have_attribute("aria-pressed", "false")
    light = background_of(page)
    assert light != dark
    switch.click()
    assert background_of(page) == dark
    page.goto(f"{shop_url}/shop/search")
    assert background_of(page) == dark
    page.get_by_role("button", name="Dark colours").click()
    assert background_of(page) == light


def test_without_scripts_the_dark_of_the_system_counts(shop_url: str, open_page: Open) -> None:
    page = open_page(shop_url, scheme="dark", java_script_enabled=False)
    page.screenshot()  # scripts are off for the test, too: what is drawn is looked at
    shot = page.screenshot(clip={"x": 2, "y": 800, "width": 1, "height": 1})
    bright = open_page(shop_url, java_script_enabled=False).screenshot(clip={"x": 2, "y": 800, "width": 1, "height": 1})
    assert shot != bright


def test_a_product_with_a_picture_shows_it(shop_url: str, open_page: Open) -> None:
    page = open_page(f"{shop_url}/shop/products/pictured", picture=PIXEL)
    expect(page.locator(".tile-large img")).to_be_visible()
    assert page.evaluate("document.querySelector('.tile-large img').naturalWidth") == 1


def test_a_picture_that_cannot_be_loaded_leaves_the_tile(shop_url: str, open_page: Open) -> None:
    page = open_page(f"{shop_url}/?user_id=picture-lover", picture=b"no picture")
    expect(page.get_by_text("Mug with a picture").first).to_be_visible()
    page.locator(".rows").scroll_into_view_if_needed()
    expect(page.locator(".tile img")).to_have_count(0)


@pytest.mark.parametrize("path", PAGES)
def test_on_a_phone_no_page_scrolls_sideways_and_targets_are_large_enough(
    shop_url: str, open_page: Open, path: str
) -> None:
    page = open_page(shop_url + path, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    low = page.evaluate(
        """() => [...document.querySelectorAll("button, input, .nav-place, .chip, .brand")]
            .filter(each => each.checkVisibility() && each.type !== "checkbox")
            .map(each => [each.outerHTML.slice(0, 60), each.getBoundingClientRect().height])
            .filter(([, height]) => height < 44)"""
    )
    assert low == []


def test_axe_sees_a_field_without_a_label(shop_url: str, open_page: Open, faults: Callable[[Page], list[str]]) -> None:
    page = open_page(shop_url)
    page.evaluate("document.querySelector('label[for=user_id]').remove()")
    page.locator("#user_id").evaluate("field => field.removeAttribute('placeholder')")
    assert any("#user_id" in found for found in faults(page))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_no_serious_fault(
    shop_url: str, open_page: Open, faults: Callable[[Page], list[str]], path: str, scheme: str
) -> None:
    assert faults(open_page(shop_url + path, scheme=scheme)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_open_suggestions(
    shop_url: str, open_page: Open, faults: Callable[[Page], list[str]], scheme: str
) -> None:
    page = open_page(shop_url, scheme=scheme)
    page.get_by_role("combobox", name="Product").press_sequentially("P0001")
    expect(page.get_by_role("option")).not_to_have_count(0)
    page.keyboard.press("ArrowDown")
    assert faults(page) == []


def test_a_policy_that_was_broken_would_be_heard(chromium: Browser, shop_url: str) -> None:
    watched, page = Watched(), chromium.new_page()
    watched.watch(page)
    page.goto(shop_url)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"http://elsewhere.example/x.png\">')")
    page.wait_for_function("document.querySelector('img[src*=elsewhere]').complete")
    assert any("Content Security Policy" in said for said in watched.said)
    page.close()


def test_before_any_release_the_page_says_what_to_do(
    untrained_url: str, open_page: Open, faults: Callable[[Page], list[str]]
) -> None:
    page = open_page(untrained_url)
    expect(page.get_by_role("alert")).to_contain_text("python train_model.py")
    assert faults(page) == []
