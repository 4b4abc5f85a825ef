"""The sentences about the release that serves."""

from __future__ import annotations

from src.releases.release import Release


def describe_fallback(release: Release) -> str | None:
    """Return why a release serves in place of the current one; None if it is the current one."""
    if release.current_problem is None:
        return None
    return f"{release.current_problem} The older release {release.version} is served instead."
