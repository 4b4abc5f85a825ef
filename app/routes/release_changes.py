"""Change the release that is served: shared by the HTTP calls and the dashboard's buttons."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from app.context import AisleContext
from src.core.errors import AisleError, NoRelease, UnknownName
from src.releases.registry import Registry


class CurrentRelease(NamedTuple):
    """The release to be served, and whether trainings must not replace it."""

    version: str
    pinned: bool


def change_release(aisle: AisleContext, change: Callable[[Registry], object]) -> CurrentRelease:
    """Change the current release and load it in this worker; the other workers follow within a few seconds.

    Args:
        change: Changes the registry. What it raises is raised.

    Returns:
        The current release after the change.
    """
    change(aisle.registry)
    aisle.recommender.refresh()
    return CurrentRelease(str(aisle.registry.current_version()), aisle.registry.is_pinned)


def status_of(error: AisleError) -> tuple[int, str]:
    """Return the HTTP status and its phrase for a change that was refused."""
    return (404, "Not Found") if isinstance(error, UnknownName | NoRelease) else (409, "Conflict")
