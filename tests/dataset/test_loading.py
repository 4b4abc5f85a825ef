"""Reading files: whatever lies in them, every line is accounted for, and only UnusableFile is raised."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from src.dataset.loading import EventFile, find_event_files
from src.dataset.preprocessing import Limits, RejectedRow, clean
from src.errors import UnusableFile

LIMITS = Limits(1, 5, now=2_000_000_000)
GOOD = "A1,P1,5.0,1300000000\nA2,P2,4.0,1300000001\nA3,P1,1.0,1300000002\n"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "ratings.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows_of(path: Path, size: int = 50_000) -> list[tuple[int, list[str]]]:
    blocks = EventFile(path).blocks(size)
    return [pair for block in blocks for pair in zip(block.lines, block.rows, strict=True)]


def users_of(path: Path) -> list[str]:
    return [row[0] for _, row in rows_of(path)]


def outcome(path: Path, size: int = 50_000) -> tuple[list[tuple[object, ...]], list[RejectedRow]]:
    """(events, rejected rows) of a whole file."""
    source = EventFile(path)
    events: list[tuple[object, ...]] = []
    rejected: list[RejectedRow] = []
    for raw in source.blocks(size):
        block = clean(raw, source.layout, LIMITS)
        batch = block.events
        events += zip(batch.user_id, batch.product_id, batch.kind, batch.value.tolist(), batch.at.tolist(), strict=True)
        rejected += block.rejected
    return events, rejected


def test_a_file_without_header_gives_all_its_rows_with_line_numbers(write: Write) -> None:
    assert rows_of(write(GOOD)) == [
        (1, ["A1", "P1", "5.0", "1300000000"]),
        (2, ["A2", "P2", "4.0", "1300000001"]),
        (3, ["A3", "P1", "1.0", "1300000002"]),
    ]


def test_a_header_is_no_row_but_counts_as_a_line(write: Write) -> None:
    path = write("user_id,parent_asin,rating,timestamp\n" + GOOD)
    assert [line for line, _ in rows_of(path)] == [2, 3, 4]
    assert users_of(path) == ["A1", "A2", "A3"]


@pytest.mark.parametrize("before", ["\n", "\n\n", "   \n", "\t\r\n", ",,,\n"])
def test_blank_lines_before_a_header_do_not_make_the_header_a_row(write: Write, before: str) -> None:
    path = write(before + "user_id,product_id,rating,timestamp\n" + GOOD)
    events, rejected = outcome(path)
    assert len(events) == 3
    assert rejected == []
    assert rows_of(path)[0][0] == 2 + before.count("\n")


def test_gzip_is_known_by_its_content(write: Write) -> None:
    for name in ("packed.csv", "packed.csv.gz", "packed"):
        assert users_of(write(gzip.compress(GOOD.encode()), name)) == ["A1", "A2", "A3"]


def test_a_plain_file_named_gz_is_read_as_it_is(write: Write) -> None:
    assert users_of(write(GOOD, "plain.csv.gz")) == ["A1", "A2", "A3"]


@pytest.mark.parametrize(
    "header", ["", "user_id,product_id,rating,timestamp\n", '"user_id","product_id","rating","t"\n']
)
def test_a_byte_order_mark_is_no_part_of_the_first_field(write: Write, header: str) -> None:
    assert users_of(write(b"\xef\xbb\xbf" + (header + GOOD).encode())) == ["A1", "A2", "A3"]


def test_a_path_may_have_blanks_and_parentheses(write: Write) -> None:
    path = write(GOOD, "ratings_Electronics (1).csv")
    assert len(rows_of(path)) == 3
    assert find_event_files([path.parent]) == [path]


def test_blank_lines_are_no_rows_but_count_as_lines(write: Write) -> None:
    path = write("A1,P1,5,1\n\n\r\n   \nA2,P2,4,2\n\n")
    assert [(line, row[0]) for line, row in rows_of(path)] == [(1, "A1"), (5, "A2")]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_every_line_ending_is_understood(write: Write, end: str) -> None:
    path = write(GOOD.replace("\n", end))
    assert [line for line, _ in rows_of(path)] == [1, 2, 3]
    assert [row[3] for _, row in rows_of(path)] == ["1300000000", "1300000001", "1300000002"]


def test_the_last_line_needs_no_end(write: Write) -> None:
    assert users_of(write(GOOD.rstrip("\n"))) == ["A1", "A2", "A3"]


def test_one_row_is_a_file(write: Write) -> None:
    assert users_of(write("A1,P1,5,1300000000")) == ["A1"]


def test_a_header_alone_has_no_rows(write: Write) -> None:
    assert rows_of(write("user_id,product_id,rating,timestamp\n")) == []


def test_quoted_fields_may_hold_commas_and_quotes(write: Write) -> None:
    path = write('"A,1","P""1",5,1300000000\n"A2",P2,"4",1300000001\n')
    assert rows_of(path) == [(1, ["A,1", 'P"1', "5", "1300000000"]), (2, ["A2", "P2", "4", "1300000001"])]


@pytest.mark.parametrize("broken", ['"A2,P2,4,1', 'A2,"P2,4,1', 'A2,P2,4,"1', 'A2,P2,"4,1', '"', 'A2,P2,4,1,"'])
@pytest.mark.parametrize("position", [0, 1, 3])
def test_a_quote_that_is_never_closed_costs_only_its_own_line(write: Write, broken: str, position: int) -> None:
    good = [f"G{i},P{i},5,{i}" for i in range(3)]
    lines = [*good[:position], broken, *good[position:]]
    numbered = dict(rows_of(write("\n".join(lines) + "\n")))
    assert set(numbered) == {1, 2, 3, 4}
    assert [row for line, row in numbered.items() if line != position + 1] == [line.split(",") for line in good]


def test_two_lone_quotes_cost_only_their_own_lines(write: Write) -> None:
    path = write('A1,P1,5,1\nA2,"P2,5,2\nA3,P3,5,3\nA4,"P4,5,4\nA5,P5,5,5\n')
    assert [(line, row[0][:2]) for line, row in rows_of(path)] == [(i, f"A{i}") for i in range(1, 6)]
    assert [(row.line, row.reason) for row in outcome(path)[1]] == [(i, "quote that is never closed") for i in (2, 4)]


def test_a_lone_quote_before_very_many_lines_costs_only_its_own_line(write: Write) -> None:
    path = write('"A0,P,5,1\n' + "".join(f"A{i},P,5,1\n" for i in range(1, 20_001)))
    numbered = rows_of(path)
    assert len(numbered) == 20_001
    assert [row[0] for _, row in numbered[1:]] == [f"A{i}" for i in range(1, 20_001)]


def test_line_numbers_are_right_after_a_quoted_field_over_several_lines(write: Write) -> None:
    path = write('A1,P1,5,1\n"A\n2",P2,5,2\nA3,P3,5,3\n')
    events, rejected = outcome(path)
    assert {event[0] for event in events} >= {"A1", "A3"}
    assert rejected[0].line == 2
    assert rows_of(path)[0] == (1, ["A1", "P1", "5", "1"])
    assert rows_of(path)[-1] == (4, ["A3", "P3", "5", "3"])


def test_a_row_of_empty_fields_is_rejected_and_not_lost(write: Write) -> None:
    events, rejected = outcome(write('A1,P1,5,1\n,,,\n""\nA2,P2,4,2\n'))
    assert len(events) == 2
    assert [(row.line, row.reason) for row in rejected] == [(2, "empty user id"), (3, "missing field")]


def test_bytes_that_are_not_utf8_cost_only_their_row(write: Write) -> None:
    events, rejected = outcome(write(b"A1,P1,5,1\nA\xff2,P2,5,2\nA3,caf\xc3\xa9,5,3\n"))
    assert [event[:2] for event in events] == [("A1", "P1"), ("A3", "café")]
    assert [(row.line, row.reason) for row in rejected] == [(2, "user id has control characters or is not UTF-8")]


def test_a_field_beyond_what_a_csv_reader_takes_costs_only_its_row(write: Write) -> None:
    events, rejected = outcome(write("A1,P1,5,1\n" + "x" * 200_000 + ",P2,5,2\nA3,P3,5,3\n"))
    assert [event[0] for event in events] == ["A1", "A3"]
    assert [(row.line, row.reason) for row in rejected] == [(2, "line is too long")]


def many_rows(n: int = 20_000) -> bytes:
    return "".join(f"A{i * 7919 % 104_729},P{i * 31 % 997},5.0,{1_300_000_000 + i * 37}\n" for i in range(n)).encode()


def test_a_truncated_gzip_gives_its_good_blocks_and_names_the_line(write: Write) -> None:
    packed = gzip.compress(many_rows())
    source = EventFile(write(packed[: len(packed) // 2], "cut.csv.gz"))
    read: list[list[str]] = []
    blocks = source.blocks(100)
    with pytest.raises(UnusableFile, match=r"cut\.csv\.gz: cannot be read after line \d+") as caught:
        read.extend(row for block in blocks for row in block.rows)
    assert len(read) > 1_000
    assert read == [line.split(",") for line in many_rows().decode().splitlines()[: len(read)]]
    line = int(str(caught.value).split("after line ")[1].split()[0])
    assert len(read) <= line <= len(read) + 100


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:2], lambda b: b[:15], lambda b: b[:-4] + b"\0\0\0\0", lambda b: b + b"rest"]
)
def test_a_damaged_gzip_is_an_unusable_file(write: Write, spoil: Callable[[bytes], bytes]) -> None:
    path = write(spoil(gzip.compress(GOOD.encode())), "bad.csv.gz")
    with pytest.raises(UnusableFile, match="cannot be read after line"):
        rows_of(path)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n", b"\xef\xbb\xbf", gzip.compress(b"")])
def test_an_empty_file_is_unusable(write: Write, content: bytes) -> None:
    with pytest.raises(UnusableFile, match="is empty"):
        EventFile(write(content))


@pytest.mark.parametrize(
    "content",
    [bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n" + bytes(500), GOOD.encode("utf-16"), b"PK\x03\x04" + bytes(99)],
)
def test_binary_garbage_is_an_unusable_file(write: Write, content: bytes) -> None:
    path = write(content)
    with pytest.raises(UnusableFile, match="Expected") as caught:
        EventFile(path)
    str(caught.value).encode()  # it can be printed


def test_a_missing_file_and_a_folder_are_unusable_files(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(UnusableFile, match="no such file"):
            EventFile(path)


def test_the_block_size_does_not_change_the_outcome(write: Write) -> None:
    path = write("user,item,rating,time\n" + GOOD + '\n"A\n2",P,5,1\nA5,P,9,\nA6,P,2,9999999999999\n"x,1\n' + GOOD)
    whole = outcome(path)
    assert [row.reason for row in whole[1]] == [
        "quote that is never closed",
        "rating is out of range",
        "time is in the future",
        "quote that is never closed",
    ]
    for size in (1, 2, 3, 7):
        assert outcome(path, size) == whole


def test_blocks_hold_at_most_the_size_asked_for(write: Write) -> None:
    assert [len(block.rows) for block in EventFile(write(GOOD * 3)).blocks(4)] == [4, 4, 1]


def test_tables_are_found_in_folders_but_not_our_own_exports(write: Write) -> None:
    paths = [write(GOOD, name) for name in ("b.csv", "a.CSV.gz", "c.txt", "d.pdf", "README.md", "out.csv")]
    folder = paths[0].parent
    (folder / "folder.csv").mkdir()
    found = find_event_files([folder, folder, folder / "missing"], except_for=[folder / "out.csv"])
    assert [path.name for path in found] == ["a.CSV.gz", "b.csv"]


TOKENS = st.sampled_from(
    [
        "",
        " ",
        "A1",
        "P9",
        "17850.0",
        "5",
        "4.5",
        "9",
        "nan",
        "inf",
        "-1",
        "0",
        "1300000000",
        "1e400",
        "99999999999999999999",
        *[
            '"',
            '"x"',
            '"a,b"',
            '""',
            '"\n',
            "\x00",
            "\x1f",
            "\udcff",
            "é",
            "😀",
            "18446744073709551615",
            "user",
            "rating",
        ],
    ]
)
LINE = st.one_of(
    st.lists(TOKENS, max_size=6).map(",".join),
    st.text(st.characters(exclude_characters="\ud800"), max_size=20),
    st.just("U1,P1,5,1300000000"),
)
HEADERS = st.sampled_from(["", "user,item,rating,time\n", "user,item,rating\n", "user,item,kind,value,time\n"])


@given(HEADERS, st.lists(LINE, max_size=15), st.sampled_from(["\n", "\r\n"]), st.integers(1, 5))
@example("", ["A,B,3,4", ",,,"], "\n", 1)
@example("user,item,rating\n", ["A,B,3", "   ", '""'], "\n", 2)
def test_whatever_the_lines_are_every_row_is_an_event_or_rejected_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, header: str, lines: list[str], end: str, size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "whatever.csv"
    text = (header + "U0,P0,4,1300000000\n" * 3).replace("\n", end) + end.join(lines)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        source = EventFile(path)
        raw = [(line, row) for block in source.blocks(size) for line, row in zip(block.lines, block.rows, strict=True)]
        events, rejected = outcome(path, size)
    except UnusableFile:
        return
    assert len(events) + len(rejected) == len(raw)
    lines_read = [line for line, _ in raw]
    assert lines_read == sorted(set(lines_read))
    rejected_lines = [row.line for row in rejected]
    assert rejected_lines == sorted(set(rejected_lines))
    assert set(rejected_lines) <= set(lines_read)
    # Every line that holds more than blanks belongs to a row (or is the header), whatever its quotes look like.
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        filled = {number for number, line in enumerate(file, 1) if line.strip()}
    assert filled - set(lines_read) == ({1} if source.layout.header else set())
    assert outcome(path) == (events, rejected)
