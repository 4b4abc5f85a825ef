"""The rows of a query of PostgreSQL as a CSV file, read in one snapshot of the database that nothing can write to."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from src.core.errors import AisleError, InputError, UnusableFile
from src.workflows.parquet_parts import changed_kind
from src.workflows.watermarks import NUMBER, TIME, Mark, Since, Watermark

SCHEMES = ("postgresql", "postgres")
_CONNECT_SECONDS = 10
_TIMES, _NUMBERS, _FRACTIONS = {1082, 1114, 1184}, {20, 21, 23}, {700, 701, 1700}
"""Numbers of PostgreSQL's types: date, timestamp, timestamptz; integers; real, double precision and numeric."""


def is_sql(query: str) -> bool:
    """Return whether a query is SQL; else it is the name of a table, which has no blanks."""
    return any(map(str.isspace, query))


def write_query(
    url: str, query: str, label: str, target: Path, since: Since | None, begin: Any, most: int | None
) -> tuple[Path, int, Watermark | None]:
    """Write the wanted rows of a query as a CSV file.

    Args:
        url: Of the database, as libpq takes it; what it lacks comes from PGPASSWORD, PGSERVICE, ~/.pgpass.
        query: SQL, or the name of a table.
        label: The name of the source.
        target: The file to write.
        since: Options of an incremental load; None for all rows.
        begin: The lowest wanted value of its column, as Since.begin returns it; None for all.
        most: Rows that are enough; None for all.

    Returns:
        The file, its rows, and what the load is to note.

    Raises:
        UnusableFile: The database refuses the query.
        InputError: The URL cannot be used; the column is not there, or tells no order.
        AisleError: The database does not answer.
    """
    import psycopg  # imported here: most commands have no such source
    from psycopg import sql

    if is_sql(query):
        source = sql.SQL("({}\n) AS wanted").format(sql.SQL(query))
    else:
        source = sql.SQL("{}").format(sql.Identifier(*query.split(".")))
    try:
        with _connected(url, label) as connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle TO 'ISO'")
            cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(source))
            wanted = sql.SQL("TRUE")
            watermark = None
            if since is not None:
                kinds = {column.name: column.type_code for column in cursor.description or ()}
                column, wanted = sql.Identifier(since.column), _wanted(since, kinds, label, begin)
                watermark = _watermark(cursor, source, column, wanted, since, kinds[since.column], begin)
            limit = sql.SQL("") if most is None else sql.SQL(" LIMIT {}").format(sql.Literal(most))
            copied = sql.SQL("COPY (SELECT * FROM {} WHERE {}{}) TO STDOUT (FORMAT csv, HEADER)")
            with target.open("wb") as file, cursor.copy(copied.format(source, wanted, limit)) as copy:
                for part in copy:
                    file.write(part)
            return target, cursor.rowcount, watermark
    except psycopg.OperationalError as error:
        raise AisleError(
            f"{label} does not answer ({_said(error, url)}). Expected a PostgreSQL that accepts this user; check the "
            "URL, PGPASSWORD or ~/.pgpass, and run again."
        ) from None
    except psycopg.Error as error:
        raise UnusableFile(
            f"{label}: PostgreSQL refuses it ({_said(error, url)}).",
            "Expected a query that reads rows, or the name of a table; mend it, and try it with psql.",
        ) from None


def _connected(url: str, label: str) -> Any:
    """Return a connection that reads one snapshot and cannot write. Raises InputError for a URL that is none."""
    import psycopg

    scheme, rest = url.split(":", 1)
    try:
        connection = psycopg.connect(
            f"{scheme.partition('+')[0]}:{rest}", connect_timeout=_CONNECT_SECONDS, application_name="aisle-load"
        )
    except psycopg.ProgrammingError:  # its text shows a part of the URL, which may be that of the password
        raise InputError(
            f"{label}: its URL cannot be read. Expected postgresql://user@host:5432/database?query=…, with %2F for a / "
            "in a password; a password is better left to PGPASSWORD or ~/.pgpass."
        ) from None
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def _wanted(since: Since, kinds: dict[str, int], label: str, begin: Any) -> Any:
    """Return the condition of the wanted rows. Raises InputError if the column does not tell what is new."""
    from psycopg import sql

    if since.column not in kinds:
        raise InputError(f"--since: {label} has no column {since.column!r}. Expected one of: {', '.join(kinds)[:300]}.")
    kind, column = kinds[since.column], sql.Identifier(since.column)
    if kind not in _TIMES | _NUMBERS | _FRACTIONS:
        raise InputError(
            f"--since: {since.column!r} of {label} has a type that does not tell what is newer. Expected a date, a "
            f"time or a number; convert it in the query, such as {since.column}::timestamptz, or name another column."
        )
    if begin is not None and isinstance(begin, dt.datetime) != (kind in _TIMES):
        raise changed_kind("times" if isinstance(begin, dt.datetime) else "numbers", "another kind")
    conditions = [sql.SQL("{} IS NOT NULL").format(column)]
    if kind in _FRACTIONS:
        conditions.append(sql.SQL("{} <> 'NaN'").format(column))
    if begin is not None:
        low = begin.isoformat() if isinstance(begin, dt.datetime) else str(begin)
        as_kind = sql.SQL("timestamptz" if kind in _TIMES else "numeric")
        conditions.append(sql.SQL("{} >= {}::{}").format(column, sql.Literal(low), as_kind))
    return sql.SQL(" AND ").join(conditions)


def _watermark(cursor: Any, source: Any, column: Any, wanted: Any, since: Since, kind: int, begin: Any) -> Any:
    """Return what the load is to note; None if no row is wanted."""
    from psycopg import sql

    is_time = kind in _TIMES
    highest = sql.SQL("max({}) FILTER (WHERE {})").format(column, wanted)
    future = sql.SQL("count(*) FILTER (WHERE {} > now())").format(column) if is_time else sql.SQL("0")
    if is_time:
        highest = sql.SQL('to_char(least({}, now()), \'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"\')').format(highest)
    missing = sql.SQL("count(*) FILTER (WHERE {} IS NULL)").format(column)
    asked = sql.SQL("SELECT ({})::text, {}, {} FROM {}").format(highest, missing, future, source)
    value, n_missing, n_future = cursor.execute(asked).fetchone()
    if value is None:
        return None
    after = "" if begin is None else Mark.of(begin).value
    return Watermark(since.column, TIME if is_time else NUMBER, value, after, n_missing, n_future)


def _said(error: Exception, url: str) -> str:
    """Return the first line of an error, without the password of the URL."""
    password = urlsplit(url).password or ""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    for text in filter(None, {password, unquote(password)}):
        line = line.replace(text, "…")
    return line
