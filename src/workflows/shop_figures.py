"""Save the directory of customers and what recommendations earned, for the pages."""

from __future__ import annotations

import json
import time

import numpy as np

from src.core.domain import FloatArray
from src.core.errors import AisleError
from src.core.progress import Reporter
from src.core.settings import Settings
from src.exploration.earnings import Earnings, FollowedEvent, ShownPlace, earnings
from src.exploration.shop_directory import ShopDirectory
from src.interactions.interactions import TrainingData
from src.interactions.vocabulary import Vocabulary
from src.store import Store
from src.store.served_list_store import TEXT, JoinedFollowUp

EARNINGS = "earnings.json"


def save_shop(settings: Settings, store: Store, data: TrainingData, changed_at: int | None, reporter: Reporter) -> None:
    """Save the directory of customers, and what recommendations earned.

    Args:
        data: all events.
        changed_at: when the store was last changed before they were read.

    Raises:
        AisleError: they cannot be written.
    """
    reporter.step(f"making a directory of {len(data.users):,} customers")
    figures = earn(settings, store, data)
    try:
        ShopDirectory.of(data, changed_at, store.events.returned, settings.zone).save(settings.directory_dir)
        (settings.directory_dir / EARNINGS).write_text(json.dumps(figures.to_json()), encoding="utf-8")
    except OSError as error:
        raise AisleError(
            f"{settings.directory_dir} could not be written ({error.strerror}). Expected a folder that can be written "
            "and has space."
        ) from None


def earn(settings: Settings, store: Store, data: TrainingData) -> Earnings:
    """Attribute the purchases among all events to the recommendations that they followed."""
    return earnings(
        data,
        _prices(store, data.events.items),
        _followed(store),
        attribution_days=settings.attribution_days,
        zone=settings.zone,
        now=int(time.time()),
    )


def _prices(store: Store, items: Vocabulary) -> FloatArray:
    price = np.full(len(items), np.nan)
    for page in store.products.read_attributes():
        rows = items.rows_of([row.product_id for row in page])
        for row, product in zip(rows.tolist(), page, strict=True):
            if row >= 0 and product.price is not None:
                price[row] = product.price
    return price


def _followed(store: Store) -> list[FollowedEvent]:
    """Return the follow-ups with their users, whom the store joins by the key of the event."""
    waiting: dict[tuple[str, str, str], JoinedFollowUp] = {
        (row.product_id, row.kind, row.dedupe_key): row for row in store.served_lists.followed()
    }
    if not waiting:
        return []
    found = []
    for batch in store.events.read(as_recorded=True):
        keys = zip(batch.user_id, batch.product_id, batch.kind, batch.dedupe_key or [], strict=True)
        for user, product, kind, dedupe_key in keys:
            # Only events that came over HTTP name a request, and only their keys begin so.
            if not dedupe_key.startswith(("id:", "once:")):
                continue
            row = waiting.get((product, kind, dedupe_key))
            if row is not None:
                found_by_text = row.made_for == TEXT
                place = None if found_by_text else ShownPlace(row.placement, row.source, row.position)
                found.append(FollowedEvent(user, product, kind, row.at, place))
    return found


def saved_earnings(settings: Settings) -> Earnings | None:
    """Return what was saved last; None if there is nothing that can be read."""
    try:
        return Earnings.from_json(json.loads((settings.directory_dir / EARNINGS).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AssertionError):
        return None
