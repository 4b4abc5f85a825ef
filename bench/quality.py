"""Lists of the tuned pipeline beside single models of other libraries, tuned for as long on the same data, in one run.

    make bench-quality                                  two protocols, each some 8 minutes
    .venv/bin/python -m bench.quality [--seconds 120] [--only NAME] [--yelp] [--json FILE]

The others are implicit's ALS, LensKit's item k-NN, a dense EASE and the list by popularity, in an environment of their
own (.venv-bench, which `make bench-quality` makes). Everybody tunes by NDCG on the same users and products, the others
for as long as ours took (which tries every model once, however few the seconds), is then fitted on the whole train
part, and hands in lists that one function scores. Whoever was not learnt from gets the popular list from the others,
and from ours what the pipeline gives. Intervals are 95 %, by 1,000 resamplings of users, the same for both sides; the
best of the others is chosen by the figure measured here, in its favour.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_matrix

from bench.exchange import FINAL, TUNING, Truth, ndcg
from bench.quality_protocols import NEW, PROTOCOLS, REPEATS, Protocol
from src.core.domain import FloatArray, IntArray
from src.core.progress import Silent
from src.evaluation.exact_lists import MaskedQueries, queries_of, top_lists
from src.evaluation.metrics import Estimate, bootstrap_means
from src.models import POPULARITY
from src.models.settings import read_settings
from src.recommendation.ensemble_config import fit_ensemble
from src.workflows.tune import tune

ROOT = Path(__file__).resolve().parent.parent
RIVALS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
OURS = "ours"
_OPTIONAL = "Yelp2018"
_KNOWN, _UNKNOWN, _ALL = "known before", "unknown before", "all users"
_CONSOLE = Console(width=160, highlight=False)


@dataclass(frozen=True)
class Entry:
    """What one side handed in. lists: NEW or REPEATS → int32[m, k]. tuned: what tuning saw and chose, for people and
    programs: ndcg (on the validation part), trials, seconds, fit_seconds, and the choice."""

    lists: dict[str, IntArray]
    tuned: dict[str, Any]


def ours(protocol: Protocol, seconds: float) -> Entry:
    """The pipeline as it is tuned and trained for serving; the whole catalogue is scored, without an index."""
    settings = read_settings()
    started = time.monotonic()
    recipe = tune(settings, protocol.tuning, seconds, protocol.k, Silent())
    tuned = time.monotonic()
    blend = fit_ensemble(protocol.train, recipe, settings.seed, Silent())
    fitted = time.monotonic()
    queries, seen = queries_of(replace(protocol.train, weighting=recipe.weighting), protocol.asked)
    popular = blend.models[POPULARITY].order
    nothing = csr_matrix(seen.shape, dtype=np.float32)
    lists = {
        name: top_lists(blend, MaskedQueries(queries, masked), protocol.k, fill=popular)
        for name, masked in ((NEW, seen), (REPEATS, nothing))
    }
    chosen = recipe.to_json()
    about = {
        "ndcg": recipe.found.get(f"ndcg_at_{protocol.k}"),
        "trials": None,
        "seconds": round(tuned - started, 1),
        "fit_seconds": round(fitted - tuned, 2),
        "recipe": chosen,
    }
    return Entry(lists, about)


def rival(name: str, folder: Path, seconds: float) -> Entry:
    """One of `bench.rivals`, in a process and an environment of its own; the folder holds the tasks."""
    command = [str(RIVALS_PYTHON), "-m", "bench.rivals", str(folder), name, str(seconds)]
    quiet = {**os.environ, "OPENBLAS_NUM_THREADS": str(os.cpu_count()), "PYTHONPATH": str(ROOT)}
    subprocess.run(command, check=True, cwd=ROOT, env=quiet)
    with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
        lists = {NEW: stored["masked"], REPEATS: stored["free"]}
    return Entry(lists, json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))


def entries(protocol: Protocol, seconds: float) -> dict[str, Entry]:
    """What each side hands in, one after the other, as they share the cores."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as name:
        folder = Path(name)
        protocol.tuning_task(read_settings()).save(folder / f"{TUNING}.npz")
        protocol.final_task().save(folder / f"{FINAL}.npz")
        for each in (OURS, *protocol.rivals):
            _CONSOLE.print(f"{protocol.title}: {each}", style="dim")
            if each == OURS:
                found[each] = ours(protocol, seconds)
                seconds = max(seconds, found[each].tuned["seconds"])
            else:
                found[each] = rival(each, folder, seconds)
    return found


@dataclass(frozen=True)
class Comparison:
    """figures: NDCG@k by side and group of users, the mean and the number of users. best: the highest of the rivals.
    ahead: group → how far ours is above it, in % of it."""

    figures: dict[str, dict[str, float]]
    n_users: dict[str, int]
    best: dict[str, str]
    ahead: dict[str, Estimate]


def compared(protocol: Protocol, lists: dict[str, IntArray], truth: Truth) -> Comparison:
    """Every side's lists, by one function, for the users to whom anything was relevant."""
    of_user = {name: ndcg(its, truth) for name, its in lists.items()}
    asked = ~np.isnan(of_user[OURS])
    known = protocol.asked >= 0
    masks = {_ALL: asked} if known[asked].all() else {_ALL: asked, _KNOWN: asked & known, _UNKNOWN: asked & ~known}
    groups = {group: np.flatnonzero(mask) for group, mask in masks.items()}
    figures = {
        name: {group: float(values[chosen].mean()) for group, chosen in groups.items()}
        for name, values in of_user.items()
    }
    best = {group: max(protocol.rivals, key=lambda name: figures[name][group]) for group in groups}
    ahead = {
        group: _ahead(of_user[OURS][chosen], of_user[best[group]][chosen], figures[best[group]][group])
        for group, chosen in groups.items()
    }
    return Comparison(figures, {group: len(chosen) for group, chosen in groups.items()}, best, ahead)


