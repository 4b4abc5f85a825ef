"""Tune the list that is served, and train it as tuning found best."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from src.core.progress import Reporter
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models.settings import AllSettings
from src.recommendation.ensemble import Ensemble
from src.recommendation.ensemble_config import EnsembleConfig, fit_ensemble
from src.tuning.ensemble_tuning import TuningOptions, tune_ensemble


def tune(settings: AllSettings, tuning: Split, budget_seconds: float, k: int, reporter: Reporter) -> EnsembleConfig:
    """The recipe with the highest NDCG@k on tuning.test, found in about so many seconds; nothing is remembered."""
    options = TuningOptions(settings.relevant_rating, settings.seed, k)
    return tune_ensemble(tuning, EnsembleConfig.of(settings), options, budget_seconds, reporter)


def fit_recipe(data: TrainingData, recipe: EnsembleConfig, seed: int, reporter: Reporter) -> Ensemble:
    """The blend as it is served, but for the index: the whole catalogue is ranked."""
    return fit_ensemble(data, recipe, seed, reporter)


def trials_file(settings: AllSettings, data: TrainingData) -> Path:
    """Where the trials of a search on these data are kept: another file for other data. What a search that was killed
    left half done there is taken away, so only one process may search at a time: the one with the trainer's lock.
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
    """A line that was not written to its end would make every later one unreadable."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with open(file, "r+b") as stream:
            stream.truncate(len(whole))
