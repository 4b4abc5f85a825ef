"""Records that the store keeps: runs, loads, scores, search feedback and served lists. Times are UTC seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from src.core.domain import JsonDict


@dataclass(frozen=True, slots=True)
class SearchFeedback:
    """A user's action on a product that a search had found.

    Attributes:
        query: The normalized text that was searched for.
        product_id: The product.
        kind: An EventKind's value.
        at: The time of the event.
        dedupe_key: Equal for repeated deliveries of one event.
    """

    query: str
    product_id: str
    kind: str
    at: int
    dedupe_key: str


@dataclass(frozen=True, slots=True)
class ServedList:
    """A list that was served. It names no user: what followed it is joined by its request_id.

    Attributes:
        request_id: The request; its answer may contain several lists.
        seq: Tells the lists of a request apart; a later list has a higher one.
        at: When it was served.
        release: The release that made it.
        made_for: "user", "text" or "product".
        subject: The text or the product that the list was made for; None for a user.
        products: (product_id, source), best first.
        placement: Where the shop shows it, such as "basket"; "" if the request did not say.
        experiments: The arms of experiments that it was made for, as the answer named them; "" for none.
    """

    request_id: str
    seq: int
    at: int
    release: str
    made_for: str
    subject: str | None
    products: tuple[tuple[str, str], ...]
    placement: str = ""
    experiments: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A user's action on a product that the answer to a request had shown.

    Attributes:
        request_id: The request.
        product_id: The product.
        kind: An EventKind's value.
        at: The time of the event.
        dedupe_key: That of the event.
    """

    request_id: str
    product_id: str
    kind: str
    at: int
    dedupe_key: str


@dataclass(frozen=True, slots=True)
class ServedFigures:
    """Counts of shows, clicks and purchases of one source at one position of a release's lists.

    Attributes:
        release: The release that made the lists.
        made_for: "user", "text" or "product".
        source: The model that named the products.
        position: The position in a list, from 1.
        shown: Number of products shown.
        clicked: Number of them that were clicked or viewed; each counts once.
        bought: Number of them that were bought; each counts once.
        placement: Where the shop shows the lists; "" if the requests did not say.
    """

    release: str
    made_for: str
    source: str
    position: int
    shown: int
    clicked: int
    bought: int
    placement: str = ""


class RunStatus(StrEnum):
    """The state of a run.

    KEPT: it ended normally, and the promotion gate kept the old release. INTERRUPTED: its process was ended, and it
    may be tried again.
    """

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    KEPT = "kept"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """Return whether the run has ended, however it did."""
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class RunPhase:
    """Time and memory of one step of a training.

    Attributes:
        name: The step, for people.
        seconds: Wall clock.
        busy: Processor time of the process and its children, as a share of the time of all cores.
        peak_mib: Peak resident memory during it; where the system counts no peak of a period, up to its end.
    """

    name: str
    seconds: float
    busy: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Time and memory of a training.

    Attributes:
        seconds: wall clock, tuning included.
        peak_mib: highest memory of the whole process during it, data included; where the system counts no peak of a
            period, the peak up to its end.
        growth_mib: peak above the memory before it; None where that is unknown.
    """

    seconds: float
    peak_mib: float
    growth_mib: float | None

    def to_json(self) -> JsonDict:
        """Return plain values, rounded."""
        return {
            "train_seconds": round(self.seconds, 3),
            "peak_mib": round(self.peak_mib, 1),
            "growth_mib": None if self.growth_mib is None else round(self.growth_mib, 1),
        }


@dataclass(frozen=True, slots=True)
class Run:
    """One training.

    Attributes:
        run_id: Its id.
        trigger: What started it: "night" (the schedule), "command", "api", "page", or "drift".
        started_at: When it was queued or started.
        status: Its state.
        due: The time of the schedule that it runs for; at most one run has it. None for other triggers.
        finished_at: When it ended; None before.
        release: The release that it published; None without one.
        message: Its result, or the error that ended it.
        host: Where it runs.
        attempt: 1, and one more each time that an interrupted scheduled run is resumed as the same run.
        model_type: What to train: "all", "svd", "mf", "ss", or models by name.
        progress: Its current step.
        verdict: The promotion gate's decision and figures (src/releases/verdict.py); None before.
        phases: What the training did, one after the other; empty before its end.
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
    phases: tuple[RunPhase, ...] = ()


@dataclass(frozen=True, slots=True)
class RunCount:
    """The number of runs with a status.

    Attributes:
        status: The status.
        count: The number of runs.
        last_at: When the last of them ended; None if none has.
    """

    status: RunStatus
    count: int
    last_at: int | None


@dataclass(frozen=True, slots=True)
class Score:
    """Metrics of the current release on events it had not seen. A metric is None without data to measure it on.

    Attributes:
        at: When it was measured.
        release: The release.
        n_events: Number of new events.
        n_users: Number of users whose lists were measured.
        n_ratings: Number of ratings that were predicted.
        recall_at_10: Mean recall of the users' lists.
        ndcg_at_10: Mean NDCG of the users' lists.
        ndcg_low: Lower end of its 95 % bootstrap interval.
        ndcg_high: Upper end of its 95 % bootstrap interval.
        coverage: Share of the products that are on any list.
        rmse: Error of the predicted ratings.
        rmse_low: Lower end of its 95 % bootstrap interval.
        message: The result of the drift check, as text.
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
    """The result of loading one file. n_read is n_kept plus the sums of `rejected` and `left_out`.

    Attributes:
        load_id: Its id.
        file: The name of the file.
        layout: The columns that were recognized, as text.
        loaded_at: When it was loaded.
        n_read: Number of rows read.
        n_kept: Number of rows that were not rejected.
        n_events: Number of events in the rows kept.
        n_stored: Number of them that were new, or a newer rating that replaced an older one.
        n_products: Number of rows of a catalogue, or of different products that events describe.
        newest_at: The time of the newest event; None without times.
        known_users: Share of the first rows' users that were in the store before; None for an empty store.
        known_products: Share of the first rows' products that were in the store before; None for an empty store.
        rejected: Reason → number of rows.
        left_out: Reason → number of rows that were understood and do not count, such as those of cancelled orders.
        by_kind: Kind → number of events in the rows kept.
        mended: Part of a row that was left out → number of rows.
        nulls: Column → share of the rows kept in which it was empty.
        since: What an incremental load noted of its source, as JSON; empty for a whole file.
        contents: The hashes of the files that it read; empty where they are not known.
        reading: The hash of how they were read.
        first_seq: When it began, in microseconds: its events follow in the order of arrival.
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
    left_out: dict[str, int] = field(default_factory=dict)
    by_kind: dict[str, int] = field(default_factory=dict)
    since: JsonDict = field(default_factory=dict)
    contents: list[str] = field(default_factory=list)
    reading: str = ""
    first_seq: int = 0

    @property
    def is_increment(self) -> bool:
        """Whether only what was new in its source was loaded."""
        return bool(self.since.get("after"))


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """Counts of what the store holds: events as they were recorded, with returns and what they take back.

    Attributes:
        n_events: Number of events.
        n_ratings: Number of ratings.
        n_users: Number of users with an event.
        n_products: Number of products.
        avg_rating: Mean rating; None without ratings.
        newest_at: The time of the newest event; None without times.
        made_up: Whether any product is synthetic.
        by_kind: Kind → number of events.
    """

    n_events: int
    n_ratings: int
    n_users: int
    n_products: int
    avg_rating: float | None
    newest_at: int | None
    made_up: bool = False
    by_kind: dict[str, int] = field(default_factory=dict)
