"""Compare retrieval of 100 candidates for one user by the index with scoring the whole catalogue.

    python -m bench.retrieval RELEASE_FOLDER [--history 20] [--queries 300]

RELEASE_FOLDER: a release under var/releases. Histories are drawn from its products by popularity. It prints the median
and the 99th percentile of milliseconds on one thread, for the index, for the served list (candidates scored by every
model of the ensemble) and for the exact list (all products scored), and the share of the exact list that is served.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from src.models import POPULARITY
from src.models.base import QueryBlock, QueryRows
from src.models.top_n import top_n
from src.recommendation.ensemble import ENSEMBLE, Ensemble
from src.releases.release import read_release

N_CANDIDATES, LENGTHS = 100, (10, 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--history", type=int, default=20)
    parser.add_argument("--queries", type=int, default=300)
    arguments = parser.parse_args()
    pipeline = read_release(arguments.release).pipeline
    blend: Ensemble = pipeline.models[ENSEMBLE]
    if blend.index is None:
        raise SystemExit("this release has no index, as no model of its ensemble uses histories: name another release")
    queries = _queries(pipeline.models[POPULARITY], arguments.queries, arguments.history)
    index = blend.index
    print(f"{len(pipeline.items):,} products, histories of {arguments.history}, blend {dict(blend.weights)}")
    indexed = _print_time("index: 100 candidates", lambda query: index.retrieve(query, N_CANDIDATES), queries)
    _print_time("list of 10 by index and blend", lambda query: blend.retrieve(query, 10), queries)
    exhaustive = _print_time("whole catalogue scored", lambda query: _exact(blend, query, 10), queries[:30])
    print(f"index / whole catalogue: {indexed / exhaustive:.4f}")
    for n in LENGTHS:
        shares = [np.isin(_exact(blend, q, n), _served(blend, q, n)).mean() for q in queries[:100]]
        print(f"share of the exact list of {n} that the served one contains: {np.mean(shares):.4f}")


def _queries(popularity: object, n: int, length: int) -> list[QueryRows]:
    rng = np.random.default_rng(0)
    weight = np.expm1(np.asarray(popularity.weight, dtype=np.float64))  # type: ignore[attr-defined]
    share = weight / weight.sum()
    rows = [np.sort(rng.choice(len(share), length, replace=False, p=share)) for _ in range(n)]
    return [QueryRows(None, row, np.ones(length, np.float32)) for row in rows]


def _served(blend: Ensemble, query: QueryRows, n: int) -> np.ndarray:
    """Return the served list: n + len(history) items are retrieved, then those of the history are removed."""
    items = blend.retrieve(query, n + len(query.item_idx)).item_idx
    return items[~np.isin(items, query.item_idx)][:n]


def _exact(blend: Ensemble, query: QueryRows, n: int) -> np.ndarray:
    score = blend.score_all(QueryBlock.of(query, len(blend.models[POPULARITY].order)))[0]  # type: ignore[attr-defined]
    score[query.item_idx] = np.nan
    return top_n(score, n).item_idx


def _print_time(title: str, call: Callable[[QueryRows], object], queries: list[QueryRows]) -> float:
    """Time a call for every query; print and return the median of milliseconds, and print the 99th percentile."""
    for query in queries[:10]:
        call(query)
    milliseconds = []
    for query in queries:
        started = time.perf_counter()
        call(query)
        milliseconds.append(1000 * (time.perf_counter() - started))
    print(f"{title:32} {np.median(milliseconds):8.3f} ms median {np.quantile(milliseconds, 0.99):8.3f} ms p99")
    return float(np.median(milliseconds))


if __name__ == "__main__":
    main()
