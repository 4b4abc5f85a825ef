"""A host's releases where several hosts share them: its folder is a verified copy, and all follow one pointer."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from typing_extensions import override

from src.core.errors import AisleError, ReleaseError
from src.core.settings import Settings
from src.releases.current_pointer import Pointer
from src.releases.registry import Publication, Registry
from src.releases.release import Draft, SmokeTestResult
from src.releases.shared_releases import SharedPointerEntry, SharedReleases, SharedState, digest_of
from src.releases.verdict import GateVerdict

_STATE = ".shared.json"
_IN_TOUCH_SECONDS = 15.0
"""A host that has not read the shared pointer for so long starts no training: it could not publish it."""


class SharedPointer(Pointer):
    """The pointer of all hosts, copied to this one. A change reads it first, and holds only if it is written there."""

    def __init__(self, folder: Path, shared: SharedReleases) -> None:
        super().__init__(folder)
        self._shared, self._here = shared, Pointer(folder)

    @property
    def state(self) -> SharedState:
        """What this host knows of the shared releases."""
        try:
            return SharedState(**json.loads((self.folder / _STATE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return SharedState()

    @contextmanager
    @override
    def changing(self, next_: str) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with super().changing(next_):
            self.take_over()
            yield

    @override
    def point_to(self, version: str, *, pin: bool) -> None:
        folder = self.folder / version
        self._shared.upload(folder)
        entry = SharedPointerEntry(self.state.number + 1, version, digest_of(folder), pin)
        self._shared.append(entry)
        self._shared.upload(folder)  # if another host removed it at this moment
        self._here.point_to(version, pin=pin)
        self._remember(entry.number)

    @override
    def deactivate(self) -> None:
        if self.content() is not None or self.activated():
            entry = SharedPointerEntry(self.state.number + 1, "")
            self._shared.append(entry)
            self._here.deactivate()
            self._remember(entry.number)

    def take_over(self) -> None:
        """Copy the shared pointer, and the release that it names, if it has changed; call it inside `changing`.

        Raises:
            ReleaseError: It cannot be read, or its release cannot be fetched; this host's pointer is as it was.
        """
        known = self.state.number
        newest = self._shared.newest() if self._shared.newest_number() != known else None
        if newest is not None and newest.number != known:
            self.fetch(newest)
            for entry in self._shared.changes_after(known if known < newest.number else 0):
                self._here.note(entry.version or None)
            if newest.version:
                self._here.activate(newest.version, pin=newest.pinned)
            else:
                self._here.deactivate()
        elif newest is None and known and not self._shared.newest_number():
            raise ReleaseError(
                f"{self._shared.url} names no release any more, though change {known} was taken over. Expected what "
                "was there; restore it. What was served is served on."
            )
        self._remember(newest.number if newest else known)

    def fetch(self, entry: SharedPointerEntry) -> None:
        """Fetch the release of a pointer. Raises ReleaseError."""
        if entry.version:
            self._shared.fetch(entry.version, self.folder, entry.manifest_sha256)

    def note_problem(self, problem: str) -> None:
        """Remember why the shared pointer could not be taken over."""
        state = self.state
        self._write(SharedState(state.number, state.read_at, problem))

    def _remember(self, number: int) -> None:
        self._write(SharedState(number, time.time()))

    def _write(self, state: SharedState) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f"{_STATE}.{os.getpid()}"
        temporary.write_text(json.dumps(asdict(state)), encoding="utf-8")
        os.replace(temporary, self.folder / _STATE)


class SharedRegistry(Registry):
    """The releases of one host among several."""

    def __init__(self, folder: Path, keep: int, shared: SharedReleases) -> None:
        super().__init__(folder, keep)
        self._shared = shared
        self._pointer: SharedPointer = SharedPointer(folder, shared)

    @property
    @override
    def shared_state(self) -> SharedState:
        return self._pointer.state

    @property
    @override
    def is_in_touch(self) -> bool:
        state = self.shared_state
        return not state.problem and time.time() - state.read_at < _IN_TOUCH_SECONDS

    @override
    def follow(self) -> None:
        try:
            if self._shared.newest_number() != self.shared_state.number and (newest := self._shared.newest()):
                self._pointer.fetch(newest)  # before the lock, as it may take minutes
            with self._pointer.changing("it is tried again"):
                pass
            before = self._pointer.served_before(self.current_version())[:1]
            if before and before[0] not in self.versions():  # a rollback finds it at hand
                with suppress(AisleError):
                    self._shared.fetch(before[0], self.folder)
        except AisleError as error:
            with suppress(OSError):
                self._pointer.note_problem(str(error))
            raise

    @override
    def publish_if(
        self, draft: Draft, run_id: str, now: datetime, judge: Callable[[SmokeTestResult], GateVerdict]
    ) -> Publication:
        published = super().publish_if(draft, run_id, now, judge)
        if published.version is not None:
            try:
                self._shared.upload(self.folder / published.version)
            except BaseException:
                self._remove(published.version)
                raise
        return published

    @override
    def activate(self, version: str, *, pin: bool = False, over_pin: bool = True) -> bool:
        self._shared.fetch(version, self.folder)
        return super().activate(version, pin=pin, over_pin=over_pin)

    @override
    def available(self) -> list[str]:
        return sorted({*self.versions(), *self._shared.versions()})

    @override
    def prune(self, besides: str | None = None) -> None:
        super().prune(besides)
        current = self.current_version()
        needed = {current, besides, *self._pointer.served_before(current)[:2], self._pointer.served_last(current)}
        with suppress(ReleaseError):
            self._shared.prune(self.keep, {version for version in needed if version})


def open_registry(settings: Settings) -> Registry:
    """Return the releases of this host; with AISLE_RELEASES_URL those that all hosts share."""
    if not settings.releases_url:
        return Registry(settings.releases_dir, settings.keep_releases)
    return SharedRegistry(settings.releases_dir, settings.keep_releases, SharedReleases(settings.releases_url))


def followed_registry(settings: Settings) -> Registry:
    """Return the releases of this host after a look at those that all hosts share, as a command on a new host needs it.

    Raises:
        ReleaseError: They cannot be seen, and this host has no current release.
    """
    registry = open_registry(settings)
    try:
        registry.follow()
    except ReleaseError:
        if registry.current_version() is None:
            raise
    return registry
