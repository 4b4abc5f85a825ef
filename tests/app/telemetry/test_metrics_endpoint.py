"""GET /metrics sums the counts of all workers of a host, including ended ones."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app.context import context_of
from app.telemetry.metric_files import Metric
from app.telemetry.metrics import BUCKETS, EVENTS_TOLD, REQUESTS, SECONDS, Metrics
from src.core.errors import StoreError
from src.core.records import Run, RunStatus
from src.core.worker_slots import host_folder, remove_stale_slots
from src.store import Store
from src.store.product_store import ProductStore

HISTORY = {"user_id": "U00001", "product_id": "P00001", "kind": "purchase"}
_fork = multiprocessing.get_context("fork")


def samples(text: bytes | str) -> dict[tuple[str, ...], float]:
    """(name, values of labels in the order of their names) → value."""
    lines = text.decode() if isinstance(text, bytes) else text
    found = {}
    for family in text_string_to_metric_families(lines):
        for sample in family.samples:
            key = (sample.name, *(value for _, value in sorted(sample.labels.items())))
            assert key not in found, f"{key} stands there twice"
            found[key] = sample.value
    return found


@pytest.fixture
def read(client: FlaskClient) -> Callable[[], dict[tuple[str, ...], float]]:
    def ask() -> dict[tuple[str, ...], float]:
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert answer.content_type.startswith("text/plain; version=0.0.4")
        return samples(answer.data)

    return ask


Read = Callable[[], dict[tuple[str, ...], float]]


@pytest.fixture
def counts(tmp_path: Path) -> Iterator[Metrics]:
    counting = Metrics(tmp_path / "metrics")
    yield counting
    counting.close()


def test_requests_are_counted_by_route_method_and_status(client: FlaskClient, read: Read) -> None:
    for path in ("/healthz", "/healthz", "/products/P00001", "/products/P00002", "/products/nobody", "/nowhere/at/all"):
        client.get(path)
    client.open("/healthz", method="BREW")
    found = read()
    assert found["aisle_requests_total", "GET", "/healthz", "200"] == 2
    assert found["aisle_requests_total", "GET", "/products/<id:product_id>", "200"] == 2
    assert found["aisle_requests_total", "GET", "/products/<id:product_id>", "404"] == 1
    assert found["aisle_requests_total", "GET", "none", "404"] == 1
    assert found["aisle_requests_total", "other", "none", "405"] == 1
    assert found["aisle_request_seconds_count", "/healthz"] == 2


def test_no_label_has_values_chosen_by_clients(client: FlaskClient, as_writer: dict[str, str], read: Read) -> None:
    client.get("/products/canary-1")
    client.get("/canary-2?x=canary-3", headers={"X-Request-Id": "canary-4", "User-Agent": "canary-5"})
    client.post("/search", json={"query": "canary-6"})
    client.post("/recommend", json={"user_id": "canary-7", "model": "canary-8"})
    client.post("/events", json={**HISTORY, "kind": "canary-9"}, headers=as_writer)
    client.open("/healthz", method="CANARY")
    assert "canary" not in str(read()).lower()


def test_duration_buckets_are_cumulative_up_to_the_number_of_requests(client: FlaskClient, read: Read) -> None:
    for _ in range(3):
        client.get("/healthz")
    found = read()
    buckets = [value for key, value in found.items() if key[0] == "aisle_request_seconds_bucket" and "/healthz" in key]
    assert len(buckets) == len(BUCKETS)
    assert buckets == sorted(buckets)
    assert buckets[-1] == found["aisle_request_seconds_count", "/healthz"] == 3
    assert 0 < found["aisle_request_seconds_sum", "/healthz"] < 3


def test_lists_are_counted_by_source_and_cache_hit(client: FlaskClient, read: Read) -> None:
    for _ in range(3):
        client.post("/recommend", json={"user_id": "U00001", "model": "als"})
    client.post("/search", json={"query": "steel pan"})
    client.post("/matrix_factor/similar", json={"item_id": "P00001"})
    everything = [f"P{number:05d}" for number in range(1, 60)]
    client.post("/recommend", json={"user_id": "U00001", "exclude": everything})
    found = read()
    assert found["aisle_cache_total", "miss"] == 2
    assert found["aisle_cache_total", "hit"] == 2
    assert found["aisle_lists_total", "text", "search"] == 1
    assert sum(value for key, value in found.items() if key[:2] == ("aisle_lists_total", "user")) == 4
    assert sum(value for key, value in found.items() if key[:2] == ("aisle_lists_total", "product")) == 1
    assert found["aisle_empty_lists_total", "user"] == 1
    assert sum(value for key, value in found.items() if key[:2] == ("aisle_places_total", "user")) == 30


def test_a_list_that_was_made_and_not_answered_is_not_counted(
    client: FlaskClient, flask_app: Flask, monkeypatch: pytest.MonkeyPatch, read: Read
) -> None:
    def broken(*_: object) -> Any:
        raise StoreError("no")

    monkeypatch.setattr(ProductStore, "get", broken)
    assert client.post("/recommend", json={"user_id": "U00001", "detail": True}).status_code == 503
    assert not [key for key in read() if key[0] == "aisle_lists_total"]


def test_events_are_counted_by_result_and_kind(client: FlaskClient, as_writer: dict[str, str], read: Read) -> None:
    event = {**HISTORY, "event_id": "e1"}
    client.post("/events", json=[event, event, {**event, "event_id": "e2", "kind": "cart"}, {}], headers=as_writer)
    client.post("/events", json={"user_id": "u"}, headers=as_writer)
    found = read()
    assert {key[1]: value for key, value in found.items() if key[0] == "aisle_events_total"} == {
        "stored": 2,
        "repeated": 1,
        "refused": 2,
    }
    assert found["aisle_events_taken_total", "purchase"] == 2
    assert found["aisle_events_taken_total", "cart"] == 1


def test_trainings_are_counted_as_the_store_has_them(trained_store: Store, read: Read) -> None:
    trained_store.runs.save(Run("r1", "night", 100, RunStatus.FAILED, 90, 170))
    trained_store.runs.save(Run("r2", "night", 200, RunStatus.FAILED, 190, 260))
    found = read()
    assert found["aisle_runs_total", "failed"] == 2
    assert found["aisle_runs_total", "succeeded"] == 1
    assert found["aisle_run_last_seconds", "failed"] == 260
    assert found["aisle_store_up",] == 1


def test_workers_are_counted_by_the_release_they_serve_and_dead_ones_are_not(flask_app: Flask, read: Read) -> None:
    recommender = context_of(flask_app).recommender
    recommender.announce()
    found = read()
    assert found["aisle_release_info", recommender.version] == 1
    dead = _fork.Process(target=recommender.announce)
    dead.start()
    dead.join()
    assert len(recommender.workers()) == 2
    assert read()["aisle_release_info", recommender.version] == 1
    recommender.leave()


def test_a_store_that_does_not_answer_is_reported_beside_the_other_metrics(
    flask_app: Flask, monkeypatch: pytest.MonkeyPatch, read: Read
) -> None:
    def broken(*_: object) -> Any:
        raise StoreError("no")

    monkeypatch.setattr(type(context_of(flask_app).store.runs), "count_by_status", broken)
    read()
    found = read()
    assert found["aisle_store_up",] == 0
    assert found["aisle_requests_total", "GET", "/metrics", "200"] == 1


def test_reading_metrics_needs_a_key_where_reading_does(
    trained_settings: Any, make_app: Callable[[Any], Flask], is_problem: Callable[[Any, int], dict[str, Any]]
) -> None:
    client = make_app(trained_settings.model_copy(update={"read_keys": "secret"})).test_client()
    is_problem(client.get("/metrics"), 401)
    assert client.get("/metrics", headers={"Authorization": "Bearer secret"}).status_code == 200


def _count(folder: Path, times: int, then: Callable[[], None]) -> None:
    counting = Metrics(folder)
    for _ in range(times):
        counting.add(EVENTS_TOLD, "stored")
        counting.observe(SECONDS, "/here", seconds=[0.004])
    then()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _run(folder: Path, times: int, then: Callable[[], None]) -> Any:
    process = _fork.Process(target=_count, args=(folder, times, then))
    process.start()
    return process


def test_nothing_is_lost_and_files_stay_few_however_often_workers_are_killed(counts: Metrics, tmp_path: Path) -> None:
    for worker in range(1, 11):
        process = _run(tmp_path / "metrics", 10, _die)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        found = samples(counts.text())
        assert found["aisle_events_total", "stored"] == 10 * worker
        assert found["aisle_request_seconds_count", "/here"] == 10 * worker
        assert found["aisle_request_seconds_sum", "/here"] == pytest.approx(0.04 * worker)
    assert len(list(counts.folder.glob("*.db"))) == 2


def test_workers_that_count_at_once_are_added_up(counts: Metrics, tmp_path: Path) -> None:
    counts.add(EVENTS_TOLD, "stored")
    processes = [_run(tmp_path / "metrics", 500, lambda: None) for _ in range(4)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    found = samples(counts.text())
    assert found["aisle_events_total", "stored"] == 2_001
    assert found["aisle_request_seconds_bucket", "0.005", "/here"] == 2_000
    assert found["aisle_request_seconds_bucket", "0.0025", "/here"] == 0
    assert 4 <= len(list(counts.folder.glob("*.db"))) <= 10


def test_a_process_that_is_forked_counts_in_files_of_its_own(counts: Metrics) -> None:
    counts.add(EVENTS_TOLD, "stored")
    child = _fork.Process(target=counts.add, args=(EVENTS_TOLD, "stored"))
    child.start()
    child.join()
    counts.add(EVENTS_TOLD, "stored")
    assert samples(counts.text())["aisle_events_total", "stored"] == 3


def test_a_new_service_counts_from_zero_and_keeps_files_of_live_workers(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    _run(folder, 5, lambda: None).join()
    remove_stale_slots(folder)
    living = Metrics(folder)
    assert samples(living.text()) == {}
    living.add(EVENTS_TOLD, "stored")
    remove_stale_slots(folder)
    assert samples(living.text())["aisle_events_total", "stored"] == 1
    living.close()


def test_folders_of_hosts_that_are_no_more_are_removed_after_a_day(tmp_path: Path) -> None:
    old, new = tmp_path / "metrics" / "old-container", tmp_path / "metrics" / "other-container"
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "counter_0.db").write_bytes(b"")
    os.utime(old / "counter_0.db", (time.time() - 90_000,) * 2)
    remove_stale_slots(tmp_path / "metrics")
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("content", [b"", b"\xff" * 4_096, b"\x40\x00\x00\x00" + b"\xff" * 100])
def test_a_damaged_file_loses_only_its_own_counts(counts: Metrics, tmp_path: Path, content: bytes) -> None:
    counts.add(EVENTS_TOLD, "stored")
    (counts.folder / "counter_1.db").write_bytes(content)
    assert samples(counts.text())["aisle_events_total", "stored"] == 1
    other = Metrics(tmp_path / "metrics")
    other.add(EVENTS_TOLD, "stored")
    assert samples(counts.text())["aisle_events_total", "stored"] == 2
    other.close()


def test_labels_without_end_are_not_counted_without_end(counts: Metrics) -> None:
    for number in range(5_000):
        counts.add(REQUESTS, f"/{number}", "GET", "200")
    counted = [key for key in samples(counts.text()) if key[0] == "aisle_requests_total"]
    assert 2_000 < len(counted) <= 2_500
    assert sum(path.stat().st_size for path in counts.folder.iterdir()) <= 2 * 1_048_576


def test_requests_are_answered_without_a_writable_metrics_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "metrics").write_text("a file where the folder should be")
    counting = Metrics(tmp_path / "metrics")
    for _ in range(3):
        counting.add(EVENTS_TOLD, "stored")
    assert samples(counting.text()) == {}
    assert caplog.text.count("nothing is counted") == 1


def test_a_text_in_a_label_or_a_help_is_written_as_prometheus_reads_it(counts: Metrics) -> None:
    counts.add(Metric("aisle_odd", 'a "help"\nof \\ two lines', ("text",)), 'a "quoted"\n\\ text')
    assert samples(counts.text()) == {("aisle_odd_total", 'a "quoted"\n\\ text'): 1.0}


def test_files_are_of_this_host(counts: Metrics, tmp_path: Path) -> None:
    counts.add(EVENTS_TOLD, "stored")
    assert counts.folder == host_folder(tmp_path / "metrics")
    assert sorted(path.name for path in counts.folder.iterdir()) == ["0.lock", "counter_0.db", "histogram_0.db"]
