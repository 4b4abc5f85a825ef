"""The list of people who were erased. It proves an erasure, and repeats it on a restored backup. It names nobody.

A person is named by HMAC-SHA-256 of the id under a key of this shop; without the key the list cannot be compared with
guessed ids.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

_KEY_BYTES = 32


class Erasures:
    """The list, one JSON line for each erasure, beside its key.

    Args:
        folder: AISLE_VAR. A backup of the store holds neither the list nor the key.
    """

    def __init__(self, folder: Path) -> None:
        self._list, self._key_file = folder / "erasures.jsonl", folder / "keys" / "erasure.key"

    def name_of(self, user_id: str) -> str:
        """Return the name of a person in the list, and make the key if there is none. Raises OSError."""
        return hmac.new(self._key(), user_id.encode(), hashlib.sha256).hexdigest()

    def add(self, user_id: str, at: int, who: str) -> str:
        """Add an erasure, on disk when this returns.

        Args:
            user_id: The person.
            at: UTC seconds; all that happened until then is erased.
            who: The name of the key that asked for it.

        Returns:
            The name of the person in the list.

        Raises:
            OSError: It cannot be written.
        """
        name = self.name_of(user_id)
        line = json.dumps({"person": name, "at": at, "who": who}) + "\n"
        descriptor = os.open(self._list, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return name

    def times(self) -> dict[str, int]:
        """Return person → when the person was erased last; a torn last line is left out."""
        try:
            lines = self._list.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return {}
        found: dict[str, int] = {}
        for line in lines:
            try:
                entry = json.loads(line)
                found[str(entry["person"])] = int(entry["at"])
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def undone(self, rows: Iterable[tuple[str, int]]) -> dict[str, int]:
        """Return who of those that rows were just written of was erased after what the rows tell.

        Whoever writes rows of people from a queue asks this afterwards: an erasure is listed before it deletes, so that
        a row written after the deletion is found here.

        Args:
            rows: (id, UTC seconds of what it tells) of the written rows.

        Returns:
            Id → when the person was erased.

        Raises:
            OSError: The list or its key cannot be read.
        """
        times = self.times()
        named = ((user_id, at, self.name_of(user_id)) for user_id, at in rows) if times else ()
        return {user_id: times[name] for user_id, at, name in named if at <= times.get(name, -1)}

    def _key(self) -> bytes:
        try:
            return bytes.fromhex(self._key_file.read_text(encoding="ascii"))
        except FileNotFoundError:
            self._key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = secrets.token_bytes(_KEY_BYTES)
        draft = self._key_file.with_name(f".erasure-{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, fresh.hex().encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, self._key_file)  # of several processes the first one makes the key
        except FileExistsError:
            return self._key()
        finally:
            draft.unlink()
        return fresh
