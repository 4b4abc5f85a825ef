"""CURRENT.json and ACTIVATED: which release is served, and which ones have been."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from src.core.errors import ReleaseError, UnknownName
from src.releases.release import MANIFEST, fsync, fsync_folder, sha256, to_json

CURRENT = "CURRENT.json"
_ACTIVATED = "ACTIVATED"


class Pointer:
    """The pointer of a folder of releases, replaced atomically, and the record of where it pointed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def content(self) -> bytes | None:
        """CURRENT.json as it is: cheap to compare with what was seen before. None without one."""
        try:
            return (self.folder / CURRENT).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return b""

    def read(self) -> dict[str, Any] | None:
        """version, manifest_sha256 and pinned; all empty if it is there, but broken. None without one."""
        found = self.content()
        if found is None:
            return None
        try:
            pointer = json.loads(found)
            return {
                "version": str(pointer["version"]),
                "manifest_sha256": str(pointer["manifest_sha256"]),
                "pinned": pointer.get("pinned") is True,
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {"version": "", "manifest_sha256": "", "pinned": False}  # no release will match

    @property
    def version(self) -> str | None:
        """The version that it names; None without one, or if it cannot be read."""
        pointer = self.read()
        return pointer["version"] or None if pointer else None

    def point_to(self, version: str, *, pin: bool) -> None:
        """Replace it. Raises OSError; then it is as it was."""
        digest = sha256(self.folder / version / MANIFEST)
        pointer = {"version": version, "manifest_sha256": digest} | ({"pinned": True} if pin else {})
        temporary = self.folder / f"{CURRENT}.{os.getpid()}"
        try:
            temporary.write_text(to_json(pointer), encoding="utf-8")
            fsync(temporary)
            os.replace(temporary, self.folder / CURRENT)
            fsync_folder(self.folder)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def remove_leftovers(self) -> None:
        """Of those who were killed while they replaced the pointer. Only inside of `changing`."""
        for path in self.folder.glob(f"{CURRENT}.*"):
            path.unlink(missing_ok=True)

    def activate(self, version: str, *, pin: bool) -> None:
        """Point to a release, and record it. Raises OSError; then it points where it did."""
        self.note(self.version)  # if a crash came between its pointer and its line
        self.point_to(version, pin=pin)
        # Only now: what is noted may serve again. Without its line the release is served all the same, and the next
        # activation brings it.
        with suppress(OSError):
            self.note(version)

    def note(self, version: str | None) -> None:
        """Record that a release has served, unless that is the last that is recorded."""
        if version is None or self.activated()[-1:] == [version]:
            return
        with open(self.folder / _ACTIVATED, "a", encoding="utf-8") as record:
            record.write(f"{version}\n")
        fsync(self.folder / _ACTIVATED)

    def activated(self) -> list[str]:
        """Every activation there was, the last one last."""
        try:
            return (self.folder / _ACTIVATED).read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            return []

    def activated_at(self) -> int | None:
        """When the last line was written, in UTC seconds; None without one."""
        try:
            return int((self.folder / _ACTIVATED).stat().st_mtime)
        except OSError:
            return None

    def older_than(self, current: str | None) -> list[str]:
        """What was first served before the current one was, the last of them first. Names do not tell: a clock that
        went back gives a new release an old one's. Without a current one, what served last comes first.
        """
        if current is None:
            return list(dict.fromkeys(reversed(self.activated())))
        order = list(dict.fromkeys(self.activated()))
        return order[: order.index(current)][::-1] if current in order else order[::-1]

    def served_before(self, current: str | None) -> list[str]:
        """What was served and is not now: what is older than the current one, then those it was rolled back from, the
        last of them first.
        """
        newest_first = dict.fromkeys(reversed(list(dict.fromkeys(self.activated()))))
        return [v for v in dict.fromkeys([*self.older_than(current), *newest_first]) if v != current]

    def served_last(self, current: str | None) -> str | None:
        """What served when the current one took its place; it may be a newer one."""
        return next((version for version in reversed(self.activated()) if version != current), None)

    @contextmanager
    def changing(self, next_: str) -> Iterator[None]:
        """Alone with the folder: nobody prunes what another one is about to activate. OSError becomes ReleaseError."""
        try:
            if not self.folder.is_dir():
                raise UnknownName(f"there is no folder {self.folder}. Expected releases: run python train_model.py")
            handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # folders can be locked, too
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)
        except OSError as error:
            raise ReleaseError(
                f"{error.filename or self.folder / CURRENT} could not be written: {error.strerror}. Expected a folder "
                f"that can be written; mend that and {next_}. What was served is untouched."
            ) from None
