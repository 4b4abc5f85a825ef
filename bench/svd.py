"""Compare the compiled SVD with Surprise's and with VBMF: seconds, memory and RMSE, in one run.

    python -m bench.svd FILE.csv [LARGER.csv]

The files contain user,product,rating[,time] without a header, some millions of rows. Each fit runs in a process of its
own, so that peaks of memory are separate. 5 % of the rows are held out. Surprise does not run on LARGER.csv, as its
memory might not suffice. Then the time of an epoch is measured for growing parts of the last file, and RMSE on the
public data sets in ../shared/data, if present.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from surprise import SVD, Dataset, Reader, accuracy
from surprise.model_selection import KFold, train_test_split

from src.core.domain import EventKind
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.vocabulary import Vocabulary
from src.models import svd, vbmf
from src.models.factorization import Factorization

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SCALE = (1.0, 5.0)
TUNED = {"n_epochs": 20, "lr_all": 0.01, "reg_all": 0.2}
_HELD_OUT = 20
_ARRAYS = ("user_idx", "item_idx", "value", "at")
_RUNS = ("surprise", "numba, 1 thread, Surprise's order", "numba, 1 thread", "numba", "vbmf")
_KIB_A_GB = 1e6
_CONSOLE = Console(width=160)


def _read(path: str) -> tuple[Interactions, Interactions]:
    """Return training and held-out ratings over one vocabulary, in the order of the file."""
    frame = pd.read_csv(path, header=None, usecols=[0, 1, 2], names=["user", "item", "rating"])
    held_out = np.random.default_rng(0).permutation(len(frame)) % _HELD_OUT == 0
    everything = _interactions(frame)
    return everything.take(np.flatnonzero(~held_out)), everything.take(np.flatnonzero(held_out))


def _write(ratings: Interactions, folder: Path) -> None:
    ratings.users.save(folder / "users")
    ratings.items.save(folder / "items")
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(ratings, name))


def _mapped(folder: Path) -> Interactions:
    arrays = {name: np.load(folder / f"{name}.npy") for name in _ARRAYS}
    return Interactions(Vocabulary.load(folder / "users"), Vocabulary.load(folder / "items"), **arrays)


def _interactions(frame: pd.DataFrame) -> Interactions:
    user, users = pd.factorize(frame.iloc[:, 0].astype(str))
    item, items = pd.factorize(frame.iloc[:, 1].astype(str))
    return Interactions(
        Vocabulary.of(users.tolist()),
        Vocabulary.of(items.tolist()),
        user.astype(np.int32),
        item.astype(np.int32),
        frame.iloc[:, 2].to_numpy(np.float32),
        np.zeros(len(frame), np.int64),
    )


def _rmse(predicted: Any, true: Any) -> float:
    return float(np.sqrt(np.mean((np.clip(predicted, *SCALE) - true) ** 2)))


def _memory(name: str) -> float:
    """Return GB: "VmRSS" now, "VmHWM" at the peak; getrusage would include the peak of the parent process."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) / _KIB_A_GB


def one(run: str, folder: str) -> dict[str, float]:
    """Run one fit.

    Args:
        run: one of _RUNS.
        folder: contains the ratings.

    Returns:
        Seconds to compile, to make the trainset and to fit, peak GB above the memory before, and RMSE.
    """
    learn, test = _mapped(Path(folder) / "learn"), _mapped(Path(folder) / "test")
    if run == "surprise":
        return _by_surprise(learn, test)
    from src.models.kernels import svd_trainer, svd_trainset, vbmf_trainer

    few = learn.take(np.arange(1000))
    started = time.perf_counter()
    if run == "vbmf":
        vbmf_trainer.fit(few, factors=8, sweeps=1, seed=1)
    else:
        order = "surprise" if "order" in run else "blocks"
        options = {"order": order, "n_threads": 1 if "1 thread" in run else None, "random_state": 1}
        svd_trainer.CompiledSVD(n_epochs=1, **options).fit(svd_trainset.ArrayTrainset(few, SCALE))
    warm, before = time.perf_counter(), _memory("VmRSS")
    if run == "vbmf":
        fitted, ready = vbmf_trainer.fit(learn, factors=8, sweeps=30, seed=1), warm
        done, peak = time.perf_counter(), _memory("VmHWM")
        model = vbmf.Vbmf.of(fitted, vbmf.VbmfParams(*SCALE), learn)
        predicted = model.rate(test.user_idx, test.item_idx)
    else:
        trainset = svd_trainset.ArrayTrainset(learn, SCALE)
        ready = time.perf_counter()
        algorithm = svd_trainer.CompiledSVD(**options).fit(trainset)
        done, peak = time.perf_counter(), _memory("VmHWM")
        user, item = trainset.users.inner[test.user_idx], trainset.items.inner[test.item_idx]
        predicted = _predicted(algorithm, user, item)
    return _figures(warm - started, ready - warm, done - ready, peak - before, _rmse(predicted, test.value))


