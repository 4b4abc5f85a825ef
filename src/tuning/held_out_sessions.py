"""Held-out visits as they are asked for: with what the visitor did before, in this visit too.

Most visitors of some shops come once. A time that divides all events then leaves the held-out part to people of whom
the training part knows nothing, so that every model but popularity looks useless, while requests carry the events of
the visit. There models learn from what lies before the cut, and each visitor is asked for just before the last find.
"""

from __future__ import annotations

import numpy as np

from src.core.domain import IntArray
from src.core.sorted_sets import distinct, is_in
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split

_FEW = 0.5
"""Share of the held-out visitors with a history in the training part, below which visits are asked for."""


def before_the_last_find(split: Split, pairs: IntArray) -> tuple[TrainingData, IntArray]:
    """Return what is known when each visitor is asked for, and the pairs to find then.

    Args:
        split: the two parts.
        pairs: int64[n], ascending, liked in the test part and absent from the training part, see Interactions.pairs.

    Returns:
        The training part, with the events of the test part before each visitor's last find where the visitors were
        mostly unknown before the cut; int64[m], those of the pairs that were not known by then.
    """
    train, events, n_items = split.train, split.test.events, max(len(split.train.items), 1)
    is_known = np.bincount(train.events.user_idx, minlength=len(train.users)) > 0
    visitors = distinct(pairs // n_items)
    if split.how != "time" or not len(visitors) or is_known[visitors].mean() >= _FEW:
        return train, pairs
    found, of_event = np.unique(events.pairs, return_inverse=True)
    first = np.full(len(found), np.iinfo(np.int64).max)
    np.minimum.at(first, of_event, events.at)
    is_find, user = is_in(found, pairs), found // n_items
    asked_at = np.full(len(train.users), np.iinfo(np.int64).min)
    np.maximum.at(asked_at, user[is_find], first[is_find])
    earlier = np.flatnonzero(events.at < asked_at[events.user_idx])
    return train.joined(split.test.take(earlier)), found[is_find & (first >= asked_at[user])]
