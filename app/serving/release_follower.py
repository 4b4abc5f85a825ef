"""Follow the release that is current on disk: load it, keep its item attributes up to date, report what is served."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from app.serving.serving_snapshot import AttributesCache, ServingSnapshot
from app.serving.worker_status import WorkerFiles
from src.core.domain import JsonDict
from src.core.errors import AisleError, NoRelease, StoreError
from src.core.records import RunStatus
from src.core.settings import Settings
from src.models import ALS, SVD
from src.recommendation.pipeline import Pipeline
from src.releases.gate_messages import kept_reasons
from src.releases.registry import Registry
from src.releases.release import Release
from src.releases.release_messages import describe_fallback
from src.store import Store

_RETRY_BROKEN_SECONDS = 60
_UNREAD = b"\0"
"""Content that no pointer has, and that a missing one has not either."""
_MODEL_OF = {"mf": ALS}
"""Models of the types of trainings; SVD of all others."""
_STATUS_FIELDS = (
    "created_at",
    "default_model",
    "data",
    "metrics",
    "verdict",
    "gate",
    "parent",
    "carried_over",
    "ranking",
)

_log = logging.getLogger(__name__)


class ReleaseFollower:
    """Holds what one worker serves. A request takes one snapshot and uses it to the end."""

    def __init__(self, settings: Settings, store: Store, registry: Registry) -> None:
        self._store, self._registry = store, registry
        self._workers = WorkerFiles(settings.var / "workers", settings.refresh_seconds)
        self._attributes = AttributesCache(store)
        self._starting = settings.starting_path
        self._announces = False
        self._served: ServingSnapshot | None = None
        self._withdrawn: frozenset[str] = frozenset()
        self._store_answers = True
        self._seen_pointer: bytes | None = _UNREAD
        self._retry_at = 0.0
        self._problem: str | None = None
        self._refused: str | None = None
        self._refreshing = threading.Lock()

    def refresh(self) -> bool:
        """Load the current release if it has changed, the withdrawn products and the attributes of items.

        A release that cannot be loaded is reported, and the one served so far stays, also when CURRENT.json is missing;
        after a deactivation none is served. If the store does not answer, products stay as they were.

        Returns:
            Whether another release is served now.
        """
        with self._refreshing:
            withdrawn = self._read_withdrawn()
            before = self._served.release if self._served else None
            release = self._current_release(before)
            if release is None:
                self._served, self._refused = None, self._last_refusal()
            else:
                versioned = self._attributes.of(release)
                if self._served is None or not self._served.is_of(release, withdrawn, versioned):
                    self._served = ServingSnapshot.of(release, withdrawn, versioned)
            if changed := _version(release) != _version(before):
                _log.info("serving release %s", _version(release))
            if self._announces:
                self._workers.announce(_version(release), self._problem)
            return changed

    def announce(self) -> None:
        """Write what this process serves to its worker file, now and after every refresh."""
        self._announces = True
        self._workers.announce(self.version, self._problem)

    def leave(self) -> None:
        """Remove the worker file of this process."""
        self._announces = False
        self._workers.leave()

    def _read_withdrawn(self) -> frozenset[str]:
        """Return the ids of withdrawn products; those read last if the store does not answer."""
        try:
            self._withdrawn, self._store_answers = self._store.products.withdrawn(), True
        except StoreError as error:
            if self._store_answers:  # once, not at every look
                _log.warning("which products are withdrawn cannot be seen: %s", error)
            self._store_answers = False
        return self._withdrawn

    def _current_release(self, before: Release | None) -> Release | None:
        """Return the release to serve: `before` itself if no other one can be loaded, None after a deactivation."""
        pointer = self._registry.pointer_bytes()
        if pointer == self._seen_pointer and (self._problem is None or time.monotonic() < self._retry_at):
            return before
        self._seen_pointer, self._retry_at = pointer, time.monotonic() + _RETRY_BROKEN_SECONDS
        still = f" Release {before.version} is served on." if before else ""
        try:
            # Only a worker without a release falls back to an older one.
            release = self._registry.current() if before else self._registry.active()
            self._problem = describe_fallback(release)
        except NoRelease as error:
            return self._without_pointer(before, error)
        except AisleError as error:
            self._problem = f"{error}{still}"
            _log.error("%s", error)
            return before
        except Exception as error:  # whatever it is, this worker must go on serving, and a new one must start
            self._problem = f"the current release cannot be taken up: unexpected {error!r}.{still}"
            _log.exception("the current release cannot be taken up")
            return before
        return before if _version(release) == _version(before) else release

    def _without_pointer(self, before: Release | None, error: NoRelease) -> Release | None:
        """Return `before`, unless a release was deactivated: the folder of releases was removed or exchanged."""
        if before is None or self._registry.is_deactivated:
            self._problem = None
            _log.warning("%s", error)
            return None
        self._problem = (
            f"{self._registry.folder} names no release any more. Release {before.version} is served on until this "
            "process ends; restore the folder, or train with python train_model.py."
        )
        _log.error("%s", self._problem)
        return before

    @property
    def version(self) -> str | None:
        """The version of the served release; None without one."""
        served = self._served
        return served.release.version if served else None

    def release(self) -> Release:
        """Return the served release. Raises NoRelease without one."""
        return self._serving().release

    def serving(self) -> tuple[str, Pipeline]:
        """Return the version of the served release and its pipeline without withdrawn products. Raises NoRelease."""
        served = self._serving()
        return served.release.version, served.pipeline

    def _serving(self) -> ServingSnapshot:
        """Return the snapshot to answer with. Raises NoRelease without one."""
        served = self._served
        if served is None:
            shared = self._registry.shared_state
            raise NoRelease(
                self._problem
                or (shared and shared.problem)
                or self._is_starting()
                or self._refused
                or "no model is being served yet: run python train_model.py (after python data_processing.py FILE)"
            )
        return served

    def _is_starting(self) -> str | None:
        """Return what deploy/start.py is doing; None if it does nothing."""
        with suppress(OSError, ValueError):
            return f"no model is being served yet: {self._starting.read_text(encoding='utf-8')}. Ask again in a minute."
        return None

    def _last_refusal(self) -> str | None:
        """Return why the newest training published nothing; None if files were loaded since, or it did not end so."""
        try:
            run = next(iter(self._store.runs.newest(1)), None)
            load = next(iter(self._store.runs.loads(1)), None)
        except StoreError:
            return None
        if run is None or run.status is not RunStatus.KEPT or (load and load.loaded_at > run.started_at):
            return None
        why = kept_reasons(run.verdict) or run.message
        return (
            f"no model is being served: the last training was not published ({why}). Mend the reason and train "
            "again, or publish it all the same: python train_model.py --force"
        )

    def release_status(self) -> JsonDict:
        """Return what is served and what is wrong with it (note); version is None without a release."""
        release = self._served.release if self._served else None
        status: JsonDict = {"version": None, "note": self._problem or ""}
        if shared := self._registry.shared_state:
            status["shared"] = asdict(shared)
        if release:
            manifest = release.manifest.to_json()
            status |= {"version": release.version, "pinned": self._registry.is_pinned}
            status |= {name: manifest.get(name) for name in _STATUS_FIELDS}
        return status

    def workers(self) -> list[dict[str, Any]]:
        """Return host, pid, release, since (UTC seconds) and note of every live worker."""
        return self._workers.alive()

    def model_status(self, model_type: str) -> dict[str, Any]:
        """Return whether the model of a type of training is served, and its shapes."""
        served = self._served
        model = served.pipeline.models.get(_MODEL_OF.get(model_type, SVD)) if served else None
        if served is None or model is None:
            return {"status": "not_loaded"}
        # A model that is a function of the history holds no users of its own, but it learnt from them.
        return {"status": "loaded", "n_users": len(served.pipeline.users), **model.describe()}


def _version(release: Release | None) -> str | None:
    return release.version if release else None
