"""The second round of tuning: settings of a model are chosen by what the sum of all models gains.

The first round finds the best settings of each model alone. The best sum is of others: models that err differently.
Here one model at a time varies, beside the scores of all others as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from src.core.domain import FloatArray, JsonDict
from src.core.messages import message
from src.models.base import ListModel
from src.recommendation.ensemble import scales_of
from src.tuning.hyperparameter_search import BestTrial, Clock, FoundAssignment, Search
from src.tuning.objective import ComponentScores, Objective
from src.tuning.repeated_draws import in_time
from src.tuning.search_spaces import SearchSpace
from src.tuning.sum_weights import KNOWN_SUM, best_weights

_FEWEST_USERS, _MOST_USERS = 600, 6_000
"""Users that the sum is measured by, of both halves: fewer could not show a gain, more would take too long."""
_SHARE_FOR_SCORES = 0.15
"""Share of the time for the scores of all models, and as much for their weights."""
_LEAST_SHARE = 0.05
"""Share of the whole budget that has to be left for a second round: it begins with scores of all models."""
_SURE = 1.0
"""Standard errors that the sum has to gain, on the half of the users that choose and on the half that confirm."""
_FACTORS, _FIRST_WEIGHTS = (0.6, 1.0, 1.6), (0.06, 0.15, 0.4)
"""Weights that are tried: of a model in the sum by its own weight, of one outside of it."""
_STEP = 0.15
"""Standard deviation of a step, as a part of the range of a parameter."""
_COSTLY = 3.0
"""Other answers to costly questions are tried where they make a trial at most so many times as long."""
_PATIENCE = 25
"""Trials of a model in a row that bring nothing, after which it rests."""


@dataclass
class _Half:
    """Half of the users: scores of all models, and NDCG@k of each user's list of the sum by the current weights."""

    objective: Objective
    scores: ComponentScores
    ndcg: FloatArray = field(default_factory=lambda: np.zeros(0))

    def gain(self, total: FloatArray) -> FloatArray:
        """Return float[n_users], what the lists by other scores gain. total: float32[n_users, m]."""
        return self.scores.ndcg_of(total) - self.ndcg


@dataclass
class _Member:
    """A model that varies, and what its trials brought.

    Attributes:
        row: of the model in the scores.
        trial: with its settings so far.
        found: their assignment, and what trains others.
        seen: assignments that were tried.
        seconds: that its trials took.
        tried: number of its trials.
        in_vain: number of assignments since the last that was kept.
        kept: number of trials that were kept.
        gain: of the confirming users by these.
    """

    row: int
    trial: BestTrial
    found: FoundAssignment
    seen: list[dict[str, Any]]
    seconds: float = 0.0
    tried: int = 0
    in_vain: int = 0
    kept: int = 0
    gain: float = 0.0

    def about(self) -> JsonDict:
        """Return what the trials brought, for people."""
        return {
            "trials": self.tried,
            "kept": self.kept,
            "gain": round(self.gain, 5),
            "seconds": round(self.seconds, 1),
        }


def tune_for_the_sum(
    search: Search, models: Mapping[str, ListModel], trials: Mapping[str, BestTrial], deadline: float
) -> dict[str, BestTrial]:
    """Vary the settings of one model at a time, and keep what makes the sum better.

    The turn is of the model that took the least time so far. Its other sizes are tried first, then steps from its
    settings in one or two parameters. A trial has to be better on one half of the users, which also chooses its weight,
    and on the other half, which chooses nothing: the best of many is better by chance on the users that chose it.

    Args:
        search: the context of the tuning.
        models: of the sum, by name.
        trials: the best trials of those that may vary.
        deadline: no trial begins that would end when the clock has less than this many seconds left.

    Returns:
        The trials with the settings that the sum gains by, without `found`, which may hold a gigabyte; with those given
        where there are too few users, or little time.
    """
    left = search.clock.left - deadline
    if left < _LEAST_SHARE * search.clock.budget or len(search.objective.queries) < _FEWEST_USERS:
        return {name: replace(trial, found=None) for name, trial in trials.items()}
    return _SumSearch(search, models, trials, deadline).best_trials()


