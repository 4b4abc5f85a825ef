"""What a model is: the contracts of everything in MODELS."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import TrainingData
from src.models.top_n import Candidates, top_n


@dataclass(frozen=True)
class QueryRows:
    """A Query in row numbers, which is all that models see of it.

    user_idx: None for a user the release does not know. item_idx: int64, the history's known products, each once.
    weight: float32, how much the history speaks for each, by the Weighting of the training data.
    """

    user_idx: int | None
    item_idx: IntArray
    weight: FloatArray


@dataclass(frozen=True)
class QueryBlock:
    """Many queries at once. user_idx: int64[n], -1 for a user the release does not know.
    history: float32 CSR [n, n_items], the weights of QueryRows, one row a query.
    """

    user_idx: IntArray
    history: csr_matrix

    def __len__(self) -> int:
        return len(self.user_idx)

    @classmethod
    def of(cls, query: QueryRows, n_items: int) -> QueryBlock:
        """A block of this one query."""
        pointers = np.array([0, len(query.item_idx)])
        history = csr_matrix((query.weight, query.item_idx, pointers), shape=(1, n_items), dtype=np.float32)
        return cls(np.array([-1 if query.user_idx is None else query.user_idx]), history)


class Retriever(Protocol):
    """Names products worth considering, from the whole catalogue."""

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        """At most n products, best first; none that it has nothing to say of."""
        ...


class Scorer(Protocol):
    """An opinion on given products."""

    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        """float[len(item_idx)]; NaN where the model has no opinion."""
        ...


class BlockScorer(Protocol):
    """An opinion on the whole catalogue, for many queries at once: what measuring and tuning ask for."""

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        """float32[len(queries), n_items], a new array; NaN where the model has no opinion.

        items: only these columns, in this order.
        """
        ...


class Rater(Protocol):
    """Predicts the ratings that users would give."""

    def rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        """float[n] on the shop's rating scale, for n pairs; -1 stands for an unknown user or product."""
        ...

    def n_ratings(self, user_idx: int, item_idx: int) -> tuple[int, int]:
        """How many ratings of this user, and of this product, the model learnt from; -1 stands for unknown."""
        ...


class Model(Protocol):
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


class ListModel(Model, Retriever, Scorer, BlockScorer, Protocol):
    """A model that makes lists."""


class RatingModel(Model, Rater, Protocol):
    """A model that predicts ratings."""


@dataclass(frozen=True)
class SavedAsArrays:
    """A model made of arrays, numbers, and `params`: how it goes to disk and comes back.

    ARRAYS, NUMBERS: names of the fields that are arrays, and of those that are numbers. PARAMS: the class of `params`.
    """

    ARRAYS: ClassVar[tuple[str, ...]]
    NUMBERS: ClassVar[tuple[str, ...]] = ()
    PARAMS: ClassVar[type]

    params: Any

    def save(self, folder: Path) -> None:
        """Write one .npy an array, and model.json, into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        document = {name: getattr(self, name) for name in self.NUMBERS} | {"params": asdict(self.params)}
        (folder / "model.json").write_text(json.dumps(document, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote; an array stays on disk until it is touched."""
        document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in cls.ARRAYS}
        numbers = {name: document[name] for name in cls.NUMBERS}
        return cls(params=cls.PARAMS(**document["params"]), **numbers, **arrays)


class FromHistory(ABC):
    """A list model that is a function of the history alone; retrieve follows from the rest."""

    @abstractmethod
    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray: ...

    @abstractmethod
    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray: ...

    @property
    @abstractmethod
    def n_items(self) -> int: ...

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        """The n best of those that the history says anything of; none without a history."""
        score = self.score_all(QueryBlock.of(query, self.n_items))[0]
        score[score == 0] = np.nan
        return top_n(score, n)


@dataclass(frozen=True)
class Unavailable:
    """Why a part cannot be used on this machine.

    Attributes:
        reason: for people: what is missing, and what to do.
    """

    reason: str


class Train(Protocol):
    """Trains one model on data. Deterministic for a seed; keeps no reference to the data."""

    def __call__(self, data: TrainingData, params: Any, *, seed: int) -> Any: ...


@dataclass(frozen=True)
class ModelKind:
    """A row of MODELS: how to train, load, and take the parameters of one kind of model out of the settings.

    lists: whether it makes lists. rates: whether it predicts ratings. has_opinion_on_strangers: whether it lists
    products for a query without a history by a user it never saw. blends: whether its score is an opinion that the
    served blend may add up; a number on the scale of ratings is not. unavailable: why it cannot be trained on this
    machine; None if it can. learns_from: whether there is anything in the data that it, and no
    model beside it, would learn from.
    """

    train: Train
    load: Callable[[Path], Any]
    params: Callable[[Any], Any]
    lists: bool = True
    rates: bool = False
    has_opinion_on_strangers: bool = False
    blends: bool = False
    unavailable: Callable[[], Unavailable | None] = lambda: None
    learns_from: Callable[[TrainingData], bool] = lambda data: True


def count_of(counts: IntArray, idx: int) -> int:
    """counts[idx], or 0 for the -1 of somebody unknown."""
    return int(counts[idx]) if idx >= 0 else 0
