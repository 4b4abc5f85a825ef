"""The score of the current release on new events: saved, drawn, and a training requested on drift."""

from __future__ import annotations

from dataclasses import replace

import pytest

from src.core.domain import Event, EventKind
from src.core.errors import NoRelease
from src.core.progress import Silent
from src.core.records import Run, RunStatus, Score
from src.core.settings import Settings
from src.evaluation.drift import DriftKind, describe_drift, detect_drift
from src.evaluation.task_lists import query_for_new
from src.releases.registry import Registry
from src.store import Store
from src.workflows.drift_check import check_drift
from src.workflows.record_events import record_events
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest

NOW = 1_800_000_000


def buy_what_is_listed(store: Store, settings: Settings, n_users: int, place: int) -> None:
    """Let each user buy the product at one place of the list of products that she has no event with."""
    pipeline = Registry(settings.releases_dir).active().pipeline
    bought = []
    for user in pipeline.users.ids_of(range(n_users)):
        listed = pipeline.recommend(query_for_new(user, tuple(store.events.history(user))))
        bought.append(Event(user, listed[place].product_id, EventKind.PURCHASE, at=NOW, event_id=f"buy-{user}-{place}"))
    record_events(store, bought)


def test_a_shop_that_buys_what_is_listed_scores_well(trained_settings: Settings, trained_store: Store) -> None:
    buy_what_is_listed(trained_store, trained_settings, 40, place=0)
    score, job = check_drift(trained_settings, trained_store, Silent(), now=NOW)
    assert job is None
    assert (score.n_events, score.n_users) == (40, 40)
    assert score.ndcg_at_10 == score.recall_at_10 == 1.0
    assert score.coverage is not None
    assert 0 < score.coverage <= 1
    assert score.rmse is None
    assert trained_store.runs.scores(5) == [score]
    picture = (trained_settings.reports_dir / "scores.svg").read_text()
    assert picture.startswith("<?xml")
    assert "<svg" in picture


def test_only_what_came_since_the_release_counts(trained_settings: Settings, trained_store: Store) -> None:
    score, job = check_drift(trained_settings, trained_store, Silent(), now=NOW)
    assert (score.n_events, score.ndcg_at_10, job) == (0, None, None)
    assert "no event is newer" in score.message
    record_events(trained_store, [Event("U00001", "P00001", EventKind.RATING, 5.0, NOW)])
    rated, _ = check_drift(trained_settings, trained_store, Silent(), now=NOW + 1)
    assert rated.n_ratings == 1
    predicted = Registry(trained_settings.releases_dir).active().pipeline.predict("U00001", "P00001").rating
    assert rated.rmse == pytest.approx(abs(5.0 - predicted), abs=1e-5)


def test_a_new_product_is_one_that_the_lists_miss(trained_settings: Settings, trained_store: Store) -> None:
    events = [Event(f"U{n:05d}", "brand new", EventKind.PURCHASE, at=NOW, event_id=f"e{n}") for n in range(1, 40)]
    record_events(trained_store, events)
    score, _ = check_drift(trained_settings, trained_store, Silent(), now=NOW)
    assert (score.n_users, score.recall_at_10) == (39, 0.0)


def scored(store: Store, ndcg: float, nights: int = 5) -> None:
    for night in range(nights):
        at = NOW - (nights - night) * 86_400
        store.runs.save_score(Score(at, "R", 100, 100, ndcg_at_10=ndcg, ndcg_low=ndcg, ndcg_high=ndcg))


def test_drift_requests_a_training_once_a_day_and_gives_the_reason(
    trained_settings: Settings, trained_store: Store
) -> None:
    scored(trained_store, 0.5)
    events = [Event(f"U{n:05d}", "brand new", EventKind.PURCHASE, at=NOW, event_id=f"e{n}") for n in range(1, 60)]
    record_events(trained_store, events)
    score, job = check_drift(trained_settings, trained_store, Silent(), now=NOW)
    assert job is not None
    assert job.trigger == "drift"
    assert job.why == score.message
    drift = detect_drift(score, trained_store.runs.scores(10)[1:], trained_settings.drift_fall)
    assert drift is not None
    assert (drift.kind, drift.now, drift.before) == (DriftKind.LISTS, 0.0, 0.5)
    assert score.message == describe_drift(drift)
    trained_store.runs.save(Run("early", "drift", NOW, RunStatus.SUCCEEDED))
    score, job = check_drift(trained_settings, trained_store, Silent(), now=NOW + 6 * 3_600)
    assert job is None
    assert "today already" in score.message
    _, job = check_drift(trained_settings, trained_store, Silent(), now=NOW + 24 * 3_600)
    assert job is not None


@pytest.mark.usefixtures("no_smoke")
def test_the_run_and_the_release_record_the_reason_of_an_early_training(
    trained_settings: Settings, trained_store: Store
) -> None:
    trained = train(trained_settings, trained_store, TrainingRequest(trigger="drift", why="NDCG@10 fell"), Silent())
    assert trained is not None
    (run,) = [run for run in trained_store.runs.newest(5) if run.trigger == "drift"]
    assert run.message.startswith("NDCG@10 fell. promoted: ")
    assert Registry(trained_settings.releases_dir).active().manifest.to_json()["why"] == "NDCG@10 fell"


@pytest.mark.usefixtures("no_smoke")
def test_a_nightly_training_scores_the_current_release_first(trained_settings: Settings, trained_store: Store) -> None:
    before = Registry(trained_settings.releases_dir).current_version()
    buy_what_is_listed(trained_store, trained_settings, 35, place=2)
    train(trained_settings, trained_store, TrainingRequest(trigger="night", due=1_700_000_000), Silent())
    (score,) = trained_store.runs.scores(5)
    assert score.release == before
    assert score.n_users == 35
    assert Registry(trained_settings.releases_dir).current_version() != before


def test_without_a_release_there_is_nothing_to_score(settings: Settings, store: Store) -> None:
    with pytest.raises(NoRelease):
        check_drift(settings, store, Silent())
    assert store.runs.scores(5) == []


def test_a_release_that_learnt_from_a_file_is_not_scored_and_says_why(
    trained_settings: Settings, trained_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Registry(trained_settings.releases_dir).active()
    assert release.manifest.data is not None
    data = release.manifest.data.model_copy(update={"source": "/a/file.csv"})
    manifest = release.manifest.model_copy(update={"data": data})
    monkeypatch.setattr(Registry, "current", lambda self: replace(release, manifest=manifest))
    score, job = check_drift(trained_settings, trained_store, Silent(), now=NOW)
    assert job is None
    assert "it is not scored" in score.message
