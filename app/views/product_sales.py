"""The sales of a product over the last days."""

from __future__ import annotations

from dataclasses import dataclass

from app.texts.phrases import Phrases
from app.views.svg_charts import Columns, columns
from src.exploration.shop_directory import SALES_DAYS, ShopDirectory


@dataclass(frozen=True)
class ProductSales:
    """Sales of a product: how many in all, and by day."""

    sold: int
    returned: int
    chart: Columns


def sales_of(directory: ShopDirectory, product_id: str, t: Phrases) -> ProductSales:
    """Return the sales of a product in the last SALES_DAYS days, net of returns, and what was returned."""
    sold = directory.sales_of(product_id)
    days = range(directory.newest_day - SALES_DAYS + 1, directory.newest_day + 1)
    # Noon, so that no time zone makes another day of it.
    counts = {t.day_of(day): round(sold.get(day, 0.0)) for day in days}
    return ProductSales(round(sum(sold.values())), round(directory.returned_of(product_id)), columns(counts))
