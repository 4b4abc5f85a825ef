"""The champion's settings beside the new ones: fitted where they differ, once where they do not."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from src.core.domain import Event, EventKind
from src.core.progress import Silent
from src.core.records import Load, RunStatus
from src.core.settings import Settings
from src.models import MODELS
from src.releases.gate_messages import verdict_sentence
from src.releases.registry import Registry
from src.store import Store
from src.workflows import champion_comparison as challenge_module
from src.workflows import training_steps as steps_module
from src.workflows.fit import stored_data
from src.workflows.record_events import record_events
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest
from src.workflows.training_results import Trained

pytestmark = pytest.mark.usefixtures("no_smoke")


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that were trained."""
    names: list[str] = []

    def spied(name: str, original: Any) -> Any:
        def spy(data: Any, params: Any, *, seed: int, **continued: Any) -> Any:
            names.append(name)
            return original(data, params, seed=seed, **continued)

        return spy

    for name, kind in list(MODELS.items()):
        monkeypatch.setitem(MODELS, name, replace(kind, train=spied(name, kind.train)))
    return names


def again(settings: Settings, store: Store, **job: Any) -> Trained:
    trained = train(settings, store, TrainingRequest(**job), Silent())
    assert trained is not None
    return trained


def test_the_same_settings_are_not_fitted_twice(
    trained_settings: Settings, trained_store: Store, fitted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the champion was fitted")

    monkeypatch.setattr(challenge_module, "measured_fit", never)
    before = Registry(trained_settings.releases_dir).current_version()
    trained = again(trained_settings, trained_store)
    assert trained.active
    assert f"the settings are those of release {before}" in verdict_sentence(trained.verdict)


def test_other_settings_are_measured_beside_those_of_the_current_release_and_shared_models_fitted_once(
    trained_settings: Settings, trained_store: Store, fitted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Any] = []
    original = challenge_module.measured_fit

    def spy(*arguments: Any, **named: Any) -> Any:
        measured.append((arguments, named))
        fitted.clear()
        report, pipeline = original(*arguments, **named)
        measured[-1] += (report, list(fitted))
        return report, pipeline

    monkeypatch.setattr(challenge_module, "measured_fit", spy)
    changed = trained_settings.model_copy(update={"svd_factors": 3, "vbmf_factors": 3})
    trained = again(changed, trained_store, force=True)
    ((_, named, report, names),) = measured
    assert set(names) <= {"svd", "vbmf"}  # the lists are made of the same models
    assert set(report.lists) == {"popularity", named["only"]}
    assert report.cut == trained.report.cut  # type: ignore[union-attr]
    assert report.n_ranked_users == trained.report.n_ranked_users  # type: ignore[union-attr]
    figures: Any = trained.verdict.figures["lists"]
    assert figures["difference"]["value"] == 0
    assert figures["rmse"]["champion"]["value"] > 0


@pytest.fixture
def much_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every compared challenger's lists much worse."""
    compare = steps_module.compare

    def compared(mine: Any, theirs: Any, *arguments: Any, **named: Any) -> Any:
        bad = replace(mine.lists[mine.best], of_user=mine.lists[mine.best].of_user * 0)
        return compare(replace(mine, lists={**mine.lists, mine.best: bad}), theirs, *arguments, **named)

    monkeypatch.setattr(steps_module, "compare", compared)


@pytest.mark.usefixtures("much_worse")
def test_settings_with_worse_lists_are_refused_and_the_old_ones_are_trained_again(
    trained_settings: Settings, trained_store: Store
) -> None:
    registry = Registry(trained_settings.releases_dir)
    before = registry.current()
    record_events(trained_store, [Event("brand new", "P00001", EventKind.RATING, 5.0, 1_700_000_000)])
    changed = trained_settings.model_copy(update={"svd_factors": 3, "vbmf_factors": 3})
    trained = again(changed, trained_store, trigger="night", due=1_800_000_000)
    assert trained.active
    assert trained.version == registry.current_version() != before.version
    sentence = verdict_sentence(trained.verdict)
    assert sentence.startswith("kept the old model: NDCG@10")
    assert sentence.endswith("; its settings learnt anew from all events")
    now = registry.current()
    assert now.pipeline.users.idx_of("brand new") is not None
    assert now.pipeline.default == before.pipeline.default
    assert set(now.pipeline.models) == set(before.pipeline.models)
    rater = str(before.manifest.to_json()["rating_model"])
    assert now.manifest.to_json()["params"][rater] == before.manifest.to_json()["params"][rater]
    assert now.manifest.to_json()["recipe"] == before.manifest.to_json()["recipe"]
    assert now.manifest.to_json()["recipe_of_settings"] == before.manifest.to_json()["recipe_of_settings"]
    assert set(now.manifest.to_json()["metrics"]["ndcg_at_10"]) >= set(now.pipeline.list_models) - {"blend"}
    run = next(run for run in trained_store.runs.newest(5) if run.trigger == "night")
    assert (run.status, run.release) == (RunStatus.SUCCEEDED, trained.version)
    assert run.verdict is not None
    assert run.verdict["settings_of"] == before.version
    assert run.verdict["figures"]["lists"]["share_of_resamples_worse_than_margin"] == 1.0  # type: ignore[index]


@pytest.mark.usefixtures("much_worse")
def test_a_worse_model_that_was_requested_by_name_is_neither_published_nor_fitted_on_all_events(
    trained_settings: Settings, trained_store: Store, fitted: list[str]
) -> None:
    registry = Registry(trained_settings.releases_dir)
    before = registry.versions()
    trained = again(trained_settings, trained_store, models=("als",))
    assert (trained.version, trained.active) == (None, False)
    assert registry.versions() == before
    assert verdict_sentence(trained.verdict).startswith("kept the old model: NDCG@10")
    assert "anew" not in verdict_sentence(trained.verdict)
    assert fitted.count("als") <= 2  # once as it is named, once as the champion has it
    assert any(run.status is RunStatus.KEPT for run in trained_store.runs.newest(5))


def loaded(name: str, at: float, n_read: int, rejected: int = 0, known: float | None = None) -> Load:
    kept = n_read - rejected
    return Load(
        f"{name} {at}", name, "ratings", int(at), n_read, kept, kept, kept, 9,
        known_products=known, rejected={"no user": rejected} if rejected else {},
    )  # fmt: skip


def night(settings: Settings, store: Store, number: int) -> Trained:
    return again(settings, store, trigger="night", due=1_800_000_000 + number)


def test_a_bad_file_keeps_the_old_model_for_one_night_only(
    trained_settings: Settings, trained_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_store.runs.save_load(loaded("orders.csv", time.time() + 1, 1_000, rejected=600))
    kept = night(trained_settings, trained_store, 1)
    assert kept.version is None
    assert "rejected rows: 60 % of the 1,000 rows loaded since the last training" in verdict_sentence(kept.verdict)
    run = next(run for run in trained_store.runs.newest(5) if run.status is RunStatus.KEPT)
    trained_store.runs.save(replace(run, started_at=run.started_at + 60))
    tomorrow = time.time() + 86_400
    monkeypatch.setattr(challenge_module.time, "time", lambda: tomorrow)
    assert night(trained_settings, trained_store, 2).active


def test_a_bad_file_that_was_loaded_again_correctly_passes(trained_settings: Settings, trained_store: Store) -> None:
    trained_store.runs.save_load(loaded("orders-0301.csv", time.time() + 1, 1_000, rejected=600))
    trained_store.runs.save_load(loaded("orders-0302.csv", time.time() + 2, 1_000, rejected=5))
    assert night(trained_settings, trained_store, 1).active


def test_a_shop_whose_files_always_have_rows_without_a_user_is_still_trained(
    trained_settings: Settings, trained_store: Store
) -> None:
    trained_store.runs.save_load(loaded("orders.csv", time.time() - 86_400, 1_000, rejected=250))
    trained_store.runs.save_load(loaded("orders.csv", time.time() + 1, 1_000, rejected=260))
    assert night(trained_settings, trained_store, 1).active


def test_a_file_of_unknown_ids_keeps_the_old_model_for_a_night_unless_training_is_started_by_hand(
    trained_settings: Settings, trained_store: Store
) -> None:
    trained_store.runs.save_load(loaded("orders.csv", time.time() + 1, 1_000, known=0.0))
    kept = night(trained_settings, trained_store, 1)
    assert kept.version is None
    assert "the store knew 0 % of the products of the events loaded" in verdict_sentence(kept.verdict)
    assert again(trained_settings, trained_store).active


def test_a_gate_that_is_off_promotes_and_the_sentence_says_so(
    trained_settings: Settings, trained_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challenge_module, "_share_present", lambda *_: 0.0)
    assert again(trained_settings, trained_store).version is None
    off = again(trained_settings.model_copy(update={"gate": "off"}), trained_store)
    assert off.active
    assert verdict_sentence(off.verdict).startswith("promoted by AISLE_GATE=off, although known products")


def test_a_champion_whose_settings_cannot_be_trained_does_not_stop_a_training(
    trained_settings: Settings, trained_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = challenge_module.champion_of(Registry(trained_settings.releases_dir))
    assert champion is not None
    manifest = champion.release.manifest.model_copy(update={"params": {}})
    broken = replace(champion, release=replace(champion.release, manifest=manifest))
    monkeypatch.setattr("src.workflows.training_steps.champion_of", lambda _registry: broken)
    trained = again(trained_settings, trained_store)
    assert trained.active
    assert f"not compared with release {champion.release.version}" in verdict_sentence(trained.verdict)


def test_a_release_that_does_not_verify_is_no_champion(trained_settings: Settings) -> None:
    registry = Registry(trained_settings.releases_dir)
    path = registry.folder / str(registry.current_version()) / "report.json"
    path.write_text(path.read_text() + " ")
    assert challenge_module.champion_of(registry) is None


def test_a_shop_with_clicks_only_passes_the_gate(settings: Settings, store: Store) -> None:
    events = [
        Event(f"u{n % 12}", f"p{n % 9}", EventKind.CLICK, at=1_700_000_000 + 3_600 * n, event_id=str(n))
        for n in range(200)
    ]
    record_events(store, events)
    for _ in range(2):
        trained = again(settings, store)
        assert trained.active
        assert "no test user liked anything" in verdict_sentence(trained.verdict)


def test_a_plan_equals_itself_after_json(trained_settings: Settings, trained_store: Store) -> None:
    champion = challenge_module.champion_of(Registry(trained_settings.releases_dir))
    assert champion is not None
    data = stored_data(trained_store, Silent())
    one, other = champion.plan(trained_settings, data), champion.plan(trained_settings, data)
    assert challenge_module.same_settings(one, other)
    (rater,) = set(one.params) & {"svd", "vbmf"}
    changed = replace(one.params[rater], factors=one.params[rater].factors + 1)
    assert not challenge_module.same_settings(one, replace(other, params={**other.params, rater: changed}))
