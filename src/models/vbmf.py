"""VBMF: variational Bayesian matrix factorization, which predicts ratings and learns its own regularization.

Biases and factors have normal priors; the model stores the posterior means. All variances are learnt too, so that
nothing has to be tuned (Lim and Teh, "Variational Bayesian approach to movie rating prediction", KDD Cup 2007). The
prior mean of a user is a sum over the products the user rated, and that of a product a sum over its users, as in SVD++
(Koren, "Factorization meets the neighborhood", KDD 2008, equation 15): which products a user rates carries information
beyond the ratings.

What the scale of ratings makes of users who give one of them only is learnt from held-out ratings, see
`rating_correction`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import Field
from typing_extensions import override

from src.core.domain import BoolArray, FloatArray, IntArray
from src.core.settings import RatingScale
from src.interactions.interactions import Interactions, TrainingData
from src.models.factorization import Factorization
from src.models.rating_correction import HeldOut, RatingCorrection, held_out, learn_correction

if TYPE_CHECKING:  # serving must not import Numba
    from src.models.kernels.vbmf_trainer import FittedVbmf, Posteriors

_CONTINUED_SWEEPS = 3
"""Passes from the posteriors of an earlier part of the same ratings."""
_FOLDS = 5
_ENOUGH_HELD_OUT = 100_000
"""Held-out ratings that a correction is learnt from; folds that are not needed for so many are not held out."""
_MANY_HELD_OUT = 20
"""Times as many ratings as are enough to hold out, from which the model itself is trained without them."""
_MOST_OF = 0.5
"""Share of the ratings that an earlier training has to have had for its correction to stay."""
_CORRECTION = "correction"


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
        correction: of predicted ratings; None where none is sure to help. Lists are sorted without it.
    """

    PARAMS: ClassVar = VbmfParams

    posteriors: Posteriors | None = field(default=None, repr=False, compare=False)
    correction: RatingCorrection | None = field(default=None, repr=False, compare=False)

    @override
    def rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        rating = self.plain_rate(user_idx, item_idx)
        if self.correction is None:
            return rating
        corrected = rating + self.correction.of(self, user_idx, item_idx)
        return np.clip(corrected, self.params.rating_min, self.params.rating_max)

    @override
    def save(self, folder: Path) -> None:
        super().save(folder)
        if self.correction is not None:
            self.correction.save(folder / _CORRECTION)

    @classmethod
    @override
    def load(cls, folder: Path) -> Self:
        is_corrected = (folder / _CORRECTION).is_dir()
        return replace(
            super().load(folder), correction=RatingCorrection.load(folder / _CORRECTION) if is_corrected else None
        )


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
    run = partial(fit, factors=params.factors, seed=seed)
    if start is not None and start.user_count.sum() >= _MOST_OF * len(ratings):
        model = _model(run(ratings, sweeps=sweeps, start=before), params, ratings)
        return model if start.correction is None else replace(model, correction=start.correction.for_ratings(ratings))
    if data.sampled_from is not None:  # a training on all users continues from it, and learns its own correction
        return _model(run(ratings, sweeps=sweeps, start=before), params, ratings)
    if len(ratings) < _MANY_HELD_OUT * _ENOUGH_HELD_OUT:
        model = _model(run(ratings, sweeps=sweeps, start=before), params, ratings)
        found = _of_folds(ratings, run, params, seed)
    else:
        part = _parts_of(ratings, len(ratings) // _ENOUGH_HELD_OUT, seed)
        learnt, test = _divided(ratings, part == 0)
        fitted = run(learnt, sweeps=sweeps, start=before)
        found = [held_out(_model(fitted, params, learnt), learnt, test)]
        before = fitted.posteriors
        del fitted, learnt  # another 300 MB of eight million ratings
        model = _model(run(ratings, sweeps=1, start=before), params, ratings)
    return replace(model, correction=learn_correction(found, ratings, seed=seed) if found else None)


def _model(fitted: FittedVbmf, params: VbmfParams, ratings: Interactions) -> Vbmf:
    return replace(Vbmf.of(fitted, params, ratings), posteriors=fitted.posteriors)


def _of_folds(ratings: Interactions, run: partial[FittedVbmf], params: VbmfParams, seed: int) -> list[HeldOut]:
    """Return what is known of ratings that are held out in turn; nothing where a fold is empty.

    The models of the folds are trained as the whole is: with a third of the sweeps, or on half of the ratings, what is
    left of their predictions is not what is left of those to be corrected.
    """
    found: list[HeldOut] = []
    part = _parts_of(ratings, _FOLDS, seed)
    for fold in range(_FOLDS):
        learnt, test = _divided(ratings, part == fold)
        if not len(learnt) or not len(test):
            return []
        found.append(held_out(Vbmf.of(run(learnt, sweeps=params.sweeps), params, learnt), learnt, test))
        if sum(len(part.rest) for part in found) >= _ENOUGH_HELD_OUT:
            break
    return found


def _parts_of(ratings: Interactions, n: int, seed: int) -> IntArray:
    """Return int64[n_ratings], a part from 0 to n - 1 for each; all ratings of one user and product are in one part.

    One of several would name the others.
    """
    pairs, pair = np.unique(ratings.pairs, return_inverse=True)
    return np.asarray(np.random.default_rng(seed).integers(0, n, len(pairs))[pair])


def _divided(ratings: Interactions, is_held_out: BoolArray) -> tuple[Interactions, Interactions]:
    """Return the ratings that stay, and those that are held out: bool[n_ratings]."""
    return ratings.take(np.flatnonzero(~is_held_out)), ratings.take(np.flatnonzero(is_held_out))
