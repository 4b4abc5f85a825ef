"""Training of SVD: Surprise's algorithm with a compiled loop. Serving never imports this module.

There are two orders of ratings. "surprise" goes user by user in one thread, from Surprise's starting values; the result
is that of Surprise. "blocks" cuts the matrix into stripes of users and of products, and threads learn from blocks that
share neither (Gemulla et al., "Large-scale matrix factorization with distributed stochastic gradient descent", KDD
2011, section 4): without locks or races, and with the same result for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

import numpy as np
from surprise import SVD
from surprise.utils import get_rng

from src.core.all_cores import n_cores
from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import Interactions
from src.models.factorization import FittedFactors
from src.models.kernels.compile import compiled, map_in_threads
from src.models.kernels.svd_blocks import N_STRIPES, Blocks
from src.models.kernels.svd_trainset import ArrayTrainset, RatingRows

Engine = Literal["numba", "surprise"]
Order = Literal["auto", "surprise", "blocks"]
BLOCKS_FROM = 500_000
"""Order "auto" takes blocks from this many ratings on; with fewer, a training takes a few seconds at most."""
_ROWS_PER_DRAW = 1 << 14
_N_QUANTILES = 1 << 16


class CompiledSVD(SVD):  # type: ignore[misc]
    """Drop-in replacement of Surprise's SVD, several times faster.

    Args:
        args: of Surprise's SVD.
        precision: of factors and of the arithmetic.
        order: see above; "auto" chooses by the number of ratings.
        n_threads: for blocks; None for all cores.
        n_user_rows: rows to keep room for behind the factors of users, for `place_rows`.
        kwargs: of Surprise's SVD.
    """

    def __init__(
        self,
        *args: Any,
        precision: Literal["float32", "float64"] = "float32",
        order: Order = "auto",
        n_threads: int | None = None,
        n_user_rows: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.precision, self.order, self.n_threads, self.n_user_rows = precision, order, n_threads, n_user_rows

    def sgd(self, trainset: Any) -> None:
        """Set pu[n_users, f], qi[n_items, f], bu[n_users] and bi[n_items], of the dtype `precision`."""
        rows = RatingRows.of(trainset)
        in_blocks = self.order == "blocks" or (self.order == "auto" and len(rows) >= BLOCKS_FROM)
        (self._descend_in_blocks if in_blocks else self._descend_in_order)(rows)

    def _descend_in_order(self, rows: RatingRows) -> None:
        rng = get_rng(self.random_state)
        self.bu, self.bi = np.zeros(rows.n_users, self.precision), np.zeros(rows.n_items, self.precision)
        self.pu, self.qi = self._surprise_start(rng, rows.n_users), self._surprise_start(rng, rows.n_items)
        rating = rows.rating.astype(self.precision)
        for epoch in range(self.n_epochs):
            self._print_epoch(epoch)
            self._learn(rows.user, rows.item, rating, self.qi, self.bi)

    def _descend_in_blocks(self, rows: RatingRows) -> None:
        blocks = Blocks.of(rows, self.precision)
        seed = get_rng(self.random_state).randint(0, 2**31, size=4).tolist()
        self.bu, item_bias = np.zeros(rows.n_users, self.precision), np.zeros(rows.n_items, self.precision)
        with _pool(self.n_threads) as pool:
            self.pu = self._random_start([*seed, 0], rows.n_users, pool, max(rows.n_users, self.n_user_rows))
            item_factors = self._random_start([*seed, 1], rows.n_items, pool)

            def learn(part: slice) -> None:
                ratings = (blocks.user[part], blocks.item[part], blocks.rating[part])
                self._learn(*ratings, item_factors, item_bias)

            for epoch in range(self.n_epochs):
                self._print_epoch(epoch)
                for turn in blocks.turns():
                    map_in_threads(learn, turn, pool)
        self.qi, self.bi = item_factors[blocks.item_place], item_bias[blocks.item_place]

    def _learn(
        self, user: IntArray, item: IntArray, rating: FloatArray, item_factors: FloatArray, item_bias: FloatArray
    ) -> None:
        """Run one pass over these ratings; factors and biases are changed."""
        mean = self.trainset.global_mean if self.biased else 0.0
        rates = [self.lr_bu, self.lr_bi, self.lr_pu, self.lr_qi] if self.biased else [0, 0, self.lr_pu, self.lr_qi]
        numbers = [mean, *rates, self.reg_bu, self.reg_bi, self.reg_pu, self.reg_qi]
        constants = np.array(numbers, self.precision)  # Python floats would make everything float64
        _descend(user, item, rating, Factors(self.pu, item_factors, self.bu, item_bias), constants)

    def _surprise_start(self, rng: np.random.RandomState, n: int) -> FloatArray:
        """Return Surprise's starting values, float[n, n_factors], without holding all of them as float64."""
        drawn = np.empty((n, self.n_factors), self.precision)
        for start in range(0, n, _ROWS_PER_DRAW):
            part = drawn[start : start + _ROWS_PER_DRAW]
            part[:] = rng.normal(self.init_mean, self.init_std_dev, part.shape)
        return drawn

    def _random_start(
        self, seed: list[int], n: int, pool: ThreadPoolExecutor | None, n_rows: int | None = None
    ) -> FloatArray:
        """Return starting values of the same distribution, drawn in threads, each part from a stream of its own.

        RandomState would need half the time of a whole training.

        Args:
            seed: of the streams.
            n: rows to return.
            pool: threads.
            n_rows: rows to take memory for; None for n.
        """
        drawn = np.empty((n_rows or n, self.n_factors), self.precision)[:n]
        normal = [NormalDist().inv_cdf((at + 0.5) / _N_QUANTILES) for at in range(_N_QUANTILES)]
        quantiles = (self.init_mean + self.init_std_dev * np.array(normal)).astype(self.precision)

        def fill(start: int) -> None:
            state = np.random.SeedSequence([*seed, start]).generate_state(1, np.uint64)
            _draw(drawn[start : start + _ROWS_PER_DRAW].reshape(-1), quantiles, state)

        map_in_threads(fill, range(0, n, _ROWS_PER_DRAW), pool)
        return drawn

    def _print_epoch(self, epoch: int) -> None:
        if self.verbose:
            print(f"Processing epoch {epoch}")


