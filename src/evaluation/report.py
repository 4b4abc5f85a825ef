"""The report of an evaluation: tables and sentences for people, JSON for programs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from src.core.domain import JsonDict
from src.core.messages import message
from src.core.progress import Reporter
from src.evaluation.list_slices import SliceFigures, list_slices
from src.evaluation.metrics import AGAINST_POPULARITY
from src.evaluation.protocols import (
    RankingMetrics,
    RatingMetrics,
    Repeats,
    measure_lists,
    measure_ratings,
    measure_repeats,
    ranking_task,
)
from src.evaluation.task_lists import K
from src.interactions.interactions import Interactions
from src.interactions.splits import Split
from src.models import POPULARITY
from src.models.base import Rater
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.pipeline import Pipeline
from src.recommendation.rating_intervals import RatingInterval, rating_intervals

_RATINGS_OF_INTERVALS = 50_000
_NO_REPEATS = Repeats(0, 0, None)


@dataclass(frozen=True)
class Report:
    """Figures per model, and what they were measured on.

    Attributes:
        how: "time" or "random".
        cut: first second of the test part, UTC; None if random.
        n_train: events trained on.
        n_test: events measured on.
        n_users: users of the training part.
        n_items: products of the training part.
        n_test_users: test users with a relevant product.
        n_ranked_users: those of them that lists were made for.
        relevant_rating: lowest rating that counts as liked.
        ratings: model → figures; empty without test ratings.
        lists: model → figures; empty without test users.
        best: the model whose lists are to be served.
        rater: the model whose predicted ratings have the lowest error; None without one.
        repeats: likes of products that their user had an event with before, apart.
        slices: title → figures for a part of the test users or of their products.
        rating_intervals: of the rater's predictions; empty where too few ratings were held out.
    """

    how: str
    cut: int | None
    n_train: int
    n_test: int
    n_users: int
    n_items: int
    n_test_users: int
    n_ranked_users: int
    relevant_rating: float
    ratings: dict[str, RatingMetrics]
    lists: dict[str, RankingMetrics]
    best: str
    rater: str | None
    repeats: Repeats = _NO_REPEATS
    slices: dict[str, SliceFigures] = field(default_factory=dict)
    rating_intervals: tuple[RatingInterval, ...] = ()

    def to_json(self) -> JsonDict:
        """Return plain values without the figures of single users; an Estimate becomes {value, low, high}."""
        document = asdict(self)
        for figures in document["lists"].values():
            del figures["of_user"], figures["recall_of_rare"]
        return document

    def protocol(self) -> str:
        """Return sentences on how it was measured."""
        return protocol_of(self.to_json())

    def summary(self) -> str:
        """Return which list is to be served, how much better than popularity, and the slices where it is worse."""
        if POPULARITY not in self.lists:
            return f"No test user liked anything, so no list was measured. List to serve: {self.best}."
        if self.best == POPULARITY:
            choice = f"List to serve: {POPULARITY}. No other candidate has a higher NDCG@{K}."
        else:
            gain = self.lists[self.best].beyond_popularity
            doubt = "" if gain.low > 0 else " This difference may be chance."
            choice = f"List to serve: {self.best}. NDCG@{K} against popularity: {gain:+.4f}.{doubt}"
        worse = [
            f"Slice '{title}': the list of {each.best_single} is clearly better; {each.metric} of {self.best} against "
            f"it: {each.ahead:+.4f}."
            for title, each in self.slices.items()
            if each.is_behind
        ]
        return " ".join([choice, *worse])

    def rating_table(self) -> list[list[str]]:
        """Return rows of text, the header first."""
        header = ["rating", "RMSE", "MAE", f"precision@{K} (rated)", f"recall@{K} (rated)"]
        return [header] + [
            [name, *(f"{each:.4f}" for each in (f.rmse, f.mae, f.precision_at_10, f.recall_at_10))]
            for name, f in self.ratings.items()
        ]

    def interval_table(self) -> list[list[str]]:
        """Return rows of text, the header first: how sure the rater's predictions are."""
        header = [f"ratings that {self.rater} rests on", "90 % interval", "held-out ratings", "inside"]
        return [header] + [
            [
                f"at least {each.at_least}",
                f"{each.below:+.2f} to {each.above:+.2f}",
                f"{each.n:,}",
                f"{each.coverage:.1%}",
            ]
            for each in self.rating_intervals
        ]

    def list_table(self) -> list[list[str]]:
        """Return rows of text, the header first."""
        header = ["list", *(f"{name}@{K}" for name in ("NDCG", "precision", "recall", "hit rate", "MRR"))]
        return [[*header, "coverage", "novelty", AGAINST_POPULARITY]] + [
            [
                name,
                f"{f.ndcg_at_10:.4f}",
                f"{f.precision_at_10:.4f}",
                f"{f.recall_at_10:.4f}",
                f"{f.hit_rate_at_10:.4f}",
                f"{f.mrr_at_10:.4f}",
                f"{f.coverage:.1%}",
                f"{f.novelty:.1f} bits",
                "" if name == POPULARITY else f.beyond_popularity.verdict(),
            ]
            for name, f in self.lists.items()
        ]

    def slice_table(self) -> list[list[str]]:
        """Return rows of text, the header first: the served list beside the best single model, in each slice."""
        header = ["slice", "users", "figure", self.best, "best single model", "", "difference"]
        return [header] + [
            [
                title,
                f"{each.n_users:,}",
                each.metric,
                f"{each.figures[self.best]:.4f}",
                each.best_single,
                f"{each.figures[each.best_single]:.4f}",
                f"{each.ahead:+.4f}",
            ]
            for title, each in self.slices.items()
        ]


