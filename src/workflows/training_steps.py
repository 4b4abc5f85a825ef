"""The steps of a training: prepare, measure, judge, publish. Each returns a frozen result; so does a refusal."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from src.core.canaries import HOLDER, Canary
from src.core.errors import AisleError
from src.core.messages import message
from src.core.process_lock import LockOwner
from src.core.progress import Reporter
from src.evaluation.report import Report
from src.interactions.interactions import TrainingData
from src.interactions.splits import split
from src.models import MODELS
from src.models.settings import AllSettings
from src.recommendation.ensemble_config import EnsembleConfig
from src.recommendation.list_blocks import MOST_ITEMS, UserBlocks, makes_blocks
from src.recommendation.pipeline import Pipeline
from src.recommendation.prepared_lists import LENGTH as PREPARED_LENGTH
from src.recommendation.prepared_lists import prepare_lists
from src.releases.gate_messages import verdict_record
from src.releases.manifest import TrainingRecord
from src.releases.manifest_sections import STORE, EnsembleRecord, MeasurementSettings, MetricsRecord, TrainingDataRecord
from src.releases.promotion_gate import GateBounds, check_release, compare
from src.releases.release import Draft, SmokeTestResult
from src.releases.verdict import GateVerdict, NotCompared, Override
from src.store import Store
from src.workflows.champion_comparison import (
    MeasuredPlan,
    champion_of,
    check_data_of,
    measure_champion,
    retrained_champion,
)
from src.workflows.embed_catalogue import embed_catalogue
from src.workflows.fit import Reuse, continued_from, fit, measured_fit, stored_data
from src.workflows.ingest import read_table
from src.workflows.search_ranker_training import train_search_rankers
from src.workflows.training_plan import ALL, TrainingRequest, plan_of
from src.workflows.training_results import JudgedTraining, Measured, Prepared, Trained, TrainingContext

_LIBRARIES = ("numpy", "scipy", "numba", "pandas", "scikit-surprise", "lightgbm")
_SAMPLED_PRODUCTS = 20
_UNATTENDED = ("night", "drift")


def prepare(context: TrainingContext, read: Callable[[], TrainingData] | None = None) -> Prepared:
    """Read the events, find the release to compare with, and check the events beside that release's.

    Args:
        read: Reads the events; None for those of the file of the request, else of the store.

    Returns:
        The events and the verdict on them.

    Raises:
        NoData: The store holds no events.
        UnusableFile: The file cannot be read.
    """
    settings, store, request, reporter = context.settings, context.store, context.request, context.reporter
    changed_at, read_at = store.events.changed_at(), time.time_ns() // 1_000
    if read is not None:
        data = read()
    else:
        data = read_table(settings, request.data, reporter) if request.data else stored_data(store, reporter)
    catalogue = embed_catalogue(settings, store, data, reporter, with_new=request.data is None)
    made_up = request.data is None and is_made_up(store, catalogue.data)
    champion = champion_of(context.registry)
    if champion is not None and champion.made_up and not made_up and request.model_type == ALL:
        reporter.step(message("step.made_up_before"))
        champion = None
    if champion is not None and champion.release.manifest.provisional and request.model_type == ALL:
        reporter.step(message("step.unmeasured_before"))
        champion = None
    verdict = GateVerdict(override=_override(settings, request))
    if request.data is None and champion is not None and not made_up:
        unattended = request.trigger in _UNATTENDED
        checked = check_data_of(champion, store, catalogue.data, verdict, unattended=unattended)
        verdict = reported(verdict, checked, reporter)
    return Prepared(catalogue, changed_at, read_at, made_up, champion, verdict)


def measure(context: TrainingContext, prepared: Prepared) -> Measured:
    """Choose settings, train them on the older events, and measure them and the champion's on the newer ones.

    Args:
        prepared: Its data.

    Returns:
        Both figures.
    """
    settings, reporter = context.settings, context.reporter
    parts = split(prepared.data, settings.test_share)
    plan = plan_of(settings, context.registry, parts.train, context.request, reporter)
    challenger = MeasuredPlan(plan, *measured_fit(settings, parts, plan, reporter))
    return Measured(parts, challenger, measure_champion(settings, prepared.champion, parts, challenger, reporter))


def judge(context: TrainingContext, prepared: Prepared, measured: Measured) -> JudgedTraining:
    """Decide which settings are trained on all events, and train the search re-rankers beside them.

    The champion's settings are trained again where data that are whole refuse new ones for every model.

    Args:
        prepared: Its data.
        measured: The figures.

    Returns:
        The verdict and the settings.
    """
    settings, champion, chosen = context.settings, prepared.champion, measured.challenger
    before = measured.champion if isinstance(measured.champion, NotCompared) else measured.champion.report
    compared = compare(chosen.report, before, GateBounds.of(settings))
    version = champion.release.version if champion else None
    verdict = prepared.verdict.with_checks(
        compared.checks, compared.comparison, lists=compared.figures, champion=version
    )
    trains_all = context.request.models == tuple(MODELS)
    if champion and isinstance(measured.champion, MeasuredPlan) and not verdict.promoted and trains_all:
        verdict = replace(verdict, settings_of=version)
        chosen = retrained_champion(settings, champion, measured.champion, chosen, measured.parts.train)
    verdict = reported(prepared.verdict, verdict, context.reporter)
    if not verdict.promoted:
        return JudgedTraining(verdict, measured.challenger.plan, measured.challenger.report)
    search = prepared.catalogue.search(context.reporter)
    pipeline = replace(chosen.pipeline, search=search)
    rankings = train_search_rankers(settings, context.store, measured.parts.test, pipeline, context.reporter)
    start = continued_from(chosen.pipeline, chosen.plan)
    return JudgedTraining(verdict, chosen.plan, chosen.report, search, rankings, start)


def draft_of(
    context: TrainingContext,
    prepared: Prepared,
    judged: JudgedTraining,
    fit_all: Callable[[], Pipeline] | None = None,
) -> Draft:
    """Train the chosen settings on all events.

    Args:
        prepared: Its data.
        judged: The chosen settings.
        fit_all: Trains them elsewhere; None to train them in this process.

    Returns:
        The release to publish.
    """
    started = time.perf_counter()
    if fit_all is None:
        reuse = Reuse(start=judged.start)
        pipeline = fit(prepared.data, judged.plan, context.settings, context.reporter, reuse)
    else:
        pipeline = fit_all()
    pipeline = replace(
        pipeline,
        default=judged.report.best,
        rater=judged.report.rater,
        search=judged.search,
        rankers=judged.rankings.rankers,
    )
    record = _record(context, prepared, judged, round(time.perf_counter() - started, 3))
    return Draft(pipeline, record, {"report": judged.report.to_json()})


def publish(
    context: TrainingContext, prepared: Prepared, draft: Draft, verdict: GateVerdict, report: Report
) -> Trained:
    """Write a release, check it in a fresh process and, unless told not to, activate it.

    Args:
        prepared: Its data.
        draft: The release.
        verdict: The verdict so far.
        report: Its figures.

    Returns:
        The finished training; the gate may still have refused the release on disk.

    Raises:
        ReleaseError: The release could not be written or loaded.
        AisleError: Real data replaced the synthetic shop meanwhile, or the trainer's lock was lost.
    """
    before = None if prepared.champion is None else prepared.champion.n_bytes

    def judge_on_disk(proof: SmokeTestResult) -> GateVerdict:
        checks = check_release(proof, before, GateBounds.of(context.settings))
        return reported(verdict, verdict.with_checks(checks, proof=asdict(proof)), context.reporter)

    gate = {"gate": verdict_record(verdict), "data_checks": verdict.warnings, "run": context.run.run_id}
    why = {"why": context.request.why} if context.request.why else {}
    pipeline = _with_prepared_lists(draft.pipeline, context, prepared.data)
    finished = replace(draft, pipeline=pipeline, about=draft.about.model_copy(update={**gate, **why}))
    context.reporter.step(message("step.publishing"))
    publication = context.registry.publish_if(finished, context.run.run_id, datetime.now(UTC), judge_on_disk)
    verdict = publication.verdict or verdict
    if publication.version is None:
        return Trained(None, report, False, verdict)
    return _activate(context, prepared, Trained(publication.version, report, False, verdict))


def _with_prepared_lists(pipeline: Pipeline, context: TrainingContext, data: TrainingData) -> Pipeline:
    """Return a pipeline with the lists that are asked for most; what they are made of does not stay."""
    pipeline = replace(pipeline, prepared=None)
    # A small catalogue's lists are made by the code of requests, to the last bit.
    large = len(pipeline.items) > MOST_ITEMS and makes_blocks(pipeline)
    # A copy of the data: the matrices that it computes are gone with it.
    in_blocks = UserBlocks(pipeline, replace(data), PREPARED_LENGTH) if large else None
    lists = prepare_lists(pipeline, data, context.settings.prepare_seconds, context.reporter, in_blocks)
    return replace(pipeline, prepared=lists)


def reported(before: GateVerdict, verdict: GateVerdict, reporter: Reporter) -> GateVerdict:
    """Report the failed checks that a step added, as warnings.

    Args:
        before: The verdict before the step.
        verdict: The verdict after it.

    Returns:
        The verdict after the step, unchanged.
    """
    for check in verdict.checks:
        if check not in before.checks and not check.passed:
            reporter.step(f"WARNING: {check.message}")
    return verdict


def is_made_up(store: Store, data: TrainingData) -> bool:
    """Tell whether data are the synthetic shop's and that is still in the store.

    Args:
        data: The events; a few of their products are looked up, as counting takes long.

    Returns:
        True if any of these is synthetic.
    """
    some = data.items.ids_of(range(min(_SAMPLED_PRODUCTS, len(data.items))))
    return any(product.made_up for product in store.products.get(some).values())


def _override(settings: AllSettings, request: TrainingRequest) -> Override | None:
    if request.force:
        return Override.COMMAND if request.trigger == "command" else Override.REQUEST
    return Override.SETTING if settings.gate == "off" else None


def _record(context: TrainingContext, prepared: Prepared, judged: JudgedTraining, fit_seconds: float) -> TrainingRecord:
    report, champion = judged.report, prepared.champion
    of_settings: EnsembleRecord | None = EnsembleRecord.of(EnsembleConfig.of(context.settings))
    if judged.verdict.settings_of and champion is not None:  # the refused settings are tried again next time
        of_settings = champion.release.manifest.ensemble_of_settings
    return TrainingRecord(
        data=data_record(prepared.data, prepared.changed_at, prepared.read_at, context.request.data),
        settings=MeasurementSettings.of(context.settings),
        params={name: asdict(params) for name, params in judged.plan.params.items()},
        ensemble=None if judged.plan.ensemble is None else EnsembleRecord.of(judged.plan.ensemble),
        ensemble_of_settings=of_settings,
        metrics=MetricsRecord(
            rmse={name: figures.rmse.value for name, figures in report.ratings.items()},
            ndcg_at_10={name: figures.ndcg_at_10.value for name, figures in report.lists.items()},
            rating_intervals=report.rating_intervals,
        ),
        summary=report.summary(),
        libraries={name: importlib.metadata.version(name) for name in _LIBRARIES},
        made_up=prepared.made_up,
        ranking=judged.rankings.about,
        fit_seconds=fit_seconds,
    )


def data_record(
    data: TrainingData, changed_at: int | None, read_at: int, file: Path | None = None
) -> TrainingDataRecord:
    """Describe the events of a training, for the manifest.

    Args:
        data: The events.
        changed_at: See Prepared.
        read_at: See Prepared.
        file: Where they are from; None for the store.

    Returns:
        The record.
    """
    counts = data.counts
    return TrainingDataRecord(
        source=str(file.resolve()) if file else STORE,
        n_events=counts.n_events,
        n_users=len(data.users),
        n_items=len(data.items),
        newest_at=counts.newest_at if counts.newest_at >= 0 else None,
        changed_at=changed_at,
        read_at=read_at,
    )


def _goes_out_slowly(context: TrainingContext, prepared: Prepared) -> bool:
    """Return whether a release is shown to few users first: not over a pin, nor in place of a made-up shop."""
    current = context.registry.current_version()
    return (
        context.settings.canary == "on"
        and not context.request.force
        and not context.registry.is_pinned
        and prepared.champion is not None
        and current is not None
        and (prepared.made_up or not context.registry.is_made_up(current))
    )


def _activate(context: TrainingContext, prepared: Prepared, trained: Trained) -> Trained:
    """Let a published release serve, unless the request or a pin forbids it."""
    request, lock, registry, version = context.request, context.lock, context.registry, trained.version
    if version is None or not request.activate:
        return trained
    if prepared.made_up and not is_made_up(context.store, prepared.data):
        raise AisleError("real data replaced the made-up shop during this training. Run python train_model.py again.")
    if not lock.held and not lock.acquire(LockOwner.this_process(request.trigger)):
        raise AisleError(
            "this training lost its lock, for example because the database was restarted, and another training "
            f"({lock.owner()}) holds it. Release {version} was not activated. Run python train_model.py again, or "
            f"activate it: python train_model.py --activate {version}"
        )
    if _goes_out_slowly(context, prepared):
        registry.hold(HOLDER, {version})  # the guide holds the running one, too, when it looks next
        context.store.canaries.propose(Canary(version, context.run.run_id, int(time.time())))
        return replace(trained, canary=True)
    if not registry.activate(version, over_pin=request.force):
        return replace(trained, pinned=registry.current_version())
    return replace(trained, active=True)
