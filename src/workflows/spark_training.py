"""Train by Spark: what is as long as the events stays in its jobs; lists are measured on a sample of the users.

The steps, the gate and the publisher are those of a training in one process, and so is the search for settings, on the
events of a sample of the users. Three times models are trained on events before a time: to choose the weights of the
ensemble, to measure it, and to serve it.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from src.core.domain import NO_TIME, IntArray
from src.core.errors import AisleError, InputError
from src.core.messages import message
from src.evaluation.report import measure as measure_pipeline
from src.interactions.interactions import TrainingData, WholeCounts
from src.interactions.splits import Split, held_out_share
from src.models import ALS, CO_OCCURRENCE, POPULARITY
from src.models.als import Als, AlsParams
from src.recommendation.ensemble import ENSEMBLE, build_ensemble, scales_of
from src.recommendation.ensemble_config import EnsembleConfig
from src.recommendation.pipeline import Pipeline
from src.releases.verdict import NotCompared, NotComparedReason
from src.tuning.objective import Objective
from src.tuning.sum_weights import KNOWN_SUM, best_weights
from src.workflows.champion_comparison import MeasuredPlan, same_models, same_settings
from src.workflows.fit import FitPlan
from src.workflows.spark_events import SparkEvents, read_events, spark_session
from src.workflows.spark_models import NAMES, SparkJobs
from src.workflows.training_plan import tried_share, tuned_ensemble
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
    """Events of a time by a sample of its users: lists are measured on them, or settings are tried on them.

    Attributes:
        start: Its first second, UTC; NO_TIME for the beginning, with the events that have no time.
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


def within_memory(config: EnsembleConfig, usual: AlsParams, fits: Callable[[AlsParams], bool]) -> EnsembleConfig:
    """Return a configuration whose models fit into this process.

    Args:
        config: With tuned parameters.
        usual: ALS of the settings, in place of a tuned one that does not fit. If it does not fit either, MLlib trains
            it, for which nothing was tried, and there is no co-occurrence.
        fits: Whether ALS of such parameters and co-occurrence fit.

    Returns:
        The configuration.
    """
    if fits(config.params[ALS]):
        return config
    params = {**config.params, ALS: usual}
    if not fits(usual):
        del params[CO_OCCURRENCE]
    return replace(config, params=params)


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
    if request.models_are_chosen:
        raise InputError("--engine spark trains all of its models. Expected neither --only nor --model; leave them out")
    with spark_session(context.settings) as session:
        events = read_events(context.settings, context.store, request.data, session, context.reporter)
        trained = _SparkTraining(context, events).run()
        shutil.rmtree(events.folder, ignore_errors=True)  # nothing of it serves another training
        return trained


