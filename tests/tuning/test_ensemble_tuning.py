"""Tuning finds a configuration that is no worse on its data than the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from src.core.domain import DAY, NO_TIME, EventBatch
from src.core.progress import Silent
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData, training_data
from src.interactions.item_categories import ItemCategories
from src.interactions.splits import Split, split
from src.models import ALS, CO_OCCURRENCE, ITEM_GRAPH, MODELS, POPULARITY, SPECTRAL, TRENDING
from src.models.settings import AllSettings
from src.recommendation.ensemble_config import EnsembleConfig, fit_ensemble
from src.tuning import ensemble_tuning
from src.tuning.ensemble_tuning import TuningOptions, tune_ensemble
from src.tuning.hyperparameter_search import Clock, Search, search_hyperparameters
from src.tuning.objective import Objective
from src.tuning.search_spaces import FADING, NORMALISATION, SEARCH_SPACES, Range, SearchSpace

SETTINGS = AllSettings(als_factors=8, als_iterations=3, spectral_rank=16, item_graph_neighbours=20)
PLENTY = 600.0
"""Seconds: more than any of these searches takes, so that the numbers of trials end them."""
N_USERS, N_ITEMS = 120, 60


class Steps(Silent):
    """A Reporter that records its steps."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, line: str) -> None:
        self.lines.append(line)


def shop(*, times: bool = True, ratings: bool = False, views: bool = True) -> TrainingData:
    """Three groups of users; views are mostly random."""
    rng = np.random.default_rng(5)
    rows: list[tuple[str, str, str, float]] = []
    for user in range(N_USERS):
        mine = np.arange(user % 3, N_ITEMS, 3)
        for item in rng.choice(mine, 9, replace=False):
            kind = "rating" if ratings else "purchase"
            rows.append((f"u{user}", f"p{item}", kind, float(rng.integers(2, 6)) if ratings else 1.0))
        if views:
            rows += [(f"u{user}", f"p{item}", "view", 1.0) for item in rng.choice(N_ITEMS, 6, replace=False)]
    rng.shuffle(rows)
    users, items, kinds, values = (list(column) for column in zip(*rows, strict=True))
    at = np.sort(rng.integers(0, 300 * DAY, len(rows))) if times else np.full(len(rows), NO_TIME)
    data = training_data([EventBatch(users, items, kinds, np.array(values, np.float64), at.astype(np.int64))])
    tastes = (int(id_[1:]) % 3 for id_ in data.items.ids_of(range(len(data.items))))
    return replace(data, categories=ItemCategories.of(f"all > taste {taste}" for taste in tastes))


@pytest.fixture(scope="module")
def parts() -> Split:
    return split(shop(), 0.2)


