"""What ratings leave of a factorization's predictions, as a quadratic function of what a prediction rests on.

Ratings of shops are mostly the highest. A user who gives nothing else hardly differs between products, one who uses the
whole scale does, and a sum of biases and products of factors cannot say that. So a ridge regression on the predictions
of ratings that were held out adds what is usual there (stacking: Wolpert, "Stacked generalization", Neural Networks 5,
1992; for ratings, Jahrer, Töscher and Legenstein, "Combining predictions for accurate recommender systems", KDD 2010).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.core.mapped_arrays import mapped_arrays, save_arrays
from src.interactions.interactions import Interactions
from src.models.factorization import Factorization

_ARRAYS = ("mean", "deviation", "form", "user_spread", "item_spread")
_SHRINKAGE = 5.0
"""Ratings of the usual spread that those of a user or product are joined with."""
_FARTHEST = 4.0
"""Deviations from the mean beyond which a number counts as being there: a square grows without limit."""
_RIDGES = (100.0, 1_000.0, 10_000.0)
_GROUPS = 5
_SURE = 2.0
"""Standard errors that the squared error has to fall on held-out ratings that the correction did not learn from."""
_FEWEST = 1_000
_BLOCK = 100_000
"""Predictions that are corrected at a time: each takes some 300 bytes meanwhile."""


@dataclass(frozen=True)
class RatingCorrection:
    """The correction xᵀ · form · x, with x = (numbers of a prediction in units of their deviation, 1).

    The numbers are: the prediction, the biases of user and product, log(1 + n) of their ratings, and their spreads, the
    mean squared difference of their ratings from the mean of all, shrunk to the usual one.

    Attributes:
        mean: float32[7], of the numbers.
        deviation: float32[7], of the numbers.
        form: float32[8, 8], symmetric.
        user_spread: float32[n_users + 1]; the last is that of an unknown user.
        item_spread: float32[n_items + 1], the same.
    """

    mean: FloatArray
    deviation: FloatArray
    form: FloatArray
    user_spread: FloatArray
    item_spread: FloatArray

    def of(self, model: Factorization, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        """Say what is to be added to predictions.

        Args:
            model: whose predictions they are.
            user_idx: int[n], rows of the users; -1 is unknown.
            item_idx: int[n], rows of the products; -1 is unknown.

        Returns:
            float64[n].
        """
        added = np.empty(len(user_idx))
        for begin in range(0, len(user_idx), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            added[part] = self._of_block(model, user_idx[part], item_idx[part])
        return added

    def _of_block(self, model: Factorization, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        spreads = _Spreads(self.user_spread, self.item_spread)
        x = _with_one(_numbers(model, spreads, user_idx, item_idx), self.mean, self.deviation)
        return np.asarray(((x @ self.form.astype(np.float64)) * x).sum(axis=1))

    def for_ratings(self, ratings: Interactions) -> Self:
        """Return the same function with the spreads of other ratings."""
        spreads = _spreads(ratings)
        return replace(self, user_spread=spreads.of_users, item_spread=spreads.of_items)

    def save(self, folder: Path) -> None:
        """Write the arrays into the folder, which is made."""
        save_arrays(self, _ARRAYS, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        return cls(**mapped_arrays(folder, _ARRAYS))


class HeldOut(NamedTuple):
    """What models said of ratings that they did not learn from: float64[n, 7], and float64[n], the rest."""

    numbers: FloatArray
    rest: FloatArray


def held_out(model: Factorization, learnt: Interactions, test: Interactions) -> HeldOut:
    """Return what is known of held-out ratings.

    Args:
        model: The predictions.
        learnt: The ratings it was trained on.
        test: The ratings that were held out, over the same vocabularies.

    Returns:
        The numbers of the predictions, and the ratings minus the predictions.
    """
    numbers = _numbers(model, _spreads(learnt), test.user_idx, test.item_idx)
    return HeldOut(numbers, test.value - numbers[:, 0])


def learn_correction(found: list[HeldOut], ratings: Interactions, *, seed: int) -> RatingCorrection | None:
    """Learn a correction.

    Args:
        found: Of held-out ratings; each from a model that did not learn from them.
        ratings: Those that the corrected model was trained on.
        seed: Of the groups that choose how strongly it is drawn towards nothing.

    Returns:
        The correction; None where it is not sure to help.
    """
    numbers, rest = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if len(rest) < _FEWEST:
        return None
    mean, deviation = numbers.mean(axis=0), numbers.std(axis=0) + 1e-9
    terms = _terms(_with_one(numbers, mean, deviation))
    unit = np.append(terms[:, :-1].std(axis=0) + 1e-9, 1.0)
    terms /= unit
    group = np.random.default_rng(seed).integers(0, _GROUPS, len(rest))
    sums = _Sums.of(terms, rest, group)
    gains = {ridge: _gain(sums, terms, rest, group, ridge) for ridge in _RIDGES}
    ridge = max(gains, key=lambda each: gains[each].mean())
    if gains[ridge].mean() < _SURE * gains[ridge].std() / np.sqrt(len(rest)):
        return None
    size = len(mean) + 1
    form = np.zeros((size, size))
    form[np.triu_indices(size)] = sums.regression(ridge) / unit
    spreads = _spreads(ratings)
    return RatingCorrection(
        mean.astype(np.float32),
        deviation.astype(np.float32),
        ((form + form.T) / 2).astype(np.float32),
        spreads.of_users,
        spreads.of_items,
    )


class _Spreads(NamedTuple):
    of_users: FloatArray
    of_items: FloatArray


def _spreads(ratings: Interactions) -> _Spreads:
    square = (ratings.value - ratings.value.mean(dtype=np.float64)) ** 2
    usual = float(square.mean())

    def of(row: IntArray, n: int) -> FloatArray:
        total, count = np.bincount(row, square, minlength=n + 1), np.bincount(row, minlength=n + 1)
        return np.asarray((total + _SHRINKAGE * usual) / (count + _SHRINKAGE), np.float32)

    return _Spreads(of(ratings.user_idx, ratings.n_users), of(ratings.item_idx, ratings.n_items))


def _numbers(model: Factorization, spreads: _Spreads, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
    """Return float64[n, 7], what predictions rest on."""
    known_user, known_item = user_idx >= 0, item_idx >= 0
    columns = (
        model.plain_rate(user_idx, item_idx),
        _where(known_user, model.user_bias[user_idx]),
        _where(known_item, model.item_bias[item_idx]),
        np.log1p(_where(known_user, model.user_count[user_idx])),
        np.log1p(_where(known_item, model.item_count[item_idx])),
        spreads.of_users[user_idx],  # -1 is the last, that of an unknown user
        spreads.of_items[item_idx],
    )
    return np.stack(columns, axis=1).astype(np.float64)


def _where(known: BoolArray, value: FloatArray | IntArray) -> FloatArray:
    return np.asarray(np.where(known, value, 0), np.float64)


def _with_one(numbers: FloatArray, mean: FloatArray, deviation: FloatArray) -> FloatArray:
    """Return float64[n, 8], the numbers in units of their deviation, and 1."""
    units = np.clip((numbers - mean) / deviation, -_FARTHEST, _FARTHEST)
    return np.concatenate([units, np.ones((len(units), 1))], axis=1)


def _terms(x: FloatArray) -> FloatArray:
    """Return float64[n, 36], the products of all pairs of columns; the last is 1."""
    left, right = np.triu_indices(x.shape[1])
    return np.asarray(x[:, left] * x[:, right])


class _Sums(NamedTuple):
    """Of the ratings of each group: float64[groups, 36, 36], termsᵀ · terms; float64[groups, 36], termsᵀ · rest."""

    gram: FloatArray
    right: FloatArray

    @classmethod
    def of(cls, terms: FloatArray, rest: FloatArray, group: IntArray) -> _Sums:
        parts = [(terms[group == each], rest[group == each]) for each in range(_GROUPS)]
        return cls(np.array([own.T @ own for own, _ in parts]), np.array([own.T @ left for own, left in parts]))

    def regression(self, ridge: float, *, without: int | None = None) -> FloatArray:
        """Return float64[36], the slopes of a ridge that leaves the constant, the last, free. without: a group."""
        used = np.arange(_GROUPS) != without
        gram = self.gram[used].sum(axis=0)
        penalty = np.append(np.full(len(gram) - 1, ridge), 0.0)
        return np.asarray(np.linalg.solve(gram + np.diag(penalty), self.right[used].sum(axis=0)))


def _gain(sums: _Sums, terms: FloatArray, rest: FloatArray, group: IntArray, ridge: float) -> FloatArray:
    """Return float64[n], by how much each squared error falls if the other groups choose the correction."""
    slopes = np.array([sums.regression(ridge, without=each) for each in range(_GROUPS)])
    after = rest - (terms @ slopes.T)[np.arange(len(rest)), group]
    return np.asarray(rest**2 - after**2)
