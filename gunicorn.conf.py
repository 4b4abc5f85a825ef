"""Gunicorn reads this file by itself when it is started in this folder. Its command line wins over it."""

from __future__ import annotations

import os
from typing import Any

bind = f"0.0.0.0:{os.environ.get('PORT') or '5000'}"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_class = "gthread"
threads = 4
# A worker verifies every byte of the release before it serves: some gigabytes on a slow disk take their time.
timeout = 120
graceful_timeout = 20
# Nobody steers it by a socket in the home folder, which a container may not even have.
control_socket_disable = True
# No preload: threads and native libraries do not survive a fork.
preload_app = False


def post_worker_init(worker: Any) -> None:
    """A worker has forked and loaded the application: now it may have threads."""
    from app import start_background

    start_background(worker.wsgi)


def worker_exit(server: Any, worker: Any) -> None:
    """Hand over the lead at once instead of when the kernel notices."""
    aisle = getattr(getattr(worker, "wsgi", None), "extensions", {}).get("aisle")
    if aisle is not None:
        aisle.scheduler.stop()
        aisle.recommender.leave()


def on_exit(server: Any) -> None:
    """The service ends, and with it the training that it started; a worker that ends alone leaves it running."""
    from app.trainer import end_training
    from src.config import read_settings

    end_training(read_settings())
