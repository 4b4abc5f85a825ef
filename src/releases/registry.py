"""Releases on disk: published whole or not at all, verified before they serve, one of them current.

releases/.tmp-<run>/      being filled
releases/<version>/       immutable (src/releases/release.py)
releases/CURRENT.json     {"version", "manifest_sha256"}: the one that is served; "pinned" if no training may replace it
releases/ACTIVATED        a line for every activation: what may be served again (current_pointer.py)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from src.core.domain import JsonDict
from src.core.errors import AisleError, NoRelease, ReleaseError, UnknownName
from src.releases.current_pointer import CURRENT, Pointer
from src.releases.manifest import Manifest, iso_seconds
from src.releases.release import (
    MANIFEST,
    Draft,
    Release,
    SmokeTestResult,
    fsync_folder,
    read_release,
    write_release,
)
from src.releases.verdict import GateVerdict

_TEMPORARY = ".tmp-"
_SMOKE_SECONDS = 300
_UNREADABLE = (OSError, ValueError, RecursionError)


@dataclass(frozen=True)
class Listed:
    """A release as a list names it, by its manifest alone. created_at: ISO 8601. problem: what is wrong with the
    manifest; only loading it looks at every byte.
    """

    version: str
    is_current: bool
    is_previous: bool
    pinned: bool
    created_at: str | None = None
    default_model: str | None = None
    ndcg_at_10: float | None = None
    n_bytes: int | None = None
    gate_sentence: str = ""
    problem: str = ""


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
    """The releases of one folder. Any number of processes may read; publishing is the trainer's, one at a time."""

    def __init__(self, folder: Path, keep: int = 5) -> None:
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
        """Load it where nothing of this process can help: a release must stand on what is on disk."""
        root = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-m", "src.releases.smoke_test", str(self.folder.resolve()), version]
        try:
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=_SMOKE_SECONDS)
        except subprocess.TimeoutExpired:
            raise ReleaseError(
                f"release {version} did not load within {_SMOKE_SECONDS} s in a fresh process; it was removed. "
                "Look whether the machine is overloaded and train again."
            ) from None
        if done.returncode != 0:
            raise ReleaseError(
                f"release {version} does not load in a fresh process: {done.stderr.strip()[-300:]}. "
                "It was removed and the one before serves on; train again."
            )
        return SmokeTestResult(**json.loads(done.stdout))

    def activate(self, version: str, *, pin: bool = False, over_pin: bool = True) -> bool:
        """Make a release the current one, if it verifies; whether it is now. Raises UnknownName, ReleaseError.

        pin: no training replaces it, until another one is activated, or `unpin`. over_pin: whether a current one that
        is pinned is replaced; asked when nobody else can pin it any more.
        """
        with self._pointer.changing(f"activate {version} again"):
            self.load(version)
            if self.is_pinned and not over_pin:
                return False
            self._pointer.activate(version, pin=pin)
        self.prune()
        return True

    def rollback(self, *, pin: bool = False) -> str:
        """Activate the newest release that served and is older than the current one; its version.

        Raises NoRelease if there is none, ReleaseError if it does not verify.
        """
        there = self.versions()
        older = next(
            (version for version in self._pointer.older_than(self.current_version()) if version in there), None
        )
        if older is None:
            raise NoRelease(
                f"there is nothing to roll back to in {self.folder}: no older release that has served is kept. "
                "Expected one; see python train_model.py --releases, and activate one by name."
            )
        self.activate(older, pin=pin)
        return older

    def pin(self, *, pinned: bool = True) -> str:
        """Keep the current release until it is unpinned or another one activated by hand; its version.

        Raises NoRelease, ReleaseError.
        """
        with self._pointer.changing("try again"):
            version = self.current().version
            self._pointer.point_to(version, pin=pinned)
        return version

    @property
    def is_pinned(self) -> bool:
        """Whether the current release must not be replaced by a training."""
        pointer = self._pointer.read()
        return pointer is not None and bool(pointer["pinned"])

    def deactivate(self) -> None:
        """Serve nothing: until the next activation every list answers that a training is needed."""
        (self.folder / CURRENT).unlink(missing_ok=True)

    def current_version(self) -> str | None:
        """The version that CURRENT.json names; None without one, or if it cannot be read."""
        return self._pointer.version

    def pointer_bytes(self) -> bytes | None:
        """CURRENT.json as it is: cheap to compare with what was seen before. None without one."""
        return self._pointer.content()

    def current(self) -> Release:
        """The release that CURRENT.json names. Raises NoRelease without one; UnknownName, ReleaseError if it is not
        what was activated.
        """
        pointer = self._pointer.read()
        if pointer is None:
            raise NoRelease(f"no release is active in {self.folder}: run python train_model.py")
        if not pointer["version"]:
            raise ReleaseError(f"{self.folder / CURRENT} cannot be read.")
        return self.load(pointer["version"], pointer["manifest_sha256"])

    def active(self) -> Release:
        """The release to begin with: the current one, or, if that does not verify, the last one before that does.

        Raises NoRelease if nothing was ever activated, ReleaseError if nothing verifies.
        """
        try:
            return self.current()
        except NoRelease:
            raise
        except AisleError as error:
            problem = str(error)
        for version in self._pointer.served_before(self.current_version()):
            try:
                release = self.load(version)
            except AisleError:
                continue
            note = f"{problem} The older release {version} is served instead."
            return Release(release.version, release.pipeline, release.manifest, note)
        raise ReleaseError(f"{problem} No older release verifies either: run python train_model.py")

    def listing(self) -> list[Listed]:
        """All releases on disk, newest first."""
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
        )

    def report(self, version: str) -> JsonDict | None:
        """What was measured before this release was published (src/evaluation/report.py); None if it cannot be read."""
        try:
            document = json.loads((self.folder / version / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) else None

    def activated_at(self) -> int | None:
        """When another release was last activated, in UTC seconds; None if none ever was."""
        return self._pointer.activated_at()

    def is_made_up(self, version: str) -> bool:
        """Whether a release was learnt from the made-up shop; as far as its manifest can be read."""
        try:
            return self._manifest(version).made_up
        except _UNREADABLE:
            return False

    def _manifest(self, version: str) -> Manifest:
        """As it lies there, not verified. Raises one of _UNREADABLE."""
        return Manifest.model_validate(json.loads((self.folder / version / MANIFEST).read_text(encoding="utf-8")))

    def load(self, version: str, manifest_sha256: str | None = None) -> Release:
        """Verify every byte of a release and map it. Raises UnknownName, ReleaseError."""
        folder = self.folder / version
        if version not in self.versions():
            known = ", ".join(self.versions()) or "none"
            raise UnknownName(f"there is no release {version!r} in {self.folder}. Expected one of: {known}.")
        return read_release(folder, manifest_sha256)

    def versions(self) -> list[str]:
        """All releases on disk, oldest first."""
        try:
            names = [name for name in os.listdir(self.folder) if not name.startswith(".")]
        except OSError:  # none yet, or a disk that gives nothing
            return []
        return sorted(name for name in names if os.path.isfile(self.folder / name / MANIFEST))

    def prune(self, besides: str | None = None) -> None:
        """Remove the oldest releases beyond `keep`; never the current one, what served when it took its place, what a
        rollback would serve, its parent, or `besides`. Nothing while it cannot be told which these are.
        """
        with suppress(ReleaseError, UnknownName), self._pointer.changing(""):
            self._pointer.remove_leftovers()
            current, versions = self.current_version(), self.versions()
            kept = {current, besides, self._pointer.served_last(current)}
            kept |= {*[v for v in self._pointer.served_before(current) if v in versions][:1]}
            try:
                kept.add(self._manifest(str(current)).parent)
            except _UNREADABLE:
                return
            for version in versions[: -self.keep]:
                if version not in kept:
                    self._remove(version)

    def _remove(self, version: str) -> None:
        """At once for everybody who looks; a kill in the middle leaves a leftover that the next publishing removes."""
        doomed = self.folder / f"{_TEMPORARY}removed-{version}"
        with suppress(OSError):
            os.rename(self.folder / version, doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def _remove_leftovers(self) -> None:
        for path in self.folder.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(path, ignore_errors=True)
