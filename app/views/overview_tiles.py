"""The three figures of the overview: against bestsellers, clicks, products covered."""

from __future__ import annotations

import time
from dataclasses import dataclass

from flask import url_for

from app.context import AisleContext
from app.texts.phrases import Phrases
from app.views.model_report import list_outcomes, model_report
from src.core.errors import StoreError
from src.core.shop_days import shop_day

_DAYS = 30


@dataclass(frozen=True)
class Tile:
    """A figure: its name, its value, what it means, and the page with more."""

    name: str
    value: str
    about: str
    href: str = ""


def overview_tiles(aisle: AisleContext, t: Phrases) -> list[Tile]:
    """Return the three figures of the overview, and one of returns in a shop that has any."""
    release = aisle.recommender.release()
    report = model_report(aisle.registry.report(release.version), release.manifest, t)
    served, quality = report.served if report else None, url_for("dashboard.quality")
    if report and report.times and served and served.outcome:
        value, about = str(t("tile.against_value", x=t.number(report.times, 2))), t("tile.against_about")
    else:
        value, about = "–", t("tile.same" if served else "tile.not_measured")
    covered = t.percent(served.coverage, 0) if served else "–"
    return [
        Tile(t("tile.against"), value, about, quality),
        _clicks(aisle, t),
        Tile(t("tile.covered"), covered, t("tile.covered_about" if served else "tile.not_measured"), quality),
        *_returns(aisle, t),
    ]


def _returns(aisle: AisleContext, t: Phrases) -> list[Tile]:
    directory = aisle.directory.current()
    sold, returned = directory.sold_and_returned if directory else (0.0, 0.0)
    if not returned:
        return []
    about = t("tile.returned_about", n=round(returned), all=round(sold))
    return [Tile(t("tile.returned"), t.share(returned, sold), about, url_for("dashboard.data"))]


def _clicks(aisle: AisleContext, t: Phrases) -> Tile:
    since = shop_day(time.time(), aisle.settings.zone) - _DAYS + 1
    try:
        by_placement = list_outcomes(aisle.store.served_lists.figures(since))[1]
    except StoreError:
        by_placement = []
    clicked, shown = sum(row.clicked for row in by_placement), sum(row.shown for row in by_placement)
    if clicked:
        about = t("tile.clicks_about", share=t.share(clicked, shown), n=shown)
    else:
        about = t("tile.no_clicks_yet" if aisle.settings.log_served == "on" else "tile.no_clicks")
    return Tile(t("tile.clicks"), t.number(clicked) if clicked else "–", about, url_for("dashboard.business"))
