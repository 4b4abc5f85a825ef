"""The manifest of a release as a type: data, settings, parameters, figures and files. Parsed once, when it is read.

Unknown keys are kept, and a key that a program did not write is None: releases of earlier programs stay readable.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from src.core.domain import JsonDict
from src.interactions.event_weights import Weighting
from src.models.settings import AllSettings
from src.recommendation.ensemble_config import EnsembleConfig

FORMAT = 2
"""Raised when a program could not serve the releases of the one before."""
STORE = "store"
"""The source of data that come from the store instead of a file."""


def iso_seconds(at: datetime) -> str:
    """Return ISO 8601 with whole seconds and an offset."""
    return at.isoformat(timespec="seconds")


_Moment = Annotated[AwareDatetime, PlainSerializer(iso_seconds)]


class _Section(BaseModel):
    """A part of a manifest."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _default_for_null(cls, document: Any) -> Any:
        """Treat null as absent where it is no value: a partial training copies keys that its release may not have."""
        if not isinstance(document, dict):
            return document
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        never_null = {name for name, field in fields.items() if field.default is not None}
        return {name: value for name, value in document.items() if value is not None or name not in never_null}

    def to_json(self) -> JsonDict:
        """Return the keys that were given, under their names on disk."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class TrainingDataRecord(_Section):
    """The events that a release was trained on.

    Attributes:
        source: "store", or the path of a file.
        n_events: Number of events.
        n_users: Number of users.
        n_items: Number of products.
        newest_at: UTC seconds of the newest event; None if no event carries a time.
        changed_at: Microseconds since 1970 of the store's last change when the events were read.
        read_at: Microseconds since 1970 when reading began; an event that was stored later is not among them.
    """

    source: str
    n_events: int
    n_users: int
    n_items: int
    newest_at: int | None = None
    changed_at: int | None = None
    read_at: int | None = None

    @property
    def is_from_store(self) -> bool:
        """Whether the events come from the store."""
        return self.source == STORE


class MeasurementSettings(_Section):
    """The settings with which a release was measured, and with which it is measured again.

    Attributes:
        seed: AISLE_SEED.
        test_share: AISLE_TEST_SHARE.
        relevant_rating: AISLE_RELEVANT_RATING.
        evaluated_users: AISLE_EVALUATED_USERS.
        rating_min: AISLE_RATING_MIN.
        rating_max: AISLE_RATING_MAX.
    """

    seed: int
    test_share: float
    relevant_rating: float
    evaluated_users: int
    rating_min: float
    rating_max: float

    @classmethod
    def of(cls, settings: AllSettings) -> Self:
        """Return the present values."""
        return cls.model_validate({name: getattr(settings, name) for name in cls.model_fields})

    def applied_to(self, settings: AllSettings) -> AllSettings:
        """Return the settings with these values in place of theirs."""
        return settings.model_copy(update={name: getattr(self, name) for name in type(self).model_fields})


class EnsembleRecord(_Section):
    """An ensemble's configuration as JSON (src/recommendation/ensemble_config.py).

    Attributes:
        params: Model name → parameters of its training.
        weights: Model name → weight of its scores.
        weighting: Weights of events.
        found: What tuning measured.
        order: The list ranker's document; None without one.
    """

    params: dict[str, JsonDict]
    weights: dict[str, float]
    weighting: Weighting
    found: JsonDict = {}
    order: JsonDict | None = None

    @classmethod
    def of(cls, config: EnsembleConfig) -> Self:
        """Return the record of a configuration."""
        return cls.model_validate(config.to_json())

    def config(self, settings: AllSettings) -> EnsembleConfig:
        """Return the configuration; a model without parameters here takes those of the settings.

        Raises KeyError, TypeError or ValueError if another program's parameters do not fit this one's.
        """
        return EnsembleConfig.from_json(self.to_json(), settings)


class MetricsRecord(_Section):
    """The figures of a release's report that are listed.

    Attributes:
        rmse: Model name → RMSE of its predicted ratings.
        ndcg_at_10: Model name → NDCG@10 of its lists.
    """

    rmse: dict[str, float] = {}
    ndcg_at_10: dict[str, float] = {}


class CheckRecord(_Section):
    """One check of the gate.

    Attributes:
        name: Name of the check.
        passed: Whether it passed.
        message: What was found and expected.
    """

    name: str
    passed: bool
    message: str


class GateRecord(_Section):
    """The gate's verdict (src/releases/promotion_gate.py).

    Attributes:
        promoted: Whether the release may serve.
        sentence: The verdict for people.
        overridden: The option that overruled the gate; None if none did.
        settings_of: The release whose settings were trained again in place of refused ones; None otherwise.
        checks: Every check, passed or not.
        figures: The figures that the verdict rests on.
    """

    promoted: bool
    sentence: str = ""
    overridden: str | None = None
    settings_of: str | None = None
    checks: tuple[CheckRecord, ...] = ()
    figures: JsonDict = {}


class SearchRankerRecord(_Section):
    """The training of one search re-ranker.

    Attributes:
        used: Whether it beat the order of retrieval and serves.
        queries: Number of queries that it was trained on.
        why: The reason, for people.
        ndcg_at_10_retrieved: NDCG@10 of the order of retrieval on held-out queries; None if not measured.
        ndcg_at_10_ranked: NDCG@10 of the re-ranker on the same queries.
        gain: (mean difference, lower, upper bound of its 95 % interval).
    """

    used: bool
    queries: int
    ndcg_at_10_retrieved: float | None = None
    ndcg_at_10_ranked: float | None = None
    gain: tuple[float, float, float] | None = None
    why: str


class CarriedOver(_Section):
    """What a partial training took from the release before it.

    Attributes:
        release: Version of that release.
        trained: Names of the models that were trained.
        n_events: Number of events that they were trained on.
        newest_at: UTC seconds of the newest of these; -1 without times.
    """

    release: str = Field(alias="from")
    trained: tuple[str, ...]
    n_events: int
    newest_at: int


class FileRecord(_Section):
    """One file of a release.

    Attributes:
        n_bytes: Its size.
        sha256: Its hash in hex.
    """

    n_bytes: int = Field(alias="bytes")
    sha256: str


class TrainingRecord(_Section):
    """What a training tells of the release that it made. None: not recorded.

    Attributes:
        data: The events that were learned from.
        settings: How it was measured.
        params: Model name → parameters of its training.
        recipe: The ensemble's configuration; None without an ensemble.
        recipe_of_settings: The configuration that the settings gave, from which tuning started.
        metrics: The figures of its report.
        summary: The report in sentences.
        libraries: Library → version.
        made_up: Whether the data are the synthetic shop's.
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
    params: dict[str, JsonDict] = {}
    recipe: EnsembleRecord | None = None
    recipe_of_settings: EnsembleRecord | None = None
    metrics: MetricsRecord = MetricsRecord()
    summary: str = Field("", alias="verdict")
    libraries: dict[str, str] = {}
    made_up: bool = False
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
    files: dict[str, FileRecord]

    @property
    def n_bytes(self) -> int:
        """Size of the release on disk without its manifest."""
        return sum(file.n_bytes for file in self.files.values())

    @property
    def training(self) -> TrainingRecord:
        """What the training told, without what the release consists of."""
        names = {field.alias or name for name, field in TrainingRecord.model_fields.items()}
        return TrainingRecord.model_validate({name: its for name, its in self.to_json().items() if name in names})
