"""From events to a release that serves: measure, fit on everything, publish, activate, and record the run."""

from __future__ import annotations

import importlib.metadata
import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from src.config import Settings
from src.dataset.checks import DataFigures, check_data
from src.dataset.interactions import TrainingData
from src.dataset.own_split import held_out
from src.dataset.splitting import split
from src.domain import JsonDict, Run, RunStatus
from src.errors import AisleError, Busy, Ended, StoreError
from src.evaluation.report import Report
from src.evaluation.tuning import tuned
from src.models import MODELS, POPULARITY, trainable
from src.progress import Reporter
from src.ranking.recipe import Recipe
from src.registry import Registry
from src.release import Draft
from src.store import Store
from src.workflows.catalogue import described
from src.workflows.evaluate import Plan, fit, fitted_and_measured, stored_data
from src.workflows.ingest import read_table
from src.workflows.locks import trainer_lock
from src.workflows.ranking import learn_rankings
from src.workflows.runs import close_abandoned
from src.workflows.tune import trials_file

# What a release must be measured with, whenever it is measured again.
_MEASURED_WITH = ("seed", "test_share", "relevant_rating", "evaluated_users", "rating_min", "rating_max")
_LIBRARIES = ("numpy", "scipy", "numba", "pandas", "scikit-surprise", "implicit", "lightgbm")


@dataclass(frozen=True)
class Job:
    """What to train, and for whom. data: a file instead of the store. models: names; popularity always comes along.

    tune_seconds: how long to look for better settings of the list, remembering what was tried; None for
    AISLE_TUNE_SECONDS.
    trigger: "command", "night" or "api". due: the nightly moment this run answers for, in UTC seconds.
    """

    data: Path | None = None
    models: tuple[str, ...] = tuple(MODELS)
    activate: bool = True
    tune_seconds: float | None = None
    trigger: str = "command"
    due: int | None = None


@dataclass(frozen=True)
class Trained:
    """A finished training."""

    version: str
    report: Report
    active: bool


def train(settings: Settings, store: Store, job: Job, reporter: Reporter) -> Trained | None:
    """Train, measure, publish and (unless told not to) activate. None: another run answers for job.due already.

    Raises Busy while another training runs; NoData, UnusableFile, ReleaseError, StoreError. Whatever it raises, the
    run is recorded as failed, and what was served before is served on.
    """
    lock = trainer_lock(settings)
    if not lock.acquire(f"{socket.gethostname()}:{os.getpid()}"):
        raise Busy(f"a training is running already (process {lock.owner()}). Wait for its end and try again.")
    try:
        close_abandoned(store, lock)
        run = Run(f"{secrets.token_hex(6)}", job.trigger, int(time.time()), RunStatus.RUNNING, due=job.due)
        if not store.journal.save_run(run):
            return None
        with _recorded(store, run), _ended_by_sigterm():
            trained = _train(settings, store, job, run, reporter)
            done = replace(run, status=RunStatus.SUCCEEDED, release=trained.version, message=trained.report.verdict())
            store.journal.save_run(replace(done, finished_at=int(time.time())))
        return trained
    finally:
        lock.release()


def _train(settings: Settings, store: Store, job: Job, run: Run, reporter: Reporter) -> Trained:
    data = read_table(settings, job.data, reporter) if job.data else stored_data(store, reporter)
    products = described(settings, store, data, reporter, with_new=job.data is None)
    data = products.data
    made_up = job.data is None and _made_up(store, data)
    registry = Registry(settings.releases_dir, settings.keep_releases)
    warnings = _data_warnings(registry, data, job)
    for warning in warnings:
        reporter.step(f"WARNING: {warning}")
    parts = split(data, settings.test_share)
    plan = _plan(settings, registry, parts.train, job, reporter)
    older, report = fitted_and_measured(settings, parts, plan, reporter)
    search = products.search(reporter)
    rankings = learn_rankings(settings, store, parts.test, replace(older, search=search), reporter)
    del older  # as large as what is fitted next
    started = time.perf_counter()
    pipeline = replace(fit(data, plan, settings.seed, reporter), default=report.best, rater=report.rater)
    pipeline = replace(pipeline, search=search, rankers=rankings.rankers)
    about = _about(settings, data, plan, report, job.data)
    about["made_up"] = made_up
    about["ranking"] = rankings.about
    about["data_checks"] = warnings
    about["fit_seconds"] = round(time.perf_counter() - started, 3)
    draft = Draft(pipeline, about, {"report": report.to_json()})
    reporter.step("publishing")
    version = registry.publish(draft, run.run_id, datetime.now(UTC))
    if job.activate:
        if made_up and not _made_up(store, data):
            raise AisleError("real data drove out the made-up shop while it was learnt from: run train_model.py again")
        registry.activate(version)
    return Trained(version, report, job.activate)


