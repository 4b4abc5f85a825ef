"""What the program keeps of what it did: runs, loads, scores, what was searched for, and which lists were served."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from src.core.domain import JsonDict


@dataclass(frozen=True, slots=True)
class SearchFeedback:
    """What somebody did to a product after searching for a text. at: UTC seconds. mark: tells it from its likes, and
    from a repetition.
    """

    query: str
    product_id: str
    kind: str
    at: int
    mark: str


@dataclass(frozen=True, slots=True)
class ServedList:
    """A list that was answered. at: UTC seconds. number: tells it from others of the same request, and grows.

    made_for: "user", "text" or "product"; asked: the text or the product. No user: what followed a list is known by its
    request_id, and a list that nothing followed needs no name.
    products: (product_id, source), best first.
    """

    request_id: str
    number: int
    at: int
    release: str
    made_for: str
    asked: str | None
    products: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What somebody did to a product that the answer to a request had shown. at: UTC seconds. mark: of its event."""

    request_id: str
    product_id: str
    kind: str
    at: int
    mark: str


@dataclass(frozen=True, slots=True)
class ServedFigures:
    """How often a source stood at a position (from 1) of a release's lists, and how many of these places were clicked
    (or viewed) and bought; each place counts once, however often it was clicked.
    """

    release: str
    made_for: str
    source: str
    position: int
    shown: int
    clicked: int
    bought: int


class RunStatus(StrEnum):
    """How far a run is. KEPT: it ended well, and the gate kept the old release. FAILED: it could not do its work.
    INTERRUPTED: somebody or something ended it, so that it may be tried again.
    """

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    KEPT = "kept"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Run:
    """One (re)training. Times are UTC seconds.

    due: the moment of the nightly schedule this run answers for; at most one run has it. None for the others.
    trigger: who asked: "night", "command", "api", or "drift".
    host: where it runs. attempt: a night's run that was interrupted is taken up again, as the same run.
    model_type: what was asked to be trained: "all", "svd", "mf", "ss", or models by name. progress: its last step.
    verdict: what the gate said, with its figures (src/releases/promotion_gate.py); None before.
    """

    run_id: str
    trigger: str
    started_at: int
    status: RunStatus
    due: int | None = None
    finished_at: int | None = None
    release: str | None = None
    message: str = ""
    host: str = ""
    attempt: int = 1
    model_type: str = "all"
    progress: str = ""
    verdict: JsonDict | None = None


@dataclass(frozen=True, slots=True)
class RunCount:
    """How many runs have a status, and when (UTC seconds) the last of them ended; None while none has."""

    status: RunStatus
    count: int
    last_at: int | None


@dataclass(frozen=True, slots=True)
class Score:
    """How good the current release was on events it had not seen. Times are UTC seconds.

    n_events: of them; n_users: of those whose lists were measured; n_ratings: of those that were predicted. A figure
    is None where there was nothing to measure it by. ndcg_low, ndcg_high, rmse_low: of 95 % bootstrap intervals.
    """

    at: int
    release: str
    n_events: int = 0
    n_users: int = 0
    n_ratings: int = 0
    recall_at_10: float | None = None
    ndcg_at_10: float | None = None
    ndcg_low: float | None = None
    ndcg_high: float | None = None
    coverage: float | None = None
    rmse: float | None = None
    rmse_low: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What became of one file. n_read = n_kept + the sum of rejected, all in rows.

    loaded_at, newest_at: UTC seconds. rejected: reason → rows. mended: what was taken with a part left out → times.
    n_events: made of the rows kept. n_stored: those that were new, or a newer rating instead of an older one.
    n_products: rows of a catalogue, or different products that events tell something of.
    nulls: column → share of the rows kept in which it was empty.
    known_users, known_products: share of the first rows' ids that the store knew before; None for an empty store.
    """

    load_id: str
    file: str
    layout: str
    loaded_at: int
    n_read: int
    n_kept: int
    n_events: int
    n_stored: int
    n_products: int
    newest_at: int | None = None
    known_users: float | None = None
    known_products: float | None = None
    rejected: dict[str, int] = field(default_factory=dict)
    mended: dict[str, int] = field(default_factory=dict)
    nulls: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """What the store holds, in whole numbers: events as they were recorded, returns and what they take back included.

    newest_at: UTC seconds of the newest event, None without times.
    """

    n_events: int
    n_ratings: int
    n_users: int
    n_products: int
    avg_rating: float | None
    newest_at: int | None
    made_up: bool = False
    by_kind: dict[str, int] = field(default_factory=dict)
