"""Train by Spark: what is as long as the events stays in its jobs; lists are measured on a sample of the users.

The steps, the gate and the publisher are those of a training in one process. Three times models are trained on
events before a time: to choose the weights of the ensemble, to measure it, and to serve it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from src.core.domain import IntArray
from src.core.errors import AisleError, InputError
from src.core.messages import message
from src.evaluation.report import measure as measure_pipeline
from src.interactions.interactions import TrainingData, WholeCounts
from src.interactions.splits import Split, held_out_share
from src.models import ALS, CO_OCCURRENCE, POPULARITY
from src.models.als import Als
from src.recommendation.ensemble import ENSEMBLE, build_ensemble, scales_of
from src.recommendation.ensemble_config import EnsembleConfig
from src.recommendation.pipeline import Pipeline
from src.releases.verdict import NotCompared, NotComparedReason
from src.tuning.objective import Objective
from src.tuning.sum_weights import KNOWN_SUM, best_weights
from src.workflows.champion_comparison import MeasuredPlan, same_settings
from src.workflows.fit import FitPlan
from src.workflows.spark_events import SparkEvents, read_events, spark_session
from src.workflows.spark_models import NAMES, SparkJobs
from src.workflows.training_results import Measured, Prepared, Trained, TrainingContext
from src.workflows.training_steps import draft_of, judge, prepare, publish

_SAMPLED = 4
"""Sampled users for each one that lists are measured for: not every user likes something new."""
_WEIGHED_USERS = 10_000
"""Users that the weights are chosen on: their lists are made once, not in each trial of a search."""
_K = 10
_QUANTILE_ERRORS = 10_000


@dataclass(frozen=True)
class DrawnPart:
    """Events of a time that lists are measured on.

    Attributes:
        start: Its first second, UTC.
        end: The second after its last one.
        users: int32[n], those drawn from all who have events in it, each with the same chance. Users who were drawn for
            another part have more events than others, and would make its figures those of heavy users.
    """

    start: int
    end: int
    users: IntArray

    def of(self, data: TrainingData) -> TrainingData:
        """Return the events of this time by the users that were drawn for it."""
        at, user = data.events.at, data.events.user_idx
        return data.take(np.flatnonzero((at >= self.start) & (at < self.end) & np.isin(user, self.users)))


def trained_by_spark(context: TrainingContext) -> Trained:
    """Go through the steps of a training, with models that Spark trains.

    Returns:
        What became of it.

    Raises:
        ConfigError: Spark cannot be used.
        InputError: The request asks for what Spark does not train, or the events have no times.
        AisleError: Spark ended the training.
    """
    request = context.request
    if request.models_are_chosen or request.tune_seconds is not None:
        raise InputError(
            "--engine spark trains all of its models with the usual settings. Expected neither --only nor --model nor "
            "--tune; leave them out"
        )
    with spark_session(context.settings) as session:
        events = read_events(context.settings, context.store, request.data, session, context.reporter)
        trained = _SparkTraining(context, events).run()
        shutil.rmtree(events.folder, ignore_errors=True)  # nothing of it serves another training
        return trained


class _SparkTraining:
    def __init__(self, context: TrainingContext, events: SparkEvents) -> None:
        self._context, self._events, self._settings = context, events, context.settings
        self._config = EnsembleConfig.of(context.settings)
        self._params = {name: params for name, params in self._config.params.items() if name in NAMES}
        self._here = True
        self._als: Als | None = None  # of the earlier events, which the next training continues

    def run(self) -> Trained:
        """Prepare, measure, judge, publish."""
        valid, test = self._parts()
        prepared = prepare(self._context, lambda: self._sample(valid, test))
        if not prepared.verdict.promoted:
            return Trained(None, None, False, prepared.verdict)
        jobs = self._jobs(prepared.data, None)
        # Of all events, for all three trainings: what is measured must be what is served.
        self._here = jobs.bytes_here(self._params[ALS].factors) <= self._settings.spark_als_gb * 1e9
        if not self._here:
            del self._params[CO_OCCURRENCE]
        judged = judge(self._context, prepared, self._measured(prepared, valid, test))
        if not judged.verdict.promoted:
            return Trained(None, judged.report, False, judged.verdict)
        ensemble = judged.plan.ensemble
        assert ensemble is not None

        def fit_all() -> Pipeline:
            data = self._told(prepared.data, jobs)
            return self._pipeline(data, self._models(jobs, data), ensemble.weights, whole=True)

        draft = draft_of(self._context, prepared, judged, fit_all)
        return publish(self._context, prepared, draft, judged.verdict, judged.report)

    def _parts(self) -> tuple[DrawnPart, DrawnPart]:
        """Return the parts that weights are chosen on and lists measured on; `split` has the same but for rounding."""
        events, share = self._events, self._settings.test_share
        if events.n_timed * 2 <= events.n_events:
            raise InputError(
                f"of {events.n_events:,} events {events.n_timed:,} have a time, by which Spark divides them. Expected "
                "more than half; load events with times, or train without --engine spark"
            )
        test = self._quantile(events.frame, 1 - share)
        train = events.frame.where(f"at < {test}")
        valid = self._quantile(train, 1 - held_out_share(round(events.n_events * (1 - share))))
        if not valid < test:
            raise InputError("most events have the same time. Expected several; train without --engine spark")
        self._context.reporter.step("Spark: drawing users to measure on")
        return self._drawn(valid, test), self._drawn(test, events.newest_at + 1)

    def _drawn(self, start: int, end: int) -> DrawnPart:
        """Draw users who have events in a time: the first ones by a hash."""
        from pyspark.sql import functions as f

        folder = self._events.folder / f"drawn-{start}"
        users = self._events.frame.where(f"at >= {start} AND at < {end}").select("user_idx").distinct()
        users = users.orderBy(f.xxhash64("user_idx", f.lit(self._settings.seed)), "user_idx")
        users.limit(self._settings.evaluated_users * _SAMPLED).write.parquet(str(folder))
        return DrawnPart(start, end, pq.read_table(folder).column("user_idx").to_numpy())

    @staticmethod
    def _quantile(frame: Any, share: float) -> int:
        return int(frame.selectExpr(f"percentile_approx(at, {share!r}D, {_QUANTILE_ERRORS})").first()[0] or 0)

    def _sample(self, *parts: DrawnPart) -> TrainingData:
        """Return all events of the users that were drawn for any of the parts."""
        events = self._events
        drawn = events.session.read.parquet(*(str(events.folder / f"drawn-{part.start}") for part in parts))
        counts = WholeCounts(events.n_events, events.newest_at, np.zeros(len(events.items), np.int64))
        return replace(events.of_users(drawn), weighting=self._config.weighting, sampled_from=counts)

    def _jobs(self, data: TrainingData, before: int | None) -> SparkJobs:
        return SparkJobs(self._events, before, self._config.weighting, len(data.items))

    def _told(self, data: TrainingData, jobs: SparkJobs) -> TrainingData:
        """Return the sample before the jobs' time, with the counts of all events before it."""
        rows = np.arange(len(data)) if jobs.before is None else np.flatnonzero(data.events.at < jobs.before)
        n = self._events.n_events if jobs.before is None else jobs.frame.count()
        counts = WholeCounts(n, self._events.newest_at, jobs.users_by_item)
        return replace(data.take(rows), weighting=self._config.weighting, sampled_from=counts)

    def _models(self, jobs: SparkJobs, data: TrainingData) -> dict[str, Any]:
        groups = data.attributes.groups if data.attributes is not None else None
        leader = groups.leader if groups is not None and self._params[POPULARITY].by_group else None
        models = jobs.models(
            self._params, self._settings.seed, leader, self._context.reporter, here=self._here, start=self._als
        )
        self._als = models[ALS]
        return models

    def _pipeline(
        self, data: TrainingData, models: Mapping[str, Any], weights: Mapping[str, float], *, whole: bool
    ) -> Pipeline:
        """Return the models and the ensemble of them. whole: whether its index is made at once."""
        ensemble = build_ensemble(models, weights, data, seed=self._settings.seed)
        indexed = ensemble.indexed(data, self._context.reporter, growing=not whole)
        found = {**models, ENSEMBLE: indexed}
        return Pipeline(data.users, data.items, found, POPULARITY, weighting=data.weighting, attributes=data.attributes)

    def _measured(self, prepared: Prepared, valid: DrawnPart, test: DrawnPart) -> Measured:
        """Choose weights on the events before the test part, and measure their lists on it."""
        data = prepared.data
        weights, found = self._chosen(data, valid)
        config = replace(self._config, params=self._params, weights=weights, found=found)
        jobs = self._jobs(data, test.start)
        train = self._told(data, jobs)
        parts = Split(train, test.of(data), "time", test.start)
        models = self._models(jobs, train)
        challenger = self._measure(parts, FitPlan(self._params, config, config.weighting), models)
        return Measured(parts, challenger, self._champion(prepared, parts, challenger, models))

    def _chosen(self, data: TrainingData, valid: DrawnPart) -> tuple[dict[str, float], dict[str, Any]]:
        """Return the weights whose lists hold most of what users of the validation part liked, and what was found."""
        jobs = self._jobs(data, valid.start)
        train = self._told(data, jobs)
        models, seed = self._models(jobs, train), self._settings.seed
        parts, popular = Split(train, valid.of(data), "time", valid.start), models[POPULARITY].order
        start = {name: weight for name, weight in KNOWN_SUM.items() if name in models}
        liked = self._settings.relevant_rating
        objective = Objective.of(parts, popular, relevant_rating=liked, k=_K, seed=seed, fewest=_WEIGHED_USERS)
        if objective is None:
            return start, {"engine": "spark"}
        scores = objective.component_scores(models).in_units_of(scales_of(models, train, seed=seed))
        best = best_weights(scores, (start,))
        return best.weights, {f"ndcg_at_{_K}": round(best.ndcg, 5), "engine": "spark"}

    def _measure(self, parts: Split, plan: FitPlan, models: Mapping[str, Any]) -> MeasuredPlan:
        assert plan.ensemble is not None
        pipeline = shown = self._pipeline(parts.train, models, plan.ensemble.weights, whole=False)
        if pipeline.attributes is not None:
            shown = replace(pipeline, attributes=pipeline.attributes.without_stock())
        report = measure_pipeline(
            shown,
            parts,
            relevant_rating=self._settings.relevant_rating,
            max_users=self._settings.evaluated_users,
            reporter=self._context.reporter,
        )
        n_train = parts.train.counts.n_events
        return MeasuredPlan(plan, replace(report, n_train=n_train, n_test=self._events.n_events - n_train), pipeline)

    def _champion(
        self, prepared: Prepared, parts: Split, challenger: MeasuredPlan, models: Mapping[str, Any]
    ) -> MeasuredPlan | NotCompared:
        """Measure the current release's weights over the same models; one of other models cannot be trained here."""
        champion = prepared.champion
        if champion is None:
            return NotCompared(NotComparedReason.NO_RELEASE)
        version = champion.release.version
        try:
            plan = champion.plan(self._settings, parts.train)
        except AisleError as error:
            return NotCompared(NotComparedReason.NOT_TRAINABLE, version, str(error))
        if same_settings(plan, challenger.plan):
            return NotCompared(NotComparedReason.SAME_SETTINGS, version)
        if plan.ensemble is None or not same_settings(replace(plan, ensemble=None), challenger.plan):
            why = f"Spark trains {', '.join(self._params)} with the usual settings, and it has others"
            return NotCompared(NotComparedReason.NOT_TRAINABLE, version, why)
        self._context.reporter.step(message("step.fitting_before", version=version))
        measured = self._measure(parts, plan, models)
        return replace(measured, report=replace(measured.report, best=champion.serves))