def _plan(settings: Settings, registry: Registry, train: TrainingData, job: Job, reporter: Reporter) -> Plan:
    """What to train: every model asked for, and the blend of them as tuning on a part of `train` finds best.

    Tuning begins where that of the current release ended, unless the settings were changed since.
    """
    first, can_train = Recipe.of(settings), trainable(train)
    left_out = [reason for name in job.models if (reason := MODELS[name].missing())]
    for reason in left_out:
        reporter.step(f"WARNING: {reason}")
    if job.models != tuple(MODELS):
        if left_out:
            raise AisleError(left_out[0])
        names = [name for name in MODELS if name in (POPULARITY, *job.models)]
        return Plan({name: MODELS[name].params(settings) for name in names}, None, first.weighting)
    recipe = tuned(
        settings,
        held_out(train) if len(train) > 1 else None,
        settings.tune_seconds if job.tune_seconds is None else job.tune_seconds,
        reporter,
        start=_last_recipe(registry, first, settings) or first,
        kept_in=None if job.tune_seconds is None else trials_file(settings, train),
    )
    params = {name: recipe.params.get(name) or kind.params(settings) for name, kind in can_train.items()}
    return Plan(params, recipe, recipe.weighting)


def _last_recipe(registry: Registry, first: Recipe, settings: Settings) -> Recipe | None:
    try:
        manifest = registry.current().manifest
        kept = manifest["recipe"]
        same_settings = kept is not None and manifest["recipe_of_settings"] == first.to_json()
        return Recipe.from_json(kept, settings) if same_settings else None
    except (AisleError, KeyError, TypeError, ValueError):  # none yet, or another version's: begin anew
        return None


def _data_warnings(registry: Registry, data: TrainingData, job: Job) -> list[str]:
    """What looks wrong with the store's events beside those that the current release learnt from."""
    try:
        manifest = registry.current().manifest
    except AisleError:
        return []
    before = manifest["data"]
    if job.data is not None or before["source"] != "store":
        return []
    then = DataFigures(
        n_events=before["n_events"],
        n_users=before["n_users"],
        n_products=before["n_items"],
        newest_at=before["newest_at"],
        counted_at=int(datetime.fromisoformat(manifest["created_at"]).timestamp()),
    )
    newest = int(data.events.at.max())
    now = DataFigures(
        len(data), len(data.users), len(data.items), newest if newest >= 0 else None, counted_at=int(time.time())
    )
    return [check.message for check in check_data(now, then) if not check.passed]


def _made_up(store: Store, data: TrainingData) -> bool:
    """Whether this is the made-up shop, and it is still there: asked of a few products, as counting takes long."""
    some = data.items.ids_of(range(min(20, len(data.items))))
    return any(product.made_up for product in store.products(some).values())


def _about(settings: Settings, data: TrainingData, plan: Plan, report: Report, file: Path | None) -> JsonDict:
    newest = int(data.events.at.max())
    return {
        "data": {
            "source": str(file.resolve()) if file else "store",
            "n_events": len(data),
            "n_users": len(data.users),
            "n_items": len(data.items),
            "newest_at": newest if newest >= 0 else None,
        },
        "settings": {name: getattr(settings, name) for name in _MEASURED_WITH},
        "params": {name: asdict(its) for name, its in plan.params.items()},
        "recipe": None if plan.recipe is None else plan.recipe.to_json(),
        "recipe_of_settings": Recipe.of(settings).to_json(),
        "metrics": {
            "rmse": {name: figures.rmse.value for name, figures in report.ratings.items()},
            "ndcg_at_10": {name: figures.ndcg_at_10.value for name, figures in report.lists.items()},
        },
        "verdict": report.verdict(),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }


@contextmanager
def _recorded(store: Store, run: Run) -> Iterator[None]:
    """Whatever ends the work, the run does not stay "running"."""
    try:
        yield
    except BaseException as error:
        what = "ended by SIGTERM" if isinstance(error, Ended) else str(error) or type(error).__name__
        with suppress(StoreError):  # what went wrong first is what people must read
            store.journal.save_run(replace(run, status=RunStatus.FAILED, finished_at=int(time.time()), message=what))
        raise


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    def end(_signal: int, _frame: FrameType | None) -> None:
        raise Ended

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread: nobody sends signals here
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
