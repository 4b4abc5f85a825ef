"""Answer list requests from the current release and the store."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from app.serving.experiments_follower import Assignment, ExperimentsFollower
from app.serving.list_cache import ListCache
from app.serving.list_sources import FoundList, ListSources
from app.serving.other_releases import OtherReleases
from app.serving.pinned_products import pinned_place, with_pins
from app.serving.release_follower import ReleaseFollower
from app.serving.serving_snapshot import AttributesCache, ServingSnapshot
from app.serving.shadow_follower import ShadowFollower, ShadowPair
from app.serving.shop_rules_follower import ShopRulesFollower
from app.serving.store_counts import StoreCounts
from app.telemetry.served_lists import USER, AskedFor, ShownList, note
from src.core.domain import (
    Event,
    EventKind,
    JsonDict,
    ListPosition,
    PredictedRating,
    Product,
    ProductCount,
    Query,
    Recommendation,
)
from src.core.errors import NotReady, StoreAway
from src.core.experiments import InterleavedList
from src.core.list_recipes import DraftedWith
from src.core.list_rules import RuleFields
from src.core.settings import Settings
from src.core.shop_rules import ActiveRules
from src.core.similar_ids import nearest, one_edit_away
from src.core.tracing import span
from src.recommendation.pipeline import Pipeline
from src.recommendation.random_places import draw_places, pool_of
from src.recommendation.team_draft import fitting, team_draft
from src.releases.registry import Registry
from src.store import Store

LEAST_FREE_BYTES = 8 * 2**20
"""On the disk of AISLE_VAR; with less, events and releases cannot be written."""
DEGRADED, WITHOUT_STORE = "X-Degraded", "store"
"""Header and value of a list that knows nothing of its user but what the request says."""
EXPERIMENTS = "X-Experiments"
"""Header of an answer that names the arms of experiments it was made for."""
_NEIGHBOURS = 20
"""Ids on either side, in the order of ids, that may be meant by a mistyped one."""
_SEED_BITS = 53
_NO_RULES = RuleFields()


@dataclass(frozen=True)
class ListAnswer:
    """A list.

    Attributes:
        release: version of the release that made it.
        source: the model that named most of it; of equals, the first.
        recommendations: best first.
        cached: whether it came from the cache; None if it was not looked for there.
        placement: where the shop shows it; "" if that is not known.
        assignment: the arms of experiments that it was made for; None for none.
        asked: what it was made of, with AISLE_LOG_REQUESTS=on; else None.
        drafted: which arm of an interleaving named what; None for other lists.
        without_store: whether it was made without the stored history, as the database could not be reached.
    """

    release: str
    source: str
    recommendations: list[Recommendation]
    cached: bool | None = field(default=None, compare=False)
    placement: str = ""
    assignment: Assignment | None = None
    asked: AskedFor | None = field(default=None, compare=False)
    drafted: InterleavedList | None = None
    without_store: bool = False

    @property
    def shown(self) -> ShownList:
        """The list as it is recorded."""
        arms = self.assignment.header if self.assignment else ""
        shown = (self.release, USER, None, self.source, self.recommendations, self.cached, self.placement, arms)
        return ShownList(*shown, self.asked, self.drafted)


@dataclass(frozen=True)
class PositionAnswer:
    """The position of a product on a list, or the reason for its absence.

    Attributes:
        release: version of the release that made the list.
        query: of the list, with the rules of the shop and the stored history.
        position: of the product.
        product: what the store knows of it; None if nothing.
    """

    release: str
    query: Query
    position: ListPosition
    product: Product | None


class _Arranged(NamedTuple):
    """What makes a list: a release, the query without the stored history, the rules of the shop, and experiments."""

    served: ServingSnapshot
    query: Query
    rules: ActiveRules
    assignment: Assignment | None


class Recommender(ReleaseFollower):
    """Makes lists with the release that this worker follows.

    Attributes:
        counts: cached counts over the store.
        rules: the shop's rules.
        experiments: the running experiments.
        shadow: the release that answers unseen.
    """

    def __init__(self, settings: Settings, store: Store, registry: Registry, cache: ListCache) -> None:
        super().__init__(settings, store, registry)
        self._lists, self._var = ListSources(store, cache), settings.var
        self._by_group = settings.learn_on == "group"
        self._keeps_requests = settings.keeps_requests
        self._explore, self._explore_among = settings.explore, settings.explore_among
        self.rules = ShopRulesFollower(settings, store)
        self.experiments = ExperimentsFollower(settings, store)
        self._others = OtherReleases(store, registry)
        self._random = random.Random()  # nosec B311: no secret depends on it
        self.shadow = ShadowFollower(store, self._pair)
        self.counts = StoreCounts(settings, store, cache)

    def follow(self) -> None:
        """Take up changed rules, experiments and shadows, and write what was shown in these."""
        self.rules.refresh()
        self.experiments.refresh()
        self.shadow.refresh()
        self._others.follow(self.experiments.releases | self.shadow.releases, self._withdrawn)
        self.experiments.flush()
        self.shadow.flush()

    def _pair(self, version: str) -> ShadowPair | None:
        """Return what serves and a release that was asked for besides; None while one of them is missing."""
        served, other = self._served, self._others.get(version)
        return None if served is None or other is None else ShadowPair(served, other)

    def recommend(
        self, query: Query, wanted: RuleFields = _NO_RULES, placement: str = "", shop: ActiveRules | None = None
    ) -> ListAnswer:
        """Make a list, or take it from the cache, and note it for the current request.

        Args:
            query: the history it brings follows the stored events of its user; its rules are replaced.
            wanted: the rules of the request, which go over those of the shop.
            placement: where the shop shows it; "" if that is not known.
            shop: rules to try instead of the shop's; None for the shop's.

        Returns:
            The list.

        Raises:
            AisleError: NoRelease, UnknownName, StoreError, or InputError for rules that contradict each other.
        """
        answer = self.answer(query, wanted, placement, shop)
        note(answer.shown)
        return answer

    def answer(
        self, query: Query, wanted: RuleFields = _NO_RULES, placement: str = "", shop: ActiveRules | None = None
    ) -> ListAnswer:
        """Do what `recommend` does, for callers that record requests themselves.

        Args:
            query: as `recommend` takes it.
            wanted: as `recommend` takes it.
            placement: as `recommend` takes it.
            shop: as `recommend` takes it.

        Returns:
            The list.

        Raises:
            AisleError: as `recommend` does.
        """
        began = time.perf_counter()
        arranged = self._arranged(query, wanted, placement, shop)
        if arranged.assignment is not None and arranged.assignment.rival is not None:
            second = self._for_arm(query, wanted, placement, self.rules.active(placement), arranged.assignment.rival)
            answer = self._interleaved(arranged, second, arranged.assignment.interleaved, placement)
        else:
            answer = self._made(arranged, placement, explores=self._explore > 0 and shop is None)
        self._record(query, answer, began)
        return answer

    def answer_at_once(self, query: Query, wanted: RuleFields = _NO_RULES, placement: str = "") -> ListAnswer | None:
        """Do what `answer` does if nothing has to be waited for and the list takes no more than a millisecond or two.

        Args:
            query: as `recommend` takes it.
            wanted: as `recommend` takes it.
            placement: as `recommend` takes it.

        Returns:
            The list; None if `answer` has to be asked, and nothing was noted of the request.

        Raises:
            AisleError: as `recommend` does.
        """
        if self._keeps_requests or self._explore > 0:
            return None
        began = time.perf_counter()
        arranged = self._arranged(query, wanted, placement, None)
        is_drafted = arranged.assignment is not None and arranged.assignment.rival is not None
        if arranged.rules.pins or is_drafted:
            return None
        found = self._lists.at_once(arranged.served, arranged.query)
        if found is None:
            return None
        answer = self._answered(arranged, found, placement)
        self._record(query, answer, began)
        return answer

    def _record(self, query: Query, answer: ListAnswer, began: float) -> None:
        """Note an answer for the experiments it was made for. began: in seconds of time.perf_counter()."""
        if answer.assignment is not None and query.user_id is not None:
            seconds, is_empty = time.perf_counter() - began, not answer.recommendations
            self.experiments.record(query.user_id, answer.assignment, is_empty=is_empty, seconds=seconds)

    def _interleaved(self, first: _Arranged, second: _Arranged, experiment: str, placement: str) -> ListAnswer:
        """Return the lists of both arms of an interleaving in one, which obeys the rules of the first."""
        one, other = (self._made(each, placement) for each in (first, second))
        pipeline, query = first.served.pipeline, first.query
        lists = (one.recommendations, other.recommendations)
        seed = self._random.getrandbits(_SEED_BITS)
        coin = random.Random(seed)  # nosec B311: no secret depends on it
        drafted = team_draft(lists, query.n, fitting(pipeline, query.rules), coin)
        listed = [place for place, _ in drafted]
        if first.rules.pins:
            complete = query if one.without_store else self._with_history(query)
            listed = with_pins(listed, first.rules.pins, pipeline, complete)
        kept = {place.product_id for place in listed}
        named = tuple(
            tuple(place.product_id for place, team in drafted if team == each and place.product_id in kept)
            for each in (0, 1)
        )
        noted = InterleavedList(experiment, "", query.user_id or "", int(time.time()), named)
        asked = None
        if one.asked is not None and other.asked is not None:
            asked = one.asked._replace(drafted=DraftedWith(other.release, other.asked.recipe, seed))
        return replace(one, recommendations=listed, cached=None, asked=asked, drafted=noted)

    def _made(self, arranged: _Arranged, placement: str, *, explores: bool = False) -> ListAnswer:
        """Return the list of an arranged query; if it `explores` and nothing is pinned, places are drawn by chance."""
        served, query, rules, _ = arranged
        own, drawn = query, None
        explores = explores and not rules.pins
        if explores:
            query = replace(query, n=max(query.n, self._explore_among))
        # What is pinned depends on the history, and so does what is kept to be repeated.
        reads = bool(rules.pins) or self._keeps_requests
        without_store = False
        try:
            with span("store"):
                printed = None if reads else self._lists.printed(served.pipeline, query)
                fingerprint = printed and printed.fingerprint
                known = fingerprint and self._lists.known(served, query, fingerprint)
                if not known:
                    query = self._with_history(query, printed and printed.history)
        except StoreAway:  # a list for what the request itself says is worth more than none
            known = fingerprint = None
            without_store = True
        if known:
            listed, cached = known
        else:
            with span("list"):
                listed, cached = self._lists.listed(served, query, fingerprint)
        if rules.pins:
            listed = with_pins(listed, rules.pins, served.pipeline, query)
        if explores:
            pool = pool_of(listed, own.n, served.pipeline)
            listed, drawn = draw_places(pool, own.n, self._explore, self._random)
            drawn = drawn._replace(among=query.n)
        asked = AskedFor(own, query.history, rules.pins, served.marks, drawn) if self._keeps_requests else None
        return self._answered(arranged, (listed, cached), placement, asked, without_store=without_store)

    def _answered(
        self,
        arranged: _Arranged,
        found: FoundList,
        placement: str,
        asked: AskedFor | None = None,
        *,
        without_store: bool = False,
    ) -> ListAnswer:
        """Return the answer with a list, and let the shadow answer, too."""
        (served, query, _, assignment), (listed, cached) = arranged, found
        if assignment is None or not assignment.chooses_lists:
            self.shadow.offer(query)
        sources = [place.source for place in listed] or [query.model or served.pipeline.default]
        n_first = sources.count(sources[0])
        source = sources[0] if 2 * n_first >= len(sources) else max(sources, key=sources.count)
        by = (served.release.version, source, listed, cached, placement, assignment, asked)
        return ListAnswer(*by, without_store=without_store)

    def _arranged(self, query: Query, wanted: RuleFields, placement: str, shop: ActiveRules | None) -> _Arranged:
        """Return what makes the list of a query: rules that are tried keep users out of experiments."""
        assignment = None
        if shop is None:
            assignment = self.experiments.assigned(query.user_id, placement, wanted.category or ())
        return self._for_arm(query, wanted, placement, shop or self.rules.active(placement), assignment)

    def _for_arm(
        self, query: Query, wanted: RuleFields, placement: str, rules: ActiveRules, assignment: Assignment | None
    ) -> _Arranged:
        """Return what makes the list of a query with the arms of a user."""
        served: ServingSnapshot = self._serving()
        if assignment is not None:
            served = self._others.get(assignment.release or "") or served
            if assignment.model in served.pipeline.list_models and query.model is None:
                query = replace(query, model=assignment.model)
            if assignment.rules:
                rules = self.rules.with_added(assignment.rules, assignment.arms, placement)
        return _Arranged(served, self._with_rules(query, wanted, rules), rules, assignment)

    def snapshot_of(self, version: str) -> ServingSnapshot:
        """Return a release to answer with, loaded now if this worker does not hold it.

        Raises:
            UnknownName: There is no such release.
            ReleaseError: It does not verify.
        """
        served = self._served
        if served is not None and served.release.version == version:
            return served
        held = self._others.get(version)
        if held is not None:
            return held
        release = self._registry.load(version, is_remembered=True)
        return ServingSnapshot.of(release, self._withdrawn, AttributesCache(self._store).of(release))

    def why_not(
        self, query: Query, product_id: str, wanted: RuleFields = _NO_RULES, placement: str = ""
    ) -> PositionAnswer:
        """Find where a product stands with regard to a list.

        Args:
            query: as `recommend` takes it.
            product_id: the product in question.
            wanted: as `recommend` takes it.
            placement: as `recommend` takes it.

        Returns:
            Its position.

        Raises:
            AisleError: as `recommend` does.
        """
        served, query, rules, _ = self._arranged(query, wanted, placement, None)
        query = self._with_history(query)
        product = self._store.products.get([product_id]).get(product_id)
        if product is not None:
            served = served.with_current([product])
        current, _ = served.listed(query, self._store.products)
        place = pinned_place(product_id, rules.pins, current.pipeline, query)
        position = current.pipeline.position(query, product_id) if place is None else ListPosition(place, None)
        return PositionAnswer(served.release.version, query, position, product)

    def _with_history(self, query: Query, stored: Sequence[Event] | None = None) -> Query:
        """Return the query with the stored history of its user in front.

        Args:
            query: with or without a history of its own.
            stored: the stored history, if it was read already.

        Returns:
            The complete query.
        """
        if stored is None and query.user_id is not None:
            stored = self._store.events.history(query.user_id)
        if not stored:
            return query
        complete = (*stored, *query.history)
        return Query(query.user_id, complete, query.n, query.exclude, query.model, query.explain, query.rules)

    @staticmethod
    def _with_rules(query: Query, wanted: RuleFields, shop: ActiveRules) -> Query:
        """Return the query with the rules of the shop and the request."""
        # Rules are made of some twenty checked values; most requests have none of their own.
        rules = wanted.over(shop.fields).rules() if wanted.has_rules else shop.rules
        exclude = query.exclude | shop.excluded if shop.excluded else query.exclude
        return Query(query.user_id, query.history, query.n, exclude, query.model, query.explain, rules)

    def popular(
        self, n: int, days: int | None, kind: EventKind | None, *, variants: bool = False
    ) -> tuple[str, list[ProductCount]]:
        """Count the events of products, see StoreCounts.

        Args:
            n: number of products.
            days: only the last days before the newest event; None for all.
            kind: count events of this kind; None for ratings and purchases.
            variants: count variants of one thing each by itself; else one of a group is named.

        Returns:
            The version of the served release, and the n products with the most events.
        """
        served = self._serving()
        groups = None if variants else served.pipeline.groups
        key = {"release": served.release.version, "withdrawn": served.mark, "groups": groups and groups.mark}
        excluded = self.rules.active("").excluded
        one_of_each = None if groups is None else partial(_one_of_each, served.pipeline, self._by_group)
        counts = self.counts.popular(n + len(excluded), days, kind, key, one_of_each)
        return served.release.version, [row for row in counts if row.product_id not in excluded][:n]

    def n_variants(self, product_ids: Iterable[str]) -> dict[str, int]:
        """Return the numbers of variants of products that have several; without a release, of none."""
        served = self._served
        if served is None:
            return {}
        counts = {id_: served.pipeline.n_variants(id_) for id_ in product_ids}
        return {id_: count for id_, count in counts.items() if count > 1}

    def predict(self, user_id: str, product_id: str) -> tuple[str, PredictedRating]:
        """Predict the rating of a product by a user.

        Args:
            user_id: may be unknown.
            product_id: may be unknown.

        Returns:
            The version of the served release, and the rating. Raises NoRelease, or NotReady without a model for it.
        """
        release = self.release()
        return release.version, release.pipeline.predict(user_id, product_id)

    def nearest_ids(self, product_id: str) -> list[str]:
        """Return at most five known ids that may be meant by an unknown one, the nearest first."""
        served = self._served
        known = set(self._store.products.get(one_edit_away(product_id)))
        if served is not None:
            known.update(served.release.pipeline.items.neighbours(product_id, _NEIGHBOURS))
        return nearest(product_id, known - {product_id})

    def ready(self) -> None:
        """Return if requests can be answered and events stored.

        Raises:
            NoRelease: No release is served.
            StoreError: The store cannot be read.
            NotReady: The disk is full, or cannot be written.
        """
        self.release()
        self._store.database.check()
        for path in (self._var, self._store.database.file):
            if path is not None and not os.access(path, os.W_OK):
                raise NotReady(
                    f"{path} cannot be written, so events cannot be stored. Expected a file system mounted for "
                    "writing, and permissions of this process's user; mend that."
                )
        free = shutil.disk_usage(self._var).free
        if free < LEAST_FREE_BYTES:
            raise NotReady(
                f"the disk of {self._var} has {free:,} bytes free; expected {LEAST_FREE_BYTES:,}, as events "
                "cannot be stored without. Remove files, or move AISLE_VAR to another disk."
            )

    def status(self) -> JsonDict:
        """Return what the store holds and what is served, for GET /status."""
        summary = self.counts.summary()
        return {
            "database": {name: summary[name] for name in ("n_ratings", "n_users", "n_products", "avg_rating")}
            | {"n_events": summary["n_events"], "by_kind": summary["by_kind"], "made_up": summary["made_up"]},
            "matrix_factorization": self.model_status("mf"),
            "release": self.release_status(),
            "workers": self.workers(),
        }


def _one_of_each(pipeline: Pipeline, by_group: bool, counts: Sequence[ProductCount]) -> list[ProductCount]:
    """Return the counts with one product of each group, the first one in stock; `by_group`: with the group's sum."""
    groups = pipeline.groups
    assert groups is not None
    rows = pipeline.items.rows_of([each.product_id for each in counts])
    shown: dict[int, ProductCount] = {}
    total: Counter[int] = Counter()
    for number, (row, each) in enumerate(zip(rows.tolist(), counts, strict=True)):
        place = int(groups.leader[row]) if row >= 0 else -1 - number
        total[place] += each.count
        first = shown.setdefault(place, each)
        if row >= 0 and not groups.sold_out[row] and _is_sold_out(first, pipeline):
            shown[place] = each
    summed = [replace(each, count=total[place]) if by_group else each for place, each in shown.items()]
    return sorted(summed, key=lambda each: -each.count)


def _is_sold_out(each: ProductCount, pipeline: Pipeline) -> bool:
    row, groups = pipeline.items.idx_of(each.product_id), pipeline.groups
    return row is not None and groups is not None and bool(groups.sold_out[row])
