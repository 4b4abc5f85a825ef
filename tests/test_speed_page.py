"""The page about speed shows the committed measurements."""

from __future__ import annotations

from bench.trend import PAGE, page


def test_the_table_is_that_of_the_files() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run python -m bench.trend"
