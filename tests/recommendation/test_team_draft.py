"""Interleaved lists: fair to both arms, without what both name, and within caps and variants."""

from __future__ import annotations

import random
from collections import Counter

from src.core.domain import Recommendation
from src.recommendation.team_draft import DraftedPlace, team_draft


def listed(ids: str) -> list[Recommendation]:
    return [Recommendation(id_, 1.0, "als") for id_ in ids]


def drafted(one: str, other: str, n: int, refused: str = "", seed: int = 0) -> list[DraftedPlace]:
    return team_draft((listed(one), listed(other)), n, lambda id_: id_ not in refused, random.Random(seed))


def test_both_name_as_many_products_and_begin_as_often() -> None:
    first: Counter[int | None] = Counter()
    for seed in range(400):
        places = drafted("abcdef", "uvwxyz", 6, seed=seed)
        assert [each.team for each in places].count(0) == 3
        for team, ids in enumerate(("abc", "uvw")):
            assert [each.place.product_id for each in places if each.team == team] == list(ids)
        first[places[0].team] += 1
    assert min(first.values()) > 150


def test_what_both_would_name_next_is_credited_to_neither() -> None:
    assert {each.team for each in drafted("abcd", "abcd", 4)} == {None}
    places = drafted("abcd", "abdc", 4)
    assert [each.place.product_id for each in places[:2]] == ["a", "b"]
    assert [each.team for each in places[:2]] == [None, None]
    assert {each.team for each in places[2:3]} <= {0, 1}


def test_no_product_stands_twice_and_what_does_not_fit_is_passed_over() -> None:
    for seed in range(50):
        ids = [each.place.product_id for each in drafted("abcde", "badcf", 5, refused="d", seed=seed)]
        assert len(set(ids)) == len(ids) == 5
        assert "d" not in ids
    assert [each.place.product_id for each in drafted("", "ab", 5)] == ["a", "b"]
    assert drafted("a", "a", 3) == [DraftedPlace(listed("a")[0], None)]
