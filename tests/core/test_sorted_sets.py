"""Sorted sets equal numpy's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from src.core.sorted_sets import distinct, is_in, without

numbers = st.lists(st.integers(-3, 12)).map(lambda values: np.array(values, np.int64))


@given(numbers, numbers)
def test_they_are_those_of_numpy(some: np.ndarray, others: np.ndarray) -> None:
    assert distinct(some).tolist() == np.unique(some).tolist()
    assert is_in(some, others).tolist() == np.isin(some, others).tolist()
    assert without(some, others).tolist() == np.setdiff1d(some, others).tolist()
