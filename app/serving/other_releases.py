"""Hold releases besides the current one, for the arms of experiments and for a shadow."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from app.serving.serving_snapshot import AttributesCache, ServingSnapshot
from src.core.errors import AisleError
from src.releases.registry import Registry
from src.releases.release import Release
from src.store import Store

_RETRY_SECONDS = 60.0

_log = logging.getLogger(__name__)


class OtherReleases:
    """Releases of one worker by version; one that cannot be loaded is missing, and tried again after a minute."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store, self._registry = store, registry
        self._loaded: dict[str, tuple[Release, AttributesCache]] = {}
        self._snapshots: dict[str, ServingSnapshot] = {}
        self._retry_at: dict[str, float] = {}

    def follow(self, versions: Iterable[str], withdrawn: frozenset[str]) -> None:
        """Load what is missing, forget what is not wanted any more, and renew attributes and withdrawals.

        Args:
            versions: The wanted releases.
            withdrawn: Ids of withdrawn products.
        """
        wanted = set(versions)
        for version in wanted - self._loaded.keys():
            self._load(version)
        self._loaded = {version: self._loaded[version] for version in wanted & self._loaded.keys()}
        snapshots = {}
        for version, (release, attributes) in self._loaded.items():
            versioned, held = attributes.of(release), self._snapshots.get(version)
            if held is None or not held.is_of(release, withdrawn, versioned):
                held = ServingSnapshot.of(release, withdrawn, versioned)
            snapshots[version] = held
        self._snapshots = snapshots

    def get(self, version: str) -> ServingSnapshot | None:
        """Return a release to answer with; None if it could not be loaded."""
        return self._snapshots.get(version)

    def _load(self, version: str) -> None:
        if time.monotonic() < self._retry_at.get(version, 0.0):
            return
        try:
            self._loaded[version] = self._registry.load(version, is_remembered=True), AttributesCache(self._store)
            _log.info("holding release %s, too", version)
        except AisleError as error:
            self._retry_at[version] = time.monotonic() + _RETRY_SECONDS
            _log.error("release %s, which an experiment or shadow asks for, cannot be held: %s", version, error)
