"""Score a release on events that came after it was trained, and detect that its scores got worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

import numpy as np

from src.core.domain import FloatArray
from src.core.records import Score
from src.evaluation.metrics import estimate_rmse_mae, estimates, ranking_metrics
from src.evaluation.protocols import ranking_task
from src.evaluation.task_lists import K, RankingTask, query_for_new
from src.interactions.interactions import Interactions
from src.interactions.splits import Split
from src.models import POPULARITY
from src.recommendation.pipeline import Pipeline

SCORES_READ = 200
"""Number of the newest scores that are read to detect drift."""
_MIN_USERS, _MIN_RATINGS = 30, 50
_MIN_SCORES, _WINDOW = 3, 14  # earlier scores that the median is taken over


def score_of(
    pipeline: Pipeline, parts: Split, *, at: int, release: str, relevant_rating: float, max_users: int
) -> Score:
    """Measure a release on new events, by the lists and the ratings that it serves.

    Lists are made of the histories of its training data. A new event of a product that the release does not know is a
    miss of its lists.

    Args:
        pipeline: the pipeline of the release.
        parts: train is what the release was trained on, test what came since, over any vocabularies.
        at: moment of the score, in UTC seconds.
        release: version of the release.
        relevant_rating: the lowest rating that makes a product relevant.
        max_users: how many users are sampled.

    Returns:
        The score, without a message. Figures without events to measure them by are None.
    """
    figures = _list_figures(pipeline, parts, ranking_task(parts, relevant_rating, max_users))
    rated = parts.test.ratings
    if len(rated) and pipeline.rater not in (None, POPULARITY):
        rmse, _ = estimate_rmse_mae(rated.user_idx, _predicted(pipeline, rated) - rated.value)
        figures |= {"n_ratings": len(rated), "rmse": rmse.value, "rmse_low": rmse.low}
    return Score(at, release, n_events=len(parts.test), **figures)  # type: ignore[arg-type]


def _list_figures(pipeline: Pipeline, parts: Split, task: RankingTask) -> dict[str, float | int]:
    """Return the fields of a Score that measure lists; empty without a user to measure them by."""
    if not len(task.user_idx):
        return {}
    hits = np.zeros((len(task.user_idx), K), np.bool_)
    listed: set[str] = set()
    for row, (user, history) in enumerate(zip(task.user_idx.tolist(), task.histories, strict=True)):
        recommended = pipeline.recommend(query_for_new(parts.test.users.id_of(user), history))
        ids = [recommendation.product_id for recommendation in recommended]
        listed.update(ids)
        hits[row, : len(ids)] = [parts.test.items.idx_of(id_) in task.relevant[row] for id_ in ids]
    metrics = estimates(ranking_metrics(hits, np.array([len(products) for products in task.relevant])))
    ndcg = metrics["ndcg"]
    return {
        "n_users": len(task.user_idx),
        "recall_at_10": metrics["recall"].value,
        "ndcg_at_10": ndcg.value,
        "ndcg_low": ndcg.low,
        "ndcg_high": ndcg.high,
        "coverage": len(listed) / max(len(pipeline.items), 1),
    }


def _predicted(pipeline: Pipeline, rated: Interactions) -> FloatArray:
    """Return float[n] ratings that the release predicts for the pairs of `rated`."""
    user = rated.users.rows_in(pipeline.users, rated.user_idx)
    item = rated.items.rows_in(pipeline.items, rated.item_idx)
    return np.asarray(pipeline.raters[str(pipeline.rater)].rate(user, item))


class DriftKind(StrEnum):
    """The figure that got worse: LISTS is NDCG@10 falling, RATINGS is RMSE rising."""

    LISTS = "lists"
    RATINGS = "ratings"


@dataclass(frozen=True)
class Drift:
    """A release that does significantly worse on new events than it usually did.

    Attributes:
        kind: the figure that got worse.
        now: its estimate on the new events.
        now_at_best: the end of its 95 % interval that is nearest to `before`; it is beyond `bound`.
        before: the median of the earlier scores.
        bound: the worst value that is no drift.
    """

    kind: DriftKind
    now: float
    now_at_best: float
    before: float
    bound: float


def detect_drift(score: Score, before: Sequence[Score], tolerance: float) -> Drift | None:
    """Compare a score with the median of the earlier ones; lists are looked at first.

    Only a whole interval beyond the bound counts, as the few events of one day make an estimate jump.

    Args:
        score: the score to judge.
        before: earlier scores, newest first.
        tolerance: the share of the usual figure that it may lose, or that an error may gain.

    Returns:
        The drift; None if the score is as usual, or if there are too few earlier scores, users or ratings to tell.
    """
    usual = _usual([each.ndcg_at_10 for each in before if each.n_users >= _MIN_USERS])
    if usual is not None and score.n_users >= _MIN_USERS and score.ndcg_high is not None:
        bound = (1 - tolerance) * usual
        if score.ndcg_high < bound:
            return Drift(DriftKind.LISTS, score.ndcg_at_10 or 0.0, score.ndcg_high, usual, bound)
    usual = _usual([each.rmse for each in before if each.n_ratings >= _MIN_RATINGS])
    if usual is not None and score.n_ratings >= _MIN_RATINGS and score.rmse_low is not None:
        bound = (1 + tolerance) * usual
        if score.rmse_low > bound:
            return Drift(DriftKind.RATINGS, score.rmse or 0.0, score.rmse_low, usual, bound)
    return None


def _usual(figures: Sequence[float | None]) -> float | None:
    """Return the median of the first _WINDOW figures that are neither None nor 0; None if they are too few."""
    known = [figure for figure in figures if figure][:_WINDOW]
    return median(known) if len(known) >= _MIN_SCORES else None


def describe_drift(drift: Drift) -> str:
    """Return a sentence for people, without a full stop."""
    if drift.kind is DriftKind.LISTS:
        what, changed, best, expected = f"NDCG@{K} on new events", "fell", "at most", "at least"
    else:
        what, changed, best, expected = "RMSE on new ratings", "rose", "at least", "at most"
    return (
        f"{what} {changed} to {drift.now:.4f} ({best} {drift.now_at_best:.4f}), where it was {drift.before:.4f}; "
        f"expected {expected} {drift.bound:.4f}"
    )
