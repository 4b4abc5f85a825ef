"""How many settings a search compares in a second of processor time, and whether it orders them as whole models do.

    .venv/bin/python -m bench.exploring [--settings 12] [--seconds 240] [--json FILE]    skipped without ../shared/data

Settings of spectral are drawn at random on Yelp2018's train and valid files. Each is measured twice: in full, as a
model of the default rank by all users of the objective, and as a search does, as a small model in a race. Seconds are
those of the processor (all threads), so that a busy machine changes them little; cores: seconds of the processor for
each second of the clock. Settings are measured in full until half of --seconds is over, and in a search as many.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import kendalltau

from bench.quality_protocols import DATA
from src.core.domain import FloatArray
from src.core.progress import Silent
from src.ingestion.benchmark_files import read_benchmark
from src.interactions.interactions import TrainingData
from src.models import MODELS, POPULARITY, SPECTRAL
from src.models.base import BlockScorer
from src.models.settings import read_settings
from src.models.spectral import SpectralParams
from src.tuning.objective import Objective
from src.tuning.race import Race
from src.tuning.search_spaces import SEARCH_SPACES

_SEED = 1
_SPACE = SEARCH_SPACES[SPECTRAL]


_FEWEST_SETTINGS = 4


class Measured(NamedTuple):
    """Mean NDCG@20 of each setting, and the seconds of all, preparation left out, by the processor and by the clock."""

    ndcg: FloatArray
    seconds: float
    clock: float


def drawn_settings(n: int) -> list[SpectralParams]:
    """Return n settings that share a normalisation, drawn from the search space."""
    rng = np.random.default_rng(_SEED)

    def value(low: float, high: float, log: bool) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))) if log else rng.uniform(low, high))

    free: list[dict[str, Any]] = [
        {name: value(r.low, r.high, r.log) for name, r in _SPACE.ranges.items()} for _ in range(n)
    ]
    filters = _SPACE.choices["filter"]
    return [replace(SpectralParams(), **each, filter=filters[at % len(filters)]) for at, each in enumerate(free)]


def measure(
    train: TrainingData, settings: list[SpectralParams], ndcg: Callable[[BlockScorer], float], limit: float = math.inf
) -> Measured:
    """Train and measure models that share a preparation.

    Args:
        train: the training part.
        settings: of the models.
        ndcg: measures one of them.
        limit: seconds of the clock after which no further one begins, once some are measured.

    Returns:
        The figures.
    """
    prepared = _SPACE.prepare(train, settings[0], _SEED)
    started, clock = time.process_time(), time.perf_counter()
    found: list[float] = []
    for each in settings:
        if len(found) >= _FEWEST_SETTINGS and time.perf_counter() - clock > limit:
            break
        found.append(ndcg(_SPACE.finish(train, prepared, each, _SEED)))
    return Measured(np.array(found), time.process_time() - started, time.perf_counter() - clock)


def compare(n: int, seconds: float) -> dict[str, Any]:
    """Measure settings in full and as a search does.

    Args:
        n: number of settings.
        seconds: of the clock; after half of them no further setting is measured in full, nor in a search.

    Returns:
        The figures as JSON values.
    """
    folder, base = DATA / "lightgcn-yelp2018", read_settings()
    split = read_benchmark(folder / "train.txt.gz", folder / "valid.txt.gz", base, Silent()).for_tuning()
    popular = MODELS[POPULARITY].train(split.train, MODELS[POPULARITY].params(base), seed=_SEED).order
    objective = Objective.of(split, popular, relevant_rating=1.0, k=20, seed=_SEED)
    assert objective is not None  # the file has users with new products
    settings = drawn_settings(n)
    full = measure(split.train, settings, lambda model: float(objective.ndcg(model).mean()), seconds / 2)
    settings = settings[: len(full.ndcg)]
    n = len(settings)
    race = Race.of(objective, _SEED)
    searched = measure(split.train, [_SPACE.small(each) for each in settings], race.ndcg)
    return {
        "settings": n,
        "users": len(objective.queries),
        "in full, settings a second": n / full.seconds,
        "in a search, settings a second": n / searched.seconds,
        "cores in full, in a search": [each.seconds / each.clock for each in (full, searched)],
        "times as many": full.seconds / searched.seconds,
        "dropped early": race.n_dropped,
        "Kendall's tau of the orders": float(kendalltau(full.ndcg, searched.ndcg).statistic),
        "place of the search's best in full": int((full.ndcg > full.ndcg[searched.ndcg.argmax()]).sum()) + 1,
        "ndcg of it, of the best": [float(full.ndcg[searched.ndcg.argmax()]), float(full.ndcg.max())],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=int, default=12, metavar="N", help="settings to measure; default: 12")
    parser.add_argument("--seconds", type=float, default=240.0, metavar="N", help="about; default: 240")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: {DATA} is missing; it holds the data set that this is measured on")
        return 0
    found = compare(arguments.settings, arguments.seconds)
    for name, value in found.items():
        print(f"{name}: {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
