"""Training records one run in every case, publishes one release or none, and measures on unseen rows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.core import address_space
from src.core.domain import DAY, Event, EventKind
from src.core.errors import AisleError, Busy, LimitReached, NoData, NoRelease, ReleaseError, UnusableFile
from src.core.process_lock import LockOwner
from src.core.progress import Silent
from src.core.records import Run, RunStatus, ServedList
from src.core.settings import Settings
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY, SVD
from src.recommendation.ensemble import ENSEMBLE
from src.releases.gate_messages import verdict_record, verdict_sentence
from src.releases.registry import Registry
from src.store import Store
from src.store.file_check import last_check
from src.synthetic.shop import SyntheticShop, make_shop
from src.workflows import fit as fit_module
from src.workflows import training_plan as plans_module
from src.workflows import training_steps as steps_module
from src.workflows.evaluate import evaluate
from src.workflows.export import export
from src.workflows.fit import stored_data
from src.workflows.locks import trainer_lock
from src.workflows.record_events import record_events
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest
from src.workflows.training_results import Trained
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def filled(store: Store, shop: SyntheticShop) -> Store:
    """The store of `settings` with the small shop in it."""
    store.products.add(shop.products)
    store.events.add(shop.events)
    return store


def run_training(settings: Settings, store: Store, job: TrainingRequest | None = None) -> Trained:
    trained = train(settings, store, job or TrainingRequest(), Silent())
    assert trained is not None
    return trained


def rows_of(data: TrainingData) -> set[tuple[int, int, int, int]]:
    """Return user, product, kind and time of every event, which are unique in the small shop."""
    e = data.events
    rows = set(zip(e.user_idx.tolist(), e.item_idx.tolist(), data.kind.tolist(), e.at.tolist(), strict=True))
    assert len(rows) == len(data)
    return rows


class LearntFrom:
    """Spies on MODELS: the data that every training was given, by model."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: dict[str, list[TrainingData]] = {name: [] for name in MODELS}
        for name, kind in list(MODELS.items()):
            monkeypatch.setitem(MODELS, name, replace(kind, train=self._spy(name, kind.train)))

    def _spy(self, name: str, original: Any) -> Any:
        def spied(data: TrainingData, params: Any, *, seed: int, **continued: Any) -> Any:
            self.calls[name].append(data)
            return original(data, params, seed=seed, **continued)

        return spied


# what comes out


@pytest.mark.usefixtures("no_smoke")
def test_training_publishes_activates_and_records(settings: Settings, filled: Store) -> None:
    trained = run_training(settings, filled)
    release = Registry(settings.releases_dir).active()
    assert trained.active
    assert release.version == trained.version
    assert release.current_problem is None
    assert list(release.pipeline.models) == [*MODELS, ENSEMBLE]
    (run,) = filled.runs.newest(5)
    assert (run.status, run.release, run.trigger, run.due) == (RunStatus.SUCCEEDED, trained.version, "command", None)
    assert run.phases == trained.phases
    names = [phase.name for phase in run.phases]
    assert [names[0], names[-1]] == ["reading the store", "publishing"]
    assert sum(name.startswith("training als") for name in names) == 2
    assert all(phase.seconds >= 0 and 0 <= phase.busy <= 1 and phase.peak_mib > 20 for phase in run.phases)
    assert run.message == verdict_sentence(trained.verdict)
    assert run.verdict == verdict_record(trained.verdict).to_json()
    assert run.host
    assert run.finished_at is not None
    assert run.finished_at >= run.started_at
    assert trained.version.endswith(run.run_id[:8])


@pytest.mark.usefixtures("no_smoke")
def test_without_activation_a_release_is_only_published(trained_settings: Settings, trained_store: Store) -> None:
    registry = Registry(trained_settings.releases_dir)
    (first,) = registry.versions()
    second = run_training(trained_settings, trained_store, TrainingRequest(activate=False))
    assert not second.active
    assert set(registry.versions()) == {first, second.version}
    assert registry.active().version == first
    assert [run.status for run in trained_store.runs.newest(5)] == 2 * [RunStatus.SUCCEEDED]


