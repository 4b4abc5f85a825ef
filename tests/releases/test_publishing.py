"""Releases are published completely or not at all, after a check by a fresh process."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from releases import DRAFT, START, files_of, manifest_of, no_space, publish
from src.core.domain import Query
from src.core.errors import LimitReached, NoRelease, ReleaseError, UnknownName
from src.ingestion.data_checks import Check
from src.models import POPULARITY, SVD
from src.recommendation.pipeline import Pipeline
from src.releases.registry import Publication, Registry
from src.releases.release import SmokeTestResult
from src.releases.release_messages import describe_fallback
from src.releases.smoke_test import run_smoke_test, run_while_it_works
from src.releases.verdict import GateVerdict

ROOT = Path(__file__).resolve().parents[2]


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


def test_a_manifest_holds_parent_default_model_and_time(registry: Registry) -> None:
    first, second = publish(registry, 1), publish(registry, 2)
    assert manifest_of(registry, first)["parent"] is None
    manifest = manifest_of(registry, second)
    assert manifest["parent"] == first
    assert manifest["version"] == second
    assert manifest["default_model"] == POPULARITY
    assert manifest["created_at"] == "2026-01-01T02:00:00+00:00"
    assert manifest["models"][SVD] == {"n_users": 3, "n_items": 3, "n_factors": 2}
    assert manifest["metrics"] == {"rmse": {SVD: 1.25}}


def test_a_loaded_release_answers_as_the_models_that_were_published(registry: Registry) -> None:
    release = registry.load(publish(registry, 1))
    listed = [item.product_id for item in release.pipeline.recommend(Query("u2", n=3))]
    assert listed == ["a", "b", "c"]
    expected = DRAFT.pipeline.models[SVD].rate(np.array([0]), np.array([1]))[0]
    assert release.pipeline.predict("u1", "b").rating == pytest.approx(expected)
    assert release.current_problem is None


def test_versions_sort_by_time_in_every_time_zone(registry: Registry) -> None:
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
    assert sorted(path.name for path in registry.folder.iterdir() if path.name != ".verified") == sorted(
        ["ACTIVATED", "CURRENT.json", old, new]
    )
    registry.activate(new)
    assert registry.active().version == new


def test_a_folder_that_cannot_be_made_is_a_release_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReleaseError, match="could not be written"):
        Registry(tmp_path / "file" / "releases").publish(DRAFT, "0" * 12, START)


# the smoke test


def test_a_release_is_loaded_once_in_a_fresh_process_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def spy(command: list[str], folder: Path) -> Any:
        ran.append(command)
        return run_while_it_works(command, folder)

    monkeypatch.setattr("src.releases.smoke_test.run_while_it_works", spy)
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
    monkeypatch.setattr("src.releases.smoke_test._CPU_SECONDS", 0.001)
    with pytest.raises(ReleaseError, match=r"did not load in a fresh process.*0\.001 s of CPU time"):
        publish(registry, 2)
    assert registry.active().version == old


@pytest.mark.parametrize(
    ("code", "said", "told"),
    [(3, "may open no more files. Raise it with ulimit -n.", "ulimit -n"), (-9, "", "signal 9.*out of memory")],
)
def test_a_limit_of_the_process_is_not_blamed_on_the_release(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, code: int, said: str, told: str
) -> None:
    monkeypatch.undo()  # the real smoke test
    done = subprocess.CompletedProcess([], code, "", said)
    monkeypatch.setattr("src.releases.smoke_test.run_while_it_works", lambda *_: done)
    with pytest.raises(LimitReached, match=told):
        publish(registry, 1)
    assert registry.versions() == []


def test_the_fresh_process_tells_a_limit_by_its_exit_code(registry: Registry) -> None:
    version = publish(registry, 1)
    command = [sys.executable, "-m", "src.releases.smoke_test", str(registry.folder.resolve()), version]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16)),
    )
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "ulimit -n" in done.stderr


def test_a_starved_process_is_waited_for_and_one_that_hangs_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("src.releases.smoke_test._STALLED_SECONDS", 3.0)
    slow = "import time\nfor _ in range(12):\n    time.sleep(0.5)\n    sum(range(2_000_000))\nprint('done')"
    started = time.monotonic()
    done = run_while_it_works([sys.executable, "-c", slow], tmp_path)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert time.monotonic() > started + 3.0
    with pytest.raises(TimeoutError, match="no progress for 3 s"):
        run_while_it_works([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path)
    monkeypatch.setattr("src.releases.smoke_test._CPU_SECONDS", 0.5)
    with pytest.raises(TimeoutError, match=r"0\.5 s of CPU time"):
        run_while_it_works([sys.executable, "-c", "while True: pass"], tmp_path)


def test_a_release_that_was_never_activated_is_no_fallback(registry: Registry) -> None:
    old = publish(registry, 1)
    publish(registry, 2, activate=False)
    new = publish(registry, 3)
    (registry.folder / new / "users" / "blob.npy").unlink()
    release = registry.active()
    assert release.version == old
    assert old in describe_fallback(release)
    (registry.folder / "CURRENT.json").write_text("")
    assert registry.active().version == old


def test_a_release_that_the_gate_refuses_after_the_smoke_test_is_removed(registry: Registry, monkeypatch: Any) -> None:
    old = publish(registry, 1)
    monkeypatch.undo()  # the real smoke test

    proofs = []
    refused = GateVerdict((Check("latency", False, "too slow"),))

    def refuse(proof: SmokeTestResult) -> GateVerdict:
        proofs.append(proof)
        return refused

    publication = registry.publish_if(DRAFT, "2" * 12, START + timedelta(hours=2), refuse)
    assert publication == Publication(None, refused)
    assert registry.versions() == [old]
    (proof,) = proofs
    assert proof.n_bytes > 0
    assert proof.n_lists > 50
    assert proof.p95_ms > 0
    assert proof.short == 0


def test_the_latency_of_a_release_does_not_count_waiting(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    version = publish(registry, 1)
    recommend = Pipeline.recommend

    def kept_waiting(pipeline: Pipeline, query: Query) -> Any:
        time.sleep(0.02)
        return recommend(pipeline, query)

    monkeypatch.setattr(Pipeline, "recommend", kept_waiting)
    assert run_smoke_test(registry.folder / version).p95_ms < 20
