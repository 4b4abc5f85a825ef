"""SVD: matrix factorization that predicts ratings, trained by stochastic gradient descent.

The algorithm is that of scikit-surprise, run compiled or as it is. The model stores plain arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from src.core.settings import RatingScale
from src.interactions.interactions import TrainingData
from src.models.factorization import Factorization

Engine: TypeAlias = Literal["numba", "surprise"]


@dataclass(frozen=True)
class SvdParams:
    """Parameters of SVD, with Surprise's names in brackets.

    Attributes:
        rating_min: lowest rating of the scale.
        rating_max: highest rating of the scale.
        factors: length of a factor vector (n_factors).
        epochs: passes over all ratings (n_epochs).
        learning_rate: step size (lr_all).
        regularization: weight of the squared norms (reg_all).
        engine: "numba" for the compiled loop, "surprise" for Surprise's own.
    """

    rating_min: float
    rating_max: float
    factors: int = 100
    epochs: int = 20
    learning_rate: float = 0.005
    regularization: float = 0.02
    engine: Engine = "numba"

    @classmethod
    def of(cls, settings: SvdSettings) -> SvdParams:
        """Return the parameters that the settings ask for."""
        return cls(
            settings.rating_min,
            settings.rating_max,
            settings.svd_factors,
            settings.svd_epochs,
            settings.svd_learning_rate,
            settings.svd_regularization,
            settings.svd_engine,
        )


class SvdSettings(RatingScale):
    """Settings of SVD."""

    svd_factors: int = Field(SvdParams.factors, ge=1, le=2000, description="SVD: length of a factor vector.")
    svd_epochs: int = Field(SvdParams.epochs, ge=1, le=1000, description="SVD: passes over all ratings.")
    svd_learning_rate: float = Field(
        SvdParams.learning_rate, gt=0, description="SVD: step size of the stochastic gradient."
    )
    svd_regularization: float = Field(
        SvdParams.regularization, ge=0, description="SVD: weight of the squared norms in the loss."
    )
    svd_engine: Engine = Field(
        SvdParams.engine, description="SVD: the compiled loop, or scikit-surprise's own, which is slower."
    )


@dataclass(frozen=True)
class Svd(Factorization):
    """A Factorization whose mean is the mean of all ratings."""

    PARAMS: ClassVar = SvdParams


def train(data: TrainingData, params: SvdParams, *, seed: int) -> Svd:
    """Train on the ratings with params.engine; the seed is of the initial factors.

    Without ratings the model has no factors and predicts the middle of the scale.
    """
    ratings = data.ratings
    if not len(ratings):
        return Svd.without_ratings(params, ratings)
    # Not at the top: serving must import neither Surprise nor Numba.
    from src.models.kernels.svd_trainer import SgdOptions, fit

    options = SgdOptions(params.factors, params.epochs, params.learning_rate, params.regularization, params.engine)
    fitted = fit(ratings, (params.rating_min, params.rating_max), options, seed=seed)
    return Svd.of(fitted, params, ratings)
