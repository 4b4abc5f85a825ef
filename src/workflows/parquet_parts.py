"""A table in parquet parts, in a folder or an object store: the wanted rows of all of them as one file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from src.core.errors import InputError, UnusableFile
from src.ingestion.parquet_rows import BATCH_ROWS
from src.workflows.watermarks import TIME, Mark, Since, Watermark

_ENDING = ".parquet"


def find_parts(fs: Any, root: str) -> list[str]:
    """Return the parquet files at a path: itself, or those below it but for hidden ones (_temporary, .crc).

    Args:
        fs: The file system.
        root: The path.

    Returns:
        Their paths, sorted.
    """
    if root.endswith(_ENDING) and fs.isfile(root):
        return [root]
    names = fs.find(root)
    return sorted(name for name in names if name.endswith(_ENDING) and not _is_hidden(name[len(root) :]))


def _is_hidden(name: str) -> bool:
    return any(part.startswith(("_", ".")) for part in PurePosixPath(name.lstrip("/")).parts)


def write_parts(
    fs: Any,
    root: str,
    parts: Sequence[str],
    label: str,
    target: Path,
    since: Since | None,
    begin: Any,
    most: int | None,
) -> tuple[Path, int, Watermark | None]:
    """Write the wanted rows of all parts as one parquet file.

    A column that some parts lack is empty there; folders such as day=2026-05-01 are columns.

    Args:
        fs: The file system.
        root: The folder, or the only part.
        parts: Their paths.
        label: The name of the source.
        target: The file to write.
        since: Options of an incremental load; None for all rows.
        begin: The lowest wanted value of its column, as Since.begin returns it; None for all.
        most: Rows that are enough; None for all.

    Returns:
        The file, its rows, and what the load is to note.

    Raises:
        UnusableFile: The parts are no whole parquet files, or not of one table.
        InputError: The column is not there, or tells no order.
    """
    import pyarrow as pa  # imported here: a serving process does not need it
    import pyarrow.parquet as pq

    try:
        table = _open(fs, root, parts, label, since)
        column = _order_of(table.schema, label, since) if since else None
        seen = _Seen(column, since)
        n_rows = 0
        with pq.ParquetWriter(target, table.schema, compression="zstd") as writer:
            for batch in _batches(table, column, begin):
                if most is not None and n_rows + batch.num_rows > most:
                    batch = batch.slice(0, most - n_rows)
                n_rows += batch.num_rows
                seen.add(batch)
                writer.write_batch(batch)
                if n_rows == most:
                    break
        missing = table.count_rows(filter=pa.compute.field(column).is_null(nan_is_null=True)) if column else 0
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise _no_table(label, str(error)) from None
    return target, n_rows, seen.watermark(begin, missing)


def _open(fs: Any, root: str, parts: Sequence[str], label: str, since: Since | None) -> Any:
    """Return pyarrow's dataset of all parts, with the columns of each of them. Raises UnusableFile."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    files, base = PyFileSystem(FSSpecHandler(fs)), root if list(parts) != [root] else str(PurePosixPath(root).parent)

    def factory(partitioning: Any) -> Any:
        options = ds.FileSystemFactoryOptions(base, partitioning=partitioning)
        return ds.FileSystemDatasetFactory(files, list(parts), ds.ParquetFileFormat(), options)

    keys = factory(ds.HivePartitioning.discover(infer_dictionary=False)).inspect(fragments=0)
    schema = keys
    # The footer of every part is read: a column that came later is not to be lost.
    for part in factory(ds.HivePartitioning(keys)).finish(keys).get_fragments():
        try:
            schema = pa.unify_schemas([schema, _plain(part.physical_schema)], promote_options="permissive")
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise _no_table(label, f"{part.path[len(base) :].lstrip('/')}: {error}") from None
    schema = pa.schema([*list(schema)[len(keys) :], *list(schema)[: len(keys)]])
    at = schema.get_field_index(since.column) if since and since.column in keys.names else -1
    if at >= 0 and _is_text(schema.field(at).type):  # day=2026-05-01
        schema = schema.set(at, schema.field(at).with_type(pa.date32()))
    return factory(ds.HivePartitioning(pa.schema([schema.field(name) for name in keys.names]))).finish(schema)


def _plain(schema: Any) -> Any:
    """Return a part's columns without what a writer chooses: dictionaries of texts, and the zone that times show."""
    import pyarrow as pa

    def plain(kind: Any) -> Any:
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        return pa.timestamp(kind.unit, "UTC") if pa.types.is_timestamp(kind) and kind.tz else kind

    return pa.schema([field.with_type(plain(field.type)) for field in schema])


