"""Search for one model's parameters: Optuna proposes trials, the objective measures them, a file stores them."""

from __future__ import annotations

import hashlib
import time
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from src.core.domain import JsonDict
from src.core.progress import Reporter
from src.interactions.splits import Split
from src.models.base import ListModel
from src.tuning.objective import Objective
from src.tuning.race import Race
from src.tuning.search_spaces import SearchSpace
from src.tuning.trial_costs import TrialCosts

_Figure = TypeVar("_Figure")
_COSTLY_SHARE = 0.4
"""Share of the time that may go into the recipes and the costly questions."""
_STAGE_SHARE = 0.1
"""Share of the time that one sample of users may take; larger samples are left out."""
_SIZES_SHARE, _MOST_FOR_SIZES = 0.3, 0.6
"""Share of the time that is kept for larger models, and the most where the first of them is predicted to need more: a
dozen settings more of a small model bring less than its size does."""


@dataclass
class Clock:
    """A budget of time.

    Attributes:
        budget: seconds.
        started: monotonic seconds.
    """

    budget: float
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that are left; negative when the budget is exceeded."""
        return self.budget - (time.monotonic() - self.started)


@dataclass(frozen=True)
class Search:
    """The context of one tuning.

    Attributes:
        split: models are trained on its train part.
        objective: measures models on its test part.
        seed: of models and samplers.
        clock: time budget.
        reporter: is told the progress.
        trials_file: stores trials, so that an interrupted search continues; a file belongs to one set of data. None to
            store none.
    """

    split: Split
    objective: Objective
    seed: int
    clock: Clock
    reporter: Reporter
    trials_file: Path | None = None


@dataclass(frozen=True)
class BestTrial:
    """The best model that a search found.

    Attributes:
        params: its parameters.
        model: trained with them.
        ndcg: its mean NDCG@k.
        seconds: of a training with its parameters that shares nothing with another one, and of a measurement.
        model_seconds: the same for `model`, which may be smaller than its parameters say.
        about: for people: the number of trials, NDCG@k of the first, and the time that all took.
        found: assignment of the parameters, and what trains others; None for a model without a search space.
    """

    params: Any
    model: ListModel
    ndcg: float
    seconds: float
    about: JsonDict = field(default_factory=dict)
    found: FoundAssignment | None = None
    model_seconds: float = 0.0


def search_hyperparameters(search: Search, name: str, space: SearchSpace, first: Any, deadline: float) -> BestTrial:
    """Search the parameters of one model.

    `first` is tried in any case, in small, then the recipes of the space. Next come the costly questions in turn, each
    answer combined with the best assignment so far. The remaining parameters are sampled by TPE (Bergstra et al.,
    "Algorithms for hyper-parameter optimization", NIPS 2011), with the best costly answers. At last larger models are
    tried with the best settings; where there is no time to, the sizes of `first` are kept. Trials stored in
    search.trials_file are not repeated.

    Args:
        search: the context.
        name: of the model.
        space: what may be chosen; it is widened to contain `first`.
        first: parameters to start from.
        deadline: no trial begins when the clock has no more than this many seconds left.

    Returns:
        The best trial, stored ones included.
    """
    return _ModelSearch(search, name, space, first, deadline).best_trial()


class _ModelSearch:
    """The search of one model's parameters, see search_hyperparameters."""

    def __init__(self, search: Search, name: str, space: SearchSpace, first: Any, deadline: float) -> None:
        self._search, self._first, self._deadline = search, first, deadline
        self._space = _containing(space, space.small(first))
        self._study = _study(search, name, self._space, first)
        self._began = search.clock.left
        self._whole = self._began - deadline
        race = Race.of(search.objective, search.seed, _STAGE_SHARE * self._whole)
        self._factory = ModelFactory(search, self._space, first, race)

    def best_trial(self) -> BestTrial:
        self._begin()
        larger, rng = self._space.larger_sizes(), np.random.default_rng(self._search.seed + len(self._study.trials))
        until = self._deadline + (self._kept_for(larger[0]) if larger else 0)
        n_small = self._space.trials - len(larger)
        self._sample(until, n_small, lambda: self._space.drawn_sizes(self._study.best_params, rng))
        sizes = self._try_larger(larger)
        best_sizes = {name: self._study.best_params[name] for name in self._space.sizes}
        self._sample(self._deadline, self._space.trials, lambda: best_sizes)
        best, factory = self._study.best_params, self._factory
        about: JsonDict = {
            "trials": len(self._study.trials),
            "dropped": factory.race.n_dropped,
            "first": round(_completed(self._study)[0].value or 0.0, 5),
            "best": round(self._study.best_value, 5),
            "seconds": round(self._began - self._search.clock.left, 1),
        }
        params = replace(factory.params_of(best), **sizes)
        seconds, found = factory.seconds_of(params), FoundAssignment(best, self._space, factory)
        own = factory.seconds_of(factory.params_of(best))
        return BestTrial(params, factory.best_model(best), self._study.best_value, seconds, about, found, own)

    def _kept_for(self, sizes: dict[str, Any]) -> float:
        """Return the seconds that small models leave to larger ones, of which these sizes are the first."""
        needed = self._factory.predicted(self._study.best_params | sizes)
        return float(np.clip(needed, self._whole * _SIZES_SHARE, self._whole * _MOST_FOR_SIZES))

    def _begin(self) -> None:
        """Try what the search is given, the recipes and the answers to the costly questions."""
        until = self._began - self._whole * _COSTLY_SHARE
        start = _assignment(self._space, self._space.small(self._first))
        self._run(start)
        for recipe in self._space.recipes:
            if not self._run_in_time(_with_recipe(self._space, start, recipe), until):
                return
        for question, answers in self._space.costly.items():
            best = self._study.best_params
            for number in range(len(answers)):
                if not self._run_in_time(best | {question: number}, until):
                    return

    def _sample(self, until: float, trials: int, sizes: Callable[[], dict[str, Any]]) -> None:
        """Let the sampler choose all but the costly answers and the sizes."""
        while len(self._study.trials) < trials:
            best = self._study.best_params
            fixed = {question: best[question] for question in self._space.costly} | sizes()
            if not self._is_time(best | fixed, until):
                break
            self._study.enqueue_trial(fixed)
            self._run_next()

    def _try_larger(self, larger: list[dict[str, Any]]) -> dict[str, Any]:
        """Try larger models while they are better; return the sizes of `first` if there was no time for any."""
        for sizes in larger:
            before = self._study.best_value
            if not self._run_in_time(self._study.best_params | sizes, self._deadline):
                untried = {name: getattr(self._first, name) for name in sizes}
                return untried if sizes is larger[0] and not self._space.is_small(self._first) else {}
            if self._study.best_value <= before:
                break
        return {}

    def _is_time(self, assignment: Mapping[str, Any], until: float) -> bool:
        """Return whether a trial would end before the clock shows `until` seconds left, by what it will cost."""
        seconds = self._factory.predicted(assignment)
        return self._search.clock.left > until + seconds and len(self._study.trials) < self._space.trials

    def _run_in_time(self, assignment: dict[str, Any], until: float) -> bool:
        """Try an assignment if there is time to; return whether there was."""
        if not self._is_time(assignment, until):
            return False
        self._run(assignment)
        return True

    def _run(self, assignment: dict[str, Any]) -> None:
        if assignment not in [trial.params for trial in _completed(self._study)]:  # interrupted ones are repeated
            self._study.enqueue_trial(assignment)
        while any(trial.state == TrialState.WAITING for trial in self._study.trials):
            self._run_next()

    def _run_next(self) -> None:
        trial = self._study.ask()
        self._study.tell(trial, self._factory.ndcg(_suggestion(trial, self._space)))
        self._search.reporter.advance(min(len(self._study.trials), self._space.trials), self._space.trials)


