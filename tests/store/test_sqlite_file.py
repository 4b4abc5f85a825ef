"""The file of a SQLite store is private, and what happens to it is noticed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.core.domain import Event, EventKind
from src.core.errors import InputError, StoreError
from src.core.settings import Settings
from src.models.settings import read_settings
from src.store import Store, open_store, sqlite_file
from src.store.file_check import check_file, last_check
from src.store.sqlite_file import back_up
from src.workflows.record_events import record_events
from src.workflows.store_backup import back_up_store, restore_store


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    return read_settings(var=tmp_path / "var")


@pytest.fixture
def file(here: Settings) -> Path:
    return here.var / "store.sqlite3"


@pytest.fixture
def opened_store(here: Settings) -> Iterator[Store]:
    store = open_store(here.store_url)
    yield store
    store.close()


def buy(store: Store, product: str) -> None:
    assert record_events(store, [Event("ann", product, EventKind.PURCHASE, at=5)]) == 1


def bought(store: Store) -> list[str]:
    return sorted(event.product_id for event in store.events.history("ann"))


def test_only_the_owner_can_read_the_store(opened_store: Store, file: Path) -> None:
    buy(opened_store, "p")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_rights_of_others_to_an_older_store_are_taken_away(here: Settings, opened_store: Store, file: Path) -> None:
    file.chmod(0o644)
    open_store(here.store_url).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_store_that_is_gone_is_an_error_and_no_empty_store(opened_store: Store, file: Path) -> None:
    buy(opened_store, "p")
    file.unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"is gone.*--restore-backup"):
            bought(opened_store)
        with pytest.raises(StoreError, match="is gone"):
            buy(opened_store, "q")
        with pytest.raises(StoreError, match="is gone"):
            opened_store.database.check()
    assert not file.exists()


def test_a_file_that_takes_the_place_of_the_store_is_served(opened_store: Store, file: Path, tmp_path: Path) -> None:
    buy(opened_store, "before")
    back_up(file, tmp_path / "backup")
    buy(opened_store, "after")
    os.replace(tmp_path / "backup", file)
    assert bought(opened_store) == ["before"]
    buy(opened_store, "now")
    assert bought(opened_store) == ["before", "now"]


def test_a_file_that_comes_back_is_served_again(opened_store: Store, file: Path, tmp_path: Path) -> None:
    buy(opened_store, "p")
    file.rename(tmp_path / "away")
    with pytest.raises(StoreError):
        bought(opened_store)
    (tmp_path / "away").rename(file)
    assert bought(opened_store) == ["p"]


def test_what_was_written_to_a_file_that_was_replaced_meanwhile_is_not_told_as_stored(
    opened_store: Store, file: Path, tmp_path: Path
) -> None:
    buy(opened_store, "before")
    back_up(file, tmp_path / "backup")
    with pytest.raises(StoreError, match="send the request again"), opened_store.database.write():
        os.replace(tmp_path / "backup", file)


def test_a_corrupt_file_is_told(opened_store: Store, file: Path) -> None:
    buy(opened_store, "p")
    with file.open("r+b") as bytes_of:
        bytes_of.write(b"\xff" * 5_000)
    with pytest.raises(StoreError, match="refused"):
        opened_store.database.check()


def without_pages(content: bytes, text: bytes) -> bytes:
    """A file of SQLite whose pages with a text are broken."""
    size = int.from_bytes(content[16:18], "big")
    pages = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"\xff" * size if text in page else page for page in pages)


def test_corruption_that_a_call_meets_is_told_until_the_file_is_sound(
    opened_store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.store.database._SOUND_SECONDS", 0.0)
    events = [Event("ann", f"product-{n:03}-{'x' * 50}", EventKind.PURCHASE, at=n) for n in range(400)]
    assert record_events(opened_store, events) == 400
    opened_store.close()
    whole = file.read_bytes()
    with file.open("r+b") as stream:  # the same file, as a new one would be noticed
        stream.write(without_pages(whole, b"product-200-"))
    opened_store.database.check()  # every table can be read from its start
    with pytest.raises(StoreError, match="malformed"):
        bought(opened_store)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"is corrupt .*--restore-backup"):
            opened_store.database.check()
    opened_store.close()
    with file.open("r+b") as stream:
        stream.write(whole)
    opened_store.database.check()
    assert len(bought(opened_store)) == 400


def test_a_check_reads_pages_that_no_request_has_met(here: Settings, opened_store: Store, file: Path) -> None:
    events = [Event("ann", f"product-{n:03}-{'x' * 50}", EventKind.PURCHASE, at=n) for n in range(400)]
    assert record_events(opened_store, events) == 400
    assert check_file(file, here.store_check_path).fault == ""
    whole = file.read_bytes()
    file.write_bytes(without_pages(whole, b"product-200-"))
    check = check_file(file, here.store_check_path)
    assert check.fault.startswith("Page ") or "malformed" in check.fault
    assert last_check(here.store_check_path) == check
    assert not list(file.parent.glob(".*"))  # neither a copy nor half a result


def test_a_check_needs_room_for_a_copy(
    here: Settings, opened_store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(opened_store, "p")
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    with pytest.raises(StoreError, match=r"not checked: 1 MB .*make room"):
        check_file(file, here.store_check_path)
    assert last_check(here.store_check_path) is None


def test_a_backup_of_a_store_that_is_written_to_ends(
    opened_store: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.store.sqlite_file._PAGES_AT_ONCE", 1)
    n_steps = 0

    class Disturbed(sqlite_file._Forwards):
        def __call__(self, status: int, left: int, pages: int) -> None:
            nonlocal n_steps
            n_steps += 1
            assert n_steps < 100, "the copy is begun anew for ever"
            super().__call__(status, left, pages)
            buy(opened_store, f"while it is copied {n_steps}")

    monkeypatch.setattr(sqlite_file, "_Forwards", Disturbed)
    buy(opened_store, "before")
    back_up(file, tmp_path / "backup")
    with sqlite3.connect(tmp_path / "backup") as copy:
        assert copy.execute("PRAGMA quick_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM events").fetchone()[0] >= 1


def test_a_corrupt_file_that_was_replaced_is_corrupt_no_more(opened_store: Store, file: Path, tmp_path: Path) -> None:
    buy(opened_store, "p")
    back_up(file, tmp_path / "backup")
    opened_store.close()
    with file.open("r+b") as stream:
        stream.write(b"no database" * 10)
    with pytest.raises(StoreError):
        opened_store.database.check()
    os.replace(tmp_path / "backup", file)
    opened_store.database.check()
    assert bought(opened_store) == ["p"]


def test_a_backup_is_restored_into_a_store_that_is_in_use(here: Settings, opened_store: Store, tmp_path: Path) -> None:
    buy(opened_store, "before")
    back_up_store(here, tmp_path / "backups" / "monday.sqlite3")
    buy(opened_store, "after")
    changed = opened_store.events.changed_at()
    restore_store(here, tmp_path / "backups" / "monday.sqlite3")
    assert bought(opened_store) == ["before"]
    assert opened_store.events.changed_at() != changed
    buy(opened_store, "now")
    assert bought(opened_store) == ["before", "now"]
    assert stat.S_IMODE((tmp_path / "backups" / "monday.sqlite3").stat().st_mode) == 0o600


def test_a_backup_is_restored_where_the_store_is_gone(
    here: Settings, opened_store: Store, file: Path, tmp_path: Path
) -> None:
    buy(opened_store, "p")
    back_up_store(here, tmp_path / "backup")
    file.unlink()
    restore_store(here, tmp_path / "backup")
    assert bought(opened_store) == ["p"]


@pytest.mark.parametrize("damage", ["missing", "text", "cut", "another database"])
def test_what_is_no_backup_changes_nothing(
    damage: str, here: Settings, opened_store: Store, file: Path, tmp_path: Path
) -> None:
    for number in range(200):
        buy(opened_store, f"product {number}")
    backup = tmp_path / "backup"
    if damage == "text":
        backup.write_text("user,product\n")
    elif damage == "cut":
        shutil.copy(file, backup)
        os.truncate(backup, file.stat().st_size // 2)
    elif damage == "another database":
        other = sqlite3.connect(backup)
        other.execute("CREATE TABLE things (a)")
        other.close()
    with pytest.raises(InputError, match="cannot be restored"):
        restore_store(here, backup)
    assert len(bought(opened_store)) == 200
