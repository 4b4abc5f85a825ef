"""Every setting of Aisle: one frozen object, read once at the edge, from environment variables named AISLE_…"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from src.errors import ConfigError


class Settings(BaseSettings):
    """The settings, with their defaults. Lists are written with commas between."""

    model_config = SettingsConfigDict(
        env_prefix="AISLE_", frozen=True, extra="ignore", env_ignore_empty=True, allow_inf_nan=False
    )

    var: Path = Field(Path("var"), description="Folder for all that the program writes: store, releases, reports.")
    database_url: str = Field(
        "", repr=False, description="SQLAlchemy URL of the store; empty means SQLite inside AISLE_VAR."
    )
    port: int = Field(
        5000,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT", "port"),
        description="Port to listen on. Read from PORT, without the prefix, as hosting platforms set it.",
    )

    rating_min: float = Field(1.0, description="Lowest rating a user can give.")
    rating_max: float = Field(5.0, description="Highest rating a user can give.")
    relevant_rating: float = Field(
        4.0, description="A rating from here on counts as liked when whole-catalogue lists are measured."
    )

    svd_factors: int = Field(100, ge=1, le=2000, description="SVD: length of a factor vector.")
    svd_epochs: int = Field(20, ge=1, le=1000, description="SVD: passes over all ratings.")
    svd_learning_rate: float = Field(0.005, gt=0, description="SVD: step size of the stochastic gradient.")
    svd_regularization: float = Field(0.02, ge=0, description="SVD: weight of the squared norms in the loss.")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="Seed of a training's random starting values.")

    test_share: float = Field(0.2, gt=0, lt=1, description="Share of the newest events kept for measuring.")
    evaluated_users: int = Field(
        5_000, ge=1, description="At most so many test users are ranked for; a larger set is sampled, and said so."
    )

    retrain_at: str = Field("00:00", description="Time of day of the nightly retraining, HH:MM.")
    timezone: str = Field("UTC", description="Time zone of AISLE_RETRAIN_AT, an IANA name such as Europe/Berlin.")
    scheduler: Literal["on", "off"] = Field("on", description="off: no nightly retraining from the web workers.")
    check_seconds: float = Field(60.0, gt=0, description="How often the leader looks whether a training is due.")
    refresh_seconds: float = Field(2.0, gt=0, description="How often a worker looks for a new release.")
    keep_releases: int = Field(5, ge=2, description="Releases kept on disk; the active one is never deleted.")

    cache_seconds: int = Field(60, ge=0, description="How long a list may be served from the cache; 0 turns it off.")
    cache_url: str = Field(
        "", repr=False, description="redis://… for one cache on several hosts; empty means one per worker."
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body that is accepted.")

    write_keys: str = Field("", repr=False, description="Keys that may call POST /events.")
    admin_keys: str = Field("", repr=False, description="Keys that may train and change releases; they may write too.")
    read_keys: str = Field("", repr=False, description="Keys that may read; empty means reading is open.")

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is no known time zone; expected an IANA name such as Europe/Berlin") from None
        return value

    @field_validator("retrain_at")
    @classmethod
    def _time_of_day(cls, value: str) -> str:
        try:
            dt.datetime.strptime(value, "%H:%M")
        except ValueError:
            raise ValueError(f"{value!r} is no time of day; expected HH:MM, such as 03:30") from None
        return value

    @model_validator(mode="after")
    def _rating_scale(self) -> Settings:
        if not self.rating_min < self.rating_max:
            raise ValueError(f"AISLE_RATING_MIN {self.rating_min:g} is not below AISLE_RATING_MAX {self.rating_max:g}")
        if not self.rating_min < self.relevant_rating <= self.rating_max:
            raise ValueError(
                f"AISLE_RELEVANT_RATING: {self.relevant_rating:g} is not on the scale of ratings; expected more than "
                f"{self.rating_min:g} and at most {self.rating_max:g}"
            )
        return self

    @field_validator("cache_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it is no address of a Redis; expected redis://HOST:PORT/0")
        return value

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{self.var / 'store.sqlite3'}"

    @property
    def retrain_time(self) -> dt.time:
        """AISLE_RETRAIN_AT as a time of day, without a zone."""
        return dt.datetime.strptime(self.retrain_at, "%H:%M").time()

    @property
    def zone(self) -> ZoneInfo:
        """AISLE_TIMEZONE as a zone."""
        return ZoneInfo(self.timezone)

    @property
    def releases_dir(self) -> Path:
        return self.var / "releases"

    @property
    def reports_dir(self) -> Path:
        return self.var / "reports"

    @property
    def rejects_dir(self) -> Path:
        return self.var / "rejects"


def variable_of(field: str) -> str:
    """The environment variable that sets a field: `PORT` for port, `AISLE_VAR` for var, and so on."""
    return "PORT" if field.lower() == "port" else f"AISLE_{field.upper()}"


def read_settings(**overrides: object) -> Settings:
    """Settings from the environment; `overrides` win. Raises ConfigError that names every wrong variable."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = variable_of(str(problem["loc"][0])) if problem["loc"] else "settings"
            field = Settings.model_fields.get(str(problem["loc"][0]) if problem["loc"] else "")
            is_secret = field is not None and not field.repr
            shown = "" if is_secret else f" (found {problem['input']!r})"
            lines.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}{shown}")
        if not any(error.errors()[0]["loc"]):
            lines = [problem["msg"].removeprefix("Value error, ") for problem in error.errors()]
        raise ConfigError("; ".join(lines) + ". Mend the environment variable and start again.") from None
