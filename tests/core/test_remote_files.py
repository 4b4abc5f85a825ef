"""What of a URL is said aloud."""

from __future__ import annotations

import pytest

from src.core.remote_files import label_of


@pytest.mark.parametrize(
    ("url", "query", "label"),
    [
        ("postgresql://ann:hush@db/shop?a=b", "SELECT  a\nFROM b", "postgresql://db/shop?query=SELECT a FROM b"),
        ("postgresql://ann:hu/sh@db/shop", "orders", "postgresql://db/shop?query=orders"),
        ("postgresql://ann@db/shop", "orders", "postgresql://db/shop?query=orders"),
        ("s3://bucket/a@b/c.csv?versionId=1", "", "s3://bucket/a@b/c.csv"),
        ("https://host/x?X-Amz-Signature=hush", "", "https://host/x"),
        ("data/orders.csv", "", "data/orders.csv"),
    ],
)  # fmt: skip
def test_a_label_has_neither_user_nor_password_nor_parameters(url: str, query: str, label: str) -> None:
    assert label_of(url, query) == label


def test_long_queries_have_labels_of_their_own() -> None:
    one, other = (label_of("postgresql://db/shop", f"SELECT {'a, ' * 99} {end}") for end in ("b", "c"))
    assert one != other
    assert max(map(len, (one, other))) < 180
