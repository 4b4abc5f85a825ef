"""The cost of reading a file is linear in its bytes and bounded in memory, whatever the file holds."""

from __future__ import annotations

import gzip
import io
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import read

from src.core.errors import AisleError, UnusableFile
from src.ingestion import input_files, parquet_rows
from src.ingestion.input_files import MAX_COLUMNS, MAX_LINE
from tests.forked import fork
from tests.waiting import PATIENCE_SECONDS

Write = Callable[..., Path]
SIZE = 30_000
"""Bytes; each file is read with so many, and with twice as many."""
MOST_GROWTH = 3.0
FREE_SECONDS = 0.4
"""Of processor time: differences below it may come from other threads. A square takes seconds."""
MOST_SECONDS = 4.0
"""Of processor time for 2 · SIZE bytes, of which detecting the layout may take most."""
MOST_KIB = 400 * 1024
"""Memory that a reader may take beyond what it had; the bombs below would take gigabytes."""
HEADER = "user_id,item_id,rating\n"
EVENT = '{"user_id":"u","item_id":"p","rating":5}'


def lines(line: str) -> Callable[[int], str]:
    return lambda size: HEADER + f"{line}\n" * (size // (len(line) + 1))


FILES: dict[str, Callable[[int], str]] = {
    "many columns": lambda size: ",".join(f"c{i:06}" for i in range(size // 16)) + "\n" + "1234567," * (size // 16),
    "long cells": lines(f"u,{'p' * 40_000},5"),
    "only quotes": lines('"' * 99),
    "a quote in every other line": lines('u,"p,5\nu,p,5'),
    "a quote that is open for many lines": lines('u,"p,5\n' + 'u,""p"",5\n' * 400),
    "one quoted cell of many lines": lambda size: f'{HEADER}u,"' + "\n" * size,
    "blank lines": lambda size: f"{HEADER}u,p,5\n" + "\n" * size,
    "separators": lines("," * 99),
    "numbers": lambda size: "1 " * (size // 2),
    "nested objects": lambda size: "[\n" + '{"a":\n' * (size // 6),
    "an object that never ends": lambda size: '[\n{"a":1,\n' + '"b":1,\n' * (size // 7),
    "brackets": lambda size: "[" * size,
    "a text that never ends": lambda size: '[\n{"a":"' + "\n" * size,
    "names": lambda size: "\n".join(f'{{"user_id":"u","item_id":"p","rating":5,"n{i}":1}}' for i in range(size // 50)),
    "lists": lambda size: f'{{"user_id":"u","item_id":"p","rating":5,"category":[{"[]," * (size // 3)}1]}}\n',
    "digits": lambda size: f'{EVENT}\n{{"user_id":"u","item_id":"p","rating":{"9" * size}}}\n',
    "Python's notation": lambda size: f"{{'user_id':'u','item_id':'p','rating':5,'a':[{'1,' * (size // 2)}]}}\n",
}


def seconds_to_read(write: Write, name: str, size: int, tries: int) -> float:
    """Processor time to read a file of so many bytes, the best of so many tries."""
    path, took = write(FILES[name](size), "file.csv"), []
    for _ in range(tries):
        before = time.process_time()
        with suppress(AisleError):
            read(path)
        took.append(time.process_time() - before)
    return min(took)


@pytest.mark.parametrize("name", FILES)
def test_reading_twice_the_bytes_takes_at_most_twice_the_time(write: Write, name: str) -> None:
    once = 0.0  # is not looked at while twice the bytes take less than the noise
    for tries in (1, 5):  # a second look at what seems slow: collections of garbage and other processes take time, too
        twice = seconds_to_read(write, name, 2 * SIZE, tries)
        if twice > FREE_SECONDS:
            once = seconds_to_read(write, name, SIZE, tries)
        if twice < MOST_SECONDS and twice <= max(MOST_GROWTH * once, once + FREE_SECONDS):
            return
    pytest.fail(f"{once:.3f} s for {SIZE:,} bytes, {twice:.3f} s for twice as many")


# --- Limits -----------------------------------------------------------------------------------------------------------


def test_more_columns_than_the_limit_are_refused_in_text_json_and_parquet(write: Write) -> None:
    names = [f"c{i}" for i in range(MAX_COLUMNS + 1)]
    text = ",".join(names) + "\n" + ",".join(["1"] * len(names)) + "\n"
    sink = io.BytesIO()
    pq.write_table(pa.table({name: [1] for name in names}), sink)
    for content in (text, "{" + ",".join(f'"{name}":1' for name in names) + "}\n", sink.getvalue()):
        with pytest.raises(UnusableFile, match=r"it has 10,001 columns.*Expected at most 10,000"):
            read(write(content))


def test_a_json_document_in_one_endless_line_is_refused_with_the_line_and_what_to_do(write: Write) -> None:
    text = "[\n" + ",".join([EVENT] * (MAX_LINE // len(EVENT) + 2)) + "]"
    with pytest.raises(UnusableFile, match=r"near line \d+ it has a line of more than 1,000,000 characters.*jq -c"):
        read(write(text))


def test_an_endless_line_is_rejected_with_its_number(write: Write) -> None:
    found = read(write(f"{HEADER}u,p,5\nu,{'p' * (MAX_LINE + 9)},5\nu,q,5\n"))
    assert (len(found.events), found.reasons) == (2, [(3, "line is too long")])


def test_a_gzip_bomb_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_files, "MAX_UNPACKED", 200_000)
    path = write(HEADER + "u,p,5\n" * 200_000, "bomb.csv.gz", packed=True)
    with pytest.raises(UnusableFile, match=r"it unpacks to more than [\d,]+ bytes. Expected at most 200 times"):
        read(path)


def as_parquet(columns: dict[str, pa.Array], n: int, **options: object) -> bytes:
    sink = io.BytesIO()
    ids = {"user_id": pa.array(["u"] * n), "item_id": pa.array(["p"] * n), "rating": pa.array([5.0] * n)}
    pq.write_table(pa.table({**ids, **columns}), sink, **options)
    return sink.getvalue()


def repeated(text: str, n: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array([text]))


BOMBS: dict[str, Callable[[], bytes]] = {
    "one long text for every row": lambda: as_parquet({"user_id": repeated("u" * 100_000, 20_000)}, 20_000),
    "packed long texts": lambda: as_parquet(
        {"user_id": pa.array(["u" * 400_000] * 400)}, 400, use_dictionary=False, compression="zstd"
    ),
    "long lists": lambda: as_parquet({"user_id": pa.array([["u"] * 500] * 8_000)}, 8_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_parquet_bomb_takes_no_memory(write: Write, name: str) -> None:
    path = write(BOMBS[name](), "bomb.parquet")
    assert path.stat().st_size < 100_000

    def measure() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with suppress(AisleError):
            read(path)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KIB

    process = fork(measure)
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == 0


def test_rows_that_take_no_space_in_a_parquet_file_are_limited(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_rows, "_ROWS_ALWAYS", 1_000)
    monkeypatch.setattr(parquet_rows, "_ROWS_PER_BYTE", 1)
    with pytest.raises(UnusableFile, match=r"it says that it has 20,000 rows. Expected at most [\d,]+ in a file"):
        read(write(as_parquet({}, 20_000)))


def test_a_column_that_unpacks_to_far_more_than_it_has_is_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "_UNPACKED_ALWAYS", 1_000_000)
    texts = {"title": pa.array(["u" * 4_000] * 400)}
    with pytest.raises(UnusableFile, match=r"column 'title' says that it unpacks from [\d,]+ to 1,6[\d,]+ bytes"):
        read(write(as_parquet(texts, 400, use_dictionary=False, compression="zstd")))
    assert len(read(write(as_parquet(texts, 400, use_dictionary=False, compression="none"))).events) == 400


def zigzag(number: int, n_bytes: int) -> bytes:
    """A number of Thrift's compact protocol, in more bytes than it needs."""
    parts = [number << 1 >> 7 * at & 0x7F for at in range(n_bytes)]
    return bytes([part | 0x80 for part in parts[:-1]] + parts[-1:])


def test_pages_that_unpack_further_than_the_metadata_say_are_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "_UNPACKED_ALWAYS", 1_000_000)
    whole = as_parquet({"title": pa.array(["u" * 4_000] * 400)}, 400, use_dictionary=False, compression="zstd")
    group = pq.ParquetFile(io.BytesIO(whole)).metadata.row_group(0)
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    metadata = whole[footer:]
    for said in (group.column(3).total_uncompressed_size, group.total_byte_size):
        assert metadata.count(zigzag(said, 4)) == 1
        metadata = metadata.replace(zigzag(said, 4), zigzag(1_000, 4))
    with pytest.raises(UnusableFile, match=r"column 'title' says that it unpacks from [\d,]+ to 1,6[\d,]+ bytes"):
        read(write(whole[:footer] + metadata))


@pytest.mark.parametrize("broken", [b"\x00" * 30, b"\xff" * 30, b"\x15\x00\x15\x01\x15\x01\x00"])
def test_a_page_header_that_cannot_be_read_is_told(write: Write, broken: bytes) -> None:
    whole = as_parquet({}, 400)
    with pytest.raises(UnusableFile, match="it is no whole parquet file"):
        read(write(whole[:4] + broken + whole[4 + len(broken) :]))


def test_a_schema_nested_deeper_than_the_library_reads_is_refused(write: Write) -> None:
    deep = pa.array(["u"])
    for _ in range(500):
        deep = pa.StructArray.from_arrays([deep], ["s"])
    with pytest.raises(UnusableFile, match="too deeply nested"):
        read(write(as_parquet({"deep": deep}, 1)))


def test_repeated_texts_of_a_parquet_file_with_gaps_are_read(write: Write) -> None:
    users = pa.DictionaryArray.from_arrays(pa.array([1, None, 0, 1], pa.int32()), pa.array(["a", "b"]))
    assert read(write(as_parquet({"user_id": users}, 4))).users == ["b", "a", "b"]


@pytest.mark.parametrize("folder", ["missing", "full"])
def test_a_packed_parquet_file_names_the_folder_for_temporary_files_when_it_cannot_be_used(
    write: Write, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    def missing() -> io.BytesIO:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", missing if folder == "missing" else Full)
    path = write(gzip.compress(as_parquet({}, 9)))
    with pytest.raises(AisleError, match=r"cannot be unpacked \(No .*name one with TMPDIR") as caught:
        read(path)
    assert not isinstance(caught.value, UnusableFile)
