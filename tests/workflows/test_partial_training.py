"""Partial training: one part is trained, the other arrays are carried over."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.core.domain import Event, EventKind, Query
from src.core.errors import NotReady
from src.core.progress import Silent
from src.core.records import RunStatus
from src.core.settings import Settings
from src.models import MODELS
from src.recommendation.ensemble import ENSEMBLE
from src.releases.gate_messages import verdict_sentence
from src.releases.registry import Registry
from src.store import Store
from src.workflows.fit import stored_data
from src.workflows.partial_training import events_within
from src.workflows.record_events import record_events
from src.workflows.train import train
from src.workflows.training_plan import MODEL_TYPES, TrainingRequest
from src.workflows.training_results import Trained

pytestmark = pytest.mark.usefixtures("no_smoke")


def again(settings: Settings, store: Store, model_type: str) -> Trained:
    trained = train(settings, store, TrainingRequest(model_type=model_type), Silent())
    assert trained is not None
    return trained


def arrays(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.npy")}


@pytest.mark.parametrize("model_type", ["svd", "mf", "ss"])
def test_other_models_are_carried_over_byte_by_byte(
    trained_settings: Settings, trained_store: Store, model_type: str
) -> None:
    events = [Event(f"U{n:05d}", "P00001", EventKind.RATING, 1.0, 1_800_000_000 + n) for n in range(1, 30)]
    record_events(trained_store, events)
    registry = Registry(trained_settings.releases_dir)
    old = registry.active()
    new = again(trained_settings, trained_store, model_type)
    assert new.version is not None
    assert new.active
    before, after = arrays(registry.folder / old.version), arrays(registry.folder / new.version)
    trained = MODEL_TYPES[model_type]
    assert set(before) == set(after)
    changed = {name for name in before if before[name] != after[name]}
    assert changed
    allowed = (*(f"models/{name}/" for name in trained), f"models/{ENSEMBLE}/")
    assert [name for name in changed if not name.startswith(allowed)] == []
    manifest = registry.active().manifest.to_json()
    assert manifest["carried_over"]["from"] == old.version
    assert set(manifest["carried_over"]["trained"]) <= set(trained)
    assert manifest["data"] == old.manifest.to_json()["data"]  # of the models that make lists: what they have seen
    assert set(manifest["models"]) == set(old.manifest.to_json()["models"])
    assert manifest["params"] == old.manifest.to_json()["params"]
    (run,) = [run for run in trained_store.runs.newest(5) if run.release == new.version]
    assert run.model_type == model_type
    assert registry.active().pipeline.recommend(Query("U00001", n=5))


def test_the_report_of_a_part_replaces_its_figures_and_no_others(
    trained_settings: Settings, trained_store: Store
) -> None:
    registry = Registry(trained_settings.releases_dir)
    old = json.loads((registry.folder / str(registry.current_version()) / "report.json").read_text())
    record_events(trained_store, [Event("U00001", "P00002", EventKind.RATING, 1.0, 1_800_000_000)])
    new = again(trained_settings.model_copy(update={"svd_factors": 3, "vbmf_factors": 3}), trained_store, "svd")
    report = json.loads((registry.folder / str(new.version) / "report.json").read_text())
    changed = {name for name in old["ratings"] if old["ratings"][name] != report["ratings"][name]}
    assert changed == {"svd", "vbmf"}
    unchanged = {name for name in old["lists"] if old["lists"][name] == report["lists"][name]}
    assert unchanged == set(old["lists"]) - {"svd"}
    assert registry.active().manifest.to_json()["params"]["svd"]["factors"] == 3
    assert registry.active().manifest.to_json()["params"]["als"]["factors"] == trained_settings.als_factors


def test_ratings_that_would_get_worse_keep_the_old_model(trained_settings: Settings, trained_store: Store) -> None:
    registry = Registry(trained_settings.releases_dir)
    before = registry.current_version()
    bad = {"svd_learning_rate": 1e-9, "svd_epochs": 1, "vbmf_sweeps": 1, "vbmf_factors": 100}
    trained = again(trained_settings.model_copy(update={**bad, "gate_margin": 0.0}), trained_store, "svd")
    assert trained.version is None
    assert "kept the old model: ratings: RMSE" in verdict_sentence(trained.verdict)
    assert registry.current_version() == before


def test_a_complete_training_after_a_partial_one_trains_everything(
    trained_settings: Settings, trained_store: Store
) -> None:
    record_events(trained_store, [Event("somebody new", "P00002", EventKind.RATING, 4.0, 1_800_000_000)])
    part = again(trained_settings, trained_store, "svd")
    registry = Registry(trained_settings.releases_dir)
    assert registry.load(str(part.version)).pipeline.users.idx_of("somebody new") is None
    again(trained_settings, trained_store, "all")
    release = registry.active()
    assert release.pipeline.users.idx_of("somebody new") is not None
    assert "carried_over" not in release.manifest.to_json()


def test_without_a_release_nothing_can_be_carried_over(settings: Settings, store: Store) -> None:
    record_events(store, [Event("u", "p", EventKind.RATING, 4.0, 1), Event("v", "p", EventKind.RATING, 4.0, 2)])
    with pytest.raises(NotReady, match="Train everything first"):
        train(settings, store, TrainingRequest(model_type="svd"), Silent())
    assert store.runs.newest(1)[0].status is RunStatus.FAILED


def test_every_type_names_models_there_are() -> None:
    assert {name for names in MODEL_TYPES.values() for name in names} == set(MODELS)


def test_events_over_another_vocabulary_keep_their_meaning(trained_settings: Settings, trained_store: Store) -> None:
    before = Registry(trained_settings.releases_dir).active().pipeline
    record_events(trained_store, [Event("somebody new", "P00002", EventKind.RATING, 4.0, 1_800_000_000)])
    data = stored_data(trained_store, Silent())
    shuffled = replace(
        before, users=type(before.users).of(before.users.ids_of(range(len(before.users)))[::-1])
    )  # another order
    moved = events_within(data, shuffled.users, before.items)
    assert len(moved) == len(data) - 1

    def rows(of: Any) -> list[tuple[str, str, float, int]]:
        e = of.events
        users, items = e.users.ids_of(e.user_idx.tolist()), e.items.ids_of(e.item_idx.tolist())
        return [
            row for row in zip(users, items, e.value.tolist(), e.at.tolist(), strict=True) if row[0] != "somebody new"
        ]

    assert rows(moved) == rows(data)
    assert moved.kind.dtype == np.int8
