"""The list of erased people that several hosts share, beside their releases.

<url>/erasures/<person>-<UTC seconds>.json    one object for each erasure, so that no two hosts write the same one
<url>/erasures/<key's digest>.key             the key of the hashes; of each host that had a list of its own, too

Nothing is changed or removed. A host that was alone before adds its list and its key at the first look.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from typing_extensions import override

from src.core.erasures import ErasureEntry, Erasures, ListedErasures, LocalErasures, hash_of, listed_erasures
from src.core.errors import ErasuresAway
from src.core.remote_files import label_of
from src.core.settings import Settings
from src.core.shared_folder import SharedFolder, listed, make_folder, put

_FOLDER, _KEY, _ENTRY, _MOVED = "erasures", ".key", ".json", ".moved"
_DIGEST_LETTERS = 16


class SharedErasures(Erasures):
    """The list of all hosts.

    Args:
        url: AISLE_RELEASES_URL.
        here: The list that this host had before it shared one.
    """

    def __init__(self, url: str, here: LocalErasures) -> None:
        self._label, self._here = label_of(url), here
        self._ask = SharedFolder(url, self._away).ask
        self._keys: dict[str, bytes] = {}

    @override
    def add(self, user_id: str, at: int, who: str) -> str:
        def write(fs: Any, root: str) -> str:
            keys = self._read(fs, root).keys or (self._give_key(fs, root),)
            entry = ErasureEntry(hash_of(keys[0], user_id), at, who)
            _put_entry(fs, root, entry)
            return entry.person

        return self._ask(write)

    @override
    def read(self) -> ListedErasures:
        return self._ask(self._read)

    def _read(self, fs: Any, root: str) -> ListedErasures:
        self._move(fs, root)
        names = sorted(PurePosixPath(path).name for path in listed(fs, f"{root}/{_FOLDER}"))
        digests = [name.removesuffix(_KEY) for name in names if name.endswith(_KEY) and not name.startswith(".")]
        for digest in digests:
            if digest not in self._keys:
                self._keys[digest] = _whole_key(fs.cat_file(f"{root}/{_FOLDER}/{digest}{_KEY}"), digest)
        entries = [entry for name in names if name.endswith(_ENTRY) and (entry := _entry_of(name))]
        if entries and not digests:
            raise ValueError("its key is gone")
        return listed_erasures(tuple(self._keys[digest] for digest in digests), entries)

    def _move(self, fs: Any, root: str) -> None:
        """Add the list that this host has, and keep the file under another name."""
        if not self._here.list.exists():
            return
        entries = self._here.entries()
        self._give_key(fs, root)
        for entry in entries:
            _put_entry(fs, root, entry)
        with suppress(FileNotFoundError):  # another process of this host has moved it
            os.replace(self._here.list, self._here.list.with_suffix(_MOVED))

    def _give_key(self, fs: Any, root: str) -> bytes:
        """Add this host's key, made if there is none, and return it."""
        key = self._here.key()
        make_folder(fs, f"{root}/{_FOLDER}")
        put(fs, f"{root}/{_FOLDER}/{_digest_of(key)}{_KEY}", key.hex().encode())
        return key

    def _away(self, reason: str) -> ErasuresAway:
        return ErasuresAway(
            f"the list of erased people at {self._label} cannot be read or written ({reason}). Expected the folder or "
            "object store of AISLE_RELEASES_URL, which answers and can be written; mend that and try again."
        )


def open_erasures(settings: Settings) -> Erasures:
    """Return the list of erased people: with AISLE_RELEASES_URL that of all hosts, else this host's."""
    here = LocalErasures(settings.var)
    return SharedErasures(settings.releases_url, here) if settings.releases_url else here


def _put_entry(fs: Any, root: str, entry: ErasureEntry) -> None:
    content = json.dumps(entry._asdict()).encode()
    put(fs, f"{root}/{_FOLDER}/{entry.person}-{entry.at}{_ENTRY}", content)


def _entry_of(name: str) -> ErasureEntry | None:
    """Return the erasure of an object by its name alone; None for another one."""
    person, _, at = name.removesuffix(_ENTRY).partition("-")
    return ErasureEntry(person, int(at), "") if at.isdecimal() and not person.startswith(".") else None


def _digest_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:_DIGEST_LETTERS]


def _whole_key(content: bytes, digest: str) -> bytes:
    key = bytes.fromhex(content.decode("ascii"))
    if _digest_of(key) != digest:
        raise ValueError(f"the key {digest} was altered")
    return key
