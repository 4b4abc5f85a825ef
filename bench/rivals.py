"""Tune and fit one model of another library; runs in .venv-bench.

    python -m bench.rivals FOLDER NAME SECONDS      NAME: popularity, als, itemknn or ease

It reads tuning.npz and final.npz (see `bench.exchange`), runs a random search by NDCG on the first, and fits the best
parameters on the second, which has no relevant products. It writes FOLDER/NAME.npz, lists int32[m, k]: "masked" without
products that the user has and "free" with them; and FOLDER/NAME.json, the chosen parameters.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.sparse import csr_matrix

from bench.exchange import FINAL, TUNING, Task, ndcg
from src.core.domain import FloatArray, IntArray

_USERS_PER_BLOCK = 512
Score = Callable[[IntArray], FloatArray]
"""Users → float[n, n_items]; NaN where the model has no score."""
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Rival:
    """A model of another library.

    Attributes:
        fit: trains on float32 CSR [n_users, n_items] with parameters.
        default: parameters that are tried first: the library's, or for EASE those of the paper's smallest data set.
        draw: draws other parameters at random.
    """

    fit: Callable[[csr_matrix, Params], Score]
    default: Params
    draw: Callable[[np.random.Generator], Params]


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _als(matrix: csr_matrix, params: Params) -> Score:
    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # implicit starts its own threads
        model = AlternatingLeastSquares(**params, random_state=1)
        model.fit(matrix, show_progress=False)
    return lambda users: model.user_factors[users] @ model.item_factors.T


def _draw_als(rng: np.random.Generator) -> Params:
    return {
        "factors": round(_log_uniform(rng, 16, 256)),
        "regularization": _log_uniform(rng, 0.001, 100),
        "alpha": _log_uniform(rng, 0.5, 100),
        "iterations": round(_log_uniform(rng, 5, 30)),
    }


def _itemknn(matrix: csr_matrix, params: Params) -> Score:
    import pandas as pd
    from lenskit.data import ItemList, RecQuery, from_interactions_df
    from lenskit.knn import ItemKNNScorer

    pairs = matrix.tocoo()
    data = from_interactions_df(pd.DataFrame({"user_id": pairs.row, "item_id": pairs.col}))
    model = ItemKNNScorer(feedback="implicit", **params)
    model.train(data)
    catalogue = ItemList(item_ids=np.arange(matrix.shape[1]))

    def score(users: IntArray) -> FloatArray:
        histories = (ItemList(item_ids=matrix[user].indices) for user in users.tolist())
        return np.stack([model(RecQuery(user_items=history), catalogue).scores() for history in histories])

    return score


def _draw_itemknn(rng: np.random.Generator) -> Params:
    return {
        "max_nbrs": round(_log_uniform(rng, 3, 1000)),
        "min_sim": _log_uniform(rng, 1e-6, 0.2),
        "save_nbrs": None if rng.random() < 0.5 else round(_log_uniform(rng, 20, 2000)),
    }


def _ease(matrix: csr_matrix, params: Params) -> Score:
    """Fit EASE: Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8."""
    gram = (matrix.T @ matrix).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += params["ridge"]
    inverse = dpotri(dpotrf(gram, overwrite_a=True)[0], overwrite_c=True)[0]  # the upper triangle
    inverse = np.triu(inverse) + np.triu(inverse, 1).T
    weights = (-inverse / np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return lambda users: matrix[users] @ weights


def _unscored(matrix: csr_matrix, params: Params) -> Score:
    """Return no scores, so that every list is the popular one."""
    return lambda users: np.full((len(users), matrix.shape[1]), np.nan, np.float32)


RIVALS: dict[str, Rival] = {
    "popularity": Rival(_unscored, {}, lambda rng: {}),
    "als": Rival(_als, {"factors": 100, "regularization": 0.01, "alpha": 1.0, "iterations": 15}, _draw_als),
    "itemknn": Rival(_itemknn, {"max_nbrs": 20, "min_sim": 1e-6, "save_nbrs": None}, _draw_itemknn),
    "ease": Rival(_ease, {"ridge": 250.0}, lambda rng: {"ridge": _log_uniform(rng, 1, 10_000)}),
}


def _fitted(rival: Rival, task: Task, weights: str, params: Params) -> Score:
    """Fit a rival; its scores are NaN for users without a pair of positive weight."""
    matrix = task.matrix(weights)
    score, n_pairs = rival.fit(matrix, params), np.diff(matrix.indptr)

    def of_users(users: IntArray) -> FloatArray:
        scores = np.array(score(users), dtype=np.float64)
        scores[n_pairs[users] == 0] = np.nan
        return scores

    return of_users


def make_lists(score: Score, task: Task, *, masked: bool) -> IntArray:
    """Make a list for every query user; products without a score follow by popularity.

    Args:
        score: scores of known users.
        task: query users, and the products that they have.
        masked: whether to leave out products that the user has.

    Returns:
        int32[m, k]; users without training events get the popular list.
    """
    popular, seen = task.popular(), task.seen()
    popularity_rank = np.empty(task.n_items)
    popularity_rank[popular] = np.arange(task.n_items) / task.n_items  # 0 to 1, the most popular first
    lists = np.tile(popular[: task.k].astype(np.int32), (len(task.query_users), 1))
    known = np.flatnonzero(task.query_users >= 0)
    for start in range(0, len(known), _USERS_PER_BLOCK):
        rows = known[start : start + _USERS_PER_BLOCK]
        users = task.query_users[rows]
        scores = score(users)
        finite = np.isfinite(scores)
        scores = np.where(finite, scores, scores.min(where=finite, initial=0) - 1 - popularity_rank)
        if masked:
            scores[seen[users].nonzero()] = -np.inf
        best = np.argpartition(-scores, task.k - 1, axis=1)[:, : task.k]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        lists[rows] = np.take_along_axis(best, order, axis=1)
    return lists


def _search(rival: Rival, task: Task, seconds: float) -> dict[str, Any]:
    """Try the default with each kind of weights, then random parameters until time is up; return the best."""
    rng, started, trials = np.random.default_rng(0), time.monotonic(), []
    names = list(task.weights)
    while not trials or (time.monotonic() - started < seconds and rival.default):
        is_default = len(trials) < len(names)
        weights = names[len(trials)] if is_default else names[rng.integers(len(names))]
        params = rival.default if is_default else rival.draw(rng)
        lists = make_lists(_fitted(rival, task, weights, params), task, masked=True)
        trials.append({"ndcg": float(np.nanmean(ndcg(lists, task.truth))), "weights": weights, "params": params})
    best = max(trials, key=lambda trial: trial["ndcg"])
    return {**best, "trials": len(trials), "seconds": round(time.monotonic() - started, 1)}


def main(arguments: list[str]) -> int:
    folder, name, seconds = Path(arguments[0]), arguments[1], float(arguments[2])
    warnings.simplefilter("ignore")  # the libraries' advice on threads, repeated at every fit
    rival = RIVALS[name]
    best = _search(rival, Task.load(folder / f"{TUNING}.npz"), seconds)
    task = Task.load(folder / f"{FINAL}.npz")
    started = time.monotonic()
    score = _fitted(rival, task, best["weights"], best["params"])
    best["fit_seconds"] = round(time.monotonic() - started, 2)
    lists = {"masked": make_lists(score, task, masked=True), "free": make_lists(score, task, masked=False)}
    np.savez(folder / f"{name}.npz", **lists)
    (folder / f"{name}.json").write_text(json.dumps(best), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
