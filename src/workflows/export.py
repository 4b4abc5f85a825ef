"""From the store to a file."""

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
    """The files lying in data/ and data/raw/, and one folder below, without those that `export` wrote."""
    return find_event_files(_INPUT_FOLDERS, _exports(settings))


def export(settings: Settings, store: Store, path: Path) -> int:
    """Write the cleaned events as CSV and return their number; `input_files` will not take it for input.

    Of ratings alone the columns are user_id, product_id, rating, timestamp; with other events user_id, product_id,
    kind, mark, value, timestamp; the mark tells apart repeated purchases, so that reading it back adds nothing.
    Rows stand in the order in which the events came, as a model may depend on it, returns among
    them. The file appears whole or not at all.
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
    """These columns of all events, in the order in which they came; memory does not grow with their number."""
    with sorting_errors(settings.var), closing(work_file(settings.var)) as rows:
        rows.execute("CREATE TABLE events (number, user_id, product_id, kind, mark, value, at)")
        for batch in store.read_events(as_recorded=True):
            assert batch.number is not None
            times = [None if at == NO_TIME else at for at in batch.at.tolist()]
            columns = (batch.number.tolist(), batch.user_id, batch.product_id, batch.kind, batch.mark or [])
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
    try:
        return [Path(name) for name in json.loads(_exports_file(settings).read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return [DEFAULT_EXPORT]


def _remember_export(settings: Settings, path: Path) -> None:
    names = sorted({str(known.resolve()) for known in (*_exports(settings), DEFAULT_EXPORT, path)})
    file = _exports_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(names, indent=2), encoding="utf-8")


def _exports_file(settings: Settings) -> Path:
    return settings.var / "exports.json"
