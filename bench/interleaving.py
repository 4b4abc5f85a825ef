"""How many visits an interleaving needs, and how many an A/B test: python -m bench.interleaving [--rounds 20].

Users of a made-up shop (src/synthetic/visits.py) are shown lists of two rankers, the second of which errs a little
less about what they like. Each round draws new visits and clicks, and looks at the always-valid interval after every
block of visits until it is sure. The clicks decide, as the metric of both.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.core.domain import FloatArray, IntArray, Recommendation
from src.core.experiments import INTERLEAVED_OUTCOMES
from src.evaluation.sequential_tests import Lift, Sample, lift, paired_lift
from src.recommendation.team_draft import team_draft
from src.synthetic.shop import DEFAULT_UNTIL, make_world
from src.synthetic.visits import Visitors

PLANNED = 10_000
_AT = DEFAULT_UNTIL - 86_400
_LENGTH = 10
_SAID = {"right": True, "wrong": False, "open": None}
_MOST = 300_000


class Rankers(NamedTuple):
    """Lists of two rankers for every user.

    Attributes:
        visitors: The users.
        attraction: float[n_users, n_products].
        lists: int[2, n_users, length].
    """

    visitors: Visitors
    attraction: FloatArray
    lists: IntArray

    @property
    def true_lift(self) -> float:
        """Clicks to be expected of the second ranker's lists over the first's, less 1; users count by their visits."""
        one, other = (self.activity @ each for each in self.expected)
        return float(other / one - 1)

    @property
    def activity(self) -> FloatArray:
        """float[n_users]: the share of the visits that are of each user."""
        return self.visitors.activity

    @property
    def expected(self) -> FloatArray:
        """float[2, n_users]: clicks to be expected of a visit."""
        seen = self.visitors.examined(_LENGTH)
        rows = np.arange(len(self.attraction))[:, None]
        return np.stack([self.attraction[rows, each] @ seen for each in self.lists])


def rankers(
    errors: tuple[float, float], users: int = 1_000, products: int = 200, seed: int = 3, length: int = _LENGTH
) -> Rankers:
    """Make two rankers that err about what users like.

    Args:
        errors: Standard deviation of each one's error, on the scale of log odds.
        users: Number of users.
        products: Number of products.
        seed: Seed of the shop and of the errors.
        length: Of the lists.

    Returns:
        Their lists.
    """
    visitors, attraction = _visitors(users, products, seed)
    rng = np.random.default_rng(seed)
    with np.errstate(divide="ignore"):
        odds = np.log(attraction / (1 - attraction))
    shared = rng.normal(size=odds.shape)
    score = [odds + error * (0.8 * shared + 0.6 * rng.normal(size=odds.shape)) for error in errors]
    return Rankers(visitors, attraction, np.stack([np.argsort(-each, axis=1)[:, :length] for each in score]))


@lru_cache(maxsize=1)
def _visitors(users: int, products: int, seed: int) -> tuple[Visitors, FloatArray]:
    """Return users, and float[users, products]: what attracts them."""
    visitors, everything = Visitors(make_world(users, products, seed, DEFAULT_UNTIL)), np.arange(products)
    return visitors, np.stack([visitors.attraction(user, everything, _AT) for user in range(users)])


def split_visits(made: Rankers, seed: int, block: int = 1_000) -> Iterator[tuple[int, Lift | None]]:
    """Yield (visits so far, what an A/B test says), block after block of visits.

    Args:
        made: The rankers.
        seed: Of the visits, the arms of the users, and the clicks.
        block: Visits between two looks.

    Yields:
        The looks.
    """
    rng, n_users = np.random.default_rng(seed), len(made.attraction)
    arm, clicks = rng.integers(2, size=n_users), np.zeros(n_users)
    visited = np.zeros(n_users, np.bool_)
    seen = made.visitors.examined(_LENGTH)
    for n in range(block, _MOST + 1, block):
        user = made.visitors.draw(rng, block)
        chance = seen * made.attraction[user[:, None], made.lists[arm[user], user]]
        np.add.at(clicks, user, (rng.random(chance.shape) < chance).sum(axis=1))
        visited[user] = True
        samples = [_sample(clicks[visited & (arm == each)]) for each in (0, 1)]
        yield n, lift(samples[0], samples[1], PLANNED)


def interleaved_visits(made: Rankers, seed: int, block: int = 100) -> Iterator[tuple[int, Lift | None]]:
    """Yield (visits so far, what an interleaving says), as `split_visits` does.

    Args:
        made: The rankers.
        seed: Of the visits, the drafts, and the clicks.
        block: Visits between two looks.

    Yields:
        The looks.
    """
    rng, coin, n_users = np.random.default_rng(seed), random.Random(seed), len(made.attraction)
    credits = np.zeros((2, n_users))
    visited = np.zeros(n_users, np.bool_)
    seen = made.visitors.examined(_LENGTH)
    listed = [Recommendation(str(row), 0.0, "") for row in range(made.attraction.shape[1])]
    for n in range(block, _MOST + 1, block):
        for user in made.visitors.draw(rng, block).tolist():
            lists = [[listed[row] for row in made.lists[each, user]] for each in (0, 1)]
            drafted = team_draft((lists[0], lists[1]), _LENGTH, lambda _: True, coin)
            rows = [int(each.place.product_id) for each in drafted]
            clicked = rng.random(_LENGTH) < seen * made.attraction[user, rows]
            for place in np.flatnonzero(clicked):
                team = drafted[place].team
                if team is not None:
                    credits[team, user] += 1
            visited[user] = True
        samples = [_sample(each[visited]) for each in credits]
        yield n, paired_lift(samples[0], samples[1], float(credits[0] @ credits[1]), INTERLEAVED_OUTCOMES)


def _sample(outcomes: FloatArray) -> Sample:
    total = float(outcomes.sum())
    return Sample(len(outcomes), total, float(outcomes @ outcomes), int(total))


def decided_after(looks: Iterator[tuple[int, Lift | None]]) -> tuple[int, bool | None]:
    """Return after how many visits a test is sure, and whether it prefers the second ranker; None if it never is."""
    n = 0
    for n, found in looks:
        if found is not None and not found.low <= 0 <= found.high:
            return n, found.low > 0
    return n, None


def verdicts(looks: list[tuple[int, bool | None]]) -> dict[str, int]:
    """Return how many rounds preferred the second ranker, the first one, or none."""
    return {name: sum(better is said for _, better in looks) for name, said in _SAID.items()}


def main() -> None:
    """Print a row for each difference between the rankers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--users", type=int, default=50_000, help="more than a visit each keeps users apart")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    rows = []
    for errors in ((1.2, 0.6), (1.2, 0.8), (1.2, 1.0), (1.2, 1.1), (1.2, 1.15)):
        made = rankers(errors, users=given.users)
        found = {
            method.__name__: [decided_after(method(made, seed)) for seed in range(given.rounds)]
            for method in (split_visits, interleaved_visits)
        }
        median = {name: float(np.median([n for n, _ in each])) for name, each in found.items()}
        said = {name: verdicts(each) for name, each in found.items()}
        rows.append({"true_lift": made.true_lift, "median_visits": median, "said": said})
        share = median["interleaved_visits"] / median["split_visits"]
        print(f"in truth {made.true_lift:+.1%} clicks: {median} visits (share {share:.3f}), {said}", flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
