"""Find products in links: ".../products/red-mug?utm_source=mail" is the product "red-mug". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from src.ingestion.column_names import IMAGE, PRODUCT, USER, columns_option, role_of_name
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.parsing import as_texts

_FOLDERS = """
    product products produkt produkte produkter produkty produit produits producto productos produto produtos prodotto
    prodotti artikel article articles articulo articulos item items p dp pd goods tuote tuotteet termek urun urunler
    produs proizvod izdelek vare varer tovar toode prekes
"""
_IN_LINK = re.compile(
    rf"(?:^|/)(?:{'|'.join(_FOLDERS.split())})/(?:[^/?#]+/)*?([^/?#]+?)(?:\.html?|\.php|\.aspx?)?/?(?:[?#].*)?$", re.I
)
_FEWEST, _LEAST = 3, 0.05
_LONGEST = 2_000  # characters of a link


@dataclass(frozen=True)
class UrlProducts:
    """Links that become products; rows whose link leads to none are left out.

    Attributes:
        at: Position of the links.
        n_without: How many of the first rows have no product in their link.
        n_rows: How many rows these are.
    """

    at: int
    n_without: int
    n_rows: int

    @property
    def n_made(self) -> int:
        """How many columns it makes, which stand at the right."""
        return 1

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the columns of the new rows."""
        return [*names, PRODUCT]

    def rows_of(self, row: Sequence[object]) -> Iterator[list[object]]:
        """Yield the row with its product, or nothing."""
        if (product := product_in(as_texts([row[self.at]])[0])) is not None:
            yield [*row, product]

    def note(self, names: Sequence[str]) -> str:
        """Return what is said of it, for people."""
        return (
            f"the product is what stands in the link {names[self.at]!r} after /products/ or the like; rows with "
            f"another link or none are left out: {self.n_without} of the first {self.n_rows}; to take whole links: "
            f"{columns_option({PRODUCT: self.at}, names)}"
        )


def product_in(link: str) -> str | None:
    """Return the product that a link leads to.

    Args:
        link: With or without its host, its query and the language.

    Returns:
        What stands last after /products/ or a word like it; None for other pages.
    """
    found = _IN_LINK.search(link.strip()[:_LONGEST])
    return unquote(found[1]) if found else None


def find_url_products(profiles: Sequence[ColumnProfile], sample: Sequence[Sequence[str]]) -> UrlProducts | None:
    """Find the column of links that lead to products, where no column is called after products.

    Args:
        profiles: One a column.
        sample: The first rows.

    Returns:
        How its rows become products; None where there is none, or no column names users.
    """
    roles = {role_of_name(profile.name) for profile in profiles if profile.urls < 0.5}
    if PRODUCT in roles or USER not in roles:
        return None
    for at, profile in enumerate(profiles):
        if len(profile.cells) < MANY or profile.urls < 0.9 or role_of_name(profile.name) == IMAGE:
            continue
        found = [product for cell in profile.cells if (product := product_in(cell)) is not None]
        if len(set(found)) >= _FEWEST and len(set(found)) < len(found) and len(found) >= _LEAST * len(profile.cells):
            return UrlProducts(at, len(sample) - len(found), len(sample))
    return None
