"""Add findings, versions of the rules, the audit log and comparisons; placements of lists."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = """
CREATE TABLE findings (
    finding_id {key} PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, level INTEGER NOT NULL,
    details TEXT NOT NULL, opened_at BIGINT NOT NULL, seen_at BIGINT NOT NULL, acknowledged_at BIGINT,
    acknowledged_by TEXT NOT NULL DEFAULT '', resolved_at BIGINT, resolved_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX findings_opened ON findings (opened_at);
CREATE TABLE rule_versions (
    version BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, who TEXT NOT NULL, note TEXT NOT NULL DEFAULT '',
    rules TEXT NOT NULL
);
CREATE TABLE audit (
    number BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
    subject TEXT NOT NULL DEFAULT '', status INTEGER NOT NULL
);
CREATE TABLE comparisons (
    one {key}, other {key}, started_at BIGINT NOT NULL, finished_at BIGINT, result TEXT,
    problem TEXT NOT NULL DEFAULT '', PRIMARY KEY (one, other)
);
ALTER TABLE served ADD COLUMN placement {key} DEFAULT '';
ALTER TABLE followed ADD COLUMN placement TEXT;
UPDATE followed SET placement = '' WHERE day IS NOT NULL;
ALTER TABLE shown RENAME TO shown_before;
CREATE TABLE shown (
    day BIGINT NOT NULL, "release" {key}, made_for {key}, source {key}, "position" BIGINT NOT NULL,
    placement {key} DEFAULT '', count BIGINT NOT NULL,
    PRIMARY KEY (day, "release", made_for, source, "position", placement)
);
INSERT INTO shown (day, "release", made_for, source, "position", count)
    SELECT day, "release", made_for, source, "position", count FROM shown_before;
DROP TABLE shown_before
"""
_KEY = {"sqlite": "TEXT NOT NULL", "postgresql": 'TEXT COLLATE "C" NOT NULL'}


def upgrade() -> None:
    """Add the tables and columns; the counts of shown places become those of no placement."""
    for statement in _TABLES.format(key=_KEY[op.get_bind().dialect.name]).strip().split(";\n"):
        op.execute(statement)
