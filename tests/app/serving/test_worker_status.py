"""Worker files report the release of each worker."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from app.serving.worker_status import WorkerFiles


def test_a_worker_reports_its_release_until_it_leaves(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path / "workers", 2.0, now=lambda: 1_000.0)
    files.announce("R1", None)
    (said,) = files.alive()
    assert (said["release"], said["pid"], said["since"], said["note"]) == ("R1", os.getpid(), 1_000, "")
    files.announce("R2", "R3 is broken")
    (said,) = files.alive()
    assert (said["release"], said["note"]) == ("R2", "R3 is broken")
    files.leave()
    files.leave()
    assert files.alive() == []


def test_a_worker_that_died_is_forgotten_and_one_that_lives_is_not(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path, 2.0)
    dead = tmp_path / "host-1.json"
    dead.write_text(json.dumps({"pid": 1}))
    os.utime(dead, (time.time() - 60, time.time() - 60))
    files.announce("R", None)
    os.utime(next(tmp_path.glob(f"*-{os.getpid()}.json")), (time.time() - 60, time.time() - 60))
    files.announce("R", None)  # as at every look for a new release
    assert [said["pid"] for said in files.alive()] == [os.getpid()]
    assert not dead.exists()


def test_a_folder_that_cannot_be_written_or_read_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    files = WorkerFiles(tmp_path / "file" / "workers", 2.0)
    files.announce("R", None)
    assert files.alive() == []
    (tmp_path / "cut.json").write_text("{")
    assert WorkerFiles(tmp_path, 2.0).alive() == []
