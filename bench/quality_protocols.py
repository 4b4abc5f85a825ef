"""The protocols of `bench.quality`: training data, tuning data, test users and relevant products."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
"""Variants of the lists: without products that the user has, and with them."""


@dataclass(frozen=True)
class Protocol:
    """The data of a comparison, and how it is measured.

    Attributes:
        title: name of the data set.
        description: how it is measured, for people.
        k: cut-off of NDCG.
        rivals: names of models in `bench.rivals`.
        goal: least relative difference to the best rival in %; None without one.
        train: data of the final fits; its vocabularies contain no user or product of the test part alone.
        tuning: train, split for the tuning of all models.
        test_users: int64[m], rows in train of the test part's users, -1 for unknown ones.
        truths: NEW or REPEATS → relevant products.
        metric: "ndcg" or "recall", which the goal is set for; the other one is given too.
        published: name with its source → recall@k and NDCG@k on the same files.
    """

    title: str
    description: str
    k: int
    rivals: tuple[str, ...]
    goal: float | None
    train: TrainingData
    tuning: Split
    test_users: IntArray
    truths: dict[str, Truth]
    metric: str = "ndcg"
    published: dict[str, tuple[float, float]] = field(default_factory=dict)

    def tuning_task(self, settings: Settings) -> Task:
        """Return the task that rivals tune on, with the users and products of the pipeline's own tuning."""
        popular = MODELS[POPULARITY].train(
            self.tuning.train, MODELS[POPULARITY].params(settings), seed=settings.seed
        )  # completes lists only, so it has no influence on the choice of users
        objective = Objective.of(
            self.tuning, popular.order, relevant_rating=settings.relevant_rating, k=self.k, seed=settings.seed
        )
        assert objective is not None  # every data set has users to tune on
        relevant = objective.relevant.tocoo()
        known = np.bincount(self.tuning.train.events.user_idx, minlength=len(self.train.users)) > 0
        query_users = np.where(known[objective.queries.user_idx], objective.queries.user_idx, -1)
        truth = Truth(relevant.row.astype(np.int32), relevant.col.astype(np.int32))
        return replace(_task(self.tuning.train, query_users, self.k), truth=truth)

    def final_task(self) -> Task:
        """Return the task of the measured lists, without the relevant products."""
        return _task(self.train, self.test_users, self.k)


def _task(train: TrainingData, query_users: IntArray, k: int) -> Task:
    """Return a task over the distinct pairs; every event of these data sets is a rating or a purchase."""
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
        query_users=query_users,
    )


def _weights(train: TrainingData, of_event: IntArray, n_pairs: int) -> dict[str, FloatArray]:
    """Return the usual weights by name.

    Args:
        train: events.
        of_event: int64[n events], pair of each event.
        n_pairs: number of pairs.

    Returns:
        ones; often: 1 + log of the count, if pairs repeat; rating and liked (1 from 4 on), if ratings differ.
    """
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


def _compact(data: TrainingData) -> tuple[TrainingData, IntArray, IntArray]:
    """Restrict the vocabularies to users and products with events.

    Args:
        data: events.

    Returns:
        The same events over smaller vocabularies; int64[n_users] and int64[n_items], the new row of every old user and
        product, -1 for one without events.
    """
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


