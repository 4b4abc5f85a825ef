"""Train some models of the current release and carry the others over, array by array, so that a release is whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from src.core.errors import AisleError, NoData, NotReady
from src.core.messages import message
from src.core.progress import Reporter
from src.evaluation.report import Report
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.splits import split
from src.interactions.vocabulary import Vocabulary
from src.models import MODELS, POPULARITY, TEXT, trainable
from src.models.settings import AllSettings
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.pipeline import Pipeline
from src.releases.manifest import TrainingRecord
from src.releases.manifest_sections import CarriedOver
from src.releases.promotion_gate import Compared, GateBounds, compare
from src.releases.verdict import GateVerdict, ListsCarriedOver, NotCompared, NotComparedReason
from src.workflows.champion_comparison import Champion, same_settings, scoring_models
from src.workflows.embed_catalogue import EmbeddedCatalogue
from src.workflows.fit import FitPlan, Reuse, fit, measured_fit
from src.workflows.training_plan import MODEL_TYPES


@dataclass(frozen=True)
class PartialTraining:
    """A training of some models of the current release on the events of its own users and products.

    The arrays of carried-over models are in the order of its vocabularies, so that later users and products wait for a
    complete training. The ensemble is built again if one of its models is trained.

    Attributes:
        settings: The settings.
        champion: The current release.
        model_type: The row of MODEL_TYPES that is trained.
        catalogue: The events of the release's users on its products, which are described.
        names: The models that are trained.
        blends: Whether the ensemble is made again.
    """

    settings: AllSettings
    champion: Champion
    model_type: str
    catalogue: EmbeddedCatalogue
    names: tuple[str, ...]
    blends: bool

    @property
    def data(self) -> TrainingData:
        """The events that are trained on."""
        return self.catalogue.data

    def measure(self, reporter: Reporter) -> MeasuredPart:
        """Measure the new models, and the ones that they replace, on events that neither was trained on."""
        parts, plan, champion_plan = split(self.data, self.settings.test_share), self._plan(), self._champion_plan()
        report, _ = measured_fit(self.settings, parts, plan, reporter)
        # Without the ensemble only ratings are compared, and the list of popularity is the same.
        serves = self.champion.serves if self.blends else POPULARITY
        measured = replace(report, best=serves if serves in report.lists else POPULARITY)
        needed = {name: params for name, params in champion_plan.params.items() if name in plan.params}
        needed_plan = FitPlan(needed, plan.ensemble, plan.weighting)
        version = self.champion.release.version
        if same_settings(needed_plan, plan):
            before: Report | NotCompared = NotCompared(NotComparedReason.SAME_SETTINGS, version)
        else:
            reporter.step(message("step.fitting_before", version=version))
            before, _ = measured_fit(self.settings, parts, needed_plan, reporter, only=serves)
            before = replace(before, best=serves)
        return MeasuredPart(plan, report, compare(measured, before, GateBounds.of(self.settings)))

    def judge(self, part: MeasuredPart, verdict: GateVerdict) -> GateVerdict:
        """Add the comparison of a part to a verdict.

        Args:
            verdict: The verdict so far.

        Returns:
            The verdict with the comparison.
        """
        comparison = part.compared.comparison
        if not self.blends:
            figures = part.report.ratings.get(part.report.rater or "")
            comparison = ListsCarriedOver(figures.rmse.value if figures else None)
        version = self.champion.release.version
        return verdict.with_checks(part.compared.checks, comparison, lists=part.compared.figures, champion=version)

    def fit(self, part: MeasuredPart, reporter: Reporter) -> Pipeline:
        """Train the part on all events, and return the whole pipeline with the other models as they were.

        Returns:
            The pipeline of the new release.
        """
        before = self.champion.release.pipeline
        carried = {
            name: before.models[name] for name in part.plan.params if name in before.models and name not in self.names
        }
        trained = fit(self.data, part.plan, self.settings, reporter, Reuse(carried))
        models = {name: trained.models.get(name, model) for name, model in before.models.items()}
        trains_raters = any(MODELS[name].rates for name in self.names)
        search = self.catalogue.search(reporter) if TEXT in MODEL_TYPES[self.model_type] else before.search
        return replace(before, models=models, rater=part.report.rater if trains_raters else before.rater, search=search)

    def record(self, part: MeasuredPart) -> TrainingRecord:
        """Return the current release's record, with the new parameters in place of the old ones."""
        before = self.champion.release.manifest
        return TrainingRecord(
            data=before.data,
            settings=before.settings,
            params={**before.params, **{name: asdict(part.plan.params[name]) for name in self.names}},
            ensemble=before.ensemble,
            ensemble_of_settings=before.ensemble_of_settings,
            metrics=before.metrics,
            summary=before.summary,
            libraries=before.libraries,
            made_up=before.made_up,
            carried_over=CarriedOver(
                release=self.champion.release.version,
                trained=self.names,
                n_events=len(self.data),
                newest_at=int(self.data.events.at.max()),
            ),
        )

    def report_document(self, part: MeasuredPart) -> dict[str, Any]:
        """Return the current release's report, with the new figures in place of the old ones."""
        document: dict[str, Any] = json.loads((self.champion.folder / "report.json").read_text(encoding="utf-8"))
        new: dict[str, Any] = part.report.to_json()
        measured = [*self.names, *([ENSEMBLE] if self.blends else [])]
        for section in ("ratings", "lists"):
            document[section] |= {name: new[section][name] for name in measured if name in new[section]}
        return document

    def _champion_plan(self) -> FitPlan:
        return self.champion.plan(self.settings, self.data, ENSEMBLE if self.blends else None)

    def _plan(self) -> FitPlan:
        """Return the plan to measure: the part with the present settings, the other models as they were."""
        before = self._champion_plan()
        new = {name: MODELS[name].params(self.settings) for name in self.names}
        config = before.ensemble if self.blends else None
        if config is not None:
            new |= {name: config.params[name] for name in self.names if name in config.params}  # as they were tuned
        names = {POPULARITY, *self.names, *(scoring_models(config) if config else ())}
        params = {name: new.get(name, before.params.get(name)) for name in MODELS if name in names}
        trained = {name: its for name, its in params.items() if its is not None}
        return FitPlan(trained, config, before.weighting)


