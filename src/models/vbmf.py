"""Variational Bayes matrix factorization: predicts ratings, and learns from them how much to believe of them.

A factorization whose biases and factors have normal priors; what is kept is the posterior mean. All variances are
learnt as well, so there is nothing to tune (Lim and Teh, "Variational Bayesian approach to movie rating prediction",
KDD Cup 2007). A user's prior mean is a sum over the products rated, and a product's over its users, as in SVD++ (Koren,
"Factorization meets the neighborhood", KDD 2008, equation 15): which products somebody rated says something, whatever
the ratings are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from src.core.settings import Settings
from src.interactions.interactions import TrainingData
from src.models.factorization import Factorization


@dataclass(frozen=True)
class VbmfParams:
    """factors: length of a factor vector; more than the ratings speak for come out as zeros. sweeps: over all users
    and all products.
    """

    rating_min: float
    rating_max: float
    factors: int = 8
    sweeps: int = 30

    @classmethod
    def of(cls, settings: Settings) -> VbmfParams:
        return cls(settings.rating_min, settings.rating_max, settings.vbmf_factors, settings.vbmf_sweeps)


@dataclass(frozen=True)
class Vbmf(Factorization):
    """A Factorization; biases and factors are differences from an average user and an average product."""

    PARAMS: ClassVar = VbmfParams


def train(data: TrainingData, params: VbmfParams, *, seed: int) -> Vbmf:
    """Fit to the ratings. Without any: no factors, and the middle of the scale for everybody."""
    ratings = data.ratings
    if not len(ratings):
        return Vbmf.of_no_rating(params, ratings)
    from src.models.kernels.vbmf_trainer import fit  # Numba never enters a process that serves

    return Vbmf.of(fit(ratings, factors=params.factors, sweeps=params.sweeps, seed=seed), params, ratings)
