"""Offline figures of a release against popularity, what became of served lists, and scores on new events."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

from app.texts.phrases import Phrases
from app.views.svg_charts import Interval, Line, Point, intervals, line, place
from src.core.domain import JsonDict
from src.core.records import Score, ServedFigures
from src.evaluation.task_lists import K
from src.models import POPULARITY
from src.releases.manifest import Manifest


@dataclass(frozen=True)
class ListRow:
    """Figures of one model's lists.

    Attributes:
        name: The model.
        is_served: Whether its lists are the served ones.
        ndcg: NDCG@10: value, low, high.
        at: The same as coordinates of the chart.
        outcome: Against popularity: better, worse, unclear; "" for popularity itself.
        gain: Difference of NDCG@10 to popularity over the same users: value, low, high.
        recall: Recall@10.
        hit_rate: Share of lists with a hit in the first 10.
        coverage: Share of the items that are on any list.
    """

    name: str
    is_served: bool
    ndcg: Mapping[str, float]
    at: Interval
    outcome: str
    gain: Mapping[str, float]
    recall: float
    hit_rate: float
    coverage: float


@dataclass(frozen=True)
class RatingRow:
    """Figures of one model's predicted ratings; at: the RMSE as coordinates of the chart."""

    name: str
    is_served: bool
    rmse: Mapping[str, float]
    at: Interval
    mae: float


@dataclass(frozen=True)
class ModelReport:
    """Offline figures of a release.

    Attributes:
        protocol: How they were measured, as a sentence.
        verdict: The decision of the promotion gate, as a sentence.
        lists: Figures of lists, best first.
        list_top: The number at the right edge of the chart of lists.
        popularity: Coordinate of popularity's NDCG@10; None without it.
        times: NDCG@10 of the served list divided by popularity's; None if one is missing or 0.
        ratings: Figures of predicted ratings, best first.
        rating_top: The number at the right edge of the chart of ratings.
    """

    protocol: str
    summary: str
    lists: list[ListRow]
    list_top: float
    popularity: float | None
    times: float | None
    ratings: list[RatingRow]
    rating_top: float

    @property
    def served(self) -> ListRow | None:
        """The row of the list that is served."""
        return next((row for row in self.lists if row.is_served), None)

    @property
    def bestsellers(self) -> ListRow | None:
        """The row of popularity's list."""
        return next((row for row in self.lists if row.name == POPULARITY), None)


def model_report(document: JsonDict | None, manifest: Manifest, t: Phrases) -> ModelReport | None:
    """Return the figures of a report.json; None without one that this version can read."""
    try:
        return _report(dict(document or {}), manifest, t)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _report(document: dict[str, Any], manifest: Manifest, t: Phrases) -> ModelReport:
    lists = sorted(document["lists"].items(), key=lambda entry: -entry[1]["ndcg_at_10"]["value"])
    ratings = sorted(document["ratings"].items(), key=lambda entry: entry[1]["rmse"]["value"])
    list_places, list_top = intervals([_three(figures["ndcg_at_10"]) for _, figures in lists])
    rating_places, rating_top = intervals([_three(figures["rmse"]) for _, figures in ratings])
    rows = [_list_row(name, its, at, manifest) for (name, its), at in zip(lists, list_places, strict=True)]
    by_name = {row.name: row for row in rows}
    bar, served = by_name.get(POPULARITY), next((row for row in rows if row.is_served), None)
    times = served.ndcg["value"] / bar.ndcg["value"] if served and bar and bar.ndcg["value"] > 0 else None
    return ModelReport(
        protocol=_protocol(document, t),
        summary=manifest.summary,
        lists=rows,
        list_top=list_top,
        popularity=bar.at.value if bar else None,
        times=times,
        ratings=[
            RatingRow(name, name == manifest.rating_model, its["rmse"], at, its["mae"]["value"])
            for (name, its), at in zip(ratings, rating_places, strict=True)
        ],
        rating_top=rating_top,
    )


def _protocol(document: Mapping[str, Any], t: Phrases) -> str:
    """Return how the figures were measured, in words."""
    figures: dict[str, object] = {name: document[name] for name in ("n_train", "n_test", "n_items")}
    figures |= {"n_users": document["n_ranked_users"], "rating": t.axis(document["relevant_rating"])}
    if document["how"] == "time":
        return t("quality.by_time", at=t.event_moment(document["cut"] or 0), **figures)
    return t("quality.by_chance", **figures)


