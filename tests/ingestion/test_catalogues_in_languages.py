"""Catalogue exports of shop systems in other languages: drafts are not listed, and variants are grouped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import notes, read, table

Write = Callable[..., Path]


@pytest.mark.parametrize(
    "header",
    [
        "SKU,Tipo,Nombre,Publicado,Precio normal,Categorías,Superior",
        "SKU,Tipo,Nome,Pubblicato,Prezzo di listino,Categorie,Genitore",
        "SKU,Type,Naam,Gepubliceerd,Reguliere prijs,Categorieën,Hoofd",
        "SKU,Rodzaj,Nazwa,Opublikowano,Cena regularna,Kategorie,Element nadrzędny",
        "UGS,Type,Nom,Publié,Tarif régulier,Catégories,Parent",
        "SKU,Typ,Name,Veröffentlicht,Regulärer Preis,Kategorien,Übergeordnetes Produkt",
        "SKU,Typ,Namn,Publicerad,Ordinarie pris,Kategorier,Överordnad",
    ],
)
def test_drafts_and_parents_of_a_catalogue_are_known_by_their_words_in_any_language(write: Write, header: str) -> None:
    def row(at: int) -> str:
        parent, size = divmod(at, 4)
        if size == 0:
            return f"LAMP{parent},variable,Lamp {parent},{(-1, 1, 1, 0, 1)[parent % 5]},,Rooms,"
        return f"LAMP{parent}-{size},variation,Lamp {parent} - {size}0 cm,1,{20 + at}.50,,LAMP{parent}"

    found = read(write(table(header, row)))
    assert found.layout == "products"
    assert {each.product_id for each in found.products if each.unlisted} == {"LAMP0", "LAMP3", "LAMP5", "LAMP8"}
    assert {each.product_id: each.group_id for each in found.products if "-" in each.product_id} == {
        f"LAMP{parent}-{size}": f"LAMP{parent}" for parent in range(10) for size in (1, 2, 3)
    }
    assert "=hidden" not in notes(found)
