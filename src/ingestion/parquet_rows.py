"""Read rows of parquet files, whose size on disk says little about how much they hold."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from src.core.errors import AisleError, UnusableFile
from src.ingestion.input_files import UNREADABLE, InputFile, refuse_many_columns
from src.ingestion.parquet_pages import unpacked_page_bytes
from src.ingestion.raw_rows import RawBlock

_SAMPLE_ROWS = 200
BATCH_ROWS = 20_000
_BATCH_CELLS, _BATCH_BYTES = 1_000_000, 1 << 26
_MAX_TEXT_BYTES = 1 << 28  # of a batch
_UNPACKED_PER_BYTE, _UNPACKED_ALWAYS = 100, 1 << 28  # bytes that a column of so many packed ones may have
_ROWS_PER_BYTE, _ROWS_ALWAYS = 1_000, 10_000_000  # rows that a parquet file of so many bytes may have


@dataclass(frozen=True)
class ParquetRows:
    """A parquet file.

    Attributes:
        file: The file.
        names: Columns to read, in the order of a row's cells.
    """

    file: InputFile
    names: tuple[str, ...] = field(default=())

    def describe(self) -> str:
        """Return the format for people."""
        return "parquet"

    def field_names(self) -> list[str]:
        """Return the names of the columns."""
        with self._open() as (table, _):
            return [str(name) for name in table.schema_arrow.names]

    def sample(self) -> list[list[Any]]:
        """Return the cells of `names` in the first rows."""
        return [list(row) for row in next(self._batches(_SAMPLE_ROWS), [])]

    def blocks(self) -> Iterator[RawBlock]:
        """Yield all rows; times become UTC seconds."""
        first = 1
        for rows in self._batches(BATCH_ROWS):
            yield RawBlock(list(range(first, first + len(rows))), rows)
            first += len(rows)

    def _batches(self, size: int) -> Iterator[list[Sequence[object]]]:
        with self._open() as (table, source):
            self._refuse_many_rows(table.metadata.num_rows)
            first = 1
            for group in range(table.metadata.num_row_groups):
                self._refuse_bomb(table.metadata.row_group(group), source)
                rows = _rows_at_once(table.metadata.row_group(group), size)
                for batch in table.iter_batches(batch_size=rows, row_groups=[group], columns=list(self.names)):
                    self._refuse_long_texts(batch, first)
                    columns = {name: _cells(batch.column(at)) for at, name in enumerate(batch.schema.names)}
                    yield list(zip(*(columns[name] for name in self.names), strict=True))
                    first += batch.num_rows

    def _flat_texts(self, table: Any) -> list[str]:
        kinds = {field.name: field.type for field in table.schema_arrow}
        return [name for name in self.names if name in kinds and _is_text(kinds[name])]

    def _refuse_many_rows(self, n: int) -> None:
        """Raise UnusableFile if there are far more rows than a file of this size has: equal rows take no space."""
        most = max(_ROWS_ALWAYS, _ROWS_PER_BYTE * self.file.size)
        if n > most:
            raise UnusableFile(
                f"{self.file.path}: it says that it has {n:,} rows. Expected at most {most:,} in a file of its size; "
                "export it again, without repeated rows."
            )

    def _refuse_bomb(self, group: Any, source: IO[bytes]) -> None:
        """Raise UnusableFile if a column of a row group unpacks to far more than it has: a page is unpacked at once.

        Args:
            group: Its metadata.
            source: The file, whose pages may say something else.
        """
        for chunk in map(group.column, range(group.num_columns)):
            most = max(_UNPACKED_ALWAYS, _UNPACKED_PER_BYTE * chunk.total_compressed_size)
            unpacked = chunk.total_uncompressed_size
            if group.num_rows and chunk.path_in_schema.partition(".")[0] in self.names:
                try:
                    unpacked = max(unpacked, unpacked_page_bytes(source, chunk))
                except ValueError as error:
                    raise self._not_whole(error) from None
            if unpacked > most:
                raise UnusableFile(
                    f"{self.file.path}: column {chunk.path_in_schema!r} says that it unpacks from "
                    f"{chunk.total_compressed_size:,} to {unpacked:,} bytes. Expected at most "
                    f"{most:,}; export it again, in smaller row groups or without repeated texts."
                )

    def _refuse_long_texts(self, batch: Any, first: int) -> None:
        """Raise UnusableFile if a batch holds repeated long texts, which the file stores once.

        Args:
            batch: Consecutive rows.
            first: The number of its first row.
        """
        if sum(map(_text_bytes, batch.columns)) > _MAX_TEXT_BYTES:
            raise UnusableFile(
                f"{self.file.path}: from row {first:,} on, {batch.num_rows:,} rows have more than {_MAX_TEXT_BYTES:,} "
                "bytes of text. Expected ids, and descriptions of a page; export it again without such texts."
            )

    @contextmanager
    def _open(self) -> Iterator[tuple[Any, IO[bytes]]]:
        import pyarrow as pa  # imported here: a serving process does not need it
        import pyarrow.parquet as pq

        try:
            with self._seekable() as source:
                table = pq.ParquetFile(source)
                refuse_many_columns(self.file.path, table.metadata.num_columns)
                source.seek(0)
                # Texts that the file stores once are held once, however many rows have them.
                yield pq.ParquetFile(source, read_dictionary=self._flat_texts(table)), source
        except (pa.ArrowException, *UNREADABLE) as error:
            raise self._not_whole(error) from None

    def _not_whole(self, error: Exception) -> UnusableFile:
        return UnusableFile(
            f"{self.file.path}: it is no whole parquet file ({error}). Expected one that other programs can read; "
            "fetch it again."
        )

    @contextmanager
    def _seekable(self) -> Iterator[IO[bytes]]:
        """Open the file, which is read from its end: a gzipped one is unpacked to disk first.

        Raises:
            AisleError: There is no room to unpack it.
        """
        if not self.file.packed:
            with self.file.bytes() as binary:
                yield binary
            return
        with self._unpacked() as unpacked, self.file.bytes() as binary:
            for chunk in self.file.chunks(binary):
                with self._room():
                    unpacked.write(chunk)
            with self._room():
                unpacked.seek(0)
            yield unpacked

    def _unpacked(self) -> IO[bytes]:
        with self._room():
            return tempfile.TemporaryFile()

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Report that the folder for temporary files cannot be used."""
        try:
            yield
        except OSError as error:
            raise AisleError(
                f"{self.file.path} cannot be unpacked ({error.strerror or error}). Expected a folder for temporary "
                "files that can be written and has room; name one with TMPDIR, or unpack the file and load that."
            ) from None


