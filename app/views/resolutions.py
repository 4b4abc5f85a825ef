"""What resolved a finding that is found no longer: a later load of its file, or another release and its cause."""

from __future__ import annotations

from app.context import AisleContext
from app.texts.phrases import Phrases
from app.views.findings import IdsUnknown, LoadRejected, NoLeader, NoWorkers, StoreDown, WorkersDiffer
from src.core.operation_records import RESOLVED_BY_CHECK, FindingRecord
from src.core.records import Run

_LOADS, _RUNS, _ENTRIES = 200, 50, 50
_NOTED_SECONDS = 10
"""Until a change of the release is in the audit log; pins of the same release come later."""
_OF_LOADS = frozenset(kind.__name__ for kind in (LoadRejected, IdsUnknown))
_OF_PROCESSES = frozenset(kind.__name__ for kind in (NoLeader, NoWorkers, StoreDown, WorkersDiffer))
_LOAD, _RELEASE, _BY = "load", "release", " by "


def resolved_by(aisle: AisleContext, record: FindingRecord) -> str:
    """Return what resolved a finding, as FindingRecord.resolved_by. Raises StoreError."""
    if record.kind in _OF_LOADS:
        load = next((load for load in aisle.store.runs.loads(_LOADS) if load.file == record.subject), None)
        return RESOLVED_BY_CHECK if load is None else f"{_LOAD} {load.load_id}"
    version, at = aisle.registry.current_version(), aisle.registry.activated_at()
    if record.kind in _OF_PROCESSES or version is None or at is None or at < record.opened_at:
        return RESOLVED_BY_CHECK
    return f"{_RELEASE} {version}{_BY}{_who(aisle, version, at)}"


def _who(aisle: AisleContext, version: str, at: int) -> str:
    """Return the key that activated a release at a time, or what started the training that made it."""
    entries = aisle.store.audit.newest(_ENTRIES, of_events=False)
    by_key = (
        entry.who
        for entry in entries
        if "/releases/" in entry.action and entry.subject.startswith(version) and 0 <= entry.at - at <= _NOTED_SECONDS
    )
    made: Run | None = next((run for run in aisle.store.runs.newest(_RUNS) if run.release == version), None)
    return next(by_key, made.trigger if made else "command")


def resolution_text(record: FindingRecord, t: Phrases) -> str:
    """Return what resolved a finding as a part of a sentence."""
    kind, _, subject = record.resolved_by.partition(" ")
    if kind == _LOAD:
        return t("resolved.load", id=subject)
    if kind == _RELEASE:
        version, _, who = subject.partition(_BY)
        return t("resolved.release", version=version, who=t.named("resolved.who", who))
    return t.named("resolved", record.resolved_by)