def _no_table(label: str, reason: str) -> UnusableFile:
    return UnusableFile(
        f"{label}: its parts cannot be read as one table ({reason.splitlines()[0]}). Expected whole parquet files with "
        "the same columns, of the same types; mend or remove the part that differs, and load it again."
    )


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _order_of(schema: Any, label: str, since: Since) -> str:
    """Return the name of the column that tells what is new.

    Raises:
        InputError: It is not there, or is neither a time nor a number.
    """
    import pyarrow as pa

    if since.column not in schema.names:
        raise InputError(
            f"--since: {label} has no column {since.column!r}. Expected one of: {', '.join(schema.names)[:300]}."
        )
    kind = schema.field(since.column).type
    checks = (pa.types.is_timestamp, pa.types.is_date, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    if not any(check(kind) for check in checks):
        raise InputError(
            f"--since: {since.column!r} of {label} holds {kind}, which does not tell what is newer. "
            "Expected a date, a time or a number; write it as such, or name another column."
        )
    return since.column


def _batches(table: Any, column: str | None, begin: Any) -> Iterator[Any]:
    """Yield the rows whose column has a value that is wanted, in the order of the parts."""
    import pyarrow.compute as pc

    wanted = None
    if column is not None:
        field = pc.field(column)
        wanted = ~field.is_null(nan_is_null=True)
        if begin is not None:
            kind = table.schema.field(column).type
            # Arrow fails where it compares bounds of a part in another unit and zone; with a cast it reads the rows.
            differ = len({_type_in(part, column) for part in table.get_fragments()} - {None, kind}) > 0
            wanted &= (field.cast(kind) if differ else field) >= _scalar(begin, kind)
    yield from table.to_batches(filter=wanted, batch_size=BATCH_ROWS, batch_readahead=2, fragment_readahead=1)


def _type_in(part: Any, column: str) -> Any:
    """Return the type of a column in a part; None where the part lacks it."""
    at = part.physical_schema.get_field_index(column)
    return part.physical_schema.field(at).type if at >= 0 else None


def _scalar(begin: Any, kind: Any) -> Any:
    """Return a begin as a value of a column's type.

    Raises:
        InputError: The column was of another kind when the mark was noted.
    """
    import pyarrow as pa

    is_time = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    if isinstance(begin, dt.datetime) != is_time:
        raise changed_kind("times" if isinstance(begin, dt.datetime) else "numbers", str(kind))
    if pa.types.is_date(kind):
        return pa.scalar(begin.date(), kind)
    if is_time:
        moment = begin if kind.tz else begin.replace(tzinfo=None)
        return pa.scalar(moment, pa.timestamp("us", kind.tz)).cast(kind, safe=False)
    return pa.scalar(int(begin) if pa.types.is_integer(kind) else float(begin))


def changed_kind(before: str, now: str) -> InputError:
    """Return the error of a column whose type changed since the last load.

    Args:
        before: What it held.
        now: Its type now.
    """
    return InputError(
        f"--since: the column held {before} at the last load and now holds {now}. Expected one kind of values; read "
        "everything once more with --from-start, which notes the new kind."
    )


class _Seen:
    """Keeps the highest value of the column while rows pass."""

    def __init__(self, column: str | None, since: Since | None) -> None:
        self._column, self._since = column, since
        self._now = dt.datetime.now(dt.UTC)
        self._highest: Mark | None = None
        self._n_future = 0

    def add(self, batch: Any) -> None:
        """Look at the values of some rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._column is None or not batch.num_rows:
            return
        cells = batch.column(self._column)
        if pa.types.is_timestamp(cells.type):
            cells = cells.cast(pa.timestamp("us", cells.type.tz), safe=False)
            latest = pa.scalar(self._now if cells.type.tz else self._now.replace(tzinfo=None), cells.type)
            self._n_future += pc.sum(pc.greater(cells, latest)).as_py() or 0
        mark = Mark.of(pc.max(cells).as_py())
        if mark.kind == TIME and mark.parsed() > self._now:
            mark = Mark.of(self._now)
        if self._highest is None or mark.parsed() > self._highest.parsed():
            self._highest = mark

    def watermark(self, begin: Any, n_missing: int) -> Watermark | None:
        """Return what the load is to note; None without a row, or unless it is incremental."""
        if self._column is None or self._highest is None:
            return None
        after = "" if begin is None else Mark.of(begin).value
        noted = Watermark(self._column, self._highest.kind, self._highest.value, after)
        return replace(noted, n_missing=n_missing, n_future=self._n_future)
