"""Workers of one machine verify a release once; what changes a file makes them look again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from src.core.errors import ReleaseError
from src.releases import release as release_module
from src.releases import verified_files
from src.releases.registry import Registry
from tests.releases.releases import files_of, publish

Read = Callable[[], list[str]]


@pytest.fixture
def registry(tmp_path: Path, no_smoke: None, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A release whose files are taken to be old."""
    monkeypatch.setattr(verified_files, "_FRESH_NS", -(10**18))
    made = Registry(tmp_path / "releases")
    publish(made, 1)
    return made


@pytest.fixture
def read(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Loads the current release as a worker does; returns the names of the files that were read whole."""
    names: list[str] = []
    fingerprint = release_module._fingerprint

    def noted(path: Path) -> dict[str, object]:
        names.append(path.name)
        return fingerprint(path)

    monkeypatch.setattr(release_module, "_fingerprint", noted)

    def load() -> list[str]:
        names.clear()
        registry.current()
        return list(names)

    return load


def a_file(registry: Registry) -> Path:
    return next(path for path in files_of(registry.folder / registry.versions()[0]) if path.name == "blob.npy")


def test_a_worker_reads_no_file_that_the_machine_has_verified(read: Read, registry: Registry) -> None:
    assert read() == []  # the activation verified it
    verified_files.forget(registry.folder / registry.versions()[0])
    assert len(read()) > 5
    assert read() == []


def test_an_activation_verifies_every_byte(registry: Registry, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    read()
    seen: list[Path] = []
    monkeypatch.setattr(release_module, "sha256", lambda path: seen.append(path) or "another")
    with pytest.raises(ReleaseError):
        registry.activate(registry.versions()[0])
    assert seen


@pytest.mark.parametrize("keeps_times", [False, True])
def test_a_file_that_changes_afterwards_is_refused(registry: Registry, read: Read, keeps_times: bool) -> None:
    read()
    path = a_file(registry)
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    if keeps_times:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ReleaseError, match="altered or cut"):
        read()


def test_a_file_that_is_put_in_the_place_of_another_is_read(registry: Registry, read: Read) -> None:
    read()
    path = a_file(registry)
    copy = path.with_suffix(".copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    assert read() == [path.name]


def test_a_file_that_changed_a_moment_ago_is_read_again(
    registry: Registry, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_files, "_FRESH_NS", 10**18)
    verified_files.forget(registry.folder / registry.versions()[0])
    assert read() == read() != []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"users/blob.npy": 7}', "\x00"])
def test_a_record_that_cannot_be_read_remembers_nothing(registry: Registry, read: Read, content: str) -> None:
    (registry.folder / ".verified" / f"{registry.versions()[0]}.json").write_text(content)
    assert len(read()) > 5


def test_a_folder_that_cannot_be_written_is_served(registry: Registry, read: Read) -> None:
    (registry.folder / ".verified").rename(registry.folder / "elsewhere")
    (registry.folder / ".verified").write_text("no folder")
    assert len(read()) == len(read()) > 5


def test_a_release_that_is_removed_is_forgotten(registry: Registry) -> None:
    first = registry.versions()[0]
    registry._remove(first)
    assert not (registry.folder / ".verified" / f"{first}.json").exists()
