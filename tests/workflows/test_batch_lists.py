"""A batch holds the list that every user would be served, and goes on where it was interrupted."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from src.core.domain import Product, Query
from src.core.errors import InputError
from src.core.progress import Silent
from src.models.settings import AllSettings
from src.recommendation.pipeline import Pipeline
from src.releases.registry import Registry
from src.store import Store
from src.workflows import batch_lists, batch_parts
from src.workflows.batch_lists import write_batch_lists
from src.workflows.batch_parts import BatchRequest


def rows_of(file: Path) -> dict[str, dict[str, object]]:
    return {row["user_id"]: row for row in pq.read_table(file).to_pylist()}


def served(pipeline: Pipeline, store: Store, user: str, n: int) -> tuple[list[str], list[float], list[str]]:
    listed = pipeline.recommend(Query(user, tuple(store.events.history(user)), n=n))
    ids, sources = [place.product_id for place in listed], [place.source for place in listed]
    return ids, pytest.approx([place.score for place in listed], rel=1e-5), sources


def test_every_user_gets_the_list_that_is_served(
    trained_settings: AllSettings, trained_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_parts, "_FEWEST_PER_PART", 25)
    file = tmp_path / "lists.parquet"
    gone = Registry(trained_settings.releases_dir).active().pipeline.items.id_of(0)
    trained_store.products.add([Product(gone, withdrawn=True)])
    summary = write_batch_lists(trained_settings, trained_store, BatchRequest(file, n=7), Silent())
    found, release = rows_of(file), Registry(trained_settings.releases_dir).active()
    pipeline = release.pipeline.without([gone])
    assert set(found) == set(trained_store.events.user_ids("", 1_000))
    assert (summary.n_users, summary.n_resumed, summary.release) == (len(found), 0, release.version)
    for user, row in found.items():
        assert (row["product_ids"], row["scores"], row["sources"]) == served(pipeline, trained_store, user, 7)
        assert row["release"] == release.version
    assert not any(gone in row["product_ids"] for row in found.values())  # type: ignore[operator]
    assert [path.name for path in tmp_path.glob("lists*")] == ["lists.parquet"]


def test_a_batch_goes_on_where_it_was_interrupted(
    trained_settings: AllSettings, trained_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_parts, "_FEWEST_PER_PART", 25)
    monkeypatch.setattr(batch_lists.os, "cpu_count", lambda: 1)
    whole, file = tmp_path / "whole.parquet", tmp_path / "lists.parquet"
    write_batch_lists(trained_settings, trained_store, BatchRequest(whole, n=3), Silent())
    original = batch_lists._make_part

    def interrupted(number: int) -> tuple[int, int]:
        if number == 1:
            raise KeyboardInterrupt
        return original(number)

    monkeypatch.setattr(batch_lists, "_make_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_batch_lists(trained_settings, trained_store, BatchRequest(file, n=3), Silent())
    assert not file.exists()
    monkeypatch.setattr(batch_lists, "_make_part", original)
    summary = write_batch_lists(trained_settings, trained_store, BatchRequest(file, n=3), Silent())
    assert summary.n_resumed == 25
    assert rows_of(file) == rows_of(whole)


def test_named_users_get_lists_though_nothing_is_known_of_them(
    trained_settings: AllSettings, trained_store: Store, tmp_path: Path
) -> None:
    known = trained_store.events.user_ids("", 2)
    users, file = tmp_path / "users.txt", tmp_path / "lists.parquet"
    users.write_text(f"{known[1]}\n\nnobody\n{known[1]}\n")
    write_batch_lists(trained_settings, trained_store, BatchRequest(file, 4, users), Silent())
    pipeline = Registry(trained_settings.releases_dir).active().pipeline
    found = rows_of(file)
    assert set(found) == {known[1], "nobody"}
    for user, row in found.items():
        assert row["product_ids"] == served(pipeline, trained_store, user, 4)[0]


@pytest.mark.parametrize(
    ("n", "text", "said"), [(0, "a", "1 or more"), (5, " \n", "names no user"), (5, None, "cannot be")]
)
def test_a_request_that_cannot_be_met_says_what_is_expected(
    trained_settings: AllSettings, trained_store: Store, tmp_path: Path, n: int, text: str | None, said: str
) -> None:
    users = tmp_path / "users.txt"
    if text is not None:
        users.write_text(text)
    with pytest.raises(InputError, match=said):
        write_batch_lists(trained_settings, trained_store, BatchRequest(tmp_path / "x.parquet", n, users), Silent())
