"""The report of a benchmark on given files: tables and sentences for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from src.core.domain import IntArray, JsonDict
from src.core.messages import message
from src.core.progress import Reporter
from src.core.records import Cost
from src.evaluation.benchmark_metrics import (
    METRICS,
    ListFigures,
    ListMeter,
    ListTask,
    RatingErrors,
    Slice,
    list_task,
    rating_errors,
    slices_of,
)
from src.evaluation.benchmark_scope import Fitted, Scope
from src.evaluation.bootstrap import ResampledUsers
from src.evaluation.exact_lists import queries_of, top_lists
from src.evaluation.metrics import AGAINST_POPULARITY, Estimate
from src.ingestion.benchmark_files import FileSummary, MappedTestRows
from src.models import POPULARITY

_TITLES = {"recall": "recall", "ndcg": "NDCG", "precision": "precision", "hit_rate": "hit rate", "mrr": "MRR"}
Table = tuple[str, list[list[str]]]
"""(title, rows of text, the first one the header)."""


@dataclass(frozen=True)
class BenchmarkReport:
    """Figures per model.

    Attributes:
        at: cut-offs, ascending.
        lists: model → figures; empty when no test user has a relevant product.
        ratings: model → errors; empty when no row has a rating.
        costs: model → time and memory of its training.
        checksums: model → sha256.
        files: "train", "valid", "test" → how it was read.
        scope: sizes of the data.
        about: further facts on the training, in plain values.
    """

    at: tuple[int, ...]
    lists: dict[str, ListFigures]
    ratings: dict[str, RatingErrors]
    costs: dict[str, Cost]
    checksums: dict[str, str]
    files: dict[str, FileSummary]
    scope: Scope
    about: JsonDict

    def to_json(self) -> JsonDict:
        """Return plain values. A figure is a number; "intervals" beside it holds its 95 % interval."""
        return {
            "models": {name: self._model(name) for name in self.lists},
            "rmse": {name: errors.rmse.value for name, errors in self.ratings.items()},
            "mae": {name: errors.mae.value for name, errors in self.ratings.items()},
            "protocol": {
                "at": list(self.at),
                **asdict(self.scope),
                "files": {name: read.to_json() for name, read in self.files.items()},
                "sha256": self.checksums,
                "costs": {name: cost.to_json() for name, cost in self.costs.items()},
                "rating_intervals": {
                    name: _intervals({"rmse": errors.rmse, "mae": errors.mae}) for name, errors in self.ratings.items()
                },
                **self.about,
            },
        }

    def _model(self, name: str) -> JsonDict:
        lists = self.lists[name]
        return {
            **_plain(lists.figures),
            **lists.coverage,
            **self.costs[name].to_json(),
            "intervals": _intervals(lists.figures),
            "beyond_popularity": {
                figure: {"value": gain.value, "low": gain.low, "high": gain.high}
                for figure, gain in lists.beyond_popularity.items()
            },
            "slices": {
                group: {title: _slice(part) for title, part in parts.items()} for group, parts in lists.slices.items()
            },
        }

    def sentences(self) -> list[str]:
        """Return sentences on how the files were read, and how it was measured."""
        return [*(line for read in self.files.values() for line in read.lines()), *self.scope.sentences()]

    def tables(self) -> list[Table]:
        """Return one table for each cut-off, then the slices at the last of them, then the ratings."""
        tables = [self._lists_at(k) for k in self.at] + self._sliced_at(self.at[-1]) if self.lists else []
        tables = [*_tuning_tables(self.about.get("tuning")), *tables]
        if self.ratings:
            rows = [[name, f"{each.rmse:.4f}", f"{each.mae:.4f}"] for name, each in self.ratings.items()]
            tables.append(("ratings", [["rating", "RMSE", "MAE"], *rows]))
        return tables

    def _lists_at(self, k: int) -> Table:
        header = ["list", *(f"{_TITLES[metric]}@{k}" for metric in METRICS), "coverage", "training", "memory"]
        header.append(AGAINST_POPULARITY)
        rows = [
            [
                name,
                *(f"{each.figures[f'{metric}@{k}']:.4f}" for metric in METRICS),
                f"{each.coverage[f'coverage@{k}']:.1%}",
                f"{self.costs[name].seconds:,.1f} s",
                f"{self.costs[name].peak_mib:,.0f} MiB",
                "" if name == POPULARITY else each.beyond_popularity[f"ndcg@{k}"].verdict(),
            ]
            for name, each in self.lists.items()
        ]
        return f"lists of {k}", [header, *rows]

    def _sliced_at(self, k: int) -> list[Table]:
        tables = []
        for group, parts in self.lists[POPULARITY].slices.items():
            metrics = [
                metric for metric in ("recall", "ndcg") if any(f"{metric}@{k}" in each for _, each in parts.values())
            ]
            header = ["list", *(f"{part} ({n:,} users)" for part, (n, _) in parts.items())]
            rows = [
                [
                    name,
                    *(" / ".join(_in_slice(part, f"{m}@{k}") for m in metrics) for part in each.slices[group].values()),
                ]
                for name, each in self.lists.items()
            ]
            tables.append((f"{group}: {' / '.join(f'{_TITLES[metric]}@{k}' for metric in metrics)}", [header, *rows]))
        return tables

    def summary(self) -> str:
        """Return which list has the highest NDCG at the last cut-off, and its difference to that of popularity."""
        if not self.lists:
            return "No row of the test file is relevant, so no list was measured; --relevant X says which ratings are."
        if list(self.lists) == [POPULARITY]:
            return "Popularity alone was measured: --model all measures every model."
        ndcg = f"ndcg@{self.at[-1]}"
        best = max(self.lists, key=lambda name: self.lists[name].figures[ndcg].value)
        gain = self.lists[best].beyond_popularity[ndcg]
        against = "" if best == POPULARITY else f", {gain:+.4f} against popularity"
        return f"Highest NDCG@{self.at[-1]}: {best}{against}."


_OF_THE_SUM = {"trials": "trials", "kept": "kept", "gain": "gain of other users by these", "seconds": "seconds"}


def _tuning_tables(tuning: Any) -> list[Table]:
    """Return tables of the searches of tuning: trials of each model, what they brought and how long they took."""
    recipe = (tuning or {}).get("recipe", {})
    searches = recipe.get("found", {}).get("searches")
    if not searches:
        return []
    header = ["model", "trials", "dropped early", "NDCG of the first", "of the best", "weight in the sum", "seconds"]
    rows = [
        [
            name,
            *(f"{each[key]}" for key in ("trials", "dropped", "first", "best")),
            f"{recipe['weights'].get(name, 0):g}",
            f"{each['seconds']:g}",
        ]
        for name, each in searches.items()
    ]
    second = {name: each["in_the_sum"] for name, each in searches.items() if "in_the_sum" in each}
    gains = [[name, *(f"{each[key]:g}" for key in _OF_THE_SUM)] for name, each in second.items()]
    tables = [("tuning on held-out events", [header, *rows])]
    if gains:
        tables.append(("tuning again, by the NDCG of the sum", [["model", *_OF_THE_SUM.values()], *gains]))
    return tables


@dataclass(frozen=True)
class BenchmarkFacts:
    """Facts about the reading and the training, for the report.

    Attributes:
        files: "train", "valid", "test" → how it was read.
        about: facts on the training, in plain values.
    """

    files: Mapping[str, FileSummary]
    about: JsonDict


def measure_benchmark(
    fitted: Fitted,
    rows: MappedTestRows,
    at: Sequence[int],
    relevant_rating: float | None,
    facts: BenchmarkFacts,
    reporter: Reporter,
) -> BenchmarkReport:
    """Measure trained models on a test file.

    Args:
        fitted: the models.
        rows: the test file.
        at: cut-offs.
        relevant_rating: lowest rating that counts as liked; None if every row is relevant.
        facts: for the report.

    Returns:
        The report.
    """
    cut_offs = tuple(sorted(set(at)))
    task = list_task(rows, relevant_rating, len(fitted.data.items))
    lists = _measure_lists(fitted, task, cut_offs, reporter) if len(task.user_idx) else {}
    ratings = {}
    if len(rows.data.ratings):
        reporter.step(message("step.measuring_ratings"))
        ratings = {name: rating_errors(model, rows) for name, model in fitted.raters.items()}
    return BenchmarkReport(
        at=cut_offs,
        lists=lists,
        ratings=ratings,
        costs=dict(fitted.costs),
        checksums=dict(fitted.checksums),
        files=dict(facts.files),
        scope=Scope.of(fitted.data, task, relevant_rating),
        about=facts.about,
    )


def _measure_lists(fitted: Fitted, task: ListTask, at: tuple[int, ...], reporter: Reporter) -> dict[str, ListFigures]:
    def lists_of(name: str) -> IntArray:
        reporter.step(message("step.measuring_lists", model=name, n=len(task.user_idx)))
        weighting = fitted.weightings.get(name, fitted.data.weighting)
        queries = queries_of(replace(fitted.data, weighting=weighting), task.user_idx)
        return top_lists(fitted.scorers[name], queries, at[-1], fill=fitted.popular, reporter=reporter)

    baseline = lists_of(POPULARITY)
    meter = ListMeter(task, slices_of(task, fitted.data), at, baseline, ResampledUsers(len(task.user_idx)))
    return {name: meter.figures(baseline if name == POPULARITY else lists_of(name)) for name in fitted.scorers}


def _plain(figures: Mapping[str, Estimate]) -> JsonDict:
    return {name: estimate.value for name, estimate in figures.items()}


def _intervals(figures: Mapping[str, Estimate]) -> JsonDict:
    return {name: [estimate.low, estimate.high] for name, estimate in figures.items()}


def _slice(part: Slice) -> JsonDict:
    n_users, figures = part
    return {"n_users": n_users, **_plain(figures), "intervals": _intervals(figures)}


def _in_slice(part: Slice, figure: str) -> str:
    return f"{part[1][figure].value:.4f}" if figure in part[1] else "–"
