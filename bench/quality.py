"""Compare lists of the tuned pipeline with models of other libraries that are tuned for the same time on the same data.

    make bench-quality                                  every data set of ../shared/data but Yelp2018
    .venv/bin/python -m bench.quality [--seconds 120] [--rival-seconds 60] [--only NAME] [--yelp] [--json FILE]

The rivals are implicit's ALS, LensKit's item k-NN, a dense EASE and popularity, in an environment of their own
(.venv-bench, made by `make bench-quality`; without it ALS and k-NN are left out). All tune NDCG on the same users and
products; the rivals tune for as long as the pipeline took, or for --rival-seconds. All are then fitted on the whole
training part, and one function scores their lists. The single models of the pipeline, with the settings that its tuning
found for them, are entries of their own. Users without training events get the popular list from the rivals. Intervals
are 95 %, by 1,000 paired resamplings of users. The best rival is chosen by its measured figure, in its favour.
Published figures on the same files are quoted beside them.
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

from bench.exchange import FINAL, TUNING, Truth, of_lists
from bench.quality_protocols import NEW, PROTOCOLS, REPEATS, Protocol
from src.core.domain import FloatArray, IntArray
from src.core.progress import Silent
from src.evaluation.exact_lists import MaskedQueries, queries_of, top_lists
from src.evaluation.metrics import Estimate, bootstrap_means, estimates
from src.interactions.event_weights import Weighting
from src.models import MODELS
from src.models.base import BlockScorer
from src.models.settings import read_settings
from src.recommendation.ensemble_config import fit_ensemble
from src.workflows.tune import tune

ROOT = Path(__file__).resolve().parent.parent
RIVALS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
OURS = "ours"
_ALONE, _EASE = "alone: ", "ease"
_IN_OWN_ENVIRONMENT = ("als", "itemknn")
_OPTIONAL = "Yelp2018"
_KNOWN, _UNKNOWN, _ALL = "known before", "unknown before", "all users"
_CONSOLE = Console(width=160, highlight=False)


@dataclass(frozen=True)
class Entry:
    """The lists and the tuning of the pipeline, or of a rival.

    Attributes:
        lists: NEW or REPEATS → int32[m, k].
        tuned: ndcg (on the validation part), trials, seconds, fit_seconds, and the chosen settings.
    """

    lists: dict[str, IntArray]
    tuned: dict[str, Any]


def run_pipeline(protocol: Protocol, seconds: float) -> dict[str, Entry]:
    """Tune and train the pipeline as for serving, and each of its models alone; score without an index.

    Args:
        protocol: data and users.
        seconds: duration of the tuning.

    Returns:
        Lists and tuning of OURS and of every single model.
    """
    settings = read_settings()
    started = time.monotonic()
    recipe = tune(settings, protocol.tuning, seconds, protocol.k, Silent())
    tuned_at = time.monotonic()
    blend = fit_ensemble(protocol.train, recipe, settings.seed, Silent())
    fitted_at = time.monotonic()
    tuning = {
        "ndcg": recipe.found.get(f"ndcg_at_{protocol.k}"),
        "trials": None,
        "seconds": round(tuned_at - started, 1),
        "fit_seconds": round(fitted_at - tuned_at, 2),
        "recipe": recipe.to_json(),
    }
    entries = {OURS: Entry(_lists_of(protocol, recipe.weighting, blend), tuning)}
    train = replace(protocol.train, weighting=recipe.weighting)
    found: dict[str, Any] = dict(recipe.found)
    searches = found.get("searches", {})
    for name in found.get("of_models", {}):
        model = blend.models.get(name) or MODELS[name].train(train, recipe.params[name], seed=settings.seed)
        about = {"ndcg": found["of_models"][name], "trials": searches.get(name, {}).get("trials")}
        alone = {**about, "seconds": searches.get(name, {}).get("seconds", 0.0), "fit_seconds": 0.0}
        entries[f"{_ALONE}{name}"] = Entry(_lists_of(protocol, recipe.weighting, model), alone)
    return entries


def _lists_of(protocol: Protocol, weighting: Weighting, scorer: BlockScorer) -> dict[str, IntArray]:
    """Return the lists of every variant."""
    train = replace(protocol.train, weighting=weighting)
    queries, seen = queries_of(train, protocol.test_users, train.events)
    popular = np.argsort(-train.events.users_by_item(), kind="stable")
    masks = {NEW: seen, REPEATS: csr_matrix(seen.shape, dtype=np.float32)}
    return {
        variant: top_lists(scorer, MaskedQueries(queries, masks[variant]), protocol.k, fill=popular)
        for variant in protocol.truths
    }


def run_rival(name: str, folder: Path, seconds: float) -> Entry:
    """Run a model of `bench.rivals` in a process and an environment of its own.

    Args:
        name: of the model.
        folder: contains the tasks.
        seconds: duration of the tuning.

    Returns:
        Lists and tuning.
    """
    python = RIVALS_PYTHON if RIVALS_PYTHON.exists() else Path(sys.executable)
    command = [str(python), "-m", "bench.rivals", str(folder), name, str(seconds)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(os.cpu_count()), "PYTHONPATH": str(ROOT)}
    subprocess.run(command, check=True, cwd=ROOT, env=environment)
    with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
        lists = {NEW: stored["masked"], REPEATS: stored["free"]}
    return Entry(lists, json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))


def run_all(protocol: Protocol, seconds: float, rival_seconds: float | None) -> dict[str, Entry]:
    """Run the pipeline and every rival, one after the other, as each uses all cores.

    Args:
        protocol: data and users.
        seconds: duration of the pipeline's tuning.
        rival_seconds: duration of each rival's tuning; None for as long as the pipeline's took.

    Returns:
        Entries by name.
    """
    entries: dict[str, Entry] = {}
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as name:
        folder = Path(name)
        protocol.tuning_task(read_settings()).save(folder / f"{TUNING}.npz")
        protocol.final_task().save(folder / f"{FINAL}.npz")
        _CONSOLE.print(f"{protocol.title}: {OURS}", style="dim")
        entries |= run_pipeline(protocol, seconds)
        for name in rivals_of(protocol):
            _CONSOLE.print(f"{protocol.title}: {name}", style="dim")
            entries[name] = run_rival(name, folder, rival_seconds or max(seconds, entries[OURS].tuned["seconds"]))
    return entries


def rivals_of(protocol: Protocol) -> list[str]:
    """Return the rivals of a protocol that can be run here."""
    return [name for name in protocol.rivals if RIVALS_PYTHON.exists() or name not in _IN_OWN_ENVIRONMENT]


@dataclass(frozen=True)
class Comparison:
    """Mean NDCG@k or recall@k of the pipeline, its single models and the rivals, by group of users.

    Attributes:
        figures: name → group → mean.
        n_users: group → number of users.
        best: group → the rival or single model with the highest mean.
        ahead: group → relative difference of the pipeline to that one, in %.
        beyond_ease: group → difference of the pipeline to EASE; empty without it.
    """

    figures: dict[str, dict[str, float]]
    n_users: dict[str, int]
    best: dict[str, str]
    ahead: dict[str, Estimate]
    beyond_ease: dict[str, Estimate]


def compare(protocol: Protocol, lists: dict[str, IntArray], truth: Truth, metric: str) -> Comparison:
    """Compute a figure of all lists over the users with a relevant product.

    Args:
        protocol: test users.
        lists: name → int32[m, k].
        truth: relevant products.
        metric: "ndcg" or "recall".

    Returns:
        The comparison.
    """
    of_user = {name: of_lists(of_name, truth, metric) for name, of_name in lists.items()}
    scored = ~np.isnan(of_user[OURS])
    known = protocol.test_users >= 0
    masks = {_ALL: scored} if known[scored].all() else {_ALL: scored, _KNOWN: scored & known, _UNKNOWN: scored & ~known}
    groups = {group: np.flatnonzero(mask) for group, mask in masks.items()}
    figures = {
        name: {group: float(values[chosen].mean()) for group, chosen in groups.items()}
        for name, values in of_user.items()
    }
    others = [name for name in lists if name != OURS]
    best = {group: max(others, key=lambda name: figures[name][group]) for group in groups}
    ahead = {
        group: _relative_difference(of_user[OURS][chosen], of_user[best[group]][chosen])
        for group, chosen in groups.items()
    }
    beyond_ease = {
        group: estimates({"gain": of_user[OURS][chosen] - of_user[_EASE][chosen]})["gain"]
        for group, chosen in (groups.items() if _EASE in of_user else ())
    }
    return Comparison(figures, {group: len(chosen) for group, chosen in groups.items()}, best, ahead, beyond_ease)


def _relative_difference(own: FloatArray, rival: FloatArray) -> Estimate:
    """Return the relative difference of the means in %, by paired resampling of users; NaN for a rival with mean 0."""
    if not rival.mean():
        return Estimate(np.nan, np.nan, np.nan)
    means = bootstrap_means(np.column_stack([own, rival]))
    low, high = np.quantile(100 * (means[:, 0] / np.maximum(means[:, 1], 1e-12) - 1), [0.025, 0.975])
    return Estimate(float(100 * (own.mean() / rival.mean() - 1)), float(low), float(high))


def _refuse_seen(protocol: Protocol, entries: dict[str, Entry]) -> None:
    """Raise ValueError if a masked list contains a product that its user has."""
    seen = protocol.final_task().seen()
    known = np.flatnonzero(protocol.test_users >= 0)
    for name, entry in entries.items():
        listed = entry.lists[NEW][known]
        rows = np.repeat(protocol.test_users[known], listed.shape[1])
        if (np.asarray(seen[rows, np.maximum(listed.ravel(), 0)]).ravel()[listed.ravel() >= 0] > 0).any():
            raise ValueError(
                f"{protocol.title}: a list of {name} contains a product that its user has; masked lists must not. "
                "Check bench.rivals."
            )


def show(protocol: Protocol, title: str, entries: dict[str, Entry], result: Comparison) -> None:
    """Print a table of all entries, and the difference of the pipeline to the best of the others.

    Args:
        protocol: see `run`.
        title: of the figure.
        entries: by name.
        result: their comparison.
    """
    groups = [f"{group} ({n:,})" for group, n in result.n_users.items()]
    ratios = [f"relative to ours, {group}" for group in result.n_users]
    table = Table(title, *groups, *ratios, "on validation", "trials", "tuned s", "fit s")
    for name, figures in result.figures.items():
        tuned = entries[name].tuned
        own = result.figures[OURS]
        table.add_row(
            name,
            *(f"{figure:.4f}" for figure in figures.values()),
            *(f"{figure / own[group]:.2f}" if own[group] else "–" for group, figure in figures.items()),
            "–" if tuned["ndcg"] is None else f"{tuned['ndcg']:.4f}",
            "–" if tuned["trials"] is None else str(tuned["trials"]),
            str(tuned["seconds"]),
            str(tuned["fit_seconds"]),
        )
    _CONSOLE.print(table)
    for group, ahead in result.ahead.items():
        _CONSOLE.print(f"{group}: ours against {result.best[group]}: {_percent(ahead)}{_against_goal(protocol, ahead)}")
    for group, gain in result.beyond_ease.items():
        _CONSOLE.print(f"{group}: ours minus {_EASE}: {gain:+.4f}")


def _percent(ahead: Estimate) -> str:
    return f"{ahead.value:+.1f} % [{ahead.low:+.1f}, {ahead.high:+.1f}]"


def _against_goal(protocol: Protocol, ahead: Estimate) -> str:
    if protocol.goal is None:
        return ""
    reached = ahead.value >= protocol.goal and ahead.low > 0
    return f"; goal: {protocol.goal:+g} % and an interval above 0: {'reached' if reached else 'not reached'}"


def run(protocol: Protocol, seconds: float, rival_seconds: float | None = None) -> dict[str, Any]:
    """Run one protocol and print its tables.

    Args:
        protocol: data and users.
        seconds: duration of the tuning of the pipeline.
        rival_seconds: of each rival; None for as long as the pipeline's took.

    Returns:
        All figures, as JSON values.
    """
    _CONSOLE.rule(protocol.title)
    _CONSOLE.print(f"{protocol.description} Each model tunes for at least {seconds:g} s.")
    entries = run_all(protocol, seconds, rival_seconds)
    _refuse_seen(protocol, entries)
    document: dict[str, Any] = {"protocol": protocol.description, "seconds": seconds, "k": protocol.k}
    document["tuned"] = {name: entry.tuned for name, entry in entries.items()}
    document["published"] = {
        name: {f"recall@{protocol.k}": recall, f"ndcg@{protocol.k}": ndcg}
        for name, (recall, ndcg) in protocol.published.items()
    }
    for variant, truth in protocol.truths.items():
        document[variant] = {}
        for metric in dict.fromkeys((protocol.metric, "ndcg", "recall")):
            result = compare(protocol, {name: entry.lists[variant] for name, entry in entries.items()}, truth, metric)
            show(protocol, f"{metric}@{protocol.k}, {variant}", entries, result)
            document[variant][f"{metric}@{protocol.k}"] = _plain(result)
    for name, (recall, ndcg) in protocol.published.items():
        _CONSOLE.print(f"published: {name}: recall@{protocol.k} {recall:.4f}, NDCG@{protocol.k} {ndcg:.4f}")
    return document


def _plain(result: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values; an interval is [value, low, high]."""

    def intervals(estimated: dict[str, Estimate]) -> dict[str, list[float]]:
        return {group: [each.value, each.low, each.high] for group, each in estimated.items()}

    return {
        "n_users": result.n_users,
        "figures": result.figures,
        "best_other": result.best,
        "ahead_percent": intervals(result.ahead),
        "beyond_ease": intervals(result.beyond_ease),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seconds", type=float, default=120.0, metavar="N", help="duration of each tuning; default: 120"
    )
    parser.add_argument("--rival-seconds", type=float, metavar="N", help="of each rival; default: as long as ours took")
    parser.add_argument("--only", choices=PROTOCOLS, help="run this protocol only")
    parser.add_argument(
        "--yelp", action="store_true", help=f"run {_OPTIONAL} too: the pipeline against ALS; takes much longer"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file")
    return parser


def main() -> int:
    arguments = _parser().parse_args()
    if not RIVALS_PYTHON.exists():
        left_out = ", ".join(_IN_OWN_ENVIRONMENT)
        print(f"{RIVALS_PYTHON} is missing, so {left_out} is left out; make bench-quality makes it", file=sys.stderr)
    names = [arguments.only] if arguments.only else [name for name in PROTOCOLS if arguments.yelp or name != _OPTIONAL]
    documents = {}
    for name in names:
        protocol = PROTOCOLS[name](Silent())
        if protocol is None:
            _CONSOLE.print(f"{name} is skipped: its data set is missing in ../shared/data")
            continue
        documents[name] = run(protocol, arguments.seconds, arguments.rival_seconds)
    if arguments.json:
        arguments.json.write_text(json.dumps(documents, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
