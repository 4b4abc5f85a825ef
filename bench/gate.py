"""Simulate how often the gate promotes a worse challenger, and refuses one that is no worse.

python -m bench.gate [--users 30 100 500 2000] [--rounds 200] [--json FILE]
Users' NDCG@10 are drawn like those of a shop: three of four are 0. The challenger has the champion's value for most
users and a new draw for the rest; hits are removed (or added) until its true mean is worse by the given share. Each row
is a number of test users, with the share of rounds in which `compare` promotes the challenger.
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


def draw_ndcg(rng: np.random.Generator, n: int) -> FloatArray:
    """Draw NDCG@10 of n users with one relevant product each: 0, or 1 / log2(rank + 1).

    Args:
        rng: random numbers.
        n: number of users.

    Returns:
        float[n].
    """
    rank = rng.integers(1, 11, n)
    return np.where(rng.random(n) < _SHARE_WITH_A_HIT, 1 / np.log2(rank + 1), 0.0)


def draw_pair(rng: np.random.Generator, n: int, worse_by: float) -> tuple[FloatArray, FloatArray]:
    """Draw NDCG@10 of a challenger and a champion on the same n users.

    Args:
        rng: random numbers.
        n: number of users.
        worse_by: share by which the expected NDCG@10 of the challenger is below the champion's.

    Returns:
        float[n] of the challenger, float[n] of the champion.
    """
    champion, other = draw_ndcg(rng, n), draw_ndcg(rng, n)
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
    """Return the share of rounds in which the gate promotes the challenger.

    Args:
        n_users: number of test users.
        worse_by: see `draw_pair`.
        rounds: number of draws.
        bounds: of the gate.

    Returns:
        From 0 to 1.
    """
    rng = np.random.default_rng([n_users, int(1_000 * worse_by) + 1_000])
    promoted = 0
    for _ in range(rounds):
        challenger, champion = draw_pair(rng, n_users, worse_by)
        compared = compare(report_of(challenger), report_of(champion), bounds)
        promoted += all(check.passed for check in compared.checks)
    return promoted / rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, nargs="+", default=[30, 100, 500, 2_000])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    bounds = GateBounds.of(Settings())
    shares = {}
    print("test users  share promoted, for a challenger that is worse by: " + "  ".join(f"{w:+.0%}" for w in WORSE_BY))
    for n in options.users:
        shares[n] = {str(worse): promoted_share(n, worse, options.rounds, bounds) for worse in WORSE_BY}
        print(f"{n:>10,}  " + "  ".join(f"{share:.2f}" for share in shares[n].values()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(shares, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
