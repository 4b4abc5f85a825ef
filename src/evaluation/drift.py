"""How good a release proves to be on events that came after it had learnt, and whether that has fallen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from src.core.domain import FloatArray, Query
from src.core.records import Score
from src.evaluation.metrics import estimate_rmse_mae, estimates, ranking_metrics
from src.evaluation.protocols import K, ranking_task
from src.interactions.interactions import Interactions
from src.interactions.splits import Split
from src.models import POPULARITY
from src.recommendation.pipeline import Pipeline

_LEAST_USERS, _LEAST_RATINGS = 30, 50
_LEAST_BEFORE, _LOOKED_BACK = 3, 14


def score_of(
    pipeline: Pipeline, parts: Split, *, at: int, release: str, relevant_rating: float, max_users: int
) -> Score:
    """parts: what the release has learnt from, and what came since, over any vocabularies.

    Lists are made as they are served, of the histories that were there when it learnt. A product that it does not know
    is one that its lists miss.
    """
    score: dict[str, float | int] = {}
    task = ranking_task(parts, relevant_rating, max_users)
    if len(task.user_idx):
        hits = np.zeros((len(task.user_idx), K), np.bool_)
        listed: set[str] = set()
        for row, (user, history) in enumerate(zip(task.user_idx.tolist(), task.histories, strict=True)):
            found = pipeline.recommend(Query(parts.test.users.id_of(user), history, n=K))
            ids = [recommendation.product_id for recommendation in found]
            listed.update(ids)
            hits[row, : len(ids)] = [parts.test.items.idx_of(id_) in task.relevant[row] for id_ in ids]
        found_by = estimates(ranking_metrics(hits, np.array([len(products) for products in task.relevant])))
        ndcg = found_by["ndcg"]
        score |= {
            "n_users": len(task.user_idx),
            "recall_at_10": found_by["recall"].value,
            "ndcg_at_10": ndcg.value,
            "ndcg_low": ndcg.low,
            "ndcg_high": ndcg.high,
            "coverage": len(listed) / max(len(pipeline.items), 1),
        }
    rated = parts.test.ratings
    if len(rated) and pipeline.rater not in (None, POPULARITY):
        rmse, _ = estimate_rmse_mae(rated.user_idx, _predicted(pipeline, rated) - rated.value)
        score |= {"n_ratings": len(rated), "rmse": rmse.value, "rmse_low": rmse.low}
    return Score(at, release, n_events=len(parts.test), **score)  # type: ignore[arg-type]


def _predicted(pipeline: Pipeline, rated: Interactions) -> FloatArray:
    user = rated.users.rows_in(pipeline.users, rated.user_idx)
    item = rated.items.rows_in(pipeline.items, rated.item_idx)
    return np.asarray(pipeline.raters[str(pipeline.rater)].rate(user, item))


def fall_of(score: Score, before: Sequence[Score], bound: float) -> str:
    """Why a training should not wait; "" if nothing has fallen by more than the bound, or too little is known.

    before: earlier scores, newest first. A fall counts only where the whole interval lies beyond the bound: the few
    events of one night make a figure jump.
    """
    lists = [each.ndcg_at_10 for each in before if each.ndcg_at_10 and each.n_users >= _LEAST_USERS][:_LOOKED_BACK]
    if len(lists) >= _LEAST_BEFORE and score.n_users >= _LEAST_USERS and score.ndcg_high is not None:
        usual = median(lists)
        if score.ndcg_high < (1 - bound) * usual:
            return (
                f"NDCG@{K} on new events fell to {score.ndcg_at_10:.4f} (at most {score.ndcg_high:.4f}), where it was "
                f"{usual:.4f}; expected at least {(1 - bound) * usual:.4f}"
            )
    errors = [each.rmse for each in before if each.rmse and each.n_ratings >= _LEAST_RATINGS][:_LOOKED_BACK]
    if len(errors) >= _LEAST_BEFORE and score.n_ratings >= _LEAST_RATINGS and score.rmse_low is not None:
        usual = median(errors)
        if score.rmse_low > (1 + bound) * usual:
            return (
                f"RMSE on new ratings rose to {score.rmse:.4f} (at least {score.rmse_low:.4f}), where it was "
                f"{usual:.4f}; expected at most {(1 + bound) * usual:.4f}"
            )
    return ""
