"""Ids similar to an unknown one are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.core.similar_ids import nearest, one_edit_away


@pytest.mark.parametrize("meant", ["B00XYZ", "b00xy", "B0XY", "B00XYX", "B0X0Y", "B00X_Y", "B-00XY", "B00XYé"])
def test_one_slip_is_one_edit(meant: str) -> None:
    slips = {"B00XYZ": "B00XY", "b00xy": "B00XY", "B00XYé": "B00éXYé"}
    assert meant in one_edit_away(slips.get(meant, "B00XY"))


@given(st.text(max_size=45))
def test_an_id_is_no_edit_of_itself_and_there_are_not_too_many(id_: str) -> None:
    found = one_edit_away(id_)
    assert id_ not in found
    assert "" not in found
    assert len(found) < 10_000


def test_a_very_long_id_has_no_edits() -> None:
    assert one_edit_away("x" * 41) == set()


def test_the_likest_comes_first_and_at_most_five_come() -> None:
    known = ["abcdef", "abcdeg", "abcxyz", "zzz", *(f"abcde{at}" for at in range(9))]
    found = nearest("abcdef", known)
    assert found[0] == "abcdef"
    assert len(found) == 5
    assert nearest("ABCDEF", ["abcdef", "Abcdef"]) == ["Abcdef", "abcdef"]


def test_nothing_is_near_where_nothing_is_alike() -> None:
    assert nearest("abc", ["xyz", ""]) == []
    assert nearest("", []) == []
