"""Findings as records in the store: what the page, GET /status and /metrics show is the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from pydantic import TypeAdapter

from app.context import AisleContext
from app.texts.phrases import Phrases
from app.views import findings as kinds
from app.views.finding_texts import FindingText, text_of
from app.views.findings import (
    Finding,
    IdsUnknown,
    Level,
    LoadRejected,
    ReleaseOutdated,
    SharedReleasesUnseen,
    StoreDown,
)
from app.views.resolutions import resolved_by
from app.views.service_checks import found_now
from src.core.domain import JsonDict
from src.core.errors import StoreError
from src.core.operation_records import FindingRecord, FindingState

_FRESH_SECONDS = 5.0


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


def record_of(finding: Finding) -> FindingRecord:
    """Return a finding as a record without id and times."""
    details = TypeAdapter(type(finding)).dump_python(finding, mode="json")
    subject = finding.load.file if isinstance(finding, LoadRejected | IdsUnknown) else ""
    return FindingRecord("", type(finding).__name__, subject, int(finding.level), details, 0, 0)


def finding_of(record: FindingRecord) -> Finding | None:
    """Return the finding of a record; None for one of a kind that this version does not know."""
    kind = getattr(kinds, record.kind, None)
    try:
        found: Finding | None = TypeAdapter(kind).validate_python(record.details) if kind else None
    except ValueError:
        return None
    return found


def finding_text(record: FindingRecord, t: Phrases, var: str = "var") -> FindingText:
    """Put the finding of a record into words.

    Args:
        record: the record.
        t: the texts of a language.
        var: the folder AISLE_VAR.

    Returns:
        The finding in words.
    """
    finding = finding_of(record)
    return (
        FindingText(Level(record.level), record.kind, record.subject) if finding is None else text_of(finding, t, var)
    )


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
    passing = ReleaseOutdated | StoreDown | SharedReleasesUnseen
    return finding.level > Level.GOOD and not isinstance(finding, passing)


def update_findings(aisle: AisleContext, *, force: bool = False) -> list[FindingRecord]:
    """Check everything and record what is found; at most every few seconds in each worker.

    Args:
        aisle: what is checked.
        force: check now.

    Returns:
        The unresolved findings, the most serious first; without a store what is found now.
    """
    looked = aisle.findings_looked.setdefault("looked", _Looked())
    assert isinstance(looked, _Looked)
    with looked.lock:
        if force or time.monotonic() - looked.at > _FRESH_SECONDS:
            found = found_now(aisle)
            looked.records = _recorded(aisle, found)
            looked.at = time.monotonic()
        return list(looked.records)


def _recorded(aisle: AisleContext, found: Sequence[Finding]) -> list[FindingRecord]:
    """Record what was found; return the unresolved findings, or without a store what was found."""
    if not any(isinstance(finding, StoreDown) for finding in found):
        records = [record_of(finding) for finding in found if is_recorded(finding)]
        here = [record_of(finding) for finding in found if isinstance(finding, SharedReleasesUnseen)]
        with suppress(StoreError):
            return here + aisle.store.findings.update(records, partial(resolved_by, aisle), int(time.time()))
    return [record_of(finding) for finding in found if finding.level > Level.GOOD]


def forget_look(aisle: AisleContext) -> None:
    """Look again at the next request: something was acknowledged."""
    aisle.findings_looked.pop("looked", None)


def summary_of(aisle: AisleContext, records: Sequence[FindingRecord]) -> HealthSummary:
    """Summarize findings for the frame of a page.

    Args:
        aisle: tells whether a release is served.
        records: the unresolved findings.

    Returns:
        The state of the service.
    """
    unseen = [record for record in records if record.state is FindingState.OPEN and record.level > Level.NOTE]
    level = max((Level(record.level) for record in unseen), default=Level.GOOD)
    return HealthSummary(level, len(unseen), aisle.recommender.version is not None, int(time.time()))
