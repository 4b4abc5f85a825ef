"""Transitions: which products follow a product in the histories of users, for events with times.

A pair of events of one user counts (1 + d)^-p, where d is the time between them in minutes; d = 0 for products of one
order. So what is done in one visit counts most, and no length of a break has to say where a visit ends. Of events with
a weight each counts the same: a product that was looked at beside another one says as much as a purchase of it. An
earlier product supports a later one by this, and a later one an earlier one by the share `backward` of it. The sums are
divided by powers of degrees, as those of co-occurrence. Item to item transitions with a decay by distance are the base
of sequential rules (Ludewig and Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018, equation
2) and of STAN (Garg et al., SIGIR 2019). A query stays a set of weighted products: the weights of its older events
decay by AISLE_HALF_LIFE_DAYS, if tuning finds it better so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from typing_extensions import override

from src.core.domain import NO_TIME, FloatArray, IntArray
from src.interactions.event_weights import ages_by_group, decay
from src.interactions.interactions import TrainingData
from src.models.item_graph import ItemGraph
from src.models.normalization import scale_columns

_MINUTE = 60
_WINDOW = 30
"""Events of a user after an event that it is paired with."""
_MOST_PAIRS = 60_000_000
"""Pairs of events that are counted; of very many events each is paired with fewer."""


@dataclass(frozen=True)
class TransitionsParams:
    """Parameters of transitions.

    Attributes:
        distance_exponent: p.
        backward: share of a transition that counts against the order of time.
        input_exponent: products of the history are weighted by degree^-input_exponent.
        output_exponent: scores are multiplied by degree^output_exponent.
        half_life_days: a pair whose later event is this many days before the newest of all counts half; 0: no decay.
    """

    distance_exponent: float = 1.0
    backward: float = 0.5
    input_exponent: float = 0.5
    output_exponent: float = -0.3
    half_life_days: float = 0.0

    @classmethod
    def of(cls, settings: object) -> TransitionsParams:
        """Return the defaults: no setting changes them."""
        return cls()


@dataclass(frozen=True)
class Transitions(ItemGraph):
    """Has the arrays and scores of ItemGraph."""

    PARAMS = TransitionsParams  # type: ignore[assignment]

    @override
    def describe(self) -> dict[str, int]:
        """Return the shapes: n_items and n_pairs."""
        return {"n_items": self.n_items, "n_pairs": len(self.data)}


def train(data: TrainingData, params: TransitionsParams, *, seed: int) -> Transitions:
    """Count the transitions between events with times.

    Args:
        data: events to learn from.
        params: see TransitionsParams.
        seed: not used.

    Returns:
        The model. Without times every score is 0.
    """
    n_items = len(data.items)
    steps = _steps_of(data, params.half_life_days)
    counts = csr_matrix((n_items, n_items), dtype=np.float32)
    for lag in range(1, min(_WINDOW, _MOST_PAIRS // max(len(steps.item), 1)) + 1):
        counts = counts + _at_lag(steps, lag, params, n_items)
    degree = np.maximum(np.asarray(data.histories.sum(axis=0)).ravel(), 1)
    counts.data *= np.repeat(degree**-params.input_exponent, np.diff(counts.indptr)).astype(np.float32)
    graph = scale_columns(counts, degree**params.output_exponent)
    return Transitions(
        params, graph.data.astype(np.float32), graph.indices.astype(np.int32), graph.indptr.astype(np.int64)
    )


@dataclass(frozen=True)
class _Steps:
    """Events with a time and a weight above 0, by user and time.

    Attributes:
        user: int[n].
        item: int[n].
        at: int64[n], UTC seconds.
        share: float64[n], what is left of a pair with this later event.
    """

    user: IntArray
    item: IntArray
    at: IntArray
    share: FloatArray


def _steps_of(data: TrainingData, half_life_days: float) -> _Steps:
    events = data.events
    rows = np.flatnonzero((events.at != NO_TIME) & (data.feedback.value > 0))
    rows = rows[np.lexsort((events.item_idx[rows], events.at[rows], events.user_idx[rows]))]
    user, at = events.user_idx[rows], events.at[rows]
    age = ages_by_group(np.zeros(len(rows), np.int8), at, 1)
    return _Steps(user, events.item_idx[rows], at, decay(age, half_life_days))


def _at_lag(steps: _Steps, lag: int, params: TransitionsParams, n_items: int) -> csr_matrix:
    """Return CSR [n_items, n_items], the pairs of events that are `lag` places apart."""
    earlier, later = slice(None, max(len(steps.item) - lag, 0)), slice(lag, None)
    pair = (steps.user[earlier] == steps.user[later]) & (steps.item[earlier] != steps.item[later])
    source, target = steps.item[earlier][pair], steps.item[later][pair]
    distance = (steps.at[later] - steps.at[earlier])[pair] / _MINUTE
    value = steps.share[later][pair] * (1.0 + distance) ** -params.distance_exponent
    back = np.where(distance == 0, value, params.backward * value)
    both = np.concatenate([value, back]), (np.concatenate([source, target]), np.concatenate([target, source]))
    return csr_matrix(both, shape=(n_items, n_items), dtype=np.float32)
