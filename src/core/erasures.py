"""The list of people who were erased. It proves an erasure, and repeats it on a restored backup. It names nobody.

A person is named by HMAC-SHA-256 of the id under a key of this shop; without the key the list cannot be compared with
guessed ids. The list lies outside of the database, as a restored backup would bring back an older one: with several
hosts beside the releases that they share (`shared_erasures`), else in AISLE_VAR, one JSON line for each erasure.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from typing_extensions import override

from src.core.errors import ErasuresAway

_KEY_BYTES = 32


class ErasureEntry(NamedTuple):
    """One erasure.

    Attributes:
        person: The keyed hash of the id.
        at: UTC seconds; all that happened until then is erased.
        who: The name of the key that asked for it.
    """

    person: str
    at: int
    who: str


@dataclass(frozen=True)
class ListedErasures:
    """The list as it was read.

    Attributes:
        keys: Of the hashes: one, or that of each host that kept a list of its own before it shared one.
        times: Person → when the person was erased last.
        count: Number of erasures, which only grows.
    """

    keys: tuple[bytes, ...] = ()
    times: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def undone(self, rows: Iterable[tuple[str, int]]) -> dict[str, int]:
        """Return who of the people in rows was erased after what the rows tell.

        Args:
            rows: (id, UTC seconds of what it tells).

        Returns:
            Id → when the person was erased.
        """
        if not self.times:
            return {}
        erased = ((user_id, at, self.erased_at(user_id)) for user_id, at in rows)
        return {user_id: until for user_id, at, until in erased if at <= until}

    def erased_at(self, user_id: str) -> int:
        """Return when a person was erased last, in UTC seconds; -1 for somebody who never was."""
        return max((self.times.get(hash_of(key, user_id), -1) for key in self.keys), default=-1)


class Erasures(ABC):
    """The list. Every method may raise ErasuresAway."""

    @abstractmethod
    def add(self, user_id: str, at: int, who: str) -> str:
        """Add an erasure, which is kept for good when this returns.

        Args:
            user_id: The person.
            at: UTC seconds; all that happened until then is erased.
            who: The name of the key that asked for it.

        Returns:
            The name of the person in the list.
        """

    @abstractmethod
    def read(self) -> ListedErasures:
        """Return the list as it is now."""


class LocalErasures(Erasures):
    """The list of one host, beside its key.

    Args:
        folder: AISLE_VAR. A backup of the store holds neither the list nor the key.
    """

    def __init__(self, folder: Path) -> None:
        self.list, self.key_file = folder / "erasures.jsonl", folder / "keys" / "erasure.key"

    @override
    def add(self, user_id: str, at: int, who: str) -> str:
        try:
            entry = ErasureEntry(hash_of(self.key(), user_id), at, who)
            descriptor = os.open(self.list, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, (json.dumps(entry._asdict()) + "\n").encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._away(error) from None
        return entry.person

    @override
    def read(self) -> ListedErasures:
        try:
            entries = self.entries()
            return listed_erasures((self.key(),) if entries else (), entries)
        except OSError as error:
            raise self._away(error) from None

    def entries(self) -> list[ErasureEntry]:
        """Return the erasures; a torn last line is left out. Raises OSError."""
        try:
            lines = self.list.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                found.append(ErasureEntry(str(entry["person"]), int(entry["at"]), str(entry["who"])))
        return found

    def key(self) -> bytes:
        """Return the key, and make it if there is none. Raises OSError."""
        try:
            return bytes.fromhex(self.key_file.read_text(encoding="ascii"))
        except FileNotFoundError:
            self.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = secrets.token_bytes(_KEY_BYTES)
        draft = self.key_file.with_name(f".erasure-{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, fresh.hex().encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, self.key_file)  # of several processes the first one makes the key
        except FileExistsError:
            return self.key()
        finally:
            draft.unlink()
        return fresh

    def _away(self, error: OSError) -> ErasuresAway:
        return ErasuresAway(
            f"the list of erased people in {self.list.parent} cannot be read or written ({error.strerror or error}). "
            "Expected a folder that can be written; mend that and try again."
        )


def hash_of(key: bytes, user_id: str) -> str:
    """Return the name of a person in the list.

    Args:
        key: Of the list.
        user_id: The person.

    Returns:
        HMAC-SHA-256 in hexadecimal.
    """
    return hmac.new(key, user_id.encode(), hashlib.sha256).hexdigest()


def listed_erasures(keys: tuple[bytes, ...], entries: Iterable[ErasureEntry]) -> ListedErasures:
    """Return the list of these erasures.

    Args:
        keys: Of the hashes.
        entries: The erasures, in any order.
    """
    times: dict[str, int] = {}
    count = 0
    for entry in entries:
        times[entry.person] = max(entry.at, times.get(entry.person, -1))
        count += 1
    return ListedErasures(keys, times, count)
