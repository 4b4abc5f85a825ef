"""Estimate from the log what another release would have earned, and keep the estimate with the release's reports."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import DAY, EventKind, JsonDict
from src.core.errors import AisleError, NoData
from src.core.list_recipes import AskedList
from src.core.progress import Reporter
from src.core.settings import Settings
from src.evaluation.off_policy import LoggedPlaces, OutcomeEstimates, estimate
from src.recommendation.pipeline import Pipeline
from src.recommendation.random_places import chances
from src.releases.registry import Registry
from src.store import Store
from src.store.served_list_store import CLICKS

_FILE = "off_policy.json"
_KINDS = {"clicks": frozenset(CLICKS), "purchases": frozenset({EventKind.PURCHASE.value})}


@dataclass(frozen=True)
class OffPolicyReport:
    """What a release would have earned.

    Attributes:
        release: Its version.
        at: When it was estimated, UTC seconds.
        since: Time of the first list of the log.
        until: Time of the last one.
        lists: Number of lists.
        users: Number of users; a list without a user counts as one.
        comparable: Share of the places of the release's lists whose product the log could have shown there; at the
            others what was served stands for it.
        differing: Share of the places at which its lists then differ from what was served.
        outcomes: "clicks" and "purchases" → estimates.
    """

    release: str
    at: int
    since: int
    until: int
    lists: int
    users: int
    comparable: float
    differing: float
    outcomes: dict[str, OutcomeEstimates]

    def to_json(self) -> JsonDict:
        """Return plain values; `missing` of an outcome: how many more lists, and days at this traffic, it needs."""
        document = asdict(self)
        for name, found in self.outcomes.items():
            document["outcomes"][name]["missing"] = self._missing(found)
        return document

    def _missing(self, found: OutcomeEstimates) -> JsonDict | None:
        if found.estimates:
            return None
        if found.needed is None:
            return {"lists": None, "days": None}
        lists = round(self.lists * max(0.1, found.needed - 1))
        days = max(1 / 24, (self.until - self.since) / DAY)
        return {"lists": lists, "days": round(days * lists / self.lists, 1)}


def off_policy(settings: Settings, store: Store, version: str, reporter: Reporter) -> JsonDict:
    """Estimate from the log what a release would have earned, and keep that, or why it cannot be said.

    Returns:
        OffPolicyReport as JSON.

    Raises:
        AisleError: The release is unknown or does not verify, no list of the log is new to it, or the store fails.
    """
    try:
        found = _estimated(settings, store, version, reporter).to_json()
    except AisleError as error:
        _keep(settings, version, {"release": version, "at": int(time.time()), "problem": str(error)})
        raise
    _keep(settings, version, found)
    return found


def saved_estimate(settings: Settings, version: str) -> JsonDict | None:
    """Return what `off_policy` returned last for a release on disk, or its problem; None if nobody asked for it."""
    try:
        document: JsonDict = json.loads(_file(settings, version).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document


def _file(settings: Settings, version: str) -> Path:
    return settings.reports_dir / version / _FILE


def _keep(settings: Settings, version: str, document: JsonDict) -> None:
    if not (settings.releases_dir / version).is_dir():
        return
    file = _file(settings, version)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _estimated(settings: Settings, store: Store, version: str, reporter: Reporter) -> OffPolicyReport:
    reporter.step("verifying the release")
    release = Registry(settings.releases_dir).load(version)
    since = release.read_at() // 1_000_000 + 1
    pipeline = release.pipeline.without(store.products.withdrawn())
    reporter.step("making its lists for the requests of the log")
    log = _Log()
    for asked, done in store.requests.drawn(since):
        log.add(asked, done, _list_of(pipeline, store, asked))
    if not log.times:
        said = "AISLE_EXPLORE is 0, so no place is drawn by chance" if not settings.explore else "none is there yet"
        raise NoData(
            f"no list of the log has places drawn by chance and is newer than the events that release {version} has "
            f"learnt from; {said}. Expected some days of lists with AISLE_EXPLORE=0.05 while another release serves."
        )
    reporter.step(f"estimating from {len(log.times):,} lists")
    return log.report(version)


def _list_of(pipeline: Pipeline, store: Store, asked: AskedList) -> list[str]:
    """Return the ids of the list that a pipeline makes for a request, with the history of that time."""
    stored = [] if asked.user_id is None else store.events.earliest(asked.user_id, asked.n_stored)
    query = replace(asked.recipe.after(stored), n=len(asked.places), explain=False)
    if query.model not in pipeline.list_models:
        query = replace(query, model=None)
    return [place.product_id for place in pipeline.recommend(query)]


class _Log:
    """The places of a log, as they are read."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self._rows: list[tuple[int, int, int, float, int, float, int]] = []
        self._happened: dict[str, list[bool]] = {name: [] for name in _KINDS}
        self._cluster: list[int] = []
        self._users: dict[str, int] = {}
        self._products: dict[str, int] = {}
        self._comparable = 0

    def add(self, asked: AskedList, done: Iterable[tuple[str, str]], target: list[str]) -> None:
        """Add a list, what followed it, and the other list."""
        assert asked.drawn is not None
        pool, number = asked.drawn.pool, len(self.times)
        followed = {name: {id_ for id_, kind in done if kind in kinds} for name, kinds in _KINDS.items()}
        target = [*target, *pool[len(target) :]]
        known = chances(asked.drawn.share, len(asked.places), len(pool))
        rank_of = {id_: rank for rank, id_ in enumerate(pool)}
        for place, (shown, propensity) in enumerate(zip(asked.places, asked.drawn.propensities, strict=True)):
            rank = rank_of.get(target[place])
            self._comparable += rank is not None
            rank = place if rank is None else rank
            rows = [self._number(id_) for id_ in (shown.product_id, pool[rank], pool[place])]
            self._rows.append((number, place, rows[0], propensity, rows[1], float(known[rank, place]), rows[2]))
            for name, ids_ in followed.items():
                self._happened[name].append(shown.product_id in ids_)
        self.times.append(asked.at)
        user = asked.user_id if asked.user_id is not None else f"\0{number}"
        self._cluster.append(self._users.setdefault(user, len(self._users)))

    def _number(self, product_id: str) -> int:
        return self._products.setdefault(product_id, len(self._products))

    def report(self, version: str) -> OffPolicyReport:
        """Estimate what the other lists would have earned."""
        of_list, position, shown, propensity, wanted, chance, served = (
            np.array(column) for column in zip(*self._rows, strict=True)
        )
        places = LoggedPlaces(of_list, position, shown, propensity, wanted, chance, np.array(self._cluster))
        outcomes = {name: estimate(places, served, np.array(happened)) for name, happened in self._happened.items()}
        return OffPolicyReport(
            version,
            int(time.time()),
            min(self.times),
            max(self.times),
            len(self.times),
            len(self._users),
            self._comparable / len(self._rows),
            float((places.target != served).mean()),
            outcomes,
        )


