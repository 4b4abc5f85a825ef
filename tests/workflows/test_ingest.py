"""Loading into a store: the synthetic shop gives way to real data, transactions stay short."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import NO_TIME, Event, EventBatch, EventKind, Product
from src.core.errors import AisleError, NoRelease, UnknownName, UnusableFile
from src.core.progress import Silent
from src.core.settings import Settings
from src.interactions.interactions import training_data
from src.models import MODELS, POPULARITY
from src.models.popularity import PopularityParams
from src.recommendation.pipeline import Pipeline
from src.releases.manifest import TrainingRecord
from src.releases.registry import Registry
from src.releases.release import Draft
from src.store import Store
from src.synthetic.shop import SyntheticShop, make_shop
from src.workflows import ingest as ingest_module
from src.workflows import synthetic_data
from src.workflows.ingest import read_table
from src.workflows.record_events import record_events
from src.workflows.synthetic_data import make_synthetic_shop
from src.workflows.withdraw import withdraw
from tests.workflows.stored import events_of, load, write

# --- The synthetic shop -----------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_shop(monkeypatch: pytest.MonkeyPatch) -> SyntheticShop:
    """Makes make_up_shop quick; the shop it makes up."""
    shop = make_shop(n_users=5, n_products=10)
    monkeypatch.setattr(synthetic_data, "make_shop", lambda **_: shop)
    return shop


@pytest.fixture
def made_up(
    settings: Settings, store: Store, tiny_shop: SyntheticShop, monkeypatch: pytest.MonkeyPatch
) -> SyntheticShop:
    """A store with the made-up shop, and an active release that was trained on it."""
    assert make_synthetic_shop(store, Silent())
    data = training_data(store.events.read())
    models = {POPULARITY: MODELS[POPULARITY].train(data, PopularityParams(1, 5), seed=1)}
    monkeypatch.setattr(Registry, "_smoke_test", lambda self, version: None)
    registry = Registry(settings.releases_dir)
    draft = Draft(Pipeline(data.users, data.items, models, POPULARITY), TrainingRecord(made_up=True))
    registry.activate(registry.publish(draft, "1" * 12, datetime.now(UTC)))
    return tiny_shop


def test_an_empty_store_is_filled_with_the_synthetic_shop(store: Store, tiny_shop: SyntheticShop) -> None:
    assert make_synthetic_shop(store, Silent())
    here = store.summary()
    assert here.made_up
    assert (here.n_events, here.n_products) == (len(tiny_shop.events), 10)


def test_the_synthetic_shop_is_not_added_twice_nor_beside_real_events(
    settings: Settings, store: Store, tiny_shop: SyntheticShop, tmp_path: Path
) -> None:
    load(settings, store, write(tmp_path / "r.csv", "user,product,rating\nu,p,5\n"))
    assert not make_synthetic_shop(store, Silent())
    assert store.summary().n_events == 1
    assert not store.summary().made_up


def test_the_events_of_the_synthetic_shop_reach_up_to_now(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, int] = {}

    def spy(until: int) -> SyntheticShop:
        asked["until"] = until
        return make_shop(n_users=2, n_products=2)

    monkeypatch.setattr(synthetic_data, "make_shop", spy)
    before = int(time.time())
    make_synthetic_shop(store, Silent())
    assert before <= asked["until"] <= int(time.time())


def test_the_first_real_file_removes_the_synthetic_shop_and_its_release(
    settings: Settings, store: Store, made_up: SyntheticShop, tmp_path: Path
) -> None:
    load(settings, store, write(tmp_path / "r.csv", "user,product,rating\nu,p,5\n"))
    assert events_of(store) == [("u", "p", "rating", 5.0, NO_TIME)]
    assert store.products.get(product.product_id for product in made_up.products) == {}
    assert not store.summary().made_up
    with pytest.raises(NoRelease):
        Registry(settings.releases_dir).active()


def test_a_release_trained_on_real_data_stays_when_the_next_file_is_loaded(
    settings: Settings, store: Store, made_up: SyntheticShop, tmp_path: Path
) -> None:
    load(settings, store, write(tmp_path / "one.csv", "user,product,rating\nu,p,5\n"))
    registry = Registry(settings.releases_dir)
    data = training_data(store.events.read())
    models = {POPULARITY: MODELS[POPULARITY].train(data, PopularityParams(1, 5), seed=1)}
    draft = Draft(Pipeline(data.users, data.items, models, POPULARITY), TrainingRecord(made_up=False))
    real = registry.publish(draft, "2" * 12, datetime.now(UTC))
    registry.activate(real)
    load(settings, store, write(tmp_path / "two.csv", "user,product,rating\nu,q,5\n"))
    assert registry.active().version == real


@pytest.mark.parametrize(
    "text",
    ["", "hello\n", "user,product,rating\n", "user,product,rating\nu,p,77\n,p,1\n"],
    ids=["empty", "no table", "header only", "rejected rows only"],
)
def test_an_unusable_file_changes_nothing_and_leaves_the_synthetic_shop(
    settings: Settings, store: Store, made_up: SyntheticShop, tmp_path: Path, text: str
) -> None:
    before = events_of(store)
    with pytest.raises(UnusableFile):
        load(settings, store, write(tmp_path / "r.csv", text))
    assert events_of(store) == before
    assert store.summary().made_up
    assert Registry(settings.releases_dir).active().current_problem is None


def test_real_events_on_real_products_remain_when_the_synthetic_shop_is_removed(
    settings: Settings, store: Store, made_up: SyntheticShop, tmp_path: Path
) -> None:
    store.products.add([Product("real", title="A real one")])
    product_id = made_up.products[0].product_id
    record_events(
        store, [Event("me", "real", EventKind.PURCHASE, at=5), Event("me", product_id, EventKind.RATING, 4.0, 6)]
    )
    load(settings, store, write(tmp_path / "r.csv", "user,product,rating,time\nu,p,5,7\n"))
    assert events_of(store) == [("me", "real", "purchase", 1.0, 5), ("u", "p", "rating", 5.0, 7)]
    assert set(store.products.get(["real", product_id])) == {"real"}


def test_a_real_product_with_the_id_of_a_synthetic_one_is_a_new_product(
    settings: Settings, store: Store, made_up: SyntheticShop, tmp_path: Path
) -> None:
    product_id = made_up.products[0].product_id
    load(settings, store, write(tmp_path / "r.csv", f"user,product,rating,time\nu,{product_id},5,7\n"))
    assert events_of(store) == [("u", product_id, "rating", 5.0, 7)]


def test_an_event_id_of_the_synthetic_shop_can_be_used_by_real_events(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    make_synthetic_shop(store, Silent())
    assert record_events(store, [Event("U00001", "P00001", EventKind.PURCHASE, 1.0, 5, "order-1")]) == 1
    load(settings, store, write(tmp_path / "r.csv", "user,product,rating\nu,p,5\n"))
    assert record_events(store, [Event("u", "p", EventKind.PURCHASE, 1.0, 5, "order-1")]) == 1


def test_a_synthetic_shop_whose_filling_was_interrupted_is_filled_the_next_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store.events, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            make_synthetic_shop(store, Silent())
    assert make_synthetic_shop(store, Silent())
    assert store.summary().n_users == 2_000


def test_the_synthetic_shop_is_not_added_beside_a_real_catalogue(store: Store, tiny_shop: SyntheticShop) -> None:
    store.products.add([Product("real", "A lamp")])
    assert not make_synthetic_shop(store, Silent())
    assert store.summary().n_products == 1


def test_a_file_with_a_very_long_name_has_its_rejected_rows_written(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path / f"{'ü' * 120}.csv", "user,product,rating\nu,p,5\nu,q,9\n")
    found = load(settings, store, path)
    assert found.rejects_file is not None
    assert found.rejects_file.is_file()


# --- Transactions -----------------------------------------------------------------------------------------------------


def test_a_long_transaction_makes_the_next_one_smaller_and_a_short_one_larger() -> None:
    pace = ingest_module._Pace()
    start = pace.size
    pace._took(10.0)
    assert pace.size < start
    for _ in range(9):
        pace._took(0.0)
    assert start < pace.size <= ingest_module._MAX_BATCH


class _Slow:
    """A store that counts the events of each transaction, and takes its time by a clock of its own."""

    def __init__(self, seconds_each: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events, self.sizes = self, list[int]()
        self.now, self._each = 0.0, seconds_each
        monkeypatch.setattr("src.workflows.ingest.time.monotonic", lambda: self.now)

    def add(self, batch: EventBatch, *, products_are_stored: bool) -> int:
        self.sizes.append(len(batch))
        self.now += self._each * len(batch)
        return len(batch)


@pytest.mark.parametrize(("seconds_each", "last"), [(1e-3, 1_000), (1e-7, 50_000)])
def test_the_size_of_transactions_follows_their_time_and_no_event_is_lost(
    seconds_each: float, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, pace = _Slow(seconds_each, monkeypatch), ingest_module._Pace()
    ids = [str(n) for n in range(50_000)]
    batch = EventBatch(ids, ids, ["view"] * 50_000, np.ones(50_000), np.full(50_000, NO_TIME), ids)
    for _ in range(5):
        assert pace.store(slow, batch) == 50_000  # type: ignore[arg-type]
    assert sum(slow.sizes) == 250_000
    assert slow.sizes[-2] == last


def test_loading_in_several_transactions_counts_as_one(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module._Pace, "__init__", lambda self: setattr(self, "size", 3))
    monkeypatch.setattr(ingest_module._Pace, "_took", lambda self, seconds: None)
    text = "user,product,rating\n" + "".join(f"u{n},p{n % 4},{1 + n % 5}\n" for n in range(10)) + "u0,p0,1\n"
    found = load(settings, store, write(tmp_path / "r.csv", text)).load
    assert (found.n_read, found.n_stored, found.n_events - found.n_stored) == (11, 10, 1)


def test_a_folder_without_room_for_temporary_files_is_a_clear_error(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(ingest_module, "ExternalSort", full)
    with pytest.raises(AisleError, match=r"disk is full.*AISLE_VAR"):
        load(settings, store, write(tmp_path / "r.csv", "user,product,rating\nu,p,5\n"))


# --- Reading a table for training -------------------------------------------------------------------------------------


def test_a_file_without_a_usable_row_cannot_be_trained_from(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "user,product,rating,time\nu,p,0,200\n")
    with pytest.raises(UnusableFile, match="none of its 1 rows is usable"):
        read_table(settings, path, Silent())
    with pytest.raises(UnusableFile, match="no such file"):
        read_table(settings, tmp_path / "missing.csv", Silent())


def test_a_file_read_for_training_changes_neither_the_store_nor_the_folder(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    data = read_table(settings, write(tmp_path / "r.csv", "user,product,rating\nu,p,2\nv,p,3\n"), Silent())
    assert len(data) == 2
    assert events_of(store) == []
    assert store.runs.loads(1) == []
    assert list(settings.var.glob(".*")) == []


# --- Withdrawing ------------------------------------------------------------------------------------------------------


def test_products_are_withdrawn_and_restored(store: Store) -> None:
    store.products.add([Product("p", "A lamp"), Product("q")])
    assert withdraw(store, ["p", "q"], True) == 2
    assert store.products.withdrawn() == {"p", "q"}
    assert withdraw(store, ["q"], False) == 1
    assert store.products.withdrawn() == {"p"}
    assert store.products.get(["p"])["p"].title == "A lamp"


def test_no_product_is_withdrawn_if_one_of_them_is_unknown(store: Store) -> None:
    store.products.add([Product("p")])
    with pytest.raises(UnknownName, match="'x', 'y'"):
        withdraw(store, ["p", "x", "y"], True)
    assert store.products.withdrawn() == frozenset()