def _users_and_truths(
    parts: Split, liked: IntArray, user: IntArray, item: IntArray
) -> tuple[IntArray, dict[str, Truth]]:
    """Return test_users and truths of a Protocol.

    Args:
        parts: training and test events.
        liked: rows of the relevant test events.
        user: new rows of users, of `_compact`.
        item: new rows of products, of `_compact`.

    Returns:
        test_users and truths.
    """
    events = parts.test.events.take(liked)
    pair = np.unique(_pairs(events))
    users, query = np.unique(pair // events.n_items, return_inverse=True)
    new_item = item[pair % events.n_items]
    is_new = ~np.isin(pair, _pairs(parts.train.events))
    truths = {
        NEW: Truth(query[is_new].astype(np.int32), new_item[is_new].astype(np.int32)),
        REPEATS: Truth(query.astype(np.int32), new_item.astype(np.int32)),
    }
    return user[users], truths


def purchases(reporter: Reporter) -> Protocol | None:
    """Return the protocol of UCI Online Retail, split at one time; None if the file is missing."""
    path = DATA / "online-retail-uci" / "online_retail.csv.gz"
    if not path.is_file():
        return None
    with tempfile.TemporaryDirectory() as folder:
        data = read_table(read_settings(var=Path(folder)), path, reporter)
    parts = split_by_time(data, 0.1)
    train, user, item = _compact(parts.train)
    bought = np.flatnonzero(parts.test.is_kind(EventKind.PURCHASE))
    test_users, truths = _users_and_truths(parts, bought, user, item)
    return Protocol(
        title="UCI Online Retail",
        description=f"trained on {len(parts.train):,} purchases before one time, measured on the {len(parts.test):,} "
        f"after it; all {len(train.items):,} products are ranked; products bought after it are relevant, new ones too. "
        f"In '{NEW}' products that a user had bought before are not listed and not relevant; in '{REPEATS}' they may "
        "be both, by the same models and a weight of earlier purchases. Tuned on the newest 10 % of the training part.",
        k=10,
        rivals=("popularity", "als", "itemknn", "ease"),
        goal=10.0,
        train=train,
        tuning=held_out(train),
        test_users=test_users,
        truths=truths,
    )


def ratings(reporter: Reporter) -> Protocol | None:
    """Return the protocol of amazon-electronics-50x5 in Surprise's split; None if the file is missing."""
    path = DATA / "amazon-electronics-50x5" / "df_final.csv"
    if not path.is_file():
        return None
    frame = pd.read_csv(path)
    columns = (frame.user_id.astype(str).tolist(), frame.prod_id.astype(str).tolist(), ["rating"] * len(frame))
    at = np.full(len(frame), NO_TIME, np.int64)
    data = training_data([EventBatch(*columns, frame.rating.to_numpy(np.float64), at)])
    split = "the split of Surprise's train_test_split(test_size=0.2, random_state=42)"
    return _split_ratings("amazon-electronics-50x5", data, split)


def _split_ratings(title: str, timeless: TrainingData, split: str) -> Protocol:
    """Return the protocol of ratings without times, of which a fifth is held out.

    Args:
        title: Name of the data set.
        timeless: The ratings.
        split: How they are split, for people.

    Returns:
        The protocol.
    """
    parts = split_at_random(timeless, 0.2)
    train, user, item = _compact(parts.train)
    test_users, truths = _users_and_truths(parts, np.flatnonzero(parts.test.events.value >= 4), user, item)
    return Protocol(
        title=title,
        description=f"trained on {len(parts.train):,} ratings, measured on {len(parts.test):,}, {split}; all "
        f"{len(train.items):,} products are ranked but those the user rated in training; products rated 4 or higher "
        "are relevant. Tuned on a random part of the training data.",
        k=10,
        rivals=("popularity", "als", "itemknn", "ease"),
        goal=None,
        train=train,
        tuning=held_out(train),
        test_users=test_users,
        truths={NEW: truths[NEW]},
    )


def lists(reporter: Reporter) -> Protocol | None:
    """Return the protocol of Yelp2018 in LightGCN's split, tuned on its valid file; None if it is missing."""
    folder = DATA / "lightgcn-yelp2018"
    if not folder.is_dir():
        return None
    settings = read_settings()
    benchmark = read_benchmark(folder / "train.txt.gz", folder / "valid.txt.gz", settings, reporter)
    rows = read_test_file(folder / "test.txt", benchmark.data, settings, reporter)
    events = rows.data.events
    users, query = np.unique(events.user_idx, return_inverse=True)
    truth = Truth(query.astype(np.int32), rows.item_idx[events.item_idx].astype(np.int32))
    return Protocol(
        title="Yelp2018",
        description=f"LightGCN's split: trained on {len(benchmark.data):,} pairs, measured on {len(events):,}; all "
        f"{len(benchmark.data.items):,} products are ranked but the user's own; tuned on its valid file. The only "
        "trained rival is ALS: EASE would invert a matrix of 12 GB.",
        k=20,
        rivals=("popularity", "als"),
        goal=None,
        train=benchmark.data,
        tuning=benchmark.for_tuning(),
        test_users=rows.user_idx[users],
        truths={NEW: truth},
        published=_PUBLISHED_ON_YELP,
    )


_PUBLISHED_ON_YELP = {
    "EGCF (Zhang et al., SIGIR 2024, by ID-GRec)": (0.0749, 0.0619),
    "XSimGCL (SELFRec)": (0.0723, 0.0604),
    "BSPM-EM (Choi et al., SIGIR 2023)": (0.0720, 0.0593),
    "GF-CF (Shen et al., CIKM 2021)": (0.0697, 0.0571),
    "EASE (BARS)": (0.0657, 0.0552),
    "LightGCN (He et al., SIGIR 2020)": (0.0653, 0.0532),
}
"""Many of these chose their best epoch by the test file, which no entry of this comparison does."""


def sessions(reporter: Reporter) -> Protocol | None:
    """Return the protocol of RetailRocket's views, carts and purchases; None if it is missing."""
    folder = DATA / "retailrocket-sslrec"
    if not folder.is_dir():
        return None
    settings = read_settings()
    benchmark = read_benchmark(folder / "events_train.csv.gz", None, settings, reporter)
    rows = read_test_file(folder / "test_buy.csv.gz", benchmark.data, settings, reporter)
    events, train = rows.data.events, benchmark.data
    user, item = rows.user_idx[events.user_idx], rows.item_idx[events.item_idx]
    is_new = ~np.isin(user.astype(np.int64) * len(train.items) + item, _pairs(train.events))
    users, query = np.unique(user[is_new], return_inverse=True)
    return Protocol(
        title="RetailRocket",
        description=f"trained on {len(train):,} views, carts and purchases of {len(train.users):,} visitors, who are "
        f"asked for as anonymous: by their history alone. Measured on {len(users):,} later purchases of products that "
        "the visitor had no event with; tuned on the newest part of the training data. EASE would invert 7 GB; "
        "the autoencoder is EASE among the most popular products.",
        k=20,
        rivals=("popularity", "als", "itemknn"),
        goal=None,
        train=train,
        tuning=benchmark.for_tuning(),
        test_users=users,
        truths={NEW: Truth(query.astype(np.int32), item[is_new].astype(np.int32))},
        metric="recall",
    )


def movies(reporter: Reporter) -> Protocol | None:
    """Return the protocol of MovieLens 100K, split at random; None if the file is missing."""
    path = DATA / "movielens-100k" / "u.data"
    if not path.is_file():
        return None
    with tempfile.TemporaryDirectory() as folder:
        data = read_table(read_settings(var=Path(folder)), path, reporter)
    timeless = replace(data, events=replace(data.events, at=np.full(len(data), NO_TIME)))
    return _split_ratings("MovieLens 100K", timeless, "split at random")


PROTOCOLS: dict[str, Callable[[Reporter], Protocol | None]] = {
    "UCI Online Retail": purchases,
    "amazon-electronics-50x5": ratings,
    "MovieLens 100K": movies,
    "RetailRocket": sessions,
    "Yelp2018": lists,
}
