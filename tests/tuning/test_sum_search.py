"""The second round of tuning keeps settings by which the sum of all models gains, on users that did not choose them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from typing_extensions import override

from src.core.domain import NO_TIME, EventBatch, FloatArray, IntArray
from src.core.progress import Silent
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import held_out
from src.models.base import QueryBlock
from src.tuning.hyperparameter_search import BestTrial, Clock, FoundAssignment, Search
from src.tuning.objective import Objective
from src.tuning.search_spaces import Range, SearchSpace
from src.tuning.sum_search import tune_for_the_sum

N_USERS, N_ITEMS = 800, 40
PLENTY = 600.0
VARIED, FIXED = "varied", "fixed"
FIRST = 0.5


@dataclass(frozen=True)
class Guess:
    """Scores by noise of its own, and by what was held out in so far as `truth` says."""

    wanted: FloatArray
    noise: FloatArray
    truth: float

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        rows = queries.user_idx % N_USERS
        scores: FloatArray = self.noise[rows] + np.float32(self.truth) * self.wanted[rows]
        return scores if items is None else scores[:, items]


@dataclass(frozen=True)
class Lucky(Guess):
    """Knows what `truth` says for the users that are asked for first; of all others what everybody knows."""

    asked: list[int] = field(default_factory=list)

    @override
    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        if queries.user_idx.max() < 0:  # anonymous, for the scale
            return super().score_all(queries, items)
        self.asked.append(len(queries))
        known = self.truth if len(self.asked) == 1 else FIRST
        return Guess(self.wanted, self.noise, known).score_all(queries, items)


@dataclass(frozen=True)
class Truth:
    """Parameters of a Guess."""

    truth: float = FIRST


class Guesses:
    """Makes models of assignments in no time, as ModelFactory does."""

    def __init__(self, make: Callable[[float], Guess], seconds: float = 0.0) -> None:
        self.make, self.seconds, self.n_made = make, seconds, 0

    def params_of(self, assignment: dict[str, Any]) -> Truth:
        return Truth(**assignment)

    def measured(self, assignment: dict[str, Any], measure: Callable[[Any], Any]) -> tuple[Any, Any]:
        self.n_made += 1
        model = self.make(assignment["truth"])
        return model, measure(model)

    def predicted(self, assignment: dict[str, Any]) -> float:
        return self.seconds

    def seconds_of(self, params: Truth) -> float:
        return self.seconds


def purchases() -> TrainingData:
    rng = np.random.default_rng(3)
    users = np.repeat(np.arange(N_USERS), 8)
    items = np.concatenate([rng.choice(N_ITEMS, 8, replace=False) for _ in range(N_USERS)])
    names = [[f"{letter}{row}" for row in rows] for rows, letter in ((users, "u"), (items, "p"))]
    n = len(users)
    return training_data([EventBatch(*names, ["purchase"] * n, np.ones(n), np.full(n, NO_TIME))])


@pytest.fixture(scope="module")
def search() -> Search:
    split = held_out(purchases())
    order = np.argsort(-split.train.events.count_by_item(), kind="stable")
    objective = Objective.of(split, order, relevant_rating=4.0, k=10, seed=1)
    assert objective is not None
    return Search(split, objective, 1, Clock(PLENTY), Silent())


def guesses(search: Search, *, kind: type[Guess] = Guess, seconds: float = 0.0) -> Guesses:
    """Models that know more of what was held out the higher `truth` is."""
    wanted = np.zeros((N_USERS, N_ITEMS), np.float32)
    wanted[search.objective.queries.user_idx] = search.objective.relevant.toarray() > 0
    noise = np.random.default_rng(2).standard_normal((N_USERS, N_ITEMS), dtype=np.float32)
    return Guesses(lambda truth: kind(wanted, noise, truth), seconds)


def tuned(search: Search, factory: Guesses, deadline: float = 0.0) -> dict[str, BestTrial]:
    space = SearchSpace({}, {"truth": Range(0, 2)}, lambda *_: None, lambda *_: factory.make(FIRST), trials=1)
    model: Any = factory.make(FIRST)
    found = FoundAssignment({"truth": FIRST}, space, factory)  # type: ignore[arg-type]
    trial = BestTrial(Truth(), model, 0.0, 0.0, {"trials": 1}, found)
    fixed: Any = replace(model, noise=model.noise[::-1])
    trials = {VARIED: trial, FIXED: BestTrial(None, fixed, 0.0, 0.0)}
    return tune_for_the_sum(search, {VARIED: model, FIXED: fixed}, trials, deadline)


def test_settings_that_make_the_sum_better_are_kept_and_reported(search: Search) -> None:
    found = tuned(search, guesses(search))
    told = found[VARIED].about["in_the_sum"]
    assert found[VARIED].params.truth > 1.5
    assert found[VARIED].model.truth == found[VARIED].params.truth  # type: ignore[attr-defined]
    assert told["kept"] >= 1
    assert told["gain"] > 0
    assert found[FIXED].params is None


def test_what_is_better_for_the_users_that_choose_alone_is_not_kept(search: Search) -> None:
    told = tuned(search, guesses(search, kind=Lucky))[VARIED].about["in_the_sum"]
    assert told["trials"] >= 25
    assert told["kept"] <= 1  # by another weight, perhaps


def test_a_trial_that_would_end_too_late_does_not_begin(search: Search) -> None:
    factory = guesses(search, seconds=PLENTY)
    assert tuned(search, factory, deadline=10.0)[VARIED].params.truth == FIRST
    assert factory.n_made == 0


def test_few_users_choose_nothing(search: Search) -> None:
    few = replace(search, objective=search.objective.of_users(np.arange(300)))
    factory = guesses(search)
    assert tuned(few, factory)[VARIED].params.truth == FIRST
    assert factory.n_made == 0
