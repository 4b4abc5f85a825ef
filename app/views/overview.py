"""The service on the pages of operations: the release, its findings, runs, files, figures.

Each part is read by itself: a store that does not answer, or a release that cannot be read, takes nothing else from the
page.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.context import AisleContext
from app.texts.phrases import Phrases
from app.views.finding_records import finding_text, update_findings
from app.views.finding_texts import FindingText, text_of
from app.views.findings import Finding, Level, NothingPublished, NothingServed, ServedRelease
from app.views.model_report import ModelReport, Nights, model_report, nights
from app.views.service_checks import before_current, check_parts, check_trainings, current_of, read_release, read_store
from src.core.operation_records import FindingRecord, FindingState
from src.core.records import Load
from src.releases.listed_release import Listed

_SHOWN_SCORES, _SHOWN_LOADS = 90, 20


@dataclass(frozen=True)
class Overview:
    """Everything of the dashboard but the data profile.

    Attributes:
        at: When it was read, UTC seconds.
        served: The release that this worker serves; None without one.
        findings: What is not as it should be, the most serious first: records of the store, in words.
        health: One finding for every part that was checked.
        scheduler: The scheduler's part of GET /status; None if the store does not answer.
        loads: The last files that were loaded, newest first.
        releases: The releases on disk, newest first.
        report: Offline figures of the served release; None if it has none that can be read.
        nights: Scores of the served releases on new events; None without any.
        has_real_data: Whether the store holds a real shop, so that releases of a made-up one are of no use.
    """

    at: int
    served: ServedRelease | None
    findings: list[tuple[FindingRecord, FindingText]]
    health: list[FindingText]
    scheduler: Mapping[str, Any] | None
    loads: list[Load]
    releases: list[Listed]
    report: ModelReport | None
    nights: Nights | None
    has_real_data: bool

    @property
    def level(self) -> Level:
        """The level of the most serious finding that nobody has acknowledged."""
        open_ones = (said.level for record, said in self.findings if record.state is FindingState.OPEN)
        return max(open_ones, default=Level.GOOD)

    @property
    def files(self) -> list[Load]:
        """The last load of each file that was loaded."""
        return list({load.file: load for load in reversed(self.loads)}.values())

    @property
    def all_files(self) -> Load | None:
        """The last loads of several files added up; None of fewer files."""
        if len(self.files) < 2:
            return None
        return replace(
            self.files[0],
            load_id="",
            n_read=sum(load.n_read for load in self.files),
            n_kept=sum(load.n_kept for load in self.files),
            n_products=sum(load.n_products for load in self.files),
            rejected=_added(load.rejected for load in self.files),
            left_out=_added(load.left_out for load in self.files),
            by_kind=_added(load.by_kind for load in self.files),
        )

    @property
    def last_run(self) -> Mapping[str, Any] | None:
        """The last run; None without one, or if the store does not answer."""
        return self.scheduler["last_run"] if self.scheduler else None

    @property
    def current(self) -> Listed | None:
        """The release that all workers are to serve; this one may serve another for some seconds."""
        return current_of(self.releases)

    @property
    def can_roll_back(self) -> bool:
        """Whether there is a release to go back to."""
        return before_current(self.releases) is not None


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for each in counts:
        total.update(each)
    return dict(total)


def overview(aisle: AisleContext, t: Phrases) -> Overview:
    """Read everything of the pages but the shop statistics. Raises no error for a part that is broken."""
    reading = read_release(aisle)
    stored = read_store(aisle)
    releases = aisle.registry.listing()
    var = str(aisle.settings.var)
    health: Iterable[Finding] = check_parts(aisle, reading.served if reading else None, stored, releases)
    trainings = check_trainings(aisle, stored, serves=reading is not None)
    if unpublished := next((each for each in trainings if isinstance(each, NothingPublished)), None):
        # Why the training came to nothing, in place of the advice to train.
        health = [unpublished if isinstance(each, NothingServed) else each for each in health]
    return Overview(
        at=int(time.time()),
        served=reading.served if reading else None,
        findings=[(record, finding_text(record, t, var)) for record in update_findings(aisle)],
        health=[text_of(finding, t, var) for finding in health],
        scheduler=stored.scheduler,
        loads=stored.loads[:_SHOWN_LOADS],
        releases=releases,
        report=model_report(aisle.registry.report(reading.served.version), reading.manifest, t) if reading else None,
        nights=nights(stored.scores[:_SHOWN_SCORES], aisle.settings.drift_fall),
        has_real_data=stored.has_real_data,
    )
