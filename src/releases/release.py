"""One release on disk: a folder of arrays and JSON, proved by its manifest.

manifest.json lists every other file with size and sha256, and ends with a hash of itself. Nothing is ever rewritten.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from src.core.domain import JsonDict
from src.core.errors import ReleaseError
from src.interactions.vocabulary import Vocabulary
from src.models import MODELS
from src.recommendation.ensemble import ENSEMBLE, Ensemble
from src.recommendation.pipeline import Pipeline
from src.recommendation.search_reranker import SearchReranker
from src.releases.manifest import FORMAT, Manifest, TrainingRecord, iso_seconds
from src.search.index import SearchIndex

MANIFEST = "manifest.json"
_SEAL = "sha256"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Release:
    """One complete trained model, loaded. note: what is wrong with it being the one served."""

    version: str
    pipeline: Pipeline
    manifest: Manifest
    note: str = ""


@dataclass(frozen=True)
class Draft:
    """What a training hands over to be published. about: for the manifest. documents: name → JSON file beside it."""

    pipeline: Pipeline
    about: TrainingRecord = field(default_factory=TrainingRecord)
    documents: Mapping[str, JsonDict] = field(default_factory=dict)


@dataclass(frozen=True)
class SmokeTestResult:
    """What a fresh process found of a release on disk. load_seconds: to verify and map it. p95_ms: of the processor's
    time that a list took, over n_lists. short: share of them with fewer products than there could be.
    """

    n_bytes: int
    load_seconds: float
    n_lists: int
    p95_ms: float
    short: float


def write_release(draft: Draft, folder: Path, version: str, parent: str | None, now: datetime) -> None:
    """Fill an empty folder with a release, durably; the manifest comes last. Raises OSError."""
    pipeline = draft.pipeline
    pipeline.users.save(folder / "users")
    pipeline.items.save(folder / "items")
    for name, model in pipeline.models.items():
        model.save(folder / "models" / name)
    if pipeline.search is not None:
        pipeline.search.save(folder / "search")
    for name, ranker in pipeline.rankers.items():
        ranker.save(folder / "ranking" / name)
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
        **draft.about.to_json(),
        "files": {str(path.relative_to(folder)): _fingerprint(path) for path in _files(folder)},
    }
    for path in _files(folder):
        fsync(path)
    # The manifest comes last: a folder without one is no release.
    (folder / MANIFEST).write_text(_sealed(manifest), encoding="utf-8")
    fsync(folder / MANIFEST)
    for path in [*(path for path in folder.rglob("*") if path.is_dir()), folder]:
        fsync_folder(path)


def read_release(folder: Path, manifest_sha256: str | None = None) -> Release:
    """Verify every byte of a release and map it. Raises ReleaseError that says what is wrong with it."""
    manifest = _verified_manifest(folder, manifest_sha256)
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
        )
    except Exception as error:  # what readers make of wrong bytes is anybody's guess; a worker must be able to go on
        raise ReleaseError(f"release {folder.name} cannot be loaded ({_short(error)}); train again.") from None
    return Release(folder.name, pipeline, manifest)


def _models(folder: Path, names: Collection[str]) -> dict[str, Any]:
    models = {name: MODELS[name].load(folder / name) for name in names if name != ENSEMBLE}
    return models | ({ENSEMBLE: Ensemble.load(folder / ENSEMBLE, models)} if ENSEMBLE in names else {})


def _verified_manifest(folder: Path, manifest_sha256: str | None) -> Manifest:
    def broken(what: str) -> ReleaseError:
        return ReleaseError(f"release {folder.name} is not served: {what}. Activate another one or train again.")

    try:
        if manifest_sha256 is not None and sha256(folder / MANIFEST) != manifest_sha256:
            raise broken("its manifest is not the one that was activated")
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        manifest = json.loads(text)
        if any(path.is_symlink() for path in (folder, *folder.rglob("*"))):
            raise broken("it holds a link to somewhere else, where nobody sees that its bytes stay as they are")
        if _sealed({name: manifest[name] for name in manifest if name != _SEAL}) != text:
            raise broken("its manifest was altered or cut")
        if manifest["format"] != FORMAT:
            raise broken(f"its format is {manifest['format']!r}, this program reads {FORMAT}")
        if set(manifest["files"]) != {str(path.relative_to(folder)) for path in _files(folder)} - {MANIFEST}:
            raise broken("its files are not those of its manifest")
        for name, expected in manifest["files"].items():
            if _fingerprint(folder / name) != expected:
                raise broken(f"{name} was altered or cut")
        return Manifest.model_validate(manifest)
    except ReleaseError:
        raise
    except Exception as error:  # a manifest may be any JSON, as deep as somebody likes
        raise broken(f"it cannot be read ({_short(error)})") from None


def _short(error: Exception) -> str:
    return repr(error)[:300]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def to_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _sealed(manifest: Mapping[str, Any]) -> str:
    """A manifest's text, ending with the hash of what stands before: a rollback has no other proof of an old one."""
    return to_json({**manifest, _SEAL: hashlib.sha256(to_json(manifest).encode()).hexdigest()})


def _fingerprint(path: Path) -> JsonDict:
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fsync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def fsync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
