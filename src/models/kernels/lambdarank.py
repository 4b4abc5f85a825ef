"""Learn an order from lists of which it is known what was liked: LambdaMART, by LightGBM."""

from __future__ import annotations

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.models.trees import Trees

_ROUNDS, _LEAVES, _LEARNING_RATE = 100, 7, 0.05
"""Small trees: what they are asked is how to weigh a few opinions, and they see one season of the shop."""
_LARGEST_LEAST_LEAF = 1_000


def missing() -> str:
    """What keeps LightGBM from being loaded here; empty if nothing does."""
    try:
        import lightgbm  # noqa: F401
    except (ImportError, OSError) as error:
        return f"lists are not ranked by trees: the library lightgbm was not loaded ({error})."
    return ""


def train_lambdarank(features: FloatArray, relevant: BoolArray, length: IntArray, *, k: int, seed: int) -> Trees:
    """Trees that sort lists for NDCG@k (Burges, "From RankNet to LambdaRank to LambdaMART", 2010).

    features: float64[n, n_features], the rows of all lists one after another. relevant: bool[n]. length:
    int64[n_lists], how many rows each list has; lists without anything relevant, or with nothing else, teach nothing.
    """
    import lightgbm  # never in a process that serves

    parameters = {
        "objective": "lambdarank",
        "lambdarank_truncation_level": k + 5,
        "num_leaves": _LEAVES,
        "learning_rate": _LEARNING_RATE,
        "min_data_in_leaf": int(np.clip(len(features) // 100, 1, _LARGEST_LEAST_LEAF)),
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbose": -1,
    }
    labels = lightgbm.Dataset(features, relevant.astype(np.int32), group=length, free_raw_data=False)
    return Trees.of_dump(lightgbm.train(parameters, labels, _ROUNDS).dump_model())
