"""Users by the beginning of their ids, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from rows import batch, rating

from src.store import Store


def test_users_are_found_by_the_beginning_of_their_ids(store: Store) -> None:
    store.events.add(
        batch(*[rating(user, item, 4) for user in ("u1", "u10", "u2", "v1", "U1") for item in ("p", "q", "r")])
    )
    assert store.events.user_ids("u", 10) == ["u1", "u10", "u2"]
    assert store.events.user_ids("u1", 10) == ["u1", "u10"]
    assert store.events.user_ids("u", 2) == ["u1", "u10"]
    assert store.events.user_ids("", 10) == ["U1", "u1", "u10", "u2", "v1"]
    assert store.events.user_ids("w", 10) == []
    assert store.events.user_ids("u", 0) == []


@pytest.mark.parametrize("prefix", ["%", "_", "u%", "'", "\\", "é", "💚"])
def test_characters_of_patterns_and_other_alphabets_are_literal(store: Store, prefix: str) -> None:
    store.events.add(batch(rating(f"{prefix}x", "p", 4), rating("u1", "p", 4), rating("z", "p", 4)))
    assert store.events.user_ids(prefix, 10) == [f"{prefix}x"]


def test_an_empty_store_has_no_users(store: Store) -> None:
    assert store.events.user_ids("", 10) == []
