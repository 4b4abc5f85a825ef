"""Answer queries with trained models: lists, search, similar products, ratings. Evaluation calls what serving calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from src.core.domain import (
    NO_RATINGS,
    BoolArray,
    ComponentScore,
    ExclusionReason,
    FloatArray,
    ListPosition,
    PredictedRating,
    ProductAttributes,
    ProductFilter,
    Query,
    Recommendation,
    Rules,
)
from src.core.errors import NotReady, UnknownName
from src.core.messages import message
from src.interactions.event_weights import Weighting
from src.interactions.item_attributes import ItemAttributes
from src.interactions.item_groups import ItemGroups, regrouped
from src.interactions.vocabulary import Vocabulary
from src.models import MODELS
from src.models.base import ListModel, QueryRows, RatingModel
from src.recommendation.explanations import opinions_of, with_explanations
from src.recommendation.history_rows import HistoryRows
from src.recommendation.list_builder import ListBuilder, find_position
from src.recommendation.list_candidates import ListRequest
from src.recommendation.prepared_lists import LENGTH as PREPARED_LENGTH
from src.recommendation.prepared_lists import LONGEST_HISTORY, Fingerprint, PreparedLists, fingerprint_of
from src.recommendation.rating_intervals import RatingInterval, interval_for
from src.recommendation.search_features import Signals, anchor_similarity, anchors_of, reranker_features
from src.recommendation.search_reranker import RERANKED, SearchReranker
from src.recommendation.similar_items import SimilarItem, SimilarTo, similar
from src.search.index import SearchHits, SearchIndex

_UNKNOWN = {-1}
"""Row numbers of products that the release does not know."""
_EVERYTHING, _PLAIN_RULES = ProductFilter(), Rules()
_NO_ATTRIBUTES = ItemAttributes.empty(0)
"""For rules that depend on no attributes."""
TEXT_QUERY, PRODUCT = "text", "product"
"""Kinds of queries that a search re-ranker is for."""


@dataclass(frozen=True)
class Pipeline:
    """Trained models over one pair of vocabularies, and everything else that a release answers with.

    Attributes:
        users: ids of the users.
        items: ids of the items.
        models: by name; those of MODELS, and the ensemble.
        default: name of the list model that answers unless a query names another one.
        rater: name of the model that predicts ratings; None without one.
        weighting: weights of the events of a history.
        withdrawn: row numbers of items that are never listed.
        search: None if no product has a text.
        rankers: re-rankers of the products retrieved for a TEXT_QUERY or a PRODUCT; a missing one keeps the order.
        attributes: of the items; None if all are unknown.
        prepared: lists that are made already; None without any.
        intervals: of predicted ratings; empty where they were not measured.
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
    attributes: ItemAttributes | None = None
    prepared: PreparedLists | None = None
    intervals: tuple[RatingInterval, ...] = ()

    @cached_property
    def list_models(self) -> dict[str, ListModel]:
        """The models that make lists, by name."""
        return {name: model for name, model in self.models.items() if name not in MODELS or MODELS[name].lists}

    @property
    def raters(self) -> dict[str, RatingModel]:
        """The models that predict ratings, by name."""
        return {name: model for name, model in self.models.items() if name in MODELS and MODELS[name].rates}

    def without(self, product_ids: Iterable[str]) -> Pipeline:
        """Return a copy in which exactly these products are withdrawn; unknown ids are ignored."""
        rows = self.items.rows_of(list(product_ids))
        return replace(self, withdrawn=frozenset(rows[rows >= 0].tolist()))

    def with_attributes(self, rows: Iterable[ProductAttributes]) -> Pipeline:
        """Return a copy with new attributes of these products; those of others stay."""
        return replace(self, attributes=self._known_attributes.updated(rows, self.items))

    def differing(self, rows: Iterable[ProductAttributes]) -> list[ProductAttributes]:
        """Return the attributes of items that differ from those known here."""
        return self._known_attributes.differing(rows, self.items)

    def recommend(self, query: Query, *, may_be_prepared: bool = True) -> list[Recommendation]:
        """Make the list of a query.

        Popularity fills the places that the wanted model leaves open, for instance for a user it does not know.

        Args:
            query: its history is all that is known of the user.
            may_be_prepared: False after `prepared_list` has found none.

        Returns:
            At most query.n products, best first, none twice; fewer only if the filters leave no other product.

        Raises:
            UnknownName: for a model that the release does not hold.
        """
        prepared = self.prepared_list(query) if may_be_prepared else None
        if prepared is not None:
            return prepared
        request = self._request(query)
        listed = ListBuilder(request).build(query.n)
        return with_explanations(request, listed) if query.explain else listed

    def prepared_list(self, query: Query, fingerprint: Fingerprint | None = None) -> list[Recommendation] | None:
        """Return the list of a query if it was made before; it is the one that would be made now.

        Args:
            query: as `recommend` takes it.
            fingerprint: of the history, which may be missing in the query then; None to compute it.

        Returns:
            The list; None if it has to be made.
        """
        if self.prepared is None or query.n > PREPARED_LENGTH:
            return None
        fingerprint = fingerprint or self.fingerprint(query)
        listed = None if fingerprint is None else self.prepared.find(fingerprint, query.n, self.items)
        if listed is None or (self._unsettled_ids and not self._unsettled_ids.isdisjoint(each[0] for each in listed)):
            return None
        return listed

    def fingerprint(self, query: Query) -> Fingerprint | None:
        """Return what tells the history of a query apart; None if more than that and its length shapes the list."""
        if len(query.history) > LONGEST_HISTORY or not self.follows_history(query):
            return None
        return fingerprint_of(query.history, self.weighting)

    def follows_history(self, query: Query) -> bool:
        """Tell whether the fingerprint of the history, and the length, say which list it is; long histories apart."""
        return (
            query.rules == _PLAIN_RULES
            and not query.exclude
            and not query.explain
            and query.model in (None, self.default)
            and not (self.default in MODELS and MODELS[self.default].knows_users)
        )

    @cached_property
    def _unsettled_ids(self) -> frozenset[str]:
        """Ids of the products with which a prepared list may not be the one that would be made now."""
        before = None if self.prepared is None else self.prepared.groups
        return frozenset(self.items.ids_of(self.withdrawn | regrouped(self.groups, before)))

    def position(self, query: Query, product_id: str) -> ListPosition:
        """Find where a product stands with regard to the list of a query, by the code that makes the list.

        Args:
            query: as `recommend` takes it.
            product_id: the product in question.

        Returns:
            Its place on the list, or why it is not listed.

        Raises:
            UnknownName: for a model that the release does not hold.
        """
        item, request = self.items.idx_of(product_id), self._request(query)
        if item is None:
            return ListPosition(None, ExclusionReason.UNKNOWN_PRODUCT)
        if item in self.withdrawn:
            return ListPosition(None, ExclusionReason.WITHDRAWN)
        if product_id in query.exclude:
            return ListPosition(None, ExclusionReason.EXCLUDED)
        if product_id in query.seen:
            return ListPosition(None, ExclusionReason.SEEN)
        if item in request.excluded:
            return ListPosition(None, ExclusionReason.SEEN_GROUP)
        reason = request.attributes.refusal(request.rules, item)
        return find_position(replace(request, watched=item), query.n) if reason is None else ListPosition(None, reason)

    def opinions(self, query: Query, product_ids: Iterable[str]) -> dict[str, tuple[ComponentScore, ...]]:
        """Return what the components of the wanted model say of products, listed or not.

        Args:
            query: as `recommend` takes it.
            product_ids: the products.

        Returns:
            Id → addends of its score, before trees and boosts; nothing for products that are unknown here.

        Raises:
            UnknownName: for a model that the release does not hold.
        """
        request = self._request(query)
        known = {id_: row for id_ in product_ids if (row := self.items.idx_of(id_)) is not None}
        rows = np.array(list(known.values()), np.int64)
        parts = request.models[request.wanted].contributions(request.rows, rows)
        return {id_: tuple(opinions_of(parts, at, request.wanted)) for at, id_ in enumerate(known)}

    def _request(self, query: Query) -> ListRequest:
        """Return the query in row numbers."""
        wanted, models, rules = query.model or self.default, self.list_models, query.rules
        if wanted not in models:
            raise UnknownName(f"the release holds no list model {wanted!r}. Expected one of {', '.join(models)}.")
        user_idx = None if query.user_id is None else self.users.idx_of(query.user_id)
        item_idx, weight, n_seen, seen = HistoryRows.of(query.history, self.items, self.weighting, rules.seen)
        rows = QueryRows(user_idx, item_idx, weight, n_seen)
        excluded = seen
        if query.exclude:
            excluded |= frozenset(self.items.rows_of(list(query.exclude)).tolist()) - _UNKNOWN
        groups = self.groups
        standing_in = frozenset() if rules.variants else self._standing_in
        if groups is not None and (rules.seen_group or standing_in):
            # What stands for a thing that is never shown itself was bought with it.
            excluded |= groups.with_members(item for item in seen if rules.seen_group or item in standing_in)
        groups = None if rules.variants else groups
        attributes = self._known_attributes if rules.asks_facts else _NO_ATTRIBUTES
        factor = attributes.factors(rules, self.items) if rules.boosts else None
        return ListRequest(
            models,
            wanted,
            rows,
            self.withdrawn,
            excluded,
            self.items,
            attributes,
            rules,
            factor,
            groups=groups,
            standing_in=standing_in,
        )

    @cached_property
    def _standing_in(self) -> frozenset[int]:
        """Withdrawn items of whose group an item is listed."""
        if self.groups is None or self.listed is None:
            return frozenset()
        return frozenset(np.flatnonzero(self.groups.represented(~self.listed, self.listed)).tolist())

    @cached_property
    def _known_attributes(self) -> ItemAttributes:
        return ItemAttributes.empty(len(self.items)) if self.attributes is None else self.attributes

    @property
    def groups(self) -> ItemGroups | None:
        """Which items are variants of one thing; None if no two are."""
        return self._known_attributes.groups

    def variants_of(self, product_ids: Iterable[str]) -> frozenset[str]:
        """Return the ids of these products, and of the items that share a group with one of them."""
        ids = frozenset(product_ids)
        if self.groups is None:
            return ids
        rows = self.items.rows_of(list(ids))
        return ids | frozenset(self.items.ids_of(self.groups.with_members(rows[rows >= 0].tolist())))

    def n_variants(self, product_id: str) -> int:
        """Return how many variants of a thing may be listed, the product included; 1 for a product without a group."""
        item = self.items.idx_of(product_id)
        if item is None or self.groups is None:
            return 1
        return max(1, len(set(self.groups.members(item)) - self.withdrawn))

    @cached_property
    def listed(self) -> BoolArray | None:
        """bool[n_items], False for withdrawn items; None if there are none."""
        if not self.withdrawn:
            return None
        listed = np.ones(len(self.items), np.bool_)
        listed[list(self.withdrawn)] = False
        return listed

    def find(self, text: str, vector: FloatArray | None, n: int, wanted: ProductFilter = _EVERYTHING) -> SearchHits:
        """Search for a text.

        Args:
            text: the query.
            vector: float32[dimension], its embedding by the release's encoder; None to search by words alone.
            n: highest number of products.
            wanted: only products that pass it, by their attributes at the time of the training.

        Returns:
            At most n items, best first.

        Raises:
            NotReady: for a release without texts.
        """
        if self.search is None:
            raise NotReady(message("search.no_titles"))
        fits = self.search.attributes.fitting(wanted)
        allowed = fits if self.listed is None or fits is None else fits & self.listed
        allowed = self.listed if allowed is None else allowed
        ranker = self.rankers.get(TEXT_QUERY)
        if ranker is None:
            return self.search.search(text, vector, n, allowed)
        hits = self.search.search(text, vector, max(n, RERANKED), allowed)
        rows = reranker_features(hits, anchors_of(hits), self.search, self.signals)
        return ranker.ordered(hits, rows).take(np.arange(min(n, len(hits))))

    def similar(
        self,
        product_id: str,
        vector: FloatArray | None,
        n: int,
        *,
        variants: bool = False,
        group: str | None = None,
    ) -> list[SimilarItem]:
        """Find products that go with one.

        Args:
            product_id: the product.
            vector: float32[dimension], the embedding of its text; used only if the release does not know the product.
            n: highest number of products.
            variants: whether variants of one thing are named each by itself, those of the product included.
            group: of a product that the release does not know; None for none.

        Returns:
            At most n items, best first, without the product itself.
        """
        item, ranker = self.items.idx_of(product_id), self.rankers.get(PRODUCT)
        own = self._known_attributes.of_group(group) if item is None and group else frozenset()
        wanted = SimilarTo(item, vector, n, self.listed, self.groups, variants, own)
        if item is None or ranker is None or self.search is None:
            return similar(self.models, self.search, wanted)
        retrieved = similar(self.models, self.search, replace(wanted, vector=None, n=max(n, RERANKED)))
        order = ranker.ordered(*self._as_hits(item, retrieved)).item_idx.tolist()
        by_item = {each.item_idx: each for each in retrieved}
        return [by_item[item_idx] for item_idx in order[:n]]

    def retrieved_for(self, item: int) -> tuple[SearchHits, FloatArray]:
        """Return what is retrieved for an item and its features, to train a re-ranker on; the release has texts."""
        return self._as_hits(item, similar(self.models, self.search, SimilarTo(item, None, RERANKED, self.listed)))

    def _as_hits(self, item: int, retrieved: Sequence[SimilarItem]) -> tuple[SearchHits, FloatArray]:
        """Return similar items as search hits, and their features."""
        assert self.search is not None
        items = np.array([each.item_idx for each in retrieved], np.int64)
        score = np.linspace(1, 0, len(items), dtype=np.float32)  # scores of different sources cannot be compared
        keyword, anchors = np.zeros(len(items), np.float32), np.array([item])
        hits = SearchHits(items, score, anchor_similarity(items, anchors, self.search), keyword)
        return hits, reranker_features(hits, anchors, self.search, self.signals)

    @cached_property
    def signals(self) -> Signals:
        """The behavioural features of the items for search re-rankers."""
        return Signals.of(self.models)

    @cached_property
    def _has_ratings(self) -> bool:
        """Whether the model that predicts ratings has learned from any."""
        model: Any = self.raters[self.rater] if self.rater is not None else None
        return model is not None and bool(np.any(model.item_count))

    def predict(self, user_id: str, product_id: str) -> PredictedRating:
        """Predict the rating of a product by a user.

        Args:
            user_id: may be unknown.
            product_id: may be unknown.

        Returns:
            The rating, the number of ratings it rests on, and how sure it is.

        Raises:
            NotReady: for a release without a model that predicts ratings.
        """
        if self.rater is None:
            raise NotReady("the release holds no model that predicts ratings: run python train_model.py")
        user, item = self.users.idx_of(user_id), self.items.idx_of(product_id)
        user_idx, item_idx = -1 if user is None else user, -1 if item is None else item
        model = self.raters[self.rater]
        rating = float(model.rate(np.array([user_idx]), np.array([item_idx]))[0])
        if not self._has_ratings:
            return PredictedRating(rating, user is not None, item is not None, 0, 0, NO_RATINGS)
        n_user, n_product = model.n_ratings(user_idx, item_idx)
        interval = interval_for(self.intervals, min(n_user, n_product))
        scale = model.params.rating_min, model.params.rating_max
        ends = () if interval is None else np.clip([rating + interval.below, rating + interval.above], *scale).tolist()
        return PredictedRating(rating, n_user > 0, n_product > 0, n_user, n_product, self.rater, *ends)
