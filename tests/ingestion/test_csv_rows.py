"""Delimited text: every row keeps its line number, and a broken row never affects another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import Reading, raw_rows, read

from src.core.errors import InputError, UnusableFile
from src.ingestion import input_files
from src.ingestion.layout import Hints
from src.ingestion.layout_detection import open_table

Write = Callable[..., Path]
GOOD = "A1,P1,5.0,1300000000\nA2,P2,4.0,1300000001\nA3,P1,1.0,1300000002\n"
HEADER = "user_id,product_id,rating,timestamp\n"
TITLES = "product_id,title,price\n"


def outcome(found: Reading) -> tuple[object, ...]:
    return found.n_rows, found.events, [product.title for product in found.products], found.reasons


def test_a_file_without_header_gives_all_its_rows_with_line_numbers(write: Write) -> None:
    assert raw_rows(write(GOOD)) == [
        (1, ["A1", "P1", "5.0", "1300000000"]),
        (2, ["A2", "P2", "4.0", "1300000001"]),
        (3, ["A3", "P1", "1.0", "1300000002"]),
    ]


def test_a_header_is_no_row_but_counts_as_a_line(write: Write) -> None:
    assert [line for line, _ in raw_rows(write("user_id,parent_asin,rating,timestamp\n" + GOOD))] == [2, 3, 4]


@pytest.mark.parametrize("before", ["\n", "\n\n", "   \n", "\t\r\n", ",,,\n", "\n,,,\n"])
def test_blank_lines_before_a_header_do_not_make_the_header_a_row(write: Write, before: str) -> None:
    path = write(before + HEADER + GOOD)
    assert (read(path).users, read(path).rejected) == (["A1", "A2", "A3"], [])
    assert raw_rows(path)[0][0] == 2 + before.count("\n")


def test_a_torn_line_before_a_header_is_rejected_and_does_not_hide_it(write: Write) -> None:
    found = read(write('"torn,x\n' + HEADER + GOOD))
    assert found.users == ["A1", "A2", "A3"]
    assert found.reasons == [(1, "quote that is never closed")]


@pytest.mark.parametrize("chunk", [5, 1 << 21])
def test_blank_lines_are_no_rows_but_count_as_lines(write: Write, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", chunk)
    path = write("A1,P1,5,1300000001\n\n\r\n   \nA2,P2,4,1300000002\n\n")
    assert [(line, row[0]) for line, row in raw_rows(path)] == [(1, "A1"), (5, "A2")]
    tabs = write("user\titem\trating\nA1\tP1\t5\n\t\t\n\nA2\tP2\t4\n", "tabs.tsv")
    assert [(line, row[0]) for line, row in raw_rows(tabs)] == [(2, "A1"), (5, "A2")]
    single = write("sku\nP1\n\n  \nP2\n", "single.csv")
    assert raw_rows(single, Hints(layout="products")) == [(2, ["P1"]), (5, ["P2"])]


def test_one_row_is_a_file_and_a_header_alone_has_no_rows(write: Write) -> None:
    assert read(write("A1,P1,5,1300000000")).users == ["A1"]
    assert raw_rows(write(HEADER)) == []


# --- Separators -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "|", "\t", "::"])
@pytest.mark.parametrize("header", ["", HEADER])
def test_the_separator_is_found_by_looking(write: Write, separator: str, header: str) -> None:
    found = read(write((header + GOOD).replace(",", separator)))
    assert found.events[0] == ("A1", "P1", "rating", 5.0, 1_300_000_000)
    assert (found.n_rows, found.rejected) == (3, [])


def test_separators_within_texts_are_not_taken_for_the_files(write: Write) -> None:
    rows = "".join(f'P{i},"A; B; C; D; E | F | G",{i}.5\n' for i in range(1, 9))
    assert read(write(TITLES + rows)).products[0].title == "A; B; C; D; E | F | G"
    rows = "".join(f"u{i};p{i};4,5;1300000000\n" for i in range(9))
    assert read(write(rows)).events[0] == ("u0", "p0", "rating", 4.5, 1_300_000_000)


@pytest.mark.parametrize("named", ["^", "~~", "¦", "\\t", "tab", "; "])
def test_any_separator_can_be_named(write: Write, named: str) -> None:
    real = "\t" if named in ("\\t", "tab") else named
    table = open_table(write((HEADER + GOOD).replace(",", real)), Hints(separator=named))
    assert table.describe().startswith("ratings, text with ")
    assert read(table.path, Hints(separator=named)).users == ["A1", "A2", "A3"]


@pytest.mark.parametrize("named", ['"', "\n", 'a"'])
def test_a_separator_that_can_be_none_is_a_clear_error(write: Write, named: str) -> None:
    with pytest.raises(InputError, match="--separator"):
        open_table(write(GOOD), Hints(separator=named))


def test_a_wrong_separator_is_refused_with_the_one_found(write: Write) -> None:
    with pytest.raises(UnusableFile, match=r"A1,P1.*1 fields with semicolons"):
        open_table(write(GOOD), Hints(separator=";"))


# --- Quotes -----------------------------------------------------------------------------------------------------------


def test_quoted_fields_may_hold_separators_and_quotes(write: Write) -> None:
    path = write('"A,1","P""1",5,1300000000\n"A2",P2,"4",1300000001\n')
    assert raw_rows(path) == [(1, ["A,1", 'P"1', "5", "1300000000"]), (2, ["A2", "P2", "4", "1300000001"])]


def test_a_quote_within_a_field_is_a_character(write: Write) -> None:
    found = read(write(TITLES + 'P1,12" screen,3\nP2,"24"" screen",4\nP3,5\'6" mirror "round",5\n'))
    assert [product.title for product in found.products] == ['12" screen', '24" screen', '5\'6" mirror "round"']


@pytest.mark.parametrize("chunk", [1, 7, 30, 1 << 21])
def test_a_quoted_field_may_reach_over_lines_and_blocks(
    write: Write, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", chunk)
    path = write(TITLES + 'P1,"one\n\ntwo, ""three""\r\nfour",3\nP2,plain,4\n"P3","x\ny",5\n')
    assert [(line, row[0]) for line, row in raw_rows(path)] == [(2, "P1"), (6, "P2"), (7, "P3")]
    assert [product.title for product in read(path).products] == ['one two, "three" four', "plain", "x y"]


@pytest.mark.parametrize("chunk", [64, 1 << 21])
def test_a_quoted_field_that_is_far_too_long_costs_only_its_own_lines(
    write: Write, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", chunk)
    lines = "".join(f"line {i}\n" for i in range(600))
    good = [f"P{i}" for i in range(250)]  # each once: what repeats its products is no catalogue
    before = "".join(f"{product_id},before,1\n" for product_id in good)
    found = read(write(TITLES + before + f'Q1,"{lines}",3\nQ2,after,4\n'))
    assert [product.product_id for product in found.products] == [*good, "Q2"]
    assert found.n_rows == 251 + 601
    assert found.reasons[0] == (252, "quote that is never closed")


@pytest.mark.parametrize(
    "broken",
    [
        '"A2,P2,4,1300000001',
        'A2,"P2,4,1300000001',
        'A2,P2,4,"1300000001',
        'A2,P2,"4,1300000001',
        '"',
        'A2,P2,4,1300000001,"',
    ],
)
@pytest.mark.parametrize("position", [0, 1, 3])
@pytest.mark.parametrize("chunk", [11, 1 << 21])
def test_a_quote_that_is_never_closed_costs_only_its_own_line(
    write: Write, broken: str, position: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", chunk)
    good = [f"G{i},P{i},5,130000000{i}" for i in range(3)]
    found = read(write("\n".join([*good[:position], broken, *good[position:]]) + "\n"))
    assert found.n_rows == 4
    assert [user for user in found.users if user != "A2"] == ["G0", "G1", "G2"]
    assert all(line == position + 1 for line, _ in found.reasons)
    assert found.users.count("A2") + len(found.rejected) == 1


def test_two_lone_quotes_cost_only_their_own_lines(write: Write) -> None:
    found = read(
        write('A1,P1,5,1300000001\nA2,"P2,5,1300000002\nA3,P3,5,1300000003\nA4,"P4,5,1300000004\nA5,P5,5,1300000005\n')
    )
    assert found.users == ["A1", "A3", "A5"]
    assert found.reasons == [(2, "quote that is never closed"), (4, "quote that is never closed")]
    assert list(found.rejected[0].fields) == ['A2,"P2,5,1300000002']


def test_a_lone_quote_before_very_many_lines_costs_only_its_own_line(write: Write) -> None:
    found = read(write('"A0,P,5,1300000001\n' + "".join(f"A{i},P,5,1300000001\n" for i in range(1, 20_001))))
    assert found.users == [f"A{i}" for i in range(1, 20_001)]
    assert found.reasons == [(1, "quote that is never closed")]


def test_an_id_is_never_made_of_two_lines(write: Write) -> None:
    found = read(write('A1,P1,5,1300000001\n"A\n2",P2,5,1300000002\nA3,P3,5,1300000003\n'))
    assert found.n_rows == 4
    assert found.users == ["A1", '2"', "A3"]
    assert found.reasons == [(2, "quote that is never closed")]


# --- Widths -----------------------------------------------------------------------------------------------------------


def test_a_row_of_another_width_is_rejected_and_not_lost(write: Write) -> None:
    found = read(write('A1,P1,5,1300000001\nA2,P2,5\n,,,\n""\nA3,P3,5,1300000001,x\nA4,P4,4,1300000002\n'))
    assert found.users == ["A1", "A4"]
    assert found.reasons == [
        (2, "missing field"),
        (3, "empty product id"),
        (4, "missing field"),
        (5, "too many fields"),
    ]
    assert list(found.rejected[0].fields) == ["A2", "P2", "5"]


@pytest.mark.parametrize("n", [2, 40])
def test_surplus_empty_fields_are_accepted(write: Write, n: int) -> None:
    found = read(
        write("A1,P1,5,1300000001\n" * n + "A2,P2,5,1300000002,\nA3,P3,5,1300000003,, \n" + "A1,P1,5,1300000001\n" * n)
    )
    assert found.n_rows == 2 * n + 2
    assert found.users[n : n + 2] == ["A2", "A3"]
    assert found.rejected == []


@pytest.mark.parametrize("header", [HEADER.strip() + ",", HEADER.strip() + ",,,"])
def test_separators_at_the_end_of_a_header_are_accepted(write: Write, header: str) -> None:
    assert read(write(header + "\n" + GOOD)).users == ["A1", "A2", "A3"]


def test_separators_at_the_end_of_every_row_are_accepted(write: Write) -> None:
    assert read(write(HEADER + GOOD.replace("\n", ",\n"))).users == ["A1", "A2", "A3"]


@pytest.mark.parametrize(
    "header", ["id,user,item,rating,time", "user,item,rating,comment,more,time", "user,item,rating"]
)
def test_rows_of_another_width_than_the_header_are_never_read_by_its_names(write: Write, header: str) -> None:
    found = read(write(f"{header}\n{GOOD}"))
    assert found.events == []
    assert {reason for _, reason in found.reasons} <= {"missing field", "too many fields"}
    assert len(found.reasons) == 3


def test_the_commoner_width_wins_without_a_header(write: Write) -> None:
    found = read(write("a,p,4\nb,p,5,1300000000\nc,p,5,1300000000\n"))
    assert found.users == ["b", "c"]
    assert found.reasons == [(1, "missing field")]


# --- Blocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        HEADER + GOOD + '\n"A\n2",P,5,1300000001\nA5,P,9,\nA6,P,2,9999999999999\n"x,1\n' + GOOD,
        TITLES
        + 'P1,"a\nb",1\nP2,"torn,2\nP3,c,3\nP4,12" d,4\n\n,,\nP5,e,5,\n'
        + "".join(f"Q{i},t,1\n" for i in range(40)),
        GOOD * 20 + "A9,P9\n" + GOOD * 20 + ",,,\n \nA8,P8,5,1300000001,\n" + GOOD * 5,
    ],
)
def test_the_size_of_blocks_does_not_change_the_outcome(
    write: Write, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(text)
    whole = outcome(read(path))
    for chunk in (1, 3, 17, 64, 200):
        monkeypatch.setattr(input_files, "CHUNK_BYTES", chunk)
        assert outcome(read(path)) == whole


def test_blocks_are_bounded(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", 100)
    sizes = [len(block.rows) for block in open_table(write(GOOD * 30)).rows.blocks()]
    assert sum(sizes) == 90
    assert max(sizes) <= 6
