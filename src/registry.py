"""Releases on disk: published whole or not at all, verified before they serve, one of them current.

releases/.tmp-<run>/      being filled
releases/<version>/       immutable; manifest.json lists every file with size and sha256, and ends with its own seal
releases/CURRENT.json     {"version", "manifest_sha256"}: the one that is served
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from src.dataset.interactions import Vocabulary
from src.domain import JsonDict
from src.errors import AisleError, NoRelease, ReleaseError, UnknownName
from src.models import MODELS
from src.models.base import Model
from src.pipeline import Pipeline

FORMAT = 1
_CURRENT = "CURRENT.json"
_MANIFEST = "manifest.json"
_SEAL = "sha256"
_TEMPORARY = ".tmp-"
_SMOKE_SECONDS = 300
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Release:
    """One complete trained model, loaded. manifest: as on disk. note: what is wrong with it being the one served."""

    version: str
    pipeline: Pipeline
    manifest: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Draft:
    """What a training hands over to be published; `about` is free text for the manifest (settings, metrics …)."""

    users: Vocabulary
    items: Vocabulary
    models: Mapping[str, Model]
    default: str
    about: JsonDict = field(default_factory=dict)
    documents: Mapping[str, JsonDict] = field(default_factory=dict)


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
            self._write(draft, temporary, version, now)
            temporary.rename(self.folder / version)
            _fsync_folder(self.folder)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise ReleaseError(
                f"the release could not be written to {self.folder}: {error.strerror or error}. Expected a folder "
                "that can be written and enough free space; mend that and train again. What was served is untouched."
            ) from None
        self._smoke_test(version)
        return version

    def _write(self, draft: Draft, folder: Path, version: str, now: datetime) -> None:
        draft.users.save(folder / "users")
        draft.items.save(folder / "items")
        for name, model in draft.models.items():
            model.save(folder / "models" / name)
        for name, document in draft.documents.items():
            (folder / f"{name}.json").write_text(_json(document), encoding="utf-8")
        manifest = {
            "format": FORMAT,
            "version": version,
            "created_at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "parent": self.current_version(),
            "default_model": draft.default,
            "models": {name: model.describe() for name, model in draft.models.items()},
            **draft.about,
            "files": {str(path.relative_to(folder)): _fingerprint(path) for path in _files(folder)},
        }
        for path in _files(folder):
            _fsync(path)
        # The manifest comes last: a folder without one is no release.
        (folder / _MANIFEST).write_text(_sealed(manifest), encoding="utf-8")
        _fsync(folder / _MANIFEST)
        for path in [*(path for path in folder.rglob("*") if path.is_dir()), folder]:
            _fsync_folder(path)

    def _smoke_test(self, version: str) -> None:
        """Load it where nothing of this process can help: a release must stand on what is on disk."""
        root = Path(__file__).resolve().parent.parent
        command = [sys.executable, "-m", "src.registry", str(self.folder.resolve()), version]
        try:
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=_SMOKE_SECONDS)
        except subprocess.TimeoutExpired:
            raise ReleaseError(
                f"release {version} did not load within {_SMOKE_SECONDS} s in a fresh process; it is not served. "
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
        pointer = {"version": version, "manifest_sha256": _sha256(self.folder / version / _MANIFEST)}
        temporary = self.folder / f"{_CURRENT}.{os.getpid()}"
        try:
            temporary.write_text(_json(pointer), encoding="utf-8")
            _fsync(temporary)
            os.replace(temporary, self.folder / _CURRENT)
            _fsync_folder(self.folder)
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
        """The release to begin with: the current one, or, if that does not verify, the newest older one that does.

        Raises NoRelease if nothing was ever activated, ReleaseError if nothing verifies.
        """
        try:
            return self.current()
        except NoRelease:
            raise
        except AisleError as error:
            problem = str(error)
        current = self.current_version()
        for version in reversed(self.versions()):
            if current is not None and version >= current:
                continue
            try:
                release = self.load(version)
            except AisleError:
                continue
            note = f"{problem} The older release {version} is served instead."
            return Release(release.version, release.pipeline, release.manifest, note)
        raise ReleaseError(f"{problem} No older release verifies either: run python train_model.py")

    def load(self, version: str, manifest_sha256: str | None = None) -> Release:
        """Verify every byte of a release and map it. Raises UnknownName, ReleaseError."""
        folder = self.folder / version
        if version not in self.versions():
            known = ", ".join(self.versions()) or "none"
            raise UnknownName(f"there is no release {version!r} in {self.folder}. Expected one of: {known}.")
        manifest = self._verified_manifest(folder, manifest_sha256)
        try:
            pipeline = Pipeline(
                users=Vocabulary.load(folder / "users"),
                items=Vocabulary.load(folder / "items"),
                models={name: MODELS[name].load(folder / "models" / name) for name in manifest["models"]},
                default=manifest["default_model"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReleaseError(f"release {version} cannot be loaded ({error!r}); train again.") from None
        return Release(version, pipeline, manifest)

    def _verified_manifest(self, folder: Path, manifest_sha256: str | None) -> dict[str, Any]:
        def broken(what: str) -> ReleaseError:
            return ReleaseError(f"release {folder.name} is not served: {what}. Activate another one or train again.")

        try:
            if manifest_sha256 is not None and _sha256(folder / _MANIFEST) != manifest_sha256:
                raise broken("its manifest is not the one that was activated")
            text = (folder / _MANIFEST).read_text(encoding="utf-8")
            manifest = json.loads(text)
            if _sealed({name: manifest[name] for name in manifest if name != _SEAL}) != text:
                raise broken("its manifest was altered or cut")
            if manifest["format"] != FORMAT:
                raise broken(f"its format is {manifest['format']!r}, this program reads {FORMAT}")
            if set(manifest["files"]) != {str(path.relative_to(folder)) for path in _files(folder)} - {_MANIFEST}:
                raise broken("its files are not those of its manifest")
            for name, expected in manifest["files"].items():
                if _fingerprint(folder / name) != expected:
                    raise broken(f"{name} was altered or cut")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise broken(f"it cannot be read ({error!r})") from None
        return dict(manifest)

    def versions(self) -> list[str]:
        """All releases on disk, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(
            path.name
            for path in self.folder.iterdir()
            if not path.name.startswith(".") and (path / _MANIFEST).is_file()
        )

    def prune(self) -> None:
        """Remove the oldest releases beyond `keep`; never the current one, never its parent."""
        current = self.current_version()
        kept = {current}
        try:
            kept.add(json.loads((self.folder / str(current) / _MANIFEST).read_text(encoding="utf-8"))["parent"])
        except (OSError, ValueError, KeyError):
            return
        for version in self.versions()[: -self.keep]:
            if version not in kept:
                shutil.rmtree(self.folder / version, ignore_errors=True)

    def _remove_leftovers(self) -> None:
        for path in self.folder.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(path, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _sealed(manifest: Mapping[str, Any]) -> str:
    """A manifest's text, ending with the hash of what stands before: a rollback has no other proof of an old one."""
    return _json({**manifest, _SEAL: hashlib.sha256(_json(manifest).encode()).hexdigest()})


def _fingerprint(path: Path) -> JsonDict:
    return {"bytes": path.stat().st_size, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _fsync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _fsync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _main() -> int:
    """The smoke test: load a release and make one list. Exit code 0 if that went well."""
    from src.domain import Query

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