def _rows_at_once(group: Any, most: int) -> int:
    """Return how many rows of a row group to read at once.

    Args:
        group: Its metadata.
        most: The most rows.

    Returns:
        At least 1, and fewer than `most` where rows are long or have many cells.
    """
    chunks = [group.column(at) for at in range(group.num_columns)]
    cells = max((chunk.num_values for chunk in chunks), default=0)
    n_bytes = max((chunk.total_uncompressed_size for chunk in chunks), default=0)
    largest = max(cells / _BATCH_CELLS, n_bytes / _BATCH_BYTES)
    return most if largest <= 1 else max(1, min(most, int(group.num_rows / largest)))


def _text_bytes(column: Any) -> int:
    """Return the bytes of all texts of an Arrow column; 0 if it holds none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        lengths = pc.binary_length(column.dictionary) if _is_text(column.type.value_type) else None
        return 0 if lengths is None else int(pc.sum(lengths.take(column.indices)).as_py() or 0)
    return int(pc.sum(pc.binary_length(column)).as_py() or 0) if _is_text(column.type) else 0


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    is_one = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(check(kind) for check in is_one)


def _cells(column: Any) -> list[Any]:
    """Return the cells of an Arrow column as Python values."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        seconds = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())  # unsafe: nanoseconds are dropped
        return [None if micro is None else micro // 1_000_000 for micro in seconds.to_pylist()]
    if pa.types.is_dictionary(column.type):
        places = column.indices.unique().drop_null()
        cells = dict(zip(places.to_pylist(), _cells(column.dictionary.take(places)), strict=True))
        return [cells.get(place) for place in column.indices.to_pylist()]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        try:
            return list(column.to_pylist())
        except UnicodeDecodeError:  # some writers mislabel other encodings as UTF-8
            column = column.cast(pa.large_binary())
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return [None if cell is None else cell.decode("utf-8", "surrogateescape") for cell in column.to_pylist()]
    return list(column.to_pylist())
