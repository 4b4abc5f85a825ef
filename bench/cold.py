"""Measure recommendations of new products: python -m bench.cold [--seconds S] [--seeds N]

In real shops with titles (../shared/data), all events of a tenth of the products are held out, and a fifth of the other
pairs of user and product. Recall@50 of whole-catalogue lists is measured on both parts, for the ensemble with texts,
without texts (tuned for the same time), and for texts alone. Intervals are paired.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.core.progress import Silent
from src.core.settings import Settings
from src.evaluation.exact_lists import queries_of, top_lists
from src.evaluation.metrics import estimates
from src.interactions.interactions import TrainingData
from src.interactions.splits import held_out
from src.models import MODELS, POPULARITY, TEXT
from src.models.base import BlockScorer
from src.models.settings import AllSettings, read_settings
from src.recommendation.ensemble_config import EnsembleConfig, fit_ensemble
from src.store import open_store
from src.tuning.ensemble_tuning import TuningOptions, tune_ensemble
from src.workflows.embed_catalogue import embed_catalogue
from src.workflows.fit import stored_data
from src.workflows.ingest import ingest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SHOPS = {
    "online retail": ("online-retail-uci/online_retail.csv.gz",),
    "magazines": (
        "amazon-2018-magazine-giftcards/Magazine_Subscriptions_5.jsonl.gz",
        "amazon-2018-magazine-giftcards/meta_Magazine_Subscriptions.jsonl.gz",
    ),
    "gift cards": (
        "amazon-2018-magazine-giftcards/Gift_Cards_5.jsonl.gz",
        "amazon-2018-magazine-giftcards/meta_Gift_Cards.jsonl.gz",
    ),
}
K = 50
COLD_SHARE, WARM_SHARE, MAX_USERS = 0.1, 0.2, 2_000


def shop(settings: Settings, files: tuple[str, ...]) -> TrainingData:
    """Load files into an empty store; return the events and the embedded texts, as in a training.

    Args:
        settings: of an empty var folder.
        files: paths under DATA.

    Returns:
        The events and the vectors of products.
    """
    store = open_store(settings.store_url)
    for name in files:
        ingest(settings, store, DATA / name, Silent())
    return embed_catalogue(settings, store, stored_data(store, Silent()), Silent()).data


def split_cold(data: TrainingData, seed: int) -> tuple[TrainingData, dict[str, TrainingData]]:
    """Hold out all events of random products, and random pairs of the others.

    Args:
        data: events and vectors of products.
        seed: of the random choices.

    Returns:
        The training part, and the held-out events: "cold" and "warm".
    """
    rng = np.random.default_rng(seed)
    vectors = data.item_vectors
    assert vectors is not None
    events = data.events
    with_events = np.flatnonzero((events.count_by_item() > 0) & np.asarray(vectors.any(axis=1)))
    is_cold_item = np.zeros(len(data.items), np.bool_)
    is_cold_item[rng.choice(with_events, int(COLD_SHARE * len(with_events)), replace=False)] = True
    cold = is_cold_item[events.item_idx]
    pair = events.user_idx.astype(np.int64) * len(data.items) + events.item_idx
    _, pair_number = np.unique(pair, return_inverse=True)
    warm = ~cold & (rng.random(pair_number.max() + 1) < WARM_SHARE)[pair_number]
    train = data.take(np.flatnonzero(~cold & ~warm))
    return train, {"cold": data.take(np.flatnonzero(cold)), "warm": data.take(np.flatnonzero(warm))}


def recall(scorer: BlockScorer, train: TrainingData, test: TrainingData, order: IntArray, seed: int) -> FloatArray:
    """Compute recall@K of whole-catalogue lists.

    Args:
        scorer: makes the lists.
        train: histories of the users; listed products exclude these.
        test: events to find.
        order: int64[n_items], products by popularity, which fill short lists.
        seed: of the sample of at most MAX_USERS users.

    Returns:
        float[n], one for each user with a history in train and a liked product in test.
    """
    liked = test.liked(4.0, train).events
    has_history = np.diff(train.histories.indptr) > 0
    users = np.unique(liked.user_idx)
    users = users[has_history[users]]
    if len(users) > MAX_USERS:
        users = np.sort(np.random.default_rng(seed).choice(users, MAX_USERS, replace=False))
    lists = top_lists(scorer, queries_of(train, users), K, fill=order)
    relevant: dict[int, set[int]] = {}
    for user, item in zip(liked.user_idx.tolist(), liked.item_idx.tolist(), strict=True):
        relevant.setdefault(user, set()).add(item)
    pairs = zip(users.tolist(), lists.tolist(), strict=True)
    return np.array([len(relevant[user] & set(listed)) / len(relevant[user]) for user, listed in pairs])


def measure(settings: AllSettings, data: TrainingData, seconds: float, seed: int) -> dict[str, Any]:
    """Tune, train and measure every variant on one random split.

    Args:
        settings: of the shop.
        data: events and vectors of products.
        seconds: duration of each tuning.
        seed: of the split.

    Returns:
        "weights": of the models of each ensemble; "cold" and "warm": recall and its interval by variant, "gain" by
        texts, and the number of users.
    """
    train, tests = split_cold(data, seed)
    without = replace(train, item_vectors=None)
    scorers: dict[str, BlockScorer] = {}
    weights = {}
    for name, part in (("with texts", train), ("without", without)):
        options = TuningOptions(settings.relevant_rating, settings.seed, K)
        recipe = tune_ensemble(held_out(part), EnsembleConfig.of(settings), options, seconds, Silent())
        scorers[name], weights[name] = fit_ensemble(part, recipe, settings.seed, Silent()), recipe.weights
    scorers["texts alone"] = MODELS[TEXT].train(train, MODELS[TEXT].params(settings), seed=settings.seed)
    order = MODELS[POPULARITY].train(train, MODELS[POPULARITY].params(settings), seed=settings.seed).order
    results: dict[str, Any] = {"weights": weights}
    for kind, test in tests.items():
        values = {name: recall(scorer, train, test, order, seed) for name, scorer in scorers.items()}
        values["gain"] = values["with texts"] - values["without"]
        results[kind] = {
            name: [round(figure, 4) for figure in (estimate.value, estimate.low, estimate.high)]
            for name, estimate in estimates(values).items()
        }
        results[kind]["users"] = len(values["gain"])
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="duration of each tuning")
    parser.add_argument("--seeds", type=int, default=1, help="number of random splits")
    parser.add_argument("--shops", default=",".join(SHOPS))
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: {DATA}, which holds the public data sets, is missing")
        return 0
    document: dict[str, Any] = {}
    for name in arguments.shops.split(","):
        with tempfile.TemporaryDirectory() as folder:
            settings = read_settings(var=Path(folder))
            data = shop(settings, SHOPS[name])
            for seed in range(arguments.seeds):
                row = measure(settings, data, arguments.seconds, seed)
                document[f"{name}, {seed}"] = row
                print(f"{name}, {len(data.items):,} products, split {seed}: {json.dumps(row)}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
