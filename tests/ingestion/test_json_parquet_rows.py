"""JSON lines and parquet: named cells become rows, and a line that is no object rejects only itself."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import read

from src.core.errors import UnusableFile
from src.ingestion import input_files
from src.ingestion.layout import Hints

Write = Callable[..., Path]
ROWS = [{"user_id": f"u{i}", "item_id": f"p{i}", "rating": 5, "timestamp": 1_300_000_000 + i} for i in range(3)]
EVENTS = [(f"u{i}", f"p{i}", "rating", 5.0, 1_300_000_000 + i) for i in range(3)]


def as_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def as_parquet(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


# --- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        as_lines(ROWS),
        as_lines(ROWS).replace("\n", "\r\n"),
        as_lines(ROWS).replace("\n", "\n\n  \n"),
        "[" + as_lines(ROWS).replace("\n", ",\n").removesuffix(",\n") + "]",
        "[\n" + as_lines(ROWS).replace("\n", ",\n").removesuffix(",\n") + "\n]\n",
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
        "".join(f"{row}\n" for row in ROWS),
    ],
    ids=["lines", "crlf", "blank lines", "list", "list on its own lines", "one line", "indented", "objects", "python"],
)
@pytest.mark.parametrize("chunk", [1 << 21, 13])
def test_every_way_to_write_objects_gives_the_same_rows(
    write: Write, text: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", chunk)
    found = read(write(text, "file.jsonl"))
    assert (found.events, found.rejected, found.n_rows) == (EVENTS, [], 3)


def test_json_lines_may_be_packed(write: Write) -> None:
    assert read(write(as_lines(ROWS), "file.jsonl.gz", packed=True)).events == EVENTS


def test_a_column_of_objects_is_no_description_even_where_the_descriptions_are_mostly_empty(write: Write) -> None:
    rows = [
        {
            "asin": f"p{i}",
            "title": f"Card {i}",
            "description": ["For a", "dinner"] if i % 5 == 0 else [],
            "details": {"Weight:": f"{i} g"},
        }
        for i in range(40)
    ]
    products = read(write(as_lines(rows), "file.jsonl")).products
    assert [product.description for product in products[:6]] == ["For a dinner", None, None, None, None, "For a dinner"]


@pytest.mark.parametrize(
    "broken", ['{"user_id": "u9", "item', "nonsense", '["u", "p"]', "17", "null", '{"user_id": "u9"}}', "{'a': 1 2}"]
)
@pytest.mark.parametrize("position", [1, 2, 3])
def test_a_line_that_is_no_object_costs_only_itself_and_is_kept_as_it_stands(
    write: Write, broken: str, position: int
) -> None:
    lines = as_lines(ROWS).splitlines()
    found = read(write("\n".join([*lines[:position], broken, *lines[position:]])))
    assert found.events == EVENTS
    assert found.reasons == [(position + 1, "line is no JSON object")]
    assert found.rejected[0].fields == [broken]


def test_a_broken_first_line_does_not_hide_the_others(write: Write) -> None:
    found = read(write('{"user_id": "u9", "item\n' + as_lines(ROWS)))
    assert found.events == EVENTS
    assert [line for line, _ in found.reasons] == [1]


def test_a_rejected_row_is_kept_as_its_line_in_the_file(write: Write) -> None:
    row = {"user_id": "u", "item_id": "p", "rating": 9, "more": {"a": [1]}}
    found = read(write(as_lines([*ROWS, row])))
    assert found.reasons == [(4, "rating is out of range (1 to 5; AISLE_RATING_MIN, AISLE_RATING_MAX)")]
    assert found.rejected[0].fields == [json.dumps(row)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"item_id": "p", "rating": 5}, "empty user id"),
        ({"user_id": None, "item_id": "p", "rating": 5}, "empty user id"),
        ({"user_id": ["u"], "item_id": "p", "rating": 5}, "empty user id"),
        ({"user_id": {"id": 5}, "item_id": "p", "rating": 5}, "empty user id"),
        ({"user_id": "u", "item_id": "", "rating": 5}, "empty product id"),
        ({"user_id": "u", "item_id": "p"}, "rating is empty"),
        ({"user_id": "u", "item_id": "p", "rating": None}, "rating is empty"),
        ({"user_id": "u", "item_id": "p", "rating": "five"}, "rating is not a number"),
        ({"user_id": "u", "item_id": "p", "rating": True}, "rating is not a number"),
        ({"user_id": "u\ud800", "item_id": "p", "rating": 5}, "user id has control characters or is not UTF-8"),
        ({"user_id": "u\x00", "item_id": "p", "rating": 5}, "user id has control characters or is not UTF-8"),
        ({"user_id": "u", "item_id": "p", "rating": 5, "timestamp": "soon"}, "time is not readable"),
        ({"user_id": "u", "item_id": "p", "rating": 10**400}, "rating is not a number"),
    ],
)
def test_an_object_that_is_no_event_is_rejected_with_its_reason(write: Write, row: dict[str, Any], reason: str) -> None:
    found = read(write(as_lines([*ROWS, row])))
    assert (found.events, found.reasons) == (EVENTS, [(4, reason)])


def test_ids_may_be_numbers(write: Write) -> None:
    row = {"user_id": 17850, "item_id": 17850.0, "rating": "4.5", "timestamp": 1_300_000_000_000}
    assert read(write(as_lines([row]))).events == [("17850", "17850", "rating", 4.5, 1_300_000_000)]


def test_odd_keys_are_no_columns_and_no_accident(write: Write) -> None:
    assert read(write("{1: 2, None: 3, 'user_id': 'u', 'item_id': 'p', 'rating': 5}\n")).users == ["u"]
    for text in ('{"": 1, "x": 2}\n', "{}\n", "{1: 2}\n"):
        with pytest.raises(UnusableFile, match="its columns are"):
            read(write(text))


def test_a_field_that_only_later_objects_have_is_found(write: Write) -> None:
    rows: list[dict[str, Any]] = [{"user_id": "u", "item_id": f"p{i}", "rating": 4} for i in range(50)]
    rows[-1]["timestamp"] = 1_300_000_000
    assert read(write(as_lines(rows))).events[-1][4] == 1_300_000_000


def test_deeply_nested_json_is_rejected_not_raised(write: Write) -> None:
    deep = '{"user_id": ' + "[" * 50_000 + "]" * 50_000 + "}"
    found = read(write(as_lines(ROWS) + deep + "\n"))
    assert found.reasons == [(4, "line is no JSON object")]


# --- Parquet ----------------------------------------------------------------------------------------------------------

COLUMNS = {
    "user_id": ["u0", "u1", "u2"],
    "item_id": ["p0", "p1", "p2"],
    "rating": [5.0, 5.0, 5.0],
    "timestamp": [1_300_000_000, 1_300_000_001, 1_300_000_002],
}


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_is_read_plain_and_packed(write: Write, packed: bool) -> None:
    assert read(write(as_parquet(COLUMNS), "file.parquet", packed=packed)).events == EVENTS


MOMENTS = [datetime(2011, 3, 13, 7, 6, 40 + i, tzinfo=UTC) for i in range(3)]


@pytest.mark.parametrize(
    "times",
    [
        pa.array([moment.replace(tzinfo=None) for moment in MOMENTS], pa.timestamp("s")),
        pa.array([moment.replace(tzinfo=None) for moment in MOMENTS], pa.timestamp("us")),
        pa.array([(1_300_000_000 + i) * 10**9 + 123_456_789 for i in range(3)], pa.timestamp("ns")),
        pa.array([moment.astimezone(timezone(timedelta(hours=5))) for moment in MOMENTS], pa.timestamp("ms", "+05:00")),
        pa.array([(1_300_000_000 + i) * 1_000 for i in range(3)]),
        pa.array([moment.isoformat() for moment in MOMENTS]),
    ],
    ids=["seconds", "microseconds", "nanoseconds that are no microseconds", "a zone", "milliseconds", "texts"],
)
def test_times_in_parquet_become_utc_seconds(write: Write, times: pa.Array) -> None:
    assert read(write(as_parquet({**COLUMNS, "timestamp": times}))).events == EVENTS


def test_days_and_missing_times_in_parquet(write: Write) -> None:
    found = read(write(as_parquet({**COLUMNS, "timestamp": pa.array([date(2011, 3, 13), None, date(1969, 1, 1)])})))
    assert [event[4] for event in found.events] == [1_299_974_400, -1]
    assert found.reasons == [(3, "time is before 1970")]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("user_id", pa.array(["u0", "u1", "u2"]).dictionary_encode()),
        ("user_id", pa.array([b"u0", b"u1", b"u2"])),
        ("user_id", pa.array(["u0", "u1", "u2"], pa.large_string())),
        ("rating", pa.array([Decimal("5.00"), Decimal("5.00"), Decimal("5.00")])),
        ("rating", pa.array([5, 5, 5], pa.int8())),
        ("rating", pa.array(["5", "5.0", " 5"])),
    ],
    ids=["categories", "bytes", "large strings", "decimals", "small integers", "texts"],
)
def test_every_type_of_parquet_that_holds_ids_or_numbers_is_read(write: Write, name: str, cells: pa.Array) -> None:
    assert read(write(as_parquet({**COLUMNS, name: cells}))).events == EVENTS


def test_ids_that_are_numbers_with_gaps_lose_their_point_zero(write: Write) -> None:
    found = read(write(as_parquet({**COLUMNS, "user_id": [17850.0, None, float("nan")]})))
    assert found.users == ["17850"]
    assert found.reasons == [(2, "empty user id"), (3, "empty user id")]


def test_text_in_parquet_that_is_not_utf8_costs_only_its_row(write: Write) -> None:
    bad = pa.Array.from_buffers(pa.string(), 3, pa.array([b"u0", b"u\xff", b"u2"]).buffers())
    found = read(write(as_parquet({**COLUMNS, "user_id": bad})))
    assert found.users == ["u0", "u2"]
    assert found.reasons == [(2, "user id has control characters or is not UTF-8")]


def test_parquet_is_read_in_batches_with_right_row_numbers(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.ingestion.parquet_rows.BATCH_ROWS", 2)
    found = read(write(as_parquet({**COLUMNS, "rating": [5.0, 4.0, 9.0]})))
    assert len(found.events) == 2
    assert found.reasons == [(3, "rating is out of range (1 to 5; AISLE_RATING_MIN, AISLE_RATING_MAX)")]


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-9], lambda b: b[: len(b) // 2], lambda b: b[:4], lambda b: b[:200] + bytes(40) + b[240:]]
)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_parquet_is_an_unusable_file(write: Write, spoil: Callable[[bytes], bytes], packed: bool) -> None:
    many = {name: cells * 500 for name, cells in COLUMNS.items()}
    with pytest.raises(UnusableFile):
        read(write(spoil(as_parquet(many)), packed=packed))
    with pytest.raises(UnusableFile):
        read(write(gzip.compress(as_parquet(many))[:-20]))


def test_a_parquet_file_without_rows_has_none(write: Write) -> None:
    empty = {
        "user_id": pa.array([], pa.string()),
        "item_id": pa.array([], pa.string()),
        "rating": pa.array([], pa.int8()),
    }
    assert read(write(as_parquet(empty))).n_rows == 0


def test_a_parquet_file_of_other_columns_is_refused_with_their_names(write: Write) -> None:
    with pytest.raises(UnusableFile, match="its columns are query, docid, rating"):
        read(write(as_parquet({"query": ["tv"], "docid": [1], "rating": [0]})))


def test_columns_of_parquet_and_json_can_be_named(write: Write) -> None:
    hints = Hints(columns={"user": "who", "product": "2", "rating": "how much"})
    rows = [{"who": "u", "what": "p", "how much": 4}]
    assert read(write(as_lines(rows)), hints).events == [("u", "p", "rating", 4.0, -1)]
    assert read(write(as_parquet({"who": ["u"], "what": ["p"], "how much": [4]})), hints).users == ["u"]
