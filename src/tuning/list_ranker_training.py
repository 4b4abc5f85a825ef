"""Whether trees put the heads of lists in a better order than the blended sum.

They are learnt from lists of an older held-out part and judged on the newer one. Judged on other users of the same
weeks they would look much better than they are: features such as popularity all but name a product, and so trees
remember what those very weeks brought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray, JsonDict
from src.core.settings import Settings
from src.evaluation.metrics import estimates
from src.interactions.interactions import TrainingData
from src.interactions.splits import held_out
from src.models import MODELS, POPULARITY, TRENDING
from src.models.base import ListModel
from src.models.kernels import lambdarank
from src.recommendation.ensemble import scales_of
from src.recommendation.ensemble_config import EnsembleConfig, fit_models
from src.recommendation.list_ranker import LearnedOrder, ages_of, features_of, head_of
from src.tuning.hyperparameter_search import Search
from src.tuning.objective import ComponentScores, Objective

_CHEAP = (POPULARITY, TRENDING)
"""Models whose scores are one array read, so that the trees may use them even at weight 0."""
_FEWEST_LISTS = 200
"""With anything liked at their head, in either part: fewer teach trees what is chance."""


@dataclass(frozen=True)
class Lists:
    """Heads of lists of one held-out part. opinions: of everybody. total: float32[n_users, m], the blended scores.
    head: bool[n_users, m], what is put in order. features: float64[head.sum(), n_features], row by row.
    """

    opinions: ComponentScores
    total: FloatArray
    head: BoolArray
    features: FloatArray

    @classmethod
    def of(
        cls, judge: Objective, models: Mapping[str, ListModel], recipe: EnsembleConfig, train: TrainingData, seed: int
    ) -> Lists:
        """The lists of models trained on `train` for the users of the judge."""
        names, opinions = names_of(recipe, models), judge.opinions(models)
        scales = scales_of(models, train, seed=seed)
        scaled = {name: opinions.score[at] / np.float32(scales[name]) for at, name in enumerate(opinions.names)}
        total = np.zeros(opinions.item.shape, np.float32)
        for name, weight in recipe.weights.items():
            total += np.float32(weight) * scaled[name]
        total[opinions.item < 0] = np.nan
        history, age = judge.queries.history, ages_of(train)
        head = head_of(total, _at(history, opinions.item) | (age[opinions.item] < 0))
        rows, columns = np.nonzero(head)
        features = features_of(
            total[rows, columns],
            [scaled[name][rows, columns] for name in names],
            np.diff(history.indptr)[rows],
            age[opinions.item[rows, columns]],
        )
        return cls(opinions, total, head, features)

    @property
    def telling(self) -> BoolArray:
        """bool[n_users]: lists whose head holds something that was liked."""
        return np.asarray((self.opinions.relevant & self.head).any(axis=1))

    def lessons(self) -> tuple[FloatArray, BoolArray, IntArray]:
        """(features, relevant, length) of the telling lists, as `lambdarank.learnt` takes them."""
        telling = self.telling
        of_rows = np.repeat(telling, self.head.sum(axis=1))
        relevant = self.opinions.relevant[self.head]
        return self.features[of_rows], relevant[of_rows], self.head.sum(axis=1)[telling]

    def gain(self, order: LearnedOrder) -> FloatArray:
        """float[n_users]: how far the NDCG@k of the lists in this order is above that of the sum."""
        ordered = np.full(self.total.shape, -np.inf, np.float32)
        ordered[self.head] = order.trees.predict(self.features)
        of_sum = np.where(np.isnan(self.total), -np.inf, self.total)
        return self.opinions.ndcg_of(ordered) - self.opinions.ndcg_of(of_sum)


def _at(matrix: Any, items: IntArray) -> BoolArray:
    """bool, the shape of items: whether a CSR matrix is not zero there."""
    rows = np.repeat(np.arange(len(items)), items.shape[1])
    return np.asarray(matrix[rows, np.maximum(items, 0).ravel()] > 0).reshape(items.shape) & (items >= 0)


def names_of(recipe: EnsembleConfig, models: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the models whose scores the trees read: those of the weighted sum, and those that are cheap to score.

    Args:
        recipe: its weights say which models are added up.
        models: by name, in the order in which the result names them.

    Returns:
        Names of models, each once.
    """
    return tuple(name for name in models if recipe.weights.get(name) or name in _CHEAP)


def train_list_ranker(
    settings: Settings, search: Search, recipe: EnsembleConfig, models: Mapping[str, ListModel]
) -> tuple[LearnedOrder | None, JsonDict]:
    """(the order that makes better lists than the sum of the recipe, None without one; what was seen, for people).

    models: trained on search.split.train. It costs one more training of them, on an older part of it. The order is kept
    when the interval of its gain on the newer part excludes 0, and then learnt again from both parts.
    """
    if (n := len(search.judge.queries)) < _FEWEST_LISTS or len(search.split.train) < _FEWEST_LISTS:
        return None, _too_few(n)
    inner = held_out(search.split.train)
    train = inner.train
    popular = MODELS[POPULARITY].train(train, recipe.params[POPULARITY], seed=search.seed)
    judge = Objective.of(
        inner, popular.order, relevant_rating=settings.relevant_rating, k=search.judge.k, seed=search.seed
    )
    if judge is None:
        return None, {"not tried": "nobody in the older part liked anything new"}
    search.reporter.step("learning to rank the heads of lists")
    names = {name: recipe.params[name] for name in models}
    older_models = fit_models(train, names, search.seed, search.reporter)
    older = Lists.of(judge, older_models, recipe, train, search.seed)
    newer = Lists.of(search.judge, models, recipe, search.split.train, search.seed)
    fewest = min(int(older.telling.sum()), int(newer.telling.sum()))
    if fewest < _FEWEST_LISTS:
        return None, _too_few(fewest)
    order = LearnedOrder(
        names_of(recipe, models), lambdarank.train_list_trees(*older.lessons(), k=search.judge.k, seed=search.seed)
    )
    gain = estimates({"gain": newer.gain(order)})["gain"]
    said: JsonDict = {"gain": [round(each, 5) for each in (gain.value, gain.low, gain.high)], "kept": gain.low > 0}
    if gain.low <= 0:
        return None, said
    parts = [np.concatenate(both) for both in zip(older.lessons(), newer.lessons(), strict=True)]
    return replace(order, trees=lambdarank.train_list_trees(*parts, k=search.judge.k, seed=search.seed)), said


def _too_few(n: int) -> JsonDict:
    return {"not tried": f"{n} lists to learn from or to judge by; expected {_FEWEST_LISTS}"}
