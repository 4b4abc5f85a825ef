"""Train a part of the current release anew and carry the rest over, array by array: a release is always whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from src.core.errors import AisleError, NoData, NotReady
from src.core.progress import Reporter
from src.evaluation.report import Report
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.splits import split
from src.interactions.vocabulary import Vocabulary
from src.models import MODELS, POPULARITY, TEXT, trainable
from src.models.settings import AllSettings
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.pipeline import Pipeline
from src.releases.manifest import CarriedOver, TrainingRecord
from src.releases.promotion_gate import GateBounds, GateVerdict, compare
from src.workflows.champion_comparison import Champion, opinions_of, same_settings
from src.workflows.embed_catalogue import EmbeddedCatalogue
from src.workflows.fit import FitPlan, fit, measured_fit
from src.workflows.training_plan import MODEL_TYPES, TrainingRequest


class PartialTraining:
    """The current release with some of its models trained anew, over its own users and products.

    Arrays of models stand in the order of its vocabularies, so that users and products which came since wait for a
    training of everything. The blend is made again if one of its models is.
    """

    def __init__(
        self,
        settings: AllSettings,
        champion: Champion | None,
        data: TrainingData,
        job: TrainingRequest,
        describe: Callable[[TrainingData], EmbeddedCatalogue],
    ) -> None:
        if champion is None:
            raise NotReady(
                f"no release is active of which the rest could be carried over, so {job.model_type!r} cannot be "
                'trained by itself. Train everything first: "all", or python train_model.py'
            )
        self.settings, self.champion, self.job = settings, champion, job
        before = champion.release.pipeline
        self.products = describe(train_partially(data, before.users, before.items))
        self.data = self.products.data
        can_train = trainable(self.data)
        self.names = [name for name in MODEL_TYPES[job.model_type] if name in can_train and name in before.models]
        if not self.names:
            raise AisleError(
                f"release {champion.release.version} holds no model of the type {job.model_type!r} that can be trained "
                f"here; it holds {', '.join(before.models)}. Train everything: python train_model.py"
            )
        if len(self.data) < 2:
            raise NoData("the data name no user and product of the current release: run python train_model.py")
        self._blends = ENSEMBLE in before.models and any(name in before.models[ENSEMBLE].scales for name in self.names)

    def _their_plan(self) -> FitPlan:
        return self.champion.plan(self.settings, self.data, ENSEMBLE if self._blends else None)

    def plan(self) -> FitPlan:
        """What is trained to measure it: the models asked for with the settings of now, the others as they were."""
        theirs = self._their_plan()
        new = {name: MODELS[name].params(self.settings) for name in self.names}
        recipe = theirs.recipe if self._blends else None
        if recipe is not None:
            new |= {name: recipe.params[name] for name in self.names if name in recipe.params}  # as they were tuned
        names = {POPULARITY, *self.names, *(opinions_of(recipe) if recipe else ())}
        params = {name: new.get(name, theirs.params.get(name)) for name in MODELS if name in names}
        return FitPlan({name: its for name, its in params.items() if its is not None}, recipe, theirs.weighting)

    def measured(self, verdict: GateVerdict, reporter: Reporter) -> tuple[GateVerdict, Report, FitPlan]:
        """What the gate says of them, measured on events that neither has learnt from."""
        parts, plan = split(self.data, self.settings.test_share), self.plan()
        theirs = self._their_plan()
        report, _ = measured_fit(self.settings, parts, plan, reporter)
        # Without the blend only ratings are compared, and the list of popularity is the same.
        serves = self.champion.serves if self._blends else POPULARITY
        needed = FitPlan(
            {name: its for name, its in theirs.params.items() if name in plan.params}, plan.recipe, plan.weighting
        )
        their_report, version = None, self.champion.release.version
        if not same_settings(needed, plan):
            reporter.step(f"fitting the settings of release {version}, to measure both on the same events")
            their_report, _ = measured_fit(self.settings, parts, needed, reporter, only=serves)
        checks, compared, figures = compare(
            replace(report, best=serves if serves in report.lists else POPULARITY),
            their_report,
            serves,
            GateBounds.of(self.settings),
            why_not=f"the settings are those of release {version}",
        )
        if not self._blends:
            figure = report.ratings.get(report.rater or "")
            compared = "the lists are carried over" + (f"; RMSE {figure.rmse.value:.4f}" if figure else "")
        return verdict.with_checks(checks, compared, lists=figures, champion=version), report, plan

    def fitted(self, report: Report, plan: FitPlan, reporter: Reporter) -> Pipeline:
        """The whole pipeline: what was asked for learnt from everything, the rest as it was."""
        before = self.champion.release.pipeline
        carried = {n: before.models[n] for n in plan.params if n in before.models and n not in self.names}
        again = fit(self.data, plan, self.settings.seed, reporter, carried)
        models = {name: again.models.get(name, model) for name, model in before.models.items()}
        trained_raters = [name for name in self.names if MODELS[name].rates]
        search = before.search if TEXT not in MODEL_TYPES[self.job.model_type] else self.products.search(reporter)
        return replace(before, models=models, rater=report.rater if trained_raters else before.rater, search=search)

    def about(self, report: Report) -> tuple[TrainingRecord, dict[str, Any]]:
        """(the manifest's text, the report) of the current release, with what was trained anew in their place."""
        before = self.champion.release.manifest
        document = json.loads((self.champion.folder / "report.json").read_text(encoding="utf-8"))
        new = report.to_json()
        measured = [*self.names, *([ENSEMBLE] if self._blends else [])]
        for part in ("ratings", "lists"):
            found: Any = new[part]
            document[part] |= {name: found[name] for name in measured if name in found}
        about = TrainingRecord(
            data=before.data,
            settings=before.settings,
            params={**before.params, **{name: asdict(self.plan().params[name]) for name in self.names}},
            recipe=before.recipe,
            recipe_of_settings=before.recipe_of_settings,
            metrics=before.metrics,
            summary=before.summary,
            libraries=before.libraries,
            made_up=before.made_up,
            carried_over=CarriedOver(
                release=self.champion.release.version,
                trained=tuple(self.names),
                n_events=len(self.data),
                newest_at=int(self.data.events.at.max()),
            ),
        )
        return about, document


def train_partially(data: TrainingData, users: Vocabulary, items: Vocabulary) -> TrainingData:
    """The events of these users on these products, by their row numbers."""
    events = data.events
    user, item = (
        mine.rows_in(theirs).astype(np.int32)[idx]
        for mine, theirs, idx in ((events.users, users, events.user_idx), (events.items, items, events.item_idx))
    )
    known = np.flatnonzero((user >= 0) & (item >= 0))
    kept = Interactions(users, items, user[known], item[known], events.value[known], events.at[known])
    return TrainingData(kept, data.kind[known], data.weighting)
