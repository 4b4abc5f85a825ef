"""A person is erased everywhere, for good, also from a backup that is restored later."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from src.core.domain import DAY, Event, EventKind
from src.core.erasures import Erasures
from src.core.progress import Silent
from src.core.settings import Settings
from src.models.settings import AllSettings
from src.store import Store
from src.store.experiment_store import Exposure
from src.workflows.erase import erase, erase_again, releases_with
from src.workflows.explore import explore_store
from src.workflows.ingest import load_files
from src.workflows.record_events import record_events
from src.workflows.store_backup import back_up_store, restore_store
from src.workflows.train import _forget

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
    assert Erasures(settings.var).name_of(PERSON) == erased.person
    key = settings.var / "keys" / "erasure.key"
    assert key.stat().st_mode & 0o077 == 0
    key.unlink()
    assert Erasures(settings.var).name_of(PERSON) != erased.person


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
