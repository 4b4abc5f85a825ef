"""Take pictures of shops that strain the pages: python -m bench.odd_shops [--folder FOLDER] [--shop NAME …].

Each shop is written as files, loaded and trained in a folder of its own: an empty one, one without prices, one of three
products, one of long titles in many scripts, one of thousands of customers, products and rules. It is pictured at 375,
768 and 1280 pixels, light and dark, in English and German. Chromium and the development requirements are needed.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench.screenshots import chromium_path, pages_of, served_shop, take
from src.core.shop_rules import MAX_RULES
from src.models.settings import read_settings
from src.store import open_store

_QUICK = {
    "AISLE_SVD_FACTORS": "4", "AISLE_SVD_EPOCHS": "3", "AISLE_ALS_FACTORS": "4", "AISLE_ALS_ITERATIONS": "2",
    "AISLE_SPECTRAL_RANK": "8", "AISLE_TUNE_SECONDS": "0", "AISLE_PREPARE_SECONDS": "0", "AISLE_RANKER": "off",
}  # fmt: skip
_WIDTHS, _LANGUAGES = (375, 768, 1280), ("en-US", "de-DE")
_LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 4
_TITLES = (
    "سماعات لاسلكية مقاومة للماء مع علبة شحن وميكروفون مدمج",
    "防水蓝牙耳机,带充电盒和内置麦克风,适合运动和旅行使用",
    "Беспроводные водонепроницаемые наушники с зарядным футляром",
    "여행용 방수 블루투스 헤드폰",
    "अंतर्निहित माइक्रोफ़ोन वाले वाटरप्रूफ वायरलेस हेडफ़ोन",
    "👩‍👩‍👧‍👦 🎧 <b>Bold</b> & \"quotes\" 'here'",
    _LONG,
    "A very long title of a product " * 12,
)
_Rows = Iterator[tuple[object, ...]]


def _orders(users: int, products: int, name: Callable[[int], str] = "U{:05d}".format) -> _Rows:
    """Return orders of customers who each keep to a corner of the catalogue."""
    for user in range(users):
        for step in range(4):
            product = (user * 7 + step * step + user * step % 3) % products
            yield (
                name(user),
                f"P{product:05d}",
                1 + step % 2,
                f"2026-{1 + user % 9:02d}-{1 + (user + step * 5) % 28:02d}",
            )


def _catalogue(products: int, title: Callable[[int], str], *, priced: bool = True) -> _Rows:
    for product in range(products):
        category = _LONG if product % 8 == 7 and title(product) in _TITLES else f"Department {product % 12}"
        yield f"P{product:05d}", title(product), category, f"{4 + product % 90}.95" if priced else ""


def _plain(product: int) -> str:
    colour, noun = (
        ("red", "blue", "green", "black", "white")[product % 5],
        ("lamp", "chair", "cup", "shelf")[product % 4],
    )
    return f"{colour} {noun} {product}"


SHOPS: dict[str, tuple[_Rows, _Rows] | None] = {
    "empty": None,
    "unpriced": (_orders(60, 30), _catalogue(30, _plain, priced=False)),
    "three": (_orders(12, 3), _catalogue(3, _plain)),
    "scripts": (
        _orders(80, 40, lambda user: f"kundin-{user}-" + "ü長" * 60 if user % 2 else f"U{user:05d}"),
        _catalogue(40, lambda product: _TITLES[product % len(_TITLES)]),
    ),
    "many": (_orders(6_000, 3_000), _catalogue(3_000, _plain)),
}
"""Name → orders and catalogue; None for a shop that holds nothing."""


def _write(path: Path, head: tuple[str, ...], rows: _Rows) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return str(path)


def make(name: str, var: Path) -> None:
    """Load and train a shop.

    Args:
        name: of the shop.
        var: its folder; one that exists stays as it is.
    """
    if var.exists() or (rows := SHOPS[name]) is None:
        return
    var.mkdir(parents=True)
    files = (
        _write(var / "orders.csv", ("customer", "sku", "quantity", "date"), rows[0]),
        _write(var / "products.csv", ("sku", "title", "category", "price"), rows[1]),
    )
    environment = os.environ | _QUICK | {"AISLE_VAR": str(var)}
    for step in (["data_processing.py", *files], ["train_model.py", "--force"], ["data_processing.py", "--explore"]):
        subprocess.run([sys.executable, *step], check=True, env=environment, stdout=subprocess.DEVNULL)
    store = open_store(read_settings(var=var).store_url)
    if name == "many":
        rules = [{"action": "exclude", "product_id": f"P{at:05d}"} for at in range(MAX_RULES // 2)]
        store.rules.save(rules, "the night shift", "many rules", None)
    store.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("var/odd-shops"))
    parser.add_argument("--shop", nargs="*", choices=SHOPS, default=list(SHOPS))
    arguments = parser.parse_args()
    for name in arguments.shop:
        make(name, arguments.folder / name / "var")
        with (
            served_shop(arguments.folder / name / "var") as (_, address, user, product),
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(
                executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"]
            )
            for language in _LANGUAGES:
                folder = arguments.folder / name / language
                folder.mkdir(parents=True, exist_ok=True)
                take(browser, address, pages_of(user, product), folder, language, _WIDTHS)
            browser.close()
        print(f"{name}: {arguments.folder / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
