"""SVD: predicts ratings by biases and factors learnt with stochastic gradient descent.

The algorithm is scikit-surprise's, compiled or as it is; only arrays are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from src.core.settings import Settings
from src.interactions.interactions import TrainingData
from src.models.factorization import Factorization

if TYPE_CHECKING:
    from src.models.kernels.svd_trainer import Engine


@dataclass(frozen=True)
class SvdParams:
    """Surprise's names in brackets: factors (n_factors), epochs (n_epochs), learning_rate (lr_all),
    regularization (reg_all). engine: "numba", the compiled loop, or "surprise", its own.
    """

    rating_min: float
    rating_max: float
    factors: int = 100
    epochs: int = 20
    learning_rate: float = 0.005
    regularization: float = 0.02
    engine: Engine = "numba"

    @classmethod
    def of(cls, settings: Settings) -> SvdParams:
        return cls(
            settings.rating_min,
            settings.rating_max,
            settings.svd_factors,
            settings.svd_epochs,
            settings.svd_learning_rate,
            settings.svd_regularization,
            settings.svd_engine,
        )


@dataclass(frozen=True)
class Svd(Factorization):
    """A Factorization; its mean is that of all ratings."""

    PARAMS: ClassVar = SvdParams


def train(data: TrainingData, params: SvdParams, *, seed: int) -> Svd:
    """Fit by params.engine. Without any rating: no factors, and the middle of the scale for everybody."""
    ratings = data.ratings
    if not len(ratings):
        return Svd.of_no_rating(params, ratings)
    from src.models.kernels.svd_trainer import fit  # neither Surprise nor Numba enters a process that serves

    fitted = fit(
        ratings,
        rating_scale=(params.rating_min, params.rating_max),
        factors=params.factors,
        epochs=params.epochs,
        learning_rate=params.learning_rate,
        regularization=params.regularization,
        seed=seed,
        engine=params.engine,
    )
    return Svd.of(fitted, params, ratings)