def _by_surprise(learn: Interactions, test: Interactions) -> dict[str, float]:
    before, started = _memory("VmRSS"), time.perf_counter()
    frame = pd.DataFrame({"user": learn.user_idx, "item": learn.item_idx, "rating": learn.value})
    trainset = Dataset.load_from_df(frame, Reader(rating_scale=SCALE)).build_full_trainset()
    ready = time.perf_counter()
    algorithm = SVD(random_state=1).fit(trainset)
    done, peak = time.perf_counter(), _memory("VmHWM")
    user = np.array([trainset._raw2inner_id_users.get(raw, -1) for raw in test.user_idx.tolist()])
    item = np.array([trainset._raw2inner_id_items.get(raw, -1) for raw in test.item_idx.tolist()])
    return _figures(
        0, ready - started, done - ready, peak - before, _rmse(_predicted(algorithm, user, item), test.value)
    )


def _predicted(algorithm: Any, user: Any, item: Any) -> Any:
    """Return Surprise's `estimate` for many pairs; -1 is unknown."""
    known_user, known_item = user >= 0, item >= 0
    product = np.einsum("nf,nf->n", algorithm.pu[user], algorithm.qi[item])
    bias = np.where(known_user, algorithm.bu[user], 0) + np.where(known_item, algorithm.bi[item], 0)
    return algorithm.trainset.global_mean + bias + np.where(known_user & known_item, product, 0)


def _figures(*figures: float) -> dict[str, float]:
    return dict(zip(("compile", "trainset", "fit", "memory", "rmse"), figures, strict=True))


def engines(path: str, runs: tuple[str, ...]) -> None:
    """Run fits on a file, each in a process of its own, and print a table.

    Args:
        path: of the file.
        runs: some of _RUNS.
    """
    table = Table(
        path, "compile s", "trainset s", "fit s", "both, speed relative to the first", "peak GB", "RMSE held out"
    )
    reference = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for ratings, name in zip(_read(path), ("learn", "test"), strict=True):
            _write(ratings, Path(folder) / name)
        for run in runs:
            command = [sys.executable, "-m", "bench.svd", "--one", run, folder]
            figures = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
            both = figures["trainset"] + figures["fit"]
            reference = reference or both
            seconds = (f"{figures[name]:.2f}" for name in ("compile", "trainset", "fit"))
            table.add_row(
                run, *seconds, f"{reference / both:.1f}", f"{figures['memory']:.2f}", f"{figures['rmse']:.4f}"
            )
    _CONSOLE.print(table)


