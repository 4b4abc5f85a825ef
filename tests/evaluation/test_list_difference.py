"""Two lists are compared product by product, and their orders by rank-biased overlap."""

from __future__ import annotations

from itertools import permutations

import pytest

from src.evaluation.list_difference import changes, overlap, rank_biased_overlap


def by_definition(one: str, other: str, p: float, depth: int) -> float:
    """Rank-biased overlap by its definition, of lists that go on so far: (1 - p) Σ p^(d-1) A_d (equation 4)."""
    return (1 - p) * sum(p ** (d - 1) * len(set(one[:d]) & set(other[:d])) / d for d in range(1, depth + 1))


def test_every_product_of_both_lists_is_told_once() -> None:
    found = changes(["a", "b", "c"], ["c", "b", "d"])
    assert [tuple(each) for each in found] == [
        ("c", "moved", 3, 1),
        ("b", "stayed", 2, 2),
        ("d", "came", None, 3),
        ("a", "went", 1, None),
    ]


def test_overlap_is_the_share_in_common_of_the_first_places() -> None:
    assert overlap("abc", "cab", 3) == 1
    assert overlap("abc", "abd", 2) == 1
    assert overlap("abcd", "efgh", 4) == 0
    assert overlap("ab", "abcd", 4) == 1, "no more than the shorter list has can be in common"
    assert (overlap("", "", 3), overlap("", "a", 3)) == (1, 0)


def test_rank_biased_overlap_is_one_for_equal_lists_zero_for_different_ones_and_symmetric() -> None:
    assert rank_biased_overlap("abcdef", "abcdef") == pytest.approx(1)
    assert rank_biased_overlap("abc", "xyz") == 0
    for other in map("".join, permutations("abc")):
        assert rank_biased_overlap("abcd", other) == pytest.approx(rank_biased_overlap(other, "abcd"))
    assert rank_biased_overlap("abc", "acb") > rank_biased_overlap("abc", "cba"), "the first place weighs most"
    assert (rank_biased_overlap("", ""), rank_biased_overlap("", "a")) == (1, 0)


def test_rank_biased_overlap_extrapolates_the_definition() -> None:
    """Where both lists go on with equal products at equal places, the sum of the definition comes to the same."""
    tail = "".join(map(chr, range(1_000, 1_400)))
    longer = by_definition("abcd" + tail, "bacd" + tail, 0.9, 400)
    assert rank_biased_overlap("abcd", "bacd", 0.9) == pytest.approx(longer, abs=1e-6)
