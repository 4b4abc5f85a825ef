"""Nightly trainings without supervision: changes of the data neither spoil the release nor stop new ones."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text

from src.core.domain import Event, EventKind
from src.core.progress import Silent
from src.core.records import RunStatus
from src.core.settings import Settings
from src.releases.gate_messages import verdict_sentence
from src.releases.registry import Registry
from src.store import Store
from src.workflows.record_events import record_events
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest
from src.workflows.training_results import Trained

pytestmark = pytest.mark.usefixtures("no_smoke")
FIRST_NIGHT = 1_800_000_000


def night(settings: Settings, store: Store, number: int) -> Trained:
    trained = train(settings, store, TrainingRequest(trigger="night", due=FIRST_NIGHT + number), Silent())
    assert trained is not None
    return trained


def ratings(n_users: int, n_events: int, at: int = 1_700_000_000) -> list[Event]:
    """Return one rating per hour, by each user in turn."""
    return [
        Event(f"u{n % n_users}", f"p{n * 7 % 23}", EventKind.RATING, 1.0 + n * 3 % 5, at + 3_600 * n)
        for n in range(n_events)
    ]


def test_a_small_shop_gets_a_new_release_every_night(settings: Settings, store: Store) -> None:
    tuning = settings.model_copy(update={"tune_seconds": 1.0})
    record_events(store, ratings(30, 400))
    releases = set()
    for number in range(3):
        record_events(store, [Event(f"new{number}", "p1", EventKind.RATING, 5.0, 1_702_000_000 + number)])
        trained = night(tuning.model_copy(update={"seed": number}), store, number)
        assert trained.active, verdict_sentence(trained.verdict)
        assert Registry(settings.releases_dir).current().pipeline.users.idx_of(f"new{number}") is not None
        releases.add(trained.version)
    assert len(releases) == 3


def test_a_shop_whose_events_have_no_times_is_trained_every_night(settings: Settings, store: Store) -> None:
    record_events(store, ratings(30, 300))
    with store.database.write() as connection:
        connection.execute(text("UPDATE events SET at = -1"))
    for number in range(2):
        trained = night(settings, store, number)
        assert trained.active
        assert trained.report is not None
        assert trained.report.how == "random"


def test_a_sales_season_with_twice_the_events_is_trained(trained_settings: Settings, trained_store: Store) -> None:
    before = Registry(trained_settings.releases_dir).current().manifest.to_json()["data"]["n_events"]
    record_events(
        trained_store,
        [
            Event(f"sale{n % 200}", f"P{1 + n % 30:05d}", EventKind.PURCHASE, at=1_790_000_000 + n, event_id=f"s{n}")
            for n in range(2 * before)
        ],
    )
    assert night(trained_settings, trained_store, 0).active


def test_events_that_are_dated_tomorrow_are_trained_today_and_tomorrow(
    trained_settings: Settings, trained_store: Store
) -> None:
    tomorrow = int(time.time()) + 80_000
    record_events(trained_store, [Event("u", "P00001", EventKind.PURCHASE, at=tomorrow, event_id="tomorrow")])
    assert night(trained_settings, trained_store, 0).active
    assert night(trained_settings, trained_store, 1).active


def test_a_store_that_lost_its_events_keeps_the_old_release(trained_settings: Settings, trained_store: Store) -> None:
    registry = Registry(trained_settings.releases_dir)
    before = registry.current_version()
    with trained_store.database.write() as connection:
        connection.execute(text("DELETE FROM events WHERE user_id IN (SELECT user_id FROM events GROUP BY user_id "
                                "ORDER BY user_id DESC LIMIT 20)"))  # fmt: skip
    for number in range(2):
        kept = night(trained_settings, trained_store, number)
        assert kept.version is None
        assert "events: " in verdict_sentence(kept.verdict)
        assert registry.current_version() == before
    assert [run.status for run in trained_store.runs.newest(2)] == [RunStatus.KEPT] * 2
    forced = train(trained_settings, trained_store, TrainingRequest(force=True), Silent())
    assert forced is not None
    assert forced.active
    assert night(trained_settings, trained_store, 2).active
