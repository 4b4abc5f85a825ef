"""Read the address of a product's image. Pure; never raises."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from urllib.parse import urlsplit

from src.ingestion.text_cleaning import has_value, list_items, normalize_cell

URL_LIMIT = 2_000  # characters
_BETWEEN_URLS = re.compile(r"(?<![\s|,;])[\s|,;]+(?=https?://)", re.IGNORECASE)
_NOT_IN_URLS = re.compile('[\x00-\x20\x7f-\xa0<>"\\\\^`{|}\ud800-\udfff]')
_URL_KEYS = (
    "hi_res",
    "original",
    "full",
    "zoom",
    "large",
    "big",
    "url",
    "src",
    "medium",
    "small",
    "thumb",
    "thumbnail",
)


def clean_image(cell: object, mended: Counter[str]) -> str | None:
    """Return the first valid address; of images in several sizes the largest one of the main image.

    Args:
        cell: The raw cell: an address, a list of them, or dicts of sizes and variants.
        mended: An unusable cell is counted here.

    Returns:
        An http(s) address, or a path on the shop's site; None if there is none.
    """
    cell = normalize_cell(cell)
    if cell is None:
        return None
    has_address = False
    for raw in _addresses(cell):
        has_address = True
        if url := _url(raw):
            return url
    if has_address or has_value(cell):
        mended["image is no address: left empty"] += 1
    return None


def _addresses(cell: object) -> Iterator[str]:
    images: list[object] = []
    for item in map(normalize_cell, list_items(cell)):
        images.extend(_images(item) if isinstance(item, dict) else list_items(item))
    for image in sorted(images, key=_is_other_view):
        sizes = [image.get(key) for key in _URL_KEYS] if isinstance(image, dict) else [image]
        for address in map(normalize_cell, sizes):
            if isinstance(address, str):
                yield from _BETWEEN_URLS.split(address)


def _images(columns: dict[str, object]) -> list[object]:
    """Return a dict for each image, also out of a dict of lists, as columnar files have them."""
    cells = {key: normalize_cell(columns.get(key)) for key in (*_URL_KEYS, "variant")}
    lists = {key: list_items(cell) for key, cell in cells.items() if cell is not None}
    return [dict(zip(lists, row, strict=True)) for row in zip_longest(*lists.values())]


def _is_other_view(image: object) -> bool:
    return isinstance(image, dict) and image.get("variant") not in ("MAIN", "main")


def _url(raw: str) -> str | None:
    """Return an http(s) address, or a path on the shop's own site; None for anything else."""
    url = raw.strip().replace("&amp;", "&").replace(" ", "%20")
    if url.startswith("//"):
        url = f"https:{url}"
    if len(url) > URL_LIMIT or _NOT_IN_URLS.search(url):
        return None
    if url.startswith("/"):
        return url if len(url) > 1 else None
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return None
    return url if is_address else None
