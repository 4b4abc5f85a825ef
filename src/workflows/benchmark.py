"""Measure on somebody's own split: tune and train on its train and valid files, then open its test file."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from src.core.domain import JsonDict
from src.core.errors import AisleError, InputError, UnknownName, UnusableFile
from src.core.progress import Reporter
from src.evaluation.benchmark_report import BenchmarkFacts, BenchmarkReport, measure_benchmark
from src.evaluation.benchmark_scope import Cost, Fitted
from src.ingestion.benchmark_files import BenchmarkData, read_benchmark, read_test_file
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY, trainable
from src.models.base import BlockScorer, Rater
from src.models.popularity import Popularity
from src.models.settings import AllSettings
from src.workflows.checksums import checksum
from src.workflows.resource_usage import with_resource_usage

PIPELINE, ALL = "pipeline", "all"
_OPTIONS = ("train", "test", "valid", "model", "at", "relevant", "budget")
_TUNED_FOR = 50  # places of a list at most, whatever is measured: nobody looks further
_LONGEST = 1_000  # beyond it a list is no list that anybody reads
_ANY_RATING = {"rating_min": -1e6, "rating_max": 1e6}
"""The scale of somebody's own split is that of its train file, unless it was set."""
_RATERS = tuple(name for name, kind in MODELS.items() if kind.rates)
_MEMORY = (
    "peak_mib: the most resident memory of the whole process during the training, data included (of the whole process "
    "so far where growth_mib is null); growth_mib: how far that is above what it held before"
)


@dataclass(frozen=True)
class BenchmarkRequest:
    """What to measure, and on which files. valid: None to hold a part of train out where something is to be tuned.

    model: a name of MODELS, "pipeline" (what is served, tuned within budget_seconds) or "all". at: cut-offs of lists.
    relevant: test ratings from here on are relevant; None for AISLE_RELEVANT_RATING where the file carries ratings.
    """

    train: Path
    test: Path
    valid: Path | None = None
    model: str = PIPELINE
    at: tuple[int, ...] = (10, 20)
    relevant: float | None = None
    budget_seconds: float = 480.0

    @classmethod
    def asked_for(cls, options: Mapping[str, Any]) -> BenchmarkRequest | None:
        """The job that options of a command line ask for, None for those not given; None if no split was asked for.

        Raises InputError for options that do not go together, and for what cannot be measured.
        """
        given = {name: value for name in _OPTIONS if (value := options.get(name)) is not None}
        if not given:
            return None
        missing = [f"--{name}" for name in ("train", "test") if name not in given]
        if missing:
            found = ", ".join(f"--{name}" for name in given)
            raise InputError(
                f"{found} came without {' and '.join(missing)}. Expected both --train FILE and --test FILE for a split "
                "of one's own, or none of these for a release; name what is missing."
            )
        if options.get("release") is not None:
            raise InputError(
                "--release came together with --train. Expected a release, which is measured on its own data, or a "
                "split of one's own; take one of them away."
            )
        if "at" in given:
            given["at"] = _cut_offs(given["at"])
        if "budget" in given:
            given["budget_seconds"] = given.pop("budget")
        return cls(**given)

    def __post_init__(self) -> None:
        if self.model in MODELS and (part := MODELS[self.model].unavailable()):
            raise AisleError(part.reason)
        if self.model not in (PIPELINE, ALL, *MODELS):
            known = ", ".join((PIPELINE, ALL, *MODELS))
            raise UnknownName(f"--model: there is no {self.model!r}. Expected one of {known}.")
        if not 0 < self.budget_seconds < math.inf:
            raise InputError(f"--budget: {self.budget_seconds:g} was found; expected seconds above 0: --budget 480")
        if self.relevant is not None and not math.isfinite(self.relevant):
            raise InputError(f"--relevant: {self.relevant:g} was found; expected a rating: --relevant 4")


def _cut_offs(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 5 and 1 <= int(part) <= _LONGEST for part in parts):
        raise InputError(
            f"--at: {text!r} was found; expected lengths of lists from 1 to {_LONGEST}, with commas between: --at 10,20"
        )
    return tuple(sorted({int(part) for part in parts}))


class Tune(Protocol):
    """Chooses, on the test part of a split, how the pipeline is to be trained."""

    def __call__(
        self, settings: AllSettings, tuning: Split, budget_seconds: float, k: int, reporter: Reporter
    ) -> Any: ...


class FitRecipe(Protocol):
    """Trains the pipeline as it was chosen."""

    def __call__(self, data: TrainingData, recipe: Any, seed: int, reporter: Reporter) -> BlockScorer: ...


@dataclass(frozen=True)
class Tuner:
    """How the pipeline comes about."""

    tune: Tune
    fit_recipe: FitRecipe


def run_benchmark(
    settings: AllSettings, job: BenchmarkRequest, reporter: Reporter, tuner: Tuner | None = None
) -> BenchmarkReport:
    """Train, then measure. Until all is tuned and trained, nothing is known of the test file but that it is there.

    tuner: None for the one that trains what is served. Raises UnusableFile, NoData.
    """
    _must_be_readable(job.test)
    any_rating = settings if _scale_is_set(settings) else settings.model_copy(update=_ANY_RATING)
    given = read_benchmark(job.train, job.valid, any_rating, reporter)
    settings = settings if _scale_is_set(settings) else _on_scale_of(given.data.ratings, settings)
    fitted, about = _fit(settings, job, given, tuner, reporter)
    return _measure(settings, job, given, fitted, about, reporter)


