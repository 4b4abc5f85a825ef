"""Findings of the health checks, as types; `finding_texts` puts them into words.

Times are UTC seconds, sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from src.core.canaries import Canary
from src.core.domain import JsonDict
from src.core.records import Load, RunStatus
from src.evaluation.drift import Drift


class Level(IntEnum):
    """The severity of a finding."""

    GOOD = 0
    NOTE = 1
    WARN = 2
    BAD = 3


@dataclass(frozen=True)
class Finding:
    """The state of a part that was checked."""

    level: ClassVar[Level] = Level.GOOD


@dataclass(frozen=True)
class ServedRelease:
    """The release that this worker serves, by its manifest.

    Attributes:
        version: Its version.
        is_current: Whether it is the release that all workers are to serve.
        since: When it was activated; None if that is not known.
        pinned: Whether trainings must not replace it.
        note: Why another release could not be loaded; "" if none failed.
        default_model: The model of its lists.
        made_up: Whether its data are synthetic.
        provisional: Whether it lists popular products until the first training has ended.
        n_events: Events that it was trained on; None if the manifest does not say.
        newest_at: Time of the newest of them; None if they carry no time.
        checks: Records of the checks that failed, whether or not they kept the release from being published.
    """

    version: str
    is_current: bool
    since: int | None
    pinned: bool
    note: str
    default_model: str
    made_up: bool
    provisional: bool
    n_events: int | None
    newest_at: int | None
    checks: list[JsonDict]


@dataclass(frozen=True)
class StoreDown(Finding):
    """The store does not answer."""

    level = Level.BAD


@dataclass(frozen=True)
class StoreDamaged(Finding):
    """The file of the store has a broken page; fault: the first one, by SQLite; checked_at: when it was found."""

    level = Level.BAD
    fault: str
    checked_at: int


@dataclass(frozen=True)
class StoreUp(Finding):
    """The store answers; changed_at: when an event was last stored."""

    changed_at: int | None


@dataclass(frozen=True)
class NothingServed(Finding):
    """No release is served; problem: why the current one cannot be loaded, "" if there is none."""

    level = Level.BAD
    problem: str


@dataclass(frozen=True)
class CurrentNotLoaded(Finding):
    """Another release is served than the current one, which cannot be loaded."""

    level = Level.BAD
    problem: str


@dataclass(frozen=True)
class SharedReleasesUnseen(Finding):
    """The releases that several hosts share cannot be seen; read_at: when they were last, 0 for never."""

    level = Level.WARN
    problem: str
    read_at: int


@dataclass(frozen=True)
class ReleaseOutdated(Finding):
    """This worker is about to load the current release."""

    level = Level.NOTE
    version: str


@dataclass(frozen=True)
class ReleaseVerified(Finding):
    """The current release is served."""


@dataclass(frozen=True)
class ReleaseProvisional(Finding):
    """Popular products are served until the first training has ended."""

    level = Level.NOTE


@dataclass(frozen=True)
class NoWorkers(Finding):
    """No worker has written its status file."""


@dataclass(frozen=True)
class WorkerProblem(Finding):
    """A worker cannot load a release; problem: the first such message."""

    level = Level.BAD
    problem: str


@dataclass(frozen=True)
class WorkersDiffer(Finding):
    """Workers serve different releases."""

    level = Level.WARN
    versions: tuple[str, ...]


@dataclass(frozen=True)
class WorkersAgree(Finding):
    """All workers serve one release; version: None for none."""

    n_workers: int
    version: str | None


@dataclass(frozen=True)
class SchedulerOff(Finding):
    """AISLE_SCHEDULER is off."""


@dataclass(frozen=True)
class NoLeader(Finding):
    """No worker holds the lead."""

    level = Level.WARN


@dataclass(frozen=True)
class SchedulerLed(Finding):
    """A worker holds the lead."""

    leader: str


@dataclass(frozen=True)
class NothingSearchable(Finding):
    """The release has no product texts to search; problem: the reason."""

    level = Level.NOTE
    problem: str


@dataclass(frozen=True)
class SearchDown(Finding):
    """There are product texts, but they cannot be searched; problem: the reason."""

    level = Level.WARN
    problem: str


@dataclass(frozen=True)
class SearchNotBegun(Finding):
    """No release is served yet."""


@dataclass(frozen=True)
class SearchUp(Finding):
    """Search works; encoder: None where it is by words alone."""

    n_products: int
    encoder: str | None


@dataclass(frozen=True)
class DiskUnreadable(Finding):
    """The folder AISLE_VAR cannot be read; reason: the system's words."""

    level = Level.BAD
    reason: str | None


@dataclass(frozen=True)
class DiskLow(Finding):
    """Less space is free than a training may need."""

    level = Level.WARN
    free: int
    total: int
    needed: float


@dataclass(frozen=True)
class DiskFree(Finding):
    """Enough space is free."""

    free: int
    total: int


@dataclass(frozen=True)
class EventsWithoutTime(Finding):
    """The events of the release carry no time."""

    level = Level.NOTE


@dataclass(frozen=True)
class EventsOld(Finding):
    """The newest event of the release is old."""

    level = Level.NOTE
    newest_at: int


@dataclass(frozen=True)
class EventsRecent(Finding):
    """The newest event of the release is recent."""

    newest_at: int


@dataclass(frozen=True)
class DataWarnings(Finding):
    """The data checks of the training warned; check: the record of the first one, first: its message."""

    level = Level.NOTE
    first: str
    n_warnings: int
    check: JsonDict | None = None


@dataclass(frozen=True)
class DataUnsuspicious(Finding):
    """The data checks of the training found nothing."""


@dataclass(frozen=True)
class LoadRejected(Finding):
    """Many rows of a file were rejected at its last load; share: of its rows. reason: the most frequent one."""

    level = Level.WARN
    load: Load
    share: float
    reason: str


@dataclass(frozen=True)
class IdsUnknown(Finding):
    """Almost none of the ids of a file's last load were known before; noun: "products" or "users", share: of them."""

    level = Level.WARN
    load: Load
    noun: str
    share: float


@dataclass(frozen=True)
class LoadsAccepted(Finding):
    """Few rows of the last load of every file were rejected, or none."""


@dataclass(frozen=True)
class RunProblem(Finding):
    """The last run did not publish a release; status: KEPT, FAILED or INTERRUPTED; verdict: of its checks."""

    level = Level.WARN
    status: RunStatus
    started_at: int
    finished_at: int
    message: str
    verdict: JsonDict | None = None


@dataclass(frozen=True)
class RunKept(RunProblem):
    """The promotion gate kept the old release; message: its reasons."""

    level = Level.NOTE


@dataclass(frozen=True)
class NothingPublished(RunProblem):
    """The promotion gate refused the only release there is, so that nothing is served; message: its reasons."""

    level = Level.BAD


@dataclass(frozen=True)
class CanaryFell(Finding):
    """The last release that was shown to few users first was taken back."""

    level = Level.WARN
    canary: Canary


@dataclass(frozen=True)
class Drifted(Finding):
    """The served release does worse on new events than it used to."""

    level = Level.WARN
    drift: Drift
