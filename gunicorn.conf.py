"""Gunicorn reads this file by itself when it is started in this folder. Its command line wins over it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from src.core.log_format import gunicorn_config
from src.core.worker_slots import remove_stale_slots

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
# Its own lines like ours; no access log, as the application has a line for every request, without paths and queries.
logconfig_dict = gunicorn_config(os.environ.get("AISLE_LOG_FORMAT") or "auto")


def on_starting(server: Any) -> None:
    """The service begins, and counts from zero."""
    # The settings would bring numpy, and with it threads that no worker wants.
    remove_stale_slots(Path(os.environ.get("AISLE_VAR") or "var") / "metrics")


def post_worker_init(worker: Any) -> None:
    """A worker has forked and loaded the application: now it may have threads."""
    from app import start_background

    start_background(worker.wsgi)


def worker_exit(server: Any, worker: Any) -> None:
    """Hand over the lead at once instead of when the kernel notices, and keep what waits to be kept."""
    aisle = getattr(getattr(worker, "wsgi", None), "extensions", {}).get("aisle")
    if aisle is not None:
        aisle.leave()


def on_exit(server: Any) -> None:
    """The service ends, and with it the training that it started; a worker that ends alone leaves it running."""
    from app.background.training_process import end_training
    from src.models.settings import read_settings

    end_training(read_settings())
