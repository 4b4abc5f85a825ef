from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.core.mapped_arrays import leave_pages, set_aside


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
