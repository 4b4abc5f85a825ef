"""Runs whose trainer is gone."""

from __future__ import annotations

import time
from dataclasses import replace

from src.domain import RunStatus
from src.store import Store
from src.workflows.locks import FileLock

_LOOKED_THROUGH = 1_000


def close_abandoned(store: Store, trainer: FileLock) -> None:
    """Record runs as failed whose trainer was killed. Nothing is done while somebody else holds the trainer's lock.

    A trainer holds its lock from before it records its run until after it has recorded the end.
    """
    if not any(run.status is RunStatus.RUNNING for run in store.journal.runs(_LOOKED_THROUGH)):
        return
    mine = trainer.held
    if not mine and not trainer.acquire("closing abandoned runs"):
        return
    try:
        for run in store.journal.runs(_LOOKED_THROUGH):
            if run.status is RunStatus.RUNNING:
                message = "the trainer was killed before it could say how far it was"
                store.journal.save_run(
                    replace(run, status=RunStatus.FAILED, finished_at=int(time.time()), message=message)
                )
    finally:
        if not mine:
            trainer.release()
