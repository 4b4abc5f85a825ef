"""From events to a release that serves: measure, pass the gate, fit on everything, publish, activate; all recorded."""

from __future__ import annotations

import importlib.metadata
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from src.core.domain import DAY
from src.core.errors import AisleError, Busy, NoRelease
from src.core.process_lock import Lock, LockOwner
from src.core.progress import Reporter
from src.core.records import Run, RunStatus
from src.evaluation.report import Report
from src.interactions.interactions import TrainingData
from src.interactions.splits import split
from src.models import MODELS
from src.models.settings import AllSettings
from src.recommendation.ensemble_config import EnsembleConfig
from src.releases.manifest import (
    STORE,
    EnsembleRecord,
    GateRecord,
    MeasurementSettings,
    MetricsRecord,
    TrainingDataRecord,
    TrainingRecord,
)
from src.releases.promotion_gate import GateBounds, GateVerdict, check_release
from src.releases.registry import Registry
from src.releases.release import Draft, SmokeTestResult
from src.store import Store
from src.workflows.champion_comparison import Champion, Measured, champion_of, compare_with_champion, look_at_data
from src.workflows.drift_check import check_drift
from src.workflows.embed_catalogue import EmbeddedCatalogue, embed_catalogue
from src.workflows.fit import fit, measured_fit, stored_data
from src.workflows.ingest import read_table
from src.workflows.locks import trainer_lock
from src.workflows.partial_training import PartialTraining
from src.workflows.run_records import (
    ProgressRecorder,
    begin_run,
    close_abandoned,
    ended_by_sigterm,
    refuse_queued,
    track_run,
)
from src.workflows.search_ranker_training import train_search_rankers
from src.workflows.training_plan import ALL, TrainingRequest, plan_of

_FORGOTTEN_AT_ONCE = 1_000
_LIBRARIES = ("numpy", "scipy", "numba", "pandas", "scikit-surprise", "implicit", "lightgbm")


@dataclass(frozen=True)
class Trained:
    """A finished training. version: of the new release; None if the gate kept the old one. report: what was measured,
    if it came so far.
    """

    version: str | None
    report: Report | None
    active: bool
    verdict: GateVerdict
    note: str = ""


class _Kept(Exception):
    """The gate keeps the old release."""

    def __init__(self, verdict: GateVerdict, report: Report | None) -> None:
        super().__init__(verdict.sentence())
        self.verdict, self.report = verdict, report


def train(settings: AllSettings, store: Store, job: TrainingRequest, reporter: Reporter) -> Trained | None:
    """Train, measure, and, if the gate allows it, publish and (unless told not to) activate.

    None: another run answers for job.due already. Raises Busy while another training runs; NoData, UnusableFile,
    ReleaseError, StoreError. Whatever it raises, the run is recorded as failed, or as interrupted if it was ended from
    outside, and what was served before is served on.
    """
    lock = trainer_lock(settings)
    if not lock.acquire(LockOwner.this_process(job.trigger)):
        error = Busy(f"a training is running already (process {lock.owner()}). Wait for its end and try again.")
        refuse_queued(store, job, error)
        raise error
    try:
        close_abandoned(store, lock)
        run = begin_run(store, job)
        if run is None:
            return None
        with track_run(store, run), ended_by_sigterm():
            noted = ProgressRecorder(reporter, store, run)
            if job.trigger == "night":
                _score(settings, store, noted)
                _forget_lists(settings, store)
            try:
                trained = _Training(settings, store, job, run, lock, noted).done()
            except _Kept as kept:
                trained = Trained(None, kept.report, False, kept.verdict)
            store.runs.save(_ended(run, job, trained))
        return trained
    finally:
        lock.release()


def _score(settings: AllSettings, store: Store, reporter: Reporter) -> None:
    """Every night the current release is scored on what it has not seen; where it cannot be, the night goes on."""
    try:
        score, _ = check_drift(settings, store, reporter)
        reporter.step(score.message)
    except NoRelease:
        pass
    except AisleError as error:
        reporter.step(f"WARNING: the current release was not scored: {error}")


