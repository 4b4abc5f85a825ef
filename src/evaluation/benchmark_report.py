"""What was measured on somebody's own split, as one document: for people tables and sentences, for programs JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from src.core.domain import IntArray, JsonDict
from src.core.progress import Reporter
from src.evaluation.benchmark_metrics import (
    METRICS,
    ListFigures,
    ListMeter,
    ListTask,
    RatingErrors,
    Slice,
    list_task,
    n_seen_before,
    rating_errors,
    slices_of,
)
from src.evaluation.bootstrap import ResampledUsers
from src.evaluation.exact_lists import queries_of, top_lists
from src.evaluation.metrics import Estimate
from src.ingestion.benchmark_files import FileSummary, MappedTestRows
from src.interactions.interactions import TrainingData
from src.models import POPULARITY
from src.models.base import BlockScorer, Rater

_TITLES = {"recall": "recall", "ndcg": "NDCG", "precision": "precision", "hit_rate": "hit rate", "mrr": "MRR"}
Table = tuple[str, list[list[str]]]
"""(title, rows of text, the first one the header)."""


@dataclass(frozen=True)
class Cost:
    """What a training took. seconds: by the clock, tuning included. peak_mib: the most memory that the whole process
    held during it (or up to its end, where the system keeps no other count), data included. growth_mib: how far that
    is above what it held before; None where that is not known.
    """

    seconds: float
    peak_mib: float
    growth_mib: float | None

    def to_json(self) -> JsonDict:
        return {
            "train_seconds": round(self.seconds, 3),
            "peak_mib": round(self.peak_mib, 1),
            "growth_mib": None if self.growth_mib is None else round(self.growth_mib, 1),
        }


@dataclass(frozen=True)
class Fitted:
    """Everything that was trained, before anybody has looked at what it is measured on.

    data: what was learnt from. scorers: whose lists are measured, popularity always among them. raters: who predicts
    ratings. costs, checksums: model → what its training took, and a sha256 of what came of it. popular: int[n_items],
    products, the most popular first.
    """

    data: TrainingData
    scorers: Mapping[str, BlockScorer]
    raters: Mapping[str, Rater]
    costs: Mapping[str, Cost]
    checksums: Mapping[str, str]
    popular: IntArray


@dataclass(frozen=True)
class Scope:
    """What was learnt from, and what was measured on.

    relevant_rating: None if every test row is relevant. n_test_users: those with a relevant product. n_relevant: their
    pairs; n_relevant_unknown of them are of products unknown to training, n_relevant_seen were rated or purchased in
    training: both count, and no list can hold them.
    """

    n_events: int
    n_users: int
    n_items: int
    relevant_rating: float | None
    n_test_users: int
    n_known_users: int
    n_unknown_users: int
    n_relevant: int
    n_relevant_unknown: int
    n_relevant_seen: int

    @classmethod
    def of(cls, learnt: TrainingData, task: ListTask, relevant_rating: float | None) -> Scope:
        n_users, n_known, n_pairs = len(task.user_idx), int((task.user_idx >= 0).sum()), int(task.n_relevant.sum())
        return cls(
            n_events=len(learnt),
            n_users=len(learnt.users),
            n_items=len(learnt.items),
            relevant_rating=relevant_rating,
            n_test_users=n_users,
            n_known_users=n_known,
            n_unknown_users=n_users - n_known,
            n_relevant=n_pairs,
            n_relevant_unknown=n_pairs - len(task.relevant),
            n_relevant_seen=n_seen_before(task, learnt),
        )

    def sentences(self) -> list[str]:
        """How it was measured."""
        what = "every row of the test file"
        if self.relevant_rating is not None:
            what = f"a test rating of {self.relevant_rating:g} or better"
        said = [
            f"learnt from {self.n_events:,} events of {self.n_users:,} users and {self.n_items:,} products before the "
            f"test file was opened; relevant is {what}; ranked are all products but those that the user rated or "
            f"purchased in training; means over {self.n_test_users:,} test users with a relevant product, "
            f"{self.n_unknown_users:,} of them unknown to training, with 95 % intervals."
        ]
        if self.n_relevant_unknown:
            said.append(
                f"{self.n_relevant_unknown:,} of {self.n_relevant:,} relevant pairs are of products unknown to "
                "training: they count as missed."
            )
        if self.n_relevant_seen:
            said.append(
                f"{self.n_relevant_seen:,} of {self.n_relevant:,} relevant pairs are in training too: no list holds "
                "them, and they count as missed."
            )
        return said


@dataclass(frozen=True)
class BenchmarkReport:
    """Figures per model name. lists: empty when no test user has a relevant product; ratings: when no row has a rating.

    at: cut-offs, ascending. costs, checksums: of everything that was trained. files: "train", "valid", "test" → what
    became of it. about: what else is to be known of the training, in plain values.
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
        """Plain values. A figure is a number; "intervals" beside it holds its 95 % interval."""
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
        found = self.lists[name]
        return {
            **_plain(found.figures),
            **found.coverage,
            **self.costs[name].to_json(),
            "intervals": _intervals(found.figures),
            "beyond_popularity": {
                figure: {"value": gain.value, "low": gain.low, "high": gain.high}
                for figure, gain in found.beyond_popularity.items()
            },
            "slices": {
                group: {title: _slice(part) for title, part in parts.items()} for group, parts in found.slices.items()
            },
        }

    def sentences(self) -> list[str]:
        """What was read, and how it was measured."""
        return [*(line for read in self.files.values() for line in read.lines()), *self.scope.sentences()]

    def tables(self) -> list[Table]:
        """One a cut-off, then the slices at the last of them, then the ratings."""
        made = [self._lists_at(k) for k in self.at] + self._sliced_at(self.at[-1]) if self.lists else []
        if self.ratings:
            rows = [[name, _shown(each.rmse), _shown(each.mae)] for name, each in self.ratings.items()]
            made.append(("ratings", [["rating", "RMSE", "MAE"], *rows]))
        return made

    def _lists_at(self, k: int) -> Table:
        header = ["list", *(f"{_TITLES[metric]}@{k}" for metric in METRICS), "coverage", "training", "memory"]
        rows = [
            [
                name,
                *(_shown(each.figures[f"{metric}@{k}"]) for metric in METRICS),
                f"{each.coverage[f'coverage@{k}']:.1%}",
                f"{self.costs[name].seconds:,.1f} s",
                f"{self.costs[name].peak_mib:,.0f} MiB",
            ]
            for name, each in self.lists.items()
        ]
        return f"lists of {k}", [header, *rows]

    def _sliced_at(self, k: int) -> list[Table]:
        made = []
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
            made.append((f"{group}: {' / '.join(f'{_TITLES[metric]}@{k}' for metric in metrics)}", [header, *rows]))
        return made

    def summary(self) -> str:
        """Whether each model beats popularity at the last cut-off, in plain sentences."""
        if not self.lists:
            return "No row of the test file is relevant, so no list was measured; --relevant X says which ratings are."
        k = self.at[-1]
        said = []
        for name, figures in self.lists.items():
            gain = figures.beyond_popularity[f"ndcg@{k}"]
            outcome = "is not clearly better or worse than"
            if gain.low > 0 or gain.high < 0:
                outcome = "beats" if gain.low > 0 else "loses to"
            if name != POPULARITY:
                said.append(f"The list of {name} {outcome} popularity by NDCG@{k}: {gain.value:+.4f} {_range(gain)}.")
        return " ".join(said) or "Popularity alone was measured: --model all measures every model."


