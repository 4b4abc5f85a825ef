"""What somebody on call must know: what is served and since when, what the last run did, what is not as it should be.

Every part is asked for by itself, so that a store that does not answer, or a release that cannot be read, takes nothing
else from the page.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from app.context import AisleContext
from app.views.model_report import Became, ModelReport, Nights, became, model_report, nights
from app.views.template_filters import ago, duration, moment, size
from src.core.domain import DAY
from src.core.errors import NotReady, StoreError
from src.core.records import Load, Score
from src.evaluation.drift import SCORES_READ, describe_drift, detect_drift
from src.ingestion.data_checks import Thresholds, percent
from src.releases.registry import Listed

_SHOWN_SCORES, _SHOWN_LOADS = 90, 5
LISTS_DAYS = 30
"""So many days of lists are looked at."""

_LEAST_FREE, _LEAST_FREE_SHARE, _RELEASES_FREE = 500_000_000, 0.03, 3
_OLD_DAYS = 30


class Level(IntEnum):
    """How grave something is."""

    GOOD = 0
    NOTE = 1
    WARN = 2
    BAD = 3

    @property
    def word(self) -> str:
        return ("good", "worth knowing", "needs a look", "broken")[self]


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it stands, and what to do about it. about: the section of the page that says more."""

    name: str
    level: Level
    said: str
    do: str = ""
    about: str = ""


@dataclass(frozen=True)
class ServedRelease:
    """The release that answers, by its manifest. since: UTC seconds of its activation, None if that is not known.

    n_events, newest_at: what it has learnt from.
    """

    version: str
    is_current: bool
    since: int | None
    pinned: bool
    note: str
    default_model: str
    made_up: bool
    n_events: int | None
    newest_at: int | None
    checks: list[str]


@dataclass(frozen=True)
class Overview:
    """Everything of the dashboard but the shop. scheduler: None if the store does not answer. at: UTC seconds.

    by_source, by_position: what became of the lists of the last LISTS_DAYS.
    """

    at: int
    served: ServedRelease | None
    findings: list[Finding]
    health: list[Finding]
    scheduler: Mapping[str, Any] | None
    loads: list[Load]
    releases: list[Listed]
    report: ModelReport | None
    nights: Nights | None
    by_source: list[Became]
    by_position: list[Became]

    @property
    def level(self) -> Level:
        return max((finding.level for finding in self.findings), default=Level.GOOD)

    @property
    def last_run(self) -> Mapping[str, Any] | None:
        return self.scheduler["last_run"] if self.scheduler else None

    @property
    def current(self) -> Listed | None:
        """The release that all workers serve, or are about to: this one may still serve another for some seconds."""
        return current_of(self.releases)

    @property
    def can_roll_back(self) -> bool:
        return before_current(self.releases) is not None


def current_of(listing: Sequence[Listed]) -> Listed | None:
    """The release that is to be served."""
    return next((each for each in listing if each.is_current), None)


def before_current(listing: Sequence[Listed]) -> Listed | None:
    """What a rollback would lead to: what served before the current release, if that is older."""
    current, before = current_of(listing), next((each for each in listing if each.is_previous), None)
    return before if before and current and before.version < current.version else None


def overview(aisle: AisleContext) -> Overview:
    """Everything of the dashboard but the shop, as it is at this moment. Raises no error for what is broken."""
    settings = aisle.settings
    registry = aisle.registry
    served, manifest = _served(aisle)
    stored = _stored(aisle)
    scheduler, series, loads = stored.scheduler, stored.nights, stored.loads
    releases = registry.listing()
    health = [
        _store(stored.problem, stored.changed_at),
        _release(served, aisle),
        _workers(aisle.recommender.workers(), served),
        *([] if scheduler is None else [_leader(scheduler, settings.scheduler == "off")]),
        _encoder(aisle),
        _disk(aisle, next((each.n_bytes for each in releases if each.is_current), None)),
        *([] if served is None else [_data(served), _checks(served)]),
        *([_loads(loads)] if loads else []),
    ]
    drift = _drift(stored.scores, settings.drift_fall)
    findings = [finding for finding in [*health, *_last_run(scheduler), *drift] if finding.level > Level.GOOD]
    return Overview(
        at=int(time.time()),
        served=served,
        findings=sorted(findings, key=lambda finding: -finding.level),
        health=health,
        scheduler=scheduler,
        loads=loads,
        releases=releases,
        report=model_report(registry.report(served.version), manifest) if served else None,
        nights=series,
        by_source=stored.lists[0],
        by_position=stored.lists[1],
    )


