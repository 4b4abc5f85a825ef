"""Which categories products are in, as a sparse matrix: what a catalogue tells models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import category_names


@dataclass(frozen=True)
class ItemCategories:
    """member: float32 CSR [n_items, n_categories], 1 where a product is in a category, however wide or narrow."""

    member: csr_matrix

    @classmethod
    def of(cls, categories: Iterable[str | None]) -> ItemCategories | None:
        """Of every product's Product.category, in the order of their row numbers; None where none has one."""
        number: dict[str, int] = {}
        pointers: list[int] = [0]
        columns: list[int] = []
        for category in categories:
            names = [] if category is None else category_names(category)
            columns += [number.setdefault(name, len(number)) for name in names]
            pointers.append(len(columns))
        if not number:
            return None
        ones = np.ones(len(columns), np.float32)
        return cls(csr_matrix((ones, columns, pointers), shape=(len(pointers) - 1, len(number))))
