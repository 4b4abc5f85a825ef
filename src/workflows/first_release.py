"""Publish popular products at once, so that lists are answered while the first training goes on."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict
from datetime import UTC, datetime

from src.core.errors import Busy
from src.core.messages import message
from src.core.process_lock import LockOwner
from src.core.progress import Reporter
from src.models import MODELS, POPULARITY
from src.models.settings import AllSettings
from src.recommendation.ensemble_config import weighting_of
from src.releases.manifest import TrainingRecord
from src.releases.release import Draft
from src.releases.shared_registry import open_registry
from src.store import Store
from src.workflows.champion_comparison import champion_of
from src.workflows.fit import FitPlan, fit, stored_data
from src.workflows.locks import trainer_lock
from src.workflows.training_steps import data_record, is_made_up

_SUMMARY = "Popular products are listed until the first training has ended; nothing was measured."


def publish_popularity(settings: AllSettings, store: Store, reporter: Reporter) -> str | None:
    """Publish and activate a release of popularity alone, unless a release is current; return its version or None.

    It is marked as provisional: the first training replaces it without a comparison.

    Raises:
        Busy: A training runs.
        NoData: The store holds no events.
        ReleaseError: The release cannot be written.
    """
    registry = open_registry(settings)
    if champion_of(registry) is not None:
        return None
    lock = trainer_lock(settings)
    if not lock.acquire(LockOwner.this_process("command")):
        raise Busy(message("run.busy", owner=str(lock.owner())))
    try:
        changed_at, read_at = store.events.changed_at(), time.time_ns() // 1_000
        data = stored_data(store, reporter)
        plan = FitPlan({POPULARITY: MODELS[POPULARITY].params(settings)}, None, weighting_of(settings))
        pipeline = fit(data, plan, settings, reporter)
        record = TrainingRecord(
            data=data_record(data, changed_at, read_at),
            params={name: asdict(params) for name, params in plan.params.items()},
            summary=_SUMMARY,
            made_up=is_made_up(store, data),
            provisional=True,
        )
        version = registry.publish(Draft(pipeline, record), secrets.token_hex(6), datetime.now(UTC))
        registry.activate(version)
        return version
    finally:
        lock.release()
