"""A running worker loads valid new releases, and keeps the served one otherwise."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from app.serving import release_follower
from app.serving.recommender import Recommender
from src.core.settings import Settings
from src.releases.registry import Registry

USER = "U00003"
Checker = Callable[[Any, int], dict[str, Any]]
Publish = Callable[..., str]


@pytest.fixture
def recommender(flask_app: Flask) -> Recommender:
    found: Recommender = context_of(flask_app).recommender
    return found


@pytest.fixture
def registry(trained_settings: Settings) -> Registry:
    return Registry(trained_settings.releases_dir, keep=50)


def served(client: FlaskClient) -> str:
    return str(client.post("/recommend", json={"user_id": USER}).headers["X-Release"])


def note(client: FlaskClient) -> str:
    return str(client.get("/status").get_json()["release"]["note"])


def damage(registry: Registry, version: str) -> None:
    path = registry.folder / version / "models" / "svd" / "item_bias.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_new_release_is_served_after_a_refresh_and_not_before(
    client: FlaskClient, recommender: Recommender, publish_again: Publish
) -> None:
    old = served(client)
    new = publish_again()
    assert served(client) == old
    assert recommender.refresh()
    assert served(client) == new
    assert client.get("/status").get_json()["release"]["version"] == new
    assert client.get("/popular").headers["X-Release"] == new
    assert client.post("/predict", json={"user_id": "a", "product_id": "b"}).headers["X-Release"] == new


def test_a_refresh_without_news_reads_no_release(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch, publish_again: Publish
) -> None:
    publish_again(activate=False)
    read: list[str] = []
    monkeypatch.setattr(Registry, "load", lambda self, *arguments: read.append(str(arguments)))
    assert not recommender.refresh()
    assert read == []


def test_a_rollback_is_taken_up_too(
    client: FlaskClient, recommender: Recommender, registry: Registry, publish_again: Publish
) -> None:
    old = served(client)
    publish_again()
    recommender.refresh()
    registry.activate(old)
    assert recommender.refresh()
    assert served(client) == old


def test_a_broken_new_release_leaves_the_old_one_serving_and_the_status_says_so(
    client: FlaskClient, recommender: Recommender, registry: Registry, publish_again: Publish
) -> None:
    old = served(client)
    broken = publish_again()
    damage(registry, broken)
    assert not recommender.refresh()
    assert served(client) == old
    assert f"release {broken} is not served" in note(client)
    assert "item_bias.npy was altered or cut" in note(client)
    assert client.get("/readyz").status_code == 200


def test_a_worker_keeps_the_release_that_was_rolled_back_to_and_takes_no_other_in_its_place(
    client: FlaskClient, recommender: Recommender, registry: Registry, publish_again: Publish
) -> None:
    wanted = served(client)
    publish_again()  # newer, served for a while, and rolled back because its lists were bad
    registry.activate(wanted)
    recommender.refresh()
    damage(registry, publish_again())
    recommender.refresh()
    assert served(client) == wanted


@pytest.mark.parametrize("content", ["", "{", "null", '{"version": "../x", "manifest_sha256": "0"}'])
def test_a_broken_pointer_leaves_the_served_release_and_takes_up_none_that_was_never_activated(
    client: FlaskClient, recommender: Recommender, registry: Registry, publish_again: Publish, content: str
) -> None:
    old = served(client)
    publish_again(activate=False)
    (registry.folder / "CURRENT.json").write_text(content)
    assert not recommender.refresh()
    assert served(client) == old
    assert note(client) != ""


def test_releases_that_vanish_while_they_are_served_are_served_on(
    client: FlaskClient, recommender: Recommender, registry: Registry
) -> None:
    old = served(client)
    expected = client.post("/recommend", json={"user_id": USER, "model": "svd"}).get_json()
    shutil.rmtree(registry.folder / old)
    (registry.folder / "CURRENT.json").write_text(json.dumps({"version": old, "manifest_sha256": "0" * 64}))
    recommender.refresh()
    assert served(client) == old
    assert client.post("/recommend", json={"user_id": USER, "model": "svd", "n": 9}).get_json() == expected[:9]
    assert "there is no release" in note(client)


def test_a_broken_release_is_looked_at_again_after_a_while_and_a_mended_one_served(
    client: FlaskClient,
    recommender: Recommender,
    registry: Registry,
    publish_again: Publish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(release_follower.time, "monotonic", lambda: now[0])
    old, new = served(client), publish_again()
    damage(registry, new)
    assert not recommender.refresh()
    damage(registry, new)  # the same bit once more: as it was
    now[0] += 59
    assert not recommender.refresh()
    assert served(client) == old
    now[0] += 2
    assert recommender.refresh()
    assert served(client) == new
    assert note(client) == ""


def test_the_note_goes_when_a_good_release_comes(
    client: FlaskClient, recommender: Recommender, registry: Registry, publish_again: Publish
) -> None:
    damage(registry, publish_again())
    recommender.refresh()
    assert note(client)
    good = publish_again()
    assert recommender.refresh()
    assert (served(client), note(client)) == (good, "")


def test_a_worker_that_starts_on_a_broken_release_serves_an_older_one_and_says_so(
    trained_settings: Settings, registry: Registry, publish_again: Publish, make_app: Callable[[Settings], Flask]
) -> None:
    old = registry.active().version
    damage(registry, publish_again())
    client = make_app(trained_settings).test_client()
    assert served(client) == old
    assert f"The older release {old} is served instead" in note(client)


def test_a_worker_without_a_valid_release_starts_and_says_what_to_do(
    trained_settings: Settings, registry: Registry, make_app: Callable[[Settings], Flask], is_problem: Checker
) -> None:
    damage(registry, registry.active().version)
    client = make_app(trained_settings).test_client()
    assert client.get("/healthz").status_code == 200
    is_problem(client.get("/readyz"), 503)
    assert "python train_model.py" in is_problem(client.post("/recommend", json={"user_id": USER}), 503)["detail"]


def test_the_first_release_is_taken_up_by_a_worker_that_started_without_one(
    trained_settings: Settings, registry: Registry, make_app: Callable[[Settings], Flask]
) -> None:
    version = registry.active().version
    registry.deactivate()
    app = make_app(trained_settings)
    assert app.test_client().get("/readyz").status_code == 503
    registry.activate(version)
    assert context_of(app).recommender.refresh()
    assert served(app.test_client()) == version


def test_a_withdrawn_release_is_no_longer_served(
    client: FlaskClient, recommender: Recommender, registry: Registry, is_problem: Checker
) -> None:
    assert served(client)
    registry.deactivate()
    assert recommender.refresh()
    for answer in (client.post("/recommend", json={"user_id": USER}), client.get("/popular"), client.get("/readyz")):
        assert "python train_model.py" in is_problem(answer, 503)["detail"]
    assert client.get("/status").get_json()["release"] == {"version": None, "note": ""}


def test_a_pointer_that_is_deleted_leaves_the_release_served_on_and_says_which_command_helps(
    client: FlaskClient,
    recommender: Recommender,
    registry: Registry,
    publish_again: Publish,
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = served(client)
    publish_again(activate=False)
    (registry.folder / "CURRENT.json").unlink()
    assert not recommender.refresh()
    assert served(client) == old
    assert client.get("/readyz").status_code == 200
    assert client.get("/", headers={"Accept": "text/html"}).status_code == 200
    for text in (note(client), caplog.text):
        assert "CURRENT.json is missing" in text
        assert "python train_model.py --activate" in text
    assert f"Release {old} is served on" in note(client)
    registry.activate(old)
    recommender.refresh()
    assert (served(client), note(client)) == (old, "")


def test_a_folder_of_releases_that_is_removed_leaves_the_release_served_on(
    client: FlaskClient, recommender: Recommender, registry: Registry
) -> None:
    old = served(client)
    shutil.rmtree(registry.folder)
    assert not recommender.refresh()
    assert served(client) == old
    assert "is served on" in note(client)
    assert "python train_model.py" in note(client)


def test_a_worker_that_starts_without_a_pointer_serves_the_newest_release_that_has_served(
    trained_settings: Settings, registry: Registry, publish_again: Publish, make_app: Callable[[Settings], Flask]
) -> None:
    new = publish_again()
    publish_again(activate=False)
    (registry.folder / "CURRENT.json").unlink()
    client = make_app(trained_settings).test_client()
    assert served(client) == new
    assert "python train_model.py --activate" in note(client)
    registry.deactivate()
    assert make_app(trained_settings).test_client().get("/readyz").status_code == 503


def test_a_request_uses_one_release_while_another_is_loaded(
    client: FlaskClient,
    flask_app: Flask,
    recommender: Recommender,
    publish_again: Publish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    popular = publish_again("popularity")
    recommender.refresh()
    expected = client.post("/recommend", json={"user_id": USER}).get_json()
    other = publish_again("svd")
    store = context_of(flask_app).store
    history = store.events.history

    def refresh_meanwhile(user_id: str) -> Any:
        recommender.refresh()
        return history(user_id)

    monkeypatch.setattr(store.events, "history", refresh_meanwhile)
    answer = client.post("/recommend", json={"user_id": USER, "n": 3, "detail": True})  # not in the cache yet
    body = answer.get_json()
    assert answer.headers["X-Release"] == body["release"] == popular
    assert answer.headers["X-Source"] == body["source"] == "popularity"
    assert [row["product_id"] for row in body["recommendations"]] == expected[:3]
    assert served(client) == other


def test_the_release_of_the_header_made_the_list_while_releases_change_all_the_time(
    trained_settings: Settings,
    make_app: Callable[[Settings], Flask],
    registry: Registry,
    publish_again: Publish,
) -> None:
    by_source = {publish_again("svd"): "svd", publish_again("popularity"): "popularity"}
    app = make_app(trained_settings.model_copy(update={"cache_seconds": 0}))
    client, recommender = app.test_client(), context_of(app).recommender
    expected = {
        version: client.post("/recommend", json={"user_id": USER, "model": source}).get_json()
        for version, source in by_source.items()
    }
    first, second = by_source
    assert expected[first] != expected[second]
    done, failed = threading.Event(), list[BaseException]()

    def change() -> None:
        try:
            while not done.is_set():
                for version in by_source:
                    registry.activate(version)
                    recommender.refresh()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=change)
    thread.start()
    seen = set()
    # The other thread may wait for a processor: 100 requests at least, and as many as it takes to see both releases.
    turns, end = 0, time.monotonic() + 60
    try:
        while turns < 100 or (len(seen) < 2 and time.monotonic() < end):
            turns += 1
            answer = client.post("/recommend", json={"user_id": USER})
            version = answer.headers["X-Release"]
            assert answer.get_json() == expected[version]
            assert answer.headers["X-Source"] == by_source[version]
            seen.add(version)
    finally:
        done.set()
        thread.join()
    assert failed == []
    assert seen == set(by_source)


def test_two_refreshes_at_once_take_up_one_release(recommender: Recommender, publish_again: Publish) -> None:
    version = publish_again()
    changed: list[bool] = []
    threads = [threading.Thread(target=lambda: changed.append(recommender.refresh())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(changed) == [False, False, False, True]
    assert recommender.release().version == version


def test_after_many_swaps_only_the_served_release_is_mapped_and_no_file_is_left_open(
    client: FlaskClient, recommender: Recommender, registry: Registry, publish_again: Publish
) -> None:
    def mapped() -> set[str]:
        lines = Path("/proc/self/maps").read_text().splitlines()
        return {line.split("/releases/")[1].split("/")[0] for line in lines if f"{registry.folder}/" in line}

    versions = [served(client), publish_again(), publish_again()]
    files = []
    for swap in range(20):
        registry.activate(versions[swap % 3])
        assert recommender.refresh() or swap == 0
        assert served(client) == versions[swap % 3]
        files.append(len(os.listdir("/proc/self/fd")))
    assert mapped() - {versions[0]} == {versions[19 % 3]}  # the first one is what publish_again copies from
    assert files[-1] <= files[3]
