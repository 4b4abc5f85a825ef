"""The inputs of a benchmark report: trained models, their costs, and the sizes of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from src.core.domain import IntArray
from src.core.records import Cost
from src.evaluation.benchmark_metrics import ListTask, n_seen_before
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData
from src.models.base import BlockScorer, Rater


@dataclass(frozen=True)
class Fitted:
    """Everything that was trained, before the test file is opened.

    Attributes:
        data: the training data.
        scorers: model → its scorer, whose lists are measured; popularity is always among them.
        raters: model → its rater.
        costs: model → time and memory of its training.
        checksums: model → sha256 of its arrays.
        popular: int[n_items], row numbers by popularity.
        weightings: model → the weighting of the histories that it learnt from, where it is not that of `data`.
    """

    data: TrainingData
    scorers: Mapping[str, BlockScorer]
    raters: Mapping[str, Rater]
    costs: Mapping[str, Cost]
    checksums: Mapping[str, str]
    popular: IntArray
    weightings: Mapping[str, Weighting] = field(default_factory=dict)


@dataclass(frozen=True)
class Scope:
    """Sizes of the training data and of the test data.

    Relevant pairs that no list can hold count as missed.

    Attributes:
        n_events: training events.
        n_users: training users.
        n_items: training products.
        relevant_rating: lowest rating that counts as liked; None if every test row is relevant.
        n_test_users: test users with a relevant product.
        n_known_users: those of them known to training.
        n_unknown_users: the others.
        n_relevant: relevant pairs.
        n_relevant_unknown: those of products unknown to training, which no list can hold.
        n_relevant_seen: those that the user rated or purchased in training, which no list holds.
    """

    n_events: int
    n_users: int
    n_items: int
    relevant_rating: float | None
    n_test_users: int
    n_known_users: int
    n_unknown_users: int
    n_relevant: int
    n_relevant_unknown: int
    n_relevant_seen: int

    @classmethod
    def of(cls, learnt: TrainingData, task: ListTask, relevant_rating: float | None) -> Scope:
        """Count.

        Args:
            learnt: the training data.
            task: the test users and their relevant products.
            relevant_rating: lowest rating that counts as liked; None if every test row is relevant.

        Returns:
            The sizes.
        """
        n_users, n_known, n_pairs = len(task.user_idx), int((task.user_idx >= 0).sum()), int(task.n_relevant.sum())
        return cls(
            n_events=len(learnt),
            n_users=len(learnt.users),
            n_items=len(learnt.items),
            relevant_rating=relevant_rating,
            n_test_users=n_users,
            n_known_users=n_known,
            n_unknown_users=n_users - n_known,
            n_relevant=n_pairs,
            n_relevant_unknown=n_pairs - len(task.relevant),
            n_relevant_seen=n_seen_before(task, learnt),
        )

    def sentences(self) -> list[str]:
        """Return sentences on how it was measured."""
        relevant = "every row of the test file"
        if self.relevant_rating is not None:
            relevant = f"a test rating of {self.relevant_rating:g} or better"
        lines = [
            f"learnt from {self.n_events:,} events of {self.n_users:,} users and {self.n_items:,} products before the "
            f"test file was opened; relevant is {relevant}; ranked are all products but those that the user rated or "
            f"purchased in training; means over {self.n_test_users:,} test users with a relevant product, "
            f"{self.n_unknown_users:,} of them unknown to training, with 95 % intervals."
        ]
        if self.n_relevant_unknown:
            lines.append(
                f"{self.n_relevant_unknown:,} of {self.n_relevant:,} relevant pairs are of products unknown to "
                "training: they count as missed."
            )
        if self.n_relevant_seen:
            lines.append(
                f"{self.n_relevant_seen:,} of {self.n_relevant:,} relevant pairs are in training too: no list holds "
                "them, and they count as missed."
            )
        return lines
