"""An experiment is begun and ended on the pages, without scripts, by somebody who errs once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lively_shop import KEY, Shop
from playwright.sync_api import Page, expect


def test_an_experiment_is_begun_and_ended_without_scripts(lively: Shop, open_page: Callable[..., Page]) -> None:
    page: Any = open_page(f"{lively.address}/operations/experiments", java_script_enabled=False)
    page.get_by_role("link", name="Begin an experiment").click()
    page.get_by_label("Name of the experiment").fill("Summer sale")
    page.get_by_label("Lists come from").nth(1).select_option("model:popularity")
    page.get_by_label("Admin key").fill(KEY)
    page.get_by_role("button", name="Begin the experiment").click()
    name = page.get_by_label("Name of the experiment")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description(re.compile("Use a to z, 0 to 9"))
    expect(page.get_by_label("Lists come from").nth(1)).to_have_value("model:popularity")
    name.fill("summer-sale")
    page.get_by_label("Admin key").fill(KEY)
    page.get_by_role("button", name="Begin the experiment").click()
    expect(page.get_by_role("status").first).to_have_text("The experiment summer-sale has begun.")
    page.get_by_role("link", name="End the experiment").click()
    page.get_by_label("Admin key").fill(KEY)
    page.get_by_role("button", name="End the experiment").click()
    expect(page.get_by_role("status").first).to_have_text("The experiment summer-sale was ended.")
