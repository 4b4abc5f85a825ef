"""Know files that write sales as the stock sees them: what is sold goes out, below zero. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from src.core.domain import EventKind
from src.ingestion.column_names import KIND, QUANTITY, number_of
from src.ingestion.given_words import Words
from src.ingestion.layout import EVENTS, Layout

_MOST = 0.9
_FEWEST = 3  # sales from which their signs say something


def sells_below_zero(layout: Layout, texts: Mapping[str, Sequence[str]], words: Words) -> bool:
    """Return whether nearly all sales of a log have a quantity below zero, as movements of a stock have.

    Args:
        layout: What the rows mean.
        texts: Role → cells of the first rows.
        words: What words mean in this file.
    """
    if layout.name != EVENTS or QUANTITY not in texts:
        return False
    pairs = zip(texts[KIND], texts[QUANTITY], strict=True)
    found = [number_of(text) for kind, text in pairs if words.kind(kind) == EventKind.PURCHASE.value]
    sold = [number for number in found if number is not None]
    return len(sold) >= _FEWEST and sum(number < 0 for number in sold) >= _MOST * len(sold)


def stock_note(layout: Layout) -> str:
    """Return what is said of such a file, for people.

    Args:
        layout: What the rows mean.
    """
    return (
        f"sales are below zero in {layout.name_of(layout.columns[QUANTITY])!r}, as what leaves a stock: their amounts "
        "count without the sign; if each row counts once: --columns quantity="
    )
