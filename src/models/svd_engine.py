"""The trainer of SVD, on scikit-surprise. Imported while training only: serving needs the arrays and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from surprise import SVD, Dataset, Reader

from src.dataset.interactions import Interactions
from src.domain import FloatArray, IntArray


@dataclass(frozen=True)
class FittedSvd:
    """What training found for the users and items that have a rating: row i of the arrays belongs to user_idx[i]
    (int64) and item_idx[i]; factors float32[m, f], biases float32[m]; mean: of all ratings."""

    user_idx: IntArray
    item_idx: IntArray
    user_factors: FloatArray
    item_factors: FloatArray
    user_bias: FloatArray
    item_bias: FloatArray
    mean: float


def fit(
    ratings: Interactions,
    *,
    rating_scale: tuple[float, float],
    factors: int,
    epochs: int,
    learning_rate: float,
    regularization: float,
    seed: int,
) -> FittedSvd:
    """Train on at least one rating; rating_scale is (lowest, highest).

    The rows keep their order, so the result is what Surprise alone would give.
    """
    frame = pd.DataFrame({"user": ratings.user_idx, "item": ratings.item_idx, "rating": ratings.value})
    reader = Reader(rating_scale=rating_scale)
    trainset = Dataset.load_from_df(frame, reader).build_full_trainset()
    algorithm = SVD(
        n_factors=factors,
        n_epochs=epochs,
        lr_all=learning_rate,
        reg_all=regularization,
        random_state=seed,
    ).fit(trainset)
    return FittedSvd(
        user_idx=np.array([trainset.to_raw_uid(inner) for inner in range(trainset.n_users)], dtype=np.int64),
        item_idx=np.array([trainset.to_raw_iid(inner) for inner in range(trainset.n_items)], dtype=np.int64),
        user_factors=algorithm.pu.astype(np.float32),
        item_factors=algorithm.qi.astype(np.float32),
        user_bias=algorithm.bu.astype(np.float32),
        item_bias=algorithm.bi.astype(np.float32),
        mean=float(trainset.global_mean),
    )
