"""The pointer to the current release, also when damaged."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time

import pytest

from releases import manifest_of, publish
from src.core.errors import NoRelease, ReleaseError, UnknownName
from src.releases.registry import Registry
from src.releases.release_messages import describe_fallback


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b'"x"', b"{}", b'{"version": "v"}', b"\xff\x00", b"[" * 50_000],
    ids=["empty", "cut", "null", "list", "text", "no keys", "no sha256", "no text", "deep"],
)
def test_under_a_broken_pointer_an_older_release_serves_with_the_reason(registry: Registry, content: bytes) -> None:
    version = publish(registry, 1)
    (registry.folder / "CURRENT.json").write_bytes(content)
    release = registry.active()
    assert release.version == version
    assert "CURRENT.json cannot be read" in describe_fallback(release)
    assert registry.current_version() is None


def test_the_time_of_the_last_activation_is_returned(registry: Registry) -> None:
    assert registry.activated_at() is None
    old, new = publish(registry, 1), publish(registry, 2)
    os.utime(registry.folder / "ACTIVATED", (1_000, 1_000))
    assert registry.activated_at() == 1_000
    registry.pin()
    registry.activate(new)
    assert registry.activated_at() == 1_000  # it served before, and does still
    registry.activate(old)
    assert abs(int(registry.activated_at() or 0) - time.time()) < 60


def test_the_report_of_a_release_is_read_as_written(registry: Registry) -> None:
    version = publish(registry, 1)
    assert registry.report(version) == {"how": "time"}
    for content, found in (('{"lists": {}}', {"lists": {}}), ("[]", None), ("{", None)):
        (registry.folder / version / "report.json").write_text(content)
        assert registry.report(version) == found
    assert registry.report("no-such") is None


def test_a_pointer_with_a_wrong_sha256_falls_back_to_the_older_release(registry: Registry) -> None:
    old, new = publish(registry, 1), publish(registry, 2)
    (registry.folder / "CURRENT.json").write_text(json.dumps({"version": new, "manifest_sha256": "0" * 64}))
    release = registry.active()
    assert release.version == old
    assert "its manifest is not the one that was activated" in describe_fallback(release)


def test_the_parent_of_a_release_published_under_a_broken_pointer_is_unknown(registry: Registry) -> None:
    publish(registry, 1)
    (registry.folder / "CURRENT.json").write_text("{")
    assert manifest_of(registry, publish(registry, 2))["parent"] is None


def test_without_an_activation_there_is_no_release(registry: Registry) -> None:
    with pytest.raises(NoRelease, match=r"run python train_model\.py"):
        registry.active()
    assert registry.versions() == []
    assert registry.pointer_bytes() is None


def test_a_deactivated_release_serves_again_once_it_is_activated(registry: Registry) -> None:
    version = publish(registry, 1)
    registry.deactivate()
    registry.deactivate()
    with pytest.raises(NoRelease):
        registry.active()
    assert registry.versions() == [version]
    registry.activate(version)
    assert registry.active().version == version


def test_a_deleted_pointer_is_no_deactivation(registry: Registry) -> None:
    old, new = publish(registry, 1), publish(registry, 2)
    (registry.folder / "CURRENT.json").unlink()
    with pytest.raises(ReleaseError, match=r"CURRENT\.json is missing.*python train_model\.py --activate"):
        registry.current()
    release = registry.active()
    assert release.version == new
    assert "CURRENT.json is missing" in describe_fallback(release)
    assert not registry.is_deactivated
    registry.deactivate()
    assert registry.is_deactivated
    with pytest.raises(NoRelease):
        registry.active()
    registry.activate(old)
    assert not registry.is_deactivated
    (registry.folder / "CURRENT.json").unlink()
    assert registry.active().version == old


def test_a_deactivated_release_is_rolled_back_to_and_never_taken_for_a_version(registry: Registry) -> None:
    old, new = publish(registry, 1), publish(registry, 2)
    registry.deactivate()
    assert not (registry.folder / "CURRENT.json").exists()  # an older program serves nothing either
    assert registry.rollback() == new
    assert registry.rollback() == old
    assert [listed.version for listed in registry.listing() if listed.is_current] == [old]


def test_deactivating_an_empty_folder_changes_nothing(registry: Registry) -> None:
    registry.deactivate()
    assert not registry.folder.exists()
    assert not registry.is_deactivated


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