@dataclass(frozen=True)
class MeasuredPart:
    """A part, measured beside the models that it replaces.

    Attributes:
        plan: What was trained to measure it.
        report: The figures.
        compared: The gate's checks of these.
    """

    plan: FitPlan
    report: Report
    compared: Compared


def prepare_part(
    settings: AllSettings,
    champion: Champion | None,
    data: TrainingData,
    model_type: str,
    describe: Callable[[TrainingData], EmbeddedCatalogue],
) -> PartialTraining:
    """Decide which models of the current release are trained, and on which events.

    Args:
        champion: The current release; None without one.
        data: All events.
        model_type: A row of MODEL_TYPES.
        describe: Adds texts to events.

    Returns:
        The partial training.

    Raises:
        NotReady: There is no current release.
        AisleError: It has no model of this type that can be trained here.
        NoData: No event is of its users on its products.
    """
    if champion is None:
        raise NotReady(
            f"no release is active of which the rest could be carried over, so {model_type!r} cannot be "
            'trained by itself. Train everything first: "all", or python train_model.py'
        )
    before = champion.release.pipeline
    catalogue = describe(events_within(data, before.users, before.items))
    can_train = trainable(catalogue.data)
    names = tuple(name for name in MODEL_TYPES[model_type] if name in can_train and name in before.models)
    if not names:
        raise AisleError(
            f"release {champion.release.version} holds no model of the type {model_type!r} that can be trained "
            f"here; it holds {', '.join(before.models)}. Train everything: python train_model.py"
        )
    if len(catalogue.data) < 2:
        raise NoData(
            "no user and product of the current release is in the data. Train everything: python train_model.py"
        )
    blends = ENSEMBLE in before.models and any(name in before.models[ENSEMBLE].scales for name in names)
    return PartialTraining(settings, champion, model_type, catalogue, names, blends)


def events_within(data: TrainingData, users: Vocabulary, items: Vocabulary) -> TrainingData:
    """Return the events of some users on some products.

    Args:
        data: All events.
        users: The users, in the order of the arrays.
        items: The products, in the order of the arrays.

    Returns:
        Their events, numbered by these vocabularies; other users' and products' events are left out.
    """
    events = data.events
    user = events.users.rows_in(users).astype(np.int32)[events.user_idx]
    item = events.items.rows_in(items).astype(np.int32)[events.item_idx]
    known = np.flatnonzero((user >= 0) & (item >= 0))
    within = Interactions(users, items, user[known], item[known], events.value[known], events.at[known])
    return TrainingData(within, data.kind[known], data.weighting)
