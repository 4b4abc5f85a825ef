"""Findings of the health checks in words."""

from __future__ import annotations

from typing import NamedTuple

from app.texts.phrases import Phrases
from app.views import findings
from app.views.canary_texts import canary_sentence
from app.views.findings import Finding, Level
from app.views.message_texts import message_text, quoted
from app.views.rejection_texts import rejection_text
from app.views.verdict_texts import check_text, reasons_text
from src.core.messages import from_record
from src.core.records import Load, RunStatus
from src.evaluation.drift import Drift, DriftKind


class FindingText(NamedTuple):
    """A finding in words.

    Attributes:
        level: How serious it is.
        name: The part that was checked.
        state: The state of the part.
        advice: What to do, or what comes next; "" for nothing.
    """

    level: Level
    name: str
    state: str
    advice: str = ""


def text_of(finding: Finding, t: Phrases, var: str = "var") -> FindingText:
    """Put a finding into words; `var` is the folder AISLE_VAR, which advice names.

    Raises:
        TypeError: for a finding without words.
    """
    for words in (_of_serving, _of_processes, _of_disk, _of_data):
        if text := words(finding, t):
            return FindingText(finding.level, *text)
    if text := _of_trainings(finding, t, var):
        return FindingText(finding.level, *text)
    raise TypeError(f"no words for {type(finding).__name__}; add them to {__name__}")


def _of_serving(finding: Finding, t: Phrases) -> tuple[str, ...]:
    match finding:
        case findings.NothingServed(""):
            return t("part.release"), t("is.nothing_served"), t("do.load_and_train")
        case findings.NothingServed(problem):
            return t("part.release"), quoted(problem, t)
        case findings.CurrentNotLoaded(problem):
            return t("part.release"), quoted(problem, t), t("do.activate_or_train")
        case findings.SharedReleasesUnseen(problem, read_at):
            when = {"when": t.ago(read_at)} if read_at else {}
            state = t("is.shared_unseen" if read_at else "is.shared_never", problem=quoted(problem, t), **when)
            return t("part.release"), state, t("do.shared_unseen")
        case findings.ReleaseOutdated(version):
            return t("part.release"), t("is.outdated", version=version)
        case findings.ReleaseProvisional():
            return t("part.release"), t("is.provisional"), t("do.wait_for_training")
        case findings.ReleaseVerified():
            return t("part.release"), t("is.verified")
        case findings.NothingSearchable(problem) | findings.SearchDown(problem):
            said = message_text(from_record(problem), t)
            return t("part.search"), type(said)(f"{said[:1].upper()}{said[1:]}.")
        case findings.SearchNotBegun():
            return t("part.search"), t("is.search_later")
        case findings.SearchUp(n_products, None):
            return t("part.search"), t("is.search_words", n=n_products)
        case findings.SearchUp(n_products, encoder):
            return t("part.search"), t("is.search_up", n=n_products, encoder=encoder)
    return ()


def _of_processes(finding: Finding, t: Phrases) -> tuple[str, ...]:
    match finding:
        case findings.StoreDown():
            return t("part.store"), t("is.store_down"), t("do.store_down")
        case findings.StoreDamaged(fault, checked_at):
            damaged = t("is.store_damaged", fault=quoted(fault, t), ago=t.ago(checked_at))
            return t("part.store"), damaged, t("do.store_damaged")
        case findings.StoreUp(None):
            return t("part.store"), t("is.store_up")
        case findings.StoreUp(changed_at):
            return t("part.store"), t("is.store_changed", ago=t.ago(changed_at or 0))
        case findings.NoWorkers():
            return t("part.workers"), t("is.no_workers")
        case findings.WorkerProblem(problem):
            return t("part.workers"), quoted(problem, t), t("do.worker_problem")
        case findings.WorkersDiffer(versions):
            return t("part.workers"), t("is.workers_differ", versions=", ".join(versions)), t("do.workers_differ")
        case findings.WorkersAgree(n_workers, version):
            return t("part.workers"), t("is.workers_agree", n=n_workers, version=version or "–")
    return ()