def _list_row(name: str, its: Mapping[str, Any], at: Interval, manifest: Manifest) -> ListRow:
    gain = its["beyond_popularity"]
    outcome = "" if name == POPULARITY else "better" if gain["low"] > 0 else "worse" if gain["high"] < 0 else "unclear"
    return ListRow(
        name=name,
        is_served=name == manifest.default_model,
        ndcg=its["ndcg_at_10"],
        at=at,
        outcome=outcome,
        gain=gain,
        recall=its["recall_at_10"]["value"],
        hit_rate=its["hit_rate_at_10"]["value"],
        coverage=its["coverage"],
    )


def _three(estimate: Mapping[str, float]) -> tuple[float, float, float]:
    return estimate["value"], estimate["low"], estimate["high"]


@dataclass(frozen=True)
class ListOutcomes:
    """How many places of lists were shown, clicked and bought, of one source, placement or position (name)."""

    name: str
    shown: int
    clicked: int
    bought: int

    def interval(self, t: Phrases) -> str:
        """Return the 95 % interval of the share that was clicked, in words."""
        low, high = wilson(self.clicked, self.shown)
        return f"[{t.percent(low)}, {t.percent(high)}]"


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927), which holds for small numbers too.

    Args:
        part: how many.
        whole: of how many.

    Returns:
        Its ends; 0 to 1 for nothing at all.
    """
    if not whole:
        return 0.0, 1.0
    z, share = 1.96, min(part, whole) / whole
    middle = share + z * z / (2 * whole)
    reach = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    low, high = ((middle - reach) / (1 + z * z / whole), (middle + reach) / (1 + z * z / whole))
    return max(low, 0.0), min(high, 1.0)


def list_outcomes(figures: Sequence[ServedFigures]) -> tuple[list[ListOutcomes], ...]:
    """Sum the lists of recommendations, for users and of products, over all releases, by source, placement, place."""
    listed = [row for row in figures if row.made_for != "text"]
    placements = sorted({row.placement for row in listed})
    by_placement = [_sum(name, [row for row in listed if row.placement == name]) for name in placements]
    sources = sorted({row.source for row in listed})
    by_source = [_sum(name, [row for row in listed if row.source == name]) for name in sources]
    positions = sorted({row.position for row in listed if row.position <= K})
    by_position = [_sum(str(place), [row for row in listed if row.position == place]) for place in positions]
    by_shown = [sorted(rows, key=lambda row: -row.shown) for rows in (by_source, by_placement)]
    return by_shown[0], by_shown[1], by_position


def _sum(name: str, rows: Sequence[ServedFigures]) -> ListOutcomes:
    shown, clicked, bought = (sum(getattr(row, what) for row in rows) for what in ("shown", "clicked", "bought"))
    return ListOutcomes(name, shown, clicked, bought)


@dataclass(frozen=True)
class Nights:
    """Scores of the served releases on new events.

    Attributes:
        scores: The scores, oldest first.
        lists: Chart of NDCG; None if it was never measured.
        ratings: Chart of RMSE; None if it was never measured.
        n_gaps: Number of scores without a figure.
        changes: (UTC seconds, release) of the scores at which another release was served than before.
    """

    scores: list[Score]
    lists: Line | None
    ratings: Line | None
    n_gaps: int
    changes: list[tuple[int, str]]


def nights(newest_first: Sequence[Score], fall: float) -> Nights | None:
    """Return the series of scores.

    Args:
        newest_first: the scores.
        fall: AISLE_DRIFT_FALL: the share of the usual figure that may be lost.

    Returns:
        None without a score.
    """
    scores = list(newest_first)[::-1]
    if not scores:
        return None
    changes = [(after.at, after.release) for before, after in pairwise(scores) if before.release != after.release]
    listed = [Point(score.at, score.ndcg_at_10, score.ndcg_low, score.ndcg_high) for score in scores]
    rated = [Point(score.at, score.rmse) for score in scores]
    gaps = sum(score.ndcg_at_10 is None and score.rmse is None for score in scores)
    lists, ratings = line(listed, changes, f"NDCG@{K}"), line(rated, changes, "RMSE")
    usual = [score.ndcg_at_10 for score in newest_first[1:15] if score.ndcg_at_10 is not None]
    if lists is not None and len(usual) >= 3:  # as detect_drift does
        lists = replace(lists, bound=place(100 - 100 * median(usual) * (1 - fall) / lists.top))
    return Nights(scores, lists, ratings, gaps, changes)
