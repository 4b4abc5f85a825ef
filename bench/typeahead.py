"""Time of completions while ids and titles are typed: python -m bench.typeahead [--users N] [--products N].

A shop of that size is made in AISLE_VAR, unless one is there: users with ids of 14 letters and digits and one purchase
each, products with titles, a release of popularity and search, and the directory of users. Then GET /suggest/users and
GET /suggest/products are asked, in this process, for beginnings, middle parts and misspelt parts of ids, for words of
titles, and for misspelt words.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app import create_app
from app.context import context_of
from src.core.domain import EventBatch
from src.core.progress import Reporter
from src.models import MODELS, POPULARITY
from src.models.settings import AllSettings, read_settings
from src.recommendation.ensemble_config import weighting_of
from src.releases.manifest import TrainingRecord
from src.releases.registry import Registry
from src.releases.release import Draft
from src.store import Store, open_store
from src.synthetic.products import make_products
from src.workflows.cli import Screen
from src.workflows.embed_catalogue import embed_catalogue
from src.workflows.fit import FitPlan, fit, stored_data
from src.workflows.shop_figures import save_shop
from src.workflows.training_steps import data_record

USERS, PRODUCTS = 4_201_696, 476_002
"""Those of the public file of ratings of Amazon Electronics."""
_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
_ID_LENGTH, _BATCH, _PARTS, _ASKED = 13, 200_000, (3, 4, 5, 7, 9), 300
_LIMIT_MS = 50.0


def ids_of(rng: np.random.Generator, n: int) -> list[str]:
    """Draw distinct ids.

    Args:
        rng: source of randomness.
        n: how many.

    Returns:
        Sorted ids: an A, letters and digits.
    """
    found: set[str] = set()
    while len(found) < n:
        drawn = _LETTERS[rng.integers(0, len(_LETTERS), (n - len(found), _ID_LENGTH))]
        found |= {f"A{text}" for text in drawn.view(f"<U{_ID_LENGTH}").ravel().tolist()}
    return sorted(found)


def make_shop(settings: AllSettings, store: Store, n_users: int, n_products: int, reporter: Reporter) -> None:
    """Fill a store, publish a release of popularity and search, and save the directory.

    Args:
        settings: where they lie.
        store: an empty store.
        n_users: how many users.
        n_products: how many products.
        reporter: shows the steps.
    """
    rng = np.random.default_rng(7)
    reporter.step("making products")
    products = make_products(rng, n_products, 7).products
    store.products.add(products)
    names = [product.product_id for product in products]
    reporter.step("making users")
    users, now = ids_of(rng, n_users), int(time.time())
    for start in range(0, n_users, _BATCH):
        part = users[start : start + _BATCH]
        bought = [names[int(len(names) * share**3)] for share in rng.random(len(part)).tolist()]
        at = now - rng.integers(0, 31_536_000, len(part))
        store.events.add(EventBatch(part, bought, ["purchase"] * len(part), np.ones(len(part)), at))
        reporter.advance(start + len(part), n_users)
    changed_at, read_at = store.events.changed_at(), time.time_ns() // 1_000
    data = stored_data(store, reporter)
    catalogue = embed_catalogue(settings, store, data, reporter)
    plan = FitPlan({POPULARITY: MODELS[POPULARITY].params(settings)}, None, weighting_of(settings))
    pipeline = replace(fit(catalogue.data, plan, settings, reporter), search=catalogue.search(reporter))
    params = {name: asdict(its) for name, its in plan.params.items()}
    record = TrainingRecord(data=data_record(catalogue.data, changed_at, read_at), params=params, made_up=True)
    registry = Registry(settings.releases_dir)
    registry.activate(registry.publish(Draft(pipeline, record), secrets.token_hex(6), datetime.now(UTC)))
    save_shop(settings, store, data, changed_at, reporter)


def misspelt(text: str, rng: random.Random) -> str:
    """Return a text with two neighbouring letters exchanged, or one replaced.

    Args:
        text: three letters or more.
        rng: source of randomness.

    Returns:
        A text with a typing error.
    """
    at = rng.randrange(1, len(text) - 1)
    if text[at] != text[at + 1]:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + ("x" if text[at] != "x" else "y") + text[at + 1 :]


def asked_of(users: list[str], titles: list[str]) -> dict[str, tuple[str, list[str]]]:
    """Return what is typed.

    Args:
        users: some ids.
        titles: some titles.

    Returns:
        Name of a way to type → path, and texts.
    """
    rng = random.Random(7)
    middles = [id_[at : at + rng.choice(_PARTS)] for id_ in users for at in [rng.randrange(1, 6)]]
    words = [rng.choice([word for word in title.split() if len(word) > 4] or [title]) for title in titles]
    path_users, path_products = "/suggest/users", "/suggest/products"
    return {
        "user, beginning": (path_users, [id_[: rng.choice(_PARTS)] for id_ in users]),
        "user, any part": (path_users, [part.lower() for part in middles]),
        "user, misspelt": (path_users, [misspelt(id_, rng) for id_ in users]),
        "product, one letter": (path_products, [word[0] for word in words]),
        "product, unfinished word": (path_products, [word[: rng.choice((2, 3, 4))] for word in words]),
        "product, two words": (path_products, [" ".join(title.split()[-2:]) for title in titles]),
        "product, misspelt": (path_products, [misspelt(word, rng) for word in words]),
    }


def times_of(ask: Callable[[str, str], object], path: str, texts: list[str]) -> Iterator[tuple[float, float]]:
    """Yield the ms that each text takes: by the clock, and of processor time.

    Args:
        ask: (path, text) → the answer.
        path: what is asked.
        texts: what is typed.
    """
    for text in texts:
        started, used = time.perf_counter(), time.process_time()
        ask(path, text)
        yield 1_000 * (time.perf_counter() - started), 1_000 * (time.process_time() - used)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--products", type=int, default=PRODUCTS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    settings = read_settings(scheduler="off")
    store = open_store(settings.store_url)
    if store.events.is_empty():
        make_shop(settings, store, arguments.users, arguments.products, Screen())
    store.close()
    app = create_app(settings)
    aisle, client = context_of(app), app.test_client()
    pipeline, rng = aisle.recommender.serving()[1], random.Random(7)
    directory = aisle.directory.current()
    assert directory is not None
    users = directory.users.ids_of(rng.sample(range(len(directory.users)), _ASKED))
    chosen = pipeline.items.ids_of(rng.sample(range(len(pipeline.items)), _ASKED))
    titles = [product.title or product.product_id for product in aisle.store.products.get(chosen).values()]

    def ask(path: str, text: str) -> None:
        client.get(path, query_string={"q": text}).get_json()

    rows: dict[str, dict[str, float]] = {}
    print(f"{len(directory.users):,} users, {len(pipeline.items):,} products, {_ASKED} texts each, ms")
    for name, (path, texts) in asked_of(users, titles).items():
        ask(path, texts[0])  # what a worker reads once is read
        taken = np.array(list(times_of(ask, path, texts)))
        rows[name] = {
            f"p{share}{of}": round(float(np.percentile(taken[:, column], share)), 1)
            for column, of in enumerate(("", " of processor time"))
            for share in (50, 95, 99)
        }
        print(f"{name:26} {rows[name]}", flush=True)
    aisle.store.close()
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return int(max(row["p99"] for row in rows.values()) > _LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
