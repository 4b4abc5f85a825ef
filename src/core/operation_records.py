"""Records of running the shop: findings, versions of the rules, what was done with a key, comparisons of releases.

Times are UTC seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from src.core.domain import JsonDict

EVENTS_WRITTEN = "POST /events"
"""Action of the audit entries that count the events a key has written."""


RESOLVED_BY_CHECK = "checked"
"""What resolved a finding that is found no longer, where nothing more is known."""


class FindingState(StrEnum):
    """The state of a finding: nobody has looked at it, somebody has, or what it found is no longer so."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """Something that was found not to be as it should be.

    Attributes:
        finding_id: Its id.
        kind: The class of the finding.
        subject: What it is about: the name of a file, or of a host where several share the store; of a kind and a
            subject, one record is unresolved.
        level: How serious it is: 1 to 3.
        details: The fields of the finding, as JSON.
        opened_at: When it was found first.
        seen_at: When it was found last.
        acknowledged_at: When somebody acknowledged it; None before.
        acknowledged_by: The name of the key that did.
        resolved_at: When it was found no longer; None before.
        resolved_by: What resolved it: "load" and the id of a load, "release" and its version, "by" and who activated
            it; "checked" where it was found no longer, without a known cause; "silent" where its host has not looked
            for long.
    """

    finding_id: str
    kind: str
    subject: str
    level: int
    details: JsonDict
    opened_at: int
    seen_at: int
    acknowledged_at: int | None = None
    acknowledged_by: str = ""
    resolved_at: int | None = None
    resolved_by: str = ""

    @property
    def state(self) -> FindingState:
        """The state that follows from the times."""
        if self.resolved_at is not None:
            return FindingState.RESOLVED
        return FindingState.OPEN if self.acknowledged_at is None else FindingState.ACKNOWLEDGED


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """One version of the shop's rules.

    Attributes:
        version: 1 for the first, and one more each time.
        at: When it was saved.
        who: The name of the key.
        note: Why, in the words of who saved it.
        rules: The rules as JSON.
    """

    version: int
    at: int
    who: str
    note: str = ""
    rules: list[JsonDict] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What was done with a key.

    Attributes:
        number: Tells entries apart; a later one has a higher number.
        at: When.
        who: The name of the key.
        action: What was called, such as "PUT /rules".
        subject: What it was about, such as the version of a release.
        status: The HTTP status of the answer.
    """

    number: int
    at: int
    who: str
    action: str
    subject: str
    status: int


@dataclass(frozen=True, slots=True)
class ReleaseComparison:
    """Two releases measured on the same events.

    Attributes:
        one: Version of the first.
        other: Version of the second.
        started_at: When it was asked for.
        finished_at: When it was done; None before.
        result: The figures and the lists; None before, or if it failed.
        problem: Why there is no result; "" if nothing is wrong.
    """

    one: str
    other: str
    started_at: int
    finished_at: int | None = None
    result: JsonDict | None = None
    problem: str = ""
