"""A ranking is learnt from users' actions, used if it is better, and served unchanged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from src.core.domain import DAY, EventBatch, Product
from src.core.progress import Silent
from src.core.records import SearchFeedback
from src.core.settings import Settings
from src.releases.registry import Registry
from src.releases.release import Release
from src.store import Store
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest

Opened = Callable[[Settings], Store]
WORDS = [f"{one}{other}" for one in ("lamp", "desk", "vase", "chair", "stove", "spoon") for other in "abcdefgh"]
OF_EACH, N_USERS = 8, 400


def fill(store: Store) -> None:
    """Store eight products of one title for every word; searches are followed by purchases of the dearest."""
    products = [
        Product(f"{w}-{n}", f"{w} thing", price=float(10 + n), category=w) for w in WORDS for n in range(OF_EACH)
    ]
    store.products.add(products)
    rng = np.random.default_rng(4)
    rows: list[tuple[str, str, str, int]] = []
    for user in range(N_USERS):
        for visit in range(4):
            word, at = WORDS[int(rng.integers(len(WORDS)))], int(rng.integers(0, 300)) * DAY
            first, then = int(rng.integers(0, OF_EACH - 2)), OF_EACH - 1
            rows.append((f"u{user}", f"{word}-{first}", "view", at + visit))
            rows.append((f"u{user}", f"{word}-{then}", "purchase", at + visit + 60))
    users, items, kinds, at = (list(column) for column in zip(*rows, strict=True))
    marks = [str(number) for number in range(len(rows))]
    store.events.add(EventBatch(users, items, kinds, np.ones(len(rows)), np.array(at, np.int64), marks))


def trained(settings: Settings, store: Store) -> Release:
    found = train(settings, store, TrainingRequest(models=("item_graph",)), Silent())
    assert found is not None
    return Registry(settings.releases_dir).load(found.version)


@pytest.fixture
def ranked(settings: Settings) -> Settings:
    return settings.model_copy(update={"ranker": "on"})


@pytest.mark.usefixtures("no_smoke")
def test_a_re_ranker_that_is_better_on_held_out_queries_is_used(ranked: Settings, store: Store) -> None:
    fill(store)
    searches = [
        SearchFeedback(f"{word} thing", f"{word}-{OF_EACH - 1}", "purchase", 5, str(n)) for n, word in enumerate(WORDS)
    ]
    store.searches.add(searches)
    release = trained(ranked, store)
    about: dict[str, Any] = release.manifest.to_json()["ranking"]
    assert about["text"]["used"], about
    assert about["text"]["queries"] == len(WORDS)
    assert about["text"]["gain"][1] > 0
    assert set(release.pipeline.rankers) == {name for name, its in about.items() if its["used"]}
    pipeline = release.pipeline
    word = WORDS[5]
    found = pipeline.find(f"{word} thing", None, 3)
    assert f"{word}-{OF_EACH - 1}" in pipeline.items.ids_of(found.item_idx.tolist())


@pytest.mark.usefixtures("no_smoke")
def test_with_too_few_queries_the_order_of_retrieval_stays(ranked: Settings, store: Store) -> None:
    store.products.add([Product("a", "Red lamp"), Product("b", "Blue lamp")])
    rows = [("u", "a"), ("u", "b"), ("v", "a")]
    n = len(rows)
    users, items = (list(column) for column in zip(*rows, strict=True))
    store.events.add(EventBatch(users, items, ["purchase"] * n, np.ones(n), np.arange(n) + 1))
    release = trained(ranked, store)
    assert release.pipeline.rankers == {}
    for its in release.manifest.to_json()["ranking"].values():
        assert its["used"] is False
        assert "at least 30 are needed" in its["why"]


@pytest.mark.usefixtures("no_smoke")
def test_products_without_an_event_are_searched_and_listed(settings: Settings, store: Store) -> None:
    fill(store)
    store.products.add([Product("new", f"{WORDS[0]} thing new", category=WORDS[0]), Product("bare")])
    store.products.add([Product("gone", f"{WORDS[0]} thing gone", withdrawn=True)])
    found = train(settings, store, TrainingRequest(), Silent())
    assert found is not None
    pipeline = Registry(settings.releases_dir).load(found.version).pipeline
    assert pipeline.items.idx_of("new") is not None
    assert pipeline.items.idx_of("gone") is None
    assert pipeline.items.idx_of("bare") is None
    assert "new" in pipeline.items.ids_of(pipeline.find(f"{WORDS[0]} new", None, 3).item_idx.tolist())
    assert "text" in pipeline.models


@pytest.mark.usefixtures("no_smoke")
def test_a_second_training_encodes_nothing(settings: Settings, store: Store) -> None:
    fill(store)
    said: list[str] = []

    class Heard(Silent):
        def step(self, line: str) -> None:
            said.append(line)

    for _ in range(2):
        train(settings, store, TrainingRequest(models=("item_graph",)), Heard())
    counts = [line.split()[1] for line in said if line.startswith("encoded ")]
    assert counts[0] != "0"
    assert counts[1] == "0"


@pytest.mark.usefixtures("no_smoke")
def test_a_shop_without_a_catalogue_trains_and_has_no_search(settings: Settings, store: Store) -> None:
    rows = [("u", "a"), ("u", "b"), ("v", "a"), ("v", "c"), ("w", "b")]
    users, items = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    store.events.add(EventBatch(users, items, ["purchase"] * n, np.ones(n), np.arange(n) + 1))
    found = train(settings, store, TrainingRequest(), Silent())
    assert found is not None
    release = Registry(settings.releases_dir).load(found.version)
    assert release.pipeline.search is None
    assert release.manifest.to_json()["search"] is None
    assert "text" not in release.pipeline.models
