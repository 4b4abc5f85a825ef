"""Pictures of a report, drawn without a display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from src.evaluation.metrics import Estimate
from src.evaluation.protocols import K
from src.evaluation.report import Report


def write_plots(report: Report, folder: Path) -> list[Path]:
    """lists.png and ratings.png, with 95 % intervals; only those for which something was measured."""
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


def _bars(groups: dict[str, list[Estimate]], labels: Sequence[str], title: str, path: Path) -> Path:
    figure = Figure(figsize=(2.5 + 1.3 * len(labels), 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    width = 0.8 / len(groups)
    for number, (name, estimates) in enumerate(groups.items()):
        at = [place + number * width for place in range(len(labels))]
        values = [estimate.value for estimate in estimates]
        # A percentile interval need not contain the mean; a bar cannot reach backwards.
        below = [max(0.0, estimate.value - estimate.low) for estimate in estimates]
        above = [max(0.0, estimate.high - estimate.value) for estimate in estimates]
        axes.bar(at, values, width, label=name, yerr=(below, above), capsize=3)
    axes.set_xticks([place + width * (len(groups) - 1) / 2 for place in range(len(labels))], labels)
    axes.set_title(title, fontsize=10)
    axes.legend()
    figure.savefig(path, dpi=120)
    return path
