"""Tuning during training: its result is stored with the release and starts the next tuning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import train_model
from src.core.domain import EventBatch
from src.core.progress import Silent
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData, training_data
from src.interactions.item_categories import ItemCategories
from src.interactions.splits import held_out, split
from src.models import ALS, MODELS, POPULARITY, SPECTRAL, SVD
from src.models.settings import AllSettings
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.ensemble_config import EnsembleConfig, fit_ensemble
from src.releases.registry import Registry
from src.store import Store
from src.synthetic.shop import SyntheticShop
from src.tuning.ensemble_tuning import TuningOptions
from src.workflows import training_plan as plans_module
from src.workflows.embed_catalogue import embed_catalogue
from src.workflows.fit import stored_data
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest
from src.workflows.tune import trials_file, tune
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("no_smoke")


@pytest.fixture
def filled(store: Store, shop: SyntheticShop) -> Store:
    """The store of `settings` with the small shop in it."""
    store.products.add(shop.products)
    store.events.add(shop.events)
    return store


class Asked:
    """Spies on tuning: records its arguments, and can replace its result."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.starts: list[EnsembleConfig] = []
        self.budgets: list[float] = []
        self.kept_in: list[Path | None] = []
        self.answer: EnsembleConfig | None = None
        self._original = plans_module.tune_ensemble
        monkeypatch.setattr(plans_module, "tune_ensemble", self._spy)

    def _spy(
        self, parts: Any, start: EnsembleConfig, options: TuningOptions, budget: float, reporter: Any
    ) -> EnsembleConfig:
        self.starts.append(start)
        self.budgets.append(budget)
        self.kept_in.append(options.trials_file)
        return self.answer or self._original(parts, start, options, budget, reporter)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def unlike(recipe: EnsembleConfig) -> EnsembleConfig:
    """Return a configuration that tuning would not find by chance."""
    params = {
        **recipe.params,
        ALS: replace(recipe.params[ALS], alpha=3.25, factors=5),
        SPECTRAL: replace(recipe.params[SPECTRAL], ridge=0.77),
    }
    weights = {SPECTRAL: 0.45, ALS: 1.0, POPULARITY: 0.06}
    return EnsembleConfig(params, weights, replace(recipe.weighting, half_life_days=12.5), {"ndcg_at_10": 0.5})


def manifest_of(settings: AllSettings) -> dict[str, Any]:
    return Registry(settings.releases_dir).active().manifest.to_json()


# the file of trials


def data_of(**columns: Any) -> TrainingData:
    rows: dict[str, Any] = {
        "users": ["a", "b", "a"],
        "items": ["x", "x", "y"],
        "kinds": ["view", "rating", "purchase"],
        "values": [1.0, 4.0, 1.0],
        "at": [5, 6, 7],
    } | columns
    values, at = np.array(rows["values"]), np.array(rows["at"], np.int64)
    return training_data([EventBatch(rows["users"], rows["items"], rows["kinds"], values, at)])


def test_trials_of_the_same_data_are_kept_in_the_same_file_in_var(settings: AllSettings) -> None:
    file = trials_file(settings, data_of())
    assert file == trials_file(settings, data_of())
    assert file.parent == settings.var / "tuning"
    assert file.suffix == ".log"
    assert not file.exists()


@pytest.mark.parametrize(
    "other",
    [
        {"users": ["a", "b", "b"]},
        {"items": ["x", "y", "y"]},
        {"kinds": ["cart", "rating", "purchase"]},
        {"values": [1.0, 5.0, 1.0]},
        {"at": [5, 6, 8]},
    ],
)
def test_other_data_have_another_file_of_trials(settings: AllSettings, other: dict[str, Any]) -> None:
    assert trials_file(settings, data_of(**other)) != trials_file(settings, data_of())


@pytest.mark.parametrize("rows", [[0, 1], [1, 0, 2], [0, 1, 2, 2]])
def test_fewer_events_more_events_or_another_order_have_another_file(settings: AllSettings, rows: list[int]) -> None:
    assert trials_file(settings, data_of().take(np.array(rows))) != trials_file(settings, data_of())


@pytest.mark.parametrize("changes", [{"seed": 2}, {"relevant_rating": 3.0}])
def test_another_objective_has_another_file(settings: AllSettings, changes: dict[str, Any]) -> None:
    assert trials_file(settings.model_copy(update=changes), data_of()) != trials_file(settings, data_of())


# training


