"""The protocols of `bench.quality`: what is learnt from, what is tuned on, who is asked for, what is relevant."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bench.exchange import Task, Truth
from src.core.domain import NO_TIME, EventBatch, EventKind, FloatArray, IntArray
from src.core.progress import Reporter
from src.core.settings import Settings
from src.ingestion.benchmark_files import read_benchmark, read_test_file
from src.interactions.interactions import Interactions, TrainingData, training_data
from src.interactions.splits import Split, held_out, split_at_random, split_by_time
from src.interactions.vocabulary import Vocabulary
from src.models import MODELS, POPULARITY
from src.models.settings import read_settings
from src.tuning.objective import Objective
from src.workflows.ingest import read_table

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
NEW, REPEATS = "new products", "repeats count"
"""What is measured: lists without what the user has, and where her next list may hold it as well."""


@dataclass(frozen=True)
class Protocol:
    """said: how it is measured, for people. k: NDCG@k. rivals: names. goal: how far in % ours is to be above the best
    of them; None without one.

    train: what the final fits learn from; it knows no user and no product of the test part alone. tuning: it, divided
    for everybody's tuning. asked: int64[m], rows in train of the test part's users, -1 for those it does not know.
    truths: what is measured (NEW, or REPEATS) → what was relevant.
    """

    title: str
    said: str
    k: int
    rivals: tuple[str, ...]
    goal: float | None
    train: TrainingData
    tuning: Split
    asked: IntArray
    truths: dict[str, Truth]

    def tuning_task(self, settings: Settings) -> Task:
        """What rivals tune on: the very users and products that ours is tuned on."""
        popular = MODELS[POPULARITY].train(
            self.tuning.train, MODELS[POPULARITY].params(settings), seed=settings.seed
        )  # which completes lists, and so has no say in who is asked
        judge = Objective.of(
            self.tuning, popular.order, relevant_rating=settings.relevant_rating, k=self.k, seed=settings.seed
        )
        assert judge is not None  # there is something to tune on in each of the data sets
        relevant = judge.relevant.tocoo()
        known = np.bincount(self.tuning.train.events.user_idx, minlength=len(self.train.users)) > 0
        asked = np.where(known[judge.queries.user_idx], judge.queries.user_idx, -1)
        truth = Truth(relevant.row.astype(np.int32), relevant.col.astype(np.int32))
        return replace(_task(self.tuning.train, asked, self.k), truth=truth)

    def final_task(self) -> Task:
        """What rivals make the lists of that are measured; what is relevant is not in it."""
        return _task(self.train, self.asked, self.k)


def _task(train: TrainingData, asked: IntArray, k: int) -> Task:
    """Every event of these data sets is a rating or a purchase."""
    events = train.events
    pair, of_event = np.unique(_pairs(events), return_inverse=True)
    user, item = np.divmod(pair, events.n_items)
    return Task(
        n_users=events.n_users,
        n_items=events.n_items,
        k=k,
        pair_user=user.astype(np.int32),
        pair_item=item.astype(np.int32),
        weights=_weights(train, of_event, len(pair)),
        asked=asked,
    )


def _weights(train: TrainingData, of_event: IntArray, n_pairs: int) -> dict[str, FloatArray]:
    """What is customary: ones; for purchases also 1 + log of how often; for ratings that differ also the rating, and
    ones for those of 4 or better alone."""
    weights = {"ones": np.ones(n_pairs, np.float32)}
    count = np.bincount(of_event, minlength=n_pairs)
    ratings = train.ratings
    if count.max() > 1:
        weights["often"] = (1 + np.log(count)).astype(np.float32)
    if len(ratings) == len(train) and ratings.value.min() < ratings.value.max():
        mean = np.bincount(of_event, weights=ratings.value, minlength=n_pairs) / count
        weights["rating"] = (mean / ratings.value.max()).astype(np.float32)
        weights["liked"] = (mean >= 4).astype(np.float32)
    return weights


def _pairs(events: Interactions) -> IntArray:
    return events.user_idx.astype(np.int64) * events.n_items + events.item_idx


def _alone(data: TrainingData) -> tuple[TrainingData, IntArray, IntArray]:
    """(the same events over vocabularies of just their users and products, where each old user and product is among
    these, -1 for one that has no event)."""
    events = data.events
    users, user_idx = np.unique(events.user_idx, return_inverse=True)
    items, item_idx = np.unique(events.item_idx, return_inverse=True)
    new_user, new_item = np.full(events.n_users, -1), np.full(events.n_items, -1)
    new_user[users], new_item[items] = np.arange(len(users)), np.arange(len(items))
    own = Interactions(
        Vocabulary.of(events.users.ids_of(users)),
        Vocabulary.of(events.items.ids_of(items)),
        user_idx.astype(np.int32),
        item_idx.astype(np.int32),
        events.value,
        events.at,
    )
    return replace(data, events=own), new_user, new_item


def _asked_and_truths(parts: Split, liked: IntArray, user: IntArray, item: IntArray) -> tuple[IntArray, dict]:
    """(asked, truths) of a Protocol. liked: rows of the test events that are relevant. user, item: of `_alone`."""
    events = parts.test.events.take(liked)
    pair = np.unique(_pairs(events))
    users, query = np.unique(pair // events.n_items, return_inverse=True)
    its_item = item[pair % events.n_items]
    is_new = ~np.isin(pair, _pairs(parts.train.events))
    truths = {
        NEW: Truth(query[is_new].astype(np.int32), its_item[is_new].astype(np.int32)),
        REPEATS: Truth(query.astype(np.int32), its_item.astype(np.int32)),
    }
    return user[users], truths


def purchases(reporter: Reporter) -> Protocol | None:
    """UCI Online Retail by one global time; None where the file is missing."""
    path = DATA / "online-retail-uci" / "online_retail.csv.gz"
    if not path.is_file():
        return None
    with tempfile.TemporaryDirectory() as folder:
        data = read_table(read_settings(var=Path(folder)), path, reporter)
    parts = split_by_time(data, 0.1)
    train, user, item = _alone(parts.train)
    bought = np.flatnonzero(parts.test.is_kind(EventKind.PURCHASE))
    asked, truths = _asked_and_truths(parts, bought, user, item)
    return Protocol(
        title="UCI Online Retail",
        said=f"learnt from {len(parts.train):,} purchases before one moment, measured on the {len(parts.test):,} "
        f"since; all {len(train.items):,} products are ranked; relevant is what was bought since, new products too. In "
        f"'{NEW}' what a user had bought before is on no list and not relevant; in '{REPEATS}' it may be both, by the "
        "same models. Tuned on the last 10 % of what was learnt from, in time.",
        k=10,
        rivals=("popularity", "als", "itemknn", "ease"),
        goal=10.0,
        train=train,
        tuning=held_out(train),
        asked=asked,
        truths=truths,
    )


def ratings(reporter: Reporter) -> Protocol | None:
    """amazon-electronics-50x5, in Surprise's split; None where the file is missing."""
    path = DATA / "amazon-electronics-50x5" / "df_final.csv"
    if not path.is_file():
        return None
    frame = pd.read_csv(path)
    columns = (frame.user_id.astype(str).tolist(), frame.prod_id.astype(str).tolist(), ["rating"] * len(frame))
    at = np.full(len(frame), NO_TIME, np.int64)
    parts = split_at_random(training_data([EventBatch(*columns, frame.rating.to_numpy(np.float64), at)]), 0.2)
    train, user, item = _alone(parts.train)
    asked, truths = _asked_and_truths(parts, np.flatnonzero(parts.test.events.value >= 4), user, item)
    return Protocol(
        title="amazon-electronics-50x5",
        said=f"learnt from {len(parts.train):,} ratings, measured on {len(parts.test):,}, the split of Surprise's "
        f"train_test_split(test_size=0.2, random_state=42); all {len(train.items):,} products are ranked but those the "
        "user rated in training; relevant is a rating of 4 or better. Tuned on a random part of what was learnt from.",
        k=10,
        rivals=("popularity", "als", "itemknn", "ease"),
        goal=None,
        train=train,
        tuning=held_out(train),
        asked=asked,
        truths={NEW: truths[NEW]},
    )


