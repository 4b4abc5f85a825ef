"""Releases on disk: published whole or not at all, verified before they serve, one of them current.

releases/.tmp-<run>/      being filled
releases/<version>/       immutable (src/release.py)
releases/CURRENT.json     {"version", "manifest_sha256"}: the one that is served
releases/ACTIVATED        a line for every activation: what may be served again, and what never was
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from src.domain import Query
from src.errors import AisleError, NoRelease, ReleaseError, UnknownName
from src.release import MANIFEST, Draft, Release, fsync, fsync_folder, read_release, sha256, to_json, write_release

_CURRENT = "CURRENT.json"
_ACTIVATED = "ACTIVATED"
_TEMPORARY = ".tmp-"
_SMOKE_SECONDS = 300


class Registry:
    """The releases of one folder. Any number of processes may read; publishing is the trainer's, one at a time."""

    def __init__(self, folder: Path, keep: int = 5) -> None:
        self.folder = folder
        self.keep = keep

    def publish(self, draft: Draft, run_id: str, now: datetime) -> str:
        """Write a release, prove that a fresh process can load it, and return its version. It is not active yet.

        Raises ReleaseError; then nothing but a temporary folder may be left, which the next publishing removes.
        """
        version = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{run_id[:8]}"
        temporary = self.folder / f"{_TEMPORARY}{run_id}"
        try:
            self._remove_leftovers()
            temporary.mkdir(parents=True)
            write_release(draft, temporary, version, self.current_version(), now)
            temporary.rename(self.folder / version)
            fsync_folder(self.folder)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise ReleaseError(
                f"the release could not be written to {self.folder}: {error.strerror or error}. Expected a folder "
                "that can be written and enough free space; mend that and train again. What was served is untouched."
            ) from None
        self._smoke_test(version)
        self.prune(besides=version)
        return version

    def _smoke_test(self, version: str) -> None:
        """Load it where nothing of this process can help: a release must stand on what is on disk."""
        root = Path(__file__).resolve().parent.parent
        command = [sys.executable, "-m", "src.registry", str(self.folder.resolve()), version]
        try:
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=_SMOKE_SECONDS)
        except subprocess.TimeoutExpired:
            shutil.rmtree(self.folder / version, ignore_errors=True)
            raise ReleaseError(
                f"release {version} did not load within {_SMOKE_SECONDS} s in a fresh process; it was removed. "
                "Look whether the machine is overloaded and train again."
            ) from None
        if done.returncode != 0:
            shutil.rmtree(self.folder / version, ignore_errors=True)
            raise ReleaseError(
                f"release {version} does not load in a fresh process: {done.stderr.strip()[-300:]}. "
                "It was removed and the one before serves on; train again."
            )

    def activate(self, version: str) -> None:
        """Make a release the current one, if it verifies. Raises UnknownName, ReleaseError."""
        self.load(version)
        pointer = {"version": version, "manifest_sha256": sha256(self.folder / version / MANIFEST)}
        temporary = self.folder / f"{_CURRENT}.{os.getpid()}"
        try:
            with open(self.folder / _ACTIVATED, "a", encoding="utf-8") as record:
                record.write(f"{version}\n")
            fsync(self.folder / _ACTIVATED)
            temporary.write_text(to_json(pointer), encoding="utf-8")
            fsync(temporary)
            os.replace(temporary, self.folder / _CURRENT)
            fsync_folder(self.folder)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise ReleaseError(
                f"{self.folder / _CURRENT} could not be written: {error.strerror}. Expected a folder that can be "
                f"written; mend that and activate {version} again. What was served is untouched."
            ) from None
        self.prune()

    def deactivate(self) -> None:
        """Serve nothing: until the next activation every list answers that a training is needed."""
        (self.folder / _CURRENT).unlink(missing_ok=True)

    def current_version(self) -> str | None:
        """The version that CURRENT.json names; None without one, or if it cannot be read."""
        pointer = self._pointer()
        return pointer["version"] or None if pointer else None

    def pointer_bytes(self) -> bytes | None:
        """CURRENT.json as it is: cheap to compare with what was seen before. None without one."""
        try:
            return (self.folder / _CURRENT).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return b""

    def _pointer(self) -> dict[str, str] | None:
        found = self.pointer_bytes()
        if found is None:
            return None
        try:
            pointer = json.loads(found)
            return {"version": str(pointer["version"]), "manifest_sha256": str(pointer["manifest_sha256"])}
        except (ValueError, KeyError, TypeError, RecursionError):
            return {"version": "", "manifest_sha256": ""}  # there, but broken: no release will match

    def current(self) -> Release:
        """The release that CURRENT.json names. Raises NoRelease without one; UnknownName, ReleaseError if it is not
        what was activated."""
        pointer = self._pointer()
        if pointer is None:
            raise NoRelease(f"no release is active in {self.folder}: run python train_model.py")
        if not pointer["version"]:
            raise ReleaseError(f"{self.folder / _CURRENT} cannot be read.")
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
        for version in self._activated_before(self.current_version()):
            try:
                release = self.load(version)
            except AisleError:
                continue
            note = f"{problem} The older release {version} is served instead."
            return Release(release.version, release.pipeline, release.manifest, note)
        raise ReleaseError(f"{problem} No older release verifies either: run python train_model.py")

    def _activated_before(self, current: str | None) -> list[str]:
        """What was served, the last one first, without the current one."""
        try:
            lines = (self.folder / _ACTIVATED).read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            return []
        return [version for version in dict.fromkeys(reversed(lines)) if version != current]

    def is_made_up(self, version: str) -> bool:
        """Whether a release was learnt from the made-up shop; as far as its manifest can be read."""
        try:
            return bool(json.loads((self.folder / version / MANIFEST).read_text(encoding="utf-8")).get("made_up"))
        except (OSError, ValueError, AttributeError):
            return False

    def load(self, version: str, manifest_sha256: str | None = None) -> Release:
        """Verify every byte of a release and map it. Raises UnknownName, ReleaseError."""
        folder = self.folder / version
        if version not in self.versions():
            known = ", ".join(self.versions()) or "none"
            raise UnknownName(f"there is no release {version!r} in {self.folder}. Expected one of: {known}.")
        return read_release(folder, manifest_sha256)

    def versions(self) -> list[str]:
        """All releases on disk, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(
            path.name for path in self.folder.iterdir() if not path.name.startswith(".") and (path / MANIFEST).is_file()
        )

    def prune(self, besides: str | None = None) -> None:
        """Remove the oldest releases beyond `keep`; never the current one, its parent, or `besides`."""
        current = self.current_version()
        kept = {current, besides}
        try:
            kept.add(json.loads((self.folder / str(current) / MANIFEST).read_text(encoding="utf-8"))["parent"])
        except (OSError, ValueError, KeyError):
            return
        for version in self.versions()[: -self.keep]:
            if version not in kept:
                shutil.rmtree(self.folder / version, ignore_errors=True)

    def _remove_leftovers(self) -> None:
        for path in self.folder.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(path, ignore_errors=True)


def _main() -> int:
    """The smoke test: load a release and make one list. Exit code 0 if that went well."""
    folder, version = sys.argv[1:]
    try:
        release = Registry(Path(folder)).load(version)
        if len(release.pipeline.items) and not release.pipeline.recommend(Query(user_id=None)):
            raise ReleaseError(f"release {version} makes an empty list.")
    except AisleError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
