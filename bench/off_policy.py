"""How often the intervals of off-policy estimates hold the truth: python -m bench.off_policy [--rounds 2000].

Users of a made-up shop (src/synthetic/visits.py) are shown lists of one ranker with some places drawn by chance, and
the clicks and purchases tell what lists of another ranker would have earned. The truth is known. Each round draws new
visits, places and clicks. The coverage of a 95 % interval should be 93 % at least: also the lower end of what so many
rounds can say of it.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.interleaving import Rankers, rankers
from src.core.domain import BoolArray, FloatArray, IntArray
from src.evaluation.off_policy import ESTIMATORS, LoggedPlaces, OutcomeEstimates, estimate
from src.recommendation.random_places import chances, draw_probability

LENGTH, POOL = 10, 20
OUTCOMES = ("clicks", "purchases")
SETTINGS = ((0.2, 4_000), (0.1, 6_000), (0.05, 10_000), (0.2, 12_000))
"""Share of chance, and lists of a log: little more than an estimate needs, and three times as many."""


class Log(NamedTuple):
    """A log that was drawn: its places, what they would have shown without chance, and outcome → whether it came."""

    places: LoggedPlaces
    served: IntArray
    happened: dict[str, BoolArray]


def restricted(pool: IntArray, target: IntArray) -> IntArray:
    """Return what the log can say of a list, as ranks in the pool: where it never shows a product, what it serves.

    Args:
        pool: int[n, POOL], products that the lists could show, best first.
        target: int[n, LENGTH], the other lists.

    Returns:
        int[n, LENGTH].
    """
    matches = target[:, :, None] == pool[:, None, :]
    return np.where(matches.any(axis=2), matches.argmax(axis=2), np.arange(LENGTH))


def draw_log(made: Rankers, buys: FloatArray, n: int, share: float, rng: np.random.Generator) -> Log:
    """Draw visits, lists and what follows.

    Args:
        made: Two rankers with lists of POOL products; the first one serves.
        buys: float[n_users, n_products], probability that a click is followed by a purchase.
        n: Number of visits.
        share: AISLE_EXPLORE.
        rng: Source of randomness.

    Returns:
        The log.
    """
    user = made.visitors.draw(rng, n)
    pool = made.lists[0, user]
    rank, q, rows = np.tile(np.arange(POOL), (n, 1)), draw_probability(share, LENGTH, POOL), np.arange(n)
    for place in range(LENGTH):
        drawn = rows[rng.random(n) < q]
        other = rng.integers(POOL, size=len(drawn))
        rank[drawn, place], rank[drawn, other] = rank[drawn, other], rank[drawn, place].copy()
    rank = rank[:, :LENGTH]
    shown = np.take_along_axis(pool, rank, axis=1)
    clicked = rng.random(shown.shape) < made.visitors.examined(LENGTH) * made.attraction[user[:, None], shown]
    bought = clicked & (rng.random(shown.shape) < buys[user[:, None], shown])
    known, at = chances(share, LENGTH, POOL), np.arange(LENGTH)
    wanted = restricted(made.lists[0], made.lists[1, :, :LENGTH])[user]
    places = LoggedPlaces(
        np.repeat(rows, LENGTH),
        np.tile(np.arange(LENGTH), n),
        shown.ravel(),
        known[rank, at].ravel(),
        np.take_along_axis(pool, wanted, axis=1).ravel(),
        known[wanted, at].ravel(),
        user,
    )
    return Log(places, pool[:, :LENGTH].ravel(), {"clicks": clicked.ravel(), "purchases": bought.ravel()})


def purchases_of(made: Rankers) -> FloatArray:
    """Return float[n_users, n_products]: the probability that a click is followed by a purchase."""
    everything = np.arange(made.attraction.shape[1])
    return np.stack([made.visitors.purchase(user, everything) for user in range(len(made.attraction))])


def truth(made: Rankers, buys: FloatArray) -> dict[str, float]:
    """Return outcome → what a list of the second ranker earns, as far as the log can show it."""
    ranks = restricted(made.lists[0], made.lists[1, :, :LENGTH])
    lists = np.take_along_axis(made.lists[0], ranks, axis=1)
    rows = np.arange(len(lists))[:, None]
    clicks = made.visitors.examined(LENGTH) * made.attraction[rows, lists]
    earned = {"clicks": clicks, "purchases": clicks * buys[rows, lists]}
    return {name: float(made.activity @ each.sum(axis=1)) for name, each in earned.items()}


def covers(found: OutcomeEstimates, true: float) -> dict[str, bool]:
    """Return estimator → whether its interval holds the truth."""
    return {name: each.low <= true <= each.high for name, each in found.estimates.items()}


def coverage(made: Rankers, share: float, n: int, rounds: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """Repeat logs and estimates.

    Args:
        made: The rankers.
        share: AISLE_EXPLORE.
        n: Visits of a log.
        rounds: How many logs.
        seed: Of the first one.

    Returns:
        outcome → estimator → share of the rounds with an estimate whose interval holds the truth; "refused": share of
        the rounds without one; "width": mean width of the interval of DR over the truth.
    """
    buys = purchases_of(made)
    true = truth(made, buys)
    held: dict[str, defaultdict[str, list[float]]] = {name: defaultdict(list) for name in OUTCOMES}
    for number in range(rounds):
        log = draw_log(made, buys, n, share, np.random.default_rng([seed, number]))
        for name in OUTCOMES:
            found = estimate(log.places, log.served, log.happened[name])
            held[name]["refused"].append(not found.estimates)
            for estimator, holds in covers(found, true[name]).items():
                held[name][estimator].append(holds)
            if "dr" in found.estimates:
                interval = found.estimates["dr"]
                held[name]["width"].append((interval.high - interval.low) / true[name])
    return {name: {key: float(np.mean(each)) for key, each in rows.items()} for name, rows in held.items()}


def at_least(share: float, n: float) -> float:
    """Return the lower end of Wilson's 95 % interval for a share that was seen in n rounds."""
    z2 = 1.96**2
    centre, spread = share + z2 / (2 * n), 1.96 * math.sqrt((share * (1 - share) + z2 / (4 * n)) / n)
    return (centre - spread) / (1 + z2 / n)


def main() -> None:
    """Print a row for each outcome, estimator and share of chance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--users", type=int, default=4_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    made = rankers((1.2, 0.8), users=given.users, length=POOL)
    rows = []
    for share, n in SETTINGS:
        found = coverage(made, share, n, given.rounds, given.seed)
        for name, each in found.items():
            known = given.rounds * (1 - each["refused"])
            shares = ", ".join(
                f"{key} {each[key]:.1%} ({at_least(each[key], known):.1%} at least)"
                for key in ESTIMATORS
                if key in each
            )
            width = f", width of DR {each['width']:.0%}" if "width" in each else ""
            print(
                f"explore {share:.0%}, {n:,} lists, {name}: {shares}; refused {each['refused']:.0%}{width}", flush=True
            )
        rows.append({"explore": share, "lists": n, "rounds": given.rounds, "coverage": found})
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
