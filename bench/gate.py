"""How often the gate lets a worse challenger pass, and how often it refuses one that is no worse: by simulation.

python -m bench.gate [--users 30 100 500 2000] [--rounds 200] [--json FILE]
Users' NDCG@10 are drawn like those of a shop: three of four are 0. The challenger has the champion's value for most
users, and another draw for the rest, with hits taken away (or added) until its true mean is worse by the share asked
for. A row a number of test users: the share of rounds in which `gate.compare` promotes it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from src.core.domain import FloatArray
from src.core.settings import Settings
from src.evaluation.metrics import Estimate
from src.evaluation.protocols import RankingMetrics
from src.evaluation.report import Report
from src.models import POPULARITY
from src.recommendation.ensemble import ENSEMBLE
from src.releases.promotion_gate import GateBounds, compare

WORSE_BY = (-0.10, -0.05, 0.0, 0.03, 0.05, 0.08, 0.10, 0.20)
"""Shares of the champion's true NDCG@10; below 0 the challenger is better."""
_SHARE_WITH_A_HIT, _SHARE_OF_OTHER_LISTS = 0.25, 0.4


def users_of(rng: np.random.Generator, n: int) -> FloatArray:
    """NDCG@10 of n users, each with one product that was wanted: 0, or 1 / log2(rank + 1)."""
    rank = rng.integers(1, 11, n)
    return np.where(rng.random(n) < _SHARE_WITH_A_HIT, 1 / np.log2(rank + 1), 0.0)


def pair(rng: np.random.Generator, n: int, worse_by: float) -> tuple[FloatArray, FloatArray]:
    """(challenger, champion) on the same n users; in the mean of all users there could be, worse by this share."""
    champion, other = users_of(rng, n), users_of(rng, n)
    challenger = np.where(rng.random(n) < _SHARE_OF_OTHER_LISTS, other, champion)
    if worse_by > 0:
        return np.where(rng.random(n) < worse_by, 0.0, challenger), champion
    return challenger, np.where(rng.random(n) < -worse_by / (1 - worse_by), 0.0, champion)


def figures_of(ndcg: FloatArray) -> RankingMetrics:
    figure = Estimate(float(ndcg.mean()), float(ndcg.mean()), float(ndcg.mean()))
    return RankingMetrics(*[figure] * 6, coverage=0.5, novelty=1.0, short=0.0, of_user=ndcg)


def report_of(ndcg: FloatArray) -> Report:
    n = len(ndcg)
    measured = {POPULARITY: figures_of(np.zeros(n)), ENSEMBLE: figures_of(ndcg)}
    return Report("time", 0, 80, 20, n, 100, n, n, 4.0, {}, measured, ENSEMBLE, None)


def promoted_share(n_users: int, worse_by: float, rounds: int, bounds: GateBounds) -> float:
    rng = np.random.default_rng([n_users, int(1_000 * worse_by) + 1_000])
    promoted = 0
    for _ in range(rounds):
        mine, theirs = pair(rng, n_users, worse_by)
        compared = compare(report_of(mine), report_of(theirs), bounds)
        promoted += all(check.passed for check in compared.checks)
    return promoted / rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, nargs="+", default=[30, 100, 500, 2_000])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    bounds = GateBounds.of(Settings())
    found = {}
    print("test users  promoted, of a challenger that is truly worse by: " + "  ".join(f"{w:+.0%}" for w in WORSE_BY))
    for n in options.users:
        found[n] = {str(worse): promoted_share(n, worse, options.rounds, bounds) for worse in WORSE_BY}
        print(f"{n:>10,}  " + "  ".join(f"{share:.2f}" for share in found[n].values()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