class _SumSearch:
    """The search of tune_for_the_sum."""

    def __init__(
        self, search: Search, models: Mapping[str, ListModel], trials: Mapping[str, BestTrial], deadline: float
    ) -> None:
        self._search, self._trials, self._deadline = search, dict(trials), deadline
        self._rng = np.random.default_rng(search.seed)
        seconds = _SHARE_FOR_SCORES * (search.clock.left - deadline)
        objective = in_time(search, models, seconds / search.clock.left, _FEWEST_USERS)
        order = self._rng.permutation(len(objective.queries))[:_MOST_USERS]
        scales = scales_of(models, search.split.train, seed=search.seed)
        self._choosing, self._confirming = (
            _Half(part, part.component_scores(models).in_units_of(scales))
            for part in (objective.of_users(np.sort(rows)) for rows in np.array_split(order, 2))
        )
        weights = best_weights(self._choosing.scores, (KNOWN_SUM,), clock=Clock(seconds)).weights
        self._weights = np.array([weights.get(name, 0.0) for name in models])
        self._measure_sum()
        self._members = {
            name: _Member(list(models).index(name), trial, trial.found, [trial.found.values])
            for name, trial in trials.items()
            if trial.found is not None
        }

    def best_trials(self) -> dict[str, BestTrial]:
        """Search until the time is over, or no model has anything left to try."""
        moves = {name: self._moves(member) for name, member in self._members.items()}
        while moves and self._search.clock.left > self._deadline:
            name = min(moves, key=lambda each: self._members[each].seconds)
            member = self._members[name]
            assignment = next(moves[name], None) if member.in_vain < _PATIENCE else None
            if assignment is None:
                del moves[name]
                continue
            member.in_vain += 1
            if self._search.clock.left - member.found.factory.predicted(assignment) < self._deadline:
                continue
            member.tried += 1
            self._search.reporter.step(message("step.tuning_sum", model=name))
            began = self._search.clock.left
            self._try(name, member, assignment)
            member.seconds += began - self._search.clock.left
        return {**self._trials, **{name: self._told(member) for name, member in self._members.items()}}

    def _told(self, member: _Member) -> BestTrial:
        """Return the trial of a model with what the search says of it, without what it needed for it."""
        trial = replace(member.trial, found=None, about={**member.trial.about, "in_the_sum": member.about()})
        return replace(trial, ndcg=float(self._search.objective.ndcg(trial.model).mean())) if member.kept else trial

    def _moves(self, member: _Member) -> Iterator[dict[str, Any]]:
        """Yield assignments near the best one of a model, none twice."""
        for name in member.found.space.sizes:
            for value in member.found.space.choices[name]:
                if value != member.found.values[name]:
                    yield self._new(member, member.found.values | {name: value})
        for _ in range(_PATIENCE * 100):
            assignment = self._stepped(member)
            if assignment not in member.seen:
                yield self._new(member, assignment)

    @staticmethod
    def _new(member: _Member, assignment: dict[str, Any]) -> dict[str, Any]:
        member.seen.append(assignment)
        return assignment

    def _stepped(self, member: _Member) -> dict[str, Any]:
        """Return the best assignment with one or two other values; costly ones stay where they would take long."""
        best, space, factory = member.found.values, member.found.space, member.found.factory
        free = [name for name in best if name not in space.sizes]
        changed = self._rng.choice(free, size=min(int(self._rng.integers(1, 3)), len(free)), replace=False).tolist()
        moved = best | {name: _step(space, name, best[name], self._rng) for name in changed}
        is_costly = factory.predicted(moved) > _COSTLY * factory.predicted(best)
        return moved | {name: best[name] for name in space.costly} if is_costly else moved

    def _try(self, name: str, member: _Member, assignment: dict[str, Any]) -> None:
        """Train and measure one assignment, and keep it if both halves gain."""

        def scored(model: ListModel) -> tuple[float, FloatArray]:
            scale = scales_of({name: model}, self._search.split.train, seed=self._search.seed)[name]
            return scale, self._scores(self._choosing, model, scale)

        model, (scale, scores) = member.found.factory.measured(assignment, scored)
        weight = float(self._weights[member.row])
        weights = [factor * weight for factor in _FACTORS] if weight else _FIRST_WEIGHTS
        rest = self._rest(self._choosing, member)
        gains = [self._choosing.gain(rest + np.float32(each) * scores) for each in weights]
        best = int(np.argmax([gain.mean() for gain in gains]))
        if not _is_sure(gains[best]):
            return
        confirming = self._scores(self._confirming, model, scale)
        gain = self._confirming.gain(self._rest(self._confirming, member) + np.float32(weights[best]) * confirming)
        if not _is_sure(gain):
            return
        self._choosing.scores.score[member.row], self._confirming.scores.score[member.row] = scores, confirming
        self._weights[member.row] = weights[best]
        self._measure_sum()
        params, factory = member.found.factory.params_of(assignment), member.found.factory
        member.found = replace(member.found, values=assignment)
        seconds = factory.seconds_of(params)
        member.trial = replace(member.trial, params=params, model=model, seconds=seconds, model_seconds=seconds)
        member.in_vain, member.kept, member.gain = 0, member.kept + 1, member.gain + float(gain.mean())

    @staticmethod
    def _scores(half: _Half, model: ListModel, scale: float) -> FloatArray:
        return half.objective.scores_of(model, half.scores.item) / np.float32(scale)

    def _rest(self, half: _Half, member: _Member) -> FloatArray:
        """Return the sum without one model."""
        others = self._weights.copy()
        others[member.row] = 0
        return half.scores.total(others)

    def _measure_sum(self) -> None:
        for half in (self._choosing, self._confirming):
            half.ndcg = half.scores.ndcg_of(half.scores.total(self._weights))


def _is_sure(gain: FloatArray) -> bool:
    """Return whether users gain on average, by more than the standard error of this average."""
    return bool(gain.mean() > _SURE * gain.std() / np.sqrt(len(gain)))


def _step(space: SearchSpace, name: str, value: Any, rng: np.random.Generator) -> Any:
    """Return another value of a parameter: near this one in a range, any other one of a choice."""
    if name in space.costly:
        return int(rng.integers(len(space.costly[name])))
    if name in space.choices:
        return rng.choice(space.choices[name]).item()
    bounds = space.ranges[name]
    if bounds.log:
        moved = np.log(value) + rng.normal() * _STEP * np.log(bounds.high / bounds.low)
        return float(np.exp(np.clip(moved, np.log(bounds.low), np.log(bounds.high))))
    return float(np.clip(value + rng.normal() * _STEP * (bounds.high - bounds.low), bounds.low, bounds.high))
