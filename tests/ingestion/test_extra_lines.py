"""Bags, wrappings, gifts of money and free amounts are said aloud, where titles and cells tell, and can be left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from src.ingestion.given_words import parse_words
from src.ingestion.layout import Hints, parse_columns
from src.ingestion.no_products import may_be_extra
from tests.ingestion.reading import kinds, notes, read, table

TITLES = ("Red Mug", "Green Tea", "Honey", "Candle", "Soap")


def orders(extra: tuple[str, str, Callable[[int], str]], every: int = 2, alone: bool = False) -> str:
    """Return orders of three lines, of which the last is an extra in one of so many orders."""

    def row(at: int) -> str:
        order, line = divmod(at, 3)
        article = (order * 5 + line) % 5
        id_, title, price = f"A{article}", TITLES[article], f"{3 + article * 2}.50"
        if line == 2 and order % every == 0:
            id_, title, price = extra[0], extra[1], extra[2](order)
            order += 10_000 if alone else 0
        return f"R{order},2022-03-{1 + order % 28:02d},C{order % 11},{id_},{title},1,{price}"

    return table("receipt,date,customer,sku,description,qty,price", row, n=120)


@pytest.mark.parametrize(
    "extra",
    [
        ("9001", "Carrier bag", lambda _: "0.10"),
        ("9001", "Tragetasche groß", lambda _: "0.20"),
        ("G77", "Geschenkverpackung", lambda _: "2.50"),
        ("D1", "Donation to the animal shelter", lambda order: f"{1 + order % 9}.00"),
        ("Z1", "Diverses", lambda order: f"{1 + order % 17}.30"),
    ],
)
def test_what_orders_have_besides_products_is_said_with_advice_that_works(
    extra: tuple[str, str, Callable[[int], str]], tmp_path: Path
) -> None:
    (path := tmp_path / "file.csv").write_text(orders(extra), encoding="utf-8")
    found = read(path)
    options = f"--columns product=sku,line_kind=sku --words {extra[0]}=none"
    assert kinds(found) == {"purchase": 120}
    assert sum(note.startswith(f"WARNING: {extra[0]!r}") and options in note for note in found.table.layout.notes) == 1
    hints = Hints(columns=parse_columns("product=sku,line_kind=sku"), words=parse_words(f"{extra[0]}=none"))
    assert kinds(read(path, hints)) == {"purchase": 100}


def test_a_shop_that_sells_bags_is_not_warned(tmp_path: Path) -> None:
    (path := tmp_path / "file.csv").write_text(orders(("T1", "Tote bag", lambda _: "49.00"), alone=True))
    assert "'T1'" not in notes(read(path))


def test_several_articles_whose_prices_change_are_no_free_amounts(tmp_path: Path) -> None:
    text = orders(("Z1", "Cheese by weight", lambda order: f"{1 + order % 17}.30"))
    lines = [f"{line[:-3]}.{at % 90 + 10}" if ",A2," in line else line for at, line in enumerate(text.splitlines())]
    (path := tmp_path / "file.csv").write_text("\n".join(lines) + "\n")
    assert "free amount" not in notes(read(path))


def test_titles_of_bags_wrappings_and_gifts_are_told_from_other_titles() -> None:
    extras = (
        "Papiertragetasche",
        "carrier bag 10p",
        "gift wrapping",
        "Spende Tierheim",
        "bolsa de papel",
        "Livraison Vélo Nantes",
    )
    others = ("Leather bag brown", "Geschenkbox Tee", "Handtasche", "Wrap dress", "Tea", "Gift box with free delivery")
    assert [may_be_extra(title) for title in extras] == [True] * len(extras)
    assert [may_be_extra(title) for title in others] == [False] * len(others)
