"""The manifest of a release as a type: data, settings, parameters, figures and files. Parsed once, when it is read.

Unknown keys are kept, and a key that a program did not write is None: releases of earlier programs stay readable.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, PlainSerializer, ValidationError

from src.core.domain import JsonDict
from src.interactions.event_weights import Weighting
from src.releases.manifest_sections import (
    CarriedOver,
    EnsembleRecord,
    FileRecord,
    GateRecord,
    ManifestSection,
    MeasurementSettings,
    MetricsRecord,
    SearchRankerRecord,
    TrainingDataRecord,
)

FORMAT = 3
READABLE_FORMATS = (2, FORMAT)
"""Format 2 holds the prices, stocks and categories of the search index beside it, and not as `attributes`."""
"""Raised when a program could not serve the releases of the one before."""


def iso_seconds(at: datetime) -> str:
    """Return ISO 8601 with whole seconds and an offset."""
    return at.isoformat(timespec="seconds")


_Moment = Annotated[AwareDatetime, PlainSerializer(iso_seconds)]


class TrainingRecord(ManifestSection):
    """Facts about the training that made a release. None: not recorded.

    Attributes:
        data: The events that were learned from.
        settings: How it was measured.
        params: Model name → parameters of its training.
        ensemble: The ensemble's configuration; None without an ensemble.
        ensemble_of_settings: The configuration that the settings gave, from which tuning started.
        metrics: The figures of its report.
        summary: The report in sentences.
        libraries: Library → version.
        made_up: Whether the data are the synthetic shop's.
        provisional: Whether it was published unmeasured, for the time of the first training.
        ranking: What is asked for (text or product) → training of its search re-ranker.
        fit_seconds: Duration of the training on all events.
        gate: The gate's verdict before the smoke test.
        data_checks: Messages of the checks that failed.
        run: Id of the training run.
        why: The reason for an early training.
        carried_over: What a partial training took from the release before; None for a complete training.
    """

    data: TrainingDataRecord | None = None
    settings: MeasurementSettings | None = None
    params: dict[str, JsonDict] = Field(default_factory=dict)
    ensemble: EnsembleRecord | None = Field(None, alias="recipe")
    ensemble_of_settings: EnsembleRecord | None = Field(None, alias="recipe_of_settings")
    metrics: MetricsRecord = MetricsRecord()
    summary: str = Field("", alias="verdict")
    libraries: dict[str, str] = Field(default_factory=dict)
    made_up: bool = False
    provisional: bool = False
    ranking: dict[str, SearchRankerRecord] | None = None
    fit_seconds: float | None = None
    gate: GateRecord | None = None
    data_checks: tuple[str, ...] = ()
    run: str | None = None
    why: str | None = None
    carried_over: CarriedOver | None = None


class Manifest(TrainingRecord):
    """The whole manifest: what a training told, and what the release consists of.

    Attributes:
        format: Number of the layout on disk.
        version: The release's name.
        created_at: When it was written.
        parent: Version of the release that was current then; None without one.
        default_model: The model whose lists are served.
        rating_model: The model whose predicted ratings are shown; None without one.
        weighting: Weights of events.
        models: Model name → shapes of its arrays.
        search: The search index's description; None without one.
        rankers: Names of the search re-rankers in use.
        prepared_lists: Number of lists that are made already.
        files: Path inside the release → size and hash.
    """

    format: int
    version: str
    created_at: _Moment
    parent: str | None = None
    default_model: str
    rating_model: str | None = None
    weighting: Weighting
    models: dict[str, JsonDict]
    search: JsonDict | None = None
    rankers: tuple[str, ...] = ()
    prepared_lists: int = 0
    files: dict[str, FileRecord]

    @property
    def n_bytes(self) -> int:
        """Size of the release on disk without its manifest."""
        return sum(file.n_bytes for file in self.files.values())

    @property
    def training(self) -> TrainingRecord:
        """The fields about the training, without the parts of the release."""
        names = {field.alias or name for name, field in TrainingRecord.model_fields.items()}
        return TrainingRecord.model_validate({name: its for name, its in self.to_json().items() if name in names})


def parse_manifest(document: object) -> Manifest:
    """Return a manifest of its JSON. Raises ValueError that names the first wrong key in one line."""
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the document"
        raise ValueError(f"{key}: {first['msg']}") from None
