"""Shares are formatted as percentages."""

from __future__ import annotations

import pytest

from src.core.number_format import percent


@pytest.mark.parametrize(
    ("share", "expected"), [(0, "0 %"), (1, "100 %"), (0.1214, "12.1 %"), (0.62, "62 %"), (0.00012, "0.012 %")]
)
def test_a_share_has_three_significant_figures(share: float, expected: str) -> None:
    assert percent(share) == expected
