"""Train the trees that order the heads of lists: LambdaMART, by LightGBM, for binary relevance and NDCG@k."""

from __future__ import annotations

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.models.model_kind import Unavailable
from src.models.trees import Trees

_ROUNDS, _LEAVES, _LEARNING_RATE = 100, 7, 0.05
"""Small trees: they combine a few component scores, and are trained on a single season of the shop."""
_MAX_MIN_ROWS_PER_LEAF = 1_000


def unavailable() -> Unavailable | None:
    """Return why LightGBM cannot be imported on this machine; None if it can."""
    try:
        import lightgbm  # noqa: F401
    except (ImportError, OSError) as error:
        return Unavailable(f"lists are not ranked by trees: the library lightgbm was not loaded ({error}).")
    return None


def train_list_trees(features: FloatArray, relevant: BoolArray, length: IntArray, *, k: int, seed: int) -> Trees:
    """Train trees that sort lists for NDCG@k (Burges, "From RankNet to LambdaRank to LambdaMART", 2010).

    Args:
        features: float64[n, n_features], the rows of all lists one after another.
        relevant: bool[n].
        length: int64[n_lists], number of rows of each list. Lists whose rows are all relevant, or none, do not
            contribute.
        k: cut-off of NDCG.
        seed: of LightGBM.

    Returns:
        The trees.
    """
    import lightgbm  # not at the top: serving must not import it

    parameters = {
        "objective": "lambdarank",
        "lambdarank_truncation_level": k + 5,
        "num_leaves": _LEAVES,
        "learning_rate": _LEARNING_RATE,
        "min_data_in_leaf": int(np.clip(len(features) // 100, 1, _MAX_MIN_ROWS_PER_LEAF)),
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbose": -1,
    }
    labels = lightgbm.Dataset(features, relevant.astype(np.int32), group=length, free_raw_data=False)
    return Trees.of_dump(lightgbm.train(parameters, labels, _ROUNDS).dump_model())