def _of_disk(finding: Finding, t: Phrases) -> tuple[str, ...]:
    match finding:
        case findings.DiskUnreadable(reason):
            return t("part.disk"), t("is.disk_unreadable", reason=quoted(reason or "", t))
        case findings.DiskLow(free, total, needed):
            advice = t("do.disk_low", needed=t.size(needed))
            return t("part.disk"), t("is.disk", free=t.size(free), total=t.size(total)), advice
        case findings.DiskFree(free, total):
            return t("part.disk"), t("is.disk", free=t.size(free), total=t.size(total))
    return ()


def _of_data(finding: Finding, t: Phrases) -> tuple[str, ...]:
    match finding:
        case findings.EventsWithoutTime():
            return t("part.newest"), t("is.no_time")
        case findings.EventsOld(newest_at):
            return t("part.newest"), _newest(newest_at, t), t("do.events_old")
        case findings.EventsRecent(newest_at):
            return t("part.newest"), _newest(newest_at, t)
        case findings.DataUnsuspicious():
            return t("part.checks"), t("is.no_warnings")
        case findings.DataWarnings(first, n_warnings, check):
            said = check_text(check, t) if check else quoted(first, t)
            key = "is.warnings" if n_warnings == 1 else "is.warnings_more"
            return t("part.checks"), t(key, first=said, **({"more": n_warnings - 1} if n_warnings > 1 else {}))
        case findings.IdsUnknown(load, noun, share):
            state = t("is.ids_unknown", share=t.percent(share), what=t.named("unit", noun))
            return t("part.file", file=load.file), f"{_rows(load, t)} {state}", t("do.ids_unknown")
        case findings.LoadsAccepted():
            return t("part.files"), t("is.files_good")
        case findings.LoadRejected(load, share, reason):
            advice = t("do.load_rejected", share=t.percent(share), reason=rejection_text(reason, t))
            return t("part.file", file=load.file), _rows(load, t), advice
    return ()


def _newest(newest_at: int, t: Phrases) -> str:
    return t("is.newest", at=t.event_moment(newest_at), ago=t.ago(newest_at))


def _rows(load: Load, t: Phrases) -> str:
    return t("is.load", ago=t.ago(load.loaded_at), kept=load.n_kept, read=load.n_read)


def _of_trainings(finding: Finding, t: Phrases, var: str) -> tuple[str, ...]:
    match finding:
        case findings.SchedulerOff():
            return t("part.night"), t("is.scheduler_off")
        case findings.NoLeader():
            return t("part.night"), t("is.no_leader"), t("do.no_leader")
        case findings.SchedulerLed(leader):
            return t("part.night"), t("is.led", leader=leader)
        case findings.NothingPublished():
            state = t("is.nothing_published", when=_when(finding, t), why=_why(finding, t))
            return t("part.release"), state, t("do.nothing_published")
        case findings.RunKept():
            state = t("is.run_kept", when=_when(finding, t), why=_why(finding, t))
            return t("part.run"), state, t("do.run_kept")
        case findings.RunProblem(RunStatus.FAILED):
            advice = t("do.run_failed", file=f"{var}/training.log")
            return t("part.run"), t("is.run_failed", when=_when(finding, t), why=_ending(finding, t)), advice
        case findings.RunProblem():
            state = t("is.run_interrupted", when=_when(finding, t), why=_ending(finding, t))
            return t("part.run"), state, t("do.run_interrupted")
        case findings.CanaryFell(canary):
            state = t("is.canary_fell", release=canary.release, why=canary_sentence(canary, t))
            return t("part.run"), state, t("do.canary_fell")
        case findings.Drifted(drift):
            return t("part.drift"), _drifted(drift, t), t("do.drift")
    return ()


def _ending(run: findings.RunProblem, t: Phrases) -> str:
    return message_text(from_record(run.message), t)


def _why(run: findings.RunProblem, t: Phrases) -> str:
    return reasons_text(run.verdict, _ending(run, t), t)


def _drifted(drift: Drift, t: Phrases) -> str:
    key = "drift.fell" if drift.kind is DriftKind.LISTS else "drift.rose"
    figures = {"now": drift.now, "best": drift.now_at_best, "before": drift.before, "bound": drift.bound}
    return t(key, **{name: t.figure(value, 4) for name, value in figures.items()})


def _when(run: findings.RunProblem, t: Phrases) -> str:
    return t("is.when", ago=t.ago(run.finished_at), time=t.duration(run.finished_at - run.started_at))
