"""Figures of lists for parts of the users and products, where the mean over all users hides who is served worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from src.core.domain import BoolArray, EventKind, FloatArray
from src.evaluation.metrics import Estimate, estimates
from src.evaluation.protocols import RARE_USERS, RankingMetrics
from src.evaluation.task_lists import K, RankingTask

_LOOKS = (EventKind.VIEW, EventKind.CLICK, EventKind.CART)
_LIGHT = 3
_NDCG, _RECALL = f"NDCG@{K}", f"recall@{K}"


@dataclass(frozen=True)
class SliceFigures:
    """Figures of one slice.

    Attributes:
        n_users: number of test users that they are means over.
        metric: "NDCG@10" or "recall@10".
        figures: model → its mean.
        best_single: the model with the highest mean beside the one that is served.
        ahead: paired difference of the served list to that of `best_single`.
    """

    n_users: int
    metric: str
    figures: dict[str, Estimate]
    best_single: str
    ahead: Estimate

    @property
    def is_behind(self) -> bool:
        """Whether the served list is surely worse than that of a single model."""
        return self.ahead.high < 0


def list_slices(lists: Mapping[str, RankingMetrics], task: RankingTask, served: str) -> dict[str, SliceFigures]:
    """Measure slices of the test users and of their relevant products.

    Args:
        lists: model → its figures.
        task: the test users.
        served: the model whose lists are served.

    Returns:
        Title → figures; slices without a user are left out.
    """
    if not lists:
        return {}
    n_events = np.array([len(history) for history in task.histories])
    looks = np.array([bool(h) and all(event.kind in _LOOKS for event in h) for h in task.histories], np.bool_)
    ndcg = {name: figures.of_user for name, figures in lists.items()}
    rare = {name: figures.recall_of_rare for name, figures in lists.items()}
    slices = {
        "no event before": (_NDCG, ndcg, n_events == 0),
        f"1 to {_LIGHT} events": (_NDCG, ndcg, (n_events > 0) & (n_events <= _LIGHT)),
        f"more than {_LIGHT} events": (_NDCG, ndcg, n_events > _LIGHT),
        "only views, clicks and carts": (_NDCG, ndcg, looks),
        f"products of at most {RARE_USERS} users": (_RECALL, rare, ~np.isnan(rare[served])),
    }
    return {title: _figures(*each, served) for title, each in slices.items() if each[2].any()}


def _figures(metric: str, of_user: Mapping[str, FloatArray], users: BoolArray, served: str) -> SliceFigures:
    columns = {name: values[users] for name, values in of_user.items()}
    singles = [name for name in columns if name != served] or [served]
    best = max(singles, key=lambda name: columns[name].mean())
    estimated = estimates({**columns, "ahead": columns[served] - columns[best]})
    ahead = estimated.pop("ahead")
    return SliceFigures(int(users.sum()), metric, estimated, best, ahead)
