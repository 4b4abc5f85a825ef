"""From a query to a list: retrieve, rank, apply the rules, fill, explain. What is evaluated is what is served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from src.core.domain import (
    NO_TIME,
    BoolArray,
    Event,
    ExclusionReason,
    Explanation,
    FloatArray,
    IntArray,
    ListPosition,
    PredictedRating,
    ProductAttributes,
    ProductFilter,
    Query,
    Recommendation,
    Rules,
)
from src.core.errors import NotReady, UnknownName
from src.interactions.event_weights import KIND_NUMBER, Weighting, ages_by_group, combine_events
from src.interactions.item_attributes import ItemAttributes
from src.interactions.vocabulary import Vocabulary
from src.models import MODELS
from src.models.base import ListModel, QueryRows, RatingModel
from src.recommendation.explanations import explanations
from src.recommendation.list_builder import ListBuilder, ListRequest, find_position
from src.recommendation.search_features import Signals, anchor_similarity, anchors_of, features
from src.recommendation.search_reranker import RERANKED, SearchReranker
from src.recommendation.similar_items import SimilarItems, similar
from src.search.index import SearchHits, SearchIndex

_RECENT = 1_000
"""So many of the newest events shape a list; what was seen before is left out all the same."""

_EVERYTHING = ProductFilter()
_BARE = ItemAttributes.empty(0)
"""For rules that ask no facts."""
TEXT_QUERY, PRODUCT = "text", "product"
"""What a ranking is for."""


@dataclass(frozen=True)
class Pipeline:
    """Trained models over one pair of vocabularies, by name: those of MODELS, and what makes lists of them, a blend.

    default: the model whose list is served unless one is named. rater: the one that predicts ratings; None without
    one. weighting: how much an event of the history speaks for its product. withdrawn: row numbers of products that
    are never listed. search: None where no product has a text. rankers:
    what puts the products retrieved for a TEXT_QUERY or a PRODUCT in order, where that is better than retrieval's.
    shelf: what rules ask of the items; without one nothing is known of any.
    """

    users: Vocabulary
    items: Vocabulary
    models: Mapping[str, Any]
    default: str
    rater: str | None = None
    weighting: Weighting = field(default_factory=Weighting)
    withdrawn: frozenset[int] = frozenset()
    search: SearchIndex | None = None
    rankers: Mapping[str, SearchReranker] = field(default_factory=dict)
    shelf: ItemAttributes | None = None

    @property
    def list_models(self) -> dict[str, ListModel]:
        """Those that make lists."""
        return {name: model for name, model in self.models.items() if name not in MODELS or MODELS[name].lists}

    @property
    def raters(self) -> dict[str, RatingModel]:
        """Those that predict ratings."""
        return {name: model for name, model in self.models.items() if name in MODELS and MODELS[name].rates}

    def without(self, product_ids: Iterable[str]) -> Pipeline:
        """The same, but with just these products withdrawn; ids that the release does not know change nothing."""
        return replace(self, withdrawn=frozenset(self._rows_of(product_ids).values()))

    def stocked(self, facts: Iterable[ProductAttributes]) -> Pipeline:
        """The same, with these facts instead of what was known of their products."""
        return replace(self, shelf=self._known_shelf.updated(facts, self.items))

    def differing(self, facts: Iterable[ProductAttributes]) -> list[ProductAttributes]:
        """Those that say something else of items than is known here."""
        return self._known_shelf.differing(facts, self.items)

    def recommend(self, query: Query) -> list[Recommendation]:
        """At most query.n products, best first, none twice; fewer only when no product is left that the filters of its
        rules let pass.

        The wanted model names products first; popularity fills what it leaves open, for instance for a user it
        does not know. Raises UnknownName for a model the release does not hold.
        """
        asked = self._asked(query)
        places = ListBuilder(asked).places(query.n)
        told: Sequence[Explanation | None] = [None] * len(places)
        if query.explain:
            told = explanations(asked.models, asked.rows, places, self.items)
        return [
            Recommendation(self.items.id_of(place.item), place.score, place.source, place.filled_by, why)
            for place, why in zip(places, told, strict=True)
        ]

    def standing(self, query: Query, product_id: str) -> ListPosition:
        """Where a product stands with regard to the list of the query: the very code that makes the list says so.

        Raises UnknownName as `recommend` does.
        """
        item, asked = self.items.idx_of(product_id), self._asked(query)
        if item is None:
            return ListPosition(None, ExclusionReason.UNKNOWN_PRODUCT)
        asked = replace(asked, watched=item)
        reason = self._left_out_by(query, asked, item, product_id)
        return find_position(asked, query.n) if reason is None else ListPosition(None, reason)

    def _left_out_by(self, query: Query, asked: ListRequest, item: int, product_id: str) -> ExclusionReason | None:
        if item in self.withdrawn:
            return ExclusionReason.WITHDRAWN
        if product_id in query.exclude:
            return ExclusionReason.EXCLUDED
        if product_id in query.seen:
            return ExclusionReason.SEEN
        return asked.shelf.refusal(asked.rules, item)

    def _asked(self, query: Query) -> ListRequest:
        """The query in row numbers."""
        wanted = query.model or self.default
        models = self.list_models
        if wanted not in models:
            raise UnknownName(f"the release holds no list model {wanted!r}. Expected one of {', '.join(models)}.")
        recent = query.history[-_RECENT:]
        barred_ids = query.seen | query.exclude
        row_of = self._rows_of({event.product_id for event in recent} | barred_ids)
        known = [event for event in recent if event.product_id in row_of]
        user_idx = None if query.user_id is None else self.users.idx_of(query.user_id)
        rows = QueryRows(user_idx, *self._weighted(known, row_of))
        barred = frozenset(row_of[id_] for id_ in barred_ids if id_ in row_of)
        rules = query.rules or Rules()
        shelf = self._known_shelf if rules.asks_facts else _BARE
        factor = shelf.factors(rules, self.items) if rules.boosts else None
        return ListRequest(models, wanted, rows, self.withdrawn, barred, shelf, rules, factor)

    @cached_property
    def _known_shelf(self) -> ItemAttributes:
        return ItemAttributes.empty(len(self.items)) if self.shelf is None else self.shelf

    @cached_property
    def listed(self) -> BoolArray | None:
        """bool[n_items], False for withdrawn products; None when there are none."""
        if not self.withdrawn:
            return None
        listed = np.ones(len(self.items), np.bool_)
        listed[list(self.withdrawn)] = False
        return listed

    def find(self, text: str, vector: FloatArray | None, n: int, wanted: ProductFilter = _EVERYTHING) -> SearchHits:
        """At most n products for a text, best first. vector: what the release's own encoder makes of the text.

        Raises NotReady for a release without texts.
        """
        if self.search is None:
            raise NotReady(
                "the release knows no product's title, so nothing can be searched. Load a catalogue, python "
                "data_processing.py products.csv, then run python train_model.py"
            )
        fits = self.search.attributes.fitting(wanted)
        allowed = fits if self.listed is None or fits is None else fits & self.listed
        allowed = self.listed if allowed is None else allowed
        ranker = self.rankers.get(TEXT_QUERY)
        if ranker is None:
            return self.search.search(text, vector, n, allowed)
        found = self.search.search(text, vector, max(n, RERANKED), allowed)
        rows = features(found, anchors_of(found), self.search, self.signals)
        return ranker.ordered(found, rows).take(np.arange(min(n, len(found))))

    def similar(self, product_id: str, vector: FloatArray | None, n: int) -> list[SimilarItems]:
        """At most n products that go with one; vector: what its text means, for one that the release does not know."""
        item, ranker = self.items.idx_of(product_id), self.rankers.get(PRODUCT)
        if item is None or ranker is None or self.search is None:
            return similar(self.models, self.search, item, vector, n, self.listed)
        retrieved = similar(self.models, self.search, item, None, max(n, RERANKED), self.listed)
        order = ranker.ordered(*self._as_found(item, retrieved)).item_idx.tolist()
        places = {each.item_idx: each for each in retrieved}
        return [places[each] for each in order[:n]]

    def retrieved_for(self, item: int) -> tuple[SearchHits, FloatArray]:
        """(what is retrieved for a product, its features): what the ranking learns from. The release has texts."""
        return self._as_found(item, similar(self.models, self.search, item, None, RERANKED, self.listed))

    def _as_found(self, item: int, retrieved: Sequence[SimilarItems]) -> tuple[SearchHits, FloatArray]:
        assert self.search is not None
        items = np.array([each.item_idx for each in retrieved], np.int64)
        score = np.linspace(1, 0, len(items), dtype=np.float32)  # the sources' own numbers cannot be compared
        nothing = np.zeros(len(items), np.float32)
        anchors = np.array([item])
        found = SearchHits(items, score, anchor_similarity(items, anchors, self.search), nothing)
        return found, features(found, anchors, self.search, self.signals)

    @cached_property
    def signals(self) -> Signals:
        """What the ranking knows of the items by behaviour."""
        return Signals.of(self.models)

    def predict(self, user_id: str, product_id: str) -> PredictedRating:
        """The rating expected of this user for this product, and what it rests on. Raises NotReady without a rater."""
        if self.rater is None:
            raise NotReady("the release holds no model that predicts ratings: run python train_model.py")
        user, item = self.users.idx_of(user_id), self.items.idx_of(product_id)
        user_idx, item_idx = -1 if user is None else user, -1 if item is None else item
        model = self.raters[self.rater]
        rating = float(model.rate(np.array([user_idx]), np.array([item_idx]))[0])
        n_user, n_product = model.n_ratings(user_idx, item_idx)
        return PredictedRating(rating, n_user > 0, n_product > 0, n_user, n_product, self.rater)

    def _weighted(self, events: Sequence[Event], row_of: Mapping[str, int]) -> tuple[IntArray, FloatArray]:
        """(the events' products, each once, and how much the events speak for each), as in the training data."""
        item = np.array([row_of[event.product_id] for event in events], dtype=np.int64)
        at = np.array([NO_TIME if event.at is None else event.at for event in events], dtype=np.int64)
        weight = self.weighting.of_events(
            np.array([KIND_NUMBER[event.kind] for event in events], dtype=np.int8),
            np.array([event.value for event in events]),
            ages_by_group(np.zeros(len(events), np.int64), at, 1),
        )
        return combine_events(item, weight)

    def _rows_of(self, product_ids: Iterable[str]) -> dict[str, int]:
        """Row numbers of those products that the release knows."""
        found = ((id_, self.items.idx_of(id_)) for id_ in product_ids)
        return {id_: item for id_, item in found if item is not None}
