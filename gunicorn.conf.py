"""Configure Gunicorn, which reads this file when it is started in this folder; its command line has precedence."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

from src.core.log_format import gunicorn_config
from src.core.worker_slots import remove_stale_slots

# Others reach it through a proxy, or with HOST=0.0.0.0, as in the container.
bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '5000'}"
# A header cannot name the path under which the application lies.
forwarder_headers = ""
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
# Threads make answers only; the worker's loop waits for clients, so slow ones hold no thread.
worker_class = "src.front.worker.BufferingWorker"
threads = 4
# Of each worker, as far as there are descriptors; one more replaces the one that has waited longest.
worker_connections = 4096
# The first worker of a machine verifies every byte of a release, and the others wait for it: long on a slow disk.
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
    var = Path(os.environ.get("AISLE_VAR") or "var")
    for folder in (var, *var.glob("tenants/*")):
        remove_stale_slots(folder / "metrics")


def post_worker_init(worker: Any) -> None:
    """Start the threads of a worker, which has forked and loaded the application."""
    from app.context import context_of
    from app.tenants import apps_of, start_service

    settings = [context_of(app).settings for app in apps_of(worker.wsgi)]
    worker.max_body = max(max(each.max_body_bytes, each.max_events_bytes) for each in settings)
    start_service(worker.wsgi)
    # A full collection looks at 170,000 objects that stay until the end: a pause of 40 ms, for nothing.
    gc.collect()
    gc.freeze()
    # Requests make few cycles, and what they leave to be recorded lives for a tenth of a second.
    gc.set_threshold(10_000, 10, 10)


def worker_exit(server: Any, worker: Any) -> None:
    """Give up the lead at once, and write the served lists that are queued."""
    service = getattr(worker, "wsgi", None)
    if service is not None:
        from app.tenants import leave_service

        leave_service(service)


def on_exit(server: Any) -> None:
    """End the training that the service started; a worker that ends alone leaves it running."""
    from app.background.training_process import end_training
    from src.models.settings import read_settings, settings_of_shops

    settings = read_settings()
    for each in settings_of_shops(settings).values() or [settings]:
        end_training(each)
