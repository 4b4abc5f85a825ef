"""Trainings on many events begin with a sample of the users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from src.core.domain import EventBatch
from src.interactions.interactions import TrainingData, training_data
from src.models import ALS, MODELS, SPECTRAL, VBMF, model_kind
from src.models.settings import AllSettings

SETTINGS = AllSettings(als_factors=4, als_iterations=4, vbmf_factors=2, vbmf_sweeps=8, spectral_rank=4)
N_USERS = 64


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = np.random.default_rng(4)
    rows = [(f"u{user}", f"p{(user % 2) * 10 + item}") for user in range(N_USERS) for item in range(10)]
    users, items = (list(column) for column in zip(*rows, strict=True))
    value = 3.0 + rng.integers(-1, 3, len(rows))
    return training_data([EventBatch(users, items, ["rating"] * len(rows), value, np.arange(len(rows)))])


@pytest.mark.parametrize("name", [ALS, VBMF])
def test_a_quarter_of_a_quarter_of_the_users_comes_first(
    monkeypatch: pytest.MonkeyPatch, data: TrainingData, name: str
) -> None:
    monkeypatch.setattr(model_kind, "MANY_EVENTS", len(data) // 4)
    seen: list[int] = []

    def train(part: TrainingData, params: Any, *, seed: int, start: Any = None) -> Any:
        assert (start is None) is (not seen)
        seen.append(len(np.unique(part.events.user_idx)))
        return MODELS[name].train(part, params, seed=seed, **({} if start is None else {"start": start}))

    kind = replace(MODELS[name], train=train)
    start = kind.small_start(data, kind.params(SETTINGS), 1)["start"]
    assert seen == [N_USERS // 16, N_USERS // 4]
    assert type(start) is type(MODELS[name].train(data, kind.params(SETTINGS), seed=1))


def test_few_events_and_models_that_gain_nothing_begin_with_all(
    monkeypatch: pytest.MonkeyPatch, data: TrainingData
) -> None:
    params = {name: MODELS[name].params(SETTINGS) for name in (ALS, SPECTRAL)}
    assert MODELS[ALS].small_start(data, params[ALS], 1) == {}
    monkeypatch.setattr(model_kind, "MANY_EVENTS", 1)
    assert MODELS[SPECTRAL].small_start(data, params[SPECTRAL], 1) == {}


def test_a_sample_with_most_of_the_events_saves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_kind, "MANY_EVENTS", 100)
    items = [f"p{at}" for at in range(180)]
    batch = EventBatch(["one"] * 180, items, ["rating"] * 180, np.ones(180), np.arange(180))
    assert MODELS[ALS].small_start(training_data([batch]), MODELS[ALS].params(SETTINGS), 1) == {}