def _forget_lists(settings: AllSettings, store: Store) -> None:
    """Served lists go after AISLE_SERVED_DAYS, also where none are kept any more; a few at a time, as others write."""
    before = int(time.time()) - settings.served_days * DAY
    while store.served_lists.delete_before(before, _FORGOTTEN_AT_ONCE):
        pass


def _ended(run: Run, job: TrainingRequest, trained: Trained) -> Run:
    return replace(
        run,
        status=RunStatus.KEPT if trained.version is None else RunStatus.SUCCEEDED,
        release=trained.version,
        message=". ".join(part for part in (job.why, trained.verdict.sentence(), trained.note) if part),
        verdict=trained.verdict.to_json(),
        finished_at=int(time.time()),
        progress="",
    )


class _Training:
    """One training under way."""

    def __init__(
        self, settings: AllSettings, store: Store, job: TrainingRequest, run: Run, lock: Lock, reporter: Reporter
    ) -> None:
        self.settings, self.store, self.job, self.run = settings, store, job, run
        self.lock, self.reporter = lock, reporter
        self.registry = Registry(settings.releases_dir, settings.keep_releases)
        self.champion: Champion | None = None
        self.verdict = GateVerdict()
        self.report: Report | None = None

    def done(self) -> Trained:
        settings, job, reporter = self.settings, self.job, self.reporter
        changed_at, read_at = self.store.events.changed_at(), time.time_ns() // 1_000
        data = read_table(settings, job.data, reporter) if job.data else stored_data(self.store, reporter)
        products = embed_catalogue(settings, self.store, data, reporter, with_new=job.data is None)
        data = products.data
        made_up = job.data is None and _made_up(self.store, data)
        self.champion = champion_of(self.registry)
        if self.champion is not None and self.champion.made_up and not made_up and job.model_type == ALL:
            reporter.step("the current release was learnt from the made-up shop: it is no measure of real data")
            self.champion = None
        beside = None if made_up else self.champion
        self.verdict = GateVerdict(overridden=self._overridden())
        if job.data is None:
            unattended = job.trigger in ("night", "drift")
            self._judge(look_at_data(beside, self.store, data, self.verdict, unattended=unattended))
        if job.model_type != ALL:
            return self._part(data)
        parts = split(data, settings.test_share)
        plan = plan_of(settings, self.registry, parts.train, job, reporter)
        mine = Measured(plan, *measured_fit(settings, parts, plan, reporter))
        self.report, whole = mine.report, job.models == tuple(MODELS)
        verdict, taken = compare_with_champion(
            settings, self.champion, parts, mine, self.verdict, reporter, learn_anew=whole
        )
        self._judge(verdict)
        self.report, plan = taken.report, taken.plan
        search = products.search(reporter)
        rankings = train_search_rankers(
            settings, self.store, parts.test, replace(taken.pipeline, search=search), reporter
        )
        del mine, taken  # what is fitted now would stand beside it in memory
        started = time.perf_counter()
        pipeline = fit(data, plan, settings.seed, reporter)
        pipeline = replace(pipeline, default=self.report.best, rater=self.report.rater)
        pipeline = replace(pipeline, search=search, rankers=rankings.rankers)
        about = TrainingRecord(
            data=_data_record(data, job.data, changed_at, read_at),
            settings=MeasurementSettings.of(settings),
            params={name: asdict(its) for name, its in plan.params.items()},
            recipe=None if plan.recipe is None else EnsembleRecord.of(plan.recipe),
            recipe_of_settings=EnsembleRecord.of(EnsembleConfig.of(settings)),
            metrics=MetricsRecord(
                rmse={name: figures.rmse.value for name, figures in self.report.ratings.items()},
                ndcg_at_10={name: figures.ndcg_at_10.value for name, figures in self.report.lists.items()},
            ),
            summary=self.report.verdict(),
            libraries={name: importlib.metadata.version(name) for name in _LIBRARIES},
            made_up=made_up,
            ranking=rankings.about,
            fit_seconds=round(time.perf_counter() - started, 3),
        )
        if verdict.settings_of and self.champion is not None:  # those of now were refused, and are tried again
            before = self.champion.release.manifest.recipe_of_settings
            about = about.model_copy(update={"recipe_of_settings": before})
        return self._published(Draft(pipeline, about, {"report": self.report.to_json()}), data, made_up)

    def _part(self, data: TrainingData) -> Trained:
        """Some models anew, the others carried over from the current release."""
        part = PartialTraining(self.settings, self.champion, data, self.job, self._described)
        verdict, self.report, plan = part.measured(self.verdict, self.reporter)
        self._judge(verdict)
        pipeline = part.fitted(self.report, plan, self.reporter)
        about, document = part.about(self.report)
        return self._published(Draft(pipeline, about, {"report": document}), data, about.made_up)

    def _described(self, data: TrainingData) -> EmbeddedCatalogue:
        """What the catalogue says of just these products."""
        return embed_catalogue(self.settings, self.store, data, self.reporter, with_new=False)

    def _overridden(self) -> str:
        """Who said that the gate has no say."""
        if self.job.force:
            return "--force" if self.job.trigger == "command" else "force"
        return "AISLE_GATE=off" if self.settings.gate == "off" else ""

    def _judge(self, verdict: GateVerdict) -> None:
        new = verdict.warnings[len(self.verdict.warnings) :]
        self.verdict = verdict
        for warning in new:
            self.reporter.step(f"WARNING: {warning}")
        if not verdict.promoted:
            raise _Kept(verdict, self.report)

    def _published(self, draft: Draft, data: TrainingData, made_up: bool) -> Trained:
        def accept(proof: SmokeTestResult) -> None:
            before = None if self.champion is None else self.champion.n_bytes
            checks = check_release(proof, before, GateBounds.of(self.settings))
            self._judge(self.verdict.with_checks(checks, proof=asdict(proof)))

        self.reporter.step("publishing")
        about = draft.about.model_copy(
            update={
                "gate": GateRecord.model_validate(self.verdict.to_json()),
                "data_checks": tuple(self.verdict.warnings),
                "run": self.run.run_id,
                **({"why": self.job.why} if self.job.why else {}),
            }
        )
        version = self.registry.publish(replace(draft, about=about), self.run.run_id, datetime.now(UTC), accept)
        active, note = self._activated(version, data, made_up)
        return Trained(version, self.report, active, self.verdict, note)

    def _activated(self, version: str, data: TrainingData, made_up: bool) -> tuple[bool, str]:
        """(whether it serves now, why not)."""
        if not self.job.activate:
            return False, ""
        if made_up and not _made_up(self.store, data):
            raise AisleError("real data drove out the made-up shop while it was learnt from: run train_model.py again")
        if not self.lock.held and not self.lock.acquire(LockOwner.this_process(self.job.trigger)):
            raise AisleError(
                "the lock that keeps two trainings apart was lost on the way (the database was started anew?), and "
                f"another training ({self.lock.owner()}) holds it, so the release {version} was not activated. Train "
                f"again, or: python train_model.py --activate {version}"
            )
        if not self.registry.activate(version, over_pin=self.job.force):
            return False, f"it was published and not activated, as {self.registry.current_version()} is pinned"
        return True, ""


def _made_up(store: Store, data: TrainingData) -> bool:
    """Whether this is the made-up shop, and it is still there: asked of a few products, as counting takes long."""
    some = data.items.ids_of(range(min(20, len(data.items))))
    return any(product.made_up for product in store.products.get(some).values())


def _data_record(data: TrainingData, file: Path | None, changed_at: int | None, read_at: int) -> TrainingDataRecord:
    newest = int(data.events.at.max())
    return TrainingDataRecord(
        source=str(file.resolve()) if file else STORE,
        n_events=len(data),
        n_users=len(data.users),
        n_items=len(data.items),
        newest_at=newest if newest >= 0 else None,
        changed_at=changed_at,
        read_at=read_at,
    )