def test_the_manifest_holds_the_ensemble_that_the_release_was_made_with(
    settings: AllSettings, filled: Store, asked: Asked
) -> None:
    asked.answer = unlike(EnsembleConfig.of(settings))
    train(settings, filled, TrainingRequest(), Silent())
    release = Registry(settings.releases_dir).active()
    manifest, pipeline = release.manifest.to_json(), release.pipeline
    assert manifest["recipe"] == json.loads(json.dumps(asked.answer.to_json()))
    assert EnsembleConfig.from_json(manifest["recipe"], settings) == asked.answer
    assert manifest["recipe_of_settings"] == EnsembleConfig.of(settings).to_json()
    assert pipeline.models[ENSEMBLE].weights == asked.answer.weights
    assert pipeline.weighting == asked.answer.weighting
    for name, its in asked.answer.params.items():
        assert pipeline.models[name].params == its
        assert manifest["params"][name] == asdict(its)
    assert set(manifest["params"]) == set(MODELS)


def test_tuning_starts_from_the_current_release(settings: AllSettings, filled: Store, asked: Asked) -> None:
    asked.answer = unlike(EnsembleConfig.of(settings))
    train(settings, filled, TrainingRequest(), Silent())
    found, asked.answer = asked.answer, None
    train(settings, filled, TrainingRequest(), Silent())
    assert asked.starts == [EnsembleConfig.of(settings), found]
    kept = EnsembleConfig.from_json(manifest_of(settings)["recipe"], settings)
    assert kept.params[ALS] == found.params[ALS]  # no time to find anything else


def test_after_a_change_of_settings_tuning_starts_from_them(settings: AllSettings, filled: Store, asked: Asked) -> None:
    asked.answer = unlike(EnsembleConfig.of(settings))
    train(settings, filled, TrainingRequest(), Silent())
    for changes in ({"als_alpha": 4.0}, {"half_life_days": 3.0}, {"kind_weights": {"view": 0.5}}):
        changed = AllSettings(**{**settings.model_dump(), **changes})
        train(changed, filled, TrainingRequest(activate=False), Silent())
        assert asked.starts[-1] == EnsembleConfig.of(changed) != EnsembleConfig.of(settings)
    # AllSettings that no recipe is made of change nothing.
    train(
        settings.model_copy(update={"svd_factors": 3, "tune_seconds": 0.5}),
        filled,
        TrainingRequest(activate=False),
        Silent(),
    )
    assert asked.starts[-1] == asked.answer
    assert len(asked.starts) == 5


@pytest.mark.parametrize("before", ["one model", "not activated", "broken"])
def test_without_a_served_ensemble_tuning_starts_from_the_settings(
    settings: AllSettings, filled: Store, asked: Asked, before: str
) -> None:
    asked.answer = unlike(EnsembleConfig.of(settings))
    job = (
        TrainingRequest(models=(SVD,)) if before == "one model" else TrainingRequest(activate=before != "not activated")
    )
    train(settings, filled, job, Silent())
    if before == "broken":
        (settings.releases_dir / "CURRENT.json").write_text("{")
    train(settings, filled, TrainingRequest(activate=False), Silent())
    assert asked.starts[-1] == EnsembleConfig.of(settings)


def test_a_release_of_one_model_has_no_ensemble(settings: AllSettings, filled: Store, asked: Asked) -> None:
    train(settings, filled, TrainingRequest(models=(ALS,)), Silent())
    assert asked.starts == []
    assert manifest_of(settings)["recipe"] is None
    assert list(Registry(settings.releases_dir).active().pipeline.models) == [POPULARITY, ALS]