@pytest.mark.usefixtures("no_smoke")
def test_events_that_are_gone_since_the_last_training_keep_the_old_model_unless_forced(
    trained_settings: Settings, trained_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, filled = trained_settings, trained_store
    assert Registry(settings.releases_dir).active().manifest.to_json()["data_checks"] == []
    whole = stored_data(filled, Silent())
    monkeypatch.setattr(steps_module, "stored_data", lambda *_: whole.take(np.arange(len(whole) // 2)))
    old = Registry(settings.releases_dir).current_version()
    kept = run_training(settings, filled)
    assert (kept.version, kept.active) == (None, False)
    assert "events" in verdict_sentence(kept.verdict)
    assert Registry(settings.releases_dir).current_version() == old
    (run,) = [run for run in filled.runs.newest(5) if run.status is RunStatus.KEPT]
    assert run.release is None
    assert run.message.startswith("kept the old model: events: ")
    forced = run_training(settings, filled, TrainingRequest(force=True))
    assert forced.active
    assert verdict_sentence(forced.verdict).startswith("promoted by --force, although events: ")
    warnings = Registry(settings.releases_dir).active().manifest.to_json()["data_checks"]
    assert any("events" in warning and "expected" in warning for warning in warnings)
    assert "--force" in [run.verdict["overridden"] for run in filled.runs.newest(5) if run.verdict]


def test_the_manifest_records_data_settings_parameters_and_figures(
    trained_settings: Settings, trained_store: Store
) -> None:
    manifest: dict[str, Any] = Registry(trained_settings.releases_dir).active().manifest.to_json()
    here = trained_store.summary()
    assert manifest["data"].pop("changed_at") == trained_store.events.changed_at() < manifest["data"].pop("read_at")
    assert manifest["data"] == {
        "source": "store",
        "n_events": here.n_events,
        "n_users": here.n_users,
        "n_items": len({row for batch in trained_store.events.read() for row in batch.product_id}),
        "newest_at": here.newest_at,
    }
    assert manifest["settings"] == {
        "seed": 1,
        "test_share": 0.2,
        "relevant_rating": 4.0,
        "evaluated_users": 5_000,
        "rating_min": 1.0,
        "rating_max": 5.0,
    }
    assert manifest["params"][SVD]["factors"] == 4
    assert manifest["params"][SVD]["epochs"] == 3
    assert set(manifest["params"]) == set(MODELS)
    assert set(manifest["metrics"]["rmse"]) == {name for name, kind in MODELS.items() if kind.rates}
    assert set(manifest["metrics"]["ndcg_at_10"]) == {name for name, kind in MODELS.items() if kind.lists} | {ENSEMBLE}
    trainers = {"numba", "scikit-surprise", "lightgbm"}
    assert set(manifest["libraries"]) == trainers | {"numpy", "scipy", "pandas"}
    assert "List to serve: " in manifest["verdict"]
    assert manifest["fit_seconds"] >= 0
    assert "tests" not in json.dumps(manifest["settings"])


def test_the_release_serves_by_default_the_list_that_ranked_best(trained_settings: Settings) -> None:
    release = Registry(trained_settings.releases_dir).active()
    ranked = release.manifest.to_json()["metrics"]["ndcg_at_10"]
    assert ranked[release.manifest.to_json()["default_model"]] == max(ranked.values())
    assert release.pipeline.default == release.manifest.to_json()["default_model"]


def test_no_api_key_is_written_into_a_release(trained_settings: Settings) -> None:
    for path in trained_settings.releases_dir.rglob("*.json"):
        text = path.read_text()
        for key in (trained_settings.write_keys, trained_settings.admin_keys):
            assert key not in text


@pytest.mark.usefixtures("no_smoke")
@pytest.mark.parametrize(
    ("asked", "held"),
    [((POPULARITY,), [POPULARITY]), ((SVD,), [POPULARITY, SVD])],
)
def test_popularity_is_trained_beside_every_model(
    settings: Settings, filled: Store, asked: tuple[str, ...], held: list[str]
) -> None:
    run_training(settings, filled, TrainingRequest(models=asked))
    assert list(Registry(settings.releases_dir).active().pipeline.models) == held


@pytest.mark.usefixtures("no_smoke")
def test_training_from_a_file_does_not_look_into_the_store(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_events(store, [Event("of the store", "p", EventKind.RATING, 4.0, 100)])
    rows = [f"u{n % 7},p{n % 5},{1 + n % 5},{1_700_000_000 + n}" for n in range(35)]
    (tmp_path / "of a file.csv").write_text("user,product,rating,time\n" + "\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)
    run_training(settings, store, TrainingRequest(data=Path("of a file.csv")))
    release = Registry(settings.releases_dir).active()
    assert release.manifest.to_json()["data"]["source"] == str(tmp_path / "of a file.csv")
    assert (release.manifest.to_json()["data"]["n_users"], release.manifest.to_json()["data"]["n_items"]) == (7, 5)
    assert release.pipeline.users.idx_of("of the store") is None
    assert store.summary().n_events == 1


@pytest.mark.usefixtures("no_smoke")
def test_training_from_an_export_gives_the_figures_and_arrays_of_the_store(
    trained_settings: Settings, trained_store: Store, tmp_path: Path
) -> None:
    export(trained_settings, trained_store, tmp_path / "export.csv")
    (version,) = Registry(trained_settings.releases_dir).versions()
    # Tuning starts from the release that is here.
    elsewhere = trained_settings.model_copy(update={"var": tmp_path / "elsewhere"})
    other = run_training(elsewhere, trained_store, TrainingRequest(data=tmp_path / "export.csv"))
    first, second = trained_settings.releases_dir / version, elsewhere.releases_dir / str(other.version)
    assert json.loads((first / "report.json").read_text()) == json.loads((second / "report.json").read_text())
    arrays = list(first.rglob("*.npy"))
    assert len(arrays) > 50
    for path in arrays:
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path


# measuring


def test_the_figures_of_the_release_are_those_of_a_later_evaluation(
    trained_settings: Settings, trained_store: Store
) -> None:
    report, _ = evaluate(trained_settings, trained_store, None, Silent())
    version = Registry(trained_settings.releases_dir).active().version
    kept = json.loads((trained_settings.releases_dir / version / "report.json").read_text())
    assert kept == json.loads(json.dumps(report.to_json()))
    assert kept["lists"]
    assert kept["ratings"]


@pytest.mark.usefixtures("no_smoke")
@pytest.mark.parametrize("workflow", ["train", "evaluate"])
def test_no_row_is_scored_that_the_measured_model_was_trained_on(
    trained_settings: Settings, trained_store: Store, monkeypatch: pytest.MonkeyPatch, workflow: str
) -> None:
    settings, filled = trained_settings, trained_store
    scored: list[Split] = []
    measure = fit_module.measure

    def spy(pipeline: Any, parts: Split, **kwargs: Any) -> Any:
        scored.append(parts)
        return measure(pipeline, parts, **kwargs)

    tuned_on: list[Split] = []
    tune = plans_module.tune_ensemble

    def spy_on_tuning(parts: Split, *args: Any) -> Any:
        tuned_on.append(parts)
        return tune(parts, *args)

    monkeypatch.setattr(fit_module, "measure", spy)
    monkeypatch.setattr(plans_module, "tune_ensemble", spy_on_tuning)
    learnt = LearntFrom(monkeypatch)
    if workflow == "train":
        run_training(settings, filled)
    else:
        evaluate(settings, filled, None, Silent())
    (parts,) = scored
    test = rows_of(parts.test)
    assert test
    for name, calls in learnt.calls.items():
        *before, last = calls if workflow == "train" else [*calls, None]
        assert before, name
        for data in before:  # tuned, and measured
            assert not rows_of(data) & test, name
            assert data.events.at.max() < parts.test.events.at.min()
        assert len(before[-1]) == len(parts.train)
        # What is served afterwards has learnt from everything.
        assert last is None or len(rows_of(last)) == filled.summary().n_events
    assert len(tuned_on) == (workflow == "train")
    for tuning in tuned_on:
        assert not (rows_of(tuning.train) | rows_of(tuning.test)) & test
        assert not rows_of(tuning.train) & rows_of(tuning.test)


# runs


@pytest.mark.usefixtures("no_smoke")
def test_a_due_moment_has_one_run_and_the_second_does_nothing(settings: Settings, filled: Store) -> None:
    job = TrainingRequest(models=(POPULARITY,), trigger="night", due=1_700_000_000)
    first = run_training(settings, filled, job)
    assert train(settings, filled, job, Silent()) is None
    (run,) = filled.runs.newest(5)
    assert (run.trigger, run.due, run.release) == ("night", 1_700_000_000, first.version)
    assert Registry(settings.releases_dir).versions() == [first.version]
    assert trainer_lock(settings).owner() is None


@pytest.mark.usefixtures("no_smoke")
def test_a_nightly_training_deletes_old_served_lists_and_checks_the_store(settings: Settings, filled: Store) -> None:
    now = int(time.time())
    ages = {f"r{days}": now - days * DAY for days in (0, 29, 31, 400)}
    lists = [ServedList(name, number, at, "v", "user", None, ()) for number, (name, at) in enumerate(ages.items())]
    filled.served_lists.add(lists)
    run_training(settings, filled, TrainingRequest(models=(POPULARITY,), trigger="night", due=1_700_000_000))
    assert [each.request_id for each in filled.served_lists.newest(9)] == ["r0", "r29"]
    check = last_check(settings.store_check_path)
    assert check is not None
    assert check.fault == ""


@pytest.mark.usefixtures("no_smoke")
def test_a_failed_run_uses_up_its_due_moment(settings: Settings, store: Store, shop: SyntheticShop) -> None:
    job = TrainingRequest(trigger="night", due=1_700_000_000)
    with pytest.raises(NoData):
        train(settings, store, job, Silent())
    store.events.add(shop.events)
    assert train(settings, store, job, Silent()) is None


def test_an_empty_store_is_recorded_as_a_failed_run(settings: Settings, store: Store) -> None:
    with pytest.raises(NoData, match=r"run python data_processing\.py FILE"):
        train(settings, store, TrainingRequest(), Silent())
    (run,) = store.runs.newest(5)
    assert run.status is RunStatus.FAILED
    assert "the store holds no events" in run.message
    assert run.finished_at is not None
    assert run.release is None
    assert trainer_lock(settings).owner() is None


def test_too_little_address_space_is_recorded_as_a_failed_run(
    settings: Settings, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address_space, "_limit_mib", lambda: 2_100)
    with pytest.raises(LimitReached):
        train(settings, filled, TrainingRequest(), Silent())
    (run,) = filled.runs.newest(5)
    assert run.status is RunStatus.FAILED
    assert "2,100 MiB of address space" in run.message


def test_a_single_event_is_recorded_as_a_failed_run(settings: Settings, store: Store) -> None:
    record_events(store, [Event("u", "p", EventKind.RATING, 4.0, 100)])
    with pytest.raises(NoData, match="Expected at least 2"):
        train(settings, store, TrainingRequest(), Silent())
    assert store.runs.newest(1)[0].status is RunStatus.FAILED


def test_a_missing_file_is_recorded_as_a_failed_run(settings: Settings, store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnusableFile):
        train(settings, store, TrainingRequest(data=tmp_path / "missing.csv"), Silent())
    assert store.runs.newest(1)[0].status is RunStatus.FAILED


def test_a_run_that_a_killed_trainer_left_running_is_closed_as_interrupted(settings: Settings, store: Store) -> None:
    store.runs.save(Run("killed", "night", 1_700_000_000, RunStatus.RUNNING, due=1_700_000_000))
    store.runs.save(Run("fine", "night", 1_600_000_000, RunStatus.SUCCEEDED, finished_at=1_600_000_001))
    with pytest.raises(NoData):
        train(settings, store, TrainingRequest(), Silent())
    runs = {run.run_id: run for run in store.runs.newest(5)}
    assert runs["killed"].status is RunStatus.INTERRUPTED
    assert "killed" in runs["killed"].message
    assert runs["killed"].finished_at is not None
    assert runs["fine"].status is RunStatus.SUCCEEDED
    assert runs["fine"].message == ""


def test_no_training_begins_while_another_process_trains(settings: Settings, filled: Store) -> None:
    code = (
        "import sys; from pathlib import Path; from src.workflows.locks import FileLock, LockOwner;"
        "lock = FileLock(Path(sys.argv[1]));"
        "print(lock.acquire(LockOwner('elsewhere', 7)), flush=True); sys.stdin.read()"
    )
    lock = trainer_lock(settings)
    command = [sys.executable, "-c", code, str(lock.path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "True\n"
        store_before = filled.runs.newest(5)
        with pytest.raises(Busy, match="elsewhere:7"):
            train(settings, filled, TrainingRequest(), Silent())
        assert filled.runs.newest(5) == store_before == []
        other.stdin.close()
    assert lock.acquire(LockOwner("us"))
    lock.release()


# failures


@pytest.mark.usefixtures("no_smoke")
@pytest.mark.parametrize("where", ["learning", "measuring", "publishing", "activating"])
def test_a_failure_in_the_middle_leaves_the_old_release_and_a_failed_run(
    trained_settings: Settings, trained_store: Store, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    settings, filled = trained_settings, trained_store
    old = Registry(settings.releases_dir).active()

    def fail(*_: Any, **__: Any) -> Any:
        raise ReleaseError("it broke here")

    with monkeypatch.context() as patch:
        if where == "learning":
            patch.setitem(MODELS, SVD, replace(MODELS[SVD], train=fail))
        elif where == "measuring":
            patch.setattr(fit_module, "measure", fail)
        elif where == "publishing":
            patch.setattr("src.releases.release.fsync", fail)
        else:
            patch.setattr(Registry, "activate", fail)
        with pytest.raises(ReleaseError, match="it broke here"):
            train(settings, filled, TrainingRequest(), Silent())
    failed = next(run for run in filled.runs.newest(5) if run.release is None)
    assert failed.status is RunStatus.FAILED
    assert failed.message == "it broke here"
    assert Registry(settings.releases_dir).active().version == old.version
    assert trainer_lock(settings).owner() is None
    new = run_training(settings, filled)
    assert Registry(settings.releases_dir).active().version == new.version
    assert list(settings.releases_dir.glob(".tmp-*")) == []


def test_an_error_without_words_is_recorded_by_its_name(
    settings: Settings, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise LookupError

    monkeypatch.setitem(MODELS, SVD, replace(MODELS[SVD], train=fail))
    with pytest.raises(LookupError):
        train(settings, filled, TrainingRequest(), Silent())
    assert filled.runs.newest(1)[0].message == "LookupError"


@pytest.mark.usefixtures("no_smoke")
def test_training_works_outside_of_the_main_thread(settings: Settings, filled: Store) -> None:
    trained: list[Trained] = []
    job = TrainingRequest(models=(POPULARITY,))
    thread = threading.Thread(target=lambda: trained.append(run_training(settings, filled, job)))
    thread.start()
    thread.join()
    assert Registry(settings.releases_dir).active().version == trained[0].version


@pytest.mark.usefixtures("no_smoke")
def test_the_sigterm_handler_is_restored(settings: Settings, filled: Store) -> None:
    before = signal.getsignal(signal.SIGTERM)
    run_training(settings, filled, TrainingRequest(models=(POPULARITY,)))
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_ends_a_training_and_it_is_recorded_as_interrupted(
    settings: Settings, filled: Store, opened: Callable[[Settings], Store]
) -> None:
    environment = {
        **os.environ,
        "AISLE_VAR": str(settings.var),
        "AISLE_SVD_EPOCHS": "1000",
        "AISLE_SVD_FACTORS": "100",
        "AISLE_TUNE_SECONDS": "0",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, str(ROOT / "train_model.py")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as training:
        assert training.stdout is not None
        assert training.stderr is not None
        for line in training.stdout:
            if line.startswith("training svd"):
                training.send_signal(signal.SIGTERM)
                break
        said = training.stderr.read()
        training.stdout.read()
        assert training.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM
    assert said == "ended by SIGTERM; what was finished before is kept\n"
    (run,) = filled.runs.newest(5)
    assert (run.status, run.message, run.release) == (RunStatus.INTERRUPTED, "ended by SIGTERM", None)
    registry = Registry(settings.releases_dir)
    assert registry.versions() == []
    with pytest.raises(NoRelease):
        registry.active()
    lock = trainer_lock(settings)
    assert lock.acquire(LockOwner("the next one"))
    lock.release()


def test_a_release_of_the_made_up_shop_is_not_activated_once_real_data_replaced_it(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(n_users=30, n_products=20, until=1_700_000_000)
    store.products.add(shop.products)
    store.events.add(shop.events)
    learn = steps_module.fit

    def learn_while_a_file_is_loaded(*arguments: Any) -> Any:
        store.delete_synthetic()
        return learn(*arguments)

    monkeypatch.setattr(steps_module, "fit", learn_while_a_file_is_loaded)
    with pytest.raises(AisleError, match=r"made-up shop.*train_model\.py again"):
        train(settings, store, TrainingRequest(), Silent())
    assert Registry(settings.releases_dir).current_version() is None
    assert store.runs.newest(1)[0].status is RunStatus.FAILED