@contextmanager
def _pool(n_threads: int | None) -> Iterator[ThreadPoolExecutor | None]:
    n = min(n_threads or n_cores(), N_STRIPES)
    if n == 1:
        yield None
    else:
        with ThreadPoolExecutor(n) as pool:
            yield pool


class Factors(NamedTuple):
    """Surprise's arrays: factors float[n_users, f] and float[n_items, f], biases float[n_users] and float[n_items]."""

    pu: FloatArray
    qi: FloatArray
    bu: FloatArray
    bi: FloatArray


@compiled
def _descend(user: IntArray, item: IntArray, rating: FloatArray, factors: Factors, constants: FloatArray) -> None:
    """Run one pass over these ratings; factors are changed. The arithmetic is that of `surprise.SVD.sgd`.

    constants: float[9], the mean, then the rates and then the regularizations of bu, bi, pu, qi.
    """
    pu, qi, bu, bi = factors.pu, factors.qi, factors.bu, factors.bi
    mean, lr_bu, lr_bi, lr_pu, lr_qi = constants[0], constants[1], constants[2], constants[3], constants[4]
    reg_bu, reg_bi, reg_pu, reg_qi = constants[5], constants[6], constants[7], constants[8]
    n_factors = pu.shape[1]
    for row in range(len(user)):
        u, i = user[row], item[row]
        p, q = pu[u], qi[i]
        dot = mean - mean  # a zero of the factors' dtype
        for f in range(n_factors):
            dot += q[f] * p[f]
        err = rating[row] - (mean + bu[u] + bi[i] + dot)
        bu[u] += lr_bu * (err - reg_bu * bu[u])
        bi[i] += lr_bi * (err - reg_bi * bi[i])
        for f in range(n_factors):
            puf, qif = p[f], q[f]
            p[f] += lr_pu * (err * qif - reg_pu * puf)
            q[f] += lr_qi * (err * puf - reg_qi * qif)


