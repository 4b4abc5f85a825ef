"""Write a page of statistics about the stored data and what they mean for the models."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from src.core.number_format import percent, share_of
from src.core.progress import Reporter
from src.core.settings import Settings
from src.exploration.data_profile import profile_data, read_catalogue
from src.exploration.findings import describe_findings
from src.exploration.profile_types import DataProfile
from src.exploration.saved_profile import SavedProfile, write_atomically
from src.store import Store
from src.workflows.fit import stored_data
from src.workflows.shop_figures import save_shop

_LOADS = 1_000  # the newest loads; of each file, the latest counts
_TITLE_LENGTH = 120


def explore_store(settings: Settings, store: Store, path: Path, reporter: Reporter) -> Path:
    """Write an HTML page about the whole store atomically, and save its figures for the dashboard.

    Returns:
        `path`.

    Raises:
        NoData: the store holds no events.
        StoreError: the store does not answer.
        AisleError: the page cannot be written.
    """
    started, changed_at = time.monotonic(), store.events.changed_at()
    data = stored_data(store, reporter)
    reporter.step(f"looking up {len(data.items):,} products")
    catalogue = read_catalogue(data.items, store.products.get)
    n_known = sum(len(products) for products in store.products.read())
    reporter.step(f"exploring {len(data):,} events")
    figures = profile_data(
        data,
        catalogue,
        store.runs.loads(_LOADS),
        relevant_rating=settings.relevant_rating,
        now=int(time.time()),
        zone=settings.zone,
        n_known=n_known,
    )
    titles = _titles(store, figures)
    write_atomically(path, page(figures, titles))
    save_shop(settings, store, data, changed_at, reporter)
    seconds = round(time.monotonic() - started, 3)
    SavedProfile(figures, titles, changed_at, seconds, tuple(describe_findings(figures))).write(settings.explored_path)
    return path


def page(figures: DataProfile, titles: Mapping[str, str]) -> str:
    """Render the page as one HTML file that needs no other file.

    Args:
        figures: what is shown.
        titles: product id → title, for products that have one.

    Returns:
        The HTML.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number="{:,}".format, percent=percent, day=_day, share_of=share_of, rating="{:.2f}".format
    )
    return environment.get_template("exploration.html").render(
        e=figures, remarks=describe_findings(figures), titles=titles
    )


def _day(at: int) -> str:
    """Return UTC seconds as 2024-05-31."""
    return str(np.datetime64(at, "s").astype("M8[D]"))


def _titles(store: Store, figures: DataProfile) -> dict[str, str]:
    """Return product id → shortened title of the products that the page names."""
    shown = [
        product.product_id
        for top in (figures.most_looked_at, figures.most_bought, figures.most_rated)
        for product in top
    ]
    known = store.products.get(shown)
    return {id_: _cut(product.title) for id_, product in known.items() if product.title}


def _cut(title: str) -> str:
    return title if len(title) <= _TITLE_LENGTH else f"{title[: _TITLE_LENGTH - 1]}…"
