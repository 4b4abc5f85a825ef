"""CURRENT.json and ACTIVATED: which release serves, and which ones have served."""

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
_DEACTIVATED = "DEACTIVATED"
"""Line of ACTIVATED for a deactivation. An older program takes it for a version that is not on disk."""


class Pointer:
    """The pointer of a folder of releases, replaced atomically, and the record of where it pointed.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        """Point inside a folder, which need not exist yet."""
        self.folder = folder

    def content(self) -> bytes | None:
        """Return the bytes of CURRENT.json, cheap to compare with those of before; None without the file."""
        try:
            return (self.folder / CURRENT).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return b""

    def read(self) -> dict[str, Any] | None:
        """Return version, manifest_sha256 and pinned, all empty if the file is broken; None without the file."""
        content = self.content()
        if content is None:
            return None
        try:
            pointer = json.loads(content)
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
        """Replace the pointer.

        Args:
            version: A release in the folder.
            pin: Whether no training may replace this release.

        Raises:
            OSError: It could not be written, and is as it was.
        """
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
        """Remove files of processes that were killed while replacing the pointer; call it inside `changing` only."""
        for path in self.folder.glob(f"{CURRENT}.*"):
            path.unlink(missing_ok=True)

    def activate(self, version: str, *, pin: bool) -> None:
        """Point to a release, and record that it served.

        Args:
            version: A release in the folder.
            pin: Whether no training may replace this release.

        Raises:
            OSError: The pointer could not be written, and is as it was.
        """
        self.note(self.version)  # a crash may have come between its pointer and its line
        self.point_to(version, pin=pin)
        # After the pointer, as a recorded release may serve again. If this fails, the release serves without its line,
        # and the next activation adds it.
        with suppress(OSError):
            self.note(version)

    def note(self, version: str | None) -> None:
        """Record that a release served, unless it is the last one recorded."""
        if version is None or self._lines()[-1:] == [version]:
            return
        with open(self.folder / _ACTIVATED, "a", encoding="utf-8") as record:
            record.write(f"{version}\n")
        fsync(self.folder / _ACTIVATED)

    def deactivate(self) -> None:
        """Record that no release is to serve, then remove the pointer. Without any activation there is nothing to do.

        Raises:
            OSError: The record could not be written, and the pointer is as it was.
        """
        if self.content() is not None or self.activated():
            self.note(self.version)
            self.note(_DEACTIVATED)
        (self.folder / CURRENT).unlink(missing_ok=True)

    @property
    def is_lost(self) -> bool:
        """Whether the pointer is missing though a release was activated and none was deactivated since."""
        return self.content() is None and self._lines()[-1:] not in ([], [_DEACTIVATED])

    @property
    def is_deactivated(self) -> bool:
        """Whether the pointer is missing because the release was deactivated."""
        return self.content() is None and self._lines()[-1:] == [_DEACTIVATED]

    def activated(self) -> list[str]:
        """Return the versions of all activations, oldest first."""
        return [line for line in self._lines() if line != _DEACTIVATED]

    def _lines(self) -> list[str]:
        """Return the lines of ACTIVATED, oldest first; none if it cannot be read."""
        try:
            return (self.folder / _ACTIVATED).read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            return []

    def activated_at(self) -> int | None:
        """Return the UTC seconds of the last activation; None without one."""
        try:
            return int((self.folder / _ACTIVATED).stat().st_mtime)
        except OSError:
            return None

    def older_than(self, current: str | None) -> list[str]:
        """Return the versions first activated before the current one, newest first; without a current one, all.

        By activation, and not by name: after a clock was set back, a new release has an older name.
        """
        if current is None:
            return list(dict.fromkeys(reversed(self.activated())))
        order = list(dict.fromkeys(self.activated()))
        return order[: order.index(current)][::-1] if current in order else order[::-1]

    def served_before(self, current: str | None) -> list[str]:
        """Return the versions that served, without the current one.

        The ones older than the current come first, then those that were rolled back; each newest first.
        """
        newest_first = dict.fromkeys(reversed(list(dict.fromkeys(self.activated()))))
        return [v for v in dict.fromkeys([*self.older_than(current), *newest_first]) if v != current]

    def served_last(self, current: str | None) -> str | None:
        """Return the version that the current one replaced, which may be a newer one; None without one."""
        return next((version for version in reversed(self.activated()) if version != current), None)

    @contextmanager
    def changing(self, next_: str) -> Iterator[None]:
        """Lock the folder while a pointer changes, so that no process prunes what another one is about to activate.

        Args:
            next_: What to do after an error, for its message.

        Raises:
            UnknownName: There is no folder.
            ReleaseError: An OSError occurred inside.
        """
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
