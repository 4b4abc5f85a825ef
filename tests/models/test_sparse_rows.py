"""Sums over rows of a sparse matrix are those of the whole product, in small catalogues and in large ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import random_array

from src.models.sparse_rows import entries_of, sums_at, sums_by_column


@pytest.mark.parametrize("n_columns", [12, 5_000])
@pytest.mark.parametrize("n_rows", [0, 1, 4])
def test_sums_are_those_of_the_product(n_columns: int, n_rows: int) -> None:
    rng = np.random.default_rng(n_columns + n_rows)
    matrix = random_array((30, n_columns), density=40 / (30 * n_columns), format="csr", rng=rng)
    rows, weight = rng.choice(30, n_rows, replace=False), rng.random(n_rows)
    product = weight @ matrix.toarray()[rows]
    entries = entries_of(rows, weight, matrix.indptr)
    column, value = matrix.indices[entries.at], matrix.data[entries.at] * entries.weight
    wanted = rng.integers(0, n_columns, 50)
    np.testing.assert_allclose(sums_at(column, value, wanted, n_columns), product[wanted], rtol=1e-6)
    columns, sums = sums_by_column(column, value, n_columns)
    np.testing.assert_array_equal(columns, np.unique(column))
    np.testing.assert_allclose(sums, product[columns])
