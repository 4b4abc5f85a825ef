from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.core.mapped_arrays import set_aside


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
