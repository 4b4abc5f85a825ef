"""A race of trials: each is measured on growing samples of users, and dropped when it is behind the best one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from src.core.domain import FloatArray
from src.models.base import BlockScorer
from src.tuning.objective import Objective

_FIRST_SAMPLE, _GROWTH = 300, 4
"""Users of the first sample, and the growth of the samples."""


@dataclass
class Race:
    """Compares trials with the best one so far.

    A trial is dropped after a sample on which its mean difference to the best one, by the same users, is more than a
    standard error below 0 (Maron and Moore, "Hoeffding races", NIPS 1993; the samples grow as in successive halving).

    Attributes:
        stages: objectives of disjoint samples of users.
        best: float[n] for each stage, NDCG@k of the best trial; empty before one was measured on all stages.
        n_dropped: number of trials that were dropped.
    """

    stages: list[Objective]
    best: list[FloatArray] = field(default_factory=list)
    n_dropped: int = 0

    @classmethod
    def of(cls, objective: Objective, seed: int) -> Race:
        """Draw the samples.

        Args:
            objective: of all users.
            seed: of the draw.

        Returns:
            The race; it has one stage where there are few users.
        """
        n, ends = len(objective.queries), [_FIRST_SAMPLE]
        while 2 * ends[-1] <= n:  # the last part is at least as large as all before it
            ends.append(ends[-1] * _GROWTH)
        parts = np.split(np.random.default_rng(seed).permutation(n), ends[:-1])
        return cls([objective.of_users(np.sort(part)) for part in parts])

    def ndcg(self, scorer: BlockScorer) -> float:
        """Measure a trial.

        Args:
            scorer: the model of the trial.

        Returns:
            Its mean NDCG@k over all users; if it is dropped, the best mean plus its mean difference so far.
        """
        seen: list[FloatArray] = []
        for stage in self.stages:
            seen.append(stage.ndcg(scorer))
            if self.best and len(seen) < len(self.stages):
                difference = np.concatenate(seen) - np.concatenate(self.best[: len(seen)])
                if difference.mean() < -difference.std() / np.sqrt(len(difference)):
                    self.n_dropped += 1
                    return float(np.concatenate(self.best).mean() + difference.mean())
        found = float(np.concatenate(seen).mean())
        if not self.best or found > np.concatenate(self.best).mean():
            self.best = seen
        return found
