"""Score the current release on events that it was not trained on, and request a training when its scores drift."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from src.core.domain import EventBatch
from src.core.errors import NoData
from src.core.gc_pause import gc_disabled
from src.core.messages import message
from src.core.progress import Reporter
from src.core.records import Run, Score
from src.core.settings import Settings
from src.evaluation.drift import SCORES_READ, describe_drift, detect_drift, score_of
from src.evaluation.plots import write_scores
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split
from src.releases.release import Release
from src.releases.shared_registry import open_registry
from src.store import Store
from src.workflows.run_records import CLOCKS_DIFFER_BY
from src.workflows.training_plan import TrainingRequest

_EARLY_TRAININGS_APART = 20 * 3_600  # seconds


def check_drift(
    settings: Settings, store: Store, reporter: Reporter, *, now: float | None = None
) -> tuple[Score, TrainingRequest | None]:
    """Score the current release, save the score and redraw the picture of all scores.

    Args:
        settings: where the release and the reports are, and how much a score may get worse.
        store: the events, the runs and the scores.
        now: the moment of the score, in UTC seconds; None for the clock's.

    Returns:
        The saved score, and the training that drift calls for. None without drift, and where such a training was
        started within the last 20 hours.

    Raises:
        NoRelease: there is no current release.
        ReleaseError: it cannot be read.
        NoData: the store holds no events.
        StoreError: the store does not answer.
    """
    at = int(time.time() if now is None else now)
    release = open_registry(settings).current()
    score = _score(settings, store, release, at, reporter)
    before = store.runs.scores(SCORES_READ)
    drift = detect_drift(score, before, settings.drift_fall)
    request = None
    if drift is not None:
        said = describe_drift(drift)
        if _trained_early(store.runs.newest(50), at):
            said = f"{said}; a training was started early for this today already"
        else:
            request = TrainingRequest(trigger="drift", why=said)
        score = replace(score, message=said)
    store.runs.save_score(score)
    with suppress(OSError):  # the picture is less important than the score
        write_scores([score, *before][::-1], settings.reports_dir / "scores.svg")
    return score, request


def _trained_early(runs: list[Run], at: int) -> bool:
    """Return whether drift started one of these runs less than 20 hours before `at`, in UTC seconds."""
    return any(
        run.trigger == "drift" and at - _EARLY_TRAININGS_APART < run.started_at <= at + CLOCKS_DIFFER_BY for run in runs
    )


def _score(settings: Settings, store: Store, release: Release, at: int, reporter: Reporter) -> Score:
    """Return the score of a release, with a message; it has no figures where there are no new events."""
    trained_on = release.manifest.data
    if trained_on is None or not trained_on.is_from_store or trained_on.read_at is None:
        return Score(at, release.version, message=message("score.unknown", version=release.version))
    reporter.step(message("step.reading_store"))
    parts = split_at(store, trained_on.read_at)
    if parts is None:
        return Score(at, release.version, message=message("score.nothing_new", version=release.version))
    reporter.step(message("step.scoring", version=release.version, n=len(parts.test)))
    score = score_of(
        release.pipeline,
        parts,
        at=at,
        release=release.version,
        relevant_rating=settings.relevant_rating,
        max_users=settings.evaluated_users,
    )
    figures = [
        f"{name} {value:.4f}"
        for name, value in (("NDCG@10", score.ndcg_at_10), ("recall@10", score.recall_at_10), ("RMSE", score.rmse))
        if value is not None
    ]
    if not figures:
        return replace(score, message=message("score.nothing_to_measure", version=score.release, n=score.n_events))
    return replace(score, message=f"release {score.release} on {score.n_events:,} new events: {', '.join(figures)}")


def split_at(store: Store, read_at: int) -> Split | None:
    """Split the events by the moment they were stored, in microseconds since 1970; None without a later event.

    Raises:
        NoData: the store holds no events.
    """
    n_new = 0

    def counted() -> Iterator[EventBatch]:
        nonlocal n_new
        for batch in store.events.read():
            assert batch.arrival_seq is not None
            n_new += int((batch.arrival_seq > read_at).sum())
            yield batch

    with gc_disabled():
        data: TrainingData = training_data(counted())  # in the order in which they were stored
    if not len(data):
        raise NoData(message("run.no_data"))
    if not n_new:
        return None
    border = len(data) - n_new
    return Split(data.take(np.arange(border)), data.take(np.arange(border, len(data))), "time", None)