@compiled
def _draw(values: FloatArray, quantiles: FloatArray, state: IntArray) -> None:
    """Fill values[n] with random ones of the 65,536 quantiles, four for each number of SplitMix64.

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 17.
    """
    counter, bits = state[0], state[0]
    for at in range(len(values)):
        if at % 4 == 0:
            counter += np.uint64(0x9E3779B97F4A7C15)
            bits = (counter ^ (counter >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            bits ^= bits >> np.uint64(31)
        values[at] = quantiles[bits & np.uint64(0xFFFF)]
        bits >>= np.uint64(16)


@compiled
def place_rows(table: FloatArray, place: IntArray) -> None:
    """Move the first rows of a table to their places in it, and set the others to 0, without a second table.

    Args:
        table: float[n, f], changed.
        place: int64[m], the new number of each of the first m rows; all differ.
    """
    n_rows, n_columns = table.shape
    is_taken, is_target = np.zeros(n_rows, np.bool_), np.zeros(n_rows, np.bool_)
    carried, found = np.empty(n_columns, table.dtype), np.empty(n_columns, table.dtype)
    for first in range(len(place)):
        is_target[place[first]] = True
        if is_taken[first]:
            continue
        carried[:] = table[first]
        is_taken[first] = True
        to = place[first]
        while to < len(place) and not is_taken[to]:
            found[:] = table[to]
            table[to] = carried
            carried[:] = found
            is_taken[to] = True
            to = place[to]
        table[to] = carried
    for row in range(n_rows):
        if not is_target[row]:
            table[row] = 0


@dataclass(frozen=True)
class SgdOptions:
    """Hyperparameters and execution options of `fit`.

    Attributes:
        factors: length of a factor vector.
        epochs: passes over all ratings.
        learning_rate: step size.
        regularization: weight of the squared norms.
        engine: "numba" for the compiled loop, "surprise" for Surprise's own.
    """

    factors: int
    epochs: int
    learning_rate: float
    regularization: float
    engine: Engine = "numba"


def fit(ratings: Interactions, rating_scale: tuple[float, float], options: SgdOptions, *, seed: int) -> FittedFactors:
    """Train on ratings in the order of their rows.

    Args:
        ratings: at least one.
        rating_scale: (lowest, highest) rating.
        seed: of the initial factors.

    Returns:
        The factors; those of Surprise itself with the engine "surprise", and below BLOCKS_FROM ratings.
    """
    trainset = ArrayTrainset(ratings, rating_scale)
    begin: Callable[..., SVD] = (
        SVD if options.engine == "surprise" else partial(CompiledSVD, n_user_rows=ratings.n_users)
    )
    algorithm = begin(
        n_factors=options.factors,
        n_epochs=options.epochs,
        lr_all=options.learning_rate,
        reg_all=options.regularization,
        random_state=seed,
    ).fit(trainset)
    user_row, user_factors, user_bias = trainset.users.row, algorithm.pu, algorithm.bu
    room = user_factors.base if options.engine == "numba" else None
    if room is not None:  # a copy would take as much again
        place_rows(room, user_row)
        bias = np.zeros(ratings.n_users, user_bias.dtype)
        bias[user_row] = user_bias
        user_row, user_factors, user_bias = np.arange(ratings.n_users), room, bias
    return FittedFactors(
        user_idx=user_row,
        item_idx=trainset.items.row,
        user_factors=user_factors,
        user_bias=user_bias,
        item_factors=algorithm.qi,
        item_bias=algorithm.bi,
        mean=float(trainset.global_mean),
    )
