"""Format shares as percentages for people."""

from __future__ import annotations

import numpy as np


def percent(share: float) -> str:
    """Return a share with three significant figures: 0.1214 becomes "12.1 %"."""
    return f"{np.format_float_positional(100 * share, precision=3, fractional=False, trim='-')} %"


def share_of(part: float, whole: float = 1.0) -> str:
    """Return a part of a whole in percent with one decimal, so that points align in a column.

    Args:
        part: The part.
        whole: The whole.

    Returns:
        The percentage, "< 0.1 %" for a small one above 0, "–" if the whole is 0.
    """
    if not whole:
        return "–"
    share = 100 * part / whole
    return "< 0.1 %" if 0 < share < 0.05 else f"{share:.1f} %"
