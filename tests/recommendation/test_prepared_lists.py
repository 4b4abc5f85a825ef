"""A list that was made in advance is the list that would be made."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import BoolArray, Event, EventKind, FloatArray, IntArray, Query, Rules
from src.core.progress import Silent
from src.core.settings import Settings
from src.recommendation import prepared_lists
from src.recommendation.pipeline import Pipeline
from src.recommendation.prepared_lists import LENGTH, PreparedLists, fingerprint_of, prepare_lists
from src.releases.registry import Registry
from src.store import Store
from src.workflows.fit import stored_data


@pytest.fixture
def made(trained_settings: Settings) -> Pipeline:
    """The pipeline of a release without prepared lists."""
    pipeline = Registry(trained_settings.releases_dir).active().pipeline
    # Ratings of a different weight are different histories.
    return replace(pipeline, prepared=None, weighting=replace(pipeline.weighting, lowest_rating=0.5))


@pytest.fixture
def prepared(made: Pipeline, trained_store: Store, tmp_path: Path) -> Pipeline:
    """The same with the lists of all histories of the store, read from disk."""
    lists = prepare_lists(made, stored_data(trained_store, Silent()), 600, Silent())
    assert lists is not None
    lists.save(tmp_path / "prepared")
    return replace(made, prepared=PreparedLists.load(tmp_path / "prepared"))


def test_lists_of_random_users_are_those_that_would_be_made(
    made: Pipeline, prepared: Pipeline, trained_store: Store
) -> None:
    draw = random.Random(7)
    histories = {user: tuple(trained_store.events.history(user)) for user in trained_store.events.user_ids("", 100)}
    found = 0
    for user, history in [*histories.items(), ("nobody", ())]:
        shuffled = tuple(draw.sample(history, len(history)))
        for query in (
            Query(user, history, n=draw.randint(1, LENGTH)),
            Query(None, shuffled, n=LENGTH),
            Query(user, (*history, Event(user, draw.choice(made.items.ids_of([0, 1, 2])), EventKind.VIEW))),
            Query(user, history, n=5, explain=True),
            Query(user, history, n=5, rules=Rules(seen=frozenset())),
            Query(user, history, n=5, exclude=frozenset(made.items.ids_of([draw.randrange(9)]))),
        ):
            found += prepared.prepared_list(query) is not None
            assert prepared.recommend(query) == made.recommend(query)
    assert found >= 2 * len(histories)


@pytest.mark.parametrize(
    "change",
    [
        lambda history: history[1:],
        lambda history: (*history, replace(history[0], product_id="P00001", kind=EventKind.CART)),
        lambda history: (replace(history[0], kind=EventKind.RATING, value=0.25), *history[1:]),
        lambda history: (*history, history[0]),
    ],
)
def test_another_history_has_no_prepared_list(
    prepared: Pipeline, trained_store: Store, change: Callable[[tuple[Event, ...]], tuple[Event, ...]]
) -> None:
    user = next(user for user in trained_store.events.user_ids("", 100) if len(trained_store.events.history(user)) > 3)
    history = tuple(trained_store.events.history(user))
    assert prepared.prepared_list(Query(user, history)) is not None
    assert prepared.prepared_list(Query(user, change(history))) is None


def test_a_withdrawn_product_is_on_no_list(made: Pipeline, prepared: Pipeline) -> None:
    first = prepared.recommend(Query(None, n=3))[0].product_id
    without = prepared.without([first])
    assert without.recommend(Query(None, n=3)) == made.without([first]).recommend(Query(None, n=3))
    assert without.prepared_list(Query(None, n=3)) is None
    rest = [place.product_id for place in prepared.recommend(Query(None, n=LENGTH))][3:]
    assert prepared.without(rest).prepared_list(Query(None, n=3)) == made.without(rest).recommend(Query(None, n=3))


def test_where_the_age_of_events_shapes_lists_it_tells_histories_apart(made: Pipeline, trained_store: Store) -> None:
    fading = replace(made, weighting=replace(made.weighting, half_life_days=30))
    lists = prepare_lists(fading, stored_data(trained_store, Silent()), 600, Silent())
    assert lists is not None
    prepared = replace(fading, prepared=lists)
    for user in trained_store.events.user_ids("", 100):
        history = tuple(trained_store.events.history(user))
        assert prepared.prepared_list(Query(user, history)) == fading.recommend(Query(user, history))
        later = tuple(replace(event, at=event.at + 86_400) for event in history if event.at is not None)
        assert prepared.prepared_list(Query(user, later)) == fading.recommend(Query(user, later))
        apart = (replace(history[0], at=(history[-1].at or 0) + 86_400), *history[1:])
        assert prepared.prepared_list(Query(user, apart)) is None


def test_kinds_of_equal_weight_share_lists(made: Pipeline) -> None:
    """A purchase and a rating say the same of a product, and both mean that it was seen; a view does not."""
    weighting = replace(made.weighting, lowest_rating=1.0)
    kinds = (EventKind.PURCHASE, EventKind.RATING, EventKind.VIEW)
    bought, rated, viewed = (Event("", "P00001", kind, 2.0) for kind in kinds)
    assert fingerprint_of([bought], weighting) == fingerprint_of([rated], weighting)
    assert fingerprint_of([bought], weighting) != fingerprint_of([viewed], weighting)
    unseen = replace(weighting, kinds=weighting.kinds | {"view": weighting.kinds["purchase"]})
    assert fingerprint_of([bought], unseen) != fingerprint_of([viewed], unseen)


def test_where_a_model_knows_users_the_history_does_not_say_the_list(prepared: Pipeline) -> None:
    assert prepared.prepared_list(Query("U00003")) is not None
    assert replace(prepared, default="svd").prepared_list(Query("U00003")) is None


def test_without_time_no_list_is_prepared(made: Pipeline, trained_store: Store) -> None:
    assert prepare_lists(made, stored_data(trained_store, Silent()), 0, Silent()) is None


def test_no_more_lists_are_begun_than_the_time_allows(
    made: Pipeline, trained_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round takes 4 s: after two of them a third one would end after 10 s."""
    seconds = iter(range(0, 1_000, 4))
    now = [0]

    def in_blocks(users: IntArray) -> tuple[IntArray, FloatArray, BoolArray, str]:
        now[0] = next(seconds) + 4
        shape = (len(users), LENGTH)
        return np.zeros(shape, np.int32), np.zeros(shape, np.float32), np.ones(len(users), np.bool_), "blend"

    monkeypatch.setattr(prepared_lists.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(prepared_lists, "_AT_ONCE_IN_BLOCKS", 5)
    lists = prepare_lists(made, stored_data(trained_store, Silent()), 10, Silent(), in_blocks)
    assert lists is not None
    assert len(lists) == 10
