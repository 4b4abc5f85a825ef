"""Fill an empty store with a synthetic shop, and remove that when real data comes."""

from __future__ import annotations

import time

from src.core.progress import Reporter
from src.core.settings import Settings
from src.releases.shared_registry import open_registry
from src.store import Store
from src.synthetic.shop import make_shop


def make_synthetic_shop(store: Store, reporter: Reporter) -> bool:
    """Fill an empty store with the synthetic shop; return whether it was empty, else nothing is done."""
    stored = store.summary()
    # Synthetic products without events are left by a process that was interrupted while it filled the store.
    if stored.n_events or (stored.n_products and not stored.made_up):
        return False
    reporter.step("no data here: making up a shop")
    shop = make_shop(until=int(time.time()))
    store.products.add(shop.products)
    store.events.add(shop.events)  # in one transaction: an interrupted one leaves no events
    return True


def remove_synthetic_shop(settings: Settings, store: Store) -> None:
    """Remove the synthetic shop from a store, and deactivate a release that was trained on it.

    The release comes first, as a crash in between must not leave it served.
    """
    registry = open_registry(settings)
    wanted = registry.wanted_version()
    if wanted is not None and registry.is_made_up(wanted):
        registry.deactivate()
    store.delete_synthetic()
