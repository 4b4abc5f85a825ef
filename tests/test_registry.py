"""Releases on disk: whole or not at all, and nothing that was touched since is ever served."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.dataset.interactions import training_data
from src.domain import EventBatch, Query
from src.errors import AisleError, NoRelease, ReleaseError, UnknownName
from src.models import MODELS, POPULARITY, SVD
from src.models.popularity import PopularityParams
from src.models.svd import SvdParams
from src.pipeline import Pipeline
from src.registry import Registry
from src.release import FORMAT, Draft

START = datetime(2026, 1, 1, tzinfo=UTC)


def make_draft() -> Draft:
    """Five ratings of three users on three products, learnt by every model."""
    ratings = [("u1", "a", 5), ("u1", "b", 3), ("u2", "a", 4), ("u3", "a", 2), ("u3", "c", 1)]
    users, products, values = (list(column) for column in zip(*ratings, strict=True))
    batch = EventBatch(users, products, ["rating"] * 5, np.array(values, dtype=np.float64), np.arange(5))
    data = training_data([batch])
    models = {
        POPULARITY: MODELS[POPULARITY].train(data, PopularityParams(1, 5), seed=1),
        SVD: MODELS[SVD].train(data, SvdParams(1, 5, factors=2, epochs=2), seed=1),
    }
    about: dict[str, object] = {"metrics": {"rmse": 1.25}}
    return Draft(Pipeline(data.users, data.items, models, POPULARITY, rater=SVD), about, {"report": {"how": "time"}})


DRAFT = make_draft()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry that trusts itself: its smoke test, two seconds a release, has tests of its own."""
    monkeypatch.setattr(Registry, "_smoke_test", lambda self, version: None)
    return Registry(tmp_path / "releases", keep=2)