def _with_recipe(space: SearchSpace, start: dict[str, Any], recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return an assignment with the values of a recipe; costly answers that the space lacks are left as they were."""
    free = {name: value for name, value in recipe.items() if name in start}
    costly: dict[str, int] = {}
    for question, answers in space.costly.items():
        wanted = {name: recipe[name] for name in answers[0] if name in recipe}
        costly |= {question: answers.index(wanted)} if wanted in answers else {}
    return start | free | costly


def _containing(space: SearchSpace, first: Any) -> SearchSpace:
    """Return the space widened by `first`. Its own answers keep their numbers, by which trials are stored."""
    values = asdict(first)
    costly = {}
    for question, answers in space.costly.items():
        answer = {name: values[name] for name in answers[0]}
        costly[question] = answers if answer in answers else (*answers, answer)
    ranges = {
        name: replace(bounds, low=min(bounds.low, values[name]), high=max(bounds.high, values[name]))
        for name, bounds in space.ranges.items()
    }
    choices = {name: tuple(dict.fromkeys((*options, values[name]))) for name, options in space.choices.items()}
    return replace(space, costly=costly, ranges=ranges, choices=choices)


def _assignment(space: SearchSpace, first: Any) -> dict[str, Any]:
    """Return `first` in the form of a trial's parameters."""
    values = asdict(first)
    costly = {
        question: answers.index({name: values[name] for name in answers[0]})
        for question, answers in space.costly.items()
    }
    return costly | {name: values[name] for name in (*space.ranges, *space.choices)}


def _completed(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _suggestion(trial: optuna.Trial, space: SearchSpace) -> dict[str, Any]:
    costly = {name: trial.suggest_categorical(name, range(len(answers))) for name, answers in space.costly.items()}
    ranges = {name: trial.suggest_float(name, r.low, r.high, log=r.log) for name, r in space.ranges.items()}
    choices = {name: trial.suggest_categorical(name, options) for name, options in space.choices.items()}
    return {**costly, **ranges, **choices}


def _study(search: Search, name: str, space: SearchSpace, first: Any) -> optuna.Study:
    """Return the stored trials of this model with the same weighting, space, fixed parameters and cut-off."""
    chosen = {*chain.from_iterable(answers[0] for answers in space.costly.values()), *space.ranges, *space.choices}
    fixed = {name: value for name, value in asdict(first).items() if name not in chosen}
    key = (search.split.train.weighting, space.costly, space.ranges, space.choices, fixed, search.objective.k)
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:12]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = None
    if search.trials_file is not None:
        search.trials_file.parent.mkdir(parents=True, exist_ok=True)
        storage = JournalStorage(JournalFileBackend(str(search.trials_file)))
    study = optuna.create_study(
        storage=storage,
        study_name=f"{name}-{digest}",
        direction="maximize",
        load_if_exists=True,
    )
    # The seed depends on the number of trials: otherwise a continued search would draw its first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=(search.seed + len(study.trials)) % 2**32, n_startup_trials=6)
    for trial in study.get_trials(states=(TrialState.RUNNING,)):  # left by a killed search
        study.tell(trial.number, state=TrialState.FAIL)
    return study


class ModelFactory:
    """Trains the models of assignments, and keeps the preparation of the last one for the next."""

    def __init__(self, search: Search, space: SearchSpace, first: Any, race: Race) -> None:
        self._search, self._space, self._first, self.race = search, space, first, race
        self._prepared: tuple[_Preparation, Any] | None = None
        self._costs = TrialCosts()
        self._best: tuple[float, dict[str, Any], ListModel] | None = None

    def params_of(self, assignment: Mapping[str, Any]) -> Any:
        """Return the parameters that an assignment stands for."""
        free = {name: value for name, value in assignment.items() if name not in self._space.costly}
        costly = [answers[assignment[question]] for question, answers in self._space.costly.items()]
        return replace(self._first, **free, **dict(ChainMap(*costly)))

    def ndcg(self, assignment: Mapping[str, Any]) -> float:
        """Train and measure a trial; its model is kept if it is the best so far."""
        model, found = self.measured(assignment, self.race.ndcg)
        if self._best is None or found > self._best[0]:
            self._best = found, dict(assignment), model
        return found

    def measured(
        self, assignment: Mapping[str, Any], measure: Callable[[ListModel], _Figure]
    ) -> tuple[ListModel, _Figure]:
        """Train and measure a model, and remember how long both took.

        Args:
            assignment: of its parameters.
            measure: takes the model.

        Returns:
            The model, and what `measure` returned.
        """
        prepared = self._preparation_of(assignment)
        started = time.perf_counter()
        model = self._finished(assignment, prepared)
        figure = measure(model)
        self._costs.ran(self._space.size_of(self.params_of(assignment)), time.perf_counter() - started)
        return model, figure

    def predicted(self, assignment: Mapping[str, Any]) -> float:
        """Return the seconds that a trial will take, by the trials so far."""
        wanted = self._wanted(assignment)
        is_made = self._prepared is not None and self._prepared[0] == wanted
        return self._costs.predicted(self._space.size_of(self.params_of(assignment)), None if is_made else wanted.size)

    def seconds_of(self, params: Any) -> float:
        """Return the seconds that a training with these parameters takes that shares nothing with another one."""
        return self._costs.predicted(self._space.size_of(params), self._space.prepared_size_of(params))

    def best_model(self, assignment: Mapping[str, Any]) -> ListModel:
        """Return the model of the best trial, which is trained anew if an earlier search made it."""
        if self._best is not None and self._best[1] == assignment:
            return self._best[2]
        return self._finished(assignment, self._preparation_of(assignment))

    def _wanted(self, assignment: Mapping[str, Any]) -> _Preparation:
        answers = {question: assignment[question] for question in self._space.costly}
        return _Preparation(answers, self._space.prepared_size_of(self.params_of(assignment)))

    def _preparation_of(self, assignment: Mapping[str, Any]) -> Any:
        wanted = self._wanted(assignment)
        if self._prepared is None or self._prepared[0] != wanted:
            self._prepared = None  # freed before the next one is computed: each may take a gigabyte
            started = time.perf_counter()
            prepared = self._space.prepare(self._search.split.train, self.params_of(assignment), self._search.seed)
            self._costs.prepared(wanted.size, time.perf_counter() - started)
            self._prepared = wanted, prepared
        return self._prepared[1]

    def _finished(self, assignment: Mapping[str, Any], prepared: Any) -> ListModel:
        params = self.params_of(assignment)
        return self._space.finish(self._search.split.train, prepared, params, self._search.seed)


@dataclass(frozen=True)
class FoundAssignment:
    """What a search ended with, for searches that go on from there.

    Attributes:
        values: the best assignment.
        space: what may be chosen.
        factory: trains the models of assignments.
    """

    values: dict[str, Any]
    space: SearchSpace
    factory: ModelFactory


@dataclass(frozen=True)
class _Preparation:
    """What a preparation depends on: costly question → number of its answer, and the size of the model."""

    answers: dict[str, int]
    size: int
