"""Write the events of the store to a CSV file."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from src.core.domain import NO_TIME, EventKind
from src.core.errors import AisleError
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
    """Write all events as CSV; `input_files` will not return the file.

    If all events are ratings, the columns are user_id, product_id, rating, timestamp; else user_id, product_id,
    kind, mark, value, timestamp. The mark tells repeated purchases apart, so that loading the file adds nothing.
    Rows, returns among them, have the order in which the events came, as a model may depend on it. The file is
    written atomically.

    Args:
        settings: where the file that sorts the events, and the list of exports, are put.
        store: the events.
        path: the CSV file.

    Returns:
        How many events were written.

    Raises:
        AisleError: the file cannot be written.
        StoreError: the store does not answer.
    """
    only_ratings = set(store.summary().by_kind) <= {EventKind.RATING.value}
    temporary = path.with_name(f".{path.name}.tmp")
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            columns = ["rating"] if only_ratings else ["kind", "mark", "value"]
            file.write(",".join(["user_id", "product_id", *columns, "timestamp"]) + "\n")
            names = "user_id, product_id, value, at" if only_ratings else "user_id, product_id, kind, mark, value, at"
            for rows in _in_order(settings, store, names):
                csv.writer(file, lineterminator="\n").writerows(rows)
                written += len(rows)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise AisleError(
            f"{path} could not be written ({error.strerror}). Expected a folder that can be written and has space; "
            "name another file with --export FILE."
        ) from None
    _remember_export(settings, path)
    return written


def _in_order(settings: Settings, store: Store, names: str) -> Iterator[list[tuple[object, ...]]]:
    """Read all events in the order in which they came, sorted on disk to limit memory.

    Args:
        settings: where the file that sorts them is put.
        store: the events.
        names: the wanted columns, separated by commas.

    Yields:
        Pages of rows.
    """
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