def _served(aisle: AisleContext) -> tuple[ServedRelease | None, Mapping[str, Any]]:
    try:
        release = aisle.recommender.release()
    except NotReady:
        return None, {}
    manifest, status, registry = release.manifest, aisle.recommender.release_status(), aisle.registry
    data = manifest.get("data") or {}
    is_current = release.version == registry.current_version()
    served = ServedRelease(
        version=release.version,
        is_current=is_current,
        since=registry.activated_at() if is_current else None,
        pinned=is_current and registry.is_pinned,
        note=str(status["note"]),
        default_model=str(manifest["default_model"]),
        made_up=bool(manifest.get("made_up")),
        n_events=data.get("n_events"),
        newest_at=data.get("newest_at"),
        checks=list(manifest.get("data_checks") or ()),
    )
    return served, manifest


@dataclass(frozen=True)
class _Stored:
    """What the store knows. scores: newest first. changed_at: UTC seconds. problem: why it knows nothing; "" if it
    answers.
    """

    scheduler: Mapping[str, Any] | None = None
    scores: list[Score] = field(default_factory=list)
    nights: Nights | None = None
    loads: list[Load] = field(default_factory=list)
    changed_at: int | None = None
    lists: tuple[list[Became], list[Became]] = field(default_factory=lambda: ([], []))
    problem: str = ""


def _stored(aisle: AisleContext) -> _Stored:
    journal = aisle.store.journal
    try:
        changed_at = aisle.store.changed_at()
        scores = journal.scores(SCORES_READ)
        return _Stored(
            scheduler=aisle.scheduler.status(),
            scores=scores,
            nights=nights(scores[:_SHOWN_SCORES]),
            loads=journal.loads(_SHOWN_LOADS),
            changed_at=None if changed_at is None else changed_at // 1_000_000,
            lists=became(aisle.store.served.figures(int(time.time()) - LISTS_DAYS * DAY)),
        )
    except StoreError as error:
        return _Stored(problem=str(error))


def _store(problem: str, changed_at: int | None) -> Finding:
    if problem:
        do = "Lists are answered without what people did lately. Check that the database runs and its disk has space."
        return Finding("Store", Level.BAD, "It does not answer; the log says why.", do)
    said = "It answers." if changed_at is None else f"It answers; an event was last stored {ago(changed_at)}."
    return Finding("Store", Level.GOOD, said)


def _release(served: ServedRelease | None, aisle: AisleContext) -> Finding:
    if served is None:
        note = str(aisle.recommender.release_status()["note"])
        said = note or "No release is served: every list is answered with 503."
        do = "" if note else "Load a file with python data_processing.py FILE, then python train_model.py."
        return Finding("Release", Level.BAD, said, do)
    if served.note:
        do = "Activate another release, or train again with python train_model.py."
        return Finding("Release", Level.BAD, served.note, do, "releases")
    if not served.is_current:
        said = f"This worker still serves {served.version}; another release was activated just now."
        return Finding("Release", Level.NOTE, said, "", "releases")
    return Finding("Release", Level.GOOD, "Every byte of what is served was verified.")


def _workers(workers: list[dict[str, Any]], served: ServedRelease | None) -> Finding:
    if not workers:
        return Finding("Workers", Level.GOOD, "None has reported itself: this is no server of several workers.")
    versions = {worker["release"] for worker in workers}
    said = "1 worker serves" if len(workers) == 1 else f"{len(workers)} workers serve"
    noted = [worker["note"] for worker in workers if worker["note"]]
    if noted:
        return Finding("Workers", Level.BAD, noted[0], "What cannot be loaded is not served; see Releases.", "releases")
    if len(versions) > 1:
        named = ", ".join(sorted(str(version) for version in versions))
        said = f"They serve different releases: {named}."
        return Finding("Workers", Level.WARN, said, "All take up the current one within seconds; look again.")
    version = versions.pop()
    return Finding("Workers", Level.GOOD, f"{said} {version or 'no release yet'}.")


def _leader(scheduler: Mapping[str, Any], off: bool) -> Finding:
    if off:
        return Finding("Night", Level.GOOD, "AISLE_SCHEDULER is off: something else starts the nightly training.")
    if scheduler["leader"] is None:
        do = "A worker takes the lead within seconds; if none does, the log of the web server says why."
        return Finding("Night", Level.WARN, "No worker leads, so nothing starts the nightly training.", do, "runs")
    return Finding("Night", Level.GOOD, f"{scheduler['leader']} leads and starts the nightly training.")


