"""Take a picture of every page at 1280 and 390 pixels, light and dark: python -m bench.screenshots [--folder FOLDER].

The pages are those of the shop in AISLE_VAR. Chromium and the development requirements are needed.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from app import create_app
from app.context import AisleContext, context_of
from src.core.errors import NoRelease
from src.models.settings import read_settings

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_WIDTHS, _SCHEMES = (1280, 390), ("light", "dark")
_HEIGHT = 900


def pages_of(user: str, product: str) -> dict[str, str]:
    """Return name → path of every page, with a customer and a product of the shop."""
    return {
        "overview": "/",
        "customers": "/customers",
        "customer": f"/customers/{user}?product_id={product}",
        "products": "/shop/search",
        "search": "/shop/search?q=set",
        "nothing": "/shop/search?q=xqzvw",
        "product": f"/shop/products/{product}?user_id={user}",
        "now": "/operations",
        "business": "/operations/business",
        "quality": "/operations/quality",
        "releases": "/operations/releases",
        "data": "/operations/data",
        "rules": "/operations/rules",
        "train": "/operations/do/train",
        "rollback": "/dashboard/releases/rollback",
        "api": "/docs",
    }


def take(
    browser: Browser,
    address: str,
    pages: dict[str, str],
    folder: Path,
    language: str,
    widths: tuple[int, ...] = _WIDTHS,
) -> None:
    """Write NAME-WIDTH-SCHEME.png of every page into a folder.

    Args:
        browser: takes the pictures.
        address: of the service.
        pages: name → path.
        folder: where the pictures are written.
        language: of the browser.
        widths: of its window, in pixels.
    """
    for width in widths:
        for scheme in _SCHEMES:
            context: Any = browser.new_context(
                viewport={"width": width, "height": _HEIGHT}, color_scheme=scheme, locale=language
            )
            page = context.new_page()
            for name, path in pages.items():
                page.goto(address + path)
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
            context.close()


def chromium_path() -> str:
    """Return the path of Chromium. Ends the program where there is none."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        sys.exit("error: no Chromium on this machine: apt-get install chromium")
    return found


def _examples(aisle: AisleContext) -> tuple[str, str]:
    """Return a customer and a product; ids that nobody has where no release is active."""
    try:
        user = next(iter(aisle.typeahead.examples(1)), "nobody")
        return user, next((row.product_id for row in aisle.recommender.popular(1, None, None)[1]), "nothing")
    except NoRelease:
        return "nobody", "nothing"


@contextmanager
def served_shop(var: Path | None = None) -> Iterator[tuple[Flask, str, str, str]]:
    """Serve the shop of a folder, else of AISLE_VAR: (application, address, a customer, a product)."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = create_app(read_settings(scheduler="off", **({} if var is None else {"var": var})))
    aisle = context_of(app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    user, product = _examples(aisle)
    yield app, f"http://127.0.0.1:{server.port}", user, product
    server.shutdown()
    aisle.store.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--only", nargs="*", help="names of pages")
    parser.add_argument("--language", default="en-US", help="of the browser, such as de-DE")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with served_shop() as (_, address, user, product), sync_playwright() as playwright:
        pages = pages_of(user, product)
        wanted = {name: path for name, path in pages.items() if not arguments.only or name in arguments.only}
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"])
        take(browser, address, wanted, arguments.folder, arguments.language)
        browser.close()
    print(f"{len(wanted) * len(_WIDTHS) * len(_SCHEMES)} pictures: {arguments.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
