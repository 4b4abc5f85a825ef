"""Old releases are deleted, and releases are listed."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from releases import files_of, publish
from src.releases.registry import Registry


def test_pruning_keeps_the_newest_the_current_one_and_its_parent(registry: Registry) -> None:
    first, second = publish(registry, 1), publish(registry, 2)
    third, fourth = publish(registry, 3, activate=False), publish(registry, 4, activate=False)
    registry.activate(second)  # keep=2: the newest are the third and the fourth
    assert registry.versions() == [first, second, third, fourth]
    registry.activate(fourth)  # its parent is the second
    assert registry.versions() == [second, third, fourth]


def test_pruning_leaves_only_the_needed_releases(registry: Registry) -> None:
    versions = [publish(registry, number) for number in range(5)]
    assert registry.versions() == versions[-2:]
    assert sorted(path.name for path in registry.folder.iterdir() if path.name != ".verified") == [
        *versions[-2:],
        "ACTIVATED",
        "CURRENT.json",
    ]


def test_pruning_under_a_broken_pointer_removes_nothing(registry: Registry) -> None:
    versions = [publish(registry, number, activate=False) for number in range(4)]
    (registry.folder / "CURRENT.json").write_text("{")
    registry.prune()
    assert registry.versions() == versions


def test_pruning_never_removes_what_a_rollback_would_serve(registry: Registry) -> None:
    versions = [publish(registry, number) for number in (1, 2)]
    for number in range(3, 8):
        publish(registry, number, activate=False)
    assert set(versions) <= set(registry.versions())
    assert registry.rollback() == versions[0]


def test_the_listing_marks_releases_without_verifying_them(three: tuple[Registry, list[str]]) -> None:
    registry, (first, second, third) = three
    registry.pin()
    (registry.folder / first / "manifest.json").write_text("{")
    newest, middle, oldest = registry.listing()
    assert (newest.version, newest.is_current, newest.pinned, newest.is_previous) == (third, True, True, False)
    assert (middle.version, middle.is_current, middle.pinned, middle.is_previous) == (second, False, False, True)
    assert newest.n_bytes == sum(path.stat().st_size for path in files_of(registry.folder / third)) - (
        (registry.folder / third / "manifest.json").stat().st_size
    )
    assert "cannot be read" in oldest.problem


def test_a_kill_while_a_release_is_removed_leaves_no_listed_release(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [publish(registry, number) for number in (1, 2)]

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            registry._remove(versions[0])
    assert registry.versions() == versions[1:]
    assert len(list(registry.folder.glob(".tmp-*"))) == 1
    third = publish(registry, 3)
    assert sorted(path.name for path in registry.folder.iterdir() if path.name != ".verified") == [
        versions[1],
        third,
        "ACTIVATED",
        "CURRENT.json",
    ]


def test_a_half_written_pointer_of_a_killed_process_is_removed(registry: Registry) -> None:
    version = publish(registry, 1)
    (registry.folder / "CURRENT.json.4711").write_text("{")
    registry.prune()
    assert sorted(path.name for path in registry.folder.iterdir() if path.name != ".verified") == [
        version,
        "ACTIVATED",
        "CURRENT.json",
    ]


def test_the_release_before_a_reactivated_one_is_not_pruned(registry: Registry) -> None:
    versions = [publish(registry, number) for number in (1, 2)]
    registry.activate(versions[0], pin=True)
    for number in range(3, 8):
        publish(registry, number, activate=False)
    assert set(versions) <= set(registry.versions())