class _SparkTraining:
    def __init__(self, context: TrainingContext, events: SparkEvents) -> None:
        self._context, self._events, self._settings = context, events, context.settings
        self._here = True
        self._als: Als | None = None  # of the earlier events, which the next training continues

    def run(self) -> Trained:
        """Prepare, measure, judge, publish."""
        tried, valid, test = self._parts()
        prepared = prepare(self._context, lambda: self._sample(tried, valid, test))
        if not prepared.verdict.promoted:
            return Trained(None, None, False, prepared.verdict)
        tuned, usual = self._tuned(prepared.data, tried), EnsembleConfig.of(self._settings).params[ALS]
        jobs, n_bytes = self._jobs(prepared.data, None, tuned), self._settings.spark_als_gb * 1e9
        # Of all events, for all three trainings: what is measured must be what is served.
        config = within_memory(tuned, usual, lambda als: jobs.bytes_here(als.factors) <= n_bytes)
        self._here = CO_OCCURRENCE in config.params
        judged = judge(self._context, prepared, self._measured(prepared, config, valid, test))
        if not judged.verdict.promoted:
            return Trained(None, judged.report, False, judged.verdict)
        plan, ensemble = judged.plan, judged.plan.ensemble
        assert ensemble is not None
        if (plan.weighting, plan.params) != (jobs.weighting, jobs.params):
            jobs = replace(jobs, weighting=plan.weighting, params=plan.params)

        def fit_all() -> Pipeline:
            data = self._told(prepared.data, jobs)
            return self._pipeline(data, self._continued(jobs, data), ensemble, whole=True)

        draft = draft_of(self._context, prepared, judged, fit_all)
        return publish(self._context, prepared, draft, judged.verdict, judged.report)

    def _tuned(self, data: TrainingData, tried: DrawnPart) -> EnsembleConfig:
        """Search for settings on the events of the users that were drawn for it, as a training in one process does."""
        context, part = self._context, tried.of(data).compact()
        found = tuned_ensemble(self._settings, context.registry, part, context.request, context.reporter, NAMES)
        params = {name: params for name, params in found.params.items() if name in NAMES}
        return replace(found, params=params, order=None)

    def _parts(self) -> tuple[DrawnPart, DrawnPart, DrawnPart]:
        """Return the parts that settings are tried on, weights chosen on and lists measured on.

        `split` has the same times but for rounding.
        """
        events, share = self._events, self._settings.test_share
        n_train = round(events.n_events * (1 - share))
        if events.n_timed * 2 <= events.n_events:
            raise InputError(
                f"of {events.n_events:,} events {events.n_timed:,} have a time, by which Spark divides them. Expected "
                "more than half; load events with times, or train without --engine spark"
            )
        test = self._quantile(events.frame, 1 - share)
        train = events.frame.where(f"at < {test}")
        valid = self._quantile(train, 1 - held_out_share(n_train))
        if not valid < test:
            raise InputError("most events have the same time. Expected several; train without --engine spark")
        self._context.reporter.step("Spark: drawing users to try settings and to measure on")
        n_measured = self._settings.evaluated_users * _SAMPLED
        n_tried = math.ceil(tried_share(n_train) * self._users(NO_TIME, test).count())
        return (
            self._drawn(NO_TIME, test, n_tried),
            self._drawn(valid, test, n_measured),
            self._drawn(test, events.newest_at + 1, n_measured),
        )

    def _users(self, start: int, end: int) -> Any:
        return self._events.frame.where(f"at >= {start} AND at < {end}").select("user_idx").distinct()

    def _drawn(self, start: int, end: int, n: int) -> DrawnPart:
        """Draw n users who have events in a time: the first ones by a hash."""
        from pyspark.sql import functions as f

        folder = self._folder_of(start)
        users = self._users(start, end).orderBy(f.xxhash64("user_idx", f.lit(self._settings.seed)), "user_idx")
        users.limit(n).write.parquet(str(folder))
        return DrawnPart(start, end, pq.read_table(folder).column("user_idx").to_numpy())

    def _folder_of(self, start: int) -> Path:
        """Return where the users of a part are written."""
        return self._events.folder / f"drawn-{start}"

    @staticmethod
    def _quantile(frame: Any, share: float) -> int:
        return int(frame.selectExpr(f"percentile_approx(at, {share!r}D, {_QUANTILE_ERRORS})").first()[0] or 0)

    def _sample(self, *parts: DrawnPart) -> TrainingData:
        """Return all events of the users that were drawn for any of the parts."""
        events = self._events
        drawn = events.session.read.parquet(*(str(self._folder_of(part.start)) for part in parts))
        counts = WholeCounts(events.n_events, events.newest_at, np.zeros(len(events.items), np.int64))
        return replace(events.of_users(drawn), sampled_from=counts)

    def _jobs(self, data: TrainingData, before: int | None, config: EnsembleConfig) -> SparkJobs:
        return SparkJobs(self._events, before, config.weighting, len(data.items), config.params)

    def _told(self, data: TrainingData, jobs: SparkJobs) -> TrainingData:
        """Return the sample before the jobs' time, with the counts of all events before it."""
        rows = np.arange(len(data)) if jobs.before is None else np.flatnonzero(data.events.at < jobs.before)
        n = self._events.n_events if jobs.before is None else jobs.frame.count()
        counts = WholeCounts(n, self._events.newest_at, jobs.users_by_item)
        return replace(data.take(rows), weighting=jobs.weighting, sampled_from=counts)

    def _models(self, jobs: SparkJobs, data: TrainingData, names: Collection[str]) -> dict[str, Any]:
        groups = data.attributes.groups if data.attributes is not None else None
        by_group = groups is not None and jobs.params[POPULARITY].by_group
        leader = groups.leader if groups is not None and by_group else None
        seed, reporter = self._settings.seed, self._context.reporter
        return jobs.models(names, seed, leader, reporter, here=self._here, start=self._als)

    def _continued(self, jobs: SparkJobs, data: TrainingData) -> dict[str, Any]:
        """Train all models, from which the next training continues."""
        models = self._models(jobs, data, jobs.params)
        self._als = models[ALS]
        return models

    def _pipeline(
        self, data: TrainingData, models: Mapping[str, Any], config: EnsembleConfig, *, whole: bool
    ) -> Pipeline:
        """Return the models and the ensemble of them. whole: whether its index is made at once."""
        seed = self._settings.seed
        ensemble = build_ensemble(models, config.weights, data, seed=seed, order=config.order, again=config.again)
        indexed = ensemble.indexed(data, self._context.reporter, growing=not whole)
        found = {**models, ENSEMBLE: indexed}
        return Pipeline(data.users, data.items, found, POPULARITY, weighting=data.weighting, attributes=data.attributes)

    def _measured(self, prepared: Prepared, config: EnsembleConfig, valid: DrawnPart, test: DrawnPart) -> Measured:
        """Choose weights on the events before the test part, and measure their lists on it."""
        data = prepared.data
        config = self._weighed(data, config, valid)
        jobs = self._jobs(data, test.start, config)
        train = self._told(data, jobs)
        parts = Split(train, test.of(data), "time", test.start)
        plan = FitPlan(config.params, config, config.weighting)
        challenger = self._measure(parts, plan, self._continued(jobs, train))
        return Measured(parts, challenger, self._champion(prepared, parts, challenger, jobs))

    def _weighed(self, data: TrainingData, config: EnsembleConfig, valid: DrawnPart) -> EnsembleConfig:
        """Return the configuration with the weights whose lists hold most of what users of the validation part liked.

        Those found on a sample of the users are of models that learnt from the sample; these learn from all users.
        """
        jobs = self._jobs(data, valid.start, config)
        train = self._told(data, jobs)
        models, seed = self._continued(jobs, train), self._settings.seed
        parts, popular = Split(train, valid.of(data), "time", valid.start), models[POPULARITY].order
        start = {name: weight for name, weight in config.weights.items() if name in models}
        liked = self._settings.relevant_rating
        objective = Objective.of(parts, popular, relevant_rating=liked, k=_K, seed=seed, fewest=_WEIGHED_USERS)
        if objective is None:
            return replace(config, weights=start, found={**config.found, "engine": "spark"})
        scores = objective.component_scores(models).in_units_of(scales_of(models, train, seed=seed))
        best = best_weights(scores, (start, KNOWN_SUM))
        found = {**config.found, f"ndcg_at_{_K}": round(best.ndcg, 5), "engine": "spark"}
        return replace(config, weights=best.weights, found=found)

    def _measure(self, parts: Split, plan: FitPlan, models: Mapping[str, Any]) -> MeasuredPlan:
        assert plan.ensemble is not None
        pipeline = shown = self._pipeline(parts.train, models, plan.ensemble, whole=False)
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
        self, prepared: Prepared, parts: Split, challenger: MeasuredPlan, jobs: SparkJobs
    ) -> MeasuredPlan | NotCompared:
        """Train and measure the current release's settings; models that both train in the same way are trained once."""
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
        if plan.ensemble is None or not plan.params.keys() <= jobs.params.keys():
            why = f"Spark trains {', '.join(jobs.params)}, and it has others"
            return NotCompared(NotComparedReason.NOT_TRAINABLE, version, why)
        self._context.reporter.step(message("step.fitting_before", version=version))
        jobs = replace(jobs, weighting=plan.weighting, params=plan.params)
        train, known = replace(parts.train, weighting=plan.weighting), same_models(plan, challenger)
        fitted = self._models(jobs, train, plan.params.keys() - known.keys())
        measured = self._measure(replace(parts, train=train), plan, {**known, **fitted})
        return replace(measured, report=replace(measured.report, best=champion.serves))