def publish(registry: Registry, number: int, *, activate: bool = True) -> str:
    """The release of the given hour."""
    version = registry.publish(DRAFT, f"{number:012d}", START + timedelta(hours=number))
    if activate:
        registry.activate(version)
    return version


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def manifest_of(registry: Registry, version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((registry.folder / version / "manifest.json").read_text())
    return found


# publishing


def test_the_manifest_lists_every_file_with_its_size_and_sha256(registry: Registry) -> None:
    version = publish(registry, 1)
    folder = registry.folder / version
    expected = {
        str(path.relative_to(folder)): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in files_of(folder)
        if path.name != "manifest.json"
    }
    assert manifest_of(registry, version)["files"] == expected
    assert {"report.json", "users/blob.npy", "models/svd/user_factors.npy"} <= set(expected)


def test_a_release_holds_arrays_without_objects_and_json_but_no_pickle(registry: Registry) -> None:
    for path in files_of(registry.folder / publish(registry, 1)):
        assert path.suffix in (".npy", ".json"), path
        if path.suffix == ".npy":
            assert np.load(path, allow_pickle=False).dtype != object
        else:
            json.loads(path.read_text())


def test_the_manifest_is_written_last(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write_text, save = Path.write_text, np.save

    def spy_on_text(path: Path, *args: Any, **kwargs: Any) -> int:
        written.append(path.name)
        return write_text(path, *args, **kwargs)

    def spy_on_save(path: Path, *args: Any, **kwargs: Any) -> None:
        written.append(Path(path).name)
        save(path, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", spy_on_text)
    monkeypatch.setattr(np, "save", spy_on_save)
    version = publish(registry, 1, activate=False)
    assert written[-1] == "manifest.json"
    assert sorted(written) == sorted(path.name for path in files_of(registry.folder / version))


def test_a_published_release_is_not_current_before_it_is_activated(registry: Registry) -> None:
    version = publish(registry, 1, activate=False)
    assert registry.versions() == [version]
    assert registry.current_version() is None
    with pytest.raises(NoRelease):
        registry.active()


def test_the_pointer_holds_the_version_and_the_sha256_of_its_manifest(registry: Registry) -> None:
    version = publish(registry, 1)
    pointer = json.loads((registry.folder / "CURRENT.json").read_text())
    manifest = (registry.folder / version / "manifest.json").read_bytes()
    assert pointer == {"version": version, "manifest_sha256": hashlib.sha256(manifest).hexdigest()}


def test_a_release_names_its_parent_its_default_and_its_moment(registry: Registry) -> None:
    first, second = publish(registry, 1), publish(registry, 2)
    assert manifest_of(registry, first)["parent"] is None
    manifest = manifest_of(registry, second)
    assert manifest["parent"] == first
    assert manifest["version"] == second
    assert manifest["default_model"] == POPULARITY
    assert manifest["created_at"] == "2026-01-01T02:00:00+00:00"
    assert manifest["models"][SVD] == {"n_users": 3, "n_items": 3, "n_factors": 2}
    assert manifest["metrics"] == {"rmse": 1.25}


def test_a_loaded_release_answers_as_the_models_that_were_published(registry: Registry) -> None:
    release = registry.load(publish(registry, 1))
    listed = [item.product_id for item in release.pipeline.recommend(Query("u2", n=3))]
    assert listed == ["a", "b", "c"]
    expected = DRAFT.pipeline.models[SVD].rate(np.array([0]), np.array([1]))[0]
    assert release.pipeline.predict("u1", "b").rating == pytest.approx(expected)
    assert release.note == ""


def test_versions_sort_by_time_whatever_the_zone_of_the_clock(registry: Registry) -> None:
    from datetime import timezone

    later = START.astimezone(timezone(timedelta(hours=-9))) + timedelta(hours=1)
    second = registry.publish(DRAFT, "a" * 12, later)
    first = registry.publish(DRAFT, "b" * 12, START)
    assert registry.versions() == [first, second]


def test_leftovers_of_a_killed_trainer_are_removed_and_never_listed(registry: Registry) -> None:
    leftover = registry.folder / ".tmp-killed"
    (leftover / "models").mkdir(parents=True)
    (leftover / "manifest.json").write_text("{}")
    assert registry.versions() == []
    version = publish(registry, 1)
    assert not leftover.exists()
    assert registry.versions() == [version]


def test_a_folder_without_a_manifest_is_no_release(registry: Registry) -> None:
    version = publish(registry, 1)
    shutil.copytree(registry.folder / version, registry.folder / "20260101T090000Z-half")
    (registry.folder / "20260101T090000Z-half" / "manifest.json").unlink()
    assert registry.versions() == [version]
    with pytest.raises(UnknownName):
        registry.activate("20260101T090000Z-half")


# what cannot be written


def no_space(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("after", [0, 1, 7])
def test_a_full_disk_while_arrays_are_written_leaves_the_old_release(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    old = publish(registry, 1)
    save, calls = np.save, iter(range(100))
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", lambda *a, **k: save(*a, **k) if next(calls) < after else no_space())
        with pytest.raises(ReleaseError, match="No space left on device"):
            publish(registry, 2)
    assert registry.versions() == [old]
    assert registry.active().version == old
    assert list(registry.folder.glob(".tmp-*")) == []


def test_a_pointer_that_cannot_be_replaced_leaves_the_old_release_and_nothing_else(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = publish(registry, 1)
    new = publish(registry, 2, activate=False)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", no_space)
        with pytest.raises(ReleaseError, match=f"No space left on device.*activate {new} again"):
            registry.activate(new)
    assert registry.active().version == old
    assert sorted(path.name for path in registry.folder.iterdir()) == sorted(["ACTIVATED", "CURRENT.json", old, new])
    registry.activate(new)
    assert registry.active().version == new


def test_a_folder_that_cannot_be_made_is_a_release_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReleaseError, match="could not be written"):
        Registry(tmp_path / "file" / "releases").publish(DRAFT, "0" * 12, START)


# what was touched


RELEASE_FILES = [
    *(f"{names}/{array}.npy" for names in ("users", "items") for array in ("blob", "offsets", "order")),
    *(f"models/popularity/{array}.npy" for array in ("weight", "order", "item_mean", "item_count", "user_count")),
    *(f"models/svd/{whose}_{what}.npy" for whose in ("user", "item") for what in ("factors", "bias", "count")),
    "models/popularity/model.json",
    "models/svd/model.json",
    "report.json",
    "manifest.json",
]


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x01
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "its first byte flipped": lambda path: flip(path, 0),
    "a byte in the middle flipped": lambda path: flip(path, path.stat().st_size // 2),
    "its last byte flipped": lambda path: flip(path, -1),
    "cut by one byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "emptied": lambda path: os.truncate(path, 0),
    "deleted": lambda path: path.unlink(),
    "lengthened": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
}


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("damaged") / "releases"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "_smoke_test", lambda self, version: None)
        registry = Registry(folder)
        return folder, publish(registry, 1), publish(registry, 2)


def test_the_damages_below_reach_every_file(two_releases: tuple[Path, str, str]) -> None:
    folder, _, new = two_releases
    assert {str(path.relative_to(folder / new)) for path in files_of(folder / new)} == set(RELEASE_FILES)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", RELEASE_FILES)
def test_a_release_with_a_damaged_file_is_never_served(
    two_releases: tuple[Path, str, str], tmp_path: Path, name: str, damage: str
) -> None:
    original, old, new = two_releases
    registry = Registry(Path(shutil.copytree(original, tmp_path / "releases")))
    DAMAGES[damage](registry.folder / new / name)
    with pytest.raises(AisleError):
        registry.current()
    with pytest.raises((ReleaseError, UnknownName)):
        registry.load(new)
    with pytest.raises((ReleaseError, UnknownName)):
        registry.activate(new)
    served = registry.active()
    assert served.version == old
    assert f"The older release {old} is served instead" in served.note
    assert new in served.note


@pytest.mark.parametrize("name", ["models/svd/extra.npy", "models/new/model.json", "manifest.json.bak"])
def test_a_release_with_an_added_file_is_never_served(
    two_releases: tuple[Path, str, str], tmp_path: Path, name: str
) -> None:
    original, old, new = two_releases
    registry = Registry(Path(shutil.copytree(original, tmp_path / "releases")))
    (registry.folder / new / name).parent.mkdir(exist_ok=True)
    (registry.folder / new / name).write_bytes(b"added")
    with pytest.raises(ReleaseError, match="its files are not those of its manifest"):
        registry.load(new)
    assert registry.active().version == old


def test_a_manifest_that_was_edited_by_hand_is_refused_even_when_no_pointer_names_it(registry: Registry) -> None:
    version = publish(registry, 1, activate=False)
    path = registry.folder / version / "manifest.json"
    path.write_text(path.read_text().replace('"default_model": "popularity"', '"default_model": "svd"'))
    with pytest.raises(ReleaseError, match="its manifest was altered or cut"):
        registry.activate(version)
    assert registry.current_version() is None


def test_a_manifest_of_another_format_says_which_one_is_read(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = publish(registry, 1)
    monkeypatch.setattr("src.release.FORMAT", FORMAT + 1)
    with pytest.raises(ReleaseError, match=f"its format is {FORMAT}, this program reads {FORMAT + 1}"):
        registry.load(version)


def test_no_older_release_that_verifies_is_an_error_that_says_what_to_do(registry: Registry) -> None:
    versions = [publish(registry, 1), publish(registry, 2)]
    for version in versions:
        flip(registry.folder / version / "report.json", 0)
    with pytest.raises(ReleaseError, match=r"No older release verifies either: run python train_model\.py"):
        registry.active()


def test_the_newest_of_several_older_releases_that_verify_is_served(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "_smoke_test", lambda self, version: None)
        registry = Registry(tmp_path / "releases")
        _, good, bad, current = (publish(registry, number) for number in (1, 2, 3, 4))
    flip(registry.folder / bad / "report.json", 5)
    flip(registry.folder / current / "report.json", 5)
    assert registry.active().version == good


def test_a_release_newer_than_the_broken_current_one_is_not_served_in_its_place(registry: Registry) -> None:
    old, current = publish(registry, 1), publish(registry, 2)
    publish(registry, 3, activate=False)
    flip(registry.folder / current / "report.json", 5)
    assert registry.active().version == old


# the pointer


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b'"x"', b"{}", b'{"version": "v"}', b"\xff\x00", b"[" * 50_000],
    ids=["empty", "cut", "null", "list", "text", "no keys", "no sha256", "no text", "deep"],
)
def test_a_broken_pointer_serves_a_release_that_verifies_and_says_so(registry: Registry, content: bytes) -> None:
    version = publish(registry, 1)
    (registry.folder / "CURRENT.json").write_bytes(content)
    release = registry.active()
    assert release.version == version
    assert "CURRENT.json cannot be read" in release.note
    assert registry.current_version() is None


def test_a_pointer_with_a_wrong_sha256_falls_back_to_the_older_release(registry: Registry) -> None:
    old, new = publish(registry, 1), publish(registry, 2)
    (registry.folder / "CURRENT.json").write_text(json.dumps({"version": new, "manifest_sha256": "0" * 64}))
    release = registry.active()
    assert release.version == old
    assert "its manifest is not the one that was activated" in release.note


def test_the_parent_of_a_release_published_under_a_broken_pointer_is_unknown(registry: Registry) -> None:
    publish(registry, 1)
    (registry.folder / "CURRENT.json").write_text("{")
    assert manifest_of(registry, publish(registry, 2))["parent"] is None


def test_nothing_activated_is_no_release(registry: Registry) -> None:
    with pytest.raises(NoRelease, match=r"run python train_model\.py"):
        registry.active()
    assert registry.versions() == []
    assert registry.pointer_bytes() is None


def test_deactivating_serves_nothing_and_activating_again_serves_it_again(registry: Registry) -> None:
    version = publish(registry, 1)
    registry.deactivate()
    registry.deactivate()
    with pytest.raises(NoRelease):
        registry.active()
    assert registry.versions() == [version]
    registry.activate(version)
    assert registry.active().version == version


@pytest.mark.parametrize("version", ["..", ".", "", "../outside", "/etc", "CURRENT.json", "a/../b", ".tmp-x", "x\0"])
def test_a_version_that_is_no_release_of_the_folder_is_refused(registry: Registry, version: str) -> None:
    real = publish(registry, 1)
    shutil.copytree(registry.folder / real, registry.folder.parent / "outside")
    with pytest.raises(UnknownName, match=f"Expected one of: {real}"):
        registry.load(version)
    with pytest.raises(UnknownName):
        registry.activate(version)
    assert registry.active().version == real


def test_a_pointer_out_of_the_folder_is_not_followed(registry: Registry) -> None:
    version = publish(registry, 1)
    outside = registry.folder.parent / "outside"
    shutil.copytree(registry.folder / version, outside)
    sha256 = hashlib.sha256((outside / "manifest.json").read_bytes()).hexdigest()
    (registry.folder / "CURRENT.json").write_text(json.dumps({"version": "../outside", "manifest_sha256": sha256}))
    with pytest.raises(UnknownName):
        registry.current()


# old releases


def test_pruning_keeps_the_newest_the_current_one_and_its_parent(registry: Registry) -> None:
    first, second = publish(registry, 1), publish(registry, 2)
    third, fourth = publish(registry, 3, activate=False), publish(registry, 4, activate=False)
    registry.activate(second)  # keep=2: the newest are the third and the fourth
    assert registry.versions() == [first, second, third, fourth]
    registry.activate(fourth)  # its parent is the second
    assert registry.versions() == [second, third, fourth]


def test_pruning_leaves_no_more_than_it_must(registry: Registry) -> None:
    versions = [publish(registry, number) for number in range(5)]
    assert registry.versions() == versions[-2:]
    assert sorted(path.name for path in registry.folder.iterdir()) == [*versions[-2:], "ACTIVATED", "CURRENT.json"]


def test_pruning_under_a_broken_pointer_removes_nothing(registry: Registry) -> None:
    versions = [publish(registry, number, activate=False) for number in range(4)]
    (registry.folder / "CURRENT.json").write_text("{")
    registry.prune()
    assert registry.versions() == versions


# the smoke test


def test_a_release_is_loaded_once_in_a_fresh_process_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    run = subprocess.run

    def spy(command: list[str], **kwargs: Any) -> Any:
        ran.append(command)
        return run(command, **kwargs)

    monkeypatch.setattr(subprocess, "run", spy)
    registry = Registry(tmp_path / "with a blank" / "releases")
    version = publish(registry, 1)
    assert registry.active().version == version
    assert [command[-2:] for command in ran] == [[str(registry.folder), version]]


def test_a_release_that_does_not_load_in_a_fresh_process_is_removed_and_refused(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = publish(registry, 1)
    monkeypatch.undo()  # the real smoke test
    models = DRAFT.pipeline.models
    broken = replace(DRAFT.pipeline, models={**models, "unheard-of": models[POPULARITY]})
    with pytest.raises(ReleaseError, match=r"does not load in a fresh process.*unheard-of"):
        registry.publish(replace(DRAFT, pipeline=broken), "2" * 12, START + timedelta(hours=2))
    assert registry.versions() == [old]
    assert registry.active().version == old


def test_a_release_that_loads_too_slowly_is_not_served(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    old = publish(registry, 1)
    monkeypatch.undo()
    monkeypatch.setattr("src.registry._SMOKE_SECONDS", 0.001)
    with pytest.raises(ReleaseError, match="did not load within"):
        publish(registry, 2)
    assert registry.active().version == old


def test_what_was_never_activated_is_no_fallback(registry: Registry) -> None:
    old = publish(registry, 1)
    publish(registry, 2, activate=False)
    new = publish(registry, 3)
    (registry.folder / new / "users" / "blob.npy").unlink()
    release = registry.active()
    assert release.version == old
    assert old in release.note
    (registry.folder / "CURRENT.json").write_text("")
    assert registry.active().version == old


# rolling back and pinning


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Registry, list[str]]:
    """Three releases that all have served, the newest one current."""
    monkeypatch.setattr(Registry, "_smoke_test", lambda self, version: None)
    registry = Registry(tmp_path / "releases")
    return registry, [publish(registry, number) for number in (1, 2, 3)]


def test_rolling_back_goes_to_ever_older_releases_that_served(three: tuple[Registry, list[str]]) -> None:
    registry, (first, second, third) = three
    publish(registry, 4, activate=False)
    assert registry.current_version() == third
    assert registry.rollback() == second == registry.active().version
    assert registry.rollback() == first == registry.active().version
    with pytest.raises(NoRelease, match="nothing to roll back to"):
        registry.rollback()
    assert registry.active().version == first


def test_what_was_rolled_back_from_is_the_last_resort_only(three: tuple[Registry, list[str]]) -> None:
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


def test_a_pin_lasts_until_it_is_taken_away_or_another_release_activated(three: tuple[Registry, list[str]]) -> None:
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


def test_pruning_never_removes_what_a_rollback_would_serve(registry: Registry) -> None:
    versions = [publish(registry, number) for number in (1, 2)]
    for number in range(3, 8):
        publish(registry, number, activate=False)
    assert set(versions) <= set(registry.versions())
    assert registry.rollback() == versions[0]


def test_the_listing_says_which_is_which_without_looking_at_every_byte(three: tuple[Registry, list[str]]) -> None:
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


def test_what_the_gate_refuses_after_the_smoke_test_is_removed(registry: Registry, monkeypatch: Any) -> None:
    old = publish(registry, 1)
    monkeypatch.undo()  # the real smoke test

    class Refused(Exception):
        pass

    proofs = []

    def refuse(proof: Any) -> None:
        proofs.append(proof)
        raise Refused

    with pytest.raises(Refused):
        registry.publish(DRAFT, "2" * 12, START + timedelta(hours=2), refuse)
    assert registry.versions() == [old]
    (proof,) = proofs
    assert proof.n_bytes > 0
    assert proof.n_lists > 50
    assert proof.p95_ms > 0
    assert proof.short == 0


def test_several_processes_that_change_the_pointer_take_turns(three: tuple[Registry, list[str]]) -> None:
    registry, versions = three
    code = (
        "import sys; from pathlib import Path; from src.registry import Registry\n"
        "registry = Registry(Path(sys.argv[1]))\n"
        "for _ in range(10): registry.activate(sys.argv[2]); registry.pin(); registry.pin(pinned=False)\n"
    )
    commands = [[sys.executable, "-c", code, str(registry.folder), version] for version in versions]
    root = Path(__file__).resolve().parent.parent
    for process in [subprocess.Popen(command, cwd=root) for command in commands]:
        assert process.wait(60) == 0
    assert registry.active().note == ""
    assert set((registry.folder / "ACTIVATED").read_text().split()) == set(versions)
