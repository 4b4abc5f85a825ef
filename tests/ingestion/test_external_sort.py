"""Events of a file are sorted in the store's order, repeated ones are counted, and no file is left behind."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import EventBatch, Product
from src.ingestion.event_columns import ColumnBlock, as_columns
from src.ingestion.external_sort import ExternalSort
from src.ingestion.row_validation import ValidatedBlock

Row = tuple[str, str, str, str, float, int]
"""User, product, kind, mark, value, time."""


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[ExternalSort]:
    with ExternalSort(tmp_path / "var") as opened:
        yield opened


def block(*rows: Row, counted: bool = True) -> ColumnBlock:
    users, products, kinds, marks, values, times = (list(column) for column in zip(*rows, strict=True))
    at = np.array(times, dtype=np.int64)
    batch = EventBatch(users, products, kinds, np.array(values, dtype=np.float64), at, marks)
    return as_columns(ValidatedBlock(len(rows), batch, np.full(len(rows), counted), [], [])).in_order()


def taken_out(staging: ExternalSort, size: int = 1_000, started: int = 0) -> list[tuple[Row, int]]:
    """(row, number) of all events."""
    found: list[tuple[Row, int]] = []
    for batch in staging.sorted(started, size):
        assert batch.arrival_seq is not None
        columns = (
            batch.user_id,
            batch.product_id,
            batch.kind,
            batch.dedupe_key or [],
            batch.value.tolist(),
            batch.at.tolist(),
        )
        found += zip(zip(*columns, strict=True), batch.arrival_seq.tolist(), strict=True)
    return found


def bought(user: str, product: str, mark: str = "5", value: float = 1.0, at: int = 5) -> Row:
    return (user, product, "purchase", mark, value, at)


def test_events_come_out_by_user_product_kind_and_mark_with_their_place_in_the_file(staging: ExternalSort) -> None:
    staging.add(block(bought("b", "x"), bought("a", "y")))
    staging.add(block(bought("a", "x", "7"), bought("a", "x", "6"), bought("a", "x", "6/i")))
    rows = [bought("a", "x", "6"), bought("a", "x", "6/i"), bought("a", "x", "7"), bought("a", "y"), bought("b", "x")]
    assert taken_out(staging, started=1_000) == list(zip(rows, [1004, 1005, 1003, 1002, 1001], strict=True))
    assert staging.n_events == 5


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_equal_events_are_counted_wherever_they_stand(staging: ExternalSort, size: int) -> None:
    staging.add(block(bought("u", "p"), bought("u", "q"), bought("u", "p")))
    staging.add(block(bought("u", "p", value=3.0)))
    found = taken_out(staging, size)
    assert [row[3] for row, _ in found] == ["5", "5#1", "5#2", "5"]
    assert [row[4] for row, _ in found] == [1.0, 1.0, 3.0, 1.0]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_events_with_marks_of_their_own_are_never_counted(staging: ExternalSort, size: int) -> None:
    staging.add(block(*(bought("u", "p", "m", value=at, at=at) for at in (3, 9, 7)), counted=False))
    assert taken_out(staging, size) == [(bought("u", "p", "m", value=9, at=9), 1)]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_of_equal_ratings_the_latest_comes_out_once_in_the_place_of_the_first(staging: ExternalSort, size: int) -> None:
    def rated(product: str, value: float, at: int) -> Row:
        return ("u", product, "rating", "", value, at)

    staging.add(block(rated("p", 5, 200), rated("q", 1, -1), rated("r", 2, 7), counted=False))
    staging.add(block(rated("p", 3, 100), rated("q", 2, 3), rated("r", 4, 7), rated("q", 5, -1), counted=False))
    latest = [rated("p", 5, 200), rated("q", 2, 3), rated("r", 4, 7)]
    assert taken_out(staging, size) == list(zip(latest, [1, 2, 3], strict=True))


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_the_order_is_that_of_python_and_of_the_store(staging: ExternalSort, size: int) -> None:
    drawn = random.Random(3)
    letters = ["a", "B", "é", "日", "😀", "\uffff", " ", "1", "~", "'"]
    rows = [
        (
            "".join(drawn.choices(letters, k=2)),
            drawn.choice(letters),
            drawn.choice(["view", "purchase"]),
            str(n),
            1.0,
            n,
        )
        for n in range(300)
    ]
    staging.add(block(*rows))
    assert [row for row, _ in taken_out(staging, size)] == sorted(rows)


def test_numbers_keep_their_values_and_ids_their_zeros(staging: ExternalSort) -> None:
    staging.add(block(("007", "1e5", "purchase", "1", 0.1, 2**40), ("17850", "1.0", "purchase", "1", 1e9, -1)))
    assert [row for row, _ in taken_out(staging)] == [
        ("007", "1e5", "purchase", "1", 0.1, 2**40),
        ("17850", "1.0", "purchase", "1", 1e9, -1),
    ]


def test_products_given_again_are_counted(staging: ExternalSort) -> None:
    p, q = Product("p"), Product("q")
    assert staging.count_repeated([p, q]) == 0
    assert staging.count_repeated([p, p, Product("r"), Product("r")]) == 3


def test_an_empty_file_gives_no_batches(staging: ExternalSort) -> None:
    assert taken_out(staging) == []


def test_nothing_can_be_seen_in_the_folder_even_while_it_works(staging: ExternalSort, tmp_path: Path) -> None:
    staging.add(block(*(bought(f"u{n}", "p") for n in range(1_000))))
    assert len(taken_out(staging)) == 1_000
    assert list((tmp_path / "var").iterdir()) == []


def test_staged_files_are_removed_at_the_end(tmp_path: Path) -> None:
    with ExternalSort(tmp_path) as opened:
        opened.add(block(bought("u", "p")))
    with pytest.raises(ValueError, match="closed file"):
        opened.add(block(bought("u", "p")))
    assert list(tmp_path.iterdir()) == []


def test_the_products_of_all_blocks_are_given_once_and_sorted(staging: ExternalSort) -> None:
    assert list(staging.products(2)) == []
    for at in range(150):
        staging.add(block(bought("u", f"p{at % 3}"), bought("u", f"p{9 - at % 2}")))
    assert list(staging.products(2)) == [["p0", "p1"], ["p2", "p8"], ["p9"]]
