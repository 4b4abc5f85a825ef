"""What another way of making lists would have earned, from lists with places that were drawn at random. Pure.

The item-position model (Li and others, "Offline evaluation of ranking policies with click models", 2018): what is
expected of a place depends on the user's context, the product and the place, and not on the other products. Estimators
are inverse propensity scores (IPS), the same normalised at each place (SNIPS; Swaminathan and Joachims, "The
self-normalized estimator for counterfactual learning", 2015) and doubly robust (DR; Dudík and others, "Doubly robust
policy evaluation and optimization", 2014).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import stdtrit

from src.core.domain import BoolArray, FloatArray, IntArray, JsonDict
from src.evaluation.sequential_tests import LEAST_OUTCOMES

ESTIMATORS = ("ips", "snips", "dr")
_UPPER = 0.975
"""Probability below the upper end of an interval of 95 %."""
_PRIOR = 5.0
"""Outcomes that pull the effect of a product towards 1."""


@dataclass(frozen=True)
class LoggedPlaces:
    """Places of lists, one row each.

    Attributes:
        of_list: int[p], the list, from 0.
        position: int[p], from 0.
        shown: int[p], the product shown there.
        propensity: float[p], the probability with which it was.
        target: int[p], the product that the other way would have shown there.
        target_propensity: float[p], the probability with which that one was shown there, above 0.
        cluster: int[n_lists], equal for lists of one user.
    """

    of_list: IntArray
    position: IntArray
    shown: IntArray
    propensity: FloatArray
    target: IntArray
    target_propensity: FloatArray
    cluster: IntArray

    @property
    def n_lists(self) -> int:
        """Number of lists."""
        return len(self.cluster)


@dataclass(frozen=True)
class ListValue:
    """An estimate of what a list earns, with a 95 % interval.

    Attributes:
        value: Outcomes of a list.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class OutcomeEstimates:
    """Estimates for one outcome, such as clicks.

    Attributes:
        outcomes: Number of outcomes in the log.
        effective_outcomes: How many outcomes of lists of the other way would say as much, as calculated from what
            comes of its products and how often the log shows them: of a realised sample size a place that never
            matched would be missing.
        effective_places: The sum of the weights, squared, over the sum of their squares (Kish).
        needed: How many times as much log is needed; 1 or less if there is enough.
        estimates: estimator → what a list of the other way earns; empty where the log is too thin.
        served: What a list earns as it is made without chance, by DR; None where the log is too thin.
        lift: Other way over served, less 1, by DR; None where the log is too thin.
    """

    outcomes: int
    effective_outcomes: float
    effective_places: float
    needed: float | None
    estimates: dict[str, ListValue]
    served: ListValue | None
    lift: ListValue | None

    def to_json(self) -> JsonDict:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Influence:
    """An estimate and how much each list moves it: float[n_lists] with mean 0."""

    value: float
    moves: FloatArray


def estimate(places: LoggedPlaces, served: IntArray, happened: BoolArray) -> OutcomeEstimates:
    """Estimate what the other way earns.

    Args:
        places: The log.
        served: int[p], what the lists would have shown without chance.
        happened: bool[p], whether the outcome came of the place.

    Returns:
        The estimates; none if fewer than LEAST_OUTCOMES effective outcomes speak for them.
    """
    reward = happened.astype(np.float64)
    weight = np.where(places.shown == places.target, 1 / places.propensity, 0.0)
    effective = _effective_outcomes(places, reward)
    needed = LEAST_OUTCOMES / effective if effective else None
    figures = (int(reward.sum()), effective, _kish(weight), needed)
    base_weight = np.where(places.shown == served, 1 / places.propensity, 0.0)
    if effective < LEAST_OUTCOMES:
        return OutcomeEstimates(*figures, {}, None, None)
    target_dr, base = _doubly_robust(places, reward, (places.target, weight), (served, base_weight))
    other = {"ips": _ips(places, weight, reward), "snips": _snips(places, weight, reward), "dr": target_dr}
    intervals = {name: _interval(each, places.cluster) for name, each in other.items()}
    values = {name: each for name, each in intervals.items() if each is not None}
    return OutcomeEstimates(
        *figures, values, _interval(base, places.cluster), _ratio(other["dr"], base, places.cluster)
    )


def _effective_outcomes(places: LoggedPlaces, reward: FloatArray) -> float:
    """Return the expected outcomes of the other way, squared, over the second moment of what IPS sums."""
    if not reward.any():
        return 0.0
    rate, effect = _predictor(places, reward, np.ones(len(reward), np.bool_))
    expected = np.minimum(1.0, rate[places.position] * effect[places.target])
    return float(expected.sum() ** 2 / (expected / places.target_propensity).sum())


