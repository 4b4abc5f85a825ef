"""From a query to a list: retrieve, leave out what must not be there, fill. What is evaluated is what is served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from src.dataset.interactions import Vocabulary
from src.domain import SEEN_KINDS, PredictedRating, Query, Recommendation
from src.errors import NotReady, UnknownName
from src.models import POPULARITY, SVD
from src.models.base import Model, QueryRows

_RECENT = 1_000
"""So many of the newest events shape a list; what was seen before is left out all the same."""


@dataclass(frozen=True)
class Pipeline:
    """Trained models over one pair of vocabularies. default: the model whose list is served unless one is named.

    withdrawn: row numbers of products that are never listed.
    """

    users: Vocabulary
    items: Vocabulary
    models: Mapping[str, Model]
    default: str
    withdrawn: frozenset[int] = frozenset()

    def without(self, product_ids: Iterable[str]) -> Pipeline:
        """The same, but with just these products withdrawn; ids that the release does not know change nothing."""
        return replace(self, withdrawn=frozenset(self._rows_of(product_ids).values()))

    def recommend(self, query: Query) -> list[Recommendation]:
        """At most query.n products, best first, none twice; fewer only when no product is left.

        The wanted model names products first; popularity fills what it leaves open, for instance for a user it
        does not know. Raises UnknownName for a model the release does not hold.
        """
        wanted = query.model or self.default
        if wanted not in self.models:
            raise UnknownName(f"the release holds no model {wanted!r}. Expected one of {', '.join(self.models)}.")
        recent = query.history[-_RECENT:]
        barred_ids = _barred_ids(query)
        row_of = self._rows_of({event.product_id for event in recent} | barred_ids)
        rows = QueryRows(
            user_idx=None if query.user_id is None else self.users.idx_of(query.user_id),
            item_idx=np.array([row_of[e.product_id] for e in recent if e.product_id in row_of], dtype=np.int64),
        )
        barred = {row_of[id_] for id_ in barred_ids if id_ in row_of}
        chosen: list[Recommendation] = []
        for source in dict.fromkeys((wanted, POPULARITY)):
            missing = query.n - len(chosen)
            if missing == 0:
                break
            found = self.models[source].retrieve(rows, missing + len(barred) + len(self.withdrawn))
            allowed = (
                at
                for at, item in enumerate(found.item_idx.tolist())
                if item not in barred and item not in self.withdrawn
            )
            keep = list(islice(allowed, missing))
            for item, score in zip(found.item_idx[keep].tolist(), found.score[keep].tolist(), strict=True):
                chosen.append(Recommendation(self.items.id_of(item), score, source))
                barred.add(item)
        return chosen

    def predict(self, user_id: str, product_id: str) -> PredictedRating:
        """The rating SVD expects of this user for this product, and what that rests on. Raises NotReady without SVD."""
        if SVD not in self.models:
            raise NotReady("the release holds no SVD, which predicts ratings: run python train_model.py")
        user, item = self.users.idx_of(user_id), self.items.idx_of(product_id)
        user_idx, item_idx = -1 if user is None else user, -1 if item is None else item
        model = self.models[SVD]
        rating = float(model.rate(np.array([user_idx]), np.array([item_idx]))[0])
        n_user, n_product = model.n_ratings(user_idx, item_idx)
        return PredictedRating(rating, n_user > 0, n_product > 0, n_user, n_product)

    def _rows_of(self, product_ids: Iterable[str]) -> dict[str, int]:
        """Row numbers of those products that the release knows."""
        found = ((id_, self.items.idx_of(id_)) for id_ in product_ids)
        return {id_: item for id_, item in found if item is not None}


def _barred_ids(query: Query) -> set[str]:
    """Products that must not be listed."""
    seen = {event.product_id for event in query.history if event.kind in SEEN_KINDS} if query.exclude_seen else set()
    return seen | query.exclude
