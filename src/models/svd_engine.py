"""The trainer of SVD, on scikit-surprise. Imported while training only: serving needs the arrays and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from surprise import SVD, Dataset, Reader

from src.dataset.interactions import Interactions
from src.domain import FloatArray, IntArray

if TYPE_CHECKING:
    from src.models.svd import SvdParams


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


def fit(ratings: Interactions, params: SvdParams, seed: int) -> FittedSvd:
    """Train on at least one rating. The rows keep their order, so the result is what Surprise alone would give."""
    frame = pd.DataFrame({"user": ratings.user_idx, "item": ratings.item_idx, "rating": ratings.value})
    reader = Reader(rating_scale=(params.rating_min, params.rating_max))
    trainset = Dataset.load_from_df(frame, reader).build_full_trainset()
    algorithm = SVD(
        n_factors=params.factors,
        n_epochs=params.epochs,
        lr_all=params.learning_rate,
        reg_all=params.regularization,
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