def _kish(weighted: FloatArray) -> float:
    total, squares = float(weighted.sum()), float(weighted @ weighted)
    return total**2 / squares if squares else 0.0


def _per_list(places: LoggedPlaces, of_place: FloatArray) -> FloatArray:
    summed: FloatArray = np.bincount(places.of_list, of_place, places.n_lists).astype(np.float64)
    return summed


def _ips(places: LoggedPlaces, weight: FloatArray, reward: FloatArray) -> _Influence:
    earned = _per_list(places, weight * reward)
    return _Influence(float(earned.mean()), earned - earned.mean())


def _snips(places: LoggedPlaces, weight: FloatArray, reward: FloatArray) -> _Influence:
    """Divide by the sum of the weights at each place instead of its expectation, the number of lists that have it."""
    n_there = np.bincount(places.position)
    at_place = np.bincount(places.position, weight)
    rate = np.bincount(places.position, weight * reward) / np.maximum(at_place, 1e-12)
    # The jackknife: without the place, the rate of its position would move by its weighted residual over the other
    # weights there. Linearised, with its own weight among them, this is too small where few places match.
    others = np.maximum(at_place[places.position] - weight, weight)
    residual = weight * (n_there[places.position] / np.maximum(others, 1e-12)) * (reward - rate[places.position])
    expected = _per_list(places, rate[places.position])
    moves = _per_list(places, residual) + expected - expected.mean()
    return _Influence(float(expected.mean()), moves)


def _doubly_robust(
    places: LoggedPlaces, reward: FloatArray, *wanted_and_weight: tuple[IntArray, FloatArray]
) -> list[_Influence]:
    """Predict outcomes by place and product, and correct the prediction by what was seen, for each way of lists."""
    earned = np.empty((len(wanted_and_weight), len(reward)))
    fold = places.cluster[places.of_list] % 2 == 0
    for own in (fold, ~fold):  # a prediction must not know the outcomes that it is corrected by
        rate, effect = _predictor(places, reward, ~own)
        usual, got = rate[places.position[own]], reward[own]
        missed = got - np.minimum(1.0, usual * effect[places.shown[own]])
        for row, (wanted, weight) in zip(earned, wanted_and_weight, strict=True):
            row[own] = np.minimum(1.0, usual * effect[wanted[own]]) + weight[own] * missed
    by_list = (_per_list(places, row) for row in earned)
    return [_Influence(float(each.mean()), each - each.mean()) for each in by_list]


def _predictor(places: LoggedPlaces, reward: FloatArray, among: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the rate of each position, and how many times as often a product's outcome comes."""
    position, shown, got = places.position[among], places.shown[among], reward[among]
    n_positions = int(places.position.max()) + 1
    n_products = int(max(places.shown.max(), places.target.max())) + 1
    rate = np.bincount(position, got, n_positions) / np.maximum(1, np.bincount(position, minlength=n_positions))
    expected = np.bincount(shown, rate[position], n_products)
    return rate, (np.bincount(shown, got, n_products) + _PRIOR) / (expected + _PRIOR)


def _half_width(moves: FloatArray, cluster: IntArray) -> float:
    """Return the half-width of a 95 % interval for a mean over lists, those of one user depending on each other.

    Where few users carry the variance its estimate is uncertain, too: the quantile is Student's, with the effective
    number of users (Kish, of the squared moves) less 1 as its degrees of freedom. That is at most what Satterthwaite's
    approximation gives for independent users (1946, "An approximate distribution of estimates of variance components";
    for clusters Imbens and Kolesár 2016, "Robust standard errors in small samples").
    """
    squares = np.bincount(cluster, moves) ** 2
    total, n_users = float(squares.sum()), int(np.count_nonzero(np.bincount(cluster)))
    if not total:
        return 0.0
    freedom = max(1.0, total**2 / float(squares @ squares) - 1)
    error = math.sqrt(total * n_users / max(1, n_users - 1)) / len(moves)
    return float(stdtrit(freedom, _UPPER)) * error


def _interval(found: _Influence, cluster: IntArray) -> ListValue | None:
    """Return the estimate with its interval, by its logarithm, which is nearer to a normal distribution."""
    if found.value <= 0:
        return None
    half = _half_width(found.moves, cluster) / found.value
    return ListValue(found.value, found.value * math.exp(-half), found.value * math.exp(half))


def _ratio(other: _Influence, base: _Influence, cluster: IntArray) -> ListValue | None:
    if min(other.value, base.value) <= 0:
        return None
    ratio = other.value / base.value
    half = _half_width(other.moves / other.value - base.moves / base.value, cluster)
    return ListValue(ratio - 1, ratio * math.exp(-half) - 1, ratio * math.exp(half) - 1)
