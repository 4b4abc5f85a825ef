"""Where lists come from: prepared, cached, or made now. Some of them need not be waited for."""

from __future__ import annotations

import time

from app.serving.cached_list import list_from_json, list_to_json
from app.serving.history_fingerprints import HistoryFingerprints, PrintedHistory
from app.serving.list_cache import ListCache
from app.serving.serving_snapshot import ServingSnapshot
from src.core.domain import Query, Recommendation
from src.interactions.counted_history import counts_of
from src.recommendation.history_rows import RECENT
from src.recommendation.pipeline import Pipeline
from src.recommendation.prepared_lists import Fingerprint
from src.store import Store

QUICK_SECONDS = 0.0015
"""Processor time of a list that may be made while everybody else waits."""
MOST_EVENTS = 256
"""Of a history whose list may be made so; where their number alone counts, of different ones."""

FoundList = tuple[list[Recommendation], bool | None]
"""A list, and ListAnswer.cached."""


class ListSources:
    """Finds and makes the lists of one worker.

    Args:
        store: The events, and the products.
        cache: Lists that were made.
    """

    def __init__(self, store: Store, cache: ListCache) -> None:
        self._products, self._cache = store.products, cache
        self._fingerprints = HistoryFingerprints(store.events)
        self._pace = ("", 0.0)

    def printed(self, pipeline: Pipeline, query: Query) -> PrintedHistory | None:
        """Return the fingerprint of a user's history, found without all events; None if it does not say the list."""
        if query.user_id is None or query.history or not pipeline.follows_history(query):
            return None
        return self._fingerprints.of(query.user_id, pipeline.weighting)

    def known(
        self, served: ServingSnapshot, query: Query, fingerprint: Fingerprint | None, *, waits: bool = True
    ) -> FoundList | None:
        """Return a list that need not be made.

        Args:
            served: What makes the list.
            query: Complete, unless there is a fingerprint.
            fingerprint: Of its history; None for a query whose list takes more to tell.
            waits: Whether another process may be asked.

        Returns:
            The list; None if it is neither prepared nor cached.
        """
        prepared = served.pipeline.prepared_list(query, fingerprint)
        if prepared is not None:
            return prepared, None
        if not self._cache.is_on or (self._cache.is_shared and not waits):
            return None
        document = self._cache.get(served.cache_key(query, fingerprint))
        return None if document is None else (list_from_json(document), True)

    def listed(self, served: ServingSnapshot, query: Query, missed: Fingerprint | None) -> FoundList:
        """Return the list of a complete query.

        Args:
            served: What makes it.
            query: Complete.
            missed: A fingerprint of whose history no list is known.

        Returns:
            The list.
        """
        fingerprint = served.pipeline.fingerprint(query)
        known = None if missed and missed == fingerprint else self.known(served, query, fingerprint)
        return self._made(served, query, fingerprint) if known is None else known

    def at_once(self, served: ServingSnapshot, query: Query) -> FoundList | None:
        """Return the list of a query if no store, no disk and no other process has to be waited for.

        Args:
            served: What makes it.
            query: Without the stored history.

        Returns:
            The list; None if there is something to wait for, or making it may take longer than QUICK_SECONDS.
        """
        pipeline, user_id = served.pipeline, query.user_id
        if not pipeline.follows_history(query) or not _is_short(query, pipeline):
            return None
        if user_id is None:
            fingerprint = pipeline.fingerprint(query)
        else:
            fingerprint = None if query.history else self._fingerprints.held(user_id, pipeline.weighting)
        if fingerprint is None:
            return None
        found = self.known(served, query, fingerprint, waits=False)
        if found is not None or user_id is not None or self._cache.is_shared or not self._is_quick(served):
            return found
        return self._made(served, query, fingerprint)

    def _made(self, served: ServingSnapshot, query: Query, fingerprint: Fingerprint | None) -> FoundList:
        """Make a list, which is neither prepared nor cached."""
        began = time.thread_time()
        _, listed = served.listed(query, self._products, may_be_prepared=False)
        if fingerprint is not None and _is_short(query, served.pipeline):
            self._note_pace(served, time.thread_time() - began)
        if self._cache.is_on:
            self._cache.set(served.cache_key(query, fingerprint), list_to_json(listed))
        return listed, False

    def _note_pace(self, served: ServingSnapshot, seconds: float) -> None:
        """Remember a list that took long for some more lists: the first ones of a release make what others use."""
        version, before = self._pace
        self._pace = served.release.version, max(seconds, before / 2 if version == served.release.version else 0.0)

    def _is_quick(self, served: ServingSnapshot) -> bool:
        version, seconds = self._pace
        return version == served.release.version and seconds <= QUICK_SECONDS


def _is_short(query: Query, pipeline: Pipeline) -> bool:
    """Tell whether making the list of a history takes no longer than that of MOST_EVENTS events."""
    history = query.history
    if len(history) <= MOST_EVENTS:
        return True
    return pipeline.weighting.by_kind_alone and len(history) <= RECENT and len(counts_of(history)) <= MOST_EVENTS
