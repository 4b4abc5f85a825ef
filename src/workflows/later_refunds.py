"""Take back purchases of earlier files that a later file tells as cancelled, refunded or returned."""

from __future__ import annotations

from collections import Counter

from src.core.domain import NO_TIME, EventBatch, EventKind
from src.ingestion.event_columns import ColumnBlock
from src.store import Store

_TAKEN_BACK = "purchase of an earlier file taken back: its order was cancelled or refunded"
_UNMATCHED = "returned product that its customer never bought, as far as is stored: no effect"


class LaterRefunds:
    """Collects what was cancelled, refunded or returned while a file is read, and applies it after its events."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_first = store.events.is_empty()
        self._undone: list[EventBatch] = []
        self._returned: Counter[tuple[str, str]] = Counter()

    def note(self, block: ColumnBlock) -> None:
        """Note the rows of a block."""
        if len(block.undone) and not self._is_first:
            self._undone.append(block.undone)
        if block.by_kind.get(EventKind.RETURN.value):
            users, products, kinds = block.events.texts(0, 1, 2)
            self._returned.update(
                (user, product)
                for user, product, kind in zip(users, products, kinds, strict=True)
                if kind == EventKind.RETURN
            )

    def apply(self) -> Counter[str]:
        """Store returns of the purchases that were undone; return what was done, and what met nothing → times."""
        counts: Counter[str] = Counter()
        for batch in self._undone:
            bought = self._bought_at(batch)
            keys = zip(batch.user_id, batch.product_id, batch.at.tolist(), strict=True)
            met = [at for at, key in enumerate(keys) if key in bought]
            if met:
                counts[_TAKEN_BACK] += self._store.events.add(batch.take(met))
        unmatched = self._store.events.never_bought(self._returned)
        if unmatched:
            counts[_UNMATCHED] = sum(self._returned[pair] for pair in unmatched)
        return counts

    def _bought_at(self, batch: EventBatch) -> set[tuple[str, str, int]]:
        """Return user, product and time of the stored purchases of the users of a batch."""
        return {
            (user, event.product_id, NO_TIME if event.at is None else event.at)
            for user in set(batch.user_id)
            for event in self._store.events.history(user)
            if event.kind is EventKind.PURCHASE
        }
