"""The releases that several hosts share: a folder that all of them mount, or an object store, through fsspec.

<url>/releases/<version>/…           a release; its manifest.json is written last and removed first
<url>/pointers/<number>.json         one for every change of the current release; the highest number counts
<url>/doomed/<version>               since when nobody needs a release, as UTC seconds

A pointer is created only if its number is free, which folders (O_EXCL) and S3 (If-None-Match) both promise, so of two
hosts that change the release at once one is told to look again. Nothing is ever overwritten.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from src.core.errors import ReleaseError, SharedReleasesAway, UnknownName
from src.core.shared_folder import SharedFolder, create, listed, make_folder
from src.releases.release import MANIFEST, sha256, verify_release

_POINTERS_KEPT = 100
_GRACE_SECONDS = 3_600
"""Between the mark that a release is not needed and its removal: whoever activates it meanwhile removes the mark."""
_FETCHING = ".fetching"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class SharedPointerEntry:
    """One change of the current release.

    Attributes:
        number: Of the change, from 1 on.
        version: The release; "" after a deactivation.
        manifest_sha256: Hash of its manifest.
        pinned: Whether no training may replace it.
    """

    number: int
    version: str
    manifest_sha256: str = ""
    pinned: bool = False


@dataclass(frozen=True)
class SharedState:
    """What this host knows of the shared releases.

    Attributes:
        number: Of the newest change that this host has taken over; 0 for none.
        read_at: When the shared pointer was last read, UTC seconds; 0 for never.
        problem: Why it could not be read or taken over since; "" if it could.
    """

    number: int = 0
    read_at: float = 0.0
    problem: str = ""


class SharedReleases:
    """Releases and their pointers at one URL. Every method may raise SharedReleasesAway.

    Args:
        url: s3://BUCKET/PREFIX, file:///FOLDER, a path, or any other URL that an installed driver of fsspec knows.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._ask = SharedFolder(url, self._away).ask

    def newest_number(self) -> int:
        """Return the number of the newest change; 0 for none."""
        return max(self._numbers(), default=0)

    def newest(self) -> SharedPointerEntry | None:
        """Return the newest pointer; None if no release was ever activated."""
        return next(iter(self._newest_first()), None)

    def changes_after(self, number: int) -> list[SharedPointerEntry]:
        """Return the changes with higher numbers, oldest first; only the last hundred are kept."""
        return list(self._newest_first(after=number))[::-1]

    def _newest_first(self, after: int = 0) -> Iterator[SharedPointerEntry]:
        """Yield the pointers that can be read: one that is being written has no contents yet."""
        for number in sorted(self._numbers(), reverse=True):
            if number <= after:
                return
            content = self._ask(partial(_read_pointer, number))
            with contextlib.suppress(ValueError, TypeError):
                yield SharedPointerEntry(number=number, **json.loads(content))

    def _numbers(self) -> list[int]:
        stems = [PurePosixPath(name).stem for name in self._ask(lambda fs, root: listed(fs, f"{root}/pointers"))]
        return [int(stem) for stem in stems if stem.isdecimal()]

    def append(self, entry: SharedPointerEntry) -> None:
        """Make a change the newest one.

        Raises:
            ReleaseError: Another host has taken its number.
        """
        fields = asdict(entry)
        del fields["number"]
        content = json.dumps(fields).encode()

        def add(fs: Any, root: str) -> bool:
            make_folder(fs, f"{root}/pointers")
            if not create(fs, f"{root}/pointers/{entry.number:09d}.json", content):
                return False
            for number in sorted(self._numbers())[:-_POINTERS_KEPT]:
                fs.rm_file(f"{root}/pointers/{number:09d}.json")
            return True

        if not self._ask(add):
            raise ReleaseError(
                "another host changed the current release at the same moment. Expected to be alone; see what serves "
                "now (python train_model.py --releases) and try again."
            )

    def versions(self) -> list[str]:
        """Return the versions of all whole releases, oldest first."""
        names = [PurePosixPath(name) for name in self._ask(lambda fs, root: fs.find(f"{root}/releases", maxdepth=2))]
        return sorted(name.parent.name for name in names if name.name == MANIFEST)

    def upload(self, folder: Path) -> None:
        """Copy a release, unless a whole one of its version is there; the manifest goes last."""
        version = folder.name

        def copy(fs: Any, root: str) -> None:
            target = f"{root}/releases/{version}"
            with contextlib.suppress(FileNotFoundError):
                fs.rm_file(f"{root}/doomed/{version}")
            if fs.exists(f"{target}/{MANIFEST}"):
                return
            paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
            names = {f"{target}/{path.relative_to(folder).as_posix()}": path for path in paths}
            for parent in {name.rpartition("/")[0] for name in names}:
                make_folder(fs, parent)
            fs.put([str(path) for path in paths], [*names])
            sizes = {name: about["size"] for name, about in fs.find(target, detail=True).items()}
            for name, path in names.items():
                if sizes.get(name) != path.stat().st_size:
                    raise OSError(f"{name} was written in part")
            fs.put_file(str(folder / MANIFEST), f"{target}/{MANIFEST}")

        self._ask(copy)

    def fetch(self, version: str, releases: Path, manifest_sha256: str | None = None) -> None:
        """Copy a release to a host's folder, verified and whole or not at all, unless it is there.

        Args:
            version: The release.
            releases: The host's folder of releases.
            manifest_sha256: Hash of the manifest that was activated; None accepts any sealed one.

        Raises:
            UnknownName: It is not here.
            ReleaseError: It does not verify, or cannot be written.
        """
        if (releases / version / MANIFEST).is_file() or not _VERSION.fullmatch(version):
            return
        with _alone(releases / _FETCHING) as temporary:
            if (releases / version / MANIFEST).is_file():  # another process of this host has fetched it
                return
            self._ask(lambda fs, root: _download(fs, f"{root}/releases/{version}", temporary / version))
            if not (temporary / version / MANIFEST).is_file():
                raise UnknownName(f"there is no release {version!r} in {self.url}. Expected one of: {self._known()}.")
            verify_release(temporary / version, manifest_sha256)
            with contextlib.suppress(FileNotFoundError):  # a release in part, without a manifest
                shutil.rmtree(releases / version)
            os.rename(temporary / version, releases / version)

    def _known(self) -> str:
        return ", ".join(self.versions()) or "none"

    def prune(self, keep: int, needed: Collection[str]) -> None:
        """Mark the oldest releases beyond `keep` that nobody needs, and remove those marked an hour ago.

        Args:
            keep: Number of the newest releases that stay.
            needed: Releases that may serve again.
        """
        doomed = [version for version in self.versions()[:-keep] if version not in needed]

        def remove(fs: Any, root: str) -> None:
            for version in doomed:
                mark = f"{root}/doomed/{version}"
                if not fs.exists(mark):
                    make_folder(fs, f"{root}/doomed")
                    fs.pipe_file(mark, str(int(time.time())).encode())
                elif int(fs.cat_file(mark) or 0) < time.time() - _GRACE_SECONDS:
                    fs.rm_file(f"{root}/releases/{version}/{MANIFEST}")
                    fs.rm(f"{root}/releases/{version}", recursive=True)
                    fs.rm_file(mark)

        self._ask(remove)

    def _away(self, reason: str) -> SharedReleasesAway:
        return SharedReleasesAway(
            f"the shared releases at {self.url} cannot be reached ({reason}). Expected a folder or object store "
            "that answers and can be written; what was served is untouched."
        )


def _read_pointer(number: int, fs: Any, root: str) -> bytes:
    content: bytes = fs.cat_file(f"{root}/pointers/{number:09d}.json")
    return content


def _download(fs: Any, source: str, target: Path) -> None:
    """Copy every file below a path; nothing if there is none."""
    names = fs.find(source)
    paths = [target / PurePosixPath(name).relative_to(PurePosixPath(source)) for name in names]
    for name, path in zip(names, paths, strict=True):
        if ".." in path.parts:
            raise OSError(f"{name} points out of its release")
        path.parent.mkdir(parents=True, exist_ok=True)
    if names:
        fs.get(names, [str(path) for path in paths])


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Give one process of this host an empty folder, which is removed at the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
        folder.mkdir()
        try:
            yield folder
        except OSError as error:
            raise ReleaseError(
                f"a release cannot be fetched to {folder.parent} ({error.strerror or error}). Expected a folder that "
                "can be written and enough free space; mend that, it is fetched again."
            ) from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def digest_of(folder: Path) -> str:
    """Return the hash of a release's manifest. Raises OSError."""
    return sha256(folder / MANIFEST)
