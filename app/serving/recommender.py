"""Answers from the current release and the store: what every view asks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from typing import Any

from app.serving.cached_list import cache_key, from_plain, to_plain
from app.serving.list_cache import ListCache
from app.serving.serving_snapshot import ServingSnapshot, Shelves
from app.serving.worker_status import WorkerFiles
from app.telemetry.served_lists import USER, ShownList, note
from src.core.domain import (
    DAY,
    SEEN_KINDS,
    CategoryCount,
    Event,
    EventKind,
    JsonDict,
    ListPosition,
    PredictedRating,
    Product,
    ProductCount,
    Query,
    Recommendation,
    Rules,
)
from src.core.errors import AisleError, NoRelease, StoreError
from src.core.list_rules import RuleFields, shop_rules
from src.core.settings import Settings
from src.core.similar_ids import nearest, one_edit_away
from src.models import ALS, SVD
from src.recommendation.pipeline import Pipeline
from src.releases.registry import Registry
from src.releases.release import Release
from src.store import Store

_RETRY_BROKEN_SECONDS = 60
_KEPT_PER_COST = 50.0
_LOOKS = 5  # at what listed products are like by now: each finds others that may have changed, too
_MODEL_OF = {"mf": ALS}  # of a type of training; SVD of the others
_NEIGHBOURS = 20  # on either side, of ids that begin alike

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListAnswer:
    """A list, the release that made it, and its source: the model that named most of it (the first of equals)."""

    release: str
    source: str
    recommendations: list[Recommendation]


class Recommender:
    """One per worker. A request takes one reference to what is served and uses it to the end."""

    def __init__(self, settings: Settings, store: Store, registry: Registry, cache: ListCache) -> None:
        self._settings, self._store, self._cache = settings, store, cache
        self._registry = registry
        self._workers = WorkerFiles(settings.var / "workers", settings.refresh_seconds)
        self._shelves, self._shop = Shelves(store), shop_rules(settings.rules)
        self._announces = False
        self._served: ServingSnapshot | None = None
        self._withdrawn: frozenset[str] = frozenset()
        self._store_answers = True
        self._seen: bytes | None = None
        self._look_again_at = 0.0
        self._problem = ""
        self._refreshing = threading.Lock()
        self._counting = threading.RLock()  # popular products of some days need the summary

    # the release

    def refresh(self) -> bool:
        """Take up the current release if it has changed, and whether it did; and what products are like by now.

        What cannot be taken up is reported, and the release served so far stays; only a withdrawn pointer ends it.
        A store that does not answer leaves the products as they were.
        """
        with self._refreshing:
            withdrawn = self._look_for_withdrawn()
            before = self._served.release if self._served else None
            release = self._look_for_release(before)
            if release is None:
                self._served = None
            else:
                stocked = self._shelves.of(release)
                if self._served is None or not self._served.is_of(release, withdrawn, stocked):
                    self._served = ServingSnapshot.of(release, withdrawn, stocked)
            if changed := _version(release) != _version(before):
                _log.info("serving release %s", _version(release))
            if self._announces:
                self._workers.announce(_version(release), self._problem)
            return changed

    def announce(self) -> None:
        """From now on tell everybody what this process serves; it is a worker."""
        self._announces = True
        self._workers.announce(self.version, self._problem)

    def leave(self) -> None:
        """This worker ends."""
        self._announces = False
        self._workers.leave()

    def _look_for_withdrawn(self) -> frozenset[str]:
        try:
            self._withdrawn, self._store_answers = self._store.products.withdrawn(), True
        except StoreError as error:
            if self._store_answers:  # once, not at every look
                _log.warning("which products are withdrawn cannot be seen: %s", error)
            self._store_answers = False
        return self._withdrawn

    def _look_for_release(self, before: Release | None) -> Release | None:
        """The release to serve from now on: `before` itself while there is no other."""
        pointer = self._registry.pointer_bytes()
        if pointer == self._seen and (not self._problem or time.monotonic() < self._look_again_at):
            return before
        self._seen, self._look_again_at = pointer, time.monotonic() + _RETRY_BROKEN_SECONDS
        try:
            # An older release is for a worker that has none yet: the one served so far was chosen by somebody.
            release = self._registry.current() if before else self._registry.active()
            self._problem = release.note
        except NoRelease as error:
            self._problem = ""
            _log.warning("%s", error)
            return None
        except AisleError as error:
            still = f" Release {before.version} is served on." if before else ""
            self._problem = f"{error}{still}"
            _log.error("%s", error)
            return before
        except Exception as error:  # whatever it is, this worker must serve on, and one that begins must begin
            still = f" Release {before.version} is served on." if before else ""
            self._problem = f"the current release cannot be taken up: unexpected {error!r}.{still}"
            _log.exception("the current release cannot be taken up")
            return before
        return before if _version(release) == _version(before) else release

    @property
    def version(self) -> str | None:
        """The release that is served at this moment; None without one."""
        served = self._served
        return served.release.version if served else None

    def release(self) -> Release:
        """The release to answer with. Raises NoRelease."""
        return self._serving().release

    def serving(self) -> tuple[str, Pipeline]:
        """(the release's version, its pipeline without the withdrawn products). Raises NoRelease."""
        served = self._serving()
        return served.release.version, served.pipeline

    def _serving(self) -> ServingSnapshot:
        served = self._served
        if served is None:
            raise NoRelease(
                self._problem
                or "no model is being served yet: run python train_model.py (after python data_processing.py FILE)"
            )
        return served

    # lists

    def recommend(self, query: Query) -> ListAnswer:
        """The list for a query; the store's events of its user go before the history it brings.

        Raises NoRelease, UnknownName, StoreError.
        """
        served, query = self._serving(), self._whole(query)
        key = {"release": served.release.version, **served.shapes(query), **cache_key(query)}
        kept = self._cache.get(key)
        cached = kept is not None
        if kept is None:
            _, found = self._made(served.pipeline, query)
            kept = [to_plain(item) for item in found]
            self._cache.set(key, kept)
        recommendations = [from_plain(item) for item in kept]
        wanted = query.model or served.release.pipeline.default
        sources = [item.source for item in recommendations] or [wanted]
        answer = ListAnswer(served.release.version, max(sources, key=sources.count), recommendations)
        places = [(item.product_id, item.source) for item in recommendations]
        note(ShownList(answer.release, USER, None, answer.source, places, cached))
        return answer

    def why_not(self, query: Query, product_id: str) -> tuple[str, ListPosition, Product | None]:
        """(release, where the product stands with regard to the list of the query, what is known of it).

        Raises as `recommend` does.
        """
        served, query = self._serving(), self._whole(query)
        product = self._store.products.get([product_id]).get(product_id)
        pipeline = served.pipeline if product is None else self._as_of_now(served.pipeline, [product])
        pipeline, _ = self._made(pipeline, query)
        return served.release.version, pipeline.standing(query, product_id), product

    def rules(self, wanted: RuleFields) -> Rules:
        """The rules of a request over the shop's own. Raises InputError where they contradict each other."""
        return wanted.over(self._shop).rules()

    def _whole(self, query: Query) -> Query:
        """With the history that the store knows, and the shop's rules where it has none of its own."""
        history = self._store.events.history(query.user_id) if query.user_id is not None else []
        rules = self._shop.rules() if query.rules is None else query.rules
        return replace(query, history=(*history, *query.history), rules=rules)

    def _made(self, pipeline: Pipeline, query: Query) -> tuple[Pipeline, list[Recommendation]]:
        """(the pipeline, with what listed products are like at this moment; its list)."""
        found = pipeline.recommend(query)
        for _ in range(_LOOKS if query.rules and query.rules.asks_facts else 0):
            now = self._as_of_now(pipeline, self._store.products.get(item.product_id for item in found).values())
            if now is pipeline:
                break
            pipeline, found = now, now.recommend(query)
        return pipeline, found

    @staticmethod
    def _as_of_now(pipeline: Pipeline, products: Iterable[Product]) -> Pipeline:
        """The same where the shelf has these products as they are."""
        changed = pipeline.differing(product.attributes for product in products)
        return pipeline.stocked(changed) if changed else pipeline

    def popular(self, n: int, days: int | None, kind: EventKind | None) -> tuple[str, list[ProductCount]]:
        """(release, the n products with the most events): of one kind, or bought and rated ones.

        days count back from the newest event, so that a shop whose file ends last year has popular products too.
        """
        served = self._serving()
        key = {"popular": n, "days": days, "kind": kind, "release": served.release.version, "withdrawn": served.mark}
        counts = self._counted(key, lambda: self._count_popular(n, days, kind))
        return served.release.version, [ProductCount(*item) for item in counts]

    def _count_popular(self, n: int, days: int | None, kind: EventKind | None) -> list[list[Any]]:
        since = None
        if days is not None:
            newest = self._summary()["newest_at"]
            since = None if newest is None else int(newest) - days * DAY
        kinds: Sequence[EventKind] = SEEN_KINDS if kind is None else (kind,)
        return [[item.product_id, item.count] for item in self._store.events.popular(kinds, since, n)]

    def _counted(self, key: dict[str, Any], count: Callable[[], Any]) -> Any:
        """What `count` finds in the whole store: by one thread at a time, and kept the longer the more it cost."""
        if (kept := self._cache.get(key)) is not None:
            return kept
        with self._counting:
            if (kept := self._cache.get(key)) is not None:
                return kept
            started = time.monotonic()
            found = count()
            cost = time.monotonic() - started
            self._cache.set(key, found, max(self._settings.cache_seconds, _KEPT_PER_COST * cost))
            return found

    def predict(self, user_id: str, product_id: str) -> tuple[str, PredictedRating]:
        """(release, predicted rating). Raises NoRelease, and NotReady for a release without SVD."""
        release = self.release()
        return release.version, release.pipeline.predict(user_id, product_id)

    def history(self, user_id: str) -> list[Event]:
        """What the user did, oldest first."""
        return self._store.events.history(user_id)

    def products(self, product_ids: Iterable[str]) -> dict[str, Product]:
        """What the catalogue knows of these products."""
        return self._store.products.get(product_ids)

    def nearest_ids(self, product_id: str) -> list[str]:
        """Known ids that somebody may have meant by this one, the likest first; at most five."""
        served = self._served
        known = set(self._store.products.get(one_edit_away(product_id)))
        if served is not None:
            known.update(served.release.pipeline.items.neighbours(product_id, _NEIGHBOURS))
        return nearest(product_id, known - {product_id})

    def categories(self) -> list[CategoryCount]:
        """How many products each category has, most first."""
        counts = self._counted(
            {"categories": True}, lambda: [astuple(row) for row in self._store.products.categories()]
        )
        return [CategoryCount(*row) for row in counts]

    # health

    def ready(self) -> None:
        """Raises NoRelease or StoreError when requests could not be answered."""
        self.release()
        self._store.runs.newest(1)

    def status(self) -> JsonDict:
        """What the store holds and what is served, for GET /status."""
        summary = self._summary()
        return {
            "database": {name: summary[name] for name in ("n_ratings", "n_users", "n_products", "avg_rating")}
            | {"n_events": summary["n_events"], "by_kind": summary["by_kind"], "made_up": summary["made_up"]},
            "matrix_factorization": self.model_status("svd"),
            "release": self.release_status(),
            "workers": self.workers(),
        }

    def release_status(self) -> JsonDict:
        """What is served, and what is wrong with it (note); version is None without one."""
        release = self._served.release if self._served else None
        about: JsonDict = {"version": None, "note": self._problem}
        if release:
            kept = [
                "created_at",
                "default_model",
                "data",
                "metrics",
                "verdict",
                "gate",
                "parent",
                "carried_over",
                "ranking",
            ]
            about |= {"version": release.version, "pinned": self._registry.is_pinned}
            manifest = release.manifest.to_json()
            about |= {name: manifest.get(name) for name in kept}
        return about

    def workers(self) -> list[dict[str, Any]]:
        """host, pid, release, since (UTC seconds) and note of every worker that lives."""
        return self._workers.alive()

    def model_status(self, model_type: str) -> dict[str, Any]:
        """Whether the model of a type of training is served, and its shapes."""
        served = self._served
        model = served.pipeline.models.get(_MODEL_OF.get(model_type, SVD)) if served else None
        if served is None or model is None:
            return {"status": "not_loaded"}
        # A model that folds a history in holds no users of its own, but it learnt from them.
        return {"status": "loaded", "n_users": len(served.pipeline.users), **model.describe()}

    def _summary(self) -> dict[str, Any]:
        return dict(self._counted({"summary": True}, lambda: asdict(self._store.summary())))


def _version(release: Release | None) -> str | None:
    return release.version if release else None
