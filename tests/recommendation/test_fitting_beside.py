import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from typing_extensions import override

from src.core.all_cores import one_blas_thread
from src.core.domain import DAY, EventBatch
from src.core.progress import Silent
from src.interactions.interactions import TrainingData, training_data
from src.models import ALS, AUTOENCODER, CO_OCCURRENCE, ITEM_GRAPH, MODELS, POPULARITY, SPECTRAL, SVD, TRANSITIONS
from src.models.base import SavedAsArrays
from src.models.settings import AllSettings
from src.recommendation import ensemble_config
from src.recommendation.ensemble_config import fit_models

SETTINGS = AllSettings(als_factors=8, als_iterations=3, spectral_rank=12, item_graph_neighbours=20, svd_epochs=2)
NAMES = (POPULARITY, CO_OCCURRENCE, TRANSITIONS, ITEM_GRAPH, AUTOENCODER, SPECTRAL, ALS, SVD)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = np.random.default_rng(3)
    users, items = ([f"{one}{number}" for number in rng.integers(0, n, 1_500)] for one, n in (("u", 150), ("p", 60)))
    at = rng.integers(0, 50 * DAY, 1_500)
    return training_data([EventBatch(users, items, ["rating"] * 1_500, rng.integers(1, 6, 1_500).astype("f8"), at)])


class Steps(Silent):
    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.beside_them: list[tuple[str, int]] = []

    @override
    def step(self, line: str) -> None:
        self.told.append((line, threading.get_ident()))

    @contextmanager
    @override
    def beside(self, line: str) -> Iterator[None]:
        self.beside_them.append((line, threading.get_ident()))
        yield


def fitted(data: TrainingData, steps: Steps) -> dict[str, Any]:
    return fit_models(data, {name: MODELS[name].params(SETTINGS) for name in NAMES}, 1, steps)


def arrays_of(models: Mapping[str, SavedAsArrays]) -> dict[str, Any]:
    return {f"{name} {array}": getattr(model, array) for name, model in models.items() for array in model.ARRAYS}


def test_of_many_events_models_are_trained_two_at_a_time_and_are_the_same(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one, two = Steps(), Steps()
    with one_blas_thread:
        alone = fitted(data, one_by_one)
    monkeypatch.setattr(ensemble_config, "MANY_EVENTS", len(data))
    monkeypatch.setattr(ensemble_config, "n_cores", lambda: 2)
    together = fitted(data, two)
    assert list(together) == list(alone) == list(NAMES)
    expected, found = arrays_of(alone), arrays_of(together)
    for name, array in expected.items():
        assert np.array_equal(found[name], array), name
    assert len(one_by_one.told) == len(NAMES)
    assert not one_by_one.beside_them
    assert len(two.told) == len(NAMES) - 5
    assert {line.split()[1] for line, _ in two.beside_them} == {name for name in NAMES if MODELS[name].on_one_core}
    assert [MODELS[line.split()[1]].leaves_a_core for line, _ in two.told] == [True, False, False]
    assert {thread for _, thread in two.told}.isdisjoint(thread for _, thread in two.beside_them)


def test_the_first_step_is_told_before_anything_goes_on_beside_it(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps()
    monkeypatch.setattr(ensemble_config, "MANY_EVENTS", len(data))
    monkeypatch.setattr(ensemble_config, "n_cores", lambda: 2)
    told_before: list[int] = []

    class Told(Steps):
        @contextmanager
        @override
        def beside(self, line: str) -> Iterator[None]:
            told_before.append(len(steps.told))
            yield

        @override
        def step(self, line: str) -> None:
            steps.step(line)

    fitted(data, Told())
    assert told_before[0] > 0


def test_models_of_one_core_without_others_are_trained_one_by_one(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps()
    monkeypatch.setattr(ensemble_config, "MANY_EVENTS", len(data))
    monkeypatch.setattr(ensemble_config, "n_cores", lambda: 2)
    names = (POPULARITY, CO_OCCURRENCE)
    assert list(fit_models(data, {name: MODELS[name].params(SETTINGS) for name in names}, 1, steps)) == list(names)
    assert (len(steps.told), steps.beside_them) == (2, [])
    assert fit_models(data, {}, 1, steps) == {}


@pytest.mark.parametrize("cores", [1, 16])
def test_on_one_core_and_on_many_models_are_trained_one_by_one(
    data: TrainingData, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps()
    monkeypatch.setattr(ensemble_config, "MANY_EVENTS", len(data))
    monkeypatch.setattr(ensemble_config, "n_cores", lambda: cores)
    fitted(data, steps)
    assert not steps.beside_them


def test_an_error_of_a_model_that_is_trained_beside_others_ends_the_training(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ensemble_config, "MANY_EVENTS", len(data))
    monkeypatch.setattr(ensemble_config, "n_cores", lambda: 2)
    with pytest.raises(AttributeError):
        fit_models(data, {SVD: MODELS[SVD].params(SETTINGS), SPECTRAL: None}, 1, Silent())
