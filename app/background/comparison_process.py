"""The process that compares two releases."""

from __future__ import annotations

from app.background.background_job import BackgroundJob
from src.core.settings import Settings
from src.workflows.locks import FileLock


def comparison_job(settings: Settings) -> BackgroundJob:
    """Return the job that runs evaluate_model.py --compare; the worker that starts it holds the lock."""
    return BackgroundJob(
        "evaluate_model.py", FileLock(settings.var / "comparing.lock"), settings.var / "comparison.log"
    )
