"""A load puts products into groups: by its columns, by their parents, or by their titles, which it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from src.core.progress import Silent
from src.core.settings import Settings
from src.store import open_store
from src.workflows.ingest import ingest

MAGENTO = (
    "sku,store_view_code,product_type,name,visibility,price,qty,is_in_stock,configurable_variations\n"
    'H-XS,,simple,Chaz Hoodie-XS-Black,"Not Visible Individually",52.0,100,1,\n'
    'H,,configurable,Chaz Hoodie,"Catalog, Search",52.0,0,1,"sku=H-XS,size=XS,color=Black|sku=H-M,size=M,color=Gray"\n'
    'H-M,,simple,Chaz Hoodie-M-Gray,"Not Visible Individually",52.0,3,1,\n'
    'OFF,,simple,Off Hoodie,"Catalog, Search",40.0,4,1,\n'
)
SHIRTS = "id,title,price\n1,Linen Shirt - Red / S,20\n2,Linen Shirt - Blue / M,20\n3,Kettle,30\n"


def load(folder: Path, text: str, name: str = "products.csv", **settings: object) -> tuple[dict[str, str | None], str]:
    """Return id → group, guesses in brackets, and what the load says."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    read = Settings(var=folder / "var", **settings)  # type: ignore[arg-type]
    store = open_store(read.store_url)
    try:
        said = "\n".join(ingest(read, store, path, Silent()).lines())
        products = [product for page in store.products.read() for product in page]
    finally:
        store.close()
    return {
        each.product_id: each.group_id or (f"({each.guessed_group})" if each.guessed_group else None)
        for each in products
    }, said


def test_the_variants_that_a_configurable_product_names_are_of_its_group_and_it_too(tmp_path: Path) -> None:
    groups, said = load(tmp_path, MAGENTO)
    assert groups == {"H": "H", "H-XS": "H", "H-M": "H", "OFF": None}
    assert "variants = configurable_variations" in said
    assert "guessed" not in said


def test_a_variant_that_is_named_and_not_in_the_file_is_not_made_up(tmp_path: Path) -> None:
    groups, _ = load(tmp_path, MAGENTO.replace("H-M,,simple", "ELSE,,simple"))
    assert groups == {"H": "H", "H-XS": "H", "ELSE": None, "OFF": None}


def test_a_parent_is_of_the_group_of_its_children(tmp_path: Path) -> None:
    groups, _ = load(tmp_path, "SKU,Name,Parent\nhood,Hoodie,\nhood-r,Hoodie - Red,hood\nhood-b,Hoodie - Blue,hood\n")
    assert groups == {"hood": "hood", "hood-r": "hood", "hood-b": "hood"}
    later, _ = load(tmp_path, "SKU,Name,Parent\ncap-r,Cap - Red,cap\n", "more.csv")
    assert later["cap-r"] == "cap"
    last, _ = load(tmp_path, "SKU,Name\ncap,Cap\n", "last.csv")
    assert last["cap"] == "cap", "the parent may come in a later file"


def _variants(name: str, titles: Sequence[str]) -> str:
    """Return a catalogue of which each third row is a parent, and only these have a title and a price."""
    rows = [
        f"H{at // 3}{f'-{at}' if at % 3 else ''},{f'H{at // 3}' if at % 3 else ''},{'' if at % 3 else titles[at // 3]},"
        f"{'' if at % 3 else '9.50'}\n"
        for at in range(3 * len(titles))
    ]
    return f"sku,parent_sku,{name},price\n{''.join(rows)}"


def test_variants_take_the_title_of_their_parents_from_a_column_that_only_looks_like_one(tmp_path: Path) -> None:
    _, said = load(tmp_path, _variants("l10n.XYZ.label", ["Red mat", "Tin cup", "Wool hat", "Oak box"]))
    assert "title = l10n.XYZ.label" in said
    assert "8 × variant whose row lacks a title took that of its parent" in said
    assert "8 × variant whose row lacks a price took that of its parent" in said
    assert "WARNING" not in said


def test_a_catalogue_without_titles_is_said_aloud_with_the_column_that_has_them(tmp_path: Path) -> None:
    text = _variants("l10n.XYZ.name", ["Mat", "Cup", "Hat", "Box"])
    _, said = load(tmp_path, text)
    assert "a title took" not in said
    assert "WARNING: 100 % of 12 products have no title: if 'l10n.XYZ.name' has it: --columns title=" in said
    _, said = load(tmp_path, text.replace("l10n.XYZ.name", "title"), "again.csv")
    assert "have no title" not in said
    _, said = load(tmp_path, "sku,parent_sku,price,stock\nH0,,8.50,3\nH1,,8.50,4\n", "stock.csv")
    assert "have no title" not in said, "the store has them"


def test_a_guess_is_said_with_its_reason_and_with_a_way_out(tmp_path: Path) -> None:
    groups, said = load(tmp_path, SHIRTS)
    assert groups["1"] == groups["2"] is not None
    assert groups["3"] is None
    assert (
        "2 are taken for variants of 1 thing, guessed from titles that differ by colour and size only, such as "
        "'Linen Shirt - Red / S' and 'Linen Shirt - Blue / M'"
    ) in said
    given, said = load(tmp_path, SHIRTS.replace("price", "item_group_id"), "given.csv")
    assert given == {"1": "20", "2": "20", "3": "30"}
    assert "guessed" not in said


def test_guesses_end_with_the_setting_that_the_load_names(tmp_path: Path) -> None:
    _, said = load(tmp_path, SHIRTS)
    assert "AISLE_GUESS_GROUPS=off" in said
    groups, said = load(tmp_path, SHIRTS, guess_groups="off")
    assert groups == {"1": None, "2": None, "3": None}
    assert "guessed" not in said


def test_a_variant_of_a_later_file_joins(tmp_path: Path) -> None:
    load(tmp_path, "id,title\n1,Linen Shirt - Red / S\n")
    groups, _ = load(tmp_path, "id,title\n2,Linen Shirt - Blue / M\n", "more.csv")
    assert groups["1"] == groups["2"] is not None


@pytest.mark.parametrize("cell", ["sku=|", "size=S", "a=b|c=d", "|||", "sku=\u0000"])
def test_a_cell_that_names_no_variant_is_none(tmp_path: Path, cell: str) -> None:
    groups, _ = load(tmp_path, MAGENTO.replace('"sku=H-XS,size=XS,color=Black|sku=H-M,size=M,color=Gray"', f'"{cell}"'))
    assert groups["H"] == groups["H-XS"] or groups["H"] is None
