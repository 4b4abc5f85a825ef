"""The contracts of trained models, and the base classes that implement parts of them."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from scipy.sparse import csr_matrix
from typing_extensions import override

from src.core.domain import FloatArray, IntArray
from src.core.mapped_arrays import leave_pages, mapped_arrays, save_arrays, set_aside
from src.models.contributions import Contributions, ScoreTerm
from src.models.top_n import Candidates, top_n

_LARGE = 1 << 24
"""Bytes of an array that is worth a file."""


@dataclass(frozen=True)
class QueryRows:
    """A Query in row numbers: all that models see of it.

    Attributes:
        user_idx: None for a user that the release does not know.
        item_idx: int64[m], the known items of the history, each once.
        weight: float32[m], weight of each of them by the Weighting of the training data.
        n_seen: float32[m], how often the user rated or bought each of them; None for a list that holds no such item.
    """

    user_idx: int | None
    item_idx: IntArray
    weight: FloatArray
    n_seen: FloatArray | None = None


NOBODY = QueryRows(None, np.zeros(0, np.int64), np.zeros(0, np.float32))
"""The query of a user whom the release does not know, without a history."""


@dataclass(frozen=True)
class QueryBlock:
    """Many queries at once.

    Attributes:
        user_idx: int64[n], -1 for a user that the release does not know.
        history: float32 CSR [n, n_items], the weights of QueryRows, one row a query.
        n_seen: float32 CSR [n, n_items], those of QueryRows; None for lists that hold no such item.
    """

    user_idx: IntArray
    history: csr_matrix
    n_seen: csr_matrix | None = None

    def __len__(self) -> int:
        return len(self.user_idx)

    def take(self, rows: IntArray | slice) -> QueryBlock:
        """Return only these queries, in this order."""
        return QueryBlock(self.user_idx[rows], self.history[rows], None if self.n_seen is None else self.n_seen[rows])

    @classmethod
    def of(cls, query: QueryRows, n_items: int) -> QueryBlock:
        """Return a block of one query.

        Args:
            query: the only row of the block.
            n_items: number of columns of the history.

        Returns:
            A block of length 1.
        """

        def row(values: FloatArray) -> csr_matrix:
            pointers = np.array([0, len(query.item_idx)])
            return csr_matrix((values, query.item_idx, pointers), shape=(1, n_items), dtype=np.float32)

        n_seen = None if query.n_seen is None else row(query.n_seen)
        return cls(np.array([-1 if query.user_idx is None else query.user_idx]), row(query.weight), n_seen)


class Retriever(Protocol):
    """Names candidates out of the whole catalogue."""

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        """Return the best items for a query.

        Args:
            query: the query in row numbers.
            n: highest number of items.

        Returns:
            At most n items, best first; none without a score.
        """
        ...


class Scorer(Protocol):
    """Scores given items for one query."""

    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        """Score items for a query.

        Args:
            query: the query in row numbers.
            item_idx: int64[m].

        Returns:
            float[m]; NaN where the model has no score.
        """
        ...


class BlockScorer(Protocol):
    """Scores the whole catalogue for many queries at once, as evaluation and tuning need it."""

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        """Score items for every query of a block.

        Args:
            queries: n queries.
            items: int64[m], only these columns, in this order; None for all.

        Returns:
            float32[n, m], a new array; NaN where the model has no score.
        """
        ...


class Rater(Protocol):
    """Predicts the ratings that users would give."""

    def rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        """Predict ratings.

        Args:
            user_idx: int64[n], -1 for an unknown user.
            item_idx: int64[n], -1 for an unknown product.

        Returns:
            float[n] on the shop's rating scale, one for each pair.
        """
        ...

    def n_ratings(self, user_idx: int, item_idx: int) -> tuple[int, int]:
        """Count the ratings that the model learnt from.

        Args:
            user_idx: -1 for an unknown user.
            item_idx: -1 for an unknown product.

        Returns:
            Number of ratings of the user, and of the product.
        """
        ...


class ListScorer(Retriever, Scorer, BlockScorer, Protocol):
    """Makes lists: the interface of models and ensembles."""

    @property
    def n_items(self) -> int:
        """Number of items it was trained on."""
        ...

    def display_scores(self, query: QueryRows, items: IntArray) -> FloatArray:
        """Return the scores that lists show, which are also those that `retrieve` sorts by.

        Args:
            query: the query in row numbers.
            items: int64[m].

        Returns:
            float[m], a new array; NaN for items that `retrieve` would not return.
        """
        ...

    def contributions(self, query: QueryRows, items: IntArray) -> Contributions:
        """Split the scores of items into the scores of component models.

        Args:
            query: the query in row numbers.
            items: int64[m].

        Returns:
            One term for each component.
        """
        ...

    def without_reranking(self) -> BlockScorer:
        """Return a scorer whose scores are the totals of `contributions`."""
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
        """Map what `save` wrote; arrays stay on disk until they are touched."""
        ...

    def describe(self) -> dict[str, int]:
        """Return shapes for /status and the manifest: n_users, n_items, and the model's own such as n_factors."""
        ...


