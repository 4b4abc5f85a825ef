"""The models. To add one: a module here, a row in MODELS, its settings in `settings`; the contract tests cover it."""

from __future__ import annotations

from src.interactions.interactions import TrainingData
from src.models import (
    als,
    autoencoder,
    category_popularity,
    co_occurrence,
    item_graph,
    popularity,
    spectral,
    svd,
    text,
    transitions,
    vbmf,
)
from src.models.model_kind import ModelKind

POPULARITY, TRENDING, ITEM_GRAPH, SPECTRAL, ALS, SVD = "popularity", "trending", "item_graph", "spectral", "als", "svd"
VBMF, CATEGORY_POPULARITY, TEXT, CO_OCCURRENCE = "vbmf", "category_popularity", "text", "co_occurrence"
AUTOENCODER, TRANSITIONS = "autoencoder", "transitions"

MODELS: dict[str, ModelKind] = {
    POPULARITY: ModelKind(
        popularity.train,
        popularity.Popularity.load,
        popularity.PopularityParams.of,
        rates=True,
        scores_cold_users=True,
        blends=True,
        on_one_core=True,
    ),
    TRENDING: ModelKind(
        popularity.train,
        popularity.Popularity.load,
        popularity.PopularityParams.of_trending,
        scores_cold_users=True,
        blends=True,
        on_one_core=True,
        learns_from=lambda data: data.has_times,
    ),
    CATEGORY_POPULARITY: ModelKind(
        category_popularity.train,
        category_popularity.CategoryPopularity.load,
        category_popularity.CategoryPopularityParams.of,
        blends=True,
        on_one_core=True,
        learns_from=lambda data: data.categories is not None,
    ),
    CO_OCCURRENCE: ModelKind(
        co_occurrence.train,
        co_occurrence.CoOccurrence.load,
        co_occurrence.CoOccurrenceParams.of,
        blends=True,
        on_one_core=True,
    ),
    TRANSITIONS: ModelKind(
        transitions.train,
        transitions.Transitions.load,
        transitions.TransitionsParams.of,
        blends=True,
        on_one_core=True,
        learns_from=lambda data: data.has_times,
    ),
    ITEM_GRAPH: ModelKind(item_graph.train, item_graph.ItemGraph.load, item_graph.ItemGraphParams.of, blends=True),
    AUTOENCODER: ModelKind(
        autoencoder.train,
        autoencoder.Autoencoder.load,
        autoencoder.AutoencoderParams.of,
        blends=True,
        on_one_core=True,
    ),
    SPECTRAL: ModelKind(
        spectral.train,
        spectral.Spectral.load,
        spectral.SpectralParams.of,
        blends=True,
        continues=True,
        on_one_core=True,
    ),
    ALS: ModelKind(als.train, als.Als.load, als.AlsParams.of, blends=True, continues=True, begins_small=True),
    TEXT: ModelKind(
        text.train,
        text.Text.load,
        text.TextParams.of,
        blends=True,
        learns_from=lambda data: data.item_vectors is not None,
    ),
    SVD: ModelKind(svd.train, svd.Svd.load, svd.SvdParams.of, rates=True, knows_users=True, leaves_a_core=True),
    VBMF: ModelKind(
        vbmf.train,
        vbmf.Vbmf.load,
        vbmf.VbmfParams.of,
        lists=False,
        rates=True,
        continues=True,
        begins_small=True,
        leaves_a_core=True,
    ),
}


def trainable(data: TrainingData | None = None) -> dict[str, ModelKind]:
    """Return the rows of MODELS that can be trained on this machine and that learn something from the data, if any."""
    available = {name: kind for name, kind in MODELS.items() if kind.unavailable() is None}
    return {name: kind for name, kind in available.items() if data is None or kind.learns_from(data)}
