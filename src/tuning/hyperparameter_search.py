"""The search for one model's parameters: Optuna proposes, the judge decides, a file remembers."""

from __future__ import annotations

import hashlib
import time
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from src.core.progress import Reporter
from src.interactions.splits import Split
from src.models.base import ListModel
from src.tuning.objective import Objective
from src.tuning.search_spaces import SearchSpace

_SHARE_FOR_COSTLY = 0.5


@dataclass
class Clock:
    """How much of a budget in seconds is left."""

    budget: float
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        return self.budget - (time.monotonic() - self.started)


@dataclass(frozen=True)
class Search:
    """What tuning works with. kept_in: the file that remembers trials, so that a search that was interrupted goes on;
    None to forget them. It has to be another one for other data.
    """

    split: Split
    judge: Objective
    seed: int
    clock: Clock
    reporter: Reporter
    kept_in: Path | None = None


@dataclass(frozen=True)
class BestTrial:
    """The best parameters, the model trained with them, its mean NDCG@k; seconds: what the slowest model took."""

    params: Any
    model: ListModel
    figure: float
    seconds: float


def search_hyperparameters(search: Search, name: str, space: SearchSpace, first: Any, deadline: float) -> BestTrial:
    """The best that is found before the clock is at the deadline.

    `first` is tried in any case. Then the costly questions in turn, every answer with the rest of the best so far; then
    the rest, by TPE (Bergstra et al., "Algorithms for hyper-parameter optimization", NIPS 2011), with the best costly
    answers. Trials that search.kept_in remembers are not tried again.
    """
    space = _around(space, first)
    workshop = _Workshop(search, space, first)
    study = _study(search, name, space, first)

    def try_one() -> None:
        trial = study.ask()
        study.tell(trial, workshop.figure(_suggested(trial, space)))
        search.reporter.advance(min(len(study.trials), space.trials), space.trials)

    def try_this(assignment: dict[str, Any]) -> None:
        if assignment not in _completed(study):  # one that was killed is no reason to leave it out
            study.enqueue_trial(assignment)
        while any(trial.state == TrialState.WAITING for trial in study.trials):
            try_one()

    time_for_costly = search.clock.left - (search.clock.left - deadline) * _SHARE_FOR_COSTLY
    try_this(_assignment(space, first))
    for question, answers in space.costly.items():
        best = study.best_params
        for number in range(len(answers)):
            if search.clock.left <= time_for_costly:
                break
            try_this(best | {question: number})
    costly = {question: study.best_params[question] for question in space.costly}
    while len(study.trials) < space.trials and search.clock.left > deadline:
        study.enqueue_trial(costly)  # the sampler chooses what is not said
        try_one()
    best = study.best_params
    return BestTrial(workshop.params_of(best), workshop.model(best), study.best_value, workshop.longest)


def _around(space: SearchSpace, first: Any) -> SearchSpace:
    """The space with `first` in it; what was in it already keeps its place, by which trials remember it."""
    its = asdict(first)
    costly = {}
    for question, answers in space.costly.items():
        mine = {name: its[name] for name in answers[0]}
        costly[question] = answers if mine in answers else (*answers, mine)
    ranges = {
        name: replace(each, low=min(each.low, its[name]), high=max(each.high, its[name]))
        for name, each in space.ranges.items()
    }
    choices = {name: tuple(dict.fromkeys((*each, its[name]))) for name, each in space.choices.items()}
    return replace(space, costly=costly, ranges=ranges, choices=choices)


def _assignment(space: SearchSpace, first: Any) -> dict[str, Any]:
    """What `first` says, as a trial has it."""
    its = asdict(first)
    costly = {
        question: answers.index({name: its[name] for name in answers[0]}) for question, answers in space.costly.items()
    }
    return costly | {name: its[name] for name in (*space.ranges, *space.choices)}


def _completed(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]


def _suggested(trial: optuna.Trial, space: SearchSpace) -> dict[str, Any]:
    costly = {name: trial.suggest_categorical(name, range(len(answers))) for name, answers in space.costly.items()}
    ranges = {name: trial.suggest_float(name, r.low, r.high, log=r.log) for name, r in space.ranges.items()}
    chosen = {name: trial.suggest_categorical(name, which) for name, which in space.choices.items()}
    return {**costly, **ranges, **chosen}


def _study(search: Search, name: str, space: SearchSpace, first: Any) -> optuna.Study:
    """The trials of this model so far: those with the same weights of events, the same choices and the same judge."""
    chosen = {*chain.from_iterable(answers[0] for answers in space.costly.values()), *space.ranges, *space.choices}
    fixed = {name: value for name, value in asdict(first).items() if name not in chosen}
    asked = (search.split.train.weighting, space.costly, space.ranges, space.choices, fixed, search.judge.k)
    digest = hashlib.sha256(repr(asked).encode()).hexdigest()[:12]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = None
    if search.kept_in is not None:
        search.kept_in.parent.mkdir(parents=True, exist_ok=True)
        storage = JournalStorage(JournalFileBackend(str(search.kept_in)))
    study = optuna.create_study(
        storage=storage,
        study_name=f"{name}-{digest}",
        direction="maximize",
        load_if_exists=True,
    )
    # What is drawn goes on too: with the same seed the first trials would be those of the first search.
    study.sampler = optuna.samplers.TPESampler(seed=(search.seed + len(study.trials)) % 2**32, n_startup_trials=6)
    for trial in study.get_trials(states=(TrialState.RUNNING,)):  # of a search that was killed
        study.tell(trial.number, state=TrialState.FAIL)
    return study


class _Workshop:
    """Makes models of assignments, and keeps what the last one was made of."""

    def __init__(self, search: Search, space: SearchSpace, first: Any) -> None:
        self._search, self._space, self._first = search, space, first
        self._prepared: tuple[dict[str, int], Any] | None = None
        self.longest = 0.0  # seconds that a model took

    def params_of(self, assignment: Mapping[str, Any]) -> Any:
        free = {name: value for name, value in assignment.items() if name not in self._space.costly}
        costly = [answers[assignment[question]] for question, answers in self._space.costly.items()]
        return replace(self._first, **free, **dict(ChainMap(*costly)))

    def model(self, assignment: Mapping[str, Any]) -> ListModel:
        train, seed, params = self._search.split.train, self._search.seed, self.params_of(assignment)
        answers = {question: assignment[question] for question in self._space.costly}
        started = time.perf_counter()
        if self._prepared is None or self._prepared[0] != answers:
            self._prepared = None  # before the next one is made: each may take a gigabyte
            self._prepared = answers, self._space.prepare(train, params, seed)
        made = self._space.finish(train, self._prepared[1], params, seed)
        self.longest = max(self.longest, time.perf_counter() - started)
        return made

    def figure(self, assignment: Mapping[str, Any]) -> float:
        return float(self._search.judge.ndcg(self.model(assignment)).mean())
