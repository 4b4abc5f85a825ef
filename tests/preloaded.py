"""What the programs import, for the process that `tests.programs` forks; no import starts a thread or opens a file."""

from __future__ import annotations

import gc
from importlib import import_module

for _name in (
    "app.tenants",
    "gunicorn.app.wsgiapp",
    "lightgbm",
    "src.front.worker",
    "src.models.kernels.compile",
    "src.workflows.batch_lists",
    "src.workflows.cli",
    "src.workflows.drift_check",
    "src.workflows.ingest",
    "src.workflows.train",
    "tests.programs",
):
    import_module(_name)
gc.freeze()  # as the programs do after their imports
