"""Retrieval for one user: 100 candidates out of the whole catalogue, by the index and by scoring everything.

    python -m bench.retrieval RELEASE_FOLDER [--history 20] [--queries 300]

RELEASE_FOLDER: a release under var/releases. Histories are drawn from its products by popularity. Printed: milliseconds
on one thread, median and 99th percentile, of the index, of the whole list (candidates, scored by every model of the
blend), and of the same list by scoring the whole catalogue; and how much of the exact list the served one keeps.
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

CANDIDATES, LENGTHS = 100, (10, 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--history", type=int, default=20)
    parser.add_argument("--queries", type=int, default=300)
    arguments = parser.parse_args()
    pipeline = read_release(arguments.release).pipeline
    blend: Ensemble = pipeline.models[ENSEMBLE]
    if blend.index is None:
        raise SystemExit("this release has no index: no model of its blend reads histories")
    queries = _queries(pipeline.models[POPULARITY], arguments.queries, arguments.history)
    index = blend.index
    print(f"{len(pipeline.items):,} products, histories of {arguments.history}, blend {dict(blend.weights)}")
    indexed = _timed("index: 100 candidates", lambda query: index.retrieve(query, CANDIDATES), queries)
    _timed("list of 10 by index and blend", lambda query: blend.retrieve(query, 10), queries)
    whole = _timed("whole catalogue scored", lambda query: _exact(blend, query, 10), queries[:30])
    print(f"index / whole catalogue: {indexed / whole:.4f}")
    for n in LENGTHS:
        kept = [np.isin(_exact(blend, q, n), _served(blend, q, n)).mean() for q in queries[:100]]
        print(f"of the exact list of {n} the served one keeps {np.mean(kept):.4f}")


def _queries(popularity: object, n: int, length: int) -> list[QueryRows]:
    rng = np.random.default_rng(0)
    weight = np.expm1(np.asarray(popularity.weight, dtype=np.float64))  # type: ignore[attr-defined]
    share = weight / weight.sum()
    rows = [np.sort(rng.choice(len(share), length, replace=False, p=share)) for _ in range(n)]
    return [QueryRows(None, row, np.ones(length, np.float32)) for row in rows]


def _served(blend: Ensemble, query: QueryRows, n: int) -> np.ndarray:
    """What the pipeline makes of it: so many more are asked for as the user has had already."""
    found = blend.retrieve(query, n + len(query.item_idx)).item_idx
    return found[~np.isin(found, query.item_idx)][:n]


def _exact(blend: Ensemble, query: QueryRows, n: int) -> np.ndarray:
    score = blend.score_all(QueryBlock.of(query, len(blend.models[POPULARITY].order)))[0]  # type: ignore[attr-defined]
    score[query.item_idx] = np.nan
    return top_n(score, n).item_idx


def _timed(what: str, ask: Callable[[QueryRows], object], queries: list[QueryRows]) -> float:
    """Milliseconds, the median; printed with the 99th percentile."""
    for query in queries[:10]:
        ask(query)
    taken = []
    for query in queries:
        started = time.perf_counter()
        ask(query)
        taken.append(1000 * (time.perf_counter() - started))
    print(f"{what:32} {np.median(taken):8.3f} ms median {np.quantile(taken, 0.99):8.3f} ms p99")
    return float(np.median(taken))


if __name__ == "__main__":
    main()
