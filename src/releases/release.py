"""One release on disk: a folder of arrays and JSON, verified by its manifest.

manifest.json lists every other file with size and sha256, and ends with a hash of itself. No file is rewritten.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from src.core.address_space import is_memory_shortage
from src.core.all_cores import map_on_all_cores
from src.core.domain import JsonDict
from src.core.errors import InputError, LimitReached, ReleaseError
from src.interactions.vocabulary import Vocabulary
from src.models import MODELS
from src.recommendation.ensemble import ENSEMBLE, Ensemble
from src.recommendation.pipeline import Pipeline
from src.recommendation.prepared_lists import PreparedLists
from src.recommendation.search_reranker import SearchReranker
from src.releases.manifest import FORMAT, READABLE_FORMATS, Manifest, TrainingRecord, iso_seconds, parse_manifest
from src.releases.verified_files import is_old, mark_of, verified_files
from src.search.index import SearchIndex

MANIFEST = "manifest.json"
_SEAL = "sha256"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Release:
    """One release, loaded.

    Attributes:
        version: Its name.
        pipeline: Its models.
        manifest: Its manifest.
        current_problem: Why the current release does not serve in its place; None if this is the current one.
    """

    version: str
    pipeline: Pipeline
    manifest: Manifest
    current_problem: str | None = None

    def read_at(self) -> int:
        """Return when its events were read, in microseconds since 1970.

        Raises:
            InputError: It is unknown.
        """
        data = self.manifest.data
        if data is None or not data.is_from_store or data.read_at is None:
            raise InputError(
                f"release {self.version} does not say which events of the store it has seen, so none is known to be "
                "new to it. Compare releases that were trained from the store."
            )
        return data.read_at


@dataclass(frozen=True)
class Draft:
    """A release that is to be published.

    Attributes:
        pipeline: Its models.
        about: What the training tells for the manifest.
        documents: Name → content of a JSON file beside the manifest.
    """

    pipeline: Pipeline
    about: TrainingRecord = field(default_factory=TrainingRecord)
    documents: Mapping[str, JsonDict] = field(default_factory=dict)


@dataclass(frozen=True)
class SmokeTestResult:
    """Measurements of a release on disk by a fresh process.

    Attributes:
        n_bytes: Size without the manifest.
        load_seconds: Time to verify and map it.
        n_lists: Number of lists that were made.
        p95_ms: 95 % quantile of a list's processor time, in milliseconds.
        short: Share of lists with fewer products than possible.
    """

    n_bytes: int
    load_seconds: float
    n_lists: int
    p95_ms: float
    short: float


def write_release(draft: Draft, folder: Path, version: str, parent: str | None, now: datetime) -> None:
    """Write a release to an empty folder, durably; the manifest comes last.

    Args:
        draft: The release.
        folder: An empty folder.
        version: Its name.
        parent: The current release; None without one.
        now: The present.

    Raises:
        OSError: A file could not be written.
    """
    pipeline = draft.pipeline
    pipeline.users.save(folder / "users")
    pipeline.items.save(folder / "items")
    for name, model in pipeline.models.items():
        model.save(folder / "models" / name)
    if pipeline.search is not None:
        pipeline.search.save(folder / "search")
    for name, ranker in pipeline.rankers.items():
        ranker.save(folder / "ranking" / name)
    if pipeline.prepared is not None:
        pipeline.prepared.save(folder / "prepared")
    for name, document in draft.documents.items():
        (folder / f"{name}.json").write_text(to_json(document), encoding="utf-8")
    manifest = {
        "format": FORMAT,
        "version": version,
        "created_at": iso_seconds(now.astimezone(UTC)),
        "parent": parent,
        "default_model": pipeline.default,
        "rating_model": pipeline.rater,
        "weighting": asdict(pipeline.weighting),
        "models": {name: model.describe() for name, model in pipeline.models.items()},
        "search": None if pipeline.search is None else pipeline.search.describe(),
        "rankers": sorted(pipeline.rankers),
        "prepared_lists": 0 if pipeline.prepared is None else len(pipeline.prepared),
        **draft.about.to_json(),
        "files": _durable(folder),
    }
    # The manifest comes last: a folder without one is no release.
    (folder / MANIFEST).write_text(_sealed(manifest), encoding="utf-8")
    fsync(folder / MANIFEST)
    for path in [*(path for path in folder.rglob("*") if path.is_dir()), folder]:
        fsync_folder(path)


def read_release(folder: Path, manifest_sha256: str | None = None, *, is_remembered: bool = False) -> Release:
    """Verify every byte of a release and map it.

    Args:
        folder: Its folder.
        manifest_sha256: Hash of the manifest that was activated; None accepts any sealed manifest.
        is_remembered: Whether files count as verified that this machine has verified, and that did not change since.

    Returns:
        The release.

    Raises:
        ReleaseError: It is damaged, or another program's.
    """
    manifest = _verified_manifest(folder, manifest_sha256, is_remembered=is_remembered)
    try:
        pipeline = Pipeline(
            users=Vocabulary.load(folder / "users"),
            items=Vocabulary.load(folder / "items"),
            models=_models(folder / "models", manifest.models),
            default=manifest.default_model,
            rater=manifest.rating_model,
            weighting=manifest.weighting,
            rankers={name: SearchReranker.load(folder / "ranking" / name) for name in manifest.rankers},
            search=SearchIndex.load(folder / "search") if manifest.search else None,
            prepared=PreparedLists.load(folder / "prepared") if manifest.prepared_lists else None,
            intervals=manifest.metrics.rating_intervals,
        )
    except Exception as error:  # readers raise anything on wrong bytes, and a worker must go on
        refuse_limit(folder.name, error)
        raise ReleaseError(f"release {folder.name} cannot be loaded ({_short(error)}); train again.") from None
    return Release(folder.name, pipeline, manifest)


def verify_release(folder: Path, manifest_sha256: str | None = None) -> None:
    """Verify every byte of a release without loading it.

    Args:
        folder: Its folder.
        manifest_sha256: Hash of the manifest that was activated; None accepts any sealed manifest.

    Raises:
        ReleaseError: It is damaged.
    """
    _verified_manifest(folder, manifest_sha256, is_remembered=False)


def _models(folder: Path, names: Collection[str]) -> dict[str, Any]:
    models = {name: MODELS[name].load(folder / name) for name in names if name != ENSEMBLE}
    return models | ({ENSEMBLE: Ensemble.load(folder / ENSEMBLE, models)} if ENSEMBLE in names else {})


def _verified_manifest(folder: Path, manifest_sha256: str | None, *, is_remembered: bool) -> Manifest:
    def broken(reason: str) -> ReleaseError:
        return ReleaseError(f"release {folder.name} is not served: {reason}. Activate another one or train again.")

    try:
        if manifest_sha256 is not None and sha256(folder / MANIFEST) != manifest_sha256:
            raise broken("its manifest is not the one that was activated")
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        manifest = json.loads(text)
        entries = list(_entries(folder))
        if folder.is_symlink() or any(entry.is_symlink() for entry in entries):
            raise broken("it holds a link to somewhere else, where its bytes may change unnoticed")
        if _sealed({name: manifest[name] for name in manifest if name != _SEAL}) != text:
            raise broken("its manifest was altered or cut")
        if manifest["format"] not in READABLE_FORMATS:
            readable = " and ".join(map(str, READABLE_FORMATS))
            raise broken(f"its format is {manifest['format']!r}, this program reads {readable}")
        inside = len(str(folder)) + 1
        if set(manifest["files"]) != {entry.path[inside:] for entry in entries if entry.is_file()} - {MANIFEST}:
            raise broken("its files are not those of its manifest")
        for name in _altered(folder, manifest["files"], is_remembered=is_remembered):
            raise broken(f"{name} was altered or cut")
        return parse_manifest(manifest)
    except ReleaseError:
        raise
    except Exception as error:  # a manifest may be any JSON, of any depth
        refuse_limit(folder.name, error)
        raise broken(f"it cannot be read ({_short(error)})") from None


def _altered(folder: Path, files: Mapping[str, JsonDict], *, is_remembered: bool) -> Iterator[str]:
    """Yield the names of files that are not those of a manifest, and remember the others."""
    with verified_files(folder) as known:
        marks = {name: mark_of(folder / name, str(expected["sha256"])) for name, expected in files.items()}
        unknown = [
            name
            for name, mark in marks.items()
            if not (is_remembered and known.get(name) == mark and mark[2] == files[name]["bytes"])
        ]
        for name, found in zip(
            unknown, map_on_all_cores(_fingerprint, [folder / name for name in unknown]), strict=True
        ):
            known.pop(name, None)
            if found != files[name]:
                yield name
            elif is_old(marks[name]):
                known[name] = marks[name]


def refuse_limit(version: str, error: Exception) -> None:
    """Check whether an error comes from a limit of this process, and says nothing about a release.

    Args:
        version: The release, for the message.
        error: What was raised while it was read.

    Raises:
        LimitReached: It does.
    """
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        raise LimitReached(
            f"release {version} cannot be read, as this process may open no more files ({error.strerror}). Expected "
            "a limit of 1024 or more: raise it with ulimit -n 1024 (systemd: LimitNOFILE) and start again."
        ) from None
    if is_memory_shortage(error):
        raise LimitReached(
            f"release {version} cannot be read, as this process can take no more memory. Give it more (ulimit -v, the "
            "container's limit) and start again."
        ) from None


def _short(error: Exception) -> str:
    return repr(error)[:300]


def _entries(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Go through all that a folder holds, at any depth, and follow no link."""
    with os.scandir(folder) as listing:
        for entry in listing:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def to_json(document: Mapping[str, Any]) -> str:
    """Return the text of a JSON file. Raises ValueError for NaN."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _sealed(manifest: Mapping[str, Any]) -> str:
    """Return a manifest's text, ending with a hash of the rest: nothing else verifies an old one before a rollback."""
    return to_json({**manifest, _SEAL: hashlib.sha256(to_json(manifest).encode()).hexdigest()})


def _durable(folder: Path) -> dict[str, JsonDict]:
    """Flush the files of a folder to the disk, several at a time; return what a manifest says of each."""

    def fingerprint(path: Path) -> JsonDict:
        fsync(path)
        return _fingerprint(path)

    files = _files(folder)
    found = map_on_all_cores(fingerprint, files)
    return {str(path.relative_to(folder)): each for path, each in zip(files, found, strict=True)}


def _fingerprint(path: Path) -> JsonDict:
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def sha256(path: Path) -> str:
    """Return a file's hash in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fsync(path: Path) -> None:
    """Flush a file to the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def fsync_folder(path: Path) -> None:
    """Flush a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
