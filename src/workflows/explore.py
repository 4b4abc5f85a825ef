"""Look at the data before a model does: one page of figures, and what they mean for the models."""

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

_LOADS = 1_000  # of which the latest of each file counts
_TITLE_LENGTH = 120


def explore_store(settings: Settings, store: Store, path: Path, reporter: Reporter) -> Path:
    """Write the page about all that the store holds, whole or not at all, and keep its figures for the dashboard;
    returns its path.

    Raises NoData, StoreError, AisleError if it cannot be written.
    """
    started, changed_at = time.monotonic(), store.changed_at()
    data = stored_data(store, reporter)
    reporter.step(f"looking up {len(data.items):,} products")
    catalogue = read_catalogue(data.items, store.products)
    n_known = sum(len(products) for products in store.read_products())
    reporter.step(f"exploring {len(data):,} events")
    figures = profile_data(
        data,
        catalogue,
        store.journal.loads(_LOADS),
        relevant_rating=settings.relevant_rating,
        now=int(time.time()),
        n_known=n_known,
    )
    titles = _titles(store, figures)
    write_atomically(path, page(figures, titles))
    seconds = round(time.monotonic() - started, 3)
    SavedProfile(figures, titles, changed_at, seconds, tuple(describe_findings(figures))).write(settings.explored_path)
    return path


def page(figures: DataProfile, titles: Mapping[str, str]) -> str:
    """The page as HTML that stands alone. titles: product id → title, for those that have one."""
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
    """UTC seconds as 2024-05-31."""
    return str(np.datetime64(at, "s").astype("M8[D]"))


def _titles(store: Store, figures: DataProfile) -> dict[str, str]:
    shown = [
        product.product_id
        for top in (figures.most_looked_at, figures.most_bought, figures.most_rated)
        for product in top
    ]
    known = store.products(shown)
    return {id_: _cut(product.title) for id_, product in known.items() if product.title}


def _cut(title: str) -> str:
    return title if len(title) <= _TITLE_LENGTH else f"{title[: _TITLE_LENGTH - 1]}…"
