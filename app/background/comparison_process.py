"""The process that compares two releases."""

from __future__ import annotations

from app.background.background_job import BackgroundJob, launcher_of
from src.core.settings import Settings
from src.workflows.locks import FileLock


def comparison_job(settings: Settings) -> BackgroundJob:
    """Return the job that runs evaluate_model.py --compare; the worker that starts it holds the lock."""
    lock, log = FileLock(settings.var / "comparing.lock"), settings.var / "comparison.log"
    return BackgroundJob("evaluate_model.py", lock, log, launch=launcher_of(settings))
