"""Trees as arrays predict as LightGBM does."""

from __future__ import annotations

import json

import lightgbm
import numpy as np
import pytest

from src.core.domain import FloatArray
from src.models.trees import MAX_LEAVES, Trees

N_FEATURES = 5


def booster(leaves: int, rounds: int, n: int = 3_000) -> lightgbm.Booster:
    rng = np.random.default_rng(leaves)
    features = rows(n)
    target = features[:, 0] * features[:, 1] + np.sin(3 * features[:, 2]) + rng.normal(0, 0.1, n)
    parameters = {"objective": "regression", "num_leaves": leaves, "min_data_in_leaf": 5, "verbose": -1, "seed": 1}
    return lightgbm.train(parameters, lightgbm.Dataset(features, target), rounds)


def rows(n: int) -> FloatArray:
    """Rows with values exactly at a threshold, and far outside of the training data."""
    table = np.random.default_rng(7).normal(0, 1, (n, N_FEATURES))
    table[:, 3] = np.round(table[:, 3])
    table[: n // 100] *= 1e6
    return table


@pytest.mark.parametrize(("leaves", "rounds"), [(2, 1), (7, 100), (31, 20), (MAX_LEAVES, 5)])
def test_trees_predict_what_lightgbm_predicts(leaves: int, rounds: int) -> None:
    theirs = booster(leaves, rounds)
    mine = Trees.of_dump(theirs.dump_model())
    np.testing.assert_allclose(mine.predict(rows(1_000)), theirs.predict(rows(1_000)), rtol=1e-9, atol=1e-9)


def test_a_row_on_a_threshold_goes_left() -> None:
    theirs = booster(7, 30)
    mine = Trees.of_dump(theirs.dump_model())
    on_thresholds = np.zeros((mine.threshold.size, N_FEATURES))
    on_thresholds[np.arange(mine.threshold.size), mine.feature.ravel()] = mine.threshold.ravel()
    np.testing.assert_allclose(mine.predict(on_thresholds), theirs.predict(on_thresholds), rtol=1e-9, atol=1e-9)


def test_trees_without_a_split_say_the_same_of_everything() -> None:
    features, target = np.zeros((50, 2)), np.arange(50.0)
    theirs = lightgbm.train({"objective": "regression", "verbose": -1}, lightgbm.Dataset(features, target), 3)
    mine = Trees.of_dump(theirs.dump_model())
    np.testing.assert_allclose(mine.predict(np.ones((4, 2))), theirs.predict(np.ones((4, 2))))


def test_no_rows_have_no_scores() -> None:
    assert Trees.of_dump(booster(7, 3).dump_model()).predict(np.zeros((0, N_FEATURES))).shape == (0,)


def test_trees_come_back_from_json_as_they_were() -> None:
    mine = Trees.of_dump(booster(MAX_LEAVES, 4).dump_model())
    again = Trees.from_json(json.loads(json.dumps(mine.to_json())))
    np.testing.assert_array_equal(again.predict(rows(500)), mine.predict(rows(500)))


def test_a_split_that_is_no_threshold_is_refused() -> None:
    leaf = {"leaf_value": 1.0}
    node = {"split_feature": 0, "threshold": "1||2", "decision_type": "==", "left_child": leaf, "right_child": leaf}
    with pytest.raises(ValueError, match="'=='"):
        Trees.of_dump({"tree_info": [{"tree_structure": node}]})
