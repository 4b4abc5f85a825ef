"""Text: scores products by their descriptions, so that products without events can be listed.

Products have positions in a space of behaviour: the factors of a small spectral model. A product's position by text is
the mean of the positions of the products with the most similar descriptions, weighted by the cosines of their vectors,
as in content-based initialisation of cold items (Schein et al., "Methods and metrics for cold-start recommendations",
SIGIR 2002; Gantner et al., "Learning attribute-to-feature mappings", ICDM 2010). A product without events is therefore
scored by what similar products are bought with. That beats the similarity itself: the owner of a kettle does not want a
second one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.interactions.interactions import TrainingData
from src.models.normalization import normalize_histories
from src.models.spectral import Spectral, SpectralParams, eigenvectors, fit_spectral

_MAX_PAIRS, _MIN_REFERENCES = 4_000_000_000, 5_000
_BLOCK_BYTES, _MAX_ROWS_PER_BLOCK = 1 << 27, 4_096


@dataclass(frozen=True)
class TextParams:
    """Parameters of text.

    Attributes:
        rank: of the space of behaviour.
        neighbours: number of similar products whose positions are averaged.
        power: neighbours are weighted by cosine^power.
        boost: a product with d events scores 1 + boost / (1 + d / thin) times as high, to make up for the missing
            scores of the other models.
        thin: see boost.
    """

    rank: int = 128
    neighbours: int = 20
    power: float = 4.0
    boost: float = 4.0
    thin: float = 0.2

    @classmethod
    def of(cls, settings: object) -> TextParams:
        """Return the defaults: no setting changes them."""
        return cls()

    def cold_start_boost(self, events: FloatArray) -> FloatArray:
        """Return float[n], the factor on the scores of products with this many events each."""
        return np.asarray(1 + self.boost / (1 + events / self.thin))


@dataclass(frozen=True)
class Text(Spectral):
    """Has the arrays and scores of Spectral; rows are zero for products without a text."""

    PARAMS = TextParams  # type: ignore[assignment]

    def cold_start_boost(self, events: FloatArray) -> FloatArray:
        """Return float[n], the factor on the scores of products with this many events each, see TextParams."""
        params: TextParams = self.params
        return params.cold_start_boost(events)

    def with_boost(self, params: TextParams, events: FloatArray) -> Text:
        """Return the model as if it were trained with another boost.

        Args:
            params: parameters that differ from the model's in boost and thin only.
            events: float[n_items], as trained on.
        """
        ratio = (params.cold_start_boost(events) / self.cold_start_boost(events)).astype(np.float32)
        return replace(self, params=params, wanted=self.wanted * ratio[:, None], itself=self.itself * ratio)


class _Positions(NamedTuple):
    """float32[n_items, k] each: factors of products as part of a history, and as candidates."""

    given: FloatArray
    wanted: FloatArray


def train(data: TrainingData, params: TextParams, *, seed: int) -> Text:
    """Compute the position of every product with a text; the seed is of the spectral model.

    Where no user has two products, the factors are the text vectors themselves. Without texts there are none, and every
    score is zero.
    """
    vectors = data.item_vectors
    if vectors is None:
        empty = np.zeros((len(data.items), 0), np.float32)
        return Text(params, empty, empty, np.zeros(len(data.items), np.float32))
    normalized = normalize_histories(data.histories, 0.35, 0.4)
    space = SpectralParams(rank=params.rank)
    behaviour = fit_spectral(normalized, eigenvectors(normalized, params.rank, seed=seed), space)
    events = np.asarray(data.histories.sum(axis=0)).ravel()
    described = np.asarray(vectors.any(axis=1))
    centred = _centred(np.asarray(vectors, np.float32), described & (events > 0))
    if behaviour.given.shape[1]:
        given, wanted = _positions(centred, described, events, behaviour, params)
    else:
        given, wanted = centred, centred.copy()
    wanted *= params.cold_start_boost(events)[:, None].astype(np.float32)
    return Text(params, given, wanted, np.einsum("if,if->i", given, wanted))


def _centred(vectors: FloatArray, known: BoolArray) -> FloatArray:
    """Subtract the mean of the known rows and scale every row to length 1; rows without a text are zero."""
    described = vectors.any(axis=1)
    if known.any():
        vectors = vectors - vectors[known].mean(axis=0)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors / np.maximum(length, 1e-9)
    vectors[~described] = 0
    return np.asarray(vectors, dtype=np.float32)


def _positions(
    vectors: FloatArray, described: BoolArray, events: FloatArray, behaviour: Spectral, params: TextParams
) -> _Positions:
    """Return the positions of all products with a text.

    The references that are averaged are products with events and a text; in a large catalogue the most popular of
    them. As part of a history, a product with events keeps its position by behaviour.
    """
    references = _references(described, events)
    positions = _Positions(np.zeros_like(behaviour.given), np.zeros_like(behaviour.wanted))
    neighbours = min(params.neighbours, len(references))
    if neighbours:
        reference_of = np.full(len(events), -1)  # column of the cosines
        reference_of[references] = np.arange(len(references))
        rows = np.flatnonzero(described)
        per_block = int(np.clip(_BLOCK_BYTES // (4 * len(references)), 1, _MAX_ROWS_PER_BLOCK))
        for start in range(0, len(rows), per_block):
            block = rows[start : start + per_block]
            cosine = vectors[block] @ vectors[references].T
            own = reference_of[block]
            cosine[np.flatnonzero(own >= 0), own[own >= 0]] = 0
            nearest = np.argpartition(-cosine, neighbours - 1, axis=1)[:, :neighbours]
            weight = np.maximum(np.take_along_axis(cosine, nearest, axis=1), 0) ** params.power
            weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
            positions.given[block] = np.einsum("mk,mkf->mf", weight, behaviour.given[references[nearest]])
            positions.wanted[block] = np.einsum("mk,mkf->mf", weight, behaviour.wanted[references[nearest]])
    has_events = events > 0
    positions.given[has_events] = behaviour.given[has_events]
    return positions


def _references(described: BoolArray, events: FloatArray) -> IntArray:
    """Return int[m], ascending row numbers of the products that text positions are averaged from."""
    known = np.flatnonzero(described & (events > 0))
    most = max(_MAX_PAIRS // max(len(events), 1), _MIN_REFERENCES)
    return np.sort(known[np.argsort(-events[known], kind="stable")[:most]])
