"""The models. To add one: a module beside these, a row here, a subclass of the contract tests."""

from __future__ import annotations

from src.models import popularity, svd
from src.models.base import ModelKind

POPULARITY, SVD = "popularity", "svd"

MODELS: dict[str, ModelKind] = {
    POPULARITY: ModelKind(
        popularity.train, popularity.Popularity.load, popularity.PopularityParams.of, has_opinion_on_strangers=True
    ),
    SVD: ModelKind(svd.train, svd.Svd.load, svd.SvdParams.of, has_opinion_on_strangers=False),
}
