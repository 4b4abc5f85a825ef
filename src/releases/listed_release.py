"""A release as one row of a list."""

from __future__ import annotations

from dataclasses import dataclass

from src.core.domain import JsonDict


@dataclass(frozen=True)
class Listed:
    """A release in a list, by its manifest alone; only loading it verifies every byte.

    Attributes:
        version: Its name.
        is_current: Whether it serves.
        is_previous: Whether it served last before the current one.
        pinned: Whether it is current and no training may replace it.
        created_at: ISO 8601; None if the manifest cannot be read.
        default_model: The model whose lists it serves; None likewise.
        ndcg_at_10: NDCG@10 of these lists; None if not measured.
        n_bytes: Size on disk without the manifest; None likewise.
        gate_sentence: The gate's verdict for people; empty if not recorded.
        problem: Why the manifest cannot be read; empty if it can.
        made_up: Whether it was trained on the synthetic shop.
        gate: The gate's verdict as JSON; None if not recorded.
    """

    version: str
    is_current: bool
    is_previous: bool
    pinned: bool
    created_at: str | None = None
    default_model: str | None = None
    ndcg_at_10: float | None = None
    n_bytes: int | None = None
    gate_sentence: str = ""
    problem: str = ""
    made_up: bool = False
    gate: JsonDict | None = None
