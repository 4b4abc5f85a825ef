"""The owner of a lock, as other processes read it."""

from __future__ import annotations

import socket

import pytest

from src.core.process_lock import LockOwner

HOST = socket.gethostname()


@pytest.mark.parametrize(
    "owner",
    [
        LockOwner("host", 77, "night"),
        LockOwner("host", 77),
        LockOwner("a b:c", 1, "api"),
        LockOwner("host"),
        LockOwner('"'),
    ],
)
def test_an_owner_is_read_as_it_was_written(owner: LockOwner) -> None:
    assert LockOwner.parse(owner.to_json()) == owner


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        (f"{HOST}:77 night", LockOwner(HOST, 77, "night")),
        (f"{HOST}:77", LockOwner(HOST, 77)),
        ("another-host:77 night", LockOwner("another-host", 77, "night")),
        ("unknown", LockOwner("unknown")),
        ("", LockOwner("unknown")),
        ("closing abandoned runs", LockOwner("closing abandoned runs")),
    ],
)
def test_the_text_of_earlier_versions_is_understood_and_shown_unchanged(text: str, owner: LockOwner) -> None:
    assert LockOwner.parse(text) == owner
    assert str(owner) == (text or "unknown")


@pytest.mark.parametrize(
    "text", ["{}", "[]", "77", '{"host": "h", "pid": "no", "trigger": ""}', '{"host": "h"', "host:²"]
)
def test_other_text_names_no_process(text: str) -> None:
    assert LockOwner.parse(text).pid is None


@pytest.mark.parametrize(
    ("owner", "pid"),
    [
        (LockOwner(HOST, 77, "night"), 77),
        (LockOwner(HOST, 77), 77),
        (LockOwner(HOST), None),
        (LockOwner("another-host", 77, "night"), None),
        (LockOwner("unknown"), None),
    ],
)
def test_only_a_process_of_this_host_can_be_ended_from_here(owner: LockOwner, pid: int | None) -> None:
    assert owner.pid_here == pid
