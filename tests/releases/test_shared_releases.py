"""Releases that several hosts share, through a folder and through a local S3 server."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from s3_server import s3_server

from releases import flip, publish
from src.core.errors import ReleaseError, SharedReleasesAway, UnknownName
from src.releases import shared_releases
from src.releases.registry import Registry
from src.releases.shared_registry import SharedRegistry
from src.releases.shared_releases import SharedPointerEntry, SharedReleases

Host = Callable[[str], SharedRegistry]


@pytest.fixture
def url(tmp_path: Path) -> str:
    (tmp_path / "shared").mkdir()
    return str(tmp_path / "shared")


@pytest.fixture
def host(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(Registry, "_smoke_test", lambda self, version: None)
    return lambda name: SharedRegistry(tmp_path / name / "releases", 2, SharedReleases(url))


def test_what_one_host_publishes_activates_pins_and_rolls_back_all_others_serve(host: Host) -> None:
    one, other = host("one"), host("other")
    other.follow()
    assert other.current_version() is None
    first = publish(one, 1)
    other.follow()
    assert other.current().version == first
    second = publish(one, 2)
    other.follow()
    other.pin()
    one.follow()
    assert (one.current_version(), one.is_pinned) == (second, True)
    assert not one.activate(first, over_pin=False)
    assert one.rollback(pin=True) == first
    other.follow()
    assert (other.current_version(), other.is_pinned) == (first, True)
    late = host("late")  # a new host has the history, too, and what a rollback needs
    late.follow()
    assert late.current().version == first
    late.activate(second)
    one.deactivate()
    for each in (other, late):
        each.follow()
        assert each.is_deactivated
    assert late.rollback() in (first, second)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as monkeypatch, s3_server(monkeypatch):
        yield "s3://aisle/shop"


def test_all_of_it_holds_in_an_object_store(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "_smoke_test", lambda self, version: None)
    monkeypatch.setattr(shared_releases, "_GRACE_SECONDS", -1)
    one, other = (SharedRegistry(tmp_path / name / "releases", 1, SharedReleases(s3)) for name in ("one", "other"))
    versions = [publish(one, number) for number in (1, 2)]
    other.follow()
    assert other.current().version == versions[1]
    assert other.rollback() == versions[0]
    one.follow()
    assert one.current_version() == versions[0]
    for number in (3, 4, 5):
        publish(one, number)
    one.prune()
    assert versions[1] not in SharedReleases(s3).versions()
    assert one.current_version() in SharedReleases(s3).versions()


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_of_two_hosts_that_activate_at_once_one_is_told_to_look_again(
    place: str, url: str, request: pytest.FixtureRequest
) -> None:
    shared = SharedReleases(url if place == "folder" else f"{request.getfixturevalue('s3')}-at-once")
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def append() -> None:
        together.wait()
        try:
            shared.append(SharedPointerEntry(1, "a"))
            outcomes.append("done")
        except ReleaseError as error:
            outcomes.append("told" if "at the same moment" in str(error) else str(error))

    threads = [threading.Thread(target=append) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "told"]


def test_a_release_in_part_or_altered_is_not_taken_over_and_the_old_one_stays(
    host: Host, url: str, tmp_path: Path
) -> None:
    one, other = host("one"), host("other")
    first = publish(one, 1)
    other.follow()
    second = publish(one, 2)
    there = Path(url) / "releases" / second
    flip(there / "models" / "svd" / "item_bias.npy", -1)
    with pytest.raises(ReleaseError, match="altered"):
        other.follow()
    assert other.current().version == first
    assert "altered" in other.shared_state.problem
    assert not other.is_in_touch
    (there / "manifest.json").unlink()
    with pytest.raises(UnknownName):
        other.follow()
    shutil.rmtree(there)
    one.activate(second)  # whoever has it uploads it again
    other.follow()
    assert other.current().version == second
    assert other.is_in_touch


def test_a_host_cut_off_serves_on_changes_nothing_and_catches_up(host: Host, url: str, tmp_path: Path) -> None:
    one, other = host("one"), host("other")
    first, second = publish(one, 1), publish(one, 2)
    other.follow()
    Path(url).rename(tmp_path / "away")
    with pytest.raises(SharedReleasesAway, match="there is no folder"):
        other.follow()
    for change in (lambda: other.activate(first), other.rollback, other.pin, other.deactivate):
        with pytest.raises(ReleaseError):
            change()
    with pytest.raises(ReleaseError):
        publish(one, 3)
    assert one.versions() == [first, second]
    assert other.current().version == one.current().version == second
    (tmp_path / "away").rename(url)
    third = publish(one, 3)
    other.follow()
    assert other.current().version == third
    (Path(url) / "pointers").rename(tmp_path / "pointers")  # another bucket, or an emptied one
    with pytest.raises(ReleaseError, match="names no release any more"):
        other.follow()
    assert other.current().version == third


def test_pruning_keeps_what_may_serve_and_removes_others_an_hour_later(
    host: Host, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, shared = host("one"), SharedReleases(url)
    versions = [publish(one, number) for number in range(1, 5)]
    assert shared.versions() == versions
    monkeypatch.setattr(shared_releases, "_GRACE_SECONDS", -1)
    one.prune()
    assert shared.versions() == versions[1:]
    one.activate(versions[1])  # marked, and activated again: the mark is gone
    one.prune()
    assert versions[1] in shared.versions()


def test_a_pointer_that_is_being_written_counts_when_it_is_whole(host: Host, url: str) -> None:
    one = host("one")
    first = publish(one, 1)
    path = Path(url) / "pointers" / "000000002.json"
    path.write_bytes(b"")
    one.follow()
    assert one.current_version() == first
    path.write_text(json.dumps({"version": "", "manifest_sha256": "", "pinned": False}))
    one.follow()
    assert one.is_deactivated


def test_a_driver_that_is_missing_and_a_server_that_is_gone_are_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server(monkeypatch):
        registry = SharedRegistry(tmp_path / "releases", 2, SharedReleases("s3://aisle/empty"))
        registry.follow()
        assert registry.is_in_touch
    with pytest.raises(SharedReleasesAway, match="cannot be reached"):
        registry.follow()
    with pytest.raises(SharedReleasesAway, match="cannot be reached"):
        SharedReleases("nothing://here").newest()
