"""A file that is loaded again in another reading: what its first reading stored is taken back, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import EventBatch
from src.core.progress import Silent
from src.core.settings import Settings
from src.ingestion.layout import Hints
from src.store import Store
from src.workflows.earlier_readings import contents_of
from src.workflows.ingest import ingest, load_files
from src.workflows.load_summary import LoadSummary
from src.workflows.withdraw import withdraw

ORDERS = "order_no;client;sku;name;quantity;date\n" + "".join(
    f"{1000 + at};c{at % 7};s{at % 5};Thing {at % 5};{1 + at % 2};2024-03-{1 + at % 28:02d}\n" for at in range(40)
)
BY_ORDER, BY_NAME = Hints(columns={"user": "order_no"}), Hints(columns={"product": "name"})
CATALOGUE = "sku,title\ns0,Lamp\ns1,Chair\nextra,Table\n"

Load = Callable[..., LoadSummary]


@pytest.fixture
def load(settings: Settings, store: Store, tmp_path: Path) -> Load:
    """Loads a text as a file."""

    def load(content: str, hints: Hints | None = None, name: str = "orders.csv") -> LoadSummary:
        (tmp_path / name).write_text(content, encoding="utf-8")
        return ingest(settings, store, tmp_path / name, Silent(), hints)

    return load


def _stored(store: Store) -> set[tuple[str, str, str, float]]:
    return {
        row
        for batch in store.events.read(as_recorded=True)
        for row in zip(batch.user_id, batch.product_id, batch.kind, batch.value.tolist(), strict=True)
    }


def test_another_reading_stores_what_it_would_in_an_empty_store(load: Load, store: Store) -> None:
    load(ORDERS, BY_ORDER)
    assert {user for user, *_ in _stored(store)} == {str(1000 + at) for at in range(40)}
    summary = load(ORDERS)
    assert {user for user, *_ in _stored(store)} == {f"c{at}" for at in range(7)}
    assert sum(len(batch) for batch in store.events.read()) == 40
    assert any("40 events of it are taken back" in note for note in summary.table.layout.notes)


def test_the_same_reading_of_a_copy_changes_nothing(load: Load, store: Store) -> None:
    load(ORDERS)
    changed, before = store.events.changed_at(), _stored(store)
    summary = load(ORDERS, name="copy of orders.csv")
    assert (store.events.changed_at(), _stored(store), summary.load.n_stored) == (changed, before, 0)


def test_events_of_other_files_and_events_that_were_sent_meanwhile_stay(load: Load, store: Store) -> None:
    load("user,product,rating\nann,s1,4\n", name="ratings.csv")
    first = load(ORDERS, BY_ORDER).load.first_seq
    at = first // 1_000_000 + 5
    sent = EventBatch(
        ["bob", "eve", "joe"],
        ["s1", "s2", "s3"],
        ["view", "view", "rating"],
        np.array([1.0, 1.0, 5.0]),
        np.array([at, at, at]),
        ["id:7", "once:8", ""],
        np.array([first + 3, first + 4, first + 5]),
    )
    store.events.add(sent)
    load(ORDERS)
    assert {user for user, *_ in _stored(store)} == {"ann", "bob", "eve", "joe", *(f"c{at}" for at in range(7))}


def test_both_readings_are_kept_on_request(load: Load, store: Store) -> None:
    load(ORDERS, BY_ORDER)
    load(ORDERS, Hints(keep_earlier=True))
    assert sum(len(batch) for batch in store.events.read()) == 80


def test_purchases_get_back_what_returns_of_a_wrong_reading_took(load: Load, store: Store) -> None:
    load("user,product,quantity,date\nann,lamp,3,2024-01-01\nann,chair,2,2024-01-01\n", name="till.csv")
    header = "user,product,kind,value,time\n"
    wrong = header + "ann,lamp,return,3,2024-02-01\nann,chair,return,1,2024-02-01\nbob,lamp,purchase,1,2024-02-01\n"
    load(wrong)
    assert {(event.product_id, event.value) for event in store.events.history("ann")} == {("chair", 1.0)}
    load(wrong, Hints(columns={"product": "kind", "kind": ""}))
    assert ("lamp", 3.0) in {(event.product_id, event.value) for event in store.events.history("ann")}
    assert ("chair", 2.0) in {(event.product_id, event.value) for event in store.events.history("ann")}


def test_products_that_nothing_else_names_are_forgotten(load: Load, store: Store) -> None:
    load(ORDERS, BY_NAME)
    withdraw(store, ["Thing 1"], withdrawn=True)
    load(ORDERS)
    names = [f"Thing {at}" for at in range(5)]
    assert set(store.products.get([*names, "s0"])) == {"Thing 1", "s0"}


def test_described_products_stay_where_a_catalogue_may_know_them(load: Load, store: Store) -> None:
    load(CATALOGUE, name="products.csv")
    load(ORDERS)
    load(ORDERS, BY_NAME)
    assert set(store.products.get(["s0", "s1", "extra"])) == {"s0", "s1", "extra"}


def test_the_other_reading_is_not_checked_against_the_wrong_one(load: Load) -> None:
    load(ORDERS, BY_NAME)
    assert all(check.passed for check in load(ORDERS).checks)


def test_two_files_that_are_joined_replace_what_one_of_them_stored_alone(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    lines, orders = tmp_path / "lines.csv", tmp_path / "heads.csv"
    lines.write_text(
        "order_id,sku,quantity\n" + "".join(f"{at // 2},s{at % 5},1\n" for at in range(60)), encoding="utf-8"
    )
    orders.write_text(
        "order_id,customer,date\n" + "".join(f"{at},c{at % 7},2024-03-{1 + at % 28:02d}\n" for at in range(30)),
        encoding="utf-8",
    )
    alone = Hints(layout="purchases", columns={"user": "order_id", "product": "sku"})
    ingest(settings, store, lines, Silent(), alone)
    assert {user for user, *_ in _stored(store)} == {str(at) for at in range(30)}
    list(load_files(settings, store, [lines, orders], Silent()))
    assert {user for user, *_ in _stored(store)} == {f"c{at}" for at in range(7)}


def test_a_load_that_was_killed_after_taking_back_is_repeated(
    load: Load, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(ORDERS, BY_ORDER)

    def killed(*_args: object, **_kwargs: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store.events, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            load(ORDERS)
    load(ORDERS)
    assert {user for user, *_ in _stored(store)} == {f"c{at}" for at in range(7)}
    assert sum(len(batch) for batch in store.events.read()) == 40


def test_a_folder_of_parts_has_no_contents(tmp_path: Path) -> None:
    assert contents_of(tmp_path) == contents_of(tmp_path / "none") == ()
