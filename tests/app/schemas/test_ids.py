"""Ids in requests: read from JSON, cleaned, and kept for the next request only where they are short."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import app.schemas
from app.schemas import _KNOWN_IDS, MAX_IDS, MAX_INTEGER_ID, Id, Ids
from src.core.ids import MAX_ID_LENGTH

ID: TypeAdapter[str] = TypeAdapter(Id)
IDS: TypeAdapter[list[str]] = TypeAdapter(Ids)


@pytest.mark.parametrize(
    ("sent", "read"),
    [("a", "a"), ("  a ", "a"), ("7.0", "7"), (7, "7"), (7.0, "7"), (-MAX_INTEGER_ID, str(-(2**63 - 1)))],
)
def test_an_id_is_read_in_the_same_way_every_time(sent: Any, read: str) -> None:
    assert [ID.validate_python(sent) for _ in range(2)] == [read, read]


@pytest.mark.parametrize("sent", ["", "  ", "a\x00", "x" * (MAX_ID_LENGTH + 1), True, 7.5, None, ["a"], 2**63])
def test_what_is_no_id_is_refused_every_time(sent: Any) -> None:
    for _ in range(2):
        with pytest.raises(ValidationError):
            ID.validate_python(sent)


def test_a_long_text_around_an_id_is_not_kept_in_memory() -> None:
    n_before = len(_KNOWN_IDS)
    assert ID.validate_python("rare" + " " * MAX_ID_LENGTH) == "rare"
    assert len(_KNOWN_IDS) == n_before


def test_few_ids_are_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.schemas, "_MOST_KNOWN_IDS", 10)
    for number in range(100):
        assert ID.validate_python(f"few {number}") == f"few {number}"
        assert len(_KNOWN_IDS) <= 10


def test_a_list_of_ids_that_came_before_is_read_without_looking_at_each(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = ["a", "  a ", "7.0", "a"]
    assert IDS.validate_python(sent) == ["a", "a", "7", "a"]
    monkeypatch.setattr(app.schemas, "_checked_id", lambda value: pytest.fail(f"{value} was checked again"))
    assert IDS.validate_python(sent) == ["a", "a", "7", "a"]


@pytest.mark.parametrize("sent", [["a", ""], ["a", None], ["a", ["a"]], ["a", True], "a", {"a": 1}, ["a"] * 1_001])
def test_a_list_with_what_is_no_id_is_refused_every_time(sent: Any) -> None:
    assert IDS.validate_python(["a"] * MAX_IDS)
    for _ in range(2):
        with pytest.raises(ValidationError):
            IDS.validate_python(sent)


def test_numbers_in_a_list_of_ids_are_read_as_texts() -> None:
    assert [IDS.validate_python(["a", 7, 7.0]) for _ in range(2)] == [["a", "7", "7"]] * 2
