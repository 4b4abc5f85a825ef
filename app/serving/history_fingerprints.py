"""Tell which prepared list is a user's without reading the events of the user one by one."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from src.core.domain import Event
from src.interactions.event_weights import Weighting
from src.recommendation.prepared_lists import Fingerprint, fingerprint_of
from src.store.event_store import EventStore

_MOST = 8_192


class PrintedHistory(NamedTuple):
    """A fingerprint, and the history, if it was read for it."""

    fingerprint: Fingerprint
    history: list[Event] | None


class _Known(NamedTuple):
    """What is known of a user: the store's mark before the history was read, a digest of it, and its fingerprint."""

    mark: int | None
    digest: bytes
    fingerprint: Fingerprint


class HistoryFingerprints:
    """Fingerprints by what users did, which the store returns as one text: quick for long histories, and never old.

    While the store's mark stays the same no event was added or removed, so that the text need not be read again.

    Args:
        events: The events of the store.
    """

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._held: tuple[Weighting, dict[str, _Known]] | None = None

    def of(self, user_id: str, weighting: Weighting) -> PrintedHistory | None:
        """Return the fingerprint of the history that the store has now.

        Args:
            user_id: The user.
            weighting: Of the release that is served.

        Returns:
            The fingerprint; None for an unknown user, and where more than products and kinds shapes a list.
        """
        if not weighting.by_kind_alone:
            return None
        mark, users = self._events.mark(), self._of(weighting)
        known = users.get(user_id)
        if known is not None and mark is not None and known.mark == mark:
            return PrintedHistory(known.fingerprint, None)
        if (done := self._events.done(user_id)) is None:
            return None
        digest = blake2b(done.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if known is not None and known.digest == digest:
            users[user_id] = known._replace(mark=mark)
            return PrintedHistory(known.fingerprint, None)
        history = self._events.history(user_id)
        fingerprint = fingerprint_of(history, weighting)
        if self._events.is_of(done, history):
            if len(users) >= _MOST:
                users.clear()
            users[user_id] = _Known(mark, digest, fingerprint)
        return PrintedHistory(fingerprint, history)

    def held(self, user_id: str, weighting: Weighting) -> Fingerprint | None:
        """Return the fingerprint that `of` would, if that is known without asking the store.

        Args:
            user_id: The user.
            weighting: Of the release that is served.

        Returns:
            The fingerprint; None if the store has to be asked.
        """
        known = self._of(weighting).get(user_id) if weighting.by_kind_alone else None
        if known is None or (mark := self._events.settled_mark()) is None:
            return None
        return known.fingerprint if known.mark == mark else None

    def _of(self, weighting: Weighting) -> dict[str, _Known]:
        """Return what is known of users; nothing at first, as another weighting tells other histories apart."""
        held = self._held
        if held is None or held[0] != weighting:
            held = self._held = (weighting, {})
        return held[1]
