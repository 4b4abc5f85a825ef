"""Findings, versions of the shop's rules, the audit log, and comparisons of releases."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from src.core.domain import JsonDict
from src.core.errors import Busy
from src.core.messages import from_record, message, to_record
from src.core.operation_records import (
    EVENTS_WRITTEN,
    AuditEntry,
    FindingRecord,
    ReleaseComparison,
    RulesVersion,
)
from src.store.change_marks import RULES, changed_at, note_change
from src.store.database import Database
from src.store.tables import audit, comparisons, findings, rule_versions


class FindingStore:
    """What was found not to be as it should be."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def update(
        self,
        found: Sequence[FindingRecord],
        resolved_by: Callable[[FindingRecord], str],
        now: int,
        is_looked_for: Callable[[FindingRecord], bool] = lambda _: True,
    ) -> list[FindingRecord]:
        """Record what is found now: open what is new, renew what was found before, resolve what is found no longer.

        Args:
            found: One record for each kind and subject; their ids and times are ignored.
            resolved_by: Tells what resolved a finding that is not among them.
            now: UTC seconds.
            is_looked_for: Whether an unresolved finding would be among them if it lasted; one of another host is not.

        Returns:
            The unresolved findings, the most serious first.
        """
        unresolved = self.unresolved()
        looked_for = [each for each in unresolved if is_looked_for(each)]
        if _is_same(looked_for, found, now):
            return unresolved
        still = {(each.kind, each.subject) for each in found}
        gone = [each for each in looked_for if (each.kind, each.subject) not in still]
        reasons = {each.finding_id: resolved_by(each) for each in gone}
        with self._database.write() as connection:
            before = {(row.kind, row.subject): row for row in connection.execute(_unresolved())}
            for record in found:
                row = {"level": record.level, "details": json.dumps(record.details), "seen_at": now}
                known = before.pop((record.kind, record.subject), None)
                if known is None:
                    id_ = secrets.token_hex(6)
                    row |= {"finding_id": id_, "kind": record.kind, "subject": record.subject, "opened_at": now}
                    connection.execute(insert(findings).values(**row))
                else:
                    connection.execute(_of(known.finding_id).values(**row))
            for id_, reason in reasons.items():
                open_still = _of(id_).where(findings.c.resolved_at.is_(None))
                connection.execute(open_still.values(resolved_at=now, resolved_by=reason))
        return self.unresolved()

    def acknowledge(self, finding_id: str, who: str, now: int) -> FindingRecord | None:
        """Note that somebody has looked at a finding; the first one stays noted.

        Args:
            finding_id: The finding.
            who: The name of the key.
            now: UTC seconds.

        Returns:
            The finding; None if there is no such one.
        """
        unseen = _of(finding_id).where(findings.c.acknowledged_at.is_(None), findings.c.resolved_at.is_(None))
        with self._database.write() as connection:
            connection.execute(unseen.values(acknowledged_at=now, acknowledged_by=who))
            row = connection.execute(select(findings).where(findings.c.finding_id == finding_id)).first()
        return None if row is None else _finding(row)

    def unresolved(self) -> list[FindingRecord]:
        """Return the findings that are open or acknowledged, the most serious first."""
        with self._database.read() as connection:
            return [_finding(row) for row in connection.execute(_unresolved())]

    def newest(self, n: int) -> list[FindingRecord]:
        """Return at most n findings of any state, newest first."""
        query = select(findings).order_by(findings.c.opened_at.desc(), findings.c.finding_id).limit(n)
        with self._database.read() as connection:
            return [_finding(row) for row in connection.execute(query)]


def _is_same(known: Sequence[FindingRecord], found: Sequence[FindingRecord], now: int) -> bool:
    """Return whether these are found still, and were less than a minute ago: nothing is to be written."""
    by_subject = {(each.kind, each.subject): each for each in known}
    if by_subject.keys() != {(each.kind, each.subject) for each in found}:
        return False
    pairs = [(by_subject[each.kind, each.subject], each) for each in found]
    return all(
        (old.level, old.details) == (new.level, json.loads(json.dumps(new.details))) and now - old.seen_at < 60
        for old, new in pairs
    )


