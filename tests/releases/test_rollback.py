"""Rollback to earlier releases, and pinning."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from releases import flip, publish
from src.core.errors import NoRelease, ReleaseError
from src.releases.registry import Registry
from tests.forked import fork
from tests.waiting import PATIENCE_SECONDS


def test_rolling_back_goes_to_ever_older_releases_that_served(three: tuple[Registry, list[str]]) -> None:
    registry, (first, second, third) = three
    publish(registry, 4, activate=False)
    assert registry.current_version() == third
    assert registry.rollback() == second == registry.active().version
    assert registry.rollback() == first == registry.active().version
    with pytest.raises(NoRelease, match="nothing to roll back to"):
        registry.rollback()
    assert registry.active().version == first


def test_a_release_that_was_rolled_back_from_is_the_last_fallback(three: tuple[Registry, list[str]]) -> None:
    registry, (first, second, third) = three
    registry.rollback()
    flip(registry.folder / second / "report.json", 0)
    assert registry.active().version == first
    flip(registry.folder / first / "report.json", 0)
    assert registry.active().version == third


def test_a_release_to_roll_back_to_that_does_not_verify_leaves_the_current_one(
    three: tuple[Registry, list[str]],
) -> None:
    registry, (_, second, third) = three
    flip(registry.folder / second / "report.json", 0)
    with pytest.raises(ReleaseError, match=r"report\.json was altered or cut"):
        registry.rollback()
    assert registry.active().version == third


def test_a_pin_lasts_until_it_is_removed_or_another_release_is_activated(three: tuple[Registry, list[str]]) -> None:
    registry, (first, second, third) = three
    assert not registry.is_pinned
    assert registry.pin() == third
    assert registry.is_pinned
    assert registry.active().version == third
    registry.pin(pinned=False)
    assert not registry.is_pinned
    assert registry.rollback(pin=True) == second
    assert registry.is_pinned
    registry.activate(first)
    assert not registry.is_pinned


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b'{"pinned": "yes"}', b"[" * 50_000])
def test_a_broken_pointer_is_no_pin(registry: Registry, content: bytes) -> None:
    publish(registry, 1)
    (registry.folder / "CURRENT.json").write_bytes(content)
    assert not registry.is_pinned


def test_a_crash_between_the_pointer_and_its_record_loses_nothing(
    three: tuple[Registry, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, (_, second, third) = three
    registry.activate(second)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    fourth = publish(registry, 4, activate=False)
    pointer = registry._pointer
    note = pointer.note
    with monkeypatch.context() as patch:
        patch.setattr(pointer, "note", lambda v: killed() if v == fourth else note(v))
        with pytest.raises(KeyboardInterrupt):
            registry.activate(fourth)
    assert registry.active().version == fourth  # the pointer is what counts
    assert fourth not in (registry.folder / "ACTIVATED").read_text()
    fifth = publish(registry, 5)
    assert (registry.folder / "ACTIVATED").read_text().split()[-2:] == [fourth, fifth]
    assert registry.rollback() == fourth
    assert third in registry.versions()


def test_a_crash_before_the_pointer_activates_nothing(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = publish(registry, 1), publish(registry, 2, activate=False)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            registry.activate(new)
    assert registry.active().version == old
    assert (registry.folder / "ACTIVATED").read_text().split() == [old]
    assert list(registry.folder.glob("CURRENT.json.*")) == []


def test_several_processes_that_change_the_pointer_take_turns(three: tuple[Registry, list[str]]) -> None:
    registry, versions = three

    def change(version: str) -> None:
        own = Registry(registry.folder)
        for _ in range(10):
            own.activate(version)
            own.pin()
            own.pin(pinned=False)

    for process in [fork(change, version) for version in versions]:
        process.join(PATIENCE_SECONDS)
        assert process.exitcode == 0
    assert registry.active().current_problem is None
    assert set((registry.folder / "ACTIVATED").read_text().split()) == set(versions)


def test_the_order_of_activations_counts_and_not_the_clock(registry: Registry) -> None:
    first = publish(registry, 400)
    second = publish(registry, 1)  # its name is older
    assert registry.versions() == [second, first]
    assert registry.rollback() == first == registry.active().version


def test_a_rollback_skips_deleted_releases(three: tuple[Registry, list[str]]) -> None:
    registry, (first, second, _) = three
    shutil.rmtree(registry.folder / second)
    assert registry.rollback() == first


def test_a_training_does_not_replace_a_release_that_was_pinned_meanwhile(three: tuple[Registry, list[str]]) -> None:
    registry, (_, second, third) = three
    registry.pin()
    assert not registry.activate(second, over_pin=False)
    assert registry.current_version() == third
    assert registry.is_pinned
    registry.pin(pinned=False)
    assert registry.activate(second, over_pin=False)
    assert registry.current_version() == second
