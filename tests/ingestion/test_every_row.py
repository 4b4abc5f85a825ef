"""In any file, every row is kept or rejected exactly once, and only AisleError is raised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reading import Reading, read

from src.core.domain import EventKind
from src.core.errors import AisleError
from src.ingestion import input_files
from src.ingestion.column_names import is_filled
from src.ingestion.csv_rows import CsvRows
from src.ingestion.layout import CLICKS, LISTS, Hints, Table, parse_columns
from src.ingestion.layout_detection import open_table

TOKENS = st.sampled_from(
    [
        *["", " ", "A1", "P9", "17850.0", "5", "4.5", "4,5", "9", "nan", "inf", "-1", "0", "1300000000", "1e400"],
        *["1_0", "9" * 20, '"', '"x"', '"a,b"', '""', '"\n', '"a\nb"', "\x00", "\x1f", "\udcff", "é", "😀"],
        *["18446744073709551615", "user", "rating", "view", "return", "2019-11-01", "13/11/2019", "1/2/2019"],
        *["C1", "-3", "\u2028", "\x85", "٣", "True", "x" * 300],
    ]
)
HEADERS = st.sampled_from(
    [
        *["", "user,item,rating,time", "user,item,rating", "user,item,kind,value,time", "user,item,purchased"],
        *["user,item,quantity,invoice,date,price,description", "user,item", "sku,title,category,price,stock,image"],
        *["user,item,kind,mark,event_id", ",,,", "user,rating", "user,item,rating,time,,"],
    ]
)
LINES = st.lists(
    st.one_of(
        st.lists(TOKENS, max_size=6).map(",".join),
        st.text(st.characters(exclude_characters="\ud800"), max_size=20),
        st.sampled_from(["U1,P1,5,1300000000", "U1,P1,view,1,2019-11-01", "1 2 3", "1 4", "P1,A lamp,Home,9.5,3,"]),
    ),
    max_size=15,
)
HINTS = st.builds(
    Hints,
    layout=st.sampled_from(
        [None, None, None, "ratings", "products", "lists", "pairs", "events", "clicks", "purchases"]
    ),
    columns=st.sampled_from(["", "", "user=1,product=2", "time=", "title=item", "rating=2"]).map(parse_columns),
    kind=st.sampled_from([None, EventKind.VIEW]),
    day_first=st.sampled_from([None, True, False]),
    encoding=st.sampled_from([None, None, "utf-8", "cp1252", "utf-16", "utf-7", "shift_jis"]),
    separator=st.sampled_from([None, None, ";", "::", " "]),
)
KEYS = [
    "user_id",
    "reviewerID",
    "item_id",
    "asin",
    "overall",
    "rating",
    "timestamp",
    "event",
    "title",
    "price",
    "category",
]
CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | TOKENS | st.just(1_300_000_000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*KEYS, ""]), inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), CELLS, max_size=8)
JSON_LINES = st.lists(
    st.one_of(
        OBJECTS.map(json.dumps),
        OBJECTS.map(repr),
        st.text(max_size=10),
        st.sampled_from(["{", "[", "]", "{},", "[1", '{"user_id": "u", "item_id": "p", "rating": 5}', "{'a\\d': 1}"]),
    ),
    max_size=12,
)


def looked_at(path: Path, hints: Hints | None = None) -> Reading | None:
    """Read a file and count its rows; return None if it is refused. Other exceptions are failures."""
    try:
        table = open_table(path, hints)
        lines = [line for block in table.rows.blocks() for line in [*block.lines, *(row.line for row in block.broken)]]
        found = read(path, hints)
    except AisleError as error:
        str(error).encode("utf-8", "surrogateescape")
        return None
    table.describe()
    assert found.n_rows == len(lines)
    rejected = [row.line for row in found.rejected]
    assert rejected == sorted(rejected)
    assert len(set(lines)) == len(lines) or not isinstance(table.rows, CsvRows)
    assert set(rejected) <= set(lines)
    n_kept = found.n_rows - len(found.rejected)
    if not table.layout.has_events:
        assert len(found.products) == n_kept
    elif table.layout.name == CLICKS:
        assert sum(event[2] == "click" for event in found.events) == n_kept
    elif table.layout.name == LISTS:
        assert len(found.events) >= n_kept
    else:
        assert len(found.events) == n_kept
    for user, product, kind, value, _ in found.events:
        assert 0 < len(user) <= 256
        assert 0 < len(product) <= 256
        (user + product + kind).encode()  # a database takes it
        assert 0 < value <= 1e9
    return found


def covered(table: Table) -> set[int]:
    """Numbers of the lines that rows, broken rows and the header reach over."""
    assert isinstance(table.rows, CsvRows)
    found: set[int] = set()
    for block in table.rows.blocks():
        rows = zip(block.lines, block.rows, strict=True)
        for line, row in [*rows, *((each.line, each.fields) for each in block.broken)]:
            found.update(range(line, line + 1 + sum(str(cell).count("\n") for cell in row)))
    if table.rows.header:
        for line, row in table.rows._numbered():
            found.update(range(line, line + 1 + sum(str(cell).count("\n") for cell in row)))
            if isinstance(row, list) and is_filled(row):
                break
    return found


@settings(max_examples=60)
@given(HEADERS, LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from([",", ";", "\t", "::"]))
@example("", ["A,B,3,1300000000", ",,,"], "\n", ",")
@example("user,item,rating", ["A,B,3", "   ", '""'], "\r\n", ",")
@example("user,item,rating", ["A,B,3", "\t\t", " \t\t"], "\n", "\t")
def test_every_row_of_delimited_text_is_kept_or_rejected_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, header: str, lines: list[str], end: str, separator: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "delimited.csv"
    text = "\n".join([header, *["U0,P0,4,1300000000"] * 3, *lines]).replace(",", separator).replace("\n", end)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = looked_at(path)
    if found is None or not isinstance(found.table.rows, CsvRows):
        return
    everything = [line for block in found.table.rows.file.line_blocks() for line in block]
    filled = {number for number, line in enumerate(everything, 1) if line.strip()}
    assert filled <= covered(found.table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(input_files, "CHUNK_BYTES", 7)
        again = read(path)
    assert (again.n_rows, again.rejected) == (found.n_rows, found.rejected)
    assert sorted(again.events) == sorted(found.events)


@settings(max_examples=60)
@given(JSON_LINES)
@example(["{1: 2}", "{'user_id': 1, (): 2}"])
@example(['{"user_id": "u", "item_id": "p", "rating": 5}', "{" * 2_000, "[" * 2_000, "(" * 300])
def test_every_object_of_json_is_kept_or_rejected_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "objects.jsonl"
    first = '{"user_id": "u0", "item_id": "p0", "rating": 4, "title": "t"}'
    path.write_bytes("\n".join([first, *lines]).encode("utf-8", "surrogatepass"))
    found = looked_at(path)
    assert found is not None
    assert found.n_rows >= sum(bool(line.strip()) for line in lines if "\n" not in line and "\r" not in line)
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    looked_at(path)


@settings(max_examples=60)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\x1f\x8b", b"PAR1", b"\xff\xfe", b"[{", b"user,item,rating\n"]),
    HINTS,
)
def test_no_bytes_raise_anything_but_an_aisle_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, start: bytes, hints: Hints
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(start + content)
    looked_at(path)
    looked_at(path, hints)


@settings(max_examples=60)
@given(HEADERS, LINES, HINTS)
@example("", ["1 2 3", "1 4"], Hints(layout="lists", encoding="utf-8"))
@example("user,item,rating,time", ["A,B,5,1/2/2019"] * 3, Hints())
def test_no_hints_raise_anything_but_an_aisle_error(
    tmp_path_factory: pytest.TempPathFactory, header: str, lines: list[str], hints: Hints
) -> None:
    path = tmp_path_factory.getbasetemp() / "hinted.csv"
    path.write_bytes("\n".join([header, *lines]).encode("utf-8", "surrogatepass"))
    looked_at(path, hints)
