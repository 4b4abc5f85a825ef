"""Charts of a report as files, drawn without a display."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from src.core.records import Score
from src.evaluation.metrics import Estimate
from src.evaluation.report import Report
from src.evaluation.task_lists import K

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_plots(report: Report, folder: Path) -> list[Path]:
    """Write lists.png and ratings.png, with 95 % intervals, to a folder; a chart without figures is left out."""
    written = []
    if report.lists:
        groups = {
            name: [f.ndcg_at_10, f.precision_at_10, f.recall_at_10, f.hit_rate_at_10, f.mrr_at_10]
            for name, f in report.lists.items()
        }
        labels = [f"{metric}@{K}" for metric in ("NDCG", "precision", "recall", "hit rate", "MRR")]
        title = f"Lists of {K} out of {report.n_items:,} products, {report.n_ranked_users:,} test users"
        written.append(_bars(groups, labels, title, folder / "lists.png"))
    if report.ratings:
        rated = {name: [f.rmse, f.mae] for name, f in report.ratings.items()}
        title = "Errors of predicted ratings (lower is better)"
        written.append(_bars(rated, ["RMSE", "MAE"], title, folder / "ratings.png"))
    return written


def write_scores(scores: Sequence[Score], path: Path) -> Path | None:
    """Write NDCG@10 and recall@10 on new events, and RMSE on new ratings, over time, as one SVG.

    A dotted line marks where another release began to serve.

    Args:
        scores: oldest first.
        path: of the file; its folder is created.

    Returns:
        The path; None where the scores hold no figure, and nothing is written.
    """
    lists = [score for score in scores if score.ndcg_at_10 is not None]
    rated = [score for score in scores if score.rmse is not None]
    if not lists and not rated:
        return None
    figure = _figure(8, 5)
    above, below = figure.subplots(2, sharex=True)
    days = [_day(score.at) for score in lists]
    above.plot(days, [score.ndcg_at_10 for score in lists], marker=".", label=f"NDCG@{K}")
    low, high = ([getattr(score, name) or 0.0 for score in lists] for name in ("ndcg_low", "ndcg_high"))
    above.fill_between(days, low, high, alpha=0.2)
    above.plot(days, [score.recall_at_10 for score in lists], marker=".", label=f"recall@{K}")
    below.plot([_day(score.at) for score in rated], [score.rmse for score in rated], marker=".", label="RMSE")
    for before, after in pairwise(scores):
        if before.release != after.release:
            for axes in (above, below):
                axes.axvline(_day(after.at), linestyle=":", color="grey", linewidth=0.8)
    for axes in (above, below):
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower left")
    figure.suptitle("The current release on events it had not seen, with 95 % interval", fontsize=10)
    figure.autofmt_xdate()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
    return path


def _figure(width: float, height: float) -> Figure:
    # Not at the top: it takes a third of the start of a training, and most trainings draw nothing.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _day(at: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, dt.UTC)


def _bars(groups: dict[str, list[Estimate]], labels: Sequence[str], title: str, path: Path) -> Path:
    figure = _figure(2.5 + 1.3 * len(labels), 4)
    axes = figure.subplots()
    width = 0.8 / len(groups)
    for number, (name, estimates) in enumerate(groups.items()):
        at = [place + number * width for place in range(len(labels))]
        values = [estimate.value for estimate in estimates]
        # A percentile interval need not contain the mean, and an error bar must not be negative.
        below = [max(0.0, estimate.value - estimate.low) for estimate in estimates]
        above = [max(0.0, estimate.high - estimate.value) for estimate in estimates]
        axes.bar(at, values, width, label=name, yerr=(below, above), capsize=3)
    axes.set_xticks([place + width * (len(groups) - 1) / 2 for place in range(len(labels))], labels)
    axes.set_title(title, fontsize=10)
    axes.legend()
    figure.savefig(path, dpi=120)
    return path
