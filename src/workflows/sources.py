"""Sources that are no local file: objects and folders of parquet parts behind URLs, and queries of PostgreSQL.

Their rows are written to a file in a temporary folder, which is then read as any other one: with the
same account of columns, the same checks and the same messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from src.core.domain import JsonDict
from src.core.errors import InputError, UnclearLayout, UnusableFile
from src.core.remote_files import file_system, is_url, label_of, unreachable
from src.ingestion.layout import Hints
from src.store import Store
from src.workflows.parquet_parts import find_parts, write_parts
from src.workflows.query_rows import SCHEMES, is_sql, write_query
from src.workflows.saved_mappings import hints_of
from src.workflows.watermarks import Mark, Since, Watermark

_QUERY = "query="
_MOST_LOADS = 50


@dataclass(frozen=True)
class Source:
    """Where rows come from.

    Attributes:
        url: A URL, with its password if it has one; or the path of a local folder.
        query: SQL, or the name of a table, where the URL is a database's.
    """

    url: str
    query: str = ""

    def __repr__(self) -> str:
        return f"Source({self.label!r})"

    @property
    def label(self) -> str:
        """Its name in messages and records, without a secret."""
        return label_of(self.url, self.query)

    @property
    def alias(self) -> Path:
        """The path that stands for it in names of files: that of rejected rows, and what its name says of its rows."""
        digest = blake2b(self.label.encode(), digest_size=4).hexdigest()
        stem = self.query.split()[0] if self.query else PurePosixPath(urlsplit(self.url).path.rstrip("/")).name
        return Path(f"source-{digest}") / (("query" if is_sql(self.query) else self.query) or stem or "rows")


def source_of(name: str) -> Path | Source:
    """Return what a command's argument names.

    Args:
        name: A path, or a URL. What stands after `query=` in a URL of PostgreSQL is SQL or the name of a table: as it
            stands if it has blanks, else decoded as the rest of a URL is.

    Returns:
        A file's path, or a source.

    Raises:
        InputError: The URL of a database has no query.
    """
    if not is_url(name):
        return Source(name) if Path(name).is_dir() else Path(name)
    if name.partition(":")[0].partition("+")[0] not in SCHEMES:
        return (
            Path(name.removeprefix("file://"))
            if name.startswith("file:///") and Path(name[7:]).is_file()
            else Source(name)
        )
    url, found, query = name.partition(_QUERY)
    if not found or not query.strip():
        raise InputError(
            f"{label_of(name)}: it names no rows. Expected SQL or a table at its end: "
            "'postgresql://user@host/database?query=SELECT user_id, sku, bought_at FROM orders'"
        )
    return Source(url.rstrip("?&"), (query if is_sql(query) else unquote(query)).strip().rstrip(";"))


@dataclass(frozen=True)
class Staged:
    """The rows of a source in a local file.

    Attributes:
        path: The file.
        n_rows: Rows in it; None where they were not counted.
        watermark: What the load is to note; None unless it is incremental.
    """

    path: Path
    n_rows: int | None = None
    watermark: Watermark | None = None

    def noting(self, reading: JsonDict) -> Staged:
        """Return the staged rows with the reading of their columns, which the next loads repeat."""
        assert self.watermark is not None
        return replace(self, watermark=replace(self.watermark, reading=reading))

    def lines(self) -> Iterator[str]:
        """Yield lines for people: where the next load begins, and which rows it will not read."""
        noted = self.watermark
        if noted is None:
            return
        begin = f"from {noted.after} on" if noted.after else "all"
        yield f"  rows by {noted.column!r}: {begin}; the next load begins at {noted.value}, or --late before it"
        if noted.n_missing:
            yield (
                f"  WARNING: {noted.n_missing:,} rows of the source have no {noted.column!r} and were left out; fill "
                "the column, or load without --since"
            )
        if noted.n_future:
            yield (
                f"  WARNING: {noted.n_future:,} rows have a {noted.column!r} later than now; they are read again each "
                "time until then; look at the clock that wrote them"
            )


def last_watermark(store: Store, source: Source, since: Since | None) -> Watermark | None:
    """Return what the last incremental load of a source noted.

    Args:
        store: The loads.
        since: The column; None for a load of everything.

    Returns:
        Its note; None without one by this column, or where everything is to be read.
    """
    if since is None or since.from_start:
        return None
    noted = [
        (load.loaded_at, found.mark.parsed(), found)
        for load in store.runs.loads_of(source.label, _MOST_LOADS)
        if load.since and (found := Watermark.from_json(load.since, since.column))
    ]
    newest = max((at for at, _, _ in noted), default=0)
    return max((each for each in noted if each[0] == newest), key=lambda each: each[1], default=(0, 0, None))[2]


def source_hints(staged: Staged, hints: Hints, last: Watermark | None) -> Hints:
    """Return how the rows of a source are read: as at its first load, as a night's few rows may look like others.

    Args:
        staged: The rows.
        hints: What options say, which counts more.
        last: What the last load noted; None for none.

    Raises:
        UnclearLayout: Its columns have changed since.
    """
    if last is None or not last.reading or not hints.mapping or hints.layout or hints.columns or hints.separator:
        return hints
    advice = "Look at it with --preview, and load it once with --no-mapping, which notes the new columns."
    return hints_of(last.reading, staged.path, hints, "its last load", advice)


def empty_line(source: Source, last: Watermark | None, since: Since | None) -> str:
    """Return what to say of a source without a wanted row.

    Args:
        last: What the last load noted; None for none.
        since: The column; None for a load of everything.

    Returns:
        A line for people.

    Raises:
        UnusableFile: It never had one.
    """
    if last is not None:
        return f"{source.label}: nothing is new since {last.column} {last.value}"
    column = f" with a value in {since.column!r}" if since else ""
    raise UnusableFile(f"{source.label}: it has no row{column}. Expected events or products; check what it names.")


def stage(
    source: Source, folder: Path, since: Since | None = None, last: Mark | None = None, most: int | None = None
) -> Staged:
    """Write the wanted rows of a source to a file.

    Args:
        folder: Where the file is written.
        since: Options of an incremental load; None for all rows.
        last: The mark of the last load; None for none.
        most: Rows that are enough; None for all.

    Returns:
        The file.

    Raises:
        UnusableFile: The source has no rows, or cannot be read.
        InputError: The column is not there, or tells no order.
        AisleError: It does not answer.
    """
    begin = since.begin(last) if since and last else None
    target = folder / source.alias.name
    if source.query:
        return Staged(
            *write_query(source.url, source.query, source.label, _with_ending(target, ".csv"), since, begin, most)
        )
    try:
        fs, root = file_system(source.url, source.label)
        parts = find_parts(fs, root)
        if parts:
            return Staged(
                *write_parts(fs, root, parts, source.label, _with_ending(target, ".parquet"), since, begin, most)
            )
        if not fs.isfile(root):
            raise UnusableFile(
                f"{source.label}: there is no such file, and no folder with *.parquet in it. Expected a table, or "
                "parts of one as parquet; check its name."
            )
        if since is not None:
            raise InputError(
                f"{source.label}: --since needs columns with types. Expected parquet or a query of a database; load "
                "this file whole, without --since: what was stored before stays single."
            )
        fs.get_file(root, str(target))
    except (InputError, UnusableFile):
        raise
    except Exception as error:  # each driver raises errors of its own
        raise unreachable(source.label, error, "can be read") from None
    return Staged(target)


def _with_ending(path: Path, ending: str) -> Path:
    return path if path.name.endswith(ending) else path.with_name(path.name + ending)


@contextmanager
def named_by(staged: Path, label: str) -> Iterator[None]:
    """Name the source, not the staged file, in errors that are raised inside a `with` block.

    Args:
        staged: The file.
        label: The source.

    Yields:
        Nothing.

    Raises:
        UnusableFile: What was raised inside, in the source's name.
    """
    try:
        yield
    except UnusableFile as error:
        kind: Any = UnclearLayout if isinstance(error, UnclearLayout) else UnusableFile
        raise kind(*(text.replace(str(staged), label) for text in (error.found, error.expected))) from None
