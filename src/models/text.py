"""Text: what goes with products by what is written of them; it stands in for behaviour where there is none.

Products have places in a space of behaviour (a small spectral model's factors, see spectral). A product's text puts it
where the products that are described alike stand: its factors are the mean of theirs, weighted by the cosines of
vectors, as in content-based initialisation of cold items (Schein et al., "Methods and metrics for cold-start
recommendations", SIGIR 2002; Gantner et al., "Learning attribute-to-feature mappings", ICDM 2010). So a product that
nobody has bought yet is scored by what its likes are bought with, which beats likeness itself: who has a kettle wants
no second one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from src.core.domain import BoolArray, FloatArray
from src.core.settings import Settings
from src.interactions.interactions import TrainingData
from src.models.normalization import normalized
from src.models.spectral import Spectral, SpectralParams, eigenvectors, filtered

_MOST_PAIRS, _FEWEST_KNOWN = 4_000_000_000, 5_000
_BLOCK_BYTES, _MOST_AT_ONCE = 1 << 27, 4_096


@dataclass(frozen=True)
class TextParams:
    """rank: of the space of behaviour. neighbours: products that a product's place is the mean of. power: they count by
    cosine^power. boost, thin: a product with d events scores 1 + boost / (1 + d / thin) times as high: one that other
    models do not know has to make up for their silence.
    """

    rank: int = 128
    neighbours: int = 20
    power: float = 4.0
    boost: float = 4.0
    thin: float = 0.2

    @classmethod
    def of(cls, settings: Settings) -> TextParams:
        return cls()


@dataclass(frozen=True)
class Text(Spectral):
    """Arrays and scores are those of Spectral; rows of zeros for products without a text."""

    PARAMS = TextParams  # type: ignore[assignment]

    def loudness(self, events: FloatArray) -> FloatArray:
        """float[n]: what the scores of products with so many events are multiplied by, see TextParams."""
        its: TextParams = self.params
        return np.asarray(1 + its.boost / (1 + events / its.thin))

    def with_boost(self, params: TextParams, events: FloatArray) -> Text:
        """The same model, were it trained with another boost. events: float[n_items], as trained on."""
        other = replace(self, params=params)
        ratio = (other.loudness(events) / self.loudness(events)).astype(np.float32)
        return replace(other, wanted=self.wanted * ratio[:, None], itself=self.itself * ratio)


def train(data: TrainingData, params: TextParams, *, seed: int) -> Text:
    """Place every product with a text; where nobody has two products, likeness itself is all that is known.

    Without texts the model has no factor, and no opinion.
    """
    vectors = data.item_vectors
    if vectors is None:
        nothing = np.zeros((len(data.items), 0), np.float32)
        return Text(params, nothing, nothing, np.zeros(len(data.items), np.float32))
    matrix = normalized(data.histories, 0.35, 0.4)
    space = SpectralParams(rank=params.rank)
    behaviour = filtered(matrix, eigenvectors(matrix, params.rank, seed=seed), space)
    events = np.asarray(data.histories.sum(axis=0)).ravel()
    described = np.asarray(vectors.any(axis=1))
    centred = _centred(np.asarray(vectors, np.float32), described & (events > 0))
    if behaviour.given.shape[1]:
        given, wanted = _placed(centred, described, events, behaviour, params)
    else:
        given, wanted = centred, centred.copy()
    wanted *= (1 + params.boost / (1 + events / params.thin))[:, None].astype(np.float32)
    return Text(params, given, wanted, np.einsum("if,if->i", given, wanted))


def _centred(vectors: FloatArray, known: BoolArray) -> FloatArray:
    """Rows of length 1 without what all have in common, and zeros without a text."""
    described = vectors.any(axis=1)
    if known.any():
        vectors = vectors - vectors[known].mean(axis=0)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors / np.maximum(length, 1e-9)
    vectors[~described] = 0
    return np.asarray(vectors, dtype=np.float32)


def _placed(
    vectors: FloatArray, described: BoolArray, events: FloatArray, behaviour: Spectral, params: TextParams
) -> tuple[FloatArray, FloatArray]:
    """(given, wanted) of every product. What people did with a product is known of those with events, in a large
    catalogue of the most popular ones; as part of a history such a product is where it stands by behaviour.
    """
    n_items, rank = behaviour.given.shape
    known = np.flatnonzero(described & (events > 0))
    most = max(_MOST_PAIRS // max(n_items, 1), _FEWEST_KNOWN)
    known = np.sort(known[np.argsort(-events[known], kind="stable")[:most]])
    given, wanted = np.zeros((n_items, rank), np.float32), np.zeros((n_items, rank), np.float32)
    rows = np.flatnonzero(described)
    column = np.full(n_items, -1)
    column[known] = np.arange(len(known))
    neighbours = min(params.neighbours, len(known))
    if neighbours:
        at_once = int(np.clip(_BLOCK_BYTES // (4 * len(known)), 1, _MOST_AT_ONCE))
        for start in range(0, len(rows), at_once):
            mine = rows[start : start + at_once]
            cosine = vectors[mine] @ vectors[known].T
            itself = column[mine]
            cosine[np.flatnonzero(itself >= 0), itself[itself >= 0]] = 0
            nearest = np.argpartition(-cosine, neighbours - 1, axis=1)[:, :neighbours]
            weight = np.maximum(np.take_along_axis(cosine, nearest, axis=1), 0) ** params.power
            weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
            given[mine] = np.einsum("mk,mkf->mf", weight, behaviour.given[known[nearest]])
            wanted[mine] = np.einsum("mk,mkf->mf", weight, behaviour.wanted[known[nearest]])
    has_events = events > 0
    given[has_events] = behaviour.given[has_events]
    return given, wanted
