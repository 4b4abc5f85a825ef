"""The tab of releases: what is on disk, two of them compared, trainings."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from app.context import current_aisle
from app.routes.dashboard_pages import tab
from app.routes.run_outcomes import outcomes_of
from app.texts import current_phrases
from app.views.overview import Overview, overview
from app.views.product_cards import name_of
from src.core.errors import StoreError
from src.core.operation_records import ReleaseComparison


def releases() -> Response:
    """Show the releases, the comparison of the chosen ones, and the trainings."""
    aisle = current_aisle()
    shown = overview(aisle, current_phrases())
    versions = [release.version for release in shown.releases]
    previous = next(
        (release.version for release in shown.releases if release.is_previous), versions[-1] if versions else ""
    )
    current = shown.current.version if shown.current else ""
    chosen = {
        "one": request.args.get("one") or previous,
        "other": request.args.get("other") or current,
    }
    compared = _compared(chosen["one"], chosen["other"])
    return tab(
        "releases", o=shown, chosen=chosen, compared=compared, titles=_titles(compared), outcomes=_outcomes(shown)
    )


def _outcomes(shown: Overview) -> dict[str, dict[str, Any]]:
    """Return run → what is known of its release; of runs whose release is on disk."""
    aisle, t = current_aisle(), current_phrases()
    versions = {release.version for release in shown.releases}
    made = {run["run_id"]: run["release"] for run in (shown.scheduler or {}).get("runs", ())}
    try:
        return {id_: outcomes_of(aisle, id_, made[id_], t) for id_ in made if made[id_] in versions}
    except StoreError:
        return {}


def _compared(one: str, other: str) -> ReleaseComparison | None:
    try:
        return current_aisle().store.comparisons.get(one, other)
    except StoreError:
        return None


def _titles(compared: ReleaseComparison | None) -> dict[str, str]:
    """Return id → title of the products on the lists of a comparison."""
    if compared is None or compared.result is None:
        return {}
    lists: Any = compared.result["lists"]
    ids = {id_ for each in lists for side in ("one", "other") for id_ in each[side]}
    return {id_: name_of(product) for id_, product in current_aisle().store.products.get(ids).items()}
