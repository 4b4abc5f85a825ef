"""Benchmark on a given split: tune and train on its train and valid files, then open its test file."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from src.core.domain import JsonDict
from src.core.errors import UnusableFile
from src.core.progress import Reporter
from src.core.records import Cost
from src.evaluation.benchmark_report import BenchmarkFacts, BenchmarkReport, measure_benchmark
from src.evaluation.benchmark_scope import Fitted
from src.ingestion.benchmark_files import BenchmarkData, read_benchmark, read_test_file
from src.interactions.event_weights import Weighting
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY, trainable
from src.models.base import BlockScorer, Rater
from src.models.popularity import Popularity
from src.models.settings import AllSettings
from src.workflows.benchmark_request import ALL, PIPELINE, BenchmarkRequest
from src.workflows.checksums import checksum
from src.workflows.resource_usage import with_resource_usage

_MAX_TUNED_LENGTH = 50  # of a list: users do not look further
_ANY_RATING = {"rating_min": -1e6, "rating_max": 1e6}
"""Limits while the train file is read, whose ratings give the scale unless it is set."""
_RATERS = tuple(name for name, kind in MODELS.items() if kind.rates)
_MEMORY = (
    "peak_mib: the most resident memory of the whole process during the training, data included (of the whole process "
    "so far where growth_mib is null); growth_mib: how far that is above what it held before"
)


class Tune(Protocol):
    """Chooses how the pipeline is trained."""

    def __call__(self, settings: AllSettings, tuning: Split, budget_seconds: float, k: int, reporter: Reporter) -> Any:
        """Choose what is best on the test part of a split.

        Args:
            settings: where the search starts.
            tuning: the split.
            budget_seconds: the longest time.
            k: length of the lists that are compared.

        Returns:
            The configuration that `FitPipeline` takes; its attribute `weighting` weights the histories.
        """
        ...


class FitPipeline(Protocol):
    """Trains the pipeline with a configuration."""

    def __call__(self, data: TrainingData, config: Any, seed: int, reporter: Reporter) -> BlockScorer:
        """Train.

        Args:
            config: what `Tune` returned.
            seed: of random numbers.

        Returns:
            The pipeline.
        """
        ...


@dataclass(frozen=True)
class Tuner:
    """Tunes and trains the pipeline.

    Attributes:
        tune: chooses its configuration.
        fit: trains it.
    """

    tune: Tune
    fit: FitPipeline


def run_benchmark(
    settings: AllSettings, job: BenchmarkRequest, reporter: Reporter, tuner: Tuner | None = None
) -> BenchmarkReport:
    """Tune and train, then measure; the test file is opened only when everything is trained.

    Args:
        settings: how models are trained, and the scale of ratings if it is set.
        job: what to measure, and on which files.
        tuner: tunes and trains the pipeline; None for the one that trains what is served.

    Returns:
        The report.

    Raises:
        UnusableFile: a file cannot be used.
        NoData: there is nothing to train on.
    """
    _must_be_readable(job.test)
    any_rating = settings if _scale_is_set(settings) else settings.model_copy(update=_ANY_RATING)
    parts = read_benchmark(job.train, job.valid, any_rating, reporter)
    settings = settings if _scale_is_set(settings) else _with_scale_of(parts.data.ratings, settings)
    fitted, about = _fit(settings, job, parts, tuner, reporter)
    return _measure(settings, job, parts, fitted, about, reporter)


def _scale_is_set(settings: AllSettings) -> bool:
    return bool({"rating_min", "rating_max"} & settings.model_fields_set)


def _with_scale_of(ratings: Interactions, settings: AllSettings) -> AllSettings:
    """Return settings whose scale includes all ratings of the train file.

    If the scale grows upwards, its upper quarter is relevant, as ratings from 4 are on the scale 1 to 5.
    """
    if not len(ratings):
        return settings
    low, high = (
        min(float(ratings.value.min()), settings.rating_min),
        max(float(ratings.value.max()), settings.rating_max),
    )
    relevant = settings.relevant_rating if high == settings.rating_max else low + 0.75 * (high - low)
    return settings.model_copy(update={"rating_min": low, "rating_max": high, "relevant_rating": relevant})


def _must_be_readable(path: Path) -> None:
    """Raise UnusableFile if a file cannot be opened, without opening it."""
    if not path.is_file() or not os.access(path, os.R_OK):
        problem = "no such file" if not path.exists() else "it is no file that can be read"
        raise UnusableFile(
            f"{path}: {problem}. Expected rows to measure on, as in the file of --train; check --test, and its rights."
        )


def _measure(
    settings: AllSettings,
    job: BenchmarkRequest,
    parts: BenchmarkData,
    fitted: Fitted,
    about: JsonDict,
    reporter: Reporter,
) -> BenchmarkReport:
    """Measure the trained models; this is the only function that opens the test file."""
    limits = settings if _scale_is_set(settings) else settings.model_copy(update=_ANY_RATING)
    rows = read_test_file(job.test, fitted.data, limits, reporter)
    relevant = job.relevant
    if relevant is None and _differ(rows.data.ratings):
        relevant = settings.relevant_rating
    facts = BenchmarkFacts({**parts.files, "test": rows.file}, about)
    return measure_benchmark(fitted, rows, job.at, relevant, facts, reporter)


def _differ(ratings: Interactions) -> bool:
    """Return whether ratings have different values; equal ones, such as ones, only say that something happened."""
    return len(ratings) > 0 and bool(ratings.value.min() < ratings.value.max())


def _relevant_for_tuning(settings: AllSettings, job: BenchmarkRequest, data: TrainingData) -> float:
    """Return the lowest relevant rating for tuning: the same as in the measurement, if that is known."""
    if job.relevant is not None:
        return job.relevant
    if len(data.ratings) and not _differ(data.ratings):
        return float(data.ratings.value.min())
    return settings.relevant_rating


def _fit(
    settings: AllSettings, job: BenchmarkRequest, parts: BenchmarkData, tuner: Tuner | None, reporter: Reporter
) -> tuple[Fitted, JsonDict]:
    """Train all models that are measured; return them and what the report says about their training."""
    data = parts.data
    listed = tuple(trainable(data)) if job.model == ALL else tuple(dict.fromkeys((POPULARITY, job.model)))
    with_pipeline = job.model in (ALL, PIPELINE)
    rating = _RATERS if len(data.ratings) and with_pipeline else ()  # what is served predicts ratings too
    costs: dict[str, Cost] = {}
    about: JsonDict = {"seed": settings.seed, "memory": _MEMORY, "tuning": None}
    models: dict[str, Any] = {}
    weightings: dict[str, Weighting] = {}
    for name in MODELS:
        if name in (*listed, *rating):
            reporter.step(f"training {name} on {len(data):,} events")
            models[name], costs[name] = with_resource_usage(_trainer(settings, name, data))
    scorers = {
        name: cast("BlockScorer", model) for name, model in models.items() if name in listed and MODELS[name].lists
    }
    if with_pipeline:
        pipeline = _fit_pipeline(settings, job, parts, tuner, reporter)
        scorers[PIPELINE], costs[PIPELINE], about["tuning"] = pipeline.scorer, pipeline.cost, pipeline.tuning
        weightings[PIPELINE] = pipeline.weighting
    raters = {name: cast("Rater", models[name]) for name in _RATERS if name in models}
    checksums = {name: checksum(model) for name, model in {**models, **scorers}.items()}
    popularity = cast("Popularity", models[POPULARITY])
    return Fitted(data, scorers, raters, costs, checksums, np.asarray(popularity.order), weightings), about


def _trainer(settings: AllSettings, name: str, data: TrainingData) -> Callable[[], Any]:
    return lambda: MODELS[name].train(data, MODELS[name].params(settings), seed=settings.seed)


class _TunedPipeline(NamedTuple):
    """A trained pipeline, the cost of tuning and training, the weighting chosen, and what the report says of it."""

    scorer: BlockScorer
    cost: Cost
    weighting: Weighting
    tuning: JsonDict


def _fit_pipeline(
    settings: AllSettings, job: BenchmarkRequest, parts: BenchmarkData, tuner: Tuner | None, reporter: Reporter
) -> _TunedPipeline:
    """Tune and train the pipeline."""
    tuner = tuner or _default_tuner()
    tuning = parts.for_tuning()
    reporter.step(f"tuning on {len(tuning.test):,} events for at most {job.budget_seconds:g} s")
    settings = settings.model_copy(update={"relevant_rating": _relevant_for_tuning(settings, job, parts.data)})
    k = min(max(job.at), _MAX_TUNED_LENGTH)
    config, tuned = with_resource_usage(lambda: tuner.tune(settings, tuning, job.budget_seconds, k, reporter))
    reporter.step(f"training {PIPELINE} on {len(parts.data):,} events")
    scorer, fitted = with_resource_usage(lambda: tuner.fit(parts.data, config, settings.seed, reporter))
    cost = Cost(
        tuned.seconds + fitted.seconds,
        max(tuned.peak_mib, fitted.peak_mib),
        None if tuned.growth_mib is None or fitted.growth_mib is None else max(tuned.growth_mib, fitted.growth_mib),
    )
    about: JsonDict = {
        "how": tuning.how,
        "cut": tuning.cut,
        "n_train": len(tuning.train),
        "n_valid": len(tuning.test),
        "budget_seconds": job.budget_seconds,
        "tune_seconds": round(tuned.seconds, 3),
        "fit_seconds": round(fitted.seconds, 3),
        "recipe": config.to_json(),
    }
    return _TunedPipeline(scorer, cost, config.weighting, about)


def _default_tuner() -> Tuner:
    # Imported here, as their libraries take a second.
    from src.recommendation.ensemble_config import fit_ensemble
    from src.workflows.tune import tune

    return Tuner(tune, fit_ensemble)
