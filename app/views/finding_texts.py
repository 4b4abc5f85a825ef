"""Findings of the health checks in words."""

from __future__ import annotations

from typing import NamedTuple

from app.views.findings import (
    CurrentNotLoaded,
    DataUnsuspicious,
    DataWarnings,
    DiskFree,
    DiskLow,
    DiskUnreadable,
    Drifted,
    EventsOld,
    EventsRecent,
    EventsWithoutTime,
    Finding,
    Level,
    LoadAccepted,
    LoadRejected,
    NoLeader,
    NothingSearchable,
    NothingServed,
    NoWorkers,
    ReleaseOutdated,
    ReleaseProvisional,
    ReleaseVerified,
    RunKept,
    RunProblem,
    SchedulerLed,
    SchedulerOff,
    SearchDown,
    SearchNotBegun,
    SearchUp,
    StoreDown,
    StoreUp,
    WorkerProblem,
    WorkersAgree,
    WorkersDiffer,
)
from app.views.template_filters import ago, duration, moment, size
from src.core.number_format import percent
from src.core.records import Load, RunStatus
from src.evaluation.drift import describe_drift

LEVEL_WORDS = {
    Level.GOOD: "good",
    Level.NOTE: "worth knowing",
    Level.WARN: "needs a look",
    Level.BAD: "broken",
}


class FindingText(NamedTuple):
    """A finding in words.

    Attributes:
        level: How serious it is.
        name: The part that was checked.
        state: The state of the part.
        advice: What to do, or what comes next; "" for nothing.
        section: The section of the dashboard with more about it; "" for none.
    """

    level: Level
    name: str
    state: str
    advice: str = ""
    section: str = ""

    @property
    def level_word(self) -> str:
        """The level in words."""
        return LEVEL_WORDS[self.level]


def text_of(finding: Finding) -> FindingText:
    """Return a finding in words."""
    return FindingText(finding.level, *_words(finding))


def _words(finding: Finding) -> tuple[str, ...]:
    """Return (name, state), (name, state, advice) or (name, state, advice, section)."""
    for words in (_of_serving, _of_processes, _of_data, _of_trainings):
        if text := words(finding):
            return text
    raise TypeError(f"no words for {type(finding).__name__}; add them to {__name__}")


def _of_serving(finding: Finding) -> tuple[str, ...]:
    match finding:
        case NothingServed(""):
            advice = "Load a file with python data_processing.py FILE, then python train_model.py."
            return "Release", "No release is served: every list is answered with 503.", advice
        case NothingServed(problem):
            return "Release", problem
        case CurrentNotLoaded(problem):
            advice = "Activate another release, or train again with python train_model.py."
            return "Release", problem, advice, "releases"
        case ReleaseOutdated(version):
            state = f"This worker still serves {version}; another release was activated just now."
            return "Release", state, "", "releases"
        case ReleaseProvisional():
            advice = "The trained release is taken up by itself. If no training runs: python train_model.py."
            return "Release", "Popular products are listed, unmeasured, until the first training has ended.", advice
        case ReleaseVerified():
            return "Release", "Every byte of what is served was verified."
        case NothingSearchable(problem) | SearchDown(problem):
            return "Search", f"{problem[:1].upper()}{problem[1:]}."
        case SearchNotBegun():
            return "Search", "It begins with the first release."
        case SearchUp(n_products, encoder):
            return "Search", f"{n_products:,} products, by words" + (f" and by {encoder}." if encoder else ".")
    return ()


def _of_processes(finding: Finding) -> tuple[str, ...]:
    match finding:
        case StoreDown():
            advice = "Lists are answered without what people did lately."
            advice += " Check that the database runs and its disk has space."
            return "Store", "It does not answer; the log says why.", advice
        case StoreUp(None):
            return "Store", "It answers."
        case StoreUp(changed_at):
            return "Store", f"It answers; an event was last stored {ago(changed_at or 0)}."
        case NoWorkers():
            return "Workers", "None has reported itself: this is no server of several workers."
        case WorkerProblem(problem):
            return "Workers", problem, "What cannot be loaded is not served; see Releases.", "releases"
        case WorkersDiffer(versions):
            state = f"They serve different releases: {', '.join(versions)}."
            return "Workers", state, "All take up the current one within seconds; look again."
        case WorkersAgree(n_workers, version):
            workers = "1 worker serves" if n_workers == 1 else f"{n_workers} workers serve"
            return "Workers", f"{workers} {version or 'no release yet'}."
        case DiskUnreadable(reason):
            return "Disk", f"The folder AISLE_VAR cannot be read ({reason})."
        case DiskLow(free, total, needed):
            advice = f"A training needs room for a whole release beside the others; free {size(needed)} or more."
            return "Disk", f"{size(free)} of {size(total)} are free.", advice
        case DiskFree(free, total):
            return "Disk", f"{size(free)} of {size(total)} are free."
    return ()


def _of_data(finding: Finding) -> tuple[str, ...]:
    match finding:
        case EventsWithoutTime():
            return "Newest event", "The events that were learnt carry no time."
        case EventsOld(newest_at):
            advice = "Does the shop still send its events (POST /events, or a nightly file)?"
            return "Newest event", _newest(newest_at), advice
        case EventsRecent(newest_at):
            return "Newest event", _newest(newest_at)
        case DataUnsuspicious():
            return "Data checks", "Nothing stood out when the release was trained."
        case DataWarnings(first, n_warnings):
            more = f" (and {n_warnings - 1} more)" if n_warnings > 1 else ""
            return "Data checks", f"When the release was trained: {first}{more}", "", "runs"
        case LoadAccepted(load):
            return "Last file", _rows(load)
        case LoadRejected(load, share, reason):
            advice = f"{percent(share)} were rejected, most for “{reason}”; var/rejects has them by line."
            return "Last file", _rows(load), advice
    return ()


def _newest(newest_at: int) -> str:
    return f"What is served has learnt up to {moment(newest_at)} UTC, {ago(newest_at)}."


def _rows(load: Load) -> str:
    return f"{load.file}, {ago(load.loaded_at)}: {load.n_kept:,} of {load.n_read:,} rows kept."


def _of_trainings(finding: Finding) -> tuple[str, ...]:
    match finding:
        case SchedulerOff():
            return "Night", "AISLE_SCHEDULER is off: something else starts the nightly training."
        case NoLeader():
            advice = "A worker takes the lead within seconds; if none does, the log of the web server says why."
            return "Night", "No worker leads, so nothing starts the nightly training.", advice, "runs"
        case SchedulerLed(leader):
            return "Night", f"{leader} leads and starts the nightly training."
        case RunKept():
            state = f"The last run ended {_when(finding)}, and the gate kept the old release: {finding.message}"
            return "Last run", state, "Its figures stand under Runs.", "runs"
        case RunProblem(RunStatus.FAILED):
            advice = "What was served before is served on."
            advice += " The whole output is in var/training.log; mend that and train again."
            return "Last run", f"The last run failed {_when(finding)}: {finding.message}", advice, "runs"
        case RunProblem():
            advice = "A night's run is taken up again by itself, three times at most; others must be started anew."
            return "Last run", f"The last run was interrupted {_when(finding)}: {finding.message}", advice, "runs"
        case Drifted(drift):
            return "Nights", f"{describe_drift(drift)}.", "A training was started, or will be.", "nights"
    return ()


def _when(run: RunProblem) -> str:
    return f"{ago(run.finished_at)}, after {duration(run.finished_at - run.started_at)}"
