"""Search for the ensemble's configuration, and find the file that a search continues."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from src.core.progress import Reporter
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models.settings import AllSettings
from src.recommendation.ensemble_config import EnsembleConfig
from src.tuning.ensemble_tuning import TuningOptions, tune_ensemble


def tune(settings: AllSettings, tuning: Split, budget_seconds: float, k: int, reporter: Reporter) -> EnsembleConfig:
    """Search for the ensemble with the highest NDCG@k, without a file to continue from.

    Args:
        tuning: The events to train on and to measure on.
        budget_seconds: Duration of the search.
        k: Length of the measured lists.

    Returns:
        The best configuration.
    """
    options = TuningOptions(settings.relevant_rating, settings.seed, k)
    return tune_ensemble(tuning, EnsembleConfig.of(settings), options, budget_seconds, reporter)


def trials_file(settings: AllSettings, data: TrainingData) -> Path:
    """Return the file of a search's trials, without what a killed search left there unfinished.

    Only the process that holds the trainer's lock may call it.

    Args:
        data: The events; other events have another file.

    Returns:
        An absolute path; the file need not exist.
    """
    digest = hashlib.sha256(repr((len(data), settings.seed, settings.relevant_rating)).encode())
    for column in (data.events.user_idx, data.events.item_idx, data.events.value, data.events.at, data.kind):
        digest.update(np.ascontiguousarray(column).tobytes())
    if data.categories is not None:
        digest.update(data.categories.member.indices.tobytes())
    if data.item_vectors is not None:
        digest.update(np.ascontiguousarray(data.item_vectors).tobytes())
    # Optuna's lock is a link to this name: to a relative one it leads nowhere, and Optuna waits for ever.
    file = (settings.var / "tuning" / f"{digest.hexdigest()[:16]}.log").resolve()
    file.with_name(f"{file.name}.lock").unlink(missing_ok=True)
    _drop_torn_line(file)
    return file


def _drop_torn_line(file: Path) -> None:
    """Remove an unfinished last line, after which no later line could be read."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with open(file, "r+b") as stream:
            stream.truncate(len(whole))