def _ahead(mine: FloatArray, theirs: FloatArray, bar: float) -> Estimate:
    """In %, by resampling users in pairs."""
    if not bar:
        return Estimate(np.nan, np.nan, np.nan)
    means = bootstrap_means(np.column_stack([mine, theirs]))
    low, high = np.quantile(100 * (means[:, 0] / np.maximum(means[:, 1], 1e-12) - 1), [0.025, 0.975])
    return Estimate(float(100 * (mine.mean() / theirs.mean() - 1)), float(low), float(high))


def _refuse_seen(protocol: Protocol, found: dict[str, Entry]) -> None:
    """Nobody may list what the user has: the mask is one for all."""
    seen = protocol.final_task().seen()
    known = np.flatnonzero(protocol.asked >= 0)
    for name, entry in found.items():
        listed = entry.lists[NEW][known]
        rows = np.repeat(protocol.asked[known], listed.shape[1])
        if (np.asarray(seen[rows, np.maximum(listed.ravel(), 0)]).ravel()[listed.ravel() >= 0] > 0).any():
            raise ValueError(f"{protocol.title}: a list of {name} holds a product that its user has; mend bench.rivals")


def show(protocol: Protocol, variant: str, found: dict[str, Entry], result: Comparison) -> None:
    """A table of every side, and how far ours is from the best of the others."""
    groups = [f"{group} ({n:,})" for group, n in result.n_users.items()]
    ratios = [f"beside ours, {group}" for group in result.n_users]
    table = Table(f"NDCG@{protocol.k}, {variant}", *groups, *ratios, "on validation", "trials", "tuned s", "fit s")
    for name, figures in result.figures.items():
        tuned = found[name].tuned
        mine = result.figures[OURS]
        table.add_row(
            name,
            *(f"{figure:.4f}" for figure in figures.values()),
            *(f"{figure / mine[group]:.2f}" if mine[group] else "–" for group, figure in figures.items()),
            "–" if tuned["ndcg"] is None else f"{tuned['ndcg']:.4f}",
            "–" if tuned["trials"] is None else str(tuned["trials"]),
            str(tuned["seconds"]),
            str(tuned["fit_seconds"]),
        )
    _CONSOLE.print(table)
    for group, ahead in result.ahead.items():
        _CONSOLE.print(f"{group}: ours beside {result.best[group]} {_percent(ahead)}{_against_goal(protocol, ahead)}")


def _percent(ahead: Estimate) -> str:
    return f"{ahead.value:+.1f} % [{ahead.low:+.1f}, {ahead.high:+.1f}]"


def _against_goal(protocol: Protocol, ahead: Estimate) -> str:
    if protocol.goal is None:
        return ""
    reached = ahead.value >= protocol.goal and ahead.low > 0
    return f"; goal: {protocol.goal:+g} % and an interval above 0: {'reached' if reached else 'not reached'}"


def run(protocol: Protocol, seconds: float) -> dict[str, Any]:
    """Measure and show one protocol; everything that came of it, in plain values."""
    _CONSOLE.rule(protocol.title)
    _CONSOLE.print(f"{protocol.said} Each side tunes for {seconds:g} s or somewhat more.")
    found = entries(protocol, seconds)
    _refuse_seen(protocol, found)
    document: dict[str, Any] = {"protocol": protocol.said, "seconds": seconds, "k": protocol.k}
    document["tuned"] = {name: entry.tuned for name, entry in found.items()}
    for variant, truth in protocol.truths.items():
        result = compared(protocol, {name: entry.lists[variant] for name, entry in found.items()}, truth)
        show(protocol, variant, found, result)
        document[variant] = {
            "n_users": result.n_users,
            f"ndcg@{protocol.k}": result.figures,
            "best_rival": result.best,
            "ahead_percent": {group: [each.value, each.low, each.high] for group, each in result.ahead.items()},
        }
    return document


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0, metavar="N", help="each side's to tune; default: 120")
    parser.add_argument("--only", choices=PROTOCOLS, help="this protocol alone")
    parser.add_argument("--yelp", action="store_true", help=f"{_OPTIONAL} too: ours beside ALS; takes much longer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    return parser


def main() -> int:
    arguments = _parser().parse_args()
    if not RIVALS_PYTHON.exists():
        print(
            f"there is no {RIVALS_PYTHON}, where the other libraries live: make bench-quality makes it", file=sys.stderr
        )
        return 2
    names = [arguments.only] if arguments.only else [name for name in PROTOCOLS if arguments.yelp or name != _OPTIONAL]
    documents = {}
    for name in names:
        protocol = PROTOCOLS[name](Silent())
        if protocol is None:
            _CONSOLE.print(f"{name} is skipped: it is not in ../shared/data")
            continue
        documents[name] = run(protocol, arguments.seconds)
    if arguments.json:
        arguments.json.write_text(json.dumps(documents, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
