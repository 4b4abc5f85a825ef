"""Configure Gunicorn, which reads this file when it is started in this folder; its command line has precedence."""

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
# A worker verifies every byte of the release before it serves, which takes long on a slow disk.
timeout = 120
graceful_timeout = 20
# The socket would be in the home folder, which a container may not have.
control_socket_disable = True
# No preload: threads and native libraries do not survive a fork.
preload_app = False
# Log lines as the application's; no access log, as the application logs every request, without paths and queries.
logconfig_dict = gunicorn_config(os.environ.get("AISLE_LOG_FORMAT") or "auto")


def on_starting(server: Any) -> None:
    """Remove the metrics of an earlier service."""
    # The path is built here, as reading the settings imports numpy, whose threads must not be forked.
    remove_stale_slots(Path(os.environ.get("AISLE_VAR") or "var") / "metrics")


def post_worker_init(worker: Any) -> None:
    """Start the threads of a worker, which has forked and loaded the application."""
    from app import start_background

    start_background(worker.wsgi)


def worker_exit(server: Any, worker: Any) -> None:
    """Give up the lead at once, and write the served lists that are queued."""
    aisle = getattr(getattr(worker, "wsgi", None), "extensions", {}).get("aisle")
    if aisle is not None:
        aisle.leave()


def on_exit(server: Any) -> None:
    """End the training that the service started; a worker that ends alone leaves it running."""
    from app.background.training_process import end_training
    from src.models.settings import read_settings

    end_training(read_settings())