def _encoder(aisle: AisleContext) -> Finding:
    status = aisle.search_service.status()
    if note := str(status.get("note") or ""):
        is_searched = "n_products" in status  # a shop without any title may have none to load
        return Finding("Search", Level.WARN if is_searched else Level.NOTE, f"{note[:1].upper()}{note[1:]}.")
    if status["status"] != "loaded":
        return Finding("Search", Level.GOOD, "It begins with the first release.")
    n, encoder = status.get("n_products"), status.get("encoder")
    return Finding("Search", Level.GOOD, f"{n:,} products, by words" + (f" and by {encoder}." if encoder else "."))


def _disk(aisle: AisleContext, release_bytes: int | None) -> Finding:
    try:
        usage = shutil.disk_usage(aisle.settings.var)
    except OSError as error:
        return Finding("Disk", Level.BAD, f"The folder AISLE_VAR cannot be read ({error.strerror}).")
    wanted = max(_LEAST_FREE, _LEAST_FREE_SHARE * usage.total, _RELEASES_FREE * (release_bytes or 0))
    said = f"{size(usage.free)} of {size(usage.total)} are free."
    if usage.free < wanted:
        do = f"A training needs room for a whole release beside the others; free {size(wanted)} or more."
        return Finding("Disk", Level.WARN, said, do)
    return Finding("Disk", Level.GOOD, said)


def _data(served: ServedRelease) -> Finding:
    if served.newest_at is None:
        return Finding("Newest event", Level.NOTE, "The events that were learnt carry no time.")
    said = f"What is served has learnt up to {moment(served.newest_at)} UTC, {ago(served.newest_at)}."
    if time.time() - served.newest_at > _OLD_DAYS * DAY:
        do = "Does the shop still send its events (POST /events, or a nightly file)?"
        return Finding("Newest event", Level.NOTE, said, do)
    return Finding("Newest event", Level.GOOD, said)


def _checks(served: ServedRelease) -> Finding:
    if not served.checks:
        return Finding("Data checks", Level.GOOD, "Nothing stood out when the release was trained.")
    more = f" (and {len(served.checks) - 1} more)" if len(served.checks) > 1 else ""
    return Finding("Data checks", Level.NOTE, f"When the release was trained: {served.checks[0]}{more}", "", "runs")


def _loads(loads: list[Load]) -> Finding:
    last = loads[0]
    rejected = sum(last.rejected.values())
    said = f"{last.file}, {ago(last.loaded_at)}: {last.n_kept:,} of {last.n_read:,} rows kept."
    if rejected > Thresholds().max_reject_share * last.n_read:
        worst = max(last.rejected, key=lambda reason: last.rejected[reason])
        do = f"{percent(rejected / last.n_read)} were rejected, most for “{worst}”; var/rejects has them by line."
        return Finding("Last file", Level.WARN, said, do)
    return Finding("Last file", Level.GOOD, said)


def _last_run(scheduler: Mapping[str, Any] | None) -> Iterable[Finding]:
    last = scheduler["last_run"] if scheduler else None
    if last is None or not last["finished_at"]:
        return
    ended = f"{ago(last['finished_at'])}, after {duration(last['finished_at'] - last['started_at'])}"
    if last["status"] == "kept":
        said = f"The last run ended {ended}, and the gate kept the old release: {_reason(last['message'])}"
        yield Finding("Last run", Level.NOTE, said, "Its figures stand under Runs.", "runs")
    elif last["status"] == "failed":
        do = "What was served before is served on. The whole output is in var/training.log; mend that and train again."
        yield Finding("Last run", Level.WARN, f"The last run failed {ended}: {last['message']}", do, "runs")
    elif last["status"] == "interrupted":
        do = "A night's run is taken up again by itself, three times at most; others must be started anew."
        yield Finding("Last run", Level.WARN, f"The last run was interrupted {ended}: {last['message']}", do, "runs")


def _reason(message: str) -> str:
    return message.removeprefix("kept the old model: ")


def _drift(scores: Sequence[Score], tolerance: float) -> Iterable[Finding]:
    """Warn if the newest of the scores, which comes first, has drifted from those before it."""
    drift = detect_drift(scores[0], scores[1:], tolerance) if scores else None
    if drift is not None:
        said = f"{describe_drift(drift)}."
        yield Finding("Nights", Level.WARN, said, "A training was started, or will be.", "nights")
