"""Find the number of events from which behaviour alone predicts similar products: python -m bench.similar [--json FILE]

The newest fifth of the events of an online shop (../shared/data) is held out. Relevant products are those in the same
held-out baskets (one customer, one day). It prints precision@10 of similar products by behaviour alone, by texts alone,
and by both for several values of ENOUGH, by the number of training events of the product.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bench.cold import DATA, SHOPS
from src.core.domain import DAY, FloatArray
from src.core.progress import Silent
from src.evaluation.metrics import estimates
from src.interactions.interactions import TrainingData
from src.interactions.splits import split
from src.models import MODELS, POPULARITY
from src.models.settings import read_settings
from src.recommendation import similar_items as module
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.ensemble_config import EnsembleConfig, fit_ensemble
from src.recommendation.pipeline import Pipeline
from src.store import open_store
from src.workflows.embed_catalogue import embed_catalogue
from src.workflows.fit import stored_data
from src.workflows.ingest import ingest

N = 10
HELD_OUT = 0.2
BINS = (0, 1, 2, 3, 5, 10, 20, 50, 1e9)
ENOUGH = {"texts alone": 1e12, "behaviour alone": 1e-9, **{f"enough {n}": float(n) for n in (2, 5, 10, 20, 50)}}
_MAX_PRODUCTS = 400
"""Limit for each bin."""


def baskets(data: TrainingData) -> Iterator[set[int]]:
    """Yield the items that one customer bought on one day."""
    events = data.events
    key = events.user_idx.astype(np.int64) * 100_000 + events.at // DAY
    order = np.argsort(key, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        yield set(events.item_idx[rows].tolist())


def basket_companions(data: TrainingData) -> dict[int, set[int]]:
    """Return item → the other items of its baskets."""
    companions: dict[int, set[int]] = {}
    for basket in baskets(data):
        for item in basket:
            companions.setdefault(item, set()).update(basket)
    return {item: others - {item} for item, others in companions.items() if len(others) > 1}


def precision(pipeline: Pipeline, item: int, relevant: set[int], enough: float) -> float:
    """Compute precision@10 of the similar products of an item.

    Args:
        pipeline: models and search index.
        item: row number.
        relevant: row numbers.
        enough: value of ENOUGH in `similar_items`.

    Returns:
        From 0 to 1.
    """
    module.ENOUGH = enough
    similar = module.similar(pipeline.models, pipeline.search, module.SimilarTo(item, None, N))
    return len({place.item_idx for place in similar} & relevant) / N


def measure(pipeline: Pipeline, events: FloatArray, relevant: dict[int, set[int]]) -> dict[str, Any]:
    """Compute precision@10 by the number of events of the product.

    Args:
        pipeline: models and search index.
        events: float[n_items], number of events in training.
        relevant: item → relevant items.

    Returns:
        Bin → figures by variant, with intervals.
    """
    rng = np.random.default_rng(1)
    document: dict[str, Any] = {}
    for low, high in pairwise(BINS):
        items = [item for item in sorted(relevant) if low <= events[item] < high]
        items = sorted(rng.permutation(items)[:_MAX_PRODUCTS].tolist())
        if not items:
            continue
        values = {
            name: np.array([precision(pipeline, item, relevant[item], enough) for item in items])
            for name, enough in ENOUGH.items()
        }
        values["behaviour - texts"] = values["behaviour alone"] - values["texts alone"]
        row = {name: [round(figure, 4) for figure in (e.value, e.low, e.high)] for name, e in estimates(values).items()}
        document[f"{low:g} to {high:g} events"] = {"products": len(items), **row}
    return document


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: {DATA}, which holds the public data sets, is missing")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings(var=Path(folder))
        store = open_store(settings.store_url)
        for name in SHOPS["online retail"]:
            ingest(settings, store, DATA / name, Silent())
        embedded = embed_catalogue(settings, store, stored_data(store, Silent()), Silent())
        parts = split(embedded.data, HELD_OUT)
        recipe = EnsembleConfig.of(settings)
        blend = fit_ensemble(parts.train, recipe, settings.seed, Silent()).indexed(parts.train, Silent())
        popular = MODELS[POPULARITY].train(parts.train, recipe.params[POPULARITY], seed=settings.seed)
        models = {ENSEMBLE: blend, POPULARITY: popular}
        pipeline = Pipeline(
            embedded.data.users, embedded.data.items, models, ENSEMBLE, search=embedded.search(Silent())
        )
        events = np.expm1(popular.weight)
        document = measure(pipeline, events, basket_companions(parts.test))
    for name, row in document.items():
        print(f"{name}: {json.dumps(row)}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
