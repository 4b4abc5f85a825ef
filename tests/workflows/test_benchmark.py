"""Benchmarks on a given split: everything is tuned and trained before the test file is opened."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray
from src.core.errors import InputError, UnknownName, UnusableFile
from src.core.progress import Reporter, Silent
from src.core.settings import Settings
from src.evaluation.benchmark_report import BenchmarkReport
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY, SVD, VBMF
from src.models.base import QueryBlock
from src.workflows import benchmark
from src.workflows.benchmark import Tuner, run_benchmark
from src.workflows.benchmark_request import PIPELINE, BenchmarkRequest
from src.workflows.checksums import checksum
from src.workflows.resource_usage import with_resource_usage
from tests.forked import run_script
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
GARBAGE = "this is no table at all\n"


@dataclass(frozen=True)
class Counts:
    """A stand-in model: scores are purchase counts times a tuned number."""

    counts: FloatArray

    def score_all(self, queries: QueryBlock) -> FloatArray:
        return np.tile(self.counts, (len(queries), 1))


@dataclass(frozen=True)
class Recipe:
    factor: float
    weighting: Weighting = field(default_factory=Weighting)

    def to_json(self) -> dict[str, float]:
        return {"factor": self.factor}


@dataclass
class StandIn:
    """A tuner that trains at once and records its arguments. trained: called after the last training."""

    trained: Callable[[], None] = lambda: None
    tuned_on: list[Split] = field(default_factory=list)
    learnt_from: list[TrainingData] = field(default_factory=list)
    budgets: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    relevant: list[float] = field(default_factory=list)

    def tune(self, settings: Settings, tuning: Split, budget_seconds: float, k: int, reporter: Reporter) -> Recipe:
        self.tuned_on.append(tuning)
        self.budgets.append(budget_seconds)
        self.lengths.append(k)
        self.relevant.append(settings.relevant_rating)
        return Recipe(2.0 + len(tuning.test) / 8)

    def fit(self, data: TrainingData, config: Recipe, seed: int, reporter: Reporter) -> Counts:
        self.learnt_from.append(data)
        self.trained()
        return Counts((config.factor * data.events.count_by_item()).astype(np.float32))

    def tuner(self) -> Tuner:
        return Tuner(self.tune, self.fit)


@dataclass(frozen=True)
class Files:
    """A split on disk."""

    train: Path
    test: Path
    valid: Path

    def job(self, **changes: Any) -> BenchmarkRequest:
        return replace(BenchmarkRequest(self.train, self.test), **changes)


def rows(n: int, *, start: int, rated: bool) -> str:
    pairs = list(dict.fromkeys((f"u{at * 7 % 23}", f"p{at * at % 31}") for at in range(start, start + n)))
    header = "user_id,item_id,value\n" if rated else "user_id,item_id\n"
    return header + "".join(
        f"{user},{item}{f',{1 + at % 5}' if rated else ''}\n" for at, (user, item) in enumerate(pairs)
    )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path / "train.csv", tmp_path / "test.csv", tmp_path / "valid.csv")
    made.train.write_text(rows(200, start=0, rated=False))
    made.valid.write_text(rows(9, start=300, rated=False))
    made.test.write_text(rows(40, start=1_000, rated=False))
    return made


@pytest.fixture
def rated_files(files: Files) -> Files:
    for path in (files.train, files.valid, files.test):
        path.write_text(rows(150, start=0 if path == files.train else 77, rated=True))
    return files


def evaluate(settings: Settings, job: BenchmarkRequest, stand_in: StandIn | None = None) -> BenchmarkReport:
    return run_benchmark(settings, job, Silent(), (stand_in or StandIn()).tuner())


@dataclass
class Asked:
    """A scorer that records the weights of the histories that it was asked for."""

    n_items: int
    weights: list[FloatArray] = field(default_factory=list)

    def score_all(self, queries: QueryBlock) -> FloatArray:
        self.weights.append(queries.history.data)
        return np.ones((len(queries), self.n_items), np.float32)


def test_the_pipeline_sees_histories_with_the_weighting_that_it_was_tuned_with(
    settings: Settings, files: Files
) -> None:
    scorers: list[Asked] = []

    class Halved(StandIn):
        def tune(self, *_: Any, **__: Any) -> Recipe:
            return Recipe(1.0, Weighting(kinds={"purchase": 0.5}))

        def fit(self, data: TrainingData, *_: Any) -> Any:
            scorers.append(Asked(len(data.items)))
            return scorers[-1]

    evaluate(settings, files.job(), Halved())
    weights = np.concatenate(scorers[0].weights)
    assert len(weights)
    np.testing.assert_allclose(weights % 0.25, 0, atol=1e-6)  # a purchase is 0.5, two of a pair 0.75
    assert weights.max() < 1


def test_the_pipeline_is_measured_beside_popularity(settings: Settings, files: Files) -> None:
    report = evaluate(settings, files.job())
    assert list(report.lists) == [POPULARITY, PIPELINE]
    assert report.lists[PIPELINE].figures == report.lists[POPULARITY].figures
    document = report.to_json()
    assert list(document["models"][PIPELINE])[:3] == ["recall@10", "ndcg@10", "precision@10"]  # type: ignore[index]
    assert document["protocol"]["tuning"]["recipe"]["factor"] > 2  # type: ignore[index]
    json.dumps(document, allow_nan=False)


def test_the_test_file_is_opened_when_everything_is_trained(
    settings: Settings, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    original = builtins.open

    def watched(file: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(file, (str, Path)) and Path(file).suffix == ".csv":
            log.append(Path(file).name)
        return original(file, *arguments, **options)

    monkeypatch.setattr(builtins, "open", watched)
    evaluate(settings, files.job(valid=files.valid), StandIn(lambda: log.append("trained")))
    assert log.count("trained") == 1
    assert set(log[: log.index("trained")]) == {"train.csv", "valid.csv"}
    assert set(log[log.index("trained") + 1 :]) == {"test.csv"}


def test_a_test_file_that_is_replaced_during_the_training_is_the_one_measured(settings: Settings, files: Files) -> None:
    text = files.test.read_text()
    expected = evaluate(settings, files.job()).lists
    files.test.write_text(GARBAGE)
    late = StandIn(lambda: files.test.write_text(text) and None)
    assert evaluate(settings, files.job(), late).lists == expected


def test_another_test_file_changes_no_model(settings: Settings, files: Files) -> None:
    one = evaluate(settings, files.job(valid=files.valid))
    files.test.write_text("user_id,item_id\nu1,p1\nsomebody,something\n")
    other = evaluate(settings, files.job(valid=files.valid))
    assert one.lists != other.lists
    assert one.checksums == other.checksums
    assert set(one.checksums) == {POPULARITY, PIPELINE}
    files.train.write_text(files.train.read_text() + "u1,p1\n")
    assert evaluate(settings, files.job(valid=files.valid)).checksums != one.checksums


@pytest.mark.parametrize("there", [False, True])
def test_a_test_file_that_cannot_be_read_is_reported_before_any_training(
    settings: Settings, files: Files, there: bool
) -> None:
    files.test.unlink()
    if there:
        files.test.mkdir()
    stand_in = StandIn()
    with pytest.raises(UnusableFile, match=r"test\.csv: .*--test"):
        evaluate(settings, files.job(), stand_in)
    assert stand_in.tuned_on == []


def test_a_test_file_of_garbage_is_one_clear_error(settings: Settings, files: Files) -> None:
    files.test.write_text(GARBAGE)
    with pytest.raises(UnusableFile, match=r"test\.csv: its columns are this, is.*Expected a user and a product a row"):
        evaluate(settings, files.job())


def test_the_valid_file_is_for_tuning_and_then_a_part_of_the_training_data(settings: Settings, files: Files) -> None:
    stand_in = StandIn()
    report = evaluate(settings, files.job(valid=files.valid, budget_seconds=7), stand_in)
    (tuning,), (learnt,) = stand_in.tuned_on, stand_in.learnt_from
    assert stand_in.budgets == [7]
    assert stand_in.lengths == [20]  # the longest list that is measured
    assert len(tuning.test) == report.files["valid"].rows.n_events
    assert len(tuning.train) < len(learnt)
    assert report.about["tuning"]["n_valid"] == len(tuning.test)  # type: ignore[index]


def test_without_a_valid_file_tuning_holds_out_a_part_of_train(settings: Settings, files: Files) -> None:
    stand_in = StandIn()
    evaluate(settings, files.job(), stand_in)
    (tuning,), (learnt,) = stand_in.tuned_on, stand_in.learnt_from
    assert len(tuning.train) + len(tuning.test) == len(learnt)
    assert 0 < len(tuning.test) < len(learnt) / 3


def test_a_named_model_is_trained_without_tuning(settings: Settings, files: Files) -> None:
    stand_in = StandIn()
    report = evaluate(settings, files.job(model=POPULARITY, at=(5,)), stand_in)
    assert stand_in.tuned_on == []
    assert list(report.lists) == list(report.costs) == [POPULARITY]
    assert report.at == (5,)


def test_all_means_every_model_and_the_pipeline(
    settings: Settings, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = {POPULARITY: MODELS[POPULARITY], "another": MODELS[POPULARITY]}
    monkeypatch.setattr(benchmark, "MODELS", two)
    monkeypatch.setattr(benchmark, "trainable", lambda data: two)
    report = evaluate(settings, files.job(model="all"))
    assert list(report.lists) == [POPULARITY, "another", PIPELINE]
    assert set(report.costs) == set(report.lists) == set(report.checksums)


def test_with_ratings_the_rating_models_are_measured_beside_the_pipeline(
    settings: Settings, rated_files: Files
) -> None:
    report = evaluate(settings, rated_files.job())
    assert list(report.ratings) == [POPULARITY, SVD, VBMF]
    assert list(report.lists) == [POPULARITY, PIPELINE]
    assert 0.5 < report.ratings[SVD].rmse.value < 3
    assert report.scope.relevant_rating == settings.relevant_rating
    lower = evaluate(settings, rated_files.job(relevant=2.0))
    assert lower.scope.relevant_rating == 2.0
    assert lower.scope.n_relevant > report.scope.n_relevant


@pytest.mark.parametrize(("relevant", "ones", "expected"), [(None, False, 4.0), (2.5, False, 2.5), (None, True, 1.0)])
def test_tuning_and_measurement_use_the_same_lowest_relevant_rating(
    settings: Settings, rated_files: Files, relevant: float | None, ones: bool, expected: float
) -> None:
    if ones:
        for path in (rated_files.train, rated_files.test):
            rows = [row.rpartition(",")[0] for row in path.read_text().split()[1:]]
            path.write_text("user_id,item_id,value\n" + "".join(f"{row},1\n" for row in rows))
    stand_in = StandIn()
    report = evaluate(settings, rated_files.job(relevant=relevant), stand_in)
    assert stand_in.relevant == [expected]
    assert report.scope.relevant_rating == (None if ones else expected)


def test_a_column_of_ones_is_not_taken_for_ratings(settings: Settings, files: Files) -> None:
    for path in (files.train, files.test):
        path.write_text("user_id,item_id,value\n" + "".join(f"{r},1\n" for r in path.read_text().split()[1:]))
    report = evaluate(settings, files.job(model=POPULARITY))
    assert report.scope.relevant_rating is None
    assert report.scope.n_relevant == len(files.test.read_text().split()) - 1


def test_repeating_it_gives_the_same_figures(settings: Settings, rated_files: Files) -> None:
    one, other = (evaluate(settings, rated_files.job(valid=rated_files.valid)) for _ in range(2))
    assert (one.lists, one.ratings, one.checksums) == (other.lists, other.ratings, other.checksums)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"train": "a"}, "--train came without --test"),
        ({"test": "a"}, "--test came without --train"),
        ({"model": "all"}, "--model came without --train and --test"),
        ({"train": "a", "test": "b", "release": "c"}, "--release came together"),
        ({"train": "a", "test": "b", "at": "10,0"}, "--at: '10,0' was found"),
        ({"train": "a", "test": "b", "at": "ten"}, "--at"),
        ({"train": "a", "test": "b", "at": ""}, "--at"),
        ({"train": "a", "test": "b", "budget": 0.0}, "--budget"),
        ({"train": "a", "test": "b", "budget": float("nan")}, "--budget"),
        ({"train": "a", "test": "b", "relevant": float("inf")}, "--relevant"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        BenchmarkRequest.from_options(options)


def test_an_unknown_model_is_refused_with_the_known_names() -> None:
    with pytest.raises(UnknownName, match="pipeline, all, popularity"):
        BenchmarkRequest.from_options({"train": "a", "test": "b", "model": "magic"})


def test_without_options_there_is_no_benchmark() -> None:
    assert BenchmarkRequest.from_options({"release": "x", "train": None}) is None
    job = BenchmarkRequest.from_options({"train": Path("a"), "test": Path("b"), "at": "20, 5,20", "budget": 60.0})
    assert job == BenchmarkRequest(Path("a"), Path("b"), at=(5, 20), budget_seconds=60.0)


def door(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AISLE_")}
    command = [sys.executable, str(ROOT / "evaluate_model.py"), *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )


def test_the_command_measures_a_split_and_writes_the_report(files: Files, tmp_path: Path) -> None:
    files.train.write_text(files.train.read_text() + "u1\n")
    arguments = ("--train", files.train, "--test", files.test, "--model", POPULARITY, "--at", "5", "--json", "out.json")
    done = door(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "1 rejected" in done.stdout
    assert "1 × missing field" in done.stdout
    assert "recall@5" in done.stdout
    document = json.loads((tmp_path / "out.json").read_text())
    assert set(document) == {"models", "rmse", "mae", "protocol"}
    assert 0 <= document["models"][POPULARITY]["recall@5"] <= 1
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--train", "train.csv"], "--train came without --test"),
        (["--train", "train.csv", "--test", "nothing.csv"], "nothing.csv: no such file"),
        (["--train", "train.csv", "--test", "test.csv", "--model", "magic"], "Expected one of pipeline"),
    ],
)
def test_the_command_reports_an_error_in_one_line(files: Files, arguments: list[str], said: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AISLE_")}
    done = run_script(ROOT / "evaluate_model.py", *arguments, folder=files.train.parent, environment=environment)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert said in line


@dataclass
class Held:
    """A model with every kind of field."""

    table: Any
    words: dict[str, Any]


class Plain:
    def __init__(self, value: object) -> None:
        self.value = value


def held(**changes: Any) -> Held:
    parts = {"sparse": csr_matrix(np.eye(3)), "text": "a", "plain": Plain(np.arange(3)), "none": None, "set": {1, 2}}
    return Held(np.arange(6.0).reshape(2, 3), {**parts, **changes})


def test_equal_content_has_one_checksum_in_any_order() -> None:
    one, other = held(), held()
    other.words = dict(reversed(other.words.items()))
    assert checksum(one) == checksum(other)
    assert checksum(np.arange(6)[::2]) == checksum(np.array([0, 2, 4]))


def test_any_change_of_a_model_changes_its_checksum() -> None:
    changed = [
        held(),
        held(sparse=csr_matrix(np.eye(3) * 2)),
        held(text="b"),
        held(plain=Plain(np.arange(4))),
        held(none=0),
        held(set={1, 3}),
        held(more=1),
        Held(np.arange(6.0).reshape(3, 2), held().words),
        Held(np.arange(6.0, dtype=np.float32).reshape(2, 3), held().words),
        Held(["a", "bc"], held().words),
        Held(["ab", "c"], held().words),
        Held(Counts, held().words),
    ]
    assert len({checksum(each) for each in changed}) == len(changed)


def test_the_cost_of_work_is_its_time_and_its_peak_memory() -> None:
    result, cost = with_resource_usage(lambda: float(np.ones(16_000_000).sum()))
    assert result == 16_000_000
    assert cost.seconds > 0
    assert cost.peak_mib > 122
    if cost.growth_mib is not None:  # Linux counts anew for every piece of work
        assert 100 < cost.growth_mib <= cost.peak_mib
        _, small = with_resource_usage(lambda: None)
        assert small.growth_mib is not None
        assert small.growth_mib < 50
