"""Releases on disk: published whole or not at all, verified before they serve, one of them current.

releases/.tmp-<run>/      being filled
releases/<version>/       immutable (src/releases/release.py)
releases/CURRENT.json     {"version", "manifest_sha256"}: the one that is served; "pinned" if no training may replace it
releases/ACTIVATED        a line for every activation: what may be served again (current_pointer.py), and for every
                          deactivation, which a missing CURRENT.json alone is not
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from src.core.domain import JsonDict
from src.core.errors import AisleError, LimitReached, NoRelease, ReleaseError, UnknownName
from src.releases.current_pointer import CURRENT, Pointer
from src.releases.listed_release import Listed
from src.releases.manifest import Manifest, iso_seconds, parse_manifest
from src.releases.release import (
    MANIFEST,
    Draft,
    Release,
    SmokeTestResult,
    fsync_folder,
    read_release,
    refuse_limit,
    write_release,
)
from src.releases.smoke_test import run_in_fresh_process
from src.releases.verdict import GateVerdict
from src.releases.verified_files import forget

if TYPE_CHECKING:
    from src.releases.shared_releases import SharedState

_TEMPORARY = ".tmp-"
_HOLDS = ".holds"
_UNREADABLE = (OSError, ValueError, RecursionError)


@dataclass(frozen=True)
class Publication:
    """The result of publishing a release.

    Attributes:
        version: The release; None if it was refused, and removed.
        verdict: The verdict on what a fresh process found; None if none was asked.
    """

    version: str | None
    verdict: GateVerdict | None


class Registry:
    """The releases of one folder. Any number of processes may read, and one at a time may publish.

    Attributes:
        folder: The folder.
        keep: Number of releases that pruning leaves, besides those that may still serve.
    """

    def __init__(self, folder: Path, keep: int = 5) -> None:
        """Read and write releases in a folder, which need not exist yet.

        Args:
            folder: The folder.
            keep: Number of releases that pruning leaves.
        """
        self.folder = folder
        self.keep = keep
        self._pointer = Pointer(folder)

    def publish(self, draft: Draft, run_id: str, now: datetime) -> str:
        """Write a release, and check that a fresh process can load it. It is not active yet.

        Args:
            draft: The release.
            run_id: Id of the training run; a part of the version.
            now: The present.

        Returns:
            The version.

        Raises:
            ReleaseError: It could not be written or loaded.
        """
        publication = self.publish_if(draft, run_id, now, lambda _: GateVerdict())
        assert publication.version is not None
        return publication.version

    def publish_if(
        self, draft: Draft, run_id: str, now: datetime, judge: Callable[[SmokeTestResult], GateVerdict]
    ) -> Publication:
        """Publish a release, and remove it again if the verdict on what a fresh process found is to keep the old one.

        Whatever it raises, the release is removed; if the process is killed, what is left is a temporary folder, which
        the next publishing removes, or a release that was never activated.

        Args:
            draft: The release.
            run_id: Id of the training run; a part of the version.
            now: The present.
            judge: Makes the verdict.

        Returns:
            The version and the verdict.

        Raises:
            ReleaseError: It could not be written or loaded.
        """
        version = self._write(draft, run_id, now)
        try:
            proof = self._smoke_test(version)
            verdict = None if proof is None else judge(proof)
        except BaseException:
            self._remove(version)
            raise
        if verdict is not None and not verdict.promoted:
            self._remove(version)
            return Publication(None, verdict)
        self.prune(besides=version)
        return Publication(version, verdict)

    def _write(self, draft: Draft, run_id: str, now: datetime) -> str:
        """Write a release to its folder, whole or not at all, and return its version."""
        version = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{run_id[:8]}"
        temporary = self.folder / f"{_TEMPORARY}{run_id}"
        try:
            self._remove_leftovers()
            temporary.mkdir(parents=True)
            write_release(draft, temporary, version, self.current_version(), now)
            temporary.rename(self.folder / version)
            fsync_folder(self.folder)
        except BaseException as error:
            shutil.rmtree(temporary, ignore_errors=True)
            if not isinstance(error, OSError):
                raise
            raise ReleaseError(
                f"the release could not be written to {self.folder}: {error.strerror or error}. Expected a folder "
                "that can be written and enough free space; mend that and train again. What was served is untouched."
            ) from None
        return version

    def _smoke_test(self, version: str) -> SmokeTestResult | None:
        return run_in_fresh_process(self.folder, version)

    def activate(self, version: str, *, pin: bool = False, over_pin: bool = True) -> bool:
        """Make a release the current one, if it verifies.

        Args:
            version: The release.
            pin: Whether no training may replace it, until another one is activated or it is unpinned.
            over_pin: Whether to replace a pinned release; the pin is read under the folder's lock.

        Returns:
            Whether the release is current now; False only for a pin.

        Raises:
            UnknownName: There is no such release.
            ReleaseError: It does not verify, or the pointer could not be written.
        """
        with self._pointer.changing(f"activate {version} again"):
            self.load(version)
            if self.is_pinned and not over_pin:
                return False
            self._pointer.activate(version, pin=pin)
        self.prune()
        return True

    def rollback(self, *, pin: bool = False) -> str:
        """Activate the newest release that served and is older than the current one, and return its version.

        Raises:
            NoRelease: There is none.
            ReleaseError: It does not verify.
        """
        available = self.available()
        older = next(
            (version for version in self._pointer.older_than(self.current_version()) if version in available), None
        )
        if older is None:
            raise NoRelease(
                f"there is nothing to roll back to in {self.folder}: no older release that has served is kept. "
                "Expected one; see python train_model.py --releases, and activate one by name."
            )
        self.activate(older, pin=pin)
        return older

    def pin(self, *, pinned: bool = True) -> str:
        """Pin the current release, or unpin it, and return its version. Raises NoRelease, ReleaseError."""
        with self._pointer.changing("try again"):
            version = self.current().version
            self._pointer.point_to(version, pin=pinned)
        return version

    @property
    def is_pinned(self) -> bool:
        """Whether no training may replace the current release."""
        pointer = self._pointer.read()
        return pointer is not None and bool(pointer["pinned"])

    def deactivate(self) -> None:
        """Let no release serve: until the next activation every list answers that a training is needed.

        Raises:
            ReleaseError: It could not be written.
        """
        with suppress(UnknownName), self._pointer.changing("try again"):
            self._pointer.deactivate()

    @property
    def is_deactivated(self) -> bool:
        """Whether no release serves because the last one was deactivated."""
        return self._pointer.is_deactivated

    def current_version(self) -> str | None:
        """Return the version that CURRENT.json names; None without one, or if it cannot be read."""
        return self._pointer.version

    def wanted_version(self) -> str | None:
        """Return the current version or, if CURRENT.json is lost, the one activated last; None if none is to serve."""
        return self.current_version() or (self._pointer.activated()[-1] if self._pointer.is_lost else None)

    def pointer_bytes(self) -> bytes | None:
        """Return the bytes of CURRENT.json, cheap to compare with those of before; None without the file."""
        return self._pointer.content()

    def current(self) -> Release:
        """Return the release that CURRENT.json names.

        Raises:
            NoRelease: None was ever activated, or the last one was deactivated.
            UnknownName: It is not on disk.
            ReleaseError: It is not what was activated, or CURRENT.json is missing.
        """
        pointer = self._pointer.read()
        if pointer is None and self._pointer.is_lost:
            raise ReleaseError(
                f"{self.folder / CURRENT} is missing, though releases have served. Expected the version that serves; "
                "write it again with python train_model.py --activate VERSION (--releases lists them)."
            )
        if pointer is None:
            raise NoRelease(f"no release is active in {self.folder}: run python train_model.py")
        if not pointer["version"]:
            raise ReleaseError(f"{self.folder / CURRENT} cannot be read.")
        return self.load(pointer["version"], pointer["manifest_sha256"], is_remembered=True)

    def active(self) -> Release:
        """Return the current release or, if that is missing or does not verify, the newest one before it that does.

        Raises:
            NoRelease: None was ever activated, or the last one was deactivated.
            ReleaseError: None verifies.
        """
        try:
            return self.current()
        except (NoRelease, LimitReached):
            raise
        except AisleError as error:
            problem = str(error)
        self._refuse_without_descriptors()
        for version in self._pointer.served_before(self.current_version()):
            try:
                release = self.load(version)
            except AisleError:
                continue
            return replace(release, current_problem=problem)
        raise ReleaseError(f"{problem} No older release verifies either: run python train_model.py")

    def _refuse_without_descriptors(self) -> None:
        """Raise LimitReached if this process can open no file: then no release can be found, however good it is."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            refuse_limit(str(self.current_version()), error)

    def listing(self) -> list[Listed]:
        """Return all releases on disk, newest first."""
        current, versions = self.current_version(), self.versions()
        previous = next((version for version in self._pointer.served_before(current) if version in versions), None)
        return [self._listed(version, current, previous) for version in reversed(versions)]

    def _listed(self, version: str, current: str | None, previous: str | None) -> Listed:
        marks = (version == current, version == previous, version == current and self.is_pinned)
        try:
            manifest = self._manifest(version)
        except _UNREADABLE as error:
            return Listed(version, *marks, problem=f"its manifest cannot be read ({error!r})")
        return Listed(
            version,
            *marks,
            created_at=iso_seconds(manifest.created_at),
            default_model=manifest.default_model,
            ndcg_at_10=manifest.metrics.ndcg_at_10.get(manifest.default_model),
            n_bytes=manifest.n_bytes,
            gate_sentence=manifest.gate.sentence if manifest.gate else "",
            made_up=manifest.made_up,
            gate=manifest.gate.model_dump(mode="json") if manifest.gate else None,
        )

    def report(self, version: str) -> JsonDict | None:
        """Return the report of a release (src/evaluation/report.py); None if it cannot be read."""
        try:
            document = json.loads((self.folder / version / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) else None

    def activated_at(self) -> int | None:
        """Return the UTC seconds of the last activation; None if none ever was."""
        return self._pointer.activated_at()

    def is_made_up(self, version: str) -> bool:
        """Tell whether a release was trained on the synthetic shop; False if its manifest cannot be read."""
        try:
            return self._manifest(version).made_up
        except _UNREADABLE:
            return False

    def _manifest(self, version: str) -> Manifest:
        """Return a manifest without verifying the release. Raises one of _UNREADABLE."""
        return parse_manifest(json.loads((self.folder / version / MANIFEST).read_text(encoding="utf-8")))

    def load(self, version: str, manifest_sha256: str | None = None, *, is_remembered: bool = False) -> Release:
        """Verify every byte of a release and map it.

        Args:
            version: The release.
            manifest_sha256: Hash of the manifest that was activated; None accepts any sealed manifest.
            is_remembered: See `read_release`.

        Returns:
            The release.

        Raises:
            UnknownName: There is no such release.
            ReleaseError: It does not verify.
        """
        folder = self.folder / version
        if version not in self.versions():
            known = ", ".join(self.versions()) or "none"
            raise UnknownName(f"there is no release {version!r} in {self.folder}. Expected one of: {known}.")
        return read_release(folder, manifest_sha256, is_remembered=is_remembered)

    def versions(self) -> list[str]:
        """Return the versions on disk, oldest first."""
        try:
            names = [name for name in os.listdir(self.folder) if not name.startswith(".")]
        except OSError:  # no folder yet, or a broken disk
            return []
        return sorted(name for name in names if os.path.isfile(self.folder / name / MANIFEST))

    def available(self) -> list[str]:
        """Return the versions that can be activated, oldest first."""
        return self.versions()

    @property
    def shared_state(self) -> SharedState | None:
        """What is known of the releases that several hosts share; None where they do not."""
        return None

    @property
    def is_in_touch(self) -> bool:
        """Whether a release that is published now would reach all hosts."""
        return True

    def follow(self) -> None:
        """Take over what another host has activated. Raises ReleaseError if that cannot be seen or fetched."""

    def hold(self, holder: str, versions: Iterable[str]) -> None:
        """Keep releases from being removed; what the holder held before is let go.

        Args:
            holder: Who needs them, as the name of a file.
            versions: The releases; none to let all go.
        """
        path, held = self.folder / _HOLDS / holder, sorted(versions)
        if held:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(held), encoding="utf-8")
        else:
            path.unlink(missing_ok=True)

    def holders(self) -> list[str]:
        """Return who holds releases."""
        try:
            return sorted(os.listdir(self.folder / _HOLDS))
        except OSError:
            return []

    def _held(self) -> set[str]:
        return {
            version
            for holder in self.holders()
            for version in (self.folder / _HOLDS / holder).read_text(encoding="utf-8").split()
        }

    def prune(self, besides: str | None = None) -> None:
        """Remove the oldest releases beyond `keep`, but none that may serve again.

        These are the current one, the one that it replaced, the one that a rollback would activate, its parent, those
        that somebody holds, and `besides`. Nothing is removed while that cannot be determined.
        """
        with suppress(ReleaseError, UnknownName), self._pointer.changing(""):
            self._pointer.remove_leftovers()
            current, versions = self.current_version(), self.versions()
            needed = {current, besides, self._pointer.served_last(current)}
            needed |= {*[v for v in self._pointer.served_before(current) if v in versions][:1]}
            try:
                needed.add(self._manifest(str(current)).parent)
                needed |= self._held()
            except _UNREADABLE:
                return
            for version in versions[: -self.keep]:
                if version not in needed:
                    self._remove(version)

    def _remove(self, version: str) -> None:
        """Rename a release, so that no reader sees half of it, and delete it; `publish` removes leftovers."""
        doomed = self.folder / f"{_TEMPORARY}removed-{version}"
        with suppress(OSError):
            os.rename(self.folder / version, doomed)
        shutil.rmtree(doomed, ignore_errors=True)
        forget(self.folder / version)

    def _remove_leftovers(self) -> None:
        for path in self.folder.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(path, ignore_errors=True)
