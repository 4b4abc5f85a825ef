"""Back up and restore the store while services use it."""

from __future__ import annotations

from pathlib import Path

from src.core.errors import InputError
from src.core.settings import Settings
from src.store import open_store
from src.store.change_marks import EVENTS, PRODUCTS, note_change
from src.store.database import file_of
from src.store.sqlite_file import back_up, restore
from src.workflows.erase import erase_again


def back_up_store(settings: Settings, target: Path) -> None:
    """Copy the store to a file; a file there is replaced.

    Raises:
        InputError: The store is no SQLite file.
        StoreError: The store does not answer, or the backup cannot be written.
    """
    back_up(_file(settings, "pg_dump copies it"), target)


def restore_store(settings: Settings, backup: Path) -> int:
    """Replace the contents of the store by those of a backup, and erase again who was erased.

    Services read the new contents at once, and read their copies of products anew.

    Returns:
        Number of people who were erased again.

    Raises:
        InputError: The store is no SQLite file, or the backup is not complete.
        StoreError: The store cannot be written.
    """
    restore(backup, _file(settings, "pg_restore restores it"))
    store = open_store(settings.store_url)  # upgrades a backup of an earlier version
    try:
        with store.database.write() as connection:
            for subject in (EVENTS, PRODUCTS):
                note_change(store.database, connection, subject)
        return erase_again(settings, store)
    finally:
        store.close()


def _file(settings: Settings, advice: str) -> Path:
    file = file_of(settings.store_url)
    if file is None:
        raise InputError(f"the store is no SQLite file. Expected one; {advice}.")
    return file
