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

from src.core.erasures import Erasures
from src.core.errors import AisleError
from src.core.settings import Settings
from src.interactions.vocabulary import Vocabulary
from src.releases.shared_registry import open_registry
from src.store import Store

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
        AisleError: The list of erasures cannot be written, or the store does not answer.
    """
    now = int(time.time())
    try:
        person = Erasures(settings.var).add(user_id, now, who)
    except OSError as error:
        raise AisleError(
            f"the list of erasures in {settings.var} cannot be written ({error.strerror}). Expected a folder that can "
            "be written. Nothing was erased: mend that, and run again."
        ) from None
    erased = store.people.erase(user_id, now)
    _erase_from_files(settings, user_id)
    return Erasure(person, now, erased.events, releases_with(settings, user_id))


def erase_again(settings: Settings, store: Store) -> int:
    """Repeat the listed erasures, as a backup brings back what was erased after it was made.

    Args:
        settings: The folders.
        store: The events; those after an erasure stay.

    Returns:
        Number of people who were erased again.
    """
    erasures = Erasures(settings.var)
    times = erasures.times()
    if not times:
        return 0
    named = ((user_id, erasures.name_of(user_id)) for user_id in store.people.ids())
    found = {user_id: times[name] for user_id, name in named if name in times}
    return sum(any(store.people.erase(user_id, at)) for user_id, at in found.items())


def releases_with(settings: Settings, user_id: str) -> list[str]:
    """Return the versions of the releases that were trained with the events of a person.

    Args:
        settings: The folder of the releases.
        user_id: The person.

    Returns:
        Versions, oldest first.
    """
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
