"""Erase a person, and repeat what was erased on a store that was restored from a backup."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from src.core.errors import ErasuresAway
from src.core.settings import Settings
from src.core.shared_erasures import open_erasures
from src.interactions.vocabulary import Vocabulary
from src.releases.shared_registry import open_registry
from src.store import Store
from src.store.change_marks import UNDONE, erasures_done, note_erasures

_WORD = rb"[0-9A-Za-z_.@-]"


@dataclass(frozen=True)
class Erasure:
    """What was erased, and what is left for a while.

    Attributes:
        person: Name of the person in the list of erasures, which proves this later.
        at: UTC seconds.
        events: Number of events that were deleted.
        releases: Versions of the releases that were trained with these; each goes when newer ones have replaced it.
    """

    person: str
    at: int
    events: int
    releases: list[str]


def erase(settings: Settings, store: Store, user_id: str, who: str) -> Erasure:
    """Erase a person from the store and from the files that were made of it.

    The erasure is written down first: if the process is killed, `erase_again` ends the work.

    Args:
        settings: The folders.
        store: The events.
        user_id: The person.
        who: The name of the key that asked for it.

    Returns:
        What was erased.

    Raises:
        ErasuresAway: The list of erasures cannot be written; nothing was erased.
        StoreError: The store does not answer.
    """
    now, erasures = int(time.time()), open_erasures(settings)
    try:
        person = erasures.add(user_id, now, who)
    except ErasuresAway as error:
        raise ErasuresAway(f"Nothing was erased: {error}") from None
    note_erasures(store.database, UNDONE)
    erased = store.people.erase(user_id, now)
    _erase_from_files(settings, user_id)
    note_erasures(store.database, erasures.read().count)
    return Erasure(person, now, erased.events, releases_with(settings, user_id))


def erase_again(settings: Settings, store: Store) -> int:
    """Repeat the listed erasures, as a backup or a late load brings back what was erased; later events stay.

    Returns:
        Number of people who were erased again.

    Raises:
        ErasuresAway: The list cannot be read.
        StoreError: The store does not answer.
    """
    listed, again = open_erasures(settings).read(), 0
    if listed.times:
        found = {user_id: at for user_id in store.people.ids() if (at := listed.erased_at(user_id)) >= 0}
        for user_id, at in found.items():
            if any(store.people.erase(user_id, at)):
                _erase_from_files(settings, user_id)
                again += 1
    if listed.count != erasures_done(store.database):
        note_erasures(store.database, listed.count)
    return again


def erase_if_undone(settings: Settings, store: Store) -> int:
    """Repeat the listed erasures if the store has not gone through all of them, as after a restored backup.

    Returns:
        Number of people who were erased again.

    Raises:
        ErasuresAway: The list cannot be read, or is shorter than it was.
        StoreError: The store does not answer.
    """
    listed, done = open_erasures(settings).read().count, erasures_done(store.database)
    if listed < done:
        raise ErasuresAway(
            f"the list of erased people has {listed} erasures, and the store has gone through {done}. Expected the "
            "whole list; copy it back from where it was. The next training goes through what there is."
        )
    return erase_again(settings, store) if listed != done else 0


def releases_with(settings: Settings, user_id: str) -> list[str]:
    """Return the versions of the releases that were trained with the events of a person, oldest first."""
    found = []
    for version in open_registry(settings).versions():
        with suppress(OSError, ValueError):
            if Vocabulary.load(settings.releases_dir / version / "users").idx_of(user_id) is not None:
                found.append(version)
    return found


def _erase_from_files(settings: Settings, user_id: str) -> None:
    """Remove what names the person from files; the directory and the profile are made anew in the background."""
    shutil.rmtree(settings.directory_dir, ignore_errors=True)
    named = re.compile(rb"(?<!%b)%b(?!%b)" % (_WORD, re.escape(user_id.encode()), _WORD))
    with suppress(OSError):
        if named.search(settings.explored_path.read_bytes()):
            settings.explored_path.unlink()
    for path in settings.rejects_dir.glob("*"):
        with suppress(OSError):
            _drop_lines(path, named)


def _drop_lines(path: Path, named: re.Pattern[bytes]) -> None:
    """Remove the lines of a file that name the person."""
    if not any(named.search(line) for line in _lines(path)):
        return
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        file.writelines(line for line in _lines(path) if not named.search(line))
    os.replace(draft, path)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
