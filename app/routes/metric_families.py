"""What GET /metrics shows besides counts: what is served, how trainings ended, and how good the lists are."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from app.context import AisleContext
from app.routes.shadows import shadow_report
from app.serving.recommender import Recommender
from app.views.finding_records import update_findings
from app.views.findings import Level
from src.core.errors import NotReady, StoreError
from src.core.records import RunStatus, Score
from src.core.settings import Settings
from src.core.shadows import ALL
from src.core.shop_days import shop_day
from src.evaluation.drift import SCORES_READ, detect_drift
from src.releases.registry import Registry
from src.store import Store
from src.workflows.shop_figures import saved_earnings

_WEEK = 7


def families(aisle: AisleContext) -> Iterator[Family]:
    """Yield the families; those of the store are missing while it does not answer."""
    yield from _worker_families(aisle.recommender)
    yield from _shared_family(aisle.registry)
    yield from _run_families(aisle.store)
    yield from _release_quality(aisle.recommender)
    yield from _quality_on_new_events(aisle)
    yield from _week_families(aisle.settings)
    yield _finding_family(aisle)
    yield from _shadow_families(aisle)


def _worker_families(recommender: Recommender) -> Iterator[Family]:
    """Yield the number of workers by release, of this host alone: Prometheus asks every host."""
    host = socket.gethostname()
    local = [worker for worker in recommender.workers() if worker["host"] == host and _is_alive(worker["pid"])]
    by_release = Counter(worker["release"] or "" for worker in local)
    family = GaugeMetricFamily("aisle_release_info", "Workers that serve a release.", labels=["version"])
    for version, workers in sorted(by_release.items()):
        family.add_metric([version], workers)
    yield family


def _shared_family(registry: Registry) -> Iterator[Family]:
    """Yield whether this host sees the releases that all hosts share; nothing where they do not share any."""
    if (state := registry.shared_state) is not None:
        sees = GaugeMetricFamily("aisle_shared_releases_up", "Whether this host sees the releases of all hosts.")
        sees.add_metric([], not state.problem)
        yield sees


def _finding_family(aisle: AisleContext) -> Family:
    """Return the number of unresolved findings by level and state."""
    family = GaugeMetricFamily("aisle_findings", "Unresolved findings.", labels=["level", "state"])
    counts = Counter((Level(record.level).name.lower(), record.state.value) for record in update_findings(aisle))
    for labels, count in sorted(counts.items()):
        family.add_metric(list(labels), count)
    return family


def _shadow_families(aisle: AisleContext) -> list[Family]:
    """Return the counts and the agreement of the shadow that began last; nothing if there was none."""
    try:
        report = shadow_report(aisle)
    except StoreError:
        return []
    lists = CounterMetricFamily("aisle_shadow_lists", "Lists for the shadow.", labels=["release", "result"])
    agreement = GaugeMetricFamily(
        "aisle_shadow_agreement", "Mean rank-biased overlap.", labels=["release", "served_by"]
    )
    whole = [each for each in report["slices"] if each["slice"] == ALL]
    counts = {
        "compared": sum(each["lists"] for each in whole),
        "dropped": report["dropped"],
        "failed": report["failed"],
    }
    for result, count in counts.items() if report["release"] else ():
        lists.add_metric([report["release"], result], count)
    for each in whole:
        agreement.add_metric([report["release"], each["served_by"]], each["agreement"])
    return [lists, agreement] if report["release"] else []


def _is_alive(pid: int) -> bool:
    """Return whether a process exists; the status file of a killed worker stays for some seconds."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _run_families(store: Store) -> Iterator[Family]:
    """Yield whether the store answers, and its runs by status."""
    answers = GaugeMetricFamily("aisle_store_up", "Whether the store answers.")
    try:
        outcomes = store.runs.count_by_status()
    except StoreError:
        answers.add_metric([], 0)
        yield answers
        return
    answers.add_metric([], 1)
    yield answers
    runs = CounterMetricFamily("aisle_runs", "Trainings, by how they ended.", labels=["status"])
    last = GaugeMetricFamily("aisle_run_last_seconds", "When one last ended so, UTC seconds.", labels=["status"])
    counts = {outcome.status: outcome.count for outcome in outcomes}
    for status in RunStatus:  # also those without a run: an increase is seen from the first one on
        runs.add_metric([status.value], counts.get(status, 0))
    for outcome in outcomes:
        if outcome.last_at is not None:
            last.add_metric([outcome.status.value], outcome.last_at)
    yield from (runs, last)


def _release_quality(recommender: Recommender) -> Iterator[Family]:
    """Yield the figures by which the served release was chosen."""
    try:
        manifest = recommender.release().manifest
    except NotReady:
        return
    lists, ratings = manifest.metrics.ndcg_at_10, manifest.metrics.rmse
    yield from _gauges(
        (
            "aisle_release_ndcg_at_10",
            "NDCG@10 of the served release at its training.",
            lists.get(manifest.default_model),
        ),
        ("aisle_release_rmse", "RMSE of the served release at its training.", ratings.get(manifest.rating_model or "")),
    )


def _quality_on_new_events(aisle: AisleContext) -> Iterator[Family]:
    """Yield how the served release did on events that it had not seen, and whether that is worse than before."""
    try:
        scores = aisle.store.runs.scores(SCORES_READ)
    except StoreError:
        return
    if scores:
        yield from _score_families(scores, aisle.settings.drift_fall)


def _score_families(scores: Sequence[Score], fall: float) -> Iterator[Family]:
    newest = scores[0]
    yield from _gauges(
        ("aisle_score_seconds", "When the release was last scored on new events, UTC seconds.", newest.at),
        ("aisle_score_events", "New events that it was scored on.", newest.n_events),
        ("aisle_score_ndcg_at_10", "NDCG@10 of its lists on new events.", newest.ndcg_at_10),
        ("aisle_score_coverage", "Share of the products that are on any of these lists.", newest.coverage),
        ("aisle_score_rmse", "RMSE of its ratings on new events.", newest.rmse),
        (
            "aisle_drift",
            "Whether it does worse on new events than before.",
            detect_drift(newest, scores[1:], fall) is not None,
        ),
    )


def _week_families(settings: Settings) -> Iterator[Family]:
    """Yield what followed recommendations in the last seven days that were counted."""
    earned = saved_earnings(settings)
    if earned is None:
        return
    days = [day for day in earned.days if day.day > shop_day(earned.counted_at, settings.zone) - _WEEK]
    yield from _gauges(
        ("aisle_week_counted_seconds", "When the last week was counted, UTC seconds.", earned.counted_at),
        ("aisle_week_purchases", "Purchases of the last week.", sum(day.purchases for day in days)),
        ("aisle_week_attributed", "Those that followed recommendations.", sum(day.attributed for day in days)),
        (
            "aisle_week_clicks",
            "Clicks and views of recommended products in the last week.",
            sum(day.clicks for day in days),
        ),
    )


def _gauges(*rows: tuple[str, str, float | None]) -> Iterator[Family]:
    """Yield a gauge for each (name, meaning, value) with a value."""
    for name, meaning, value in rows:
        if value is not None:
            family = GaugeMetricFamily(name, meaning)
            family.add_metric([], float(value))
            yield family