def _unresolved() -> Any:
    order = (findings.c.level.desc(), findings.c.opened_at.desc(), findings.c.finding_id)
    return select(findings).where(findings.c.resolved_at.is_(None)).order_by(*order)


def _of(finding_id: str) -> Any:
    return update(findings).where(findings.c.finding_id == finding_id)


def _finding(row: Row[Any]) -> FindingRecord:
    fields = dict(row._mapping)
    return FindingRecord(**{**fields, "details": json.loads(fields["details"])})


class RuleStore:
    """The versions of the shop's rules; the newest one holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self) -> RulesVersion:
        """Return the newest version; version 0 without rules if none was saved."""
        newest = self.versions(1)
        return newest[0] if newest else RulesVersion(0, 0, "")

    def versions(self, n: int) -> list[RulesVersion]:
        """Return at most n versions, newest first."""
        query = select(rule_versions).order_by(rule_versions.c.version.desc()).limit(n)
        with self._database.read() as connection:
            return [
                RulesVersion(**{**row._mapping, "rules": json.loads(row.rules)}) for row in connection.execute(query)
            ]

    def save(self, rules: Sequence[JsonDict], who: str, note: str, replaces: int | None) -> RulesVersion:
        """Save a new version.

        Args:
            rules: The rules as JSON.
            who: The name of the key.
            note: Why.
            replaces: The version that was looked at; None if it does not matter.

        Returns:
            The new version.

        Raises:
            Busy: Another version was saved meanwhile.
        """
        with self._database.write() as connection:
            newest = int(connection.execute(select(func.max(rule_versions.c.version))).scalar() or 0)
            if replaces is not None and replaces != newest:
                raise Busy(message("refused.rules", found=replaces, newest=newest))
            saved = RulesVersion(newest + 1, int(time.time()), who, note, list(rules))
            row = asdict(saved) | {"rules": json.dumps(saved.rules)}
            connection.execute(insert(rule_versions).values(**row))
            note_change(self._database, connection, RULES)
        return saved

    def changed_at(self) -> int | None:
        """Return when the rules last changed, in microseconds since 1970; None for never. Quick."""
        return changed_at(self._database, RULES)


class AuditStore:
    """What was done with a key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, who: str, action: str, subject: str, status: int) -> None:
        """Add an entry.

        Args:
            who: The name of the key.
            action: What was called.
            subject: What it was about: an id, or a message.
            status: The HTTP status of the answer.
        """
        with self._database.write() as connection:
            number = self._next_number(connection)
            entry = AuditEntry(number, int(time.time()), who, action, to_record(subject)[:500], status)
            connection.execute(insert(audit).values(**asdict(entry)))

    def _next_number(self, connection: Connection) -> int:
        return int(connection.execute(select(func.max(audit.c.number))).scalar() or 0) + 1

    def newest(self, n: int, *, of_events: bool | None = None) -> list[AuditEntry]:
        """Return the newest entries.

        Args:
            n: The maximum number of entries.
            of_events: Only those that count written events, or only the others; None for all.

        Returns:
            At most n entries, newest first.
        """
        query = select(audit).order_by(audit.c.number.desc()).limit(n)
        if of_events is not None:
            query = query.where((audit.c.action == EVENTS_WRITTEN) == of_events)
        with self._database.read() as connection:
            rows = [AuditEntry(**row._mapping) for row in connection.execute(query)]
        return [replace(row, subject=from_record(row.subject)) for row in rows]


class ComparisonStore:
    """Comparisons of two releases on the same events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, comparison: ReleaseComparison) -> None:
        """Add a comparison, or replace the one of the same releases."""
        result = None if comparison.result is None else json.dumps(comparison.result)
        row = asdict(replace(comparison, result=None)) | {"result": result}
        statement = self._database.insert(comparisons).values(**row)
        with self._database.write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["one", "other"], set_=row))

    def get(self, one: str, other: str) -> ReleaseComparison | None:
        """Return a comparison.

        Args:
            one: Version of a release.
            other: Version of another one.

        Returns:
            The comparison of these releases, in this order; None if nobody asked for it.
        """
        query = select(comparisons).where(comparisons.c.one == one, comparisons.c.other == other)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        fields = dict(row._mapping)
        return ReleaseComparison(**{**fields, "result": json.loads(fields["result"]) if fields["result"] else None})