class ListModel(Model, ListScorer, Protocol):
    """A model that makes lists."""


class RatingModel(Model, Rater, Protocol):
    """A model that predicts ratings."""


@dataclass(frozen=True)
class SavedAsArrays:
    """Base class that saves and loads a model made of arrays, numbers and `params`.

    Attributes:
        ARRAYS: names of the fields that are arrays.
        NUMBERS: names of the fields that are numbers.
        PARAMS: class of `params`.
        params: what the model was trained with.
    """

    ARRAYS: ClassVar[tuple[str, ...]]
    NUMBERS: ClassVar[tuple[str, ...]] = ()
    PARAMS: ClassVar[type]

    params: Any

    def set_aside(self, folder: Path) -> Self:
        """Return the same model, whose large arrays lie in files of the folder that go with it."""
        arrays = {name: getattr(self, name) for name in self.ARRAYS}
        large = {name: array for name, array in arrays.items() if array.nbytes >= _LARGE}
        return replace(self, **{name: set_aside(array, folder) for name, array in large.items()}) if large else self

    def save(self, folder: Path) -> None:
        """Write one .npy for each array, and model.json, into the folder, which is made."""
        save_arrays(self, self.ARRAYS, folder)
        leave_pages()  # a release is written model by model: they need not be in memory together
        document = {name: getattr(self, name) for name in self.NUMBERS} | {"params": asdict(self.params)}
        (folder / "model.json").write_text(json.dumps(document, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote; an array stays on disk until it is touched."""
        document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        arrays = mapped_arrays(folder, cls.ARRAYS)
        numbers = {name: document[name] for name in cls.NUMBERS}
        return cls(params=cls.PARAMS(**document["params"]), **numbers, **arrays)


class PlainListModel(ListScorer):
    """Defaults of a list model that is not made of others: its score is its only term."""

    @override
    def display_scores(self, query: QueryRows, items: IntArray) -> FloatArray:
        return np.array(self.score(query, items))

    @override
    def contributions(self, query: QueryRows, items: IntArray) -> Contributions:
        score = self.score(query, items)
        return Contributions((ScoreTerm(None, 1.0, score),), score)

    @override
    def without_reranking(self) -> Self:
        return self


class FromHistory(PlainListModel):
    """A list model that is a function of the history alone; a score of 0 means that the history says nothing.

    Attributes:
        ADDS_UP: whether its score of a history is the sum over the products of weight · score.
    """

    ADDS_UP: ClassVar[bool] = True

    @override
    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        score = self.score_all(QueryBlock.of(query, self.n_items))[0]
        score[score == 0] = np.nan
        return top_n(score, n)

    @override
    def display_scores(self, query: QueryRows, items: IntArray) -> FloatArray:
        score = super().display_scores(query, items)
        score[score == 0] = np.nan  # as `retrieve` has it
        return score


class ScoresLessOwn(FromHistory):
    """A list model from whose score of an item is subtracted what the item itself, in the history, adds to it."""

    @property
    def self_scores(self) -> FloatArray | None:
        """float32[n_items], what an item of a history gives itself at weight 1; None where it is not subtracted."""
        return None


class ScoresByFactors(ScoresLessOwn):
    """A list model whose score is the product of two vectors, of a history and of an item, less a self-score."""

    @abstractmethod
    def history_factors(self, history: csr_matrix) -> FloatArray:
        """Return float32[n, f] of n histories, a CSR [n, n_items] of weights."""

    @property
    @abstractmethod
    def item_vectors(self) -> FloatArray:
        """float32[n_items, f], of the items as candidates."""


class ScoresByPairs(ScoresLessOwn):
    """A list model that scores few items for each history, as a sparse matrix, less a self-score."""

    @abstractmethod
    def pair_scores(self, history: csr_matrix) -> csr_matrix:
        """Return CSR [n, n_items] of n histories, a CSR [n, n_items] of weights, with the self-scores."""


def count_of(counts: IntArray, idx: int) -> int:
    """Look up a count.

    Args:
        counts: int[n].
        idx: row number, -1 for unknown.

    Returns:
        counts[idx], or 0 for -1.
    """
    return int(counts[idx]) if idx >= 0 else 0
