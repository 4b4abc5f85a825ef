"""From how many events on behaviour alone says what goes with a product: python -m bench.similar [--json FILE]

Of an online shop (../shared/data) the newest fifth of the events is held out. What goes with a product is what was in
the same baskets then (one customer, one day). By how many events products had before: precision@10 of their
similar products by behaviour alone, by texts alone, and of behaviour filled by texts as the service does it.
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
_MOST = 400
"""Products of a bin."""


def baskets(data: TrainingData) -> Iterator[set[int]]:
    """What one customer bought on one day."""
    events = data.events
    key = events.user_idx.astype(np.int64) * 100_000 + events.at // DAY
    order = np.argsort(key, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        yield set(events.item_idx[rows].tolist())


def together(data: TrainingData) -> dict[int, set[int]]:
    """Product → what was in a basket with it."""
    found: dict[int, set[int]] = {}
    for basket in baskets(data):
        for item in basket:
            found.setdefault(item, set()).update(basket)
    return {item: others - {item} for item, others in found.items() if len(others) > 1}


def precision(pipeline: Pipeline, item: int, wanted: set[int], enough: float) -> float:
    module.ENOUGH = enough
    found = module.similar(pipeline.models, pipeline.search, item, None, N, None)
    return len({each.item_idx for each in found} & wanted) / N


def measured(pipeline: Pipeline, events: FloatArray, wanted: dict[int, set[int]]) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    document: dict[str, Any] = {}
    for low, high in pairwise(BINS):
        items = [item for item in sorted(wanted) if low <= events[item] < high]
        items = sorted(rng.permutation(items)[:_MOST].tolist())
        if not items:
            continue
        values = {
            name: np.array([precision(pipeline, item, wanted[item], enough) for item in items])
            for name, enough in ENOUGH.items()
        }
        values["behaviour - texts"] = values["behaviour alone"] - values["texts alone"]
        row = {name: [round(each, 4) for each in (e.value, e.low, e.high)] for name, e in estimates(values).items()}
        document[f"{low:g} to {high:g} events"] = {"products": len(items), **row}
    return document


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: {DATA} is not here")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings(var=Path(folder))
        store = open_store(settings.store_url)
        for name in SHOPS["online retail"]:
            ingest(settings, store, DATA / name, Silent())
        its = embed_catalogue(settings, store, stored_data(store, Silent()), Silent())
        parts = split(its.data, HELD_OUT)
        recipe = EnsembleConfig.of(settings)
        blend = fit_ensemble(parts.train, recipe, settings.seed, Silent()).indexed(parts.train, Silent())
        popular = MODELS[POPULARITY].train(parts.train, recipe.params[POPULARITY], seed=settings.seed)
        models = {ENSEMBLE: blend, POPULARITY: popular}
        pipeline = Pipeline(its.data.users, its.data.items, models, ENSEMBLE, search=its.search(Silent()))
        events = np.expm1(popular.weight)
        document = measured(pipeline, events, together(parts.test))
    for name, row in document.items():
        print(f"{name}: {json.dumps(row)}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