def protocol_of(report: Mapping[str, Any]) -> str:
    """Return sentences on how a report was measured. report: fields of a Report, or the result of `to_json`."""
    how, cut, n_train, n_test = (report[name] for name in ("how", "cut", "n_train", "n_test"))
    if how == "time":
        at = dt.datetime.fromtimestamp(cut or 0, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
        split = f"Trained on the {n_train:,} events before {at}, measured on the {n_test:,} since"
    else:
        split = (
            "Too few events have a time, or too many the same one, so a random split was taken: "
            f"trained on {n_train:,} events, measured on {n_test:,}"
        )
    n_users, n_ranked = report["n_test_users"], report["n_ranked_users"]
    some = "" if n_ranked == n_users else f", a random sample of {n_users:,}"
    return (
        f"{split}. Lists of {K} out of all {report['n_items']:,} products for {n_ranked:,} test users{some}. Relevant "
        f"is a purchase or a rating of {report['relevant_rating']:g} or better, of a product that is new to the user."
        f"{_about_repeats(report)}"
    )


def _about_repeats(report: Mapping[str, Any]) -> str:
    repeats = report.get("repeats") or asdict(_NO_REPEATS)  # reports of older releases have none
    if not repeats["n_pairs"]:
        return ""
    text = f" Not counted: {repeats['n_pairs']:,} likes of products that the user had an event with before"
    recall = repeats["recall_at_10"]
    if recall is None:
        return f"{text}."
    return (
        f"{text}. Of the {repeats['n_listable']:,} whose product was neither rated nor purchased before, the lists of "
        f"{report['best']} contain {recall['value']:.1%} [{recall['low']:.1%}, {recall['high']:.1%}]."
    )


def measure(pipeline: Pipeline, split: Split, *, relevant_rating: float, max_users: int, reporter: Reporter) -> Report:
    """Measure a pipeline that was trained on split.train, on split.test.

    Args:
        split: its training part, and the part to measure on.
        relevant_rating: lowest rating that counts as liked.
        max_users: lists are made for a sample of this many test users.

    Returns:
        The report.
    """
    reporter.step(message("step.measuring_ratings"))
    tested = split.test.ratings
    ratings = measure_ratings(pipeline.raters, tested) if len(tested) else {}
    task = ranking_task(split, relevant_rating, max_users)
    lists = {}
    if len(task.user_idx):
        lists = measure_lists(pipeline, split.train, task, reporter)
    best, rater = _best(lists), _rater(pipeline, ratings)
    return Report(
        how=split.how,
        cut=split.cut,
        n_train=len(split.train),
        n_test=len(split.test),
        n_users=len(pipeline.users),
        n_items=len(pipeline.items),
        n_test_users=task.n_users_with_one,
        n_ranked_users=len(task.user_idx),
        relevant_rating=relevant_rating,
        ratings=ratings,
        lists=lists,
        best=best,
        rater=rater,
        repeats=measure_repeats(pipeline, split, relevant_rating, max_users, model=best),
        slices=list_slices(lists, task, best),
        rating_intervals=_intervals(pipeline.raters[rater], tested) if rater is not None and len(tested) else (),
    )


def _intervals(model: Rater, tested: Interactions) -> tuple[RatingInterval, ...]:
    """Return the intervals of a rater's predictions, found from at most so many held-out ratings."""
    rows = np.arange(len(tested))
    if len(rows) > _RATINGS_OF_INTERVALS:
        rows = np.random.default_rng(0).choice(rows, _RATINGS_OF_INTERVALS, replace=False)
    user, item = tested.user_idx[rows], tested.item_idx[rows]
    support = [min(model.n_ratings(*pair)) for pair in zip(user.tolist(), item.tolist(), strict=True)]
    return rating_intervals(tested.value[rows] - model.rate(user, item), np.array(support), seed=0)


def _rater(pipeline: Pipeline, ratings: dict[str, RatingMetrics]) -> str | None:
    """Return the rater with the lowest RMSE; without test ratings any but popularity. None without a rater."""
    raters = [name for name in pipeline.raters if name != POPULARITY]
    return min(raters, key=lambda name: ratings[name].rmse.value if name in ratings else 0.0, default=None)


def _best(lists: dict[str, RankingMetrics]) -> str:
    """Return the ensemble unless popularity beats it; without an ensemble the model with the highest NDCG@10.

    The ensemble was chosen on other data: to take the best of many figures would be to tune on the test part.
    Popularity, the simplest, wins ties, and is returned when nothing was measured.
    """
    candidates: list[str] = [POPULARITY, *([ENSEMBLE] if ENSEMBLE in lists else lists)]
    return max(candidates, key=lambda name: lists[name].ndcg_at_10.value if name in lists else 0.0)
