"""The page of list figures holds what the benchmark wrote."""

from __future__ import annotations

from bench.quality_table import page


def test_the_page_has_a_row_for_each_entry_and_each_published_figure() -> None:
    compared = {
        "n_users": {"all users": 9},
        "figures": {"ours": {"all users": 0.25}, "ease": {"all users": 0.2}},
        "best_other": {"all users": "ease"},
        "ahead_percent": {"all users": [25.0, 3.0, 40.0]},
        "beyond_ease": {},
    }
    document = {
        "protocol": "How it was measured.",
        "tuned": {"ours": {"seconds": 1}},
        "published": {"A paper": {"ndcg@20": 0.1234}},
        "new products": {"recall@20": compared, "ndcg@20": compared},
    }
    lines = page({"Some data": document}).splitlines()
    assert "## Some data" in lines
    assert "| ours | 0.2500 | 0.2500 |" in lines
    assert "| published: A paper | – | 0.1234 |" in lines
    assert "| **ahead, %** | +25.0 [+3.0, +40.0] | +25.0 [+3.0, +40.0] |" in lines