def measure_benchmark(
    fitted: Fitted,
    rows: MappedTestRows,
    at: Sequence[int],
    relevant_rating: float | None,
    files: Mapping[str, FileSummary],
    about: JsonDict,
    reporter: Reporter,
) -> BenchmarkReport:
    """Measure what was trained on rows that came after. at: cut-offs. relevant_rating: None if every row is relevant.

    files, about: what is known of the reading and the training, for the report.
    """
    cut_offs = tuple(sorted(set(at)))
    task = list_task(rows, relevant_rating, len(fitted.data.items))
    lists = _measure_lists(fitted, task, cut_offs, reporter) if len(task.user_idx) else {}
    ratings = {}
    if len(rows.data.ratings):
        reporter.step("measuring predicted ratings")
        ratings = {name: rating_errors(model, rows) for name, model in fitted.raters.items()}
    return BenchmarkReport(
        at=cut_offs,
        lists=lists,
        ratings=ratings,
        costs=dict(fitted.costs),
        checksums=dict(fitted.checksums),
        files=dict(files),
        scope=Scope.of(fitted.data, task, relevant_rating),
        about=about,
    )


def _measure_lists(fitted: Fitted, task: ListTask, at: tuple[int, ...], reporter: Reporter) -> dict[str, ListFigures]:
    queries, masked = queries_of(fitted.data, task.user_idx)

    def lists_of(name: str) -> IntArray:
        reporter.step(f"measuring the lists of {name} for {len(task.user_idx):,} users")
        return top_lists(fitted.scorers[name], queries, masked, at[-1], fill=fitted.popular, reporter=reporter)

    bar = lists_of(POPULARITY)
    meter = ListMeter(task, slices_of(task, fitted.data), at, bar, ResampledUsers(len(task.user_idx)))
    return {name: meter.figures(bar if name == POPULARITY else lists_of(name)) for name in fitted.scorers}


def _plain(figures: Mapping[str, Estimate]) -> JsonDict:
    return {name: estimate.value for name, estimate in figures.items()}


def _intervals(figures: Mapping[str, Estimate]) -> JsonDict:
    return {name: [estimate.low, estimate.high] for name, estimate in figures.items()}


def _slice(part: Slice) -> JsonDict:
    n_users, figures = part
    return {"n_users": n_users, **_plain(figures), "intervals": _intervals(figures)}


def _in_slice(part: Slice, figure: str) -> str:
    return f"{part[1][figure].value:.4f}" if figure in part[1] else "–"


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.4f} {_range(estimate)}"


def _range(estimate: Estimate) -> str:
    return f"[{estimate.low:.4f}, {estimate.high:.4f}]"
