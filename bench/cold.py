"""Products that nobody has bought yet: python -m bench.cold [--seconds S] [--seeds N]

Of real shops with titles (../shared/data) a tenth of the products is held out whole: no event of theirs is learnt
from. A fifth of the other pairs is held out as well. Recall@50 of lists out of the whole catalogue, on both,
of the blend with texts and of the same without, each tuned for as long; and of texts alone. Intervals are paired.
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
from src.models.settings import read_settings
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
COLD, WARM, MOST_USERS = 0.1, 0.2, 2_000


def shop(settings: Settings, files: tuple[str, ...]) -> TrainingData:
    """The events and texts of a shop, as a training would have them."""
    store = open_store(settings.store_url)
    for name in files:
        ingest(settings, store, DATA / name, Silent())
    return embed_catalogue(settings, store, stored_data(store, Silent()), Silent()).data


def divided(data: TrainingData, seed: int) -> tuple[TrainingData, dict[str, TrainingData]]:
    """(what is learnt from; the events of cold products, and of other pairs that are held out)."""
    rng = np.random.default_rng(seed)
    vectors = data.item_vectors
    assert vectors is not None
    events = data.events
    with_events = np.flatnonzero((events.count_by_item() > 0) & np.asarray(vectors.any(axis=1)))
    is_cold = np.zeros(len(data.items), np.bool_)
    is_cold[rng.choice(with_events, int(COLD * len(with_events)), replace=False)] = True
    cold = is_cold[events.item_idx]
    pair = events.user_idx.astype(np.int64) * len(data.items) + events.item_idx
    _, which = np.unique(pair, return_inverse=True)
    warm = ~cold & (rng.random(which.max() + 1) < WARM)[which]
    train = data.take(np.flatnonzero(~cold & ~warm))
    return train, {"cold": data.take(np.flatnonzero(cold)), "warm": data.take(np.flatnonzero(warm))}


def recall(scorer: BlockScorer, train: TrainingData, test: TrainingData, order: IntArray, seed: int) -> FloatArray:
    """float[n users with a history who have something in test]: recall@K of whole-catalogue lists."""
    liked = test.liked(4.0, train).events
    has_history = np.diff(train.histories.indptr) > 0
    users = np.unique(liked.user_idx)
    users = users[has_history[users]]
    if len(users) > MOST_USERS:
        users = np.sort(np.random.default_rng(seed).choice(users, MOST_USERS, replace=False))
    lists = top_lists(scorer, queries_of(train, users), K, fill=order)
    relevant: dict[int, set[int]] = {}
    for user, item in zip(liked.user_idx.tolist(), liked.item_idx.tolist(), strict=True):
        relevant.setdefault(user, set()).add(item)
    pairs = zip(users.tolist(), lists.tolist(), strict=True)
    return np.array([len(relevant[user] & set(its)) / len(relevant[user]) for user, its in pairs])


def measured(settings: Settings, data: TrainingData, seconds: float, seed: int) -> dict[str, Any]:
    train, tests = divided(data, seed)
    without = replace(train, item_vectors=None)
    scorers: dict[str, BlockScorer] = {}
    weights = {}
    for name, its in (("with texts", train), ("without", without)):
        options = TuningOptions(settings.relevant_rating, settings.seed, K)
        recipe = tune_ensemble(held_out(its), EnsembleConfig.of(settings), options, seconds, Silent())
        scorers[name], weights[name] = fit_ensemble(its, recipe, settings.seed, Silent()), recipe.weights
    scorers["texts alone"] = MODELS[TEXT].train(train, MODELS[TEXT].params(settings), seed=settings.seed)
    order = MODELS[POPULARITY].train(train, MODELS[POPULARITY].params(settings), seed=settings.seed).order
    found: dict[str, Any] = {"weights": weights}
    for part, test in tests.items():
        values = {name: recall(scorer, train, test, order, seed) for name, scorer in scorers.items()}
        values["gain"] = values["with texts"] - values["without"]
        found[part] = {
            name: [round(each, 4) for each in (its.value, its.low, its.high)] for name, its in estimates(values).items()
        }
        found[part]["users"] = len(values["gain"])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="tuning of each blend")
    parser.add_argument("--seeds", type=int, default=1, help="how often to draw anew")
    parser.add_argument("--shops", default=",".join(SHOPS))
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: {DATA} is not here")
        return 0
    document: dict[str, Any] = {}
    for name in arguments.shops.split(","):
        with tempfile.TemporaryDirectory() as folder:
            settings = read_settings(var=Path(folder))
            data = shop(settings, SHOPS[name])
            for seed in range(arguments.seeds):
                row = measured(settings, data, arguments.seconds, seed)
                document[f"{name}, {seed}"] = row
                print(f"{name}, {len(data.items):,} products, draw {seed}: {json.dumps(row)}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
