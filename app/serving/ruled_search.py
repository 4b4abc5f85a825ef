"""The shop's rules in searches and lists of similar products: exclude, boost and bury; pins and caps are of lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from src.core.domain import ProductFilter, Recommendation
from src.core.shop_rules import ActiveRules
from src.recommendation.list_candidates import boosted
from src.recommendation.pipeline import Pipeline


class RuledPipelines:
    """Pipelines in which what the shop excludes is withdrawn; the last one is kept, as rules seldom change."""

    def __init__(self) -> None:
        self._held: tuple[Pipeline, ActiveRules, Pipeline] | None = None

    def of(self, pipeline: Pipeline, shop: ActiveRules) -> Pipeline:
        """Return a pipeline without the products that rules exclude.

        Args:
            pipeline: what is served.
            shop: the rules.

        Returns:
            A copy; the pipeline itself if nothing is excluded.
        """
        held = self._held
        if held is None or held[0] is not pipeline or held[1] is not shop:
            held = self._held = pipeline, shop, _without_excluded(pipeline, shop)
        return held[2]


def _without_excluded(pipeline: Pipeline, shop: ActiveRules) -> Pipeline:
    rows = pipeline.items.rows_of(list(shop.excluded))
    unwanted = ProductFilter(not_categories=shop.rules.not_categories, not_brands=shop.rules.not_brands)
    allowed = None if pipeline.attributes is None else pipeline.attributes.fitting(unwanted)
    excluded = {*rows[rows >= 0].tolist(), *([] if allowed is None else np.flatnonzero(~allowed).tolist())}
    return replace(pipeline, withdrawn=pipeline.withdrawn | excluded) if excluded else pipeline


def with_boosts(listed: Sequence[Recommendation], pipeline: Pipeline, shop: ActiveRules) -> list[Recommendation]:
    """Multiply the scores of what was found by the factors of the rules, and order it anew.

    Args:
        listed: what was found, best first.
        pipeline: found it.
        shop: the rules.

    Returns:
        The same products, best first.
    """
    if not shop.rules.boosts or pipeline.attributes is None or not listed:
        return list(listed)
    rows = pipeline.items.rows_of([place.product_id for place in listed])
    factor = np.where(rows < 0, 1, pipeline.attributes.factors(shop.rules, pipeline.items)[rows])
    score = boosted(np.array([place.score for place in listed]), factor).tolist()
    changed = [place._replace(score=round(its, 4)) for place, its in zip(listed, score, strict=True)]
    return sorted(changed, key=lambda place: -place.score)
