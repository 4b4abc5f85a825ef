"""What an entry of MODELS declares: how to train, load and configure one kind of model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from src.core.settings import Settings
from src.interactions.interactions import TrainingData


class Train(Protocol):
    """Trains one model on data. Deterministic for a seed; keeps no reference to the data."""

    def __call__(self, data: TrainingData, params: Any, *, seed: int) -> Any:
        """Train a model.

        Args:
            data: events of all users.
            params: an instance of the model's params class.
            seed: of all random draws.

        Returns:
            The trained model.
        """
        ...


@dataclass(frozen=True)
class ModelKind:
    """An entry of MODELS: how to train, load and configure one kind of model.

    Attributes:
        train: trains it.
        load: maps a saved one.
        params: takes its parameters out of the settings.
        lists: whether it makes lists.
        rates: whether it predicts ratings.
        scores_cold_users: whether it lists products for a query without a history by a user it never saw.
        blends: whether the ensemble may add up its score; a score on the scale of ratings may not be.
        missing: why it cannot be trained on this machine, and what to do; "" if nothing is missing.
        learns_from: whether the data hold anything that it, and no other model, would learn from.
    """

    train: Train
    load: Callable[[Path], Any]
    params: Callable[[Settings], Any]
    lists: bool = True
    rates: bool = False
    scores_cold_users: bool = False
    blends: bool = False
    missing: Callable[[], str] = str
    learns_from: Callable[[TrainingData], bool] = lambda data: True
