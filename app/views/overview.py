"""The service on the dashboard: the release, the findings of the health checks, runs, files, figures.

Each part is read by itself: a store that does not answer, or a release that cannot be read, takes nothing else from the
page.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.context import AisleContext
from app.views import health_checks
from app.views.finding_texts import FindingText, text_of
from app.views.findings import DiskUnreadable, Drifted, Finding, Level, ServedRelease
from app.views.model_report import Became, ModelReport, Nights, became, model_report, nights
from src.core.domain import DAY
from src.core.errors import NotReady, StoreError
from src.core.records import Load, Score
from src.evaluation.drift import SCORES_READ, detect_drift
from src.releases.listed_release import Listed
from src.releases.manifest import Manifest

_SHOWN_SCORES, _SHOWN_LOADS = 90, 5
LISTS_DAYS = 30
"""Days of served lists that the dashboard counts."""


@dataclass(frozen=True)
class Overview:
    """Everything of the dashboard but the data profile.

    Attributes:
        at: When it was read, UTC seconds.
        served: The release that this worker serves; None without one.
        findings: What is not as it should be, the most serious first.
        health: One finding for every part that was checked.
        scheduler: The scheduler's part of GET /status; None if the store does not answer.
        loads: The last files that were loaded, newest first.
        releases: The releases on disk, newest first.
        report: Offline figures of the served release; None if it has none that can be read.
        nights: Scores of the served releases on new events; None without any.
        by_source: What became of the places of lists of the last LISTS_DAYS, by source.
        by_position: The same by position.
    """

    at: int
    served: ServedRelease | None
    findings: list[FindingText]
    health: list[FindingText]
    scheduler: Mapping[str, Any] | None
    loads: list[Load]
    releases: list[Listed]
    report: ModelReport | None
    nights: Nights | None
    by_source: list[Became]
    by_position: list[Became]

    @property
    def level(self) -> Level:
        """The level of the most serious finding."""
        return max((finding.level for finding in self.findings), default=Level.GOOD)

    @property
    def last_run(self) -> Mapping[str, Any] | None:
        """The last run; None without one, or if the store does not answer."""
        return self.scheduler["last_run"] if self.scheduler else None

    @property
    def current(self) -> Listed | None:
        """The release that all workers are to serve; this one may serve another for some seconds."""
        return current_of(self.releases)

    @property
    def can_roll_back(self) -> bool:
        """Whether there is a release to go back to."""
        return before_current(self.releases) is not None


def current_of(listing: Sequence[Listed]) -> Listed | None:
    """Return the release that is to be served; None without one."""
    return next((release for release in listing if release.is_current), None)


def before_current(listing: Sequence[Listed]) -> Listed | None:
    """Return the release that a rollback activates: the one active before, if it is older; None without one."""
    current = current_of(listing)
    previous = next((release for release in listing if release.is_previous), None)
    return previous if previous and current and previous.version < current.version else None


def overview(aisle: AisleContext) -> Overview:
    """Read everything of the dashboard but the data profile. Raises no error for a part that is broken."""
    reading = _read_release(aisle)
    served = reading.served if reading else None
    stored = _read_store(aisle)
    releases = aisle.registry.listing()
    current = current_of(releases)
    health = list(_check_parts(aisle, served, stored, current.n_bytes if current else None))
    findings = [finding for finding in (*health, *_check_trainings(aisle, stored)) if finding.level > Level.GOOD]
    return Overview(
        at=int(time.time()),
        served=served,
        findings=[text_of(finding) for finding in sorted(findings, key=lambda finding: -finding.level)],
        health=[text_of(finding) for finding in health],
        scheduler=stored.scheduler,
        loads=stored.loads,
        releases=releases,
        report=model_report(aisle.registry.report(reading.served.version), reading.manifest) if reading else None,
        nights=nights(stored.scores[:_SHOWN_SCORES]),
        by_source=stored.lists[0],
        by_position=stored.lists[1],
    )


class _Reading(NamedTuple):
    """The release that is served, and its manifest."""

    served: ServedRelease
    manifest: Manifest


def _read_release(aisle: AisleContext) -> _Reading | None:
    try:
        release = aisle.recommender.release()
    except NotReady:
        return None
    manifest, registry = release.manifest, aisle.registry
    is_current = release.version == registry.current_version()
    served = ServedRelease(
        version=release.version,
        is_current=is_current,
        since=registry.activated_at() if is_current else None,
        pinned=is_current and registry.is_pinned,
        note=str(aisle.recommender.release_status()["note"]),
        default_model=manifest.default_model,
        made_up=manifest.made_up,
        provisional=manifest.provisional,
        n_events=manifest.data.n_events if manifest.data else None,
        newest_at=manifest.data.newest_at if manifest.data else None,
        checks=list(manifest.data_checks),
    )
    return _Reading(served, manifest)


@dataclass(frozen=True)
class _Stored:
    """Facts from the store.

    Attributes:
        answers: Whether the store answered; all else is empty if not.
        scheduler: The scheduler's part of GET /status.
        scores: Scores on new events, newest first.
        loads: The last loads, newest first.
        changed_at: When an event was last stored, UTC seconds; None for never.
        lists: What became of lists, by source and by position.
    """

    answers: bool = False
    scheduler: Mapping[str, Any] | None = None
    scores: list[Score] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    changed_at: int | None = None
    lists: tuple[list[Became], list[Became]] = field(default_factory=lambda: ([], []))


def _read_store(aisle: AisleContext) -> _Stored:
    runs = aisle.store.runs
    try:
        changed_at = aisle.store.events.changed_at()
        return _Stored(
            answers=True,
            scheduler=aisle.scheduler.status(),
            scores=runs.scores(SCORES_READ),
            loads=runs.loads(_SHOWN_LOADS),
            changed_at=None if changed_at is None else changed_at // 1_000_000,
            lists=became(aisle.store.served_lists.figures(int(time.time()) - LISTS_DAYS * DAY)),
        )
    except StoreError:
        return _Stored()


def _check_parts(
    aisle: AisleContext, served: ServedRelease | None, stored: _Stored, release_bytes: int | None
) -> Iterator[Finding]:
    yield health_checks.check_store(stored.answers, stored.changed_at)
    yield health_checks.check_release(served, str(aisle.recommender.release_status()["note"]))
    yield health_checks.check_workers(aisle.recommender.workers())
    if stored.scheduler is not None:
        yield health_checks.check_scheduler(stored.scheduler["leader"], is_off=aisle.settings.scheduler == "off")
    yield health_checks.check_search(aisle.search_service.status())
    yield _check_disk(aisle, release_bytes)
    if served is not None:
        yield health_checks.check_newest_event(served.newest_at)
        yield health_checks.check_data(served.checks)
    if stored.loads:
        yield health_checks.check_load(stored.loads[0])


def _check_disk(aisle: AisleContext, release_bytes: int | None) -> Finding:
    try:
        usage = shutil.disk_usage(aisle.settings.var)
    except OSError as error:
        return DiskUnreadable(error.strerror)
    return health_checks.check_disk(usage.free, usage.total, release_bytes)


def _check_trainings(aisle: AisleContext, stored: _Stored) -> Iterator[Finding]:
    last_run = health_checks.check_last_run(stored.scheduler["last_run"] if stored.scheduler else None)
    if last_run is not None:
        yield last_run
    scores = stored.scores
    drift = detect_drift(scores[0], scores[1:], aisle.settings.drift_fall) if scores else None
    if drift is not None:
        yield Drifted(drift)