def sentences(document: JsonDict) -> Iterator[str]:
    """Yield what an estimate says, for a terminal.

    Args:
        document: What `off_policy` returned.

    Yields:
        A sentence for the log, and one for each outcome.
    """
    yield (
        f"{document['lists']:,} lists of {document['users']:,} users; {document['comparable']:.0%} of the places of "
        f"release {document['release']} are products that the log could show, {document['differing']:.0%} differ"
    )
    outcomes: Any = document["outcomes"]
    for name, found in outcomes.items():
        if (missing := found["missing"]) is None:
            dr, lift = found["estimates"]["dr"], found["lift"]
            yield (
                f"{name} of a list: {dr['value']:.3f} ({dr['low']:.3f} to {dr['high']:.3f}) compared with "
                f"{found['served']['value']:.3f} as served: {lift['value']:+.1%} ({lift['low']:+.1%} to "
                f"{lift['high']:+.1%}); {found['effective_outcomes']:.0f} effective outcomes"
            )
        elif missing["lists"] is None:
            yield f"{name}: the log is too thin: none came of a place that both would show. Log on."
        else:
            yield (
                f"{name}: the log is too thin: {found['effective_outcomes']:.0f} effective outcomes. About "
                f"{missing['lists']:,} more lists, {missing['days']:.1f} days at this traffic, are needed."
            )
