"""The vector index: exact up to a size, approximate beyond it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.core.domain import FloatArray
from src.search.vector_index import VectorIndex, build_vector_index


def clustered(n: int, dimension: int = 32, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((60, dimension))
    found = middles[rng.integers(0, 60, n)] + 0.6 * rng.standard_normal((n, dimension))
    return np.asarray((found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16))


def exact_best(rows: FloatArray, vector: FloatArray, n: int) -> list[int]:
    return np.argsort(-(rows.astype(np.float32) @ vector), kind="stable")[:n].tolist()


def test_up_to_its_size_the_index_is_exact() -> None:
    rows = clustered(2_000)
    vectors = build_vector_index(rows)
    assert vectors.exact
    for at in range(0, 2_000, 100):
        query = rows[at].astype(np.float32)
        assert vectors.nearest(query, 10).tolist() == exact_best(rows, query, 10)


def test_beyond_its_size_almost_all_of_the_best_are_found() -> None:
    rows = clustered(4_000)
    vectors = build_vector_index(rows, exact_up_to=1_000)
    assert not vectors.exact
    found = []
    for at in range(0, 4_000, 40):
        query = rows[at].astype(np.float32)
        found.append(len(set(vectors.nearest(query, 10).tolist()) & set(exact_best(rows, query, 10))) / 10)
    assert np.mean(found) >= 0.97


@pytest.mark.parametrize("exact_up_to", [10_000, 100])
def test_a_loaded_index_finds_the_same(tmp_path: Path, exact_up_to: int) -> None:
    rows = clustered(1_000)
    vectors = build_vector_index(rows, exact_up_to=exact_up_to)
    vectors.save(tmp_path)
    loaded = VectorIndex.load(tmp_path, vectors.exact)
    for at in range(0, 1_000, 50):
        query = rows[at].astype(np.float32)
        assert loaded.nearest(query, 10).tolist() == vectors.nearest(query, 10).tolist()


@pytest.mark.parametrize("exact_up_to", [10_000, 100])
def test_rows_of_zeros_are_never_found(exact_up_to: int) -> None:
    rows = clustered(500)
    rows[::2] = 0
    vectors = build_vector_index(rows, exact_up_to=exact_up_to)
    assert np.all(vectors.nearest(rows[1].astype(np.float32), 100) % 2 == 1)


def test_an_index_of_nothing_finds_nothing() -> None:
    vectors = build_vector_index(np.zeros((4, 8), np.float16))
    assert len(vectors.nearest(np.ones(8, np.float32), 10)) == 0
