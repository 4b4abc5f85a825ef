"""Check the parts of the service; each check returns a typed finding.

Times are UTC seconds, sizes are bytes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.views import findings
from app.views.findings import Finding, ServedRelease
from src.core.domain import DAY, JsonDict
from src.core.messages import to_record
from src.core.records import Load, RunStatus
from src.ingestion.data_checks import Thresholds
from src.releases.gate_messages import kept_reasons
from src.releases.shared_releases import SharedState
from src.store.file_check import FileCheck

_MIN_FREE, _MIN_FREE_SHARE, _RELEASES_FREE = 500_000_000, 0.03, 3
_OLD_DAYS = 30
_TAKEN_UP_SECONDS = 15
"""Until every worker must serve a release that was activated."""


def check_store(answers: bool, changed_at: int | None) -> Finding:
    """Check the store.

    Args:
        answers: Whether it answered.
        changed_at: When an event was last stored; None for never.

    Returns:
        StoreUp or StoreDown.
    """
    return findings.StoreUp(changed_at) if answers else findings.StoreDown()


def check_store_file(check: FileCheck | None) -> Finding | None:
    """Return a finding about a damaged file; None for a sound one, and for one that was never checked."""
    return findings.StoreDamaged(check.fault, check.at) if check is not None and check.fault else None


def check_release(served: ServedRelease | None, problem: str) -> Finding:
    """Check the release.

    Args:
        served: The release that this worker serves; None without one.
        problem: Why the current release cannot be loaded; "" without a problem.

    Returns:
        NothingServed, CurrentNotLoaded, ReleaseOutdated, ReleaseProvisional or ReleaseVerified.
    """
    if served is None:
        return findings.NothingServed(problem)
    if served.note:
        return findings.CurrentNotLoaded(served.note)
    if not served.is_current:
        return findings.ReleaseOutdated(served.version)
    return findings.ReleaseProvisional() if served.provisional else findings.ReleaseVerified()


def check_shared(state: SharedState | None) -> Finding | None:
    """Return a finding about releases that several hosts share and this one cannot see; None if all is well."""
    return (
        findings.SharedReleasesUnseen(state.problem, int(state.read_at))
        if state is not None and state.problem
        else None
    )


def check_workers(workers: Sequence[Mapping[str, Any]], activated_at: int | None = None) -> Finding:
    """Check whether the workers, by their status files, serve one release.

    Args:
        workers: host, pid, release and note of each.
        activated_at: when the current release was activated, in UTC seconds: for some seconds it is taken up.

    Returns:
        NoWorkers, WorkerProblem, WorkersDiffer or WorkersAgree.
    """
    if not workers:
        return findings.NoWorkers()
    problems = [worker["note"] for worker in workers if worker["note"]]
    if problems:
        return findings.WorkerProblem(problems[0])
    versions = {worker["release"] for worker in workers}
    if len(versions) > 1 and (activated_at is None or time.time() - activated_at > _TAKEN_UP_SECONDS):
        return findings.WorkersDiffer(tuple(sorted(str(version) for version in versions)))
    return findings.WorkersAgree(len(workers), versions.pop())


def check_scheduler(leader: str | None, *, is_off: bool) -> Finding:
    """Check the scheduler.

    Args:
        leader: The worker that leads; None for none.
        is_off: Whether AISLE_SCHEDULER is off.

    Returns:
        SchedulerOff, NoLeader or SchedulerLed.
    """
    if is_off:
        return findings.SchedulerOff()
    return findings.NoLeader() if leader is None else findings.SchedulerLed(leader)


def check_search(status: Mapping[str, Any]) -> Finding:
    """Check the search by its part of GET /status."""
    if problem := to_record(status.get("note") or ""):
        return findings.SearchDown(problem) if "n_products" in status else findings.NothingSearchable(problem)
    if status["status"] != "loaded":
        return findings.SearchNotBegun()
    return findings.SearchUp(status["n_products"], status.get("encoder"))


def check_disk(free: int, total: int, release_bytes: int | None) -> Finding:
    """Check the disk's space.

    Args:
        free: Free bytes.
        total: All bytes.
        release_bytes: Size of the current release; None without one.

    Returns:
        DiskLow or DiskFree.
    """
    needed = max(_MIN_FREE, _MIN_FREE_SHARE * total, _RELEASES_FREE * (release_bytes or 0))
    return findings.DiskLow(free, total, needed) if free < needed else findings.DiskFree(free, total)


def check_newest_event(newest_at: int | None) -> Finding:
    """Check the age of the newest event of the release."""
    if newest_at is None:
        return findings.EventsWithoutTime()
    return (
        findings.EventsOld(newest_at) if time.time() - newest_at > _OLD_DAYS * DAY else findings.EventsRecent(newest_at)
    )


def check_data(failed: Sequence[JsonDict]) -> Finding:
    """Return a finding about the checks that failed when the release was trained."""
    return (
        findings.DataWarnings(str(failed[0]["message"]), len(failed), failed[0])
        if failed
        else findings.DataUnsuspicious()
    )


def check_loads(loads: Iterable[Load]) -> list[Finding]:
    """Check the share of rejected rows of the last load of every file.

    A load that went badly is not forgotten because of another file: its file has to be loaded better.

    Args:
        loads: newest first.

    Returns:
        A finding for each file that lost many rows, or whose ids do not meet those of the shop; LoadsAccepted alone if
        there is none.
    """
    latest: dict[str, Load] = {}
    for load in loads:
        latest.setdefault(load.file, load)
    bad: list[Finding] = []
    for load in latest.values():
        n_rejected = sum(load.rejected.values())
        if n_rejected > Thresholds().max_reject_share * load.n_read:
            most = max(load.rejected, key=lambda reason: load.rejected[reason])
            bad.append(findings.LoadRejected(load, n_rejected / load.n_read, most))
        bad += check_ids(load)
    return bad or [findings.LoadsAccepted()]


def check_ids(load: Load) -> list[Finding]:
    """Return a finding if the store had known almost none of the products, or users, of a load; none if it had."""
    limits = Thresholds()
    shares = (
        ("products", load.known_products, limits.min_known_products, limits.min_rows),
        ("users", load.known_users, limits.min_known_users, limits.min_user_rows),
    )
    found = [
        findings.IdsUnknown(load, noun, share)
        for noun, share, least, rows in shares
        if share is not None and load.n_kept >= rows and share < least
    ]
    return list(found[:1])


def check_last_run(run: Mapping[str, Any] | None, *, serves: bool = True) -> Finding | None:
    """Check the last run.

    Args:
        run: Its part of GET /status; None without one.
        serves: Whether a release is served.

    Returns:
        None if it went well, is under way, or there is none.
    """
    if run is None or not run["finished_at"]:
        return None
    status = RunStatus(run["status"])
    if status not in (RunStatus.KEPT, RunStatus.FAILED, RunStatus.INTERRUPTED):
        return None
    if status is RunStatus.KEPT:
        # Runs of older versions have no record of the verdict, so their whole message is shown.
        reasons = kept_reasons(run.get("verdict")) or run["message"]
        kind = findings.RunKept if serves else findings.NothingPublished
        return kind(status, run["started_at"], run["finished_at"], reasons, run.get("verdict"))
    return findings.RunProblem(status, run["started_at"], run["finished_at"], to_record(run["message"]))