def lists(reporter: Reporter) -> Protocol | None:
    """Yelp2018 as LightGCN splits it, tuned on its valid file; None where it is missing."""
    folder = DATA / "lightgcn-yelp2018"
    if not folder.is_dir():
        return None
    settings = read_settings()
    given = read_benchmark(folder / "train.txt.gz", folder / "valid.txt.gz", settings, reporter)
    rows = read_test_file(folder / "test.txt", given.data, settings, reporter)
    events = rows.data.events
    users, query = np.unique(events.user_idx, return_inverse=True)
    truth = Truth(query.astype(np.int32), rows.item_idx[events.item_idx].astype(np.int32))
    return Protocol(
        title="Yelp2018",
        said=f"LightGCN's split: learnt from {len(given.data):,} pairs, measured on {len(events):,}; all "
        f"{len(given.data.items):,} products are ranked but those learnt from; tuned on its valid file. Beside ALS "
        "alone: EASE would take the inverse of a matrix of 12 GB.",
        k=20,
        rivals=("popularity", "als"),
        goal=None,
        train=given.data,
        tuning=given.for_tuning(),
        asked=rows.user_idx[users],
        truths={NEW: truth},
    )


PROTOCOLS: dict[str, Callable[[Reporter], Protocol | None]] = {
    "UCI Online Retail": purchases,
    "amazon-electronics-50x5": ratings,
    "Yelp2018": lists,
}
