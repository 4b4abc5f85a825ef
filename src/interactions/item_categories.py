"""The categories of products as a sparse matrix, for models that learn from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import category_names


@dataclass(frozen=True)
class ItemCategories:
    """Category membership of every product.

    Attributes:
        member: float32 CSR [n_items, n_categories], 1 where a product is in a category of any level.
    """

    member: csr_matrix

    @classmethod
    def of(cls, categories: Iterable[str | None]) -> ItemCategories | None:
        """Return the matrix of the products' Product.category, in the order of row numbers; None without any."""
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
