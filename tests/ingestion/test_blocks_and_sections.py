"""Tables as offices keep them: cells of a block, two tables in one file, a day and its clock apart."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from reading import notes, read, table

from src.core.errors import UnclearLayout
from src.ingestion.joined_files import find_pair
from src.ingestion.layout import Hints, parse_columns

Write = Callable[..., Path]


def test_a_clock_with_a_point_is_joined_to_the_day_beside_it(write: Write) -> None:
    rows = table("Data;Orario;card;art", lambda at: f"1{at % 8}/03/2023;{at % 3 + 8:02}.{at + 10};c{at % 5};A{at % 7}")
    found = read(write(rows), Hints(columns=parse_columns("user=card,product=art")))
    assert [event[4] % 86_400 for event in found.events[:2]] == [8 * 3600 + 10 * 60, 9 * 3600 + 11 * 60]


def test_prices_beside_the_day_are_no_clock(write: Write) -> None:
    rows = table("Data;Prezzo;card;art", lambda at: f"1{at % 8}/03/2023;{at % 9 + 10}.{at + 10};c{at % 5};A{at % 7}")
    found = read(write(rows), Hints(columns=parse_columns("user=card,product=art")))
    assert {event[4] % 86_400 for event in found.events} == {0}


SUM = "Sum;;;99"
BLOCKS = [[f"2023-0{n}-1{month};S{(n * 7 + month) % 11};{n}" for n in range(1, month + 2)] for month in range(1, 6)]


def report(*, ends: list[str], of_first: Callable[[int], str], n_times: int = 2) -> str:
    """Blocks of orders, each with its customer on the first row; n_times more customers than blocks."""
    lines = ["client;day;sku;pieces"]
    for at, block in enumerate(BLOCKS * n_times):
        lines += [f"{of_first(at) if n == 0 else ''};{line}" for n, line in enumerate(block)] + ends
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("ends", [[], [SUM], [";;;99"]])
def test_a_customer_on_the_first_row_of_a_block_is_that_of_its_other_rows(write: Write, ends: list[str]) -> None:
    found = read(write(report(ends=ends, of_first=lambda at: f"Shop {at}")))
    assert found.users[:5] == ["Shop 0"] * 2 + ["Shop 1"] * 3
    assert len(found.users) == sum(map(len, BLOCKS)) * 2
    assert "'client': filled in the first row of each block only" in notes(found)


def test_a_row_of_sums_ends_a_block(write: Write) -> None:
    text = report(ends=[SUM], of_first=lambda at: f"Shop {at}") + ";2023-05-01;S1;1\n"
    assert [reason for _, reason in read(write(text)).reasons][-1] == "empty user id"


def test_rows_of_guests_are_not_filled_but_said_where_customers_come_once(write: Write) -> None:
    days = [f"{'' if at % 3 else f'Ann {at}'};2023-05-{at + 1:02};S{at % 7};1" for at in range(24)]
    found = read(write("\n".join(["client;day;sku;pieces", *days]) + "\n"))
    assert set(found.users) == {f"Ann {at}" for at in range(0, 24, 3)}
    assert "fill them down in the sheet" in notes(found)


def test_rows_of_guests_among_customers_who_come_again_are_no_blocks(write: Write) -> None:
    found = read(write(report(ends=[], of_first=lambda at: f"Shop {at % 4}")))
    assert len(found.users) == len(BLOCKS) * 2
    assert "fill" not in notes(found)


HEADS = table("order_id,customer,placed,payment", lambda at: f"{at},c{at % 7},2023-05-01,cash").replace(";", ",")
LINES = table("order_id,article,title,qty,price", lambda at: f"{at},A{at % 5},Mug {at % 5},1,2.50").replace(";", ",")


@pytest.mark.parametrize(("first", "second"), [(HEADS, LINES), (LINES, HEADS)])
def test_a_second_table_is_named_by_its_line_and_both_parts_are_joined(
    write: Write, tmp_path: Path, first: str, second: str
) -> None:
    path = write(first + "\n" + second)
    with pytest.raises(UnclearLayout) as refusal:
        read(path)
    assert f"line {first.count(chr(10)) + 2} is a second header" in str(refusal.value)
    command = re.search(r"head .*\.csv(?=; then)", str(refusal.value))
    assert command
    subprocess.run(command[0], shell=True, cwd=path.parent, check=True)
    pair = find_pair(sorted(path.parent.glob("*-[12].csv")), Hints())
    assert pair
    assert len(read(pair.write(tmp_path)).events) == 40


def test_a_header_that_is_repeated_is_no_second_table(write: Write) -> None:
    rows = table("customer;article;placed;qty", lambda at: f"c{at % 7};A{at % 5};2023-05-0{at % 9 + 1};1")
    assert len(read(write(rows + rows)).events) == 80


def test_words_of_states_come_before_their_codes(write: Write) -> None:
    words = ("paid", "shipped", "cancelled")
    rows = table(
        "order;customer;article;qty;order_status;status_label",
        lambda at: f"{at};c{at % 7};A{at % 5};1;{at % 3 + 4};{words[at % 3]}",
    )
    found = read(write(rows))
    assert found.table.layout.columns["state"] == 5
    assert len(found.events) == 27
