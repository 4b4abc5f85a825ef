"""The entries of MODELS: how to train, load and configure one kind of model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from src.interactions.interactions import TrainingData
from src.interactions.splits import users_drawn

MANY_EVENTS = 600_000
"""From so many on a training may begin with a sample."""


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
        knows_users: whether it lists other products for a user it was trained on than for the user's history alone.
        blends: whether the ensemble may add up its score; a score on the scale of ratings may not be.
        continues: whether `train` also takes `start`: a model that was trained with the same parameters on other events
            of the same vocabularies, from which fewer passes lead to as good a model; None to begin anew.
        begins_small: whether training on very many events may begin with the model of a sample of the users, and
            `continues` from it.
        on_one_core: whether most of its training is on one core, so that it may go on beside that of other models.
        leaves_a_core: whether its training leaves all cores but one idle now and then, so that it comes first where
            others go on beside it.
        unavailable: why it cannot be trained on this machine; None if it can.
        learns_from: whether the data hold anything that it, and no other model, would learn from.
    """

    train: Train
    load: Callable[[Path], Any]
    params: Callable[[Any], Any]
    lists: bool = True
    rates: bool = False
    scores_cold_users: bool = False
    knows_users: bool = False
    blends: bool = False
    continues: bool = False
    begins_small: bool = False
    on_one_core: bool = False
    leaves_a_core: bool = False
    unavailable: Callable[[], Unavailable | None] = lambda: None
    learns_from: Callable[[TrainingData], bool] = lambda data: True

    def small_start(self, data: TrainingData, params: Any, seed: int) -> dict[str, Any]:
        """Train on a quarter of the users, beginning with a quarter of these and so on, where there are many events.

        A training that continues makes few passes, so that most passes see a small part of the events.

        Args:
            data: all events.
            params: an instance of the model's params class.
            seed: of the model, and of the draw of users.

        Returns:
            {"start": the model}; {} where training begins with all events.
        """
        if not self.begins_small or len(data) < MANY_EVENTS:
            return {}
        some = users_drawn(data, 1 / 4, seed)
        if len(some) > len(data) // 2:  # a few users have most of the events
            return {}
        some = replace(some, sampled_from=data.counts)
        return {"start": self.train(some, params, seed=seed, **self.small_start(some, params, seed))}
