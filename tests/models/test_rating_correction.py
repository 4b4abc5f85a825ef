"""Predicted ratings are corrected by what held-out ratings leave of them, where that is sure to help."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.core.domain import EventKind, FloatArray
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.vocabulary import Vocabulary
from src.models.kernels.vbmf_trainer import FittedVbmf, fit
from src.models.vbmf import Vbmf, VbmfParams, train

PARAMS = VbmfParams(1.0, 5.0, factors=1, sweeps=10)
N_USERS, N_ITEMS, N = 300, 40, 5_000


def data_of(value: FloatArray, seed: int = 3) -> TrainingData:
    pairs = np.random.default_rng(seed).choice(N_USERS * N_ITEMS, len(value), replace=False)
    users, items = (Vocabulary.of([str(at) for at in range(n)]) for n in (N_USERS, N_ITEMS))
    user, item = (pairs // N_ITEMS).astype(np.int32), (pairs % N_ITEMS).astype(np.int32)
    ratings = Interactions(users, items, user, item, value.astype(np.float32), np.zeros(len(value), np.int64))
    return TrainingData(ratings, np.full(len(value), KIND_ORDER.index(EventKind.RATING), np.int8))


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Users of all degrees of severity on a scale that ends where most would begin: the mild give the highest only."""
    blank = data_of(np.zeros(N))
    user, item = blank.events.user_idx, blank.events.item_idx
    rng = np.random.default_rng(5)
    mildness, quality = rng.normal(0, 2, N_USERS), rng.normal(0, 1, N_ITEMS)
    value = np.clip(np.round(5 + mildness[user] + quality[item] + rng.normal(0, 0.3, N)), 1, 5)
    return replace(blank, events=replace(blank.events, value=value.astype(np.float32)))


@pytest.fixture(scope="module")
def model(data: TrainingData) -> Vbmf:
    return train(data.take(np.arange(N * 4 // 5)), PARAMS, seed=1)


def test_it_lowers_the_error_of_ratings_that_nothing_was_learnt_from(data: TrainingData, model: Vbmf) -> None:
    test = data.take(np.arange(N * 4 // 5, N)).events
    pairs = test.user_idx, test.item_idx
    plain, corrected = (np.sqrt(np.mean((rate(*pairs) - test.value) ** 2)) for rate in (model.plain_rate, model.rate))
    assert corrected < plain - 0.003


def test_where_nothing_is_left_to_learn_there_is_no_correction() -> None:
    rng = np.random.default_rng(1)
    blank = data_of(np.zeros(N))
    value = 3 + rng.normal(0, 0.5, N_ITEMS)[blank.events.item_idx] + rng.normal(0, 0.7, N)
    data = replace(blank, events=replace(blank.events, value=value.astype(np.float32)))
    assert train(data, replace(PARAMS, rating_min=-10, rating_max=20), seed=1).correction is None


def test_few_ratings_are_not_corrected(data: TrainingData) -> None:
    assert train(data.take(np.arange(900)), PARAMS, seed=1).correction is None


def test_predictions_of_unknown_users_and_products_stay_inside_the_scale(model: Vbmf) -> None:
    everything = np.arange(-1, N_ITEMS)
    for user in (-1, 0, N_USERS - 1):
        rating = model.rate(np.full(len(everything), user), everything)
        assert np.isfinite(rating).all()
        assert rating.min() >= 1
        assert rating.max() <= 5


def test_a_saved_model_predicts_the_same_and_one_without_a_correction_loads(model: Vbmf, tmp_path: Path) -> None:
    model.save(tmp_path / "new")
    replace(model, correction=None).save(tmp_path / "old")
    users, items = np.arange(N_ITEMS), np.arange(N_ITEMS)
    loaded, old = Vbmf.load(tmp_path / "new"), Vbmf.load(tmp_path / "old")
    np.testing.assert_array_equal(loaded.rate(users, items), model.rate(users, items))
    np.testing.assert_array_equal(old.rate(users, items), model.plain_rate(users, items))


def test_a_training_that_continues_keeps_the_correction_of_most_of_its_ratings(
    data: TrainingData, model: Vbmf, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(model, user_count=model.user_count // 4, correction=None)
    assert train(data, PARAMS, seed=1, start=few).correction is not None
    monkeypatch.setattr("src.models.vbmf.learn_correction", None)  # a call would raise
    kept = train(data, PARAMS, seed=1, start=model).correction
    assert kept is not None
    assert model.correction is not None
    np.testing.assert_array_equal(kept.form, model.correction.form)
    assert not np.array_equal(kept.user_spread, model.correction.user_spread)


def test_of_very_many_ratings_the_model_itself_is_trained_without_a_few_at_first(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.models.vbmf._ENOUGH_HELD_OUT", 2_400)
    monkeypatch.setattr("src.models.vbmf._MANY_HELD_OUT", 2)
    trained: list[tuple[int, int]] = []

    def counted(ratings: Interactions, *, sweeps: int, **others: Any) -> FittedVbmf:
        trained.append((len(ratings), sweeps))
        return fit(ratings, sweeps=sweeps, **others)

    monkeypatch.setattr("src.models.kernels.vbmf_trainer.fit", counted)
    model = train(data, PARAMS, seed=1)
    (n_first, sweeps), last = trained
    assert 2_300 < n_first < 2_700
    assert (sweeps, last) == (PARAMS.sweeps, (N, 1))
    assert model.user_count.sum() == N
    assert model.correction is not None


def test_a_model_of_a_sample_that_another_continues_from_learns_none(data: TrainingData) -> None:
    assert train(replace(data, sampled_from=data.counts), PARAMS, seed=1).correction is None
