"""Read the release and the store, and check every part of the service. Each part is read by itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.context import AisleContext
from app.views import health_checks
from app.views.findings import (
    CanaryFell,
    DiskUnreadable,
    Drifted,
    Finding,
    NothingPublished,
    NothingServed,
    ServedRelease,
)
from src.core.canaries import CanaryState
from src.core.domain import JsonDict
from src.core.errors import NotReady, StoreError
from src.core.records import Load, Score
from src.evaluation.drift import SCORES_READ, detect_drift
from src.releases.listed_release import Listed
from src.releases.manifest import Manifest
from src.store.file_check import last_check

_READ_LOADS = 200


def current_of(listing: Sequence[Listed]) -> Listed | None:
    """Return the release that is to be served; None without one."""
    return next((release for release in listing if release.is_current), None)


def before_current(listing: Sequence[Listed]) -> Listed | None:
    """Return the release that a rollback activates: the one active before, if it is older; None without one."""
    current = current_of(listing)
    previous = next((release for release in listing if release.is_previous), None)
    return previous if previous and current and previous.version < current.version else None


def found_now(aisle: AisleContext) -> list[Finding]:
    """Check everything, and return every finding, good ones included."""
    reading, stored = read_release(aisle), read_store(aisle)
    found = list(check_parts(aisle, reading.served if reading else None, stored, aisle.registry.listing()))
    found += check_trainings(aisle, stored, serves=reading is not None)
    if any(isinstance(finding, NothingPublished) for finding in found):
        # The advice to train was followed already; why it came to nothing is what matters.
        found = [finding for finding in found if not isinstance(finding, NothingServed)]
    return found


class ReleaseReading(NamedTuple):
    """The release that is served, and its manifest."""

    served: ServedRelease
    manifest: Manifest


def read_release(aisle: AisleContext) -> ReleaseReading | None:
    """Read what is served; None without a release."""
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
        checks=_failed(manifest),
    )
    return ReleaseReading(served, manifest)


def _failed(manifest: Manifest) -> list[JsonDict]:
    """Return the records of the failed checks; of a release of an older version their messages."""
    failed = [check.to_json() for check in manifest.gate.checks if not check.passed] if manifest.gate else []
    messages = {str(check["message"]) for check in failed}
    return [check for check in failed if check["message"] in manifest.data_checks] + [
        {"name": "", "passed": False, "message": message} for message in manifest.data_checks if message not in messages
    ]


@dataclass(frozen=True)
class StoreReading:
    """Facts from the store.

    Attributes:
        answers: Whether the store answered; all else is empty if not.
        scheduler: The scheduler's part of GET /status.
        scores: Scores on new events, newest first.
        loads: The last loads, newest first.
        changed_at: When an event was last stored, UTC seconds; None for never.
        has_real_data: Whether there is an event and no synthetic product.
    """

    answers: bool = False
    scheduler: Mapping[str, Any] | None = None
    scores: list[Score] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    changed_at: int | None = None
    has_real_data: bool = False


def read_store(aisle: AisleContext) -> StoreReading:
    """Read what the checks need of the store; nothing if it does not answer."""
    runs = aisle.store.runs
    try:
        changed_at = aisle.store.events.changed_at()
        return StoreReading(
            answers=True,
            scheduler=aisle.scheduler.status(),
            scores=runs.scores(SCORES_READ),
            loads=runs.loads(_READ_LOADS),
            changed_at=None if changed_at is None else changed_at // 1_000_000,
            has_real_data=changed_at is not None and not aisle.store.products.has_synthetic(),
        )
    except StoreError:
        return StoreReading()


def check_parts(
    aisle: AisleContext, served: ServedRelease | None, stored: StoreReading, releases: Sequence[Listed]
) -> Iterator[Finding]:
    """Check the parts of the service.

    Args:
        served: the release that this worker serves; None without one.
        stored: facts from the store.
        releases: the releases on disk.

    Yields:
        One finding at least for each part.
    """
    current = current_of(releases)
    yield health_checks.check_store(stored.answers, stored.changed_at)
    if damaged := health_checks.check_store_file(last_check(aisle.settings.store_check_path)):
        yield damaged
    yield health_checks.check_release(served, str(aisle.recommender.release_status()["note"]))
    if unseen := health_checks.check_shared(aisle.registry.shared_state):
        yield unseen
    yield health_checks.check_workers(aisle.recommender.workers(), aisle.registry.activated_at())
    if stored.scheduler is not None:
        yield health_checks.check_scheduler(stored.scheduler["leader"], is_off=aisle.settings.scheduler == "off")
    yield health_checks.check_search(aisle.search_service.status())
    yield _check_disk(aisle, current.n_bytes if current else None)
    if served is not None:
        yield health_checks.check_newest_event(served.newest_at)
        yield health_checks.check_data(served.checks)
    if stored.loads:
        yield from health_checks.check_loads(stored.loads)


def _check_disk(aisle: AisleContext, release_bytes: int | None) -> Finding:
    try:
        usage = shutil.disk_usage(aisle.settings.var)
    except OSError as error:
        return DiskUnreadable(error.strerror)
    return health_checks.check_disk(usage.free, usage.total, release_bytes)


def check_trainings(aisle: AisleContext, stored: StoreReading, *, serves: bool) -> Iterator[Finding]:
    """Check the last run, and whether quality fell.

    Args:
        stored: facts from the store.
        serves: whether a release is served.

    Yields:
        Findings; none if all is well.
    """
    last_run = health_checks.check_last_run(stored.scheduler["last_run"] if stored.scheduler else None, serves=serves)
    if last_run is not None:
        yield last_run
    canaries = [] if stored.scheduler is None else aisle.store.canaries.newest(1)
    if canaries and canaries[0].state in (CanaryState.FELL, CanaryState.UNDECIDED):
        yield CanaryFell(canaries[0])
    scores = stored.scores
    drift = detect_drift(scores[0], scores[1:], aisle.settings.drift_fall) if scores else None
    if drift is not None:
        yield Drifted(drift)
