"""Tell which prepared list is a user's without reading the events of the user one by one."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from src.core.domain import Event
from src.interactions.event_weights import Weighting
from src.recommendation.prepared_lists import Fingerprint, fingerprint_of
from src.store.event_store import EventStore

_MOST = 16_384


class PrintedHistory(NamedTuple):
    """A fingerprint, and the history, if it was read for it."""

    fingerprint: Fingerprint
    history: list[Event] | None


class HistoryFingerprints:
    """Fingerprints by what users did, which the store returns as one text: quick for long histories, and never old.

    Args:
        events: The events of the store.
    """

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._held: tuple[Weighting, dict[bytes, Fingerprint]] | None = None

    def of(self, user_id: str, weighting: Weighting) -> PrintedHistory | None:
        """Return the fingerprint of the history that the store has now.

        Args:
            user_id: The user.
            weighting: Of the release that is served.

        Returns:
            The fingerprint; None for an unknown user, and where more than products and kinds shapes a list.
        """
        if not weighting.by_kind_alone or (done := self._events.done(user_id)) is None:
            return None
        key, known = blake2b(done.encode("utf-8", "surrogatepass"), digest_size=16).digest(), self._of(weighting)
        if (fingerprint := known.get(key)) is not None:
            return PrintedHistory(fingerprint, None)
        history = self._events.history(user_id)
        fingerprint = fingerprint_of(history, weighting)
        if self._events.is_of(done, history):
            if len(known) >= _MOST:
                known.clear()
            known[key] = fingerprint
        return PrintedHistory(fingerprint, history)

    def _of(self, weighting: Weighting) -> dict[bytes, Fingerprint]:
        """Return what is known of histories; nothing at first, as another weighting tells other histories apart."""
        held = self._held
        if held is None or held[0] != weighting:
            held = self._held = (weighting, {})
        return held[1]
