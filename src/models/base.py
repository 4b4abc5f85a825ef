"""What a model is: the contracts of everything in MODELS."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from src.config import Settings
from src.dataset.interactions import TrainingData
from src.domain import FloatArray, IntArray


@dataclass(frozen=True)
class QueryRows:
    """A Query in row numbers, which is all that models see of it.

    user_idx: None for a user the release does not know. item_idx: int64, the history's known products, oldest first.
    """

    user_idx: int | None
    item_idx: IntArray


@dataclass(frozen=True)
class Candidates:
    """Products worth considering, best first: item_idx int64[m], score float[m] descending."""

    item_idx: IntArray
    score: FloatArray


class Retriever(Protocol):
    """Names products worth considering, from the whole catalogue."""

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        """At most n products, best first; none when the model has no opinion on this query."""
        ...


class Scorer(Protocol):
    """An opinion on given products."""

    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        """float[len(item_idx)]; NaN where the model has no opinion."""
        ...


class Rater(Protocol):
    """Predicts the ratings that users would give."""

    def rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        """float[n] on the shop's rating scale, for n pairs; -1 stands for an unknown user or product."""
        ...

    def n_ratings(self, user_idx: int, item_idx: int) -> tuple[int, int]:
        """How many ratings of this user, and of this product, the model learnt from; -1 stands for unknown."""
        ...


class Model(Retriever, Scorer, Rater, Protocol):
    """A trained model: immutable arrays, saved as .npy and JSON."""

    @property
    def params(self) -> Any:
        """The parameters it was trained with, as its `train` takes them."""
        ...

    def save(self, folder: Path) -> None:
        """Write everything into the folder, which is made."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote; big arrays stay on disk until they are touched."""
        ...

    def describe(self) -> dict[str, int]:
        """Shapes, for /status and the manifest: n_users, n_items, and the model's own such as n_factors."""
        ...


@dataclass(frozen=True)
class SavedAsArrays:
    """A model made of arrays, the numbers' `mean` and `params`: how it goes to disk and comes back.

    ARRAYS: names of the fields that are arrays. PARAMS: the class of `params`.
    """

    ARRAYS: ClassVar[tuple[str, ...]]
    PARAMS: ClassVar[type]

    mean: float
    params: Any

    def save(self, folder: Path) -> None:
        """Write one .npy an array, and model.json, into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        document = {"mean": self.mean, "params": asdict(self.params)}
        (folder / "model.json").write_text(json.dumps(document, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote; an array stays on disk until it is touched."""
        document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in cls.ARRAYS}
        return cls(mean=document["mean"], params=cls.PARAMS(**document["params"]), **arrays)


class Train(Protocol):
    """Trains one model on data. Deterministic for a seed; keeps no reference to the data."""

    def __call__(self, data: TrainingData, params: Any, *, seed: int) -> Model: ...


@dataclass(frozen=True)
class ModelKind:
    """A row of MODELS: how to train, load, and take the parameters of one kind of model out of the settings.

    has_opinion_on_strangers: whether it can list products for a user it never saw.
    """

    train: Train
    load: Callable[[Path], Model]
    params: Callable[[Settings], Any]
    has_opinion_on_strangers: bool


def best(score: FloatArray, n: int) -> Candidates:
    """The n highest finite scores, best first; equal scores in the order of their row numbers."""
    usable = np.flatnonzero(np.isfinite(score))
    n = min(n, len(usable))
    if n == 0:
        return Candidates(np.zeros(0, np.int64), np.zeros(0, score.dtype))
    among = score[usable]
    if n < len(usable):
        # Everything not below the n-th best, so that ties at the edge are broken by row number, not by chance.
        edge = -np.partition(-among, n - 1)[n - 1]
        usable = usable[among >= edge]
        among = score[usable]
    chosen = np.lexsort((usable, -among))[:n]
    return Candidates(usable[chosen], among[chosen])


def count_of(counts: IntArray, idx: int) -> int:
    """counts[idx], or 0 for the -1 of somebody unknown."""
    return int(counts[idx]) if idx >= 0 else 0
