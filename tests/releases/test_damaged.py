"""Releases that changed after publishing are never served."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from releases import files_of, flip, publish
from src.core.errors import AisleError, LimitReached, ReleaseError, UnknownName
from src.interactions.vocabulary import Vocabulary
from src.releases.manifest import FORMAT
from src.releases.registry import Registry
from src.releases.release_messages import describe_fallback

RELEASE_FILES = [
    *(f"{names}/{array}.npy" for names in ("users", "items") for array in ("blob", "offsets", "order")),
    *(f"models/popularity/{array}.npy" for array in ("weight", "order", "item_mean", "item_count", "user_count")),
    *(f"models/svd/{whose}_{what}.npy" for whose in ("user", "item") for what in ("factors", "bias", "count")),
    "models/popularity/model.json",
    "models/svd/model.json",
    "report.json",
    "manifest.json",
]


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


def test_the_damages_cover_every_file(two_releases: tuple[Path, str, str]) -> None:
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
    assert f"The older release {old} is served instead" in describe_fallback(served)
    assert new in describe_fallback(served)


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
    monkeypatch.setattr("src.releases.release.READABLE_FORMATS", (FORMAT + 1,))
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


def sealed(manifest: dict[str, Any]) -> str:
    """Write a manifest with a valid seal."""
    manifest = {name: its for name, its in manifest.items() if name != "sha256"}
    seal = hashlib.sha256((json.dumps(manifest, indent=2) + "\n").encode()).hexdigest()
    return json.dumps({**manifest, "sha256": seal}, indent=2) + "\n"


ABSURD: dict[str, Callable[[dict[str, Any]], str]] = {
    "a list": lambda _: "[]",
    "a number": lambda _: "3",
    "deep": lambda _: "[" * 100_000,
    "sealed, with a list of files": lambda manifest: sealed({**manifest, "files": list(manifest["files"])}),
    "sealed, without files": lambda manifest: sealed({**manifest, "files": {}}),
    "sealed, with files that are numbers": lambda m: sealed({**m, "files": dict.fromkeys(m["files"], 7)}),
    "sealed, with a file outside": lambda m: sealed({**m, "files": {**m["files"], "../../CURRENT.json": {}}}),
    "sealed, with models of nobody": lambda m: sealed({**m, "models": {"unheard-of": {}}}),
    "sealed, with models that are a number": lambda m: sealed({**m, "models": 5}),
    "sealed, with a weighting of words": lambda m: sealed({**m, "weighting": ["heavy"]}),
    "sealed, with a parent that is a list": lambda m: sealed({**m, "parent": [1], "models": 5}),
}


@pytest.mark.parametrize("absurd", ABSURD)
def test_with_any_json_as_manifest_the_older_release_serves(
    two_releases: tuple[Path, str, str], tmp_path: Path, absurd: str
) -> None:
    original, old, new = two_releases
    registry = Registry(Path(shutil.copytree(original, tmp_path / "releases")), keep=2)
    path = registry.folder / new / "manifest.json"
    path.write_text(ABSURD[absurd](json.loads(path.read_text())))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (registry.folder / "CURRENT.json").write_text(json.dumps({"version": new, "manifest_sha256": digest}))
    assert registry.active().version == old
    with pytest.raises(ReleaseError):
        registry.activate(new)
    assert {each.version for each in registry.listing()} == {old, new}
    registry.prune()
    registry.is_made_up(new)
    registry.activate(old)
    assert registry.active().current_problem is None


@pytest.mark.parametrize("name", ["report.json", "users/blob.npy", "users", "."])
def test_a_release_with_a_link_to_somewhere_else_is_never_served(
    two_releases: tuple[Path, str, str], tmp_path: Path, name: str
) -> None:
    original, old, new = two_releases
    registry = Registry(Path(shutil.copytree(original, tmp_path / "releases")))
    linked, elsewhere = registry.folder / new / name, tmp_path / "elsewhere"
    linked.rename(elsewhere)
    linked.symlink_to(elsewhere)
    with pytest.raises(ReleaseError, match="link to somewhere else"):
        registry.load(new)
    assert registry.active().version == old


@pytest.mark.parametrize("spare", [0, 1, 3, 6])
def test_few_descriptors_are_named_and_no_training_is_advised(two_releases: tuple[Path, str, str], spare: int) -> None:
    registry = Registry(two_releases[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = os.open(os.devnull, os.O_RDONLY)
    os.close(highest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + spare, hard))
    try:
        held = []
        with suppress(OSError):
            while len(held) < 1_000:
                held.append(os.open(os.devnull, os.O_RDONLY))
        for descriptor in held[len(held) - spare :]:
            os.close(descriptor)
            held.remove(descriptor)
        try:
            registry.active()
            message = ""
        except AisleError as error:
            message = str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in held:
            os.close(descriptor)
    assert "train" not in message
    assert "ulimit -n" in message or spare > 1


def test_a_release_that_does_not_fit_in_memory_is_not_said_to_be_broken(
    two_releases: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(Vocabulary, "load", full)
    with pytest.raises(LimitReached, match="no more memory") as raised:
        Registry(two_releases[0]).active()
    assert "train" not in str(raised.value)


def test_a_disk_that_cannot_be_read_is_an_aisle_error(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(registry, 1)

    def broken(*_: Any) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "listdir", broken)
    with pytest.raises(AisleError):
        registry.active()
    assert registry.listing() == []
