"""Write what the store holds to CSV and Parquet files: its events, and the lists that were served."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from src.core.domain import NO_TIME, EventKind
from src.core.errors import AisleError, InputError
from src.core.records import ServedList
from src.core.settings import Settings
from src.ingestion.external_sort import sorting_errors, work_file
from src.ingestion.input_files import find_event_files
from src.store import Store

DEFAULT_EXPORT = Path("data/processed_amazon_reviews.csv")
_PAGE = 50_000
_INPUT_FOLDERS = (Path("data"), Path("data/raw"))


def input_files(settings: Settings) -> list[Path]:
    """Return the files in data/ and data/raw/ and one folder below, without those that `export` wrote."""
    return find_event_files(_INPUT_FOLDERS, _exports(settings))


def export(settings: Settings, store: Store, path: Path) -> int:
    """Write all events as CSV, or as Parquet where the name ends so; `input_files` will not return the file.

    If all events are ratings, the columns are user_id, product_id, rating, timestamp; else user_id, product_id,
    kind, mark, value, timestamp. The mark tells repeated purchases apart, so that loading the file adds nothing.
    Rows, returns among them, have the order in which the events came, as a model may depend on it. The file is
    written atomically.

    Returns:
        How many events were written.

    Raises:
        AisleError: the file cannot be written.
        StoreError: the store does not answer.
    """
    only_ratings = set(store.summary().by_kind) <= {EventKind.RATING.value}
    columns = ["rating"] if only_ratings else ["kind", "mark", "value"]
    names = "user_id, product_id, value, at" if only_ratings else "user_id, product_id, kind, mark, value, at"
    header = ["user_id", "product_id", *columns, "timestamp"]
    with _replaced(path, "--export") as temporary:
        write = _write_parquet if is_parquet(path) else _write_csv
        written = write(temporary, header, _in_order(settings, store, names))
    _remember_export(settings, path)
    return written


def is_parquet(path: Path) -> bool:
    """Whether a file is to be Parquet, by its name."""
    return path.suffix.lower() == ".parquet"


def export_parts(store: Store, folder: Path) -> None:
    """Write all events as parquet parts in the order of the store, for programs that read them in parallel.

    Raises:
        OSError: the folder cannot be made or written.
        StoreError: the store does not answer.
    """
    import pyarrow as pa  # imported here: a serving process does not need it
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    for number, batch in enumerate(store.events.read()):
        columns = {"user_id": batch.user_id, "product_id": batch.product_id, "kind": [str(each) for each in batch.kind]}
        table = pa.table(columns | {"value": batch.value, "at": batch.at})
        pq.write_table(table, folder / f"{number:06d}.parquet")


def export_served(store: Store, path: Path) -> int:
    """Write each place of each list that was served, and what its user did with the product, as Parquet.

    Returns:
        How many places were written.

    Raises:
        InputError: the name is not that of a Parquet file.
        AisleError: the file cannot be written.
        StoreError: the store does not answer.
    """
    import pyarrow as pa  # imported here: a serving process does not need it

    if not is_parquet(path):
        raise InputError(f"--export-served: found {path.name!r}; expected a name that ends in .parquet")
    texts = ["request_id", "release", "made_for", "subject", "placement", "experiments", "product_id", "source"]
    fields = {name: pa.string() for name in texts} | {"list": pa.int64(), "position": pa.int64()}
    schema = pa.schema(fields | {"at": pa.timestamp("s", "UTC"), "followed": pa.list_(pa.string())})
    with _replaced(path, "--export-served") as temporary:
        return _write_pages(temporary, schema, (_places(page) for page in store.served_lists.read()))


def _places(page: Sequence[tuple[ServedList, Mapping[tuple[str, int], Sequence[str]]]]) -> list[dict[str, object]]:
    """Return a row for each place of some lists."""
    return [
        {
            "request_id": served.request_id,
            "list": served.seq,
            "at": served.at,
            "release": served.release,
            "made_for": served.made_for,
            "subject": served.subject,
            "placement": served.placement,
            "experiments": served.experiments,
            "position": position,
            "product_id": product_id,
            "source": source,
            "followed": list(followed.get((product_id, position), ())),
        }
        for served, followed in page
        for position, (product_id, source) in enumerate(served.products, 1)
    ]


@contextmanager
def _replaced(path: Path, option: str) -> Iterator[Path]:
    """Give a temporary path, whose file takes the place of another. Raises AisleError if it cannot be written."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise AisleError(
            f"{path} could not be written ({error.strerror}). Expected a folder that can be written and has space; "
            f"name another file with {option} FILE."
        ) from None


def _write_csv(path: Path, header: Sequence[str], pages: Iterator[list[tuple[object, ...]]]) -> int:
    written = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(",".join(header) + "\n")
        for rows in pages:
            csv.writer(file, lineterminator="\n").writerows(rows)
            written += len(rows)
    return written


def _write_parquet(path: Path, header: Sequence[str], pages: Iterator[list[tuple[object, ...]]]) -> int:
    import pyarrow as pa  # imported here: a serving process does not need it

    kinds = {"rating": pa.float64(), "value": pa.float64(), "timestamp": pa.timestamp("s", "UTC")}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in header])
    return _write_pages(path, schema, ([dict(zip(header, row, strict=True)) for row in page] for page in pages))


def _write_pages(path: Path, schema: Any, pages: Iterable[list[dict[str, object]]]) -> int:
    """Write pages of rows as a Parquet file, a row group each.

    Args:
        path: the file.
        schema: pyarrow's, of the columns.
        pages: rows, by the names of the columns.

    Returns:
        How many rows were written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = 0
    with pq.ParquetWriter(path, schema) as writer:
        for page in pages:
            writer.write_table(pa.Table.from_pylist(page, schema))
            written += len(page)
    return written


def _in_order(settings: Settings, store: Store, names: str) -> Iterator[list[tuple[object, ...]]]:
    """Yield pages of all events in the order in which they came, sorted on disk; names: columns with commas between."""
    with sorting_errors(settings.var), closing(work_file(settings.var)) as rows:
        rows.execute("CREATE TABLE events (number, user_id, product_id, kind, mark, value, at)")
        for batch in store.events.read(as_recorded=True):
            assert batch.arrival_seq is not None
            times = [None if at == NO_TIME else at for at in batch.at.tolist()]
            columns = (batch.arrival_seq.tolist(), batch.user_id, batch.product_id, batch.kind, batch.dedupe_key or [])
            rows.execute("BEGIN")
            rows.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
                zip(*columns, batch.value.tolist(), times, strict=True),
            )
            rows.execute("COMMIT")
        found = rows.execute(f"SELECT {names} FROM events ORDER BY number, rowid")
        while page := found.fetchmany(_PAGE):
            yield page


def _exports(settings: Settings) -> list[Path]:
    """Return the files that `export` wrote, as far as is known."""
    try:
        return [Path(name) for name in json.loads(_exports_file(settings).read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return [DEFAULT_EXPORT]


def _remember_export(settings: Settings, path: Path) -> None:
    names = sorted({str(export.resolve()) for export in (*_exports(settings), DEFAULT_EXPORT, path)})
    file = _exports_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(names, indent=2), encoding="utf-8")


def _exports_file(settings: Settings) -> Path:
    return settings.var / "exports.json"
