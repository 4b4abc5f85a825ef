"""Another release is to be served: what the HTTP calls and the dashboard's buttons do alike."""

from __future__ import annotations

from collections.abc import Callable

from app.serving.recommender import Recommender
from src.core.errors import AisleError, NoRelease, UnknownName
from src.releases.registry import Registry


def change_release(
    registry: Registry, recommender: Recommender, change: Callable[[Registry], object]
) -> tuple[str, bool]:
    """(the current release after the change, whether it is pinned); this worker has taken it up, the others do within
    a few seconds. Raises what the registry raises.
    """
    change(registry)
    recommender.refresh()
    return str(registry.current_version()), registry.is_pinned


def status_of(error: AisleError) -> tuple[int, str]:
    """HTTP status and phrase for a change that was refused."""
    return (404, "Not Found") if isinstance(error, UnknownName | NoRelease) else (409, "Conflict")
