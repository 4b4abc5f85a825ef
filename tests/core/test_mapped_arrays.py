from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from src.core.mapped_arrays import leave_pages, save_arrays, set_aside


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.int8])
def test_an_array_that_is_set_aside_has_the_same_numbers_in_a_file_without_a_name(kind: type, tmp_path: Path) -> None:
    table = np.random.default_rng(1).integers(0, 100, (700, 9)).astype(kind)[:, ::2]
    aside = set_aside(table, tmp_path / "new")
    np.testing.assert_array_equal(aside, table)
    assert aside.dtype == kind
    assert not aside.flags.writeable
    assert list((tmp_path / "new").iterdir()) == []


def test_an_empty_array_stays(tmp_path: Path) -> None:
    empty = np.zeros((0, 3))
    assert set_aside(empty, tmp_path) is empty


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux counts the pages of a process")
def test_pages_of_arrays_that_are_set_aside_leave_the_process_and_come_back(tmp_path: Path) -> None:
    aside = set_aside(np.arange(4_000_000), tmp_path)
    total = aside.sum()
    touched = _resident_kib()
    leave_pages()
    assert touched - _resident_kib() > aside.nbytes // 1024 // 2
    assert aside.sum() == total


def _resident_kib() -> int:
    status = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8")
    return int(status.split("Rss:")[1].split()[0])


class Model:
    def __init__(self, table: np.ndarray) -> None:
        self.table, self.half = table, table[::2]


def test_an_array_that_is_set_aside_is_saved_by_naming_its_file_and_by_copying_it_a_second_time(tmp_path: Path) -> None:
    table = np.random.default_rng(1).random((700, 9))
    model = Model(set_aside(table, tmp_path))
    for name in ("one", "two"):
        save_arrays(model, ("table", "half"), tmp_path / name)
        np.testing.assert_array_equal(np.load(tmp_path / name / "table.npy"), table)
        np.testing.assert_array_equal(np.load(tmp_path / name / "half.npy"), table[::2])
    first, second = (os.stat(tmp_path / name / "table.npy") for name in ("one", "two"))
    assert first.st_ino != second.st_ino
    assert first.st_nlink == second.st_nlink == 1
    assert first.st_mode == second.st_mode


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="only Linux has files that get their name later")
def test_the_bytes_of_an_array_that_is_set_aside_are_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model(set_aside(np.arange(1_000), tmp_path))
    monkeypatch.setattr(np, "save", None)
    save_arrays(model, ["table"], tmp_path / "saved")
    assert np.load(tmp_path / "saved" / "table.npy").sum() == 499_500


def test_where_a_file_cannot_get_a_name_later_its_array_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "O_TMPFILE", 0, raising=False)  # opens the folder itself, which fails
    model = Model(set_aside(np.arange(1_000), tmp_path))
    monkeypatch.setattr(os, "link", refuse)
    save_arrays(model, ["table"], tmp_path / "saved")
    assert np.load(tmp_path / "saved" / "table.npy").sum() == 499_500
