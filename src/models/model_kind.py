"""The entries of MODELS: how to train, load and configure one kind of model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from src.interactions.interactions import TrainingData


@dataclass(frozen=True)
class Unavailable:
    """A part of the program that cannot be used on this machine.

    Attributes:
        reason: for people: what is missing, and what to do.
    """

    reason: str


class Train(Protocol):
    """Trains one model on data. Deterministic for its arguments; keeps no reference to the data."""

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
        params: takes its parameters out of settings that inherit those the model declares.
        lists: whether it makes lists.
        rates: whether it predicts ratings.
        scores_cold_users: whether it lists products for a query without a history by a user it never saw.
        blends: whether the ensemble may add up its score; a score on the scale of ratings may not be.
        continues: whether `train` also takes `start`: a model that was trained with the same parameters on other events
            of the same vocabularies, from which fewer passes lead to as good a model; None to begin anew.
        unavailable: why it cannot be trained on this machine; None if it can.
        learns_from: whether the data hold anything that it, and no other model, would learn from.
    """

    train: Train
    load: Callable[[Path], Any]
    params: Callable[[Any], Any]
    lists: bool = True
    rates: bool = False
    scores_cold_users: bool = False
    blends: bool = False
    continues: bool = False
    unavailable: Callable[[], Unavailable | None] = lambda: None
    learns_from: Callable[[TrainingData], bool] = lambda data: True
