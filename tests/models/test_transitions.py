"""Transitions know what follows what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import EventBatch, FloatArray
from src.interactions.interactions import TrainingData, training_data
from src.models import transitions
from src.models.transitions import TransitionsParams, train

PLAIN = TransitionsParams(distance_exponent=1, backward=0.25, input_exponent=0, output_exponent=0)


def data_of(*rows: tuple[str, str, int], kinds: Sequence[str] = ()) -> TrainingData:
    """Events (user, product, minute), purchases if no kinds are given."""
    users, items, minutes = (list(column) for column in zip(*rows, strict=True))
    at = np.array(minutes, np.int64) * 60
    return training_data([EventBatch(users, items, list(kinds) or ["purchase"] * len(rows), np.ones(len(rows)), at)])


def support(data: TrainingData, params: TransitionsParams = PLAIN) -> dict[str, float]:
    """ "ab" → how much product a supports product b."""
    matrix: FloatArray = train(data, params, seed=1).matrix.toarray()
    ids = data.items.ids_of(range(len(data.items)))
    return {f"{a}{b}": float(matrix[i, j]) for i, a in enumerate(ids) for j, b in enumerate(ids) if matrix[i, j]}


def test_a_product_counts_by_the_minutes_after_another_one_and_less_if_it_came_before() -> None:
    found = support(data_of(("u", "a", 1), ("u", "b", 2), ("u", "c", 5)))
    assert found == pytest.approx({"ab": 1 / 2, "bc": 1 / 4, "ac": 1 / 5, "ba": 1 / 8, "cb": 1 / 16, "ca": 1 / 20})


def test_events_of_all_kinds_with_a_weight_count_the_same() -> None:
    data = data_of(("u", "a", 1), ("u", "b", 1), ("u", "c", 1), kinds=("view", "purchase", "return"))
    assert support(data) == {"ab": 1.0, "ba": 1.0}


def test_products_of_one_order_support_each_other_fully() -> None:
    assert support(data_of(("u", "b", 1), ("u", "a", 1))) == pytest.approx({"ab": 1.0, "ba": 1.0})


def test_events_of_different_users_make_no_transition_and_a_product_none_to_itself() -> None:
    assert support(data_of(("u", "a", 1), ("u", "a", 2), ("v", "b", 3))) == {}


def test_transitions_of_several_users_add_up() -> None:
    rows = [(user, product, day) for user in "uvw" for day, product in enumerate("ab")]
    assert support(data_of(*rows))["ab"] == pytest.approx(3 / 2)


def test_an_old_transition_counts_less_with_a_half_life() -> None:
    rows = [("u", "a", 0), ("u", "b", 10), ("v", "a", 30 * 1_440), ("v", "c", 30 * 1_440 + 10)]
    fading = support(data_of(*rows), replace(PLAIN, half_life_days=10.0))
    assert fading["ab"] == pytest.approx(fading["ac"] / 8)


def test_of_very_many_events_each_is_paired_with_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_of(*[("u", product, day) for day, product in enumerate("abcdef")])
    assert "ad" in support(data)
    monkeypatch.setattr(transitions, "_MOST_PAIRS", 2 * len(data))
    assert {"ab", "ac"} < support(data).keys()
    assert "ad" not in support(data)


def test_popular_products_are_divided_by_a_power_of_their_degree() -> None:
    rows = [("u", "a", 1), ("u", "b", 2), *((f"v{n}", "b", 3) for n in range(7))]
    found = support(data_of(*rows), replace(PLAIN, output_exponent=-0.5))
    assert found["ab"] == pytest.approx(0.5 / 8**0.5)
