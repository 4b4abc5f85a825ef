"""The parts that the scores of items are sums of."""

from __future__ import annotations

from dataclasses import dataclass

from src.core.domain import FloatArray


@dataclass(frozen=True)
class ScoreTerm:
    """One addend of the scores of m items.

    Attributes:
        model: name of the component model; None for the scored model itself.
        weight: factor of `score` in the sum.
        score: float[m], in units that are comparable between users; 0 where the component has no score.
    """

    model: str | None
    weight: float
    score: FloatArray


@dataclass(frozen=True)
class Contributions:
    """The scores of m items, as sums of terms.

    Attributes:
        terms: the addends.
        total: float[m], their sum, before any re-ranking.
        is_reranked: whether the displayed scores may be permuted in comparison with `total`.
    """

    terms: tuple[ScoreTerm, ...]
    total: FloatArray
    is_reranked: bool = False
