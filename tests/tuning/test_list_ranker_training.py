"""Trees are used only if their lists are clearly better in later weeks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from src.core.domain import DAY, EventBatch
from src.core.progress import Silent
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split, held_out
from src.models import ALS, ITEM_GRAPH, MODELS, POPULARITY, SPECTRAL, TRENDING
from src.models.model_kind import Unavailable
from src.models.settings import AllSettings
from src.recommendation.ensemble_config import EnsembleConfig, fit_models
from src.tuning import ensemble_tuning, list_ranker_training
from src.tuning.ensemble_tuning import TuningOptions, tune_ensemble
from src.tuning.hyperparameter_search import Clock, Search
from src.tuning.list_ranker_training import ListHeads, train_list_ranker
from src.tuning.objective import Objective

SETTINGS = AllSettings(als_factors=6, als_iterations=2, spectral_rank=12, item_graph_neighbours=15)
N_USERS, N_ITEMS, DAYS = 400, 150, 200
WEIGHTS = {POPULARITY: 1.0, SPECTRAL: 0.3}


def shop(*, fashion: bool) -> TrainingData:
    """Each product appears on a day of its own; users buy new products (fashion), or any."""
    rng = np.random.default_rng(4)
    came = np.linspace(0, DAYS, N_ITEMS, endpoint=False)
    rows = []
    for day in range(5, DAYS):
        there = np.flatnonzero(came <= day)
        choice = there[-8:] if fashion else there
        for user in rng.choice(N_USERS, 60, replace=False):
            rows.append((f"u{user}", f"p{rng.choice(choice)}", day * DAY + int(rng.integers(0, DAY))))
    rows.sort(key=lambda row: row[2])
    users, items, at = (list(column) for column in zip(*rows, strict=True))
    return training_data([EventBatch(users, items, ["purchase"] * len(rows), np.ones(len(rows)), np.array(at))])


@pytest.fixture(scope="module", params=[True, False], ids=["fashion", "anything"])
def parts(request: pytest.FixtureRequest) -> Split:
    return held_out(shop(fashion=request.param))


@pytest.fixture(scope="module")
def fashion() -> Split:
    return held_out(shop(fashion=True))


def search_of(parts: Split, models: dict[str, Any]) -> Search:
    objective = Objective.of(parts, models[POPULARITY].order, relevant_rating=4.0, k=10, seed=1)
    assert objective is not None
    return Search(parts, objective, 1, Clock(60), Silent())


def start() -> tuple[EnsembleConfig, dict[str, Any]]:
    recipe = replace(EnsembleConfig.of(SETTINGS), weights=WEIGHTS)
    return recipe, {name: recipe.params[name] for name in (POPULARITY, TRENDING, SPECTRAL)}


def test_trees_are_kept_if_they_know_more_than_the_sum(parts: Split, request: pytest.FixtureRequest) -> None:
    recipe, params = start()
    models = fit_models(parts.train, params, 1, Silent())
    order, said = train_list_ranker(search_of(parts, models), recipe, models)
    value, low, high = said["gain"]  # type: ignore[misc]
    assert low <= value <= high
    if request.node.callspec.id == "fashion":
        assert order is not None
        assert said["kept"] is True
        assert low > 0.05
        assert order.names == (POPULARITY, TRENDING, SPECTRAL)
    else:
        assert order is None
        assert said["kept"] is False


def test_the_trees_are_tested_on_data_they_were_not_trained_on(fashion: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, params = start()
    models = fit_models(fashion.train, params, 1, Silent())
    learnt_from: list[TrainingData] = []

    def spy(data: TrainingData, *arguments: Any) -> Any:
        learnt_from.append(data)
        return fit_models(data, *arguments)

    lessons: list[int] = []
    learn = list_ranker_training.lambdarank.train_list_trees

    def spy_on_trees(features: Any, relevant: Any, length: Any, **options: Any) -> Any:
        lessons.append(len(length))
        return learn(features, relevant, length, **options)

    monkeypatch.setattr(list_ranker_training, "fit_models", spy)
    monkeypatch.setattr(list_ranker_training.lambdarank, "train_list_trees", spy_on_trees)
    train_list_ranker(search_of(fashion, models), recipe, models)
    (older,) = learnt_from
    inner = held_out(fashion.train)
    assert len(older) == len(inner.train)
    assert older.events.at.max() < inner.test.events.at.min() <= inner.test.events.at.max()
    assert inner.test.events.at.max() < fashion.test.events.at.min()
    first, both = lessons
    assert first < both  # judged by lists of the newer part, and learnt again from both


def test_gains_are_those_of_the_lists(fashion: Split) -> None:
    recipe, params = start()
    models = fit_models(fashion.train, params, 1, Silent())
    search = search_of(fashion, models)
    lists = ListHeads.of(search.objective, models, recipe, fashion.train, 1)
    features, relevant, length = lists.training_rows()
    assert len(features) == len(relevant) == length.sum()
    assert len(length) == lists.is_informative.sum()
    assert all(part.any() for part in np.split(relevant, np.cumsum(length)[:-1]))
    order, _ = train_list_ranker(search, recipe, models)
    assert order is not None
    gain = lists.gain(order)
    assert gain.shape == (len(search.objective.queries),)
    assert gain.mean() > 0
    assert np.all(np.abs(gain) <= 1)


def test_with_few_lists_no_trees_are_trained(fashion: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, params = start()
    few = replace(fashion, test=fashion.test.take(np.arange(100)))
    models = fit_models(few.train, params, 1, Silent())
    search = search_of(few, models)
    monkeypatch.setattr(list_ranker_training, "fit_models", None)  # nothing is trained for it
    order, said = train_list_ranker(search, recipe, models)
    assert order is None
    assert said == {"not tried": f"{len(search.objective.queries)} lists to learn from or to judge by; expected 200"}


def test_lists_without_anything_liked_at_their_head_do_not_count(
    fashion: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, params = start()
    models = fit_models(fashion.train, params, 1, Silent())
    monkeypatch.setattr(list_ranker_training, "head_of", lambda total, in_history: np.zeros(total.shape, np.bool_))
    order, said = train_list_ranker(search_of(fashion, models), recipe, models)
    assert order is None
    assert said == {"not tried": "0 lists to learn from or to judge by; expected 200"}


# in tuning


def tune(parts: Split, budget: float = 60) -> EnsembleConfig:
    return tune_ensemble(
        parts, EnsembleConfig.of(SETTINGS), TuningOptions(SETTINGS.relevant_rating, SETTINGS.seed), budget, Silent()
    )


@pytest.fixture
def few_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, space in ensemble_tuning.SEARCH_SPACES.items():
        monkeypatch.setitem(ensemble_tuning.SEARCH_SPACES, name, replace(space, costly={}, trials=1))


@pytest.mark.usefixtures("few_trials")
def test_tuning_finds_the_order_and_says_so(fashion: Split) -> None:
    found = tune(fashion)
    assert found.order is not None
    assert set(found.order.names) <= {POPULARITY, TRENDING, ITEM_GRAPH, SPECTRAL, ALS}
    assert found.found["order"]["kept"] is True  # type: ignore[index,call-overload]


@pytest.mark.usefixtures("few_trials")
def test_without_time_or_times_or_lightgbm_the_sum_stays(fashion: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    at_random = Split(fashion.train.take(np.arange(0, len(fashion.train), 2)), fashion.train, "random", None)
    for each, budget in ((fashion, 0.0), (at_random, 60.0)):
        found = tune(each, budget)
        assert found.order is None
        assert "not tried" in found.found["order"]  # type: ignore[operator]
    monkeypatch.setattr(ensemble_tuning.lambdarank, "unavailable", lambda: Unavailable("no lightgbm here"))
    assert tune(fashion).found["order"] == {"not tried": "no lightgbm here"}


def test_a_recipe_whose_order_asks_for_a_model_that_cannot_be_trained_has_none(
    fashion: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, params = start()
    models = fit_models(fashion.train, {**params, ALS: recipe.params[ALS]}, 1, Silent())
    order, _ = train_list_ranker(search_of(fashion, models), replace(recipe, weights={ALS: 1.0}), models)
    document = replace(recipe, order=order).to_json()
    assert EnsembleConfig.from_json(document, SETTINGS).order is not None
    monkeypatch.setitem(MODELS, ALS, replace(MODELS[ALS], unavailable=lambda: Unavailable("no libgomp")))
    assert EnsembleConfig.from_json(document, SETTINGS).order is None
