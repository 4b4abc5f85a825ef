"""The manifest type, and releases of earlier versions, which are read, verified and served."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from releases import publish
from src.core.domain import Event, EventKind, Query
from src.core.settings import Settings
from src.interactions.event_weights import Weighting
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.ensemble_config import EnsembleConfig
from src.releases.manifest import Manifest, TrainingRecord, parse_manifest
from src.releases.manifest_sections import EnsembleRecord, MeasurementSettings
from src.releases.registry import Registry

ARCHIVE = Path(__file__).parent / "data" / "release_before_typed_manifest.zip"
OLD = "20261129T094406Z-6207f9ce"


@pytest.fixture
def old_registry(tmp_path: Path, registry: Registry) -> Registry:
    """A folder of releases of an earlier version."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(registry.folder)
    (registry.folder / "runs.json").unlink()
    (registry.folder / "carried_over_manifest.json").unlink()
    return registry


def documents() -> dict[str, dict[str, Any]]:
    with zipfile.ZipFile(ARCHIVE) as archive:
        names = {"trained": f"{OLD}/manifest.json", "carried over": "carried_over_manifest.json"}
        return {which: json.loads(archive.read(name)) for which, name in names.items()}


def test_an_old_release_is_read_and_verified(old_registry: Registry) -> None:
    release = old_registry.current()
    assert release.version == OLD
    assert release.current_problem is None
    manifest = release.manifest
    assert manifest.default_model == ENSEMBLE
    assert manifest.data is not None
    assert (manifest.data.is_from_store, manifest.data.n_events) == (True, 935)
    assert manifest.metrics.ndcg_at_10[ENSEMBLE] == pytest.approx(0.84178, abs=1e-5)
    assert manifest.summary.endswith("The list of blend is served.")
    assert manifest.gate is not None
    assert manifest.gate.sentence == "promoted: NDCG@10 .842 [.667, .987] against .679"
    assert manifest.ensemble is not None
    assert manifest.ensemble.weights == {"als": 1.0, "text": 0.03}
    assert manifest.weighting == manifest.ensemble.weighting == release.pipeline.weighting


def test_an_old_release_makes_lists(old_registry: Registry) -> None:
    pipeline = old_registry.current().pipeline
    history = (Event("", "p5", EventKind.PURCHASE),)
    found = [each.product_id for each in pipeline.recommend(Query(user_id=None, history=history, n=5))]
    assert len(set(found)) == 5
    assert found[0] in {"p0", "p10", "p15", "p20"}  # lamps, as p5 is
    assert pipeline.predict("u1", "p1").model == "svd"


def test_a_new_release_is_rolled_back_to_an_old_one(old_registry: Registry) -> None:
    new = publish(old_registry, 9)
    assert [each.version for each in old_registry.listing() if each.is_previous] == [OLD]
    assert old_registry.current_version() == new
    assert old_registry.rollback() == OLD
    listed = {each.version: each for each in old_registry.listing()}
    assert listed[OLD].is_current
    assert listed[OLD].gate_sentence == "promoted: NDCG@10 .842 [.667, .987] against .679"
    assert listed[OLD].problem == ""


@pytest.mark.parametrize("which", documents())
def test_no_key_of_an_old_manifest_is_lost(which: str) -> None:
    document = documents()[which]
    assert Manifest.model_validate(document).to_json() == document


def test_what_a_partial_training_carried_over_is_read_from_an_old_manifest() -> None:
    carried_over = Manifest.model_validate(documents()["carried over"]).carried_over
    assert carried_over is not None
    assert carried_over.release == OLD
    assert carried_over.trained == ("svd", "vbmf")


def test_the_ensemble_of_an_old_release_is_compared_with_that_of_the_settings(settings: Settings) -> None:
    document = documents()["trained"]
    manifest = Manifest.model_validate(document)
    assert manifest.ensemble_of_settings == EnsembleRecord.model_validate(document["recipe_of_settings"])
    assert manifest.ensemble is not None
    read = EnsembleRecord.of(manifest.ensemble.config(settings))
    of_settings = EnsembleRecord.of(EnsembleConfig.of(settings))
    kept = manifest.ensemble.params  # models and settings that are newer than the release have their defaults
    assert read.params == {name: now | kept.get(name, {}) for name, now in of_settings.params.items()}
    assert read.model_copy(update={"params": manifest.ensemble.params}) == manifest.ensemble


def test_a_release_is_measured_with_the_settings_of_its_training(settings: Settings) -> None:
    recorded = MeasurementSettings.of(settings.model_copy(update={"seed": 77, "test_share": 0.4}))
    applied = recorded.applied_to(settings)
    assert (applied.seed, applied.test_share) == (77, 0.4)
    assert applied.model_copy(update={"seed": settings.seed, "test_share": settings.test_share}) == settings


def test_null_is_read_as_absent_where_a_value_is_required() -> None:
    assert TrainingRecord.model_validate({"made_up": None, "metrics": None, "gate": None}) == TrainingRecord()


def test_a_key_of_a_later_program_is_kept() -> None:
    assert TrainingRecord.model_validate({"later": [1]}).to_json() == {"later": [1]}


@pytest.mark.parametrize(
    "change",
    [
        {"models": 5},
        {"weighting": ["heavy"]},
        {"parent": [1]},
        {"files": {"a": 7}},
        {"created_at": "yesterday"},
        {"metrics": {"rmse": 1.25}},
        {"data": {"source": "store"}},
        {"default_model": None},
    ],
)
def test_a_value_of_another_type_is_refused(change: dict[str, Any]) -> None:
    (key,) = change
    with pytest.raises(ValueError, match=rf"\A{key}.*: .*\Z"):
        parse_manifest(documents()["trained"] | change)


@pytest.mark.parametrize("document", [None, [], 3, "text", True])
def test_a_document_that_is_no_object_is_refused_in_one_line(document: object) -> None:
    with pytest.raises(ValueError, match=r"\Athe document: .*\Z"):
        parse_manifest(document)


def test_the_weighting_is_the_one_of_the_models() -> None:
    document = documents()["trained"]
    assert Manifest.model_validate(document).weighting == Weighting(**document["weighting"])