def test_tuning_uses_events_that_the_figures_are_not_measured_on(
    settings: AllSettings, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    original = plans_module.tune_ensemble

    def spy(parts: Any, *arguments: Any) -> EnsembleConfig:
        seen.append(parts)
        return original(parts, *arguments)

    monkeypatch.setattr(plans_module, "tune_ensemble", spy)
    train(settings, filled, TrainingRequest(), Silent())
    (tuning,) = seen
    older = split(
        embed_catalogue(settings, filled, stored_data(filled, Silent()), Silent()).data, settings.test_share
    ).train
    assert len(tuning.train) + len(tuning.test) == len(older)
    assert tuning.test.events.at.max() <= older.events.at.max()
    assert len(held_out(older).test) == len(tuning.test)


def test_a_nightly_training_tunes_for_the_time_of_the_settings_without_a_file_of_trials(
    settings: AllSettings, filled: Store, asked: Asked
) -> None:
    train(settings.model_copy(update={"tune_seconds": 0.25}), filled, TrainingRequest(trigger="night"), Silent())
    assert (asked.budgets, asked.kept_in) == ([0.25], [None])
    assert not (settings.var / "tuning").exists()


def test_a_training_with_a_tuning_time_keeps_a_file_of_trials(
    settings: AllSettings, filled: Store, asked: Asked
) -> None:
    train(settings, filled, TrainingRequest(tune_seconds=0.0), Silent())
    (file,) = asked.kept_in
    assert file is not None
    assert file.is_file()
    older = split(
        embed_catalogue(settings, filled, stored_data(filled, Silent()), Silent()).data, settings.test_share
    ).train
    assert file == trials_file(settings, older)
    assert asked.budgets == [0.0]


def test_two_events_are_enough_to_train_on(settings: AllSettings, store: Store, tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text("user,product,rating,time\na,x,5,1700000000\nb,y,4,1700000001\n")
    trained = train(settings, store, TrainingRequest(data=tmp_path / "two.csv"), Silent())
    assert trained is not None
    assert EnsembleConfig.from_json(manifest_of(settings)["recipe"], settings) == EnsembleConfig.of(settings)


# the door


@pytest.mark.parametrize(("arguments", "seconds"), [([], None), (["--tune"], 480.0), (["--tune", "60"], 60.0)])
def test_the_command_takes_the_seconds_of_tuning(arguments: list[str], seconds: float | None) -> None:
    assert train_model._parser().parse_args(arguments).tune == seconds


def test_the_command_tunes_and_the_ensemble_is_in_the_manifest(
    trained_settings: AllSettings, as_environment: Callable[[AllSettings], dict[str, str]]
) -> None:
    before = Registry(trained_settings.releases_dir).active()
    done = subprocess.run(
        [sys.executable, str(ROOT / "train_model.py"), "--tune", "0.5"],
        env={**os.environ, **as_environment(trained_settings)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert "tuning spectral" in done.stdout
    after = Registry(trained_settings.releases_dir).active()
    assert after.version != before.version
    assert after.pipeline.models[ENSEMBLE].weights == after.manifest.to_json()["recipe"]["weights"] != {}
    assert set(after.manifest.to_json()["recipe"]["found"]["of_models"]) >= {SPECTRAL, ALS}
    assert len(list((trained_settings.var / "tuning").glob("*.log"))) == 1


# for a split of one's own


def test_a_tuned_ensemble_is_fitted_without_an_index(settings: AllSettings, filled: Store) -> None:
    data = stored_data(filled, Silent())
    recipe = tune(settings, held_out(data), 0.0, 5, Silent())
    assert "ndcg_at_5" in recipe.found
    blend = fit_ensemble(data, recipe, 1, Silent())
    assert blend.index is None
    assert blend.weights == recipe.weights
    assert data.weighting == Weighting()


# what a search that was killed leaves


def test_a_torn_line_and_a_lock_of_a_killed_search_are_removed(
    settings: AllSettings, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(settings.var.parent)
    relative = settings.model_copy(update={"var": Path(settings.var.name)})
    data = stored_data(filled, Silent())
    file = trials_file(relative, data)
    assert file.is_absolute()  # the lock is a link to it
    file.parent.mkdir()
    file.write_bytes(b'{"whole": 1}\n{"to')
    lock = file.with_name(f"{file.name}.lock")
    lock.symlink_to("nowhere")
    assert trials_file(relative, data) == file
    assert file.read_bytes() == b'{"whole": 1}\n'
    assert not lock.is_symlink()


def test_other_categories_have_another_file(settings: AllSettings, filled: Store) -> None:
    data = stored_data(filled, Silent())
    categories = ItemCategories.of("even" if item % 2 else "odd" for item in range(len(data.items)))
    assert trials_file(settings, data) != trials_file(settings, replace(data, categories=categories))


def test_settings_are_tried_on_a_sample_of_the_users_of_very_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    users = [f"u{at % 40}" for at in range(200)]
    items, kinds = [f"p{at // 40}" for at in range(200)], ["view"] * 200
    data = data_of(users=users, items=items, kinds=kinds, values=np.ones(200), at=[*range(200)])
    assert plans_module._tried_on(data, 1) is data
    monkeypatch.setattr(plans_module, "_TRIED_EVENTS", len(data) // 4)
    some = plans_module._tried_on(data, 1)
    assert len(data) / 8 < len(some) < len(data) / 2
    drawn = np.unique(some.events.user_idx)
    assert len(some) == np.isin(data.events.user_idx, drawn).sum()
