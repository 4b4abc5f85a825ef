"""Train the list ranker: trees that order the heads of lists better than the weighted sum, if they prove to.

They are trained on lists of an older held-out part and tested on those of the newer one. Tested on other users of the
same weeks they would look much better than they are: features such as popularity nearly identify a product, so that
trees remember which products sold in those weeks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray, JsonDict
from src.core.messages import message
from src.evaluation.metrics import estimates
from src.interactions.interactions import TrainingData
from src.interactions.splits import held_out
from src.models import MODELS, POPULARITY, TRENDING
from src.models.base import ListModel
from src.models.kernels import lambdarank
from src.recommendation.ensemble import scales_of
from src.recommendation.ensemble_config import EnsembleConfig, fit_models
from src.recommendation.list_ranker import LearnedOrder, ages_of, head_of, list_features
from src.tuning.hyperparameter_search import Search
from src.tuning.objective import ComponentScores, Objective

_CHEAP = (POPULARITY, TRENDING)
"""Models whose scores are one array read, so that the trees may use them even at weight 0."""
_MIN_LISTS = 200
"""Fewest users with a liked product in the head of their list, in either part; fewer would teach the trees noise."""


class TrainingRows(NamedTuple):
    """Arguments of `lambdarank.train_list_trees`."""

    features: FloatArray
    relevant: BoolArray
    length: IntArray


@dataclass(frozen=True)
class ListHeads:
    """Heads of the lists of one held-out part.

    Attributes:
        scores: component scores for all users.
        total: float32[n_users, m], their weighted sum; NaN beyond the last item.
        head: bool[n_users, m], what the trees order.
        features: float64[head.sum(), n_features], row by row.
    """

    scores: ComponentScores
    total: FloatArray
    head: BoolArray
    features: FloatArray

    @classmethod
    def of(
        cls,
        objective: Objective,
        models: Mapping[str, ListModel],
        config: EnsembleConfig,
        train: TrainingData,
        seed: int,
    ) -> ListHeads:
        """Compute the heads for the users of an objective.

        Args:
            objective: of the held-out part.
            models: trained on `train`.
            config: has the weights of the models.
            train: the training part.
            seed: of the models' scales.

        Returns:
            The heads.
        """
        scores, scales = objective.component_scores(models), scales_of(models, train, seed=seed)
        scaled = {name: scores.score[at] / np.float32(scales[name]) for at, name in enumerate(scores.names)}
        total = np.zeros(scores.item.shape, np.float32)
        for name, weight in config.weights.items():
            total += np.float32(weight) * scaled[name]
        total[scores.item < 0] = np.nan
        history, age = objective.queries.history, ages_of(train)
        head = head_of(total, _nonzero_at(history, scores.item) | (age[scores.item] < 0))
        rows, columns = np.nonzero(head)
        features = list_features(
            total[rows, columns],
            [scaled[name][rows, columns] for name in component_names(config, models)],
            np.diff(history.indptr)[rows],
            age[scores.item[rows, columns]],
        )
        return cls(scores, total, head, features)

    @property
    def is_informative(self) -> BoolArray:
        """bool[n_users], whether a list's head holds a relevant item."""
        return np.asarray((self.scores.relevant & self.head).any(axis=1))

    def training_rows(self) -> TrainingRows:
        """Return the informative lists, one after another."""
        informative = self.is_informative
        of_rows = np.repeat(informative, self.head.sum(axis=1))
        relevant = self.scores.relevant[self.head]
        return TrainingRows(self.features[of_rows], relevant[of_rows], self.head.sum(axis=1)[informative])

    def gain(self, order: LearnedOrder) -> FloatArray:
        """Return float[n_users], NDCG@k of the lists in this order minus that of the weighted sum."""
        ordered = np.full(self.total.shape, -np.inf, np.float32)
        ordered[self.head] = order.trees.predict(self.features)
        by_sum = np.where(np.isnan(self.total), -np.inf, self.total)
        return self.scores.ndcg_of(ordered) - self.scores.ndcg_of(by_sum)


def _nonzero_at(matrix: Any, items: IntArray) -> BoolArray:
    """Return bool, of the shape of items int[n, m], whether a CSR matrix [n, n_items] is not zero there."""
    rows = np.repeat(np.arange(len(items)), items.shape[1])
    return np.asarray(matrix[rows, np.maximum(items, 0).ravel()] > 0).reshape(items.shape) & (items >= 0)


def component_names(config: EnsembleConfig, models: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the models whose scores the trees read: those of the weighted sum, and those that are cheap to score.

    Args:
        models: by name, in the order in which the result names them.
    """
    return tuple(name for name in models if config.weights.get(name) or name in _CHEAP)


class ListRankerResult(NamedTuple):
    """The order that the trees learned, None without one, and a summary for the manifest."""

    order: LearnedOrder | None
    summary: JsonDict


def train_list_ranker(search: Search, config: EnsembleConfig, models: Mapping[str, ListModel]) -> ListRankerResult:
    """Train the trees on the older part, test them on the newer one, then train them on both.

    This costs another training of all models, on the older part.

    Args:
        search: the context of the tuning; its split is by time.
        config: weights and parameters of the models.
        models: trained on search.split.train.

    Returns:
        The order, if the 95 % interval of its gain on the newer part is above 0.
    """
    if (n := len(search.objective.queries)) < _MIN_LISTS or len(search.split.train) < _MIN_LISTS:
        return _too_few(n)
    older = _older_heads(search, config, models)
    if older is None:
        return ListRankerResult(None, {"not tried": "nobody in the older part liked anything new"})
    newer = ListHeads.of(search.objective, models, config, search.split.train, search.seed)
    fewest = min(int(older.is_informative.sum()), int(newer.is_informative.sum()))
    if fewest < _MIN_LISTS:
        return _too_few(fewest)
    k, seed = search.objective.k, search.seed
    trees = lambdarank.train_list_trees(*older.training_rows(), k=k, seed=seed)
    order = LearnedOrder(component_names(config, models), trees)
    gain = estimates({"gain": newer.gain(order)})["gain"]
    summary: JsonDict = {"gain": [round(v, 5) for v in (gain.value, gain.low, gain.high)], "kept": gain.low > 0}
    if gain.low <= 0:
        return ListRankerResult(None, summary)
    both = [np.concatenate(parts) for parts in zip(older.training_rows(), newer.training_rows(), strict=True)]
    return ListRankerResult(replace(order, trees=lambdarank.train_list_trees(*both, k=k, seed=seed)), summary)


def _older_heads(search: Search, config: EnsembleConfig, models: Mapping[str, ListModel]) -> ListHeads | None:
    """Split search.split.train again, train on its older part; None without a user to test by."""
    split = held_out(search.split.train)
    popular = MODELS[POPULARITY].train(split.train, config.params[POPULARITY], seed=search.seed)
    relevant_rating, k = search.objective.relevant_rating, search.objective.k
    objective = Objective.of(split, popular.order, relevant_rating=relevant_rating, k=k, seed=search.seed)
    if objective is None:
        return None
    search.reporter.step(message("step.ranking_heads"))
    params = {name: config.params[name] for name in models}
    older_models = fit_models(split.train, params, search.seed, search.reporter)
    return ListHeads.of(objective, older_models, config, split.train, search.seed)


def _too_few(n: int) -> ListRankerResult:
    return ListRankerResult(None, {"not tried": f"{n} lists to learn from or to judge by; expected {_MIN_LISTS}"})
