"""Hold what a worker serves: a release, and the attributes of its items according to the store."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from app.serving.cached_list import cache_key
from src.core.domain import Product, Query, Recommendation
from src.core.errors import StoreAway, StoreError
from src.interactions.item_attributes import ItemAttributes
from src.recommendation.pipeline import Pipeline
from src.recommendation.prepared_lists import Fingerprint
from src.releases.release import Release
from src.store import Store
from src.store.product_store import ProductStore

_REST_PER_COST, _QUICK_SECONDS = 20.0, 0.1
"""Changed attributes are read at every refresh if reading is quick; else after this many times the time it took."""
_LOOKS = 5
"""Highest number of times that a list is made again because listed products have changed since the last refresh."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VersionedAttributes:
    """Attributes of the items of a release.

    Attributes:
        release: version of the release.
        stamp: the store's time of the last change of products, the same in every worker; None if there was none.
        attributes: of the items.
    """

    release: str
    stamp: int | None
    attributes: ItemAttributes


@dataclass(frozen=True)
class ServingSnapshot:
    """The parts that lists are made with, swapped as one.

    Attributes:
        release: the release.
        pipeline: its pipeline without withdrawn products.
        withdrawn: ids.
        mark: hash of the withdrawn ids, the same in every worker; "" without any.
        versioned: the attributes of the items.
    """

    release: Release
    pipeline: Pipeline
    withdrawn: frozenset[str]
    mark: str
    versioned: VersionedAttributes

    @classmethod
    def of(cls, release: Release, withdrawn: frozenset[str], versioned: VersionedAttributes) -> ServingSnapshot:
        """Combine a release with the present state of its products.

        Args:
            release: the release.
            withdrawn: ids of the withdrawn products.
            versioned: attributes of the release's items.

        Returns:
            A snapshot of them.
        """
        mark = hashlib.sha256("\0".join(sorted(withdrawn)).encode()).hexdigest() if withdrawn else ""
        pipeline = replace(release.pipeline.without(withdrawn), attributes=versioned.attributes)
        return cls(release, pipeline, withdrawn, mark, versioned)

    def is_of(self, release: Release, withdrawn: frozenset[str], versioned: VersionedAttributes) -> bool:
        """Tell whether `of` would return an equal snapshot.

        Args:
            release: as `of` takes it.
            withdrawn: as `of` takes it.
            versioned: as `of` takes it.

        Returns:
            Whether the snapshot was made of exactly these.
        """
        return self.release is release and self.withdrawn == withdrawn and self.versioned is versioned

    @property
    def marks(self) -> tuple[str, int | None, str]:
        """What tells the present state of products: hash of the withdrawn ones, time of the last change, groups."""
        groups = self.pipeline.groups
        return self.mark, self.versioned.stamp, "" if groups is None else groups.mark

    def cache_key(self, query: Query, fingerprint: Fingerprint | None = None) -> dict[str, Any]:
        """Return everything that shapes the list of a query.

        Args:
            query: complete, unless there is a fingerprint.
            fingerprint: of its history, if `Pipeline.fingerprint` has one; None to take every event.

        Returns:
            Plain JSON.
        """
        stamp: dict[str, Any] = {"facts": self.versioned.stamp} if query.rules.asks_facts else {}
        groups = self.pipeline.groups
        if groups is not None and not (query.rules.variants and not query.rules.seen_group):
            stamp["groups"] = groups.mark
        shaped = cache_key(query) if fingerprint is None else {"fingerprint": fingerprint, "n": query.n}
        return {"release": self.release.version, "withdrawn": self.mark, **stamp, **shaped}

    def with_current(self, products: Iterable[Product]) -> ServingSnapshot:
        """Return the snapshot with the attributes of these products; the same one if none has changed."""
        changed = self.pipeline.differing(product.attributes for product in products)
        return replace(self, pipeline=self.pipeline.with_attributes(changed)) if changed else self

    def listed(
        self, query: Query, products: ProductStore, *, may_be_prepared: bool = True
    ) -> tuple[ServingSnapshot, list[Recommendation]]:
        """Make the list of a query with the attributes that the listed products have at this moment.

        Args:
            query: complete with history and rules.
            products: told of the listed products, if the rules depend on attributes.
            may_be_prepared: False after no prepared list was found.

        Returns:
            The snapshot with the changed attributes, and the list it makes.
        """
        snapshot, listed = self, self.pipeline.recommend(query, may_be_prepared=may_be_prepared)
        for _ in range(_LOOKS if query.rules.asks_facts else 0):
            try:
                current = snapshot.with_current(products.get(place.product_id for place in listed).values())
            except StoreAway:  # as at the last refresh
                break
            if current is snapshot:
                break
            snapshot, listed = current, current.pipeline.recommend(query)
        return snapshot, listed


class AttributesCache:
    """The attributes of the served release's items; used by one thread at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: VersionedAttributes | None = None
        self._rests_until = 0.0

    def of(self, release: Release) -> VersionedAttributes:
        """Return the attributes of a release's items, read again if the store's products have changed.

        If the store does not answer, the attributes stay as they were; all are unknown for a release that is new then.
        """
        held = self._held if self._held and self._held.release == release.version else None
        items = release.pipeline.items
        try:
            # Before reading: a change during the reading is noticed at the next refresh.
            stamp = self._store.products.changed_at()
            if held is None or (stamp != held.stamp and time.monotonic() >= self._rests_until):
                started = time.monotonic()
                attributes = ItemAttributes.of(self._store.products.read_attributes(), items)
                if attributes.groups is not None:
                    _ = attributes.groups.mark  # found now, not while a request waits
                held = VersionedAttributes(release.version, stamp, attributes)
                ended = time.monotonic()
                cost = ended - started
                self._rests_until = ended + (_REST_PER_COST * cost if cost > _QUICK_SECONDS else 0)
            self._held = held
        except StoreError as error:
            _log.warning("what products are like by now cannot be seen: %s", type(error).__name__)
        return held or VersionedAttributes(release.version, -1, ItemAttributes.empty(len(items)))