def growth(path: str) -> None:
    """Print the seconds of an epoch for the first eighth, quarter, half and all of a file, in its order and at random.

    In random order, neighbouring rows have no product in common.
    """
    from src.models.kernels.svd_trainset import ArrayTrainset

    everything, _ = _read(path)
    table = Table("an epoch", "ratings", "in the file's order: s", "ns a rating", "in random order: s", "ns a rating")
    for eighths in (1, 2, 4, 8):
        part = everything.take(np.arange(len(everything) * eighths // 8))
        cells = [f"{len(part):,}"]
        for learn in (part, part.take(np.random.default_rng(1).permutation(len(part)))):
            seconds = _epoch(ArrayTrainset(learn, SCALE))
            cells += [f"{seconds:.3f}", f"{seconds / len(part) * 1e9:.0f}"]
        table.add_row(f"{eighths}/8", *cells)
    _CONSOLE.print(table)


def _epoch(trainset: Any, n: int = 8) -> float:
    """Return the seconds of the fastest of n epochs in blocks, as other load can only make an epoch slower."""
    from src.models.kernels.svd_trainer import CompiledSVD

    starts: list[float] = []

    class Timed(CompiledSVD):
        def _print_epoch(self, epoch: int) -> None:
            starts.append(time.perf_counter())

    Timed(n_epochs=n + 1, order="blocks", random_state=1).fit(trainset)
    return float(np.diff(starts).min())


def _fitted(frame: pd.DataFrame, rows: Any, train: Callable[[TrainingData], Factorization]) -> tuple[float, float]:
    """Train a model of Aisle on some rows; return RMSE on the other rows, and seconds."""
    everything = _interactions(frame)
    learn, rest = everything.take(rows), everything.take(np.setdiff1d(np.arange(len(frame)), rows))
    kind = np.full(len(learn), list(EventKind).index(EventKind.RATING), np.int8)
    started = time.perf_counter()
    model = train(TrainingData(learn, kind))
    seconds = time.perf_counter() - started
    return _rmse(model.rate(rest.user_idx, rest.item_idx), rest.value), seconds


def quality(title: str, frame: pd.DataFrame, folds: list[tuple[Any, Any, Any]], options: dict[str, Any]) -> None:
    """Print mean RMSE and seconds over folds.

    Args:
        title: of the table.
        frame: user, product and rating.
        folds: Surprise's trainset and testset, and the training rows.
        options: of SVD, by Surprise's names.
    """
    params = svd.SvdParams(
        *SCALE,
        epochs=options.get("n_epochs", 20),
        learning_rate=options.get("lr_all", 0.005),
        regularization=options.get("reg_all", 0.02),
    )
    results: dict[str, list[tuple[float, float]]] = {"surprise.SVD": [], "SVD, compiled": [], "VBMF": []}
    for trainset, testset, rows in folds:
        started = time.perf_counter()
        algorithm = SVD(random_state=1, **options).fit(trainset)
        seconds = time.perf_counter() - started
        results["surprise.SVD"].append((accuracy.rmse(algorithm.test(testset), verbose=False), seconds))
        results["SVD, compiled"].append(_fitted(frame, rows, lambda data: svd.train(data, params, seed=1)))
        results["VBMF"].append(_fitted(frame, rows, lambda data: vbmf.train(data, vbmf.VbmfParams(*SCALE), seed=1)))
    table = Table(title, "RMSE", "seconds to train", "relative to surprise.SVD")
    reference = np.mean([seconds for _, seconds in results["surprise.SVD"]])
    for name, of_folds in results.items():
        rmse, seconds = np.mean(of_folds, axis=0)
        table.add_row(name, f"{rmse:.4f}", f"{seconds:.2f}", f"{seconds / reference:.2f}")
    _CONSOLE.print(table)


def public_data() -> None:
    frame = pd.read_csv(DATA / "amazon-electronics-50x5" / "df_final.csv")
    data = Dataset.load_from_df(frame.iloc[:, :3], Reader(rating_scale=SCALE))
    rows = np.random.RandomState(42).permutation(len(frame))[: len(frame) - int(np.ceil(0.2 * len(frame)))]
    folds = [(*train_test_split(data, test_size=0.2, random_state=42), rows)]
    quality("amazon-electronics-50x5, tuned; published: SVD .8808", frame, folds, TUNED)
    columns = ["user", "item", "rating", "time"]
    frame = pd.read_csv(DATA / "movielens-100k" / "u.data", sep="\t", names=columns)
    data = Dataset.load_from_df(frame[columns[:3]], Reader(rating_scale=SCALE))
    shuffled = np.arange(len(frame))
    np.random.RandomState(0).shuffle(shuffled)
    parts = np.array_split(shuffled, 5)
    splits = zip(KFold(n_splits=5, random_state=0).split(data), parts, strict=True)
    folds = [(trainset, testset, shuffled[~np.isin(shuffled, part)]) for (trainset, testset), part in splits]
    quality("MovieLens 100K, five folds; published: SVD .934, SVD++ .919", frame, folds, {})


def main(arguments: list[str]) -> int:
    match arguments:
        case ["--one", run, folder]:
            print(json.dumps(one(run, folder)))
        case [path, *larger] if len(larger) < 2:
            engines(path, _RUNS)
            if larger:
                engines(larger[0], _RUNS[-2:])
            growth([path, *larger][-1])
            if DATA.is_dir():
                public_data()
            else:
                print(f"the public data sets are skipped: {DATA} is missing")
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