def _scale_is_set(settings: AllSettings) -> bool:
    return bool({"rating_min", "rating_max"} & settings.model_fields_set)


def _on_scale_of(ratings: Interactions, settings: AllSettings) -> AllSettings:
    """Settings whose scale holds all ratings that are learnt from. On a longer one than theirs the upper quarter is
    relevant, which is what 4 of 1 to 5 says.
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
    """Without opening it."""
    if not path.is_file() or not os.access(path, os.R_OK):
        found = "no such file" if not path.exists() else "it is no file that can be read"
        raise UnusableFile(
            f"{path}: {found}. Expected rows to measure on, as in the file of --train; check --test, and its rights."
        )


def _measure(
    settings: AllSettings,
    job: BenchmarkRequest,
    given: BenchmarkData,
    fitted: Fitted,
    about: JsonDict,
    reporter: Reporter,
) -> BenchmarkReport:
    """The only function that opens the test file; what is trained is handed in, with its checksums."""
    limits = settings if _scale_is_set(settings) else settings.model_copy(update=_ANY_RATING)
    rows = read_test_file(job.test, fitted.data, limits, reporter)
    relevant = job.relevant
    if relevant is None and _are_told_apart(rows.data.ratings):
        relevant = settings.relevant_rating
    facts = BenchmarkFacts({**given.files, "test": rows.file}, about)
    return measure_benchmark(fitted, rows, job.at, relevant, facts, reporter)


def _are_told_apart(ratings: Interactions) -> bool:
    """Whether there are ratings that say more than that something happened, as a column full of ones does not."""
    return len(ratings) > 0 and bool(ratings.value.min() < ratings.value.max())


def _relevant_for_tuning(settings: AllSettings, job: BenchmarkRequest, data: TrainingData) -> float:
    """The rating from which on a held-out product counts as liked: as it will be measured."""
    if job.relevant is not None:
        return job.relevant
    if len(data.ratings) and not _are_told_apart(data.ratings):
        return float(data.ratings.value.min())
    return settings.relevant_rating


def _fit(
    settings: AllSettings, job: BenchmarkRequest, given: BenchmarkData, tuner: Tuner | None, reporter: Reporter
) -> tuple[Fitted, JsonDict]:
    """Everything that is measured, trained; and what is to be said of it."""
    data = given.data
    listed = tuple(trainable(data)) if job.model == ALL else tuple(dict.fromkeys((POPULARITY, job.model)))
    with_pipeline = job.model in (ALL, PIPELINE)
    rating = _RATERS if len(data.ratings) and with_pipeline else ()  # what is served predicts ratings too
    costs: dict[str, Cost] = {}
    about: JsonDict = {"seed": settings.seed, "memory": _MEMORY, "tuning": None}
    models: dict[str, Any] = {}
    for name in MODELS:
        if name in (*listed, *rating):
            reporter.step(f"training {name} on {len(data):,} events")
            models[name], costs[name] = with_resource_usage(_training(settings, name, data))
    scorers = {
        name: cast("BlockScorer", model) for name, model in models.items() if name in listed and MODELS[name].lists
    }
    if with_pipeline:
        scorers[PIPELINE], costs[PIPELINE], about["tuning"] = _fit_pipeline(settings, job, given, tuner, reporter)
    raters = {name: cast("Rater", models[name]) for name in _RATERS if name in models}
    checksums = {name: checksum(model) for name, model in {**models, **scorers}.items()}
    popularity = cast("Popularity", models[POPULARITY])
    return Fitted(data, scorers, raters, costs, checksums, np.asarray(popularity.order)), about


def _training(settings: AllSettings, name: str, data: TrainingData) -> Callable[[], Any]:
    return lambda: MODELS[name].train(data, MODELS[name].params(settings), seed=settings.seed)


def _fit_pipeline(
    settings: AllSettings, job: BenchmarkRequest, given: BenchmarkData, tuner: Tuner | None, reporter: Reporter
) -> tuple[BlockScorer, Cost, JsonDict]:
    """(what is served, tuned and trained; what both took; how it was tuned)."""
    tuner = tuner or _own_tuner()
    tuning = given.for_tuning()
    reporter.step(f"tuning on {len(tuning.test):,} events for at most {job.budget_seconds:g} s")
    settings = settings.model_copy(update={"relevant_rating": _relevant_for_tuning(settings, job, given.data)})
    k = min(max(job.at), _TUNED_FOR)
    recipe, tuned = with_resource_usage(lambda: tuner.tune(settings, tuning, job.budget_seconds, k, reporter))
    reporter.step(f"training {PIPELINE} on {len(given.data):,} events")
    scorer, fitted = with_resource_usage(lambda: tuner.fit_recipe(given.data, recipe, settings.seed, reporter))
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
        "recipe": recipe.to_json(),
    }
    return scorer, cost, about


def _own_tuner() -> Tuner:
    from src.workflows.tune import fit_recipe, tune  # not on top: its libraries take a second to come in

    return Tuner(tune, fit_recipe)
