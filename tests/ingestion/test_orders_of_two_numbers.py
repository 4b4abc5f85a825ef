"""Orders whose number is that of a shop or a till are joined with its name, or not at all."""

from __future__ import annotations

from pathlib import Path

from src.ingestion.joined_files import find_pair, why_not_joined
from src.ingestion.layout import Hints
from src.ingestion.layout_detection import open_table
from tests.ingestion.reading import read, table


def write(folder: Path, orders: str, lines: str) -> tuple[Path, Path]:
    (folder / "orders.csv").write_text(orders)
    (folder / "lines.csv").write_text(lines)
    return folder / "lines.csv", folder / "orders.csv"


def test_a_number_that_two_shops_give_is_joined_with_the_shop(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        table("Filiale;Bonnr;Datum;Kunde", lambda at: f"F{at % 2};{1000 + at // 2};0{1 + at % 9}.03.2022;K{at % 9}"),
        table("Filiale;Bonnr;Artikel;Menge", lambda at: f"F{at // 2 % 2};{1000 + at // 4};A{at % 7};1", n=80),
    )
    pair = find_pair(paths, Hints())
    assert pair is not None
    assert pair.key == "Filiale and Bonnr"
    joined = read(pair.write(tmp_path))
    assert joined.users == [f"K{at // 2 % 9}" for at in range(80)]
    layout = joined.table.layout
    assert layout.names[layout.columns["invoice"]] == "Bonnr"


def test_orders_that_nothing_tells_apart_are_not_joined_and_why_is_said(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        table("Bonnr;Datum;Kunde", lambda at: f"{1000 + at // 2};0{1 + at % 9}.03.2022;K{at % 9}"),
        table("Bonnr;Artikel;Menge", lambda at: f"{1000 + at // 4};A{at % 7};1", n=80),
    )
    assert find_pair(paths, Hints()) is None
    for path in paths:
        assert "'1000' of 'Bonnr' has several customers" in why_not_joined(path, paths, Hints())


def test_an_order_that_is_told_twice_by_one_customer_is_joined_by_its_number(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        table("Bonnr;Datum;Kunde", lambda at: f"{1000 + at // 2};0{1 + at // 2 % 9}.03.2022;K{at // 2 % 9}"),
        table("Bonnr;Artikel;Menge", lambda at: f"{1000 + at // 4};A{at % 7};1", n=80),
    )
    pair = find_pair(paths, Hints())
    assert pair is not None
    assert open_table(pair.write(tmp_path)).layout.name == "purchases"
