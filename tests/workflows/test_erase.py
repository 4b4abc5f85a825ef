"""A person is erased everywhere, for good, also from a backup that is restored later."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from src.core.domain import DAY, Event, EventKind
from src.core.erasures import LocalErasures, hash_of
from src.core.errors import ErasuresAway
from src.core.progress import Silent
from src.core.settings import Settings
from src.core.shared_erasures import open_erasures
from src.models.settings import AllSettings
from src.store import Store
from src.store.change_marks import UNDONE, erasures_done
from src.store.experiment_store import Exposure
from src.store.late_rows import LateRows
from src.workflows.erase import erase, erase_again, erase_if_undone, releases_with
from src.workflows.explore import explore_store
from src.workflows.ingest import load_files
from src.workflows.record_events import record_events
from src.workflows.store_backup import back_up_store, restore_store
from src.workflows.train import _forget
from tests.conftest import small_settings

PERSON = "anna.schmidt@example.org"
OTHERS = ("anna.schmidt@example.org.uk", "xanna.schmidt@example.org")


@pytest.fixture
def filled(settings: AllSettings, store: Store, tmp_path: Path) -> Store:
    """A store, reports and rejected rows that name the person."""
    file = tmp_path / "orders.csv"
    users = (PERSON, *OTHERS, *(f"u{number}" for number in range(20)))
    rows = [f"{user},p{number % 5},{number % 5 + 1},{1_700_000_000 + number}" for number, user in enumerate(users * 3)]
    rows += [f"{PERSON},p1,99,1700000000", f"{OTHERS[0]},p1,99,1700000000"]
    file.write_text("user_id,product_id,rating,timestamp\n" + "\n".join(rows), encoding="utf-8")
    list(load_files(settings, store, [file], Silent()))
    bought = Event(PERSON, "p1", EventKind.PURCHASE, 1.0, 1_700_000_100, event_id="order-9")
    record_events(store, [bought])
    store.experiments.add([Exposure("one", PERSON, "a", 1_700_000_200)], {})
    explore_store(settings, store, settings.reports_dir / "exploration.html", Silent())
    return store


def files_with(folder: Path, text: str) -> set[str]:
    """Return the files below a folder that contain a text and are not the other ids."""
    found = set()
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for other in OTHERS:
            content = content.replace(other.encode(), b"")
        if text.encode() in content:
            found.add(str(path.relative_to(folder)))
    return found


def test_no_file_names_an_erased_person_and_others_stay(filled: Store, settings: Settings) -> None:
    assert {path.split("/")[0] for path in files_with(settings.var, PERSON)} == {"store.sqlite3", "reports", "rejects"}
    known = filled.people.known(PERSON)
    assert len(known["events"]) == 4
    assert len(known["experiments"]) == 1
    erased = erase(settings, filled, PERSON, "anna")
    assert erased.events == 4
    assert files_with(settings.var, PERSON) == set()
    assert not any(filled.people.known(PERSON).values())
    for other in OTHERS:
        assert len(filled.people.known(other)["events"]) == 3
    (rejects,) = settings.rejects_dir.glob("*.csv")
    assert OTHERS[0] in rejects.read_text(encoding="utf-8")


def test_the_list_proves_an_erasure_to_who_has_the_key_and_names_nobody(filled: Store, settings: Settings) -> None:
    erased = erase(settings, filled, PERSON, "anna")
    (line,) = (settings.var / "erasures.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {"person": erased.person, "at": erased.at, "who": "anna"}
    assert hash_of(LocalErasures(settings.var).key(), PERSON) == erased.person
    key = settings.var / "keys" / "erasure.key"
    assert key.stat().st_mode & 0o077 == 0
    key.unlink()
    assert hash_of(LocalErasures(settings.var).key(), PERSON) != erased.person


def test_a_restored_backup_is_erased_again_but_not_what_happened_since(
    filled: Store, settings: Settings, tmp_path: Path
) -> None:
    erase(settings, filled, PERSON, "anna")
    back = Event(PERSON, "p2", EventKind.PURCHASE, 1.0, int(time.time()) + 60)
    record_events(filled, [back])
    assert erase_again(settings, filled) == 0
    assert [row["product_id"] for row in filled.people.known(PERSON)["events"]] == ["p2"]
    with (settings.var / "erasures.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"person": "torn')
    record_events(filled, [Event(PERSON, "p3", EventKind.VIEW, 1.0, 1_600_000_000)])
    assert erase_again(settings, filled) == 1


def test_restoring_a_backup_erases_again(filled: Store, settings: Settings, tmp_path: Path) -> None:
    back_up_store(settings, tmp_path / "backup.sqlite3")
    erase(settings, filled, PERSON, "anna")
    assert restore_store(settings, tmp_path / "backup.sqlite3") == 1
    assert filled.people.known(PERSON)["events"] == []
    assert len(filled.people.known(OTHERS[0])["events"]) == 3


def test_a_training_forgets_old_events(settings: AllSettings, filled: Store) -> None:
    now = int(time.time())
    record_events(filled, [Event("u1", f"p{age}", EventKind.VIEW, 1.0, now - age * DAY) for age in (1, 29, 31)])
    _forget(settings.model_copy(update={"retention_days": 30}), filled)
    assert sorted(row["product_id"] for row in filled.people.known("u1")["events"]) == ["p1", "p29"]
    assert filled.summary().n_events == 2


def test_releases_that_were_trained_with_a_person_are_named(trained_settings: Settings) -> None:
    (version,) = [path.name for path in trained_settings.releases_dir.glob("2*")]
    assert releases_with(trained_settings, "U00001") == [version]
    assert releases_with(trained_settings, "nobody") == []


def host(folder: Path, name: str) -> Settings:
    """A host that shares its releases, and so its list, with others."""
    (folder / "shared").mkdir(exist_ok=True)
    (folder / name).mkdir(exist_ok=True)
    return small_settings(folder / name, releases_url=str(folder / "shared"))


def test_what_a_restored_backup_brings_back_is_erased_by_any_host(
    filled: Store, tmp_path: Path, opened: Callable[[Settings], Store]
) -> None:
    one, other = host(tmp_path, "one"), host(tmp_path, "other")
    restored = opened(other)
    record_events(restored, [Event(user, "p1", EventKind.VIEW, 1.0, 1_700_000_000) for user in (PERSON, OTHERS[0])])
    assert erase_if_undone(other, restored) == 0
    erase(one, filled, PERSON, "anna")
    assert erase_if_undone(one, filled) == 0
    assert erase_if_undone(other, restored) == 1
    assert not any(restored.people.known(PERSON).values())
    assert len(restored.people.known(OTHERS[0])["events"]) == 1
    assert erasures_done(restored.database) == 1
    record_events(restored, [Event(PERSON, "p1", EventKind.VIEW, 1.0, 1_700_000_000)])
    assert erase_if_undone(other, restored) == 0  # nothing was restored: no search through all people
    for entry in (tmp_path / "shared" / "erasures").glob("*.json"):
        entry.unlink()
    with pytest.raises(ErasuresAway, match="has 0 erasures, and the store has gone through 1"):
        erase_if_undone(other, restored)


def test_what_a_late_load_brings_back_is_erased_again(filled: Store, settings: AllSettings, tmp_path: Path) -> None:
    erase(settings, filled, PERSON, "anna")
    list(load_files(settings, filled, [tmp_path / "orders.csv"], Silent()))
    assert filled.people.known(PERSON)["events"] == []
    assert len(filled.people.known(OTHERS[0])["events"]) == 3


def test_without_the_list_nothing_is_erased_and_what_was_loaded_is_marked(filled: Store, tmp_path: Path) -> None:
    settings = host(tmp_path, "one")
    erase(settings, filled, OTHERS[0], "anna")
    (tmp_path / "shared").rename(tmp_path / "away")
    with pytest.raises(ErasuresAway, match=r"Nothing was erased: the list .*there is no folder"):
        erase(settings, filled, PERSON, "anna")
    assert len(filled.people.known(PERSON)["events"]) == 4
    said = list(load_files(settings, filled, [tmp_path / "orders.csv"], Silent()))
    assert any("erased again once the list can be read" in line for line in said)
    assert erasures_done(filled.database) == UNDONE
    (tmp_path / "away").rename(tmp_path / "shared")
    assert erase_if_undone(settings, filled) == 1
    assert filled.people.known(OTHERS[0])["events"] == []


def test_a_row_that_waited_in_a_queue_is_erased_by_the_list_of_another_host(filled: Store, tmp_path: Path) -> None:
    settings = host(tmp_path, "one")
    late = LateRows(open_erasures(settings), filled.database)
    late.written([(PERSON, 1_700_000_100)])
    assert len(filled.people.known(PERSON)["events"]) == 4
    erase(host(tmp_path, "other"), filled, PERSON, "anna")
    record_events(filled, [Event(PERSON, "p2", EventKind.VIEW, 1.0, 1_700_000_100)])
    (tmp_path / "shared").rename(tmp_path / "away")
    late.written([(PERSON, 1_700_000_100)])
    assert erasures_done(filled.database) == UNDONE
    (tmp_path / "away").rename(tmp_path / "shared")
    late.written([(PERSON, 1_700_000_100)])
    assert filled.people.known(PERSON)["events"] == []
