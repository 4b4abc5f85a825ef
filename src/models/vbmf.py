"""VBMF: variational Bayesian matrix factorization, which predicts ratings and learns its own regularization.

Biases and factors have normal priors; the model stores the posterior means. All variances are learnt too, so that
nothing has to be tuned (Lim and Teh, "Variational Bayesian approach to movie rating prediction", KDD Cup 2007). The
prior mean of a user is a sum over the products the user rated, and that of a product a sum over its users, as in SVD++
(Koren, "Factorization meets the neighborhood", KDD 2008, equation 15): which products a user rates carries information
beyond the ratings.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from src.core.settings import RatingScale
from src.interactions.interactions import TrainingData
from src.models.factorization import Factorization

if TYPE_CHECKING:  # serving must not import Numba
    from src.models.kernels.vbmf_trainer import Posteriors

_CONTINUED_SWEEPS = 3
"""Passes from the posteriors of an earlier part of the same ratings."""


@dataclass(frozen=True)
class VbmfParams:
    """Parameters of VBMF.

    Attributes:
        rating_min: lowest rating of the scale.
        rating_max: highest rating of the scale.
        factors: length of a factor vector; factors that the ratings do not support come out as zeros.
        sweeps: passes over all users and products.
    """

    rating_min: float
    rating_max: float
    factors: int = 8
    sweeps: int = 30

    @classmethod
    def of(cls, settings: VbmfSettings) -> VbmfParams:
        """Return the parameters that the settings ask for."""
        return cls(settings.rating_min, settings.rating_max, settings.vbmf_factors, settings.vbmf_sweeps)


class VbmfSettings(RatingScale):
    """Settings of VBMF."""

    vbmf_factors: int = Field(VbmfParams.factors, ge=1, le=200, description="VBMF: length of a factor vector.")
    vbmf_sweeps: int = Field(VbmfParams.sweeps, ge=1, le=1000, description="VBMF: passes over all ratings.")


@dataclass(frozen=True)
class Vbmf(Factorization):
    """A Factorization whose biases and factors are differences from an average user and an average product.

    Attributes:
        posteriors: what another training can continue from; None once it was saved.
    """

    PARAMS: ClassVar = VbmfParams

    posteriors: Posteriors | None = field(default=None, repr=False, compare=False)


def train(data: TrainingData, params: VbmfParams, *, seed: int, start: Vbmf | None = None) -> Vbmf:
    """Train on the ratings.

    Args:
        data: events to learn from.
        params: see VbmfParams.
        seed: of the initial factors.
        start: trained with the same parameters on other events of the same users and products, to continue with a few
            sweeps; None to begin at random.

    Returns:
        The model. Without ratings it has no factors and predicts the middle of the scale.
    """
    ratings = data.ratings
    if not len(ratings):
        return Vbmf.without_ratings(params, ratings)
    from src.models.kernels.vbmf_trainer import fit  # not at the top: serving must not import Numba

    before = start.posteriors if start is not None and start.user_factors.shape[0] == ratings.n_users else None
    sweeps = params.sweeps if before is None else min(_CONTINUED_SWEEPS, params.sweeps)
    fitted = fit(ratings, factors=params.factors, sweeps=sweeps, seed=seed, start=before)
    return replace(Vbmf.of(fitted, params, ratings), posteriors=fitted.posteriors)
