"""Compare two releases on events that are newer than both, and keep the result."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from src.core.domain import JsonDict, Query
from src.core.errors import AisleError
from src.core.operation_records import ReleaseComparison
from src.core.progress import Reporter
from src.core.settings import Settings
from src.evaluation.release_comparison import compare_on_same_events, lists_of, side_by_side
from src.evaluation.task_lists import K
from src.releases.shared_registry import open_registry
from src.store import Store
from src.workflows.drift_check import split_at

_EXAMPLE_USERS = 50


def compare_releases(settings: Settings, store: Store, one: str, other: str, reporter: Reporter) -> ReleaseComparison:
    """Compare two releases, and save the result, or why there is none.

    Args:
        settings: where the releases are.
        store: the events, and where the result is kept.
        one: version of the first.
        other: version of the second.

    Returns:
        The comparison.

    Raises:
        AisleError: it could not be computed, which is kept too.
    """
    begun = store.comparisons.get(one, other) or ReleaseComparison(one, other, int(time.time()))
    begun = replace(begun, result=None, problem="", finished_at=None)
    store.comparisons.save(begun)
    try:
        result = _compared(settings, store, one, other, reporter)
    except AisleError as error:
        store.comparisons.save(replace(begun, finished_at=int(time.time()), problem=str(error)))
        raise
    done = replace(begun, finished_at=int(time.time()), result=result)
    store.comparisons.save(done)
    return done


def _compared(settings: Settings, store: Store, one: str, other: str, reporter: Reporter) -> JsonDict:
    registry = open_registry(settings)
    reporter.step("verifying the releases")
    releases = [registry.load(version) for version in (one, other)]
    newest = max(release.read_at() for release in releases)
    reporter.step("reading the events that are newer than both")
    parts = split_at(store, newest)
    pipelines = [release.pipeline for release in releases]
    if parts is None:
        users = pipelines[0].users.ids_of(range(min(_EXAMPLE_USERS, len(pipelines[0].users))))
        queries = [Query(user, tuple(store.events.history(user)), n=K) for user in users]
        lists = [lists_of(pipeline, queries) for pipeline in pipelines]
        result: dict[str, Any] = {"n_users": 0, "n_events": 0, "figures": [], "difference": None}
        result |= side_by_side(users[:5], lists[0], lists[1])
    else:
        reporter.step(f"measuring both on {len(parts.test):,} events")
        result = compare_on_same_events(
            pipelines[0],
            pipelines[1],
            parts,
            relevant_rating=settings.relevant_rating,
            max_users=settings.evaluated_users,
        )
    facts = [release.manifest.data for release in releases]
    counts = [fact.n_events if fact else None for fact in facts]
    result["figures"] += [
        {"name": "n_events", "one": counts[0], "other": counts[1]},
        {"name": "n_products", "one": len(pipelines[0].items), "other": len(pipelines[1].items)},
    ]
    return result | {"since": newest // 1_000_000}
