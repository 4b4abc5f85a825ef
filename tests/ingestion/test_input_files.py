"""Files become lines of text: found, unpacked and decoded, with bounded memory."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from reading import raw_rows, read

from src.core.errors import InputError, UnusableFile
from src.ingestion import input_files
from src.ingestion.input_files import MAX_LINE, InputFile, find_event_files
from src.ingestion.layout import Hints
from src.ingestion.layout_detection import open_table

Write = Callable[..., Path]
GOOD = "A1,P1,5.0,1300000000\nA2,P2,4.0,1300000001\nA3,P1,1.0,1300000002\n"
HEADER = "user_id,product_id,rating,timestamp\n"


def lines_of(path: Path, encoding: str | None = None) -> list[str]:
    return [line for block in InputFile(path, encoding).line_blocks() for line in block]


# --- Unpacking --------------------------------------------------------------------------------------------------------


def test_gzip_is_known_by_its_content_not_by_its_name(write: Write) -> None:
    for name in ("packed.csv", "packed.csv.gz", "packed"):
        assert read(write(GOOD, name, packed=True)).users == ["A1", "A2", "A3"]
    assert read(write(GOOD, "plain.csv.gz")).users == ["A1", "A2", "A3"]


def many_rows(n: int = 20_000) -> bytes:
    return "".join(f"A{i * 7919 % 104_729},P{i * 31 % 997},5.0,{1_300_000_000 + i * 37}\n" for i in range(n)).encode()


@pytest.mark.parametrize("size", [1 << 12, 1 << 21])
def test_a_truncated_gzip_gives_all_whole_lines_before_the_damage_and_names_the_line(
    write: Write, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", size)
    packed = gzip.compress(many_rows())
    path = write(packed[: len(packed) // 2], "cut.csv.gz")
    read_lines: list[str] = []
    blocks = InputFile(path).line_blocks()
    with pytest.raises(UnusableFile, match=r"cut\.csv\.gz: cannot be read after line \d+") as caught:
        read_lines.extend(line for block in blocks for line in block)
    assert len(read_lines) > 5_000
    assert read_lines == many_rows().decode().splitlines()[: len(read_lines)]
    assert f"after line {len(read_lines)} " in str(caught.value)


def test_a_damaged_gzip_can_still_be_looked_at_up_to_its_damage(write: Write) -> None:
    packed = gzip.compress(many_rows())
    assert open_table(write(packed[: len(packed) // 2])).layout.name == "ratings"


@pytest.mark.parametrize(
    "spoil",
    [lambda b: b[:2], lambda b: b[:15], lambda b: b[:-8] + b"\0\0\0\0" + b[-4:], lambda b: b + b"rest"],
    ids=["two bytes", "cut", "wrong checksum", "something after it"],
)
def test_a_damaged_gzip_is_an_unusable_file(write: Write, spoil: Callable[[bytes], bytes]) -> None:
    path = write(spoil(gzip.compress(GOOD.encode())), "bad.csv.gz")
    with pytest.raises(UnusableFile, match="cannot be read after line"):
        lines_of(path)


def test_damage_in_the_middle_is_reported_after_the_lines_before_it(write: Write) -> None:
    packed = bytearray(gzip.compress(many_rows()))
    packed[len(packed) // 2] ^= 0xFF
    read_lines: list[str] = []
    blocks = InputFile(write(bytes(packed))).line_blocks()
    with pytest.raises(UnusableFile, match="cannot be read after line"):
        read_lines.extend(line for block in blocks for line in block)
    assert len(read_lines) > 5_000


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04" + bytes(99), "Excel workbook"),
        (b"%PDF-1.7", "PDF"),
        (b"BZh91AY&SY" + bytes(99), "bzip2"),
        (b"\xfd7zXZ\x00" + bytes(99), "xz"),
        (b"\x28\xb5\x2f\xfd" + bytes(99), "zstd"),
        (b"SQLite format 3\x00" + bytes(99), "SQLite"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_other_kinds_of_files_are_named_and_refused(write: Write, content: bytes, what: str, packed: bool) -> None:
    with pytest.raises(UnusableFile, match=what):
        InputFile(write(content, "sheet.xlsx", packed=packed))


@pytest.mark.parametrize("content", [bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n" + bytes(500), b"\x00" * 5000])
def test_binary_garbage_is_an_unusable_file_that_can_be_named(write: Write, content: bytes) -> None:
    with pytest.raises(UnusableFile, match="Expected") as caught:
        read(write(content))
    str(caught.value).encode()  # it can be printed


def test_a_missing_file_and_a_folder_are_unusable_files(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(UnusableFile, match="no such file"):
            InputFile(path)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n", b"\xef\xbb\xbf", b"\xff\xfe", b"\r\r"])
@pytest.mark.parametrize("packed", [False, True])
def test_an_empty_file_is_unusable(write: Write, content: bytes, packed: bool) -> None:
    with pytest.raises(UnusableFile, match="is empty"):
        open_table(write(content, packed=packed))


# --- Text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_every_line_ending_is_understood_and_the_last_line_needs_none(write: Write, end: str, last: bool) -> None:
    text = GOOD.replace("\n", end)
    path = write(text if last else text.removesuffix(end))
    assert [line for line, _ in raw_rows(path)] == [1, 2, 3]
    assert [row[3] for _, row in raw_rows(path)] == ["1300000000", "1300000001", "1300000002"]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_lines_are_whole_wherever_a_read_ends(
    write: Write, chunk: int, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", chunk)
    path = write(f"größe,1{end}{end}💚,2{end}x".encode())
    assert lines_of(path) == ["größe,1", "", "💚,2", "x"]


@pytest.mark.parametrize("header", ["", HEADER, '"user_id","product_id","rating","t"\n'])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_first_field(write: Write, header: str, encoding: str) -> None:
    assert read(write((header + GOOD).encode(encoding))).users == ["A1", "A2", "A3"]


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf16_is_read_in_both_orders_of_bytes(write: Write, mark: bytes) -> None:
    text = HEADER + "größe 💚,P1,5,1300000000\n"
    path = write(mark + text.encode("utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"))
    assert read(path).users == ["größe 💚"]


def test_utf16_that_breaks_off_within_a_character_is_reported_not_raised(write: Write) -> None:
    with pytest.raises(UnusableFile, match="no text in utf-16"):
        lines_of(write((HEADER + GOOD).encode("utf-16")[:-1]))


def test_latin_1_is_detected_if_most_non_ascii_lines_are_not_utf8(write: Write) -> None:
    assert read(
        write("Café,P1,5,1300000001\nMüller,P2,4,1300000002\nA3,P1,1,1300000003\n".encode("latin-1"))
    ).users == ["Café", "Müller", "A3"]


def test_bytes_that_are_not_utf8_cost_only_their_row(write: Write) -> None:
    found = read(write(b"A1,P1,5,1300000001\nA\xff2,P2,5,1300000002\nA3,caf\xc3\xa9,5,1300000003\n"))
    assert [event[:2] for event in found.events] == [("A1", "P1"), ("A3", "café")]
    assert found.reasons == [(2, "user id has control characters or is not UTF-8")]


def test_an_encoding_can_be_named(write: Write) -> None:
    path = write("Łódź,P1,5,1300000001\n".encode("iso8859-2"))
    assert read(path, Hints(encoding="iso8859-2")).users == ["Łódź"]
    assert read(write(HEADER.encode("utf-16-le") + "u,p,5,1\n".encode("utf-16-le")), Hints(encoding="utf-16-le")).users


@pytest.mark.parametrize("name", ["klingon", "rot13", "hex", "", "\0", "base64"])
def test_an_encoding_that_is_none_is_a_clear_error(write: Write, name: str) -> None:
    path = write(GOOD)
    if not name:
        assert read(path, Hints(encoding=name)).users == ["A1", "A2", "A3"]
        return
    with pytest.raises(InputError, match="--encoding"):
        read(path, Hints(encoding=name))


def test_a_nul_byte_costs_only_its_row(write: Write) -> None:
    found = read(write(HEADER + 'A\x001,P1,5,1300000001\nA2,P2,5,1300000002\n"A3","P\x003",5,1300000002\n'))
    assert found.users == ["A2"]
    assert [line for line, _ in found.reasons] == [2, 4]


# --- Memory -----------------------------------------------------------------------------------------------------------


def test_one_endless_line_does_not_fill_the_memory(write: Write) -> None:
    path = write(b"A1,P1,5,1300000001\n" + b"x" * 40_000_000, packed=True)
    tracemalloc.start()
    found = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.users == ["A1"]
    assert found.reasons == [(2, "line is too long")]
    assert peak < 25_000_000


def test_a_line_that_is_too_long_costs_only_its_row_and_is_cut_in_the_rejects(write: Write) -> None:
    for long in (
        "x" * (MAX_LINE + 1) + ",P2,5,1300000002",
        '"' + "x" * (MAX_LINE + 1) + '",P2,5,1300000002',
        '"x",P2,5,' + "2" * MAX_LINE,
    ):
        found = read(write(f"A1,P1,5,1300000001\n{long}\nA3,P3,5,1300000003\n"))
        assert found.users == ["A1", "A3"]
        assert found.reasons == [(2, "line is too long")]
        assert sum(len(str(cell)) for cell in found.rejected[0].fields) < 1_000


# --- Finding ----------------------------------------------------------------------------------------------------------


def test_a_path_may_have_blanks_and_parentheses(write: Write) -> None:
    path = write(GOOD, "ratings_Electronics (1).csv")
    assert read(path).n_rows == 3
    assert find_event_files([path.parent]) == [path]


def test_tables_are_found_in_folders_but_not_our_own_exports(write: Write) -> None:
    names = [
        "b.csv",
        "a.CSV.gz",
        "c.txt",
        "d.pdf",
        "README.md",
        "out.csv",
        "e.jsonl",
        "f.parquet",
        "g.tar.gz",
        ".h.csv",
    ]
    folder = [write(GOOD, name) for name in names].pop().parent
    (folder / "folder.csv").mkdir()
    found = find_event_files([folder, folder, folder / "missing"], except_for=[folder / "out.csv"])
    assert [path.name for path in found] == ["a.CSV.gz", "b.csv", "c.txt", "e.jsonl", "f.parquet"]


def test_a_file_in_a_folder_of_its_own_name_is_found_as_kaggle_packs_them(write: Write) -> None:
    path = write(GOOD, "raw/reviews.jsonl/reviews.jsonl")
    deeper = write(GOOD, "raw/a/b/too_deep.csv")
    assert find_event_files([path.parents[1]]) == [path]
    assert deeper not in find_event_files([path.parents[1]])


def test_hidden_folders_are_left_alone_even_below_a_hidden_one(write: Write) -> None:
    write(GOOD, ".shop/.ipynb_checkpoints/ratings-checkpoint.csv")
    path = write(GOOD, ".shop/ratings.csv")
    assert find_event_files([path.parent]) == [path]


def test_a_link_out_of_the_folder_is_left_out_with_a_warning_and_one_inside_is_followed(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    inside, outside = write(GOOD, "data/raw/in.csv"), write(GOOD, "secret.csv")
    folder = inside.parents[1]
    (folder / "out.csv").symlink_to(outside)
    (folder / "elsewhere").symlink_to(outside.parent)
    (folder / "also_in.csv").symlink_to(inside)
    assert {path.resolve() for path in find_event_files([folder])} == {inside}
    assert f"out.csv is left out: it is a link to {outside}, outside of {folder}" in caplog.text
    assert read(folder / "out.csv").users == ["A1", "A2", "A3"]
