"""Train a release from events: prepare, measure, judge, fit on everything, publish; recorded as a run."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from src.core.address_space import check_training_space, is_limited, reserve_blas_buffers
from src.core.domain import DAY, JsonDict
from src.core.errors import AisleError, Busy, NoRelease, StoreError
from src.core.messages import message
from src.core.process_lock import LockOwner
from src.core.progress import Reporter
from src.core.records import Run, RunStatus
from src.interactions.interactions import TrainingData
from src.models.settings import AllSettings
from src.releases.gate_messages import verdict_record
from src.releases.release import Draft
from src.releases.shared_registry import open_registry
from src.store import Store
from src.store.database import file_of
from src.store.file_check import check_file
from src.workflows.drift_check import check_drift
from src.workflows.embed_catalogue import EmbeddedCatalogue, embed_catalogue
from src.workflows.erase import erase_again
from src.workflows.locks import in_turn, trainer_lock
from src.workflows.mlflow_tracking import track_training
from src.workflows.partial_training import prepare_part
from src.workflows.resource_usage import PhaseMeter
from src.workflows.run_records import (
    ProgressRecorder,
    begin_run,
    close_abandoned,
    ended_by_sigterm,
    refuse_queued,
    track_run,
)
from src.workflows.training_messages import run_message
from src.workflows.training_plan import ALL, TrainingRequest
from src.workflows.training_results import Prepared, Trained, TrainingContext
from src.workflows.training_steps import draft_of, judge, measure, prepare, publish, reported

_DELETED_AT_ONCE = 1_000


def train(settings: AllSettings, store: Store, job: TrainingRequest, reporter: Reporter) -> Trained | None:
    """Train, measure, and, if the gate allows it, publish and (unless told not to) activate.

    Whatever it raises, the run is recorded as failed, or as interrupted if it was ended from outside, and the release
    that served before serves on.

    Args:
        job: What to train.

    Returns:
        The finished training; None if another run answers for job.due already.

    Raises:
        Busy: Another training runs.
        AisleError: There are no data, the file cannot be used, a release cannot be written, or the store fails.
    """
    lock = trainer_lock(settings)
    if not lock.acquire(LockOwner.this_process(job.trigger)):
        error = Busy(message("run.busy", owner=str(lock.owner())))
        refuse_queued(store, job, error)
        raise error
    try:
        close_abandoned(store, lock)
        run = begin_run(store, job)
        if run is None:
            return None
        with track_run(store, run), ended_by_sigterm():
            open_registry(settings).follow()  # a host that is new compares with what the others serve
            check_training_space()
            if is_limited():
                reserve_blas_buffers(os.cpu_count() or 1)
            noted = PhaseMeter(ProgressRecorder(reporter, store, run))
            _forget(settings, store)
            if job.trigger == "night":
                _check_store(settings, noted)
                _score(settings, store, noted)
            with in_turn(settings, lambda: noted.step(message("step.other_shop"))):
                trained = _trained(TrainingContext(settings, store, job, run, lock, noted))
            trained = replace(trained, phases=noted.end())
            ended = _ended(run, job, trained)
            store.runs.save(ended)
        track_training(settings, open_registry(settings), ended, trained, reporter)
        return trained
    finally:
        lock.release()


def _trained(context: TrainingContext) -> Trained:
    """Go through the steps; the first verdict that refuses ends the training."""
    if context.request.engine == "spark":
        from src.workflows.spark_training import trained_by_spark  # imported here: other trainings do not need it

        return trained_by_spark(context)
    prepared = prepare(context)
    if not prepared.verdict.promoted:
        return Trained(None, None, False, prepared.verdict)
    if context.request.model_type != ALL:
        return _trained_partially(context, prepared)
    # `judged` holds no measured model, so that their memory is free when `draft_of` trains on all events.
    judged = judge(context, prepared, measure(context, prepared))
    if not judged.verdict.promoted:
        return Trained(None, judged.report, False, judged.verdict)
    return publish(context, prepared, draft_of(context, prepared, judged), judged.verdict, judged.report)


def _trained_partially(context: TrainingContext, prepared: Prepared) -> Trained:
    """Train some models; the others are carried over from the current release."""
    settings, store, reporter = context.settings, context.store, context.reporter

    def describe(data: TrainingData) -> EmbeddedCatalogue:
        return embed_catalogue(settings, store, data, reporter, with_new=False)

    training = prepare_part(settings, prepared.champion, prepared.data, context.request.model_type, describe)
    part = training.measure(reporter)
    verdict = reported(prepared.verdict, training.judge(part, prepared.verdict), reporter)
    if not verdict.promoted:
        return Trained(None, part.report, False, verdict)
    pipeline = training.fit(part, reporter)
    record = training.record(part)
    draft = Draft(pipeline, record, {"report": training.report_document(part)})
    return publish(context, replace(prepared, made_up=record.made_up), draft, verdict, part.report)


def _score(settings: AllSettings, store: Store, reporter: Reporter) -> None:
    """Score the current release on events that it has not seen; a release that cannot be scored ends no training."""
    try:
        score, _ = check_drift(settings, store, reporter)
        reporter.step(score.message)
    except NoRelease:
        pass
    except AisleError as error:
        reporter.step(f"WARNING: the current release was not scored: {error}")


def _check_store(settings: AllSettings, reporter: Reporter) -> None:
    """Look for broken pages of a SQLite store; what is found is a finding, and ends no training."""
    file = file_of(settings.store_url)
    if file is None:
        return
    reporter.step(message("step.checking_file"))
    try:
        check = check_file(file, settings.store_check_path)
    except StoreError as error:
        reporter.step(f"WARNING: {error}")
    else:
        if check.fault:
            reporter.step(f"WARNING: the store's file is damaged ({check.fault})")


def _forget(settings: AllSettings, store: Store) -> None:
    """Delete what must not be learnt from: who was erased before a backup was restored, old events, old lists."""
    erase_again(settings, store)
    now = int(time.time())
    if settings.retention_days:
        store.people.forget_before(now - settings.retention_days * DAY)
    # A few lists at a time, as others write meanwhile.
    while store.served_lists.delete_before(now - settings.served_days * DAY, _DELETED_AT_ONCE, settings.zone):
        pass


def _why_inactive(trained: Trained) -> JsonDict:
    if trained.pinned is not None:
        return {"inactive_as_pinned": trained.pinned}
    return {"inactive_as_canary": True} if trained.canary else {}


def _ended(run: Run, job: TrainingRequest, trained: Trained) -> Run:
    return replace(
        run,
        status=RunStatus.KEPT if trained.version is None else RunStatus.SUCCEEDED,
        release=trained.version,
        message=run_message(job, trained),
        verdict=verdict_record(trained.verdict).to_json() | _why_inactive(trained),
        finished_at=int(time.time()),
        progress="",
        phases=trained.phases,
    )