@pytest.fixture
def few_trials(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes searches end after so many trials of every model; two answers to costly questions are left."""

    def limit(trials: int) -> None:
        for name, space in SEARCH_SPACES.items():
            monkeypatch.setitem(SEARCH_SPACES, name, replace(space, costly=two_answers(space), trials=trials))

    return limit


def two_answers(space: SearchSpace) -> dict[str, Any]:
    return {question: answers[:2] for question, answers in space.costly.items()}


def tune(
    parts: Split | None, budget: float = PLENTY, start: EnsembleConfig | None = None, **options: Any
) -> EnsembleConfig:
    chosen = TuningOptions(SETTINGS.relevant_rating, SETTINGS.seed, **options)
    return tune_ensemble(parts, start or EnsembleConfig.of(SETTINGS), chosen, budget, Silent())


def objective_of(parts: Split, recipe: EnsembleConfig) -> tuple[Objective, TrainingData]:
    """The objective of a recipe, and what it is trained on."""
    train = replace(parts.train, weighting=recipe.weighting)
    popular = MODELS[POPULARITY].train(train, recipe.params[POPULARITY], seed=1).order
    objective = Objective.of(replace(parts, train=train), popular, relevant_rating=4.0, k=10, seed=1)
    assert objective is not None
    return objective, train


def ndcg(parts: Split, recipe: EnsembleConfig) -> float:
    """NDCG@10 of the recipe, trained and measured on the parts."""
    objective, train = objective_of(parts, recipe)
    return float(objective.ndcg(fit_ensemble(train, recipe, 1, Silent())).mean())


def without_what_was_seen(recipe: EnsembleConfig) -> dict[str, object]:
    return {name: value for name, value in recipe.to_json().items() if name != "found"}


def trials_in(file: Path) -> Iterator[list[optuna.trial.FrozenTrial]]:
    """The trials of every study in the file."""
    storage = JournalStorage(JournalFileBackend(str(file)))
    for study in storage.get_all_studies():
        yield storage.get_all_trials(study._study_id)


# what comes out


def test_what_is_found_is_no_worse_than_the_start_or_any_single_model(
    parts: Split, few_trials: Callable[[int], None]
) -> None:
    few_trials(5)
    start = EnsembleConfig.of(SETTINGS)
    found = tune(parts)
    mine = ndcg(parts, found)
    assert mine >= ndcg(parts, start) - 1e-6
    for name in (SPECTRAL, ITEM_GRAPH, ALS, POPULARITY, TRENDING):
        assert mine >= ndcg(parts, replace(start, weights={name: 1.0})) - 1e-6
        assert mine >= ndcg(parts, replace(found, weights={name: 1.0})) - 1e-6


def test_tuning_reports_the_ndcg_of_its_configuration(parts: Split, few_trials: Callable[[int], None]) -> None:
    few_trials(4)
    found = tune(parts)
    said: Any = found.found
    assert said["ndcg_at_10"] == pytest.approx(ndcg(parts, found), abs=2e-3)
    for name, figure in said["of_models"].items():
        assert figure == pytest.approx(ndcg(parts, replace(found, weights={name: 1.0})), abs=2e-3)
    assert said["users"] == len(objective_of(parts, found)[0].queries)
    assert said["seconds"] >= 0
    assert set(said["of_models"]) == SEARCH_SPACES.keys()


def test_a_recipe_has_parameters_for_every_model_that_may_be_blended(
    parts: Split, few_trials: Callable[[int], None]
) -> None:
    few_trials(3)
    found = tune(parts)
    assert set(found.params) == {name for name, kind in MODELS.items() if kind.blends}
    for name, its in found.params.items():
        assert type(its) is type(MODELS[name].params(SETTINGS))
    assert set(found.weights) <= set(found.params)
    assert found.weights
    assert all(weight > 0 for weight in found.weights.values())


def test_equal_searches_find_equal_recipes(parts: Split, few_trials: Callable[[int], None]) -> None:
    few_trials(4)
    one, other = tune(parts), tune(parts)
    assert without_what_was_seen(one) == without_what_was_seen(other)


def test_the_length_of_the_lists_is_the_one_asked_for(parts: Split, few_trials: Callable[[int], None]) -> None:
    few_trials(1)
    assert "ndcg_at_20" in tune(parts, k=20).found


def test_tuning_reports_its_steps(parts: Split, few_trials: Callable[[int], None]) -> None:
    few_trials(1)
    steps = Steps()
    tune_ensemble(parts, EnsembleConfig.of(SETTINGS), TuningOptions(SETTINGS.relevant_rating, SETTINGS.seed), 0, steps)
    assert [line for line in steps.lines if line.startswith("tuning")] == [
        "tuning the weights of events",
        *(f"tuning {name}" for name in MODELS if name in SEARCH_SPACES),
    ]


def test_the_data_keep_their_own_weighting(parts: Split, few_trials: Callable[[int], None]) -> None:
    few_trials(1)
    tune(parts, start=replace(EnsembleConfig.of(SETTINGS), weighting=Weighting(half_life_days=5)))
    assert parts.train.weighting == Weighting()


# a small budget


def test_a_model_that_was_tried_in_small_costs_less_than_its_parameters(parts: Split) -> None:
    first = replace(MODELS[ALS].params(SETTINGS), factors=256)
    found = search_hyperparameters(search_of(parts, None), ALS, SEARCH_SPACES[ALS], first, PLENTY)
    assert found.params.factors > found.model.params.factors
    assert 0 < found.model_seconds < found.seconds


def test_without_any_time_every_model_is_tried_as_it_was_and_the_recipe_is_usable(parts: Split) -> None:
    start = EnsembleConfig.of(SETTINGS)
    found = tune(parts, 0.0)
    assert found.params == start.params
    assert found.weighting == start.weighting
    assert set(found.found["of_models"]) == SEARCH_SPACES.keys()  # type: ignore[arg-type]
    assert ndcg(parts, found) >= ndcg(parts, start) - 1e-6
    blend = fit_ensemble(parts.train, found, 1, Silent())
    assert np.isfinite(blend.score_all(objective_of(parts, found)[0].queries)).any()


class Ticking:
    """A clock on which every look costs a second."""

    def __init__(self, budget: float) -> None:
        self.budget, self._looks = budget, 0

    @property
    def left(self) -> float:
        self._looks += 1
        return self.budget - self._looks


@pytest.mark.parametrize(("budget", "fewest", "most"), [(0, 8, 8), (20, 8, 20), (150, 15, 150)])
def test_when_the_time_is_over_no_further_trial_begins(
    parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: float, fewest: int, most: int
) -> None:
    monkeypatch.setattr(ensemble_tuning, "Clock", Ticking)
    tune(parts, budget, trials_file=tmp_path / "trials.log")
    tried = [len(trials) for trials in trials_in(tmp_path / "trials.log")]
    assert len(tried) == len(SEARCH_SPACES)
    assert fewest <= sum(tried) <= most


@pytest.mark.parametrize("share", [0, 1])
def test_without_a_user_to_measure_by_the_start_is_returned(parts: Split, share: int) -> None:
    start = replace(EnsembleConfig.of(SETTINGS), weights={ALS: 2.0}, found={"said": "before"})
    looked_at = Split(parts.train, parts.test.take(np.flatnonzero(parts.test.kind == 3)), "time", None)
    assert tune(None if share else looked_at, start=start) is start
    assert tune(None) == EnsembleConfig.of(SETTINGS)


def test_models_that_are_left_out_neither_cost_time_nor_get_a_weight(
    parts: Split, few_trials: Callable[[int], None]
) -> None:
    few_trials(1)
    chosen = (POPULARITY, CO_OCCURRENCE, ALS)
    found = tune(parts, models=chosen, list_ranker=False)
    assert found.params.keys() == set(chosen)
    assert found.weights.keys() <= set(chosen)
    assert found.found["of_models"].keys() == {CO_OCCURRENCE, ALS}  # type: ignore[union-attr]
    assert found.order is None
    assert found.found["order"] == {"not tried": "not asked for"}


# weightings


def test_without_times_neither_trending_nor_half_lives_are_tried(few_trials: Callable[[int], None]) -> None:
    few_trials(1)
    parts = split(shop(times=False, views=False), 0.2)
    found = tune(parts)
    assert TRENDING not in found.found["of_models"]  # type: ignore[operator]
    assert TRENDING not in found.weights
    assert found.weighting == EnsembleConfig.of(SETTINGS).weighting
    assert found.params[TRENDING] == EnsembleConfig.of(SETTINGS).params[TRENDING]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (shop(times=False, views=False), []),
        (shop(times=False, views=False, ratings=True), ["lowest_rating"] * 2),
        (shop(times=False), ["kinds"] * 2),
        (shop(views=False), ["half_life_days"] * 2),
        (shop(ratings=True), ["lowest_rating"] * 2 + ["kinds"] * 2 + ["half_life_days"] * 2),
    ],
)
def test_the_weightings_tried_are_those_that_can_matter_for_such_data(data: TrainingData, expected: list[str]) -> None:
    first = Weighting()
    tried = list(ensemble_tuning._weightings(data, first))
    assert tried[0] == first
    changed = [{name for name in asdict(first) if asdict(each)[name] != asdict(first)[name]} for each in tried[1:]]
    assert changed == [{name} for name in expected]


def test_half_lives_are_shares_of_the_time_that_the_data_cover() -> None:
    data = shop(views=False)
    days = (data.events.at.max() - data.events.at.min()) / DAY
    tried = [each.half_life_days for each in ensemble_tuning._weightings(data, Weighting())]
    assert tried == pytest.approx([0, days / 3, days / 10], abs=0.01)


def test_uninformative_views_get_no_weight(few_trials: Callable[[int], None]) -> None:
    few_trials(1)
    start = EnsembleConfig.of(SETTINGS)
    start = replace(start, weighting=replace(start.weighting, kinds={**start.weighting.kinds, "view": 1.0}))
    found = tune(split(shop(times=False), 0.2), start=start)
    assert found.weighting.kinds["view"] < 0.2


def test_every_model_that_is_blended_has_learnt_with_the_weighting_that_was_chosen(
    few_trials: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    few_trials(1)
    blended: dict[str, Any] = {}
    scores_of_draws = ensemble_tuning.scores_of_draws

    def spy(search: Search, models: dict[str, Any], seconds: float) -> Any:
        blended.update(models)
        return scores_of_draws(search, models, seconds)

    monkeypatch.setattr(ensemble_tuning, "scores_of_draws", spy)
    parts, start = split(shop(times=False), 0.2), EnsembleConfig.of(SETTINGS)
    start = replace(start, weighting=replace(start.weighting, kinds={**start.weighting.kinds, "view": 1.0}))
    found = tune(parts, start=start)
    assert found.weighting != start.weighting
    train = replace(parts.train, weighting=found.weighting)
    queries = objective_of(parts, found)[0].queries
    for name in (POPULARITY, ITEM_GRAPH, ALS):  # spectral's is cut out of a longer spectrum, which is a little better
        alone = MODELS[name].train(train, found.params[name], seed=1)
        np.testing.assert_allclose(blended[name].score_all(queries), alone.score_all(queries), rtol=1e-4, atol=1e-5)


# what is remembered


class Tried:
    """Spies on a space: the parameters of every model that was finished."""

    def __init__(self, space: SearchSpace) -> None:
        self.params: list[Any] = []
        self._finish = space.finish
        self.space = replace(space, finish=self._spy)

    def _spy(self, data: TrainingData, prepared: Any, params: Any, seed: int) -> Any:
        self.params.append(params)
        return self._finish(data, prepared, params, seed)


def search_of(parts: Split, trials_file: Path | None, budget: float = PLENTY, **changes: Any) -> Search:
    objective, train = objective_of(parts, EnsembleConfig.of(SETTINGS))
    return replace(Search(replace(parts, train=train), objective, 1, Clock(budget), Silent(), trials_file), **changes)


@pytest.mark.parametrize("name", SEARCH_SPACES)
@pytest.mark.parametrize("before", [1, 3, 8])
def test_a_search_that_goes_on_repeats_no_trial(parts: Split, tmp_path: Path, name: str, before: int) -> None:
    file = tmp_path / "folder to be made" / "trials.log"
    first = MODELS[name].params(SETTINGS)
    tried = Tried(replace(SEARCH_SPACES[name], costly=two_answers(SEARCH_SPACES[name])))
    for trials in (before, 12):
        search_hyperparameters(search_of(parts, file), name, replace(tried.space, trials=trials), first, 0.0)
    (trials,) = trials_in(file)
    asked = [tuple(sorted(trial.params.items())) for trial in trials]
    assert len(asked) == 12
    assert len(set(asked)) == 12
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    # Every trial makes a model, and a search makes its best one again where another search had tried it.
    assert 12 <= len(tried.params) <= 12 + 1


def test_what_is_found_at_the_second_go_is_no_worse(parts: Split, tmp_path: Path) -> None:
    first = MODELS[SPECTRAL].params(SETTINGS)
    figures = []
    for trials in (4, 7, 7):
        space = replace(SEARCH_SPACES[SPECTRAL], trials=trials, costly=two_answers(SEARCH_SPACES[SPECTRAL]))
        found = search_hyperparameters(search_of(parts, tmp_path / "trials.log"), SPECTRAL, space, first, 0.0)
        objective = search_of(parts, None).objective
        assert float(objective.ndcg(found.model).mean()) == pytest.approx(found.ndcg)
        assert found.model.params == found.params  # type: ignore[attr-defined]
        figures.append(found.ndcg)
    assert figures == sorted(figures)
    assert figures[1] == figures[2]


def test_all_of_tuning_goes_on_where_it_was(parts: Split, tmp_path: Path, few_trials: Callable[[int], None]) -> None:
    file = tmp_path / "trials.log"
    few_trials(4)
    once = tune(parts, trials_file=file)
    n_before = [len(trials) for trials in trials_in(file)]
    again = tune(parts, trials_file=file)
    assert [len(trials) for trials in trials_in(file)] == n_before == [4] * len(SEARCH_SPACES)
    assert without_what_was_seen(again) == without_what_was_seen(once)
    few_trials(6)
    longer = tune(parts, trials_file=file)
    assert [len(trials) for trials in trials_in(file)] == [6] * len(SEARCH_SPACES)
    assert longer.found["ndcg_at_10"] > 0  # type: ignore[operator]


def test_a_search_can_begin_where_another_ended(
    parts: Split, tmp_path: Path, few_trials: Callable[[int], None]
) -> None:
    few_trials(6)
    first = tune(parts, trials_file=tmp_path / "trials.log")
    second = tune(parts, trials_file=tmp_path / "trials.log", start=first)
    assert second.found["ndcg_at_10"] >= first.found["ndcg_at_10"] - 0.005  # type: ignore[operator]
    assert second.found["ndcg_at_10"] == pytest.approx(ndcg(parts, second), abs=5e-3)


def test_a_search_that_starts_from_another_result_remembers_its_trials(parts: Split, tmp_path: Path) -> None:
    space = replace(SEARCH_SPACES[ITEM_GRAPH], trials=10, costly=two_answers(SEARCH_SPACES[ITEM_GRAPH]))
    file = tmp_path / "trials.log"
    first = MODELS[ITEM_GRAPH].params(AllSettings())
    found = search_hyperparameters(search_of(parts, file), ITEM_GRAPH, space, first, 0.0)
    again = search_hyperparameters(search_of(parts, file), ITEM_GRAPH, space, found.params, 0.0)
    (trials,) = trials_in(file)  # in one study: some answers may be new beside the best ones, most are remembered
    assert len(trials) <= 12
    assert again.ndcg >= found.ndcg


def test_trials_of_other_weights_lengths_of_lists_or_fixed_parameters_are_others(parts: Split, tmp_path: Path) -> None:
    file, first = tmp_path / "trials.log", MODELS[ITEM_GRAPH].params(SETTINGS)
    space = replace(SEARCH_SPACES[ITEM_GRAPH], trials=2, costly={})
    search = search_of(parts, file)
    lighter = replace(search.split.train, weighting=Weighting(kinds={"purchase": 0.5}))
    others = [
        (search, first),
        (replace(search, split=replace(search.split, train=lighter)), first),
        (replace(search, objective=replace(search.objective, k=3)), first),
        (search, replace(first, neighbours=3)),
    ]
    for each, params in (*others, *others):
        search_hyperparameters(each, ITEM_GRAPH, space, params, 0.0)
    assert [len(trials) for trials in trials_in(file)] == [2, 2, 2, 2]


def test_a_trial_that_was_killed_does_not_stop_the_next_search(parts: Split, tmp_path: Path) -> None:
    file, first = tmp_path / "trials.log", MODELS[ALS].params(SETTINGS)
    space = replace(SEARCH_SPACES[ALS], trials=4)

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search_hyperparameters(search_of(parts, file), ALS, replace(space, finish=killed), first, 0.0)
    found = search_hyperparameters(search_of(parts, file), ALS, space, first, 0.0)
    assert found.ndcg > 0
    (trials,) = trials_in(file)
    assert [trial.state for trial in trials].count(TrialState.FAIL) == 1
    assert found.params in [first, *[replace(first, **_free(trial.params)) for trial in trials]]


def _free(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in (FADING, NORMALISATION)}


# spaces


@pytest.mark.parametrize("name", SEARCH_SPACES)
def test_what_may_be_chosen_are_parameters_of_the_model(name: str) -> None:
    space, known = SEARCH_SPACES[name], set(asdict(MODELS[name].params(SETTINGS)))
    costly = [name for answers in space.costly.values() for name in answers[0]]
    chosen = [*costly, *space.ranges, *space.choices]
    assert set(chosen) <= known
    assert len(chosen) == len(set(chosen))
    for answers in space.costly.values():
        assert {frozenset(each) for each in answers} == {frozenset(answers[0])}
    assert all(each.low < each.high for each in space.ranges.values())
    assert all(each.low > 0 for each in space.ranges.values() if each.log)
    assert ensemble_tuning._TIME_SHARES.keys() == SEARCH_SPACES.keys()
    assert sum(ensemble_tuning._TIME_SHARES.values()) <= 1


@pytest.mark.parametrize("name", SEARCH_SPACES)
def test_a_model_made_in_two_steps_is_the_one_that_training_makes(parts: Split, name: str) -> None:
    space, params = SEARCH_SPACES[name], MODELS[name].params(AllSettings(spectral_rank=1_024))
    objective, train = objective_of(parts, EnsembleConfig.of(SETTINGS))
    two_steps = space.finish(train, space.prepare(train, params, 1), params, 1)
    whole = MODELS[name].train(train, params, seed=1)
    np.testing.assert_allclose(
        two_steps.score_all(objective.queries), whole.score_all(objective.queries), rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("name", SEARCH_SPACES)
def test_models_that_share_prepared_data_keep_their_own_parameters(parts: Split, name: str) -> None:
    space, params = SEARCH_SPACES[name], MODELS[name].params(SETTINGS)
    objective, train = objective_of(parts, EnsembleConfig.of(SETTINGS))
    prepared = space.prepare(train, params, 1)
    changed, range_ = next(iter(space.ranges.items()))
    other = replace(params, **{changed: range_.high})
    scores = [space.finish(train, prepared, each, 1).score_all(objective.queries) for each in (params, other, params)]
    np.testing.assert_array_equal(scores[0], scores[2])
    assert not np.allclose(scores[0], scores[1])


def test_parameters_outside_of_a_range_are_still_tried(parts: Split) -> None:
    first = replace(MODELS[ALS].params(SETTINGS), regularization=1e4, alpha=1e-3, factors=7)
    space = SearchSpace({}, {"regularization": Range(1, 2), "alpha": Range(1, 2)}, *_steps(ALS), 3, {"factors": (4,)})
    tried = Tried(space)
    search_hyperparameters(search_of(parts, None), ALS, tried.space, first, 0.0)
    assert tried.params[0] == first


def _steps(name: str) -> tuple[Any, Any]:
    return SEARCH_SPACES[name].prepare, SEARCH_SPACES[name].finish


# recipes


def test_a_recipe_is_the_same_after_json() -> None:
    recipe = EnsembleConfig(
        {**EnsembleConfig.of(SETTINGS).params, ALS: replace(MODELS[ALS].params(SETTINGS), alpha=3.25)},
        {SPECTRAL: 1.0, TRENDING: 0.06},
        Weighting(0, 10, {"purchase": 0.5}, lowest_rating=0.1, half_life_days=12.5),
        {"ndcg_at_10": 0.25},
    )
    document = json_and_back(recipe.to_json())
    assert EnsembleConfig.from_json(document, AllSettings()) == recipe
    assert EnsembleConfig.from_json(document, AllSettings()).to_json() == recipe.to_json()


def test_the_recipe_of_the_settings_is_the_same_after_json() -> None:
    for settings in (AllSettings(), SETTINGS, AllSettings(kind_weights={"view": 0.5}, half_life_days=9)):
        recipe = EnsembleConfig.of(settings)
        assert json_and_back(recipe.to_json()) == recipe.to_json()
        assert EnsembleConfig.from_json(json_and_back(recipe.to_json()), AllSettings()) == recipe


def test_a_model_that_a_recipe_does_not_name_has_the_parameters_of_the_settings() -> None:
    document: Any = EnsembleConfig.of(AllSettings()).to_json()
    del document["params"][ALS]
    document["params"]["gone"] = {"what": 1}
    document["weights"] |= {"gone": 1.0, ALS: 0.5}
    read = EnsembleConfig.from_json(document, SETTINGS)
    assert read.params[ALS] == MODELS[ALS].params(SETTINGS)
    assert "gone" not in read.weights
    assert "gone" not in read.params
    assert read.weights[ALS] == 0.5


def test_a_recipe_weighs_events_as_the_settings_do() -> None:
    settings = AllSettings(
        rating_min=0,
        rating_max=10,
        relevant_rating=7,
        kind_weights={"cart": 0.75},
        lowest_rating_weight=0.25,
        half_life_days=20,
    )
    weighting = EnsembleConfig.of(settings).weighting
    assert (weighting.rating_min, weighting.rating_max) == (0, 10)
    assert (weighting.lowest_rating, weighting.half_life_days) == (0.25, 20)
    assert (weighting.kinds["cart"], weighting.kinds["purchase"]) == (0.75, 1.0)


def json_and_back(document: Any) -> Any:
    import json

    return json.loads(json.dumps(document, allow_nan=False))
