"""The frozen results of a training's steps, and the context that every step is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from src.core.process_lock import Lock
from src.core.progress import Reporter
from src.core.records import Run, RunPhase
from src.evaluation.report import Report
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models.settings import AllSettings
from src.releases.registry import Registry
from src.releases.shared_registry import open_registry
from src.releases.verdict import GateVerdict, NotCompared
from src.search.index import SearchIndex
from src.store import Store
from src.workflows.champion_comparison import Champion, MeasuredPlan
from src.workflows.embed_catalogue import EmbeddedCatalogue
from src.workflows.fit import FitPlan
from src.workflows.search_ranker_training import Rankings
from src.workflows.training_plan import TrainingRequest


@dataclass(frozen=True)
class TrainingContext:
    """The context of one training, given to every step.

    Attributes:
        settings: The settings.
        store: The store.
        request: What to train.
        run: The run that records it.
        lock: The trainer's lock.
        reporter: Progress.
    """

    settings: AllSettings
    store: Store
    request: TrainingRequest
    run: Run
    lock: Lock
    reporter: Reporter

    @property
    def registry(self) -> Registry:
        """The releases."""
        return open_registry(self.settings)


@dataclass(frozen=True)
class Prepared:
    """The data of a training, and the release that it is compared with.

    Attributes:
        catalogue: The events, with texts for their products.
        changed_at: Microseconds since 1970 of the store's last change; None if that is not known.
        read_at: Microseconds since 1970 when reading began.
        made_up: Whether the data are the synthetic shop's.
        champion: The current release; None without one that can be compared.
        verdict: The gate's verdict on the data.
    """

    catalogue: EmbeddedCatalogue
    changed_at: int | None
    read_at: int
    made_up: bool
    champion: Champion | None
    verdict: GateVerdict

    @property
    def data(self) -> TrainingData:
        """The events."""
        return self.catalogue.data


@dataclass(frozen=True)
class Measured:
    """New settings, measured beside the champion's.

    Attributes:
        parts: The events, divided in time.
        challenger: The new settings.
        champion: The champion's, or why they were not measured.
    """

    parts: Split
    challenger: MeasuredPlan
    champion: MeasuredPlan | NotCompared


@dataclass(frozen=True)
class JudgedTraining:
    """The gate's verdict on measured settings. Most measured models are gone, so that their memory is free.

    Attributes:
        verdict: The verdict so far.
        plan: The settings to train on all events.
        report: Their figures.
        search: The search index; None where no product has a text, or where nothing is promoted.
        rankings: The search re-rankers; none where nothing is promoted.
        start: Name → measured model from which the training on all events continues; that takes each out.
    """

    verdict: GateVerdict
    plan: FitPlan
    report: Report
    search: SearchIndex | None = None
    rankings: Rankings = field(default_factory=Rankings)
    start: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        version: The new release; None if the gate kept the old one.
        report: What was measured; None if the gate refused the data.
        active: Whether the new release serves.
        verdict: The gate's verdict.
        pinned: The release that was not replaced as it is pinned; None if that was not the reason.
        canary: Whether it goes out to few users first.
        phases: What the training did, with time and memory.
    """

    version: str | None
    report: Report | None
    active: bool
    verdict: GateVerdict
    pinned: str | None = None
    canary: bool = False
    phases: tuple[RunPhase, ...] = ()
