"""Score the current release on the events that it has not seen, keep the series, and say when it has fallen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from src.core.domain import EventBatch
from src.core.errors import NoData
from src.core.gc_pause import gc_disabled
from src.core.progress import Reporter
from src.core.records import Run, Score
from src.core.settings import Settings
from src.evaluation.drift import fall_of, score_of
from src.evaluation.plots import write_scores
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split
from src.releases.registry import Registry
from src.releases.release import Release
from src.store import Store
from src.workflows.run_records import CLOCKS_DIFFER_BY
from src.workflows.training_plan import TrainingRequest

KEPT_SCORES = 200
"""So many are looked at and drawn."""
_EARLY_RUNS_APART = 20 * 3_600


def check_drift(
    settings: Settings, store: Store, reporter: Reporter, *, now: float | None = None
) -> tuple[Score, TrainingRequest | None]:
    """(the score of the current release, which is kept; the training that a fall calls for, if it does).

    At most one training a day is started early. Raises NoRelease, ReleaseError, StoreError.
    """
    at = int(time.time() if now is None else now)
    release = Registry(settings.releases_dir).current()
    score = _score(settings, store, release, at, reporter)
    before = store.journal.scores(KEPT_SCORES)
    why = fall_of(score, before, settings.drift_fall)
    job = None
    if why and _ran_early(store.journal.runs(50), at):
        why = f"{why}; a training was started early for this today already"
    elif why:
        job = TrainingRequest(trigger="drift", why=why)
    score = replace(score, message=why or score.message)
    store.journal.save_score(score)
    with suppress(OSError):  # a picture is no reason to end a night
        write_scores([score, *before][::-1], settings.reports_dir / "scores.svg")
    return score, job


def _ran_early(runs: list[Run], at: int) -> bool:
    return any(
        run.trigger == "drift" and at - _EARLY_RUNS_APART < run.started_at <= at + CLOCKS_DIFFER_BY for run in runs
    )


def _score(settings: Settings, store: Store, release: Release, at: int, reporter: Reporter) -> Score:
    learnt = release.manifest.data
    if learnt is None or not learnt.is_from_store or learnt.read_at is None:
        said = f"release {release.version} does not say which events of the store it has seen, so it is not scored"
        return Score(at, release.version, message=said)
    reporter.step("reading the store")
    parts = _parts(store, learnt.read_at)
    if parts is None:
        return Score(at, release.version, message=f"no event is newer than release {release.version}")
    reporter.step(f"scoring release {release.version} on {len(parts.test):,} events that it has not seen")
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
    said = (
        f"release {release.version} on {score.n_events:,} new events: {', '.join(figures) or 'nothing to measure by'}"
    )
    return replace(score, message=said)


def _parts(store: Store, read_at: int) -> Split | None:
    """What was stored before a moment (microseconds since 1970), and what since; None if nothing was."""
    n_new = 0

    def counted() -> Iterator[EventBatch]:
        nonlocal n_new
        for batch in store.read_events():
            assert batch.number is not None
            n_new += int((batch.number > read_at).sum())
            yield batch

    with gc_disabled():
        data: TrainingData = training_data(counted())  # in the order of the numbers
    if not len(data):
        raise NoData("the store holds no events: run python data_processing.py FILE")
    if not n_new:
        return None
    border = len(data) - n_new
    return Split(data.take(np.arange(border)), data.take(np.arange(border, len(data))), "time", None)
