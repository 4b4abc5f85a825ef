"""Rows that are validated in columns have the same result as rows that are validated one by one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reading import NOW, RULES

from src.core.errors import AisleError
from src.ingestion import input_files
from src.ingestion.event_columns import ColumnBlock, as_columns
from src.ingestion.event_rules import EventRules
from src.ingestion.layout import Hints, Table, parse_columns
from src.ingestion.layout_detection import open_table
from src.ingestion.plain_rows import PlainText, has_plain_rows, parts_of, validate_plain
from src.ingestion.row_validation import validate_rows

IDS = st.one_of(
    st.from_regex(r"[A-Z0-9]{1,14}", fullmatch=True),
    st.sampled_from(
        [
            *["", " ", " A1", "A1 ", "a b", "17850.0", "1.00", ".0", "0", "nan", "NaN", "NAN", "null", "None", "none"],
            *["é", "日本", "\x00", "\x1f", "\x7f", "\udcff", "\x85", "\xa0A1", "x" * 256, "x" * 257, "user", "item"],
            *["a'b", "'007", "'x", "=007", "#", "=1+1", "\\N", "\u2028", "A\x0bB", "A\x0c", "\ufeffA"],
        ]
    ),
)
NUMBERS = st.sampled_from(
    [
        *[
            "5",
            "5.0",
            "4.5",
            "1",
            "3",
            "5",
            "5.0",
            "2",
            " 3",
            "3 ",
            "+4",
            "-1",
            "0",
            "9",
            "5.000001",
            "4.999999999999999",
        ],
        *[
            "3.3000000000000003",
            "1.1234567890123456789",
            "four",
            "",
            "nan",
            "inf",
            "1_0",
            "٣",
            "1e0",
            ".5",
            "5.",
            "0x1",
        ],
        *["4,5", "N/A", "None", "1" * 400],
    ]
)
TIMES = st.sampled_from(
    [
        *[
            "1300000000",
            "1400000000",
            "1399999999",
            "0",
            "0001300000000",
            "1300000000.0",
            "1300000000.9",
            "",
            " ",
            "nan",
        ],
        *[
            "1300000000000",
            "1300000000000000",
            "-1",
            "-5",
            str(NOW),
            str(NOW + 86_400),
            str(NOW + 86_401),
            "9999999999",
        ],
        *["2019-11-01", "2019-11-01 10:20:30", "2019-11-01T10:20:30Z", "99999999999999999999", "soon", "1e9", "12345"],
    ]
)
GOOD = st.tuples(
    st.from_regex(r"[A-C]1?", fullmatch=True), st.from_regex(r"[P-Q]\d", fullmatch=True),
    st.sampled_from(["5", "5.0", "4.5", "1"]), st.sampled_from(["1300000000", "1300000000", "1399999999"]),
)  # fmt: skip


def odd_rows(at: int, cells: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    """Rows that are good but for one cell."""
    return st.tuples(GOOD, cells).map(lambda drawn: (*drawn[0][:at], drawn[1], *drawn[0][at + 1 :]))


ROWS = st.one_of(
    GOOD,
    *(odd_rows(at, cells) for at, cells in enumerate([IDS, IDS, NUMBERS, TIMES])),
    st.lists(st.one_of(IDS, NUMBERS), max_size=6).map(tuple),
    st.sampled_from(
        [
            (),
            ("",),
            (" ",),
            ("user", "item", "rating", "time"),
            ('"A1"', "P1", "5", "1"),
            ("A1", "P1", "5", "1", "", ""),
        ]
    ),
)
HINTS = ["user=1,product=2,rating=3,time=4", "user=2,product=1,rating=3,time=", "user=1,product=2,rating=3"]


def as_compared(blocks: list[ColumnBlock]) -> list[object]:
    """Everything that is stored and counted of a file, its events in the order of the file."""
    events: list[tuple[object, ...]] = []
    nulls: Counter[str] = Counter()
    for block in blocks:
        columns = block.events.take(np.argsort(block.events.place))
        assert columns.place.tolist() == list(range(len(columns)))
        numbers = (columns.value.tolist(), columns.at.tolist(), columns.counted.tolist())
        events += zip(*columns.texts(0, 1, 2, 3), *numbers, strict=True)
        nulls.update(block.nulls)
    by_kind = sum((block.by_kind for block in blocks), Counter[str]())
    rejected = [(row.line, row.reason, list(row.fields)) for block in blocks for row in block.rejected]
    return [
        by_kind,
        sum(block.n_rows for block in blocks),
        events,
        rejected,
        dict(nulls),
        [b.products for b in blocks if b.products],
    ]


def compare(table: Table, rules: EventRules = RULES) -> int:
    """Assert that both ways have the same result; return how many blocks were validated in columns."""
    assert has_plain_rows(table, RULES)
    row_by_row = [as_columns(validate_rows(block, table.layout, rules)) for block in table.rows.blocks()]
    parts = list(parts_of(table, RULES))
    plain = [
        validate_plain(part, table, rules)
        if isinstance(part, PlainText)
        else as_columns(validate_rows(part, table.layout, rules))
        for part in parts
    ]
    assert as_compared(plain) == as_compared(row_by_row)
    return sum(isinstance(part, PlainText) for part in parts)


@settings(deadline=None, max_examples=80)
@given(
    rows=st.lists(ROWS, min_size=1, max_size=25),
    ending=st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n"]),
    separator=st.sampled_from(",,\t;|"),
    header=st.booleans(),
    chunk=st.sampled_from([16, 100, 1 << 21]),
    columns=st.sampled_from(HINTS),
    closed=st.booleans(),
    lowest=st.sampled_from([1, -1]),
)
@example(
    rows=[("A1", "P1", "5", "1300000000"), ("\ufeffA1", "P1", "5", "1300000000")],
    ending="\n", separator=",", header=False, chunk=16, columns=HINTS[0], closed=True, lowest=1,
)  # fmt: skip
def test_a_file_has_one_meaning_however_it_is_read(
    rows: list[tuple[str, ...]],
    ending: str,
    separator: str,
    header: bool,
    chunk: int,
    columns: str,
    closed: bool,
    lowest: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "messy.csv"
    lines = [separator.join(row) for row in rows]
    lines = [separator.join(["user", "item", "rating", "time"]), *lines] if header else lines
    text = ending.join(lines) + ending * closed
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(input_files, "CHUNK_BYTES", chunk)
        try:
            table = open_table(path, Hints("ratings", {} if header else parse_columns(columns), separator=separator))
        except AisleError:
            return
        if has_plain_rows(table, RULES):
            compare(table, EventRules(lowest, 10, NOW))


def test_blocks_of_a_file_of_ratings_are_validated_in_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", 1_000)
    path = tmp_path / "r.csv"
    bad = {7: "u,p", 90: "u,p,9,1300000000", 200: ",p,5,1300000000", 201: "", 250: "u,é,4,1300000000"}
    lines = [bad.get(n, f"u{n},p{n % 7},{1 + n % 5}.0,{1_300_000_000 + n}") for n in range(300)]
    path.write_text("user,item,rating,time\n" + "\n".join(lines))
    assert compare(open_table(path)) > 5


@pytest.mark.parametrize(
    "text",
    [
        "user,item,rating,product_title\nu,p,5,Lamp\n",
        "user,item,kind\nu,p,view\n",
        "u::p::5::1300000000\nv::p::4::1300000000\n",
    ],
)
def test_other_tables_go_row_by_row(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.csv"
    path.write_text(text)
    assert not has_plain_rows(open_table(path), RULES)
