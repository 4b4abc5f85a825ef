"""Findings as records in the store: what the page, GET /status and /metrics show is the same."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from app.context import AisleContext
from app.texts.phrases import Phrases
from app.views import findings
from app.views.finding_texts import FindingText, text_of
from app.views.findings import Finding, Level
from app.views.resolutions import resolved_by
from app.views.service_checks import found_now
from src.core.domain import JsonDict
from src.core.errors import StoreError
from src.core.operation_records import FindingRecord, FindingState

_FRESH_SECONDS = 5.0
_OF_HOSTS = frozenset(
    kind.__name__
    for kind in (
        *(findings.NothingServed, findings.CurrentNotLoaded, findings.WorkerProblem, findings.WorkersDiffer),
        *(findings.SearchDown, findings.DiskUnreadable, findings.DiskLow),
    )
)
"""Kinds that one host has and another has not: where several share the store each one's is a record of its own."""
_SILENT_SECONDS = 900
"""A host that has not looked for so long is gone, or nobody asks it; others resolve its findings."""
_RESOLVED_AS_SILENT = "silent"


@dataclass(frozen=True)
class HealthSummary:
    """The state of the service as the frame of every page shows it.

    Attributes:
        level: Of the most serious finding that nobody has acknowledged.
        n_open: How many such findings there are.
        serves: Whether a release is served.
        at: When it was looked at, UTC seconds.
    """

    level: Level
    n_open: int
    serves: bool
    at: int

    def sentence(self, t: Phrases) -> str:
        """Return it in words."""
        if not self.serves:
            return str(t("health.nothing"))
        if not self.n_open:
            return str(t("health.good"))
        return str(t("health.broken" if self.level is Level.BAD else "health.issues", n=self.n_open))


@dataclass
class _Looked:
    """The last look of this process at the findings."""

    at: float = float("-inf")
    records: list[FindingRecord] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def record_of(finding: Finding, host: str = "") -> FindingRecord:
    """Return a finding as a record without id and times.

    Args:
        host: the name of this host where others may share the store, else "".
    """
    details = TypeAdapter(type(finding)).dump_python(finding, mode="json")
    kind = type(finding).__name__
    subject = finding.load.file if isinstance(finding, findings.LoadRejected | findings.IdsUnknown) else ""
    return FindingRecord("", kind, host if kind in _OF_HOSTS else subject, int(finding.level), details, 0, 0)


def _host_of(aisle: AisleContext) -> str:
    """Return the name of this host where others may share the store, else ""."""
    return "" if aisle.store.database.is_sqlite else socket.gethostname()


def finding_of(record: FindingRecord) -> Finding | None:
    """Return the finding of a record; None for one of a kind that this version does not know."""
    kind = getattr(findings, record.kind, None)
    try:
        found: Finding | None = TypeAdapter(kind).validate_python(record.details) if kind else None
    except ValueError:
        return None
    return found


def finding_text(record: FindingRecord, t: Phrases, var: str = "var") -> FindingText:
    """Put the finding of a record into words; `var` is the folder AISLE_VAR."""
    finding = finding_of(record)
    if finding is None:
        return FindingText(Level(record.level), record.kind, record.subject)
    text = text_of(finding, t, var)
    if record.kind in _OF_HOSTS and record.subject:
        return text._replace(name=t("part.of_host", part=text.name, host=record.subject))
    return text


def finding_summary(record: FindingRecord) -> JsonDict:
    """Return a finding as GET /status has it: GET /findings has the rest."""
    return {
        "finding_id": record.finding_id,
        "kind": record.kind,
        "subject": record.subject,
        "level": Level(record.level).name.lower(),
        "state": record.state.value,
        "opened_at": record.opened_at,
    }


def is_recorded(finding: Finding) -> bool:
    """Return whether a finding is kept: one that is not as it should be, of all hosts, and not over soon."""
    passing = findings.ReleaseOutdated | findings.StoreDown | findings.SharedReleasesUnseen
    return finding.level > Level.GOOD and not isinstance(finding, passing)


def update_findings(aisle: AisleContext) -> list[FindingRecord]:
    """Check everything and record what is found; at most every few seconds in each worker.

    Returns:
        The unresolved findings, the most serious first; without a store what is found now.
    """
    looked = aisle.findings_looked.setdefault("looked", _Looked())
    assert isinstance(looked, _Looked)
    with looked.lock:
        if time.monotonic() - looked.at > _FRESH_SECONDS:
            found = found_now(aisle)
            looked.records = _recorded(aisle, found)
            looked.at = time.monotonic()
        return list(looked.records)


def _recorded(aisle: AisleContext, found: Sequence[Finding]) -> list[FindingRecord]:
    """Record what was found; return the unresolved findings, or without a store what was found."""
    if not any(isinstance(finding, findings.StoreDown) for finding in found):
        host, now = _host_of(aisle), int(time.time())
        records = [record_of(finding, host) for finding in found if is_recorded(finding)]
        here = [record_of(finding) for finding in found if isinstance(finding, findings.SharedReleasesUnseen)]

        def is_of_other(record: FindingRecord) -> bool:
            return record.kind in _OF_HOSTS and record.subject not in ("", host)

        def is_looked_for(record: FindingRecord) -> bool:
            return not is_of_other(record) or now - record.seen_at > _SILENT_SECONDS

        def reason(record: FindingRecord) -> str:
            return _RESOLVED_AS_SILENT if is_of_other(record) else resolved_by(aisle, record)

        with suppress(StoreError):
            return here + aisle.store.findings.update(records, reason, now, is_looked_for)
    return [record_of(finding) for finding in found if finding.level > Level.GOOD]


def forget_look(aisle: AisleContext) -> None:
    """Look again at the next request: something was acknowledged."""
    aisle.findings_looked.pop("looked", None)


def summary_of(aisle: AisleContext, records: Sequence[FindingRecord]) -> HealthSummary:
    """Summarize the unresolved findings for the frame of a page."""
    unseen = [record for record in records if record.state is FindingState.OPEN and record.level > Level.NOTE]
    level = max((Level(record.level) for record in unseen), default=Level.GOOD)
    return HealthSummary(level, len(unseen), aisle.recommender.version is not None, int(time.time()))
