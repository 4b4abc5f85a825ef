"""The models. To add one: a module beside these, a row here, a subclass of the contract tests."""

from __future__ import annotations

from src.models import als, item_graph, popularity, spectral, svd, vbmf
from src.models.base import ModelKind

POPULARITY, TRENDING, ITEM_GRAPH, SPECTRAL, ALS, SVD = "popularity", "trending", "item_graph", "spectral", "als", "svd"
VBMF = "vbmf"

MODELS: dict[str, ModelKind] = {
    POPULARITY: ModelKind(
        popularity.train,
        popularity.Popularity.load,
        popularity.PopularityParams.of,
        rates=True,
        has_opinion_on_strangers=True,
        blends=True,
    ),
    TRENDING: ModelKind(
        popularity.train,
        popularity.Popularity.load,
        popularity.PopularityParams.of_trending,
        has_opinion_on_strangers=True,
        blends=True,
    ),
    ITEM_GRAPH: ModelKind(item_graph.train, item_graph.ItemGraph.load, item_graph.ItemGraphParams.of, blends=True),
    SPECTRAL: ModelKind(spectral.train, spectral.Spectral.load, spectral.SpectralParams.of, blends=True),
    ALS: ModelKind(als.train, als.Als.load, als.AlsParams.of, blends=True, missing=als.missing),
    SVD: ModelKind(svd.train, svd.Svd.load, svd.SvdParams.of, rates=True),
    VBMF: ModelKind(vbmf.train, vbmf.Vbmf.load, vbmf.VbmfParams.of, lists=False, rates=True),
}


def trainable() -> dict[str, ModelKind]:
    """The rows of MODELS that can be trained on this machine."""
    return {name: kind for name, kind in MODELS.items() if not kind.missing()}
