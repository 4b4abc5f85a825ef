"""Ids in requests: read from JSON, cleaned, and kept for the next request only where they are short."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.schemas import MAX_INTEGER_ID, Id, _known_id
from src.core.ids import MAX_ID_LENGTH

ID: TypeAdapter[str] = TypeAdapter(Id)


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
    n_before = _known_id.cache_info().currsize
    assert ID.validate_python("rare" + " " * MAX_ID_LENGTH) == "rare"
    assert _known_id.cache_info().currsize == n_before
