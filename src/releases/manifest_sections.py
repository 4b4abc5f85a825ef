"""The parts of a manifest as types."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from src.core.domain import JsonDict
from src.interactions.event_weights import Weighting
from src.models.settings import AllSettings
from src.recommendation.ensemble_config import EnsembleConfig
from src.recommendation.rating_intervals import RatingInterval

STORE = "store"
"""The source of data that come from the store instead of a file."""


class ManifestSection(BaseModel):
    """A part of a manifest. Unknown keys are kept."""

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


class TrainingDataRecord(ManifestSection):
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


class MeasurementSettings(ManifestSection):
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


class EnsembleRecord(ManifestSection):
    """An ensemble's configuration as JSON (src/recommendation/ensemble_config.py).

    Attributes:
        params: Model name → parameters of its training.
        weights: Model name → weight of its scores.
        weighting: Weights of events.
        found: What tuning measured.
        order: The list ranker's document; None without one.
        again: Weight of earlier purchases.
    """

    params: dict[str, JsonDict]
    weights: dict[str, float]
    weighting: Weighting
    found: JsonDict = {}
    order: JsonDict | None = None
    again: float = 0.0

    @classmethod
    def of(cls, config: EnsembleConfig) -> Self:
        """Return the record of a configuration."""
        return cls.model_validate(config.to_json())

    def config(self, settings: AllSettings) -> EnsembleConfig:
        """Return the configuration; a model without parameters here takes those of the settings.

        Raises KeyError, TypeError or ValueError if another program's parameters do not fit this one's.
        """
        return EnsembleConfig.from_json(self.to_json(), settings)


class MetricsRecord(ManifestSection):
    """The figures of a release's report that are listed.

    Attributes:
        rmse: Model name → RMSE of its predicted ratings.
        ndcg_at_10: Model name → NDCG@10 of its lists.
        rating_intervals: How sure predicted ratings are, see src/recommendation/rating_intervals.py.
    """

    rmse: dict[str, float] = {}
    ndcg_at_10: dict[str, float] = {}
    rating_intervals: tuple[RatingInterval, ...] = ()


class CheckRecord(ManifestSection):
    """One check of the gate.

    Attributes:
        name: Name of the check.
        passed: Whether it passed.
        message: What was found and expected.
        values: The figures of the message by name, see src/ingestion/data_checks.py; empty in older records.
    """

    name: str
    passed: bool
    message: str
    values: dict[str, int | float | str] = {}


class GateRecord(ManifestSection):
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


class SearchRankerRecord(ManifestSection):
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


class CarriedOver(ManifestSection):
    """Parts that a partial training took from the previous release.

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


class FileRecord(ManifestSection):
    """One file of a release.

    Attributes:
        n_bytes: Its size.
        sha256: Its hash in hex.
    """

    n_bytes: int = Field(alias="bytes")
    sha256: str
