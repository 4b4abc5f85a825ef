"""Weights of the models of a sum: coordinate ascent on a table of their scores."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from src.core.domain import BoolArray, FloatArray
from src.models import ALS, AUTOENCODER, CO_OCCURRENCE, ITEM_GRAPH, SPECTRAL, TRANSITIONS
from src.tuning.hyperparameter_search import Clock
from src.tuning.objective import ComponentScores

_STEPS = (0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0, 1.5)
_MAX_ROUNDS = 4
FEWEST_USERS, _PROBED_USERS = 3_000, 500
"""Users that weights are found on however little time there is, if there are so many."""
_TURNS_PER_MODEL = 12
"""How often the ascents, and leaving models out after them, try all steps of a model."""
KNOWN_SUM = {CO_OCCURRENCE: 1.0, SPECTRAL: 0.6, ALS: 0.3, ITEM_GRAPH: 0.5, AUTOENCODER: 0.3, TRANSITIONS: 0.5}
"""A start for the weights: sums like this one are good on data of many kinds."""
_MIN_GAIN = 1e-5
_SURE = 1.0
"""Standard errors that a model beside those of the known sum has to bring. On few users the best of many steps is
better than 0 by chance, and a weight of popularity found so lifts what is known above what is new. Models of the known
sum are exempt: that several of them are better than one is known from elsewhere, and few users could not show it."""


class TunedWeights(NamedTuple):
    """Weights in units of the models' scales, those of 0 left out, and the mean NDCG@k of their lists."""

    weights: dict[str, float]
    ndcg: float


def best_weights(
    scores: ComponentScores,
    starts: Sequence[Mapping[str, float]] = (),
    without: str | None = None,
    clock: Clock | None = None,
) -> TunedWeights:
    """Choose the weights of models by the best of several coordinate ascents.

    In turn, each weight is set to the step that gives the best lists, until a round brings no gain. The starts are the
    best single model and those given. At last models that are not sure to make lists better are left out, but for those
    of a sum that is known to.

    Args:
        scores: component scores of the models, in units of their scales.
        starts: weights to start from.
        without: a model whose weight stays 0.
        clock: a sample of the users is used where the ascent would take longer than what it has left; None for all.

    Returns:
        The weights.
    """
    everybody = scores if clock is None else _in_time(scores, clock)
    told_apart = np.flatnonzero(everybody.relevant.any(axis=1))  # the lists of the others are worth 0 by any weights
    scores = everybody.of_users(told_apart) if len(told_apart) else everybody
    allowed = np.array([name != without for name in scores.names])
    single = [scores.ndcg(alone) if alone @ allowed else -1.0 for alone in np.eye(len(allowed))]
    given = [np.array([start.get(name, 0.0) for name in scores.names]) * allowed for start in starts]
    first = [np.eye(len(allowed))[int(np.argmax(single))], *(weights for weights in given if weights.any())]
    weights = max((_ascent(scores, weights, allowed) for weights in first), key=scores.ndcg)
    weights = _surely_better(scores, weights, allowed)
    return TunedWeights(
        {name: float(w) for name, w in zip(scores.names, weights, strict=True) if w}, everybody.ndcg(weights)
    )


def _in_time(scores: ComponentScores, clock: Clock) -> ComponentScores:
    """Return the scores of as many users as an ascent has time for, but of some at least."""
    order = np.random.default_rng(0).permutation(len(scores.item))
    probe = scores.of_users(order[:_PROBED_USERS])
    first = scores.of_users(order[:1])
    _turn(first, first.score[0], 0)  # loads what is compiled
    started = time.perf_counter()
    _turn(probe, probe.score[0], 0)
    seconds = (time.perf_counter() - started) / len(probe.item) * _TURNS_PER_MODEL * len(scores.names)  # of one user
    n = max(int(clock.left / max(seconds, 1e-9)), FEWEST_USERS)
    return scores if n >= len(order) else scores.of_users(np.sort(order[:n]))


def _turn(scores: ComponentScores, rest: FloatArray, at: int) -> FloatArray:
    """Return float[n_steps], the mean NDCG@k by each step of a model beside the sum of the others."""
    ndcg = scores.ndcg_of_steps(rest, scores.score[at], np.array(_STEPS, np.float32))
    return np.asarray(ndcg.mean(axis=0))


def _ascent(scores: ComponentScores, weights: FloatArray, allowed: BoolArray) -> FloatArray:
    """Return the weights at which no single step of an allowed model makes better lists."""
    best, total = scores.ndcg(weights), scores.total(weights)
    for _ in range(_MAX_ROUNDS):
        before = best
        for at in np.flatnonzero(allowed).tolist():
            others = np.where(np.arange(len(weights)) == at, 0, weights)
            if not others.any():
                continue
            rest = total - np.float32(weights[at]) * scores.score[at] if weights[at] else total
            ndcg = _turn(scores, rest, at)
            if ndcg.max() > best + _MIN_GAIN:
                best, weights = float(ndcg.max()), others
                weights[at] = _STEPS[ndcg.argmax()]
                total = scores.total(weights)
        if best - before < _MIN_GAIN:
            break
    return weights


def _surely_better(scores: ComponentScores, weights: FloatArray, allowed: BoolArray) -> FloatArray:
    """Leave out the model whose weight is the least sure to make lists better, until those in doubt are sure to."""
    doubted = np.array([name not in KNOWN_SUM for name in scores.names])
    while np.count_nonzero(weights) > 1 and (weights * doubted).any():
        whole, surest = scores.ndcg_of(scores.total(weights)), {}
        for at in np.flatnonzero(weights * doubted).tolist():
            gain = whole - scores.ndcg_of(scores.total(np.where(np.arange(len(weights)) == at, 0, weights)))
            surest[at] = float(gain.mean() / max(gain.std() / np.sqrt(len(gain)), 1e-12))
        least = min(surest, key=lambda at: surest[at])
        if surest[least] >= _SURE:
            break
        allowed = allowed & (np.arange(len(weights)) != least)
        weights = _ascent(scores, weights * allowed, allowed)
    return weights
