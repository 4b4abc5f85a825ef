"""The settings that do not belong to one model, and how settings are read from environment variables named AISLE_….

A model declares its own settings beside its parameters; `src.models.settings` composes all of them into one object,
which is read once at the edge.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from src.core.domain import EVENT_WEIGHTS
from src.core.errors import ConfigError
from src.core.list_rules import shop_rules

HASHED = "sha256:"
"""Prefix of a key that a setting holds as its hash."""

_NO_JSON = "no_json"
_VALUE_ERROR = "Value error, "
_NEXT_STEP = ". Mend the environment variable and start again."


def _from_json(value: object) -> object:
    """Parse text as JSON; pass any other value on. The error does not show the text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise PydanticCustomError(
            _NO_JSON,
            "it is no JSON ({reason}); expected for instance {example}",
            {"reason": str(error), "example": '{"view": 0.2, "cart": 0.5}'},
        ) from None


class RatingScale(BaseModel):
    """The shop's rating scale, which the settings of rating models extend."""

    rating_min: float = Field(1.0, description="Lowest rating a user can give.")
    rating_max: float = Field(5.0, description="Highest rating a user can give.")
    relevant_rating: float = Field(
        4.0, description="A rating from here on counts as liked when whole-catalogue lists are measured."
    )
    learn_on: Literal["product", "group"] = Field(
        "product",
        description="group: a product counts as popular, and as trending, as all variants of its group together; from "
        "the next training on, and at once in GET /popular.",
    )
    guess_groups: Literal["on", "off"] = Field(
        "on",
        description="Whether products whose titles differ by colour and size only are taken for variants of one thing, "
        "where the catalogue names no group. off: the next load forgets the guesses.",
    )

    @model_validator(mode="after")
    def _is_ascending(self) -> RatingScale:
        if not self.rating_min < self.rating_max:
            raise ValueError(f"AISLE_RATING_MIN {self.rating_min:g} is not below AISLE_RATING_MAX {self.rating_max:g}")
        if not self.rating_min < self.relevant_rating <= self.rating_max:
            raise ValueError(
                f"AISLE_RELEVANT_RATING: {self.relevant_rating:g} is not on the scale of ratings; expected more than "
                f"{self.rating_min:g} and at most {self.rating_max:g}"
            )
        return self


NOT_SHARED = dict.fromkeys(
    ("database_url", "releases_url", "write_keys", "admin_keys", "read_keys", "public_keys", "secret_key", "key_names"),
    "",
)
"""Settings that one of several shops has of its own or not at all."""
_TENANT = r"[a-z][a-z0-9-]{0,31}"
_POSTGRES = "postgres://"


class Settings(RatingScale, BaseSettings):
    """The common settings with their defaults. Lists are written with commas between their parts."""

    model_config = SettingsConfigDict(
        env_prefix="AISLE_", frozen=True, extra="ignore", env_ignore_empty=True, allow_inf_nan=False
    )

    var: Path = Field(Path("var"), description="Folder for all that the program writes: store, releases, reports.")
    database_url: str = Field(
        "", repr=False, description="SQLAlchemy URL of the store; empty means SQLite inside AISLE_VAR."
    )
    database_wait: float = Field(
        60.0,
        ge=0,
        le=3_600,
        description="Seconds for which a service or command that starts tries again to reach a database that is not "
        "there yet; 0: it ends at once.",
    )
    port: int = Field(
        5000,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT", "port"),
        description="Port to listen on. Read from PORT, without the prefix, as hosting platforms set it.",
    )
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        validation_alias=AliasChoices("HOST", "host"),
        description="Address to listen on, without the prefix; 0.0.0.0 lets other machines reach it.",
    )

    tenants: str = Field(
        "",
        description="Names of the shops that this service serves, such as books,toys: each below /t/NAME, with a "
        "store, releases, keys and rules of its own in AISLE_VAR/tenants/NAME. A setting of one of them has "
        "TENANT_BOOKS_ after AISLE_. Empty: one shop.",
    )
    tenant: str = Field("", description="The shop of AISLE_TENANTS that a command works for.")

    kind_weights: Annotated[dict[str, float], NoDecode, BeforeValidator(_from_json)] = Field(
        EVENT_WEIGHTS,
        description="How much one event of each kind speaks for its product, 0 to 1, as JSON: the rule that lists are "
        "learnt from. What a user did to a product adds up like independent evidence.",
    )
    lowest_rating_weight: float = Field(
        1.0, ge=0, le=1, description="Share of a rating's weight that the lowest rating gets; the highest gets all."
    )
    half_life_days: float = Field(
        0.0,
        ge=0,
        description="An event so many days before the user's newest one weighs half; 0: time changes nothing.",
    )
    count_pending: bool = Field(
        False, description="Whether orders of a file that are not paid yet (pending, on hold) count as purchases."
    )
    tune_seconds: float = Field(
        20.0, ge=0, description="How long a training looks for better settings of the list before it fits them."
    )
    prepare_seconds: float = Field(
        20.0, ge=0, description="How long a training makes lists of active users in advance, at most; 0: none."
    )

    canary: Literal["on", "off"] = Field(
        "off",
        description="on: a promoted release is shown to 5 % of the users, then to 50 %, then to all, and is taken back "
        "when it does harm.",
    )
    canary_hours: float = Field(24.0, gt=0, le=8_760, description="How long each step of a canary takes at least.")
    canary_days: float = Field(
        14.0,
        gt=0,
        le=365,
        description="How long a step of a canary takes at most. What cannot be decided by then is taken back.",
    )
    canary_harm: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Share of purchases that a canary may cost at most: it reaches all users when its interval is "
        "above this loss. 1: when the time of its steps is over.",
    )

    encoder: str = Field(
        "wordllama",
        min_length=1,
        description="What makes vectors of texts: wordllama, minilm, or the name or path of a sentence-transformers "
        "model. Counts from the next training on: a release is searched with the encoder that made it.",
    )
    encoder_batch: int = Field(
        64, ge=1, le=4096, description="Texts that a sentence-transformers encoder reads at once."
    )
    encoder_download: bool = Field(False, description="Whether an encoder that is not on this machine may be fetched.")

    ranker: Literal["on", "off"] = Field(
        "on", description="off: what a search or a product retrieves stays in that order; no ranking is learnt."
    )
    judgements: Path | None = Field(
        None, description="A file of query, product and grade (0 to 3) that the ranking of search learns from, too."
    )

    seed: int = Field(1, ge=0, le=2**32 - 1, description="Seed of a training's random starting values.")

    test_share: float = Field(0.2, gt=0, lt=1, description="Share of the newest events kept for measuring.")
    evaluated_users: int = Field(
        5_000, ge=1, description="At most so many test users are ranked for; a larger set is sampled, and said so."
    )

    rules: Annotated[dict[str, Any], NoDecode, BeforeValidator(_from_json)] = Field(
        {},
        description="What every list must be like unless a request says otherwise, as JSON with the fields of POST "
        "/recommend: exclude_seen, category, exclude_category, min_price, max_price, in_stock, max_per_category, "
        "max_per_brand, boosts, variants, seen_group.",
    )

    gate: Literal["on", "off"] = Field(
        "on", description="off: what a training makes is served whatever the gate says; its verdict is recorded."
    )
    gate_margin: float = Field(
        0.05, ge=0, le=1, description="Share of the current release's NDCG@10 by which a new one may be worse."
    )
    gate_coverage: float = Field(
        0.5, ge=0, le=1, description="Share of the current release's catalogue coverage that a new one must reach."
    )
    gate_short: float = Field(
        0.01, ge=0, le=1, description="Largest share of lists with fewer products than there could be."
    )
    gate_latency_ms: float = Field(
        250.0, gt=0, description="Milliseconds in which 95 % of lists must be made, from disk in a fresh process."
    )
    gate_size: float = Field(
        5.0, gt=1, description="How many times the current release's size on disk a new one may have."
    )

    retrain_at: str = Field("00:00", description="Time of day of the nightly retraining, HH:MM.")
    timezone: str = Field(
        "UTC",
        description="The shop's time zone, of AISLE_RETRAIN_AT and of days and times on pages: an IANA name such as "
        "Europe/Berlin.",
    )
    scheduler: Literal["on", "off"] = Field("on", description="off: no nightly retraining from the web workers.")
    train_hours: float = Field(
        8.0, gt=0, le=8_760, description="A training that takes longer is ended and recorded as failed."
    )
    background_priority: Literal["lowest", "normal"] = Field(
        "lowest",
        description="The priority of trainings and comparisons; normal: where no lists are served beside them.",
    )
    drift_hours: float = Field(
        6.0, ge=0, description="How often the current release is scored on events it has not seen; 0: every night only."
    )
    drift_fall: float = Field(
        0.3, gt=0, lt=1, description="A fall of its NDCG@10, or a rise of its RMSE, by this share starts a training."
    )
    check_seconds: float = Field(60.0, gt=0, description="How often the leader looks whether a training is due.")
    refresh_seconds: float = Field(2.0, gt=0, description="How often a worker looks for a new release.")
    traces_url: str = Field(
        "",
        description="Collector of OpenTelemetry that takes traces over HTTP, such as http://collector:4318/v1/traces "
        "(pip install -r requirements-scale.txt); empty: none.",
    )
    watch_data: Literal["on", "off"] = Field(
        "on",
        description="on: a service that make run or a container started looks every minute for files with new contents "
        "in data/, loads them and trains.",
    )
    releases_url: str = Field(
        "",
        repr=False,
        description="Where several hosts share releases: s3://BUCKET/PREFIX (pip install -r requirements-scale.txt), "
        "or a folder that all of them mount; empty means this host alone.",
    )
    spark_master: str = Field(
        "local[*]",
        min_length=1,
        description="The master of train_model.py --engine spark: local[*], or spark://HOST:PORT of a cluster.",
    )
    spark_folder: str = Field(
        "",
        description="Folder of what Spark writes meanwhile; all hosts of its cluster must see it under this "
        "path. Empty: AISLE_VAR/spark.",
    )
    spark_als_gb: float = Field(
        8.0,
        ge=0,
        description="Gigabytes that ALS and co-occurrence may take in the process of train_model.py --engine spark. "
        "Where the histories and factors of users with several products need more, MLlib trains ALS on the cluster, "
        "which takes many times the processor seconds, and there is no co-occurrence; 0: always.",
    )
    jdbc_jar: Path = Field(
        Path("/usr/share/java/postgresql.jar"),
        description="PostgreSQL's driver for Java, with which Spark reads the store (apt-get install "
        "libpostgresql-jdbc-java). Where there is none the events are exported to AISLE_SPARK_FOLDER first.",
    )
    keep_releases: int = Field(
        5,
        ge=2,
        description="Releases kept on disk; never deleted are the current one and the one that served before it.",
    )

    cache_seconds: int = Field(60, ge=0, description="How long a list may be served from the cache; 0 turns it off.")
    cache_url: str = Field(
        "", repr=False, description="redis://… for one cache on several hosts; empty means one per worker."
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body that is accepted.")
    max_events_bytes: int = Field(
        8_388_608,
        ge=1024,
        description="Largest body of POST /events: 1,000 events with the longest ids and texts fit.",
    )

    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="How log lines look: json, text, or auto, which is text on a terminal and json elsewhere."
    )
    log_ids: Literal["on", "off"] = Field(
        "off", description="on: log lines name users, and say what exceptions say, which may hold ids."
    )
    log_served: Literal["on", "off"] = Field(
        "off", description="on: every list that is answered is kept in the store, so that clicks can be joined to it."
    )
    log_requests: Literal["on", "off"] = Field(
        "off",
        description="on: what every list was asked for is kept with its user, so that POST /replay can make it again.",
    )
    explore: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="Highest share of the places of lists that show another product by chance, so that other releases "
        "can be judged by what follows; 0: none. Keeps requests as AISLE_LOG_REQUESTS=on does.",
    )
    explore_among: int = Field(
        20, ge=2, le=100, description="Chance shows only products that would be on a list of this length."
    )
    served_days: int = Field(30, ge=1, le=3650, description="How many days served lists and requests are kept.")

    retention_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="Events older than so many days are deleted before each training; 0 keeps all.",
    )
    language: Literal["", "en", "de"] = Field(
        "", description="Language of the pages: en or de; empty means the one that the browser prefers."
    )
    attribution_days: int = Field(
        7,
        ge=1,
        le=90,
        description="A purchase counts as one that followed a recommendation if the customer clicked the product on a "
        "list at most so many days before.",
    )
    currency: str = Field(
        "", max_length=10, description="What stands before prices on pages, such as € or EUR; empty: nothing does."
    )

    write_keys: str = Field("", repr=False, description="Keys that may call POST /events.")
    admin_keys: str = Field("", repr=False, description="Keys that may train and change releases; they may write too.")
    read_keys: str = Field("", repr=False, description="Keys that may read; empty means reading is open.")
    public_keys: str = Field(
        "",
        repr=False,
        description="Keys that pages of the shop may show to anybody: they ask for lists and tell of their own "
        "session's events, and nothing else.",
    )
    key_names: str = Field(
        "",
        description="Names of keys for the audit log, such as anna=3f2a91c0: the name, and the first digits of the "
        "key's SHA-256, 8 at least, as the log shows them.",
    )
    origins: str = Field(
        "",
        description="Origins of the shop's pages whose scripts may call this service, such as https://shop.example; "
        "empty means none.",
    )
    secret_key: str = Field(
        "",
        repr=False,
        description="Signs the cookies of the forms on pages; empty means one that is made in AISLE_VAR/keys. Several "
        "hosts need the same.",
    )
    proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="How many proxies of yours stand in front and set X-Forwarded-For and -Proto. Without "
        "AISLE_TRUSTED_PROXIES they are believed to have private addresses.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses and networks of your proxies, such as 10.0.0.5,192.168.0.0/16: X-Forwarded-For and "
        "-Proto of others do not count.",
    )
    rate_limit: str = Field(
        "", description="What a client may ask in all, such as 600/minute; empty means as much as it likes."
    )
    admin_rate_limit: str = Field(
        "60/minute", description="What a client may ask of the calls that train and change releases."
    )
    wrong_keys_limit: str = Field(
        "20/minute", description="How many wrong keys an address may send before no key of it is looked at any more."
    )
    rate_storage: str = Field(
        "",
        repr=False,
        description="redis://… that counts for all workers together; empty means AISLE_CACHE_URL, or each worker for "
        "itself.",
    )

    @property
    def keeps_requests(self) -> bool:
        """Whether it is kept what lists were asked for."""
        return self.log_requests == "on" or self.explore > 0

    @model_validator(mode="after")
    def _canary_is_led(self) -> Settings:
        if self.canary == "on" and self.scheduler == "off":
            raise ValueError(
                "AISLE_CANARY is on and AISLE_SCHEDULER is off, so that nobody leads a release to all users; expected "
                "the scheduler on, or no canary"
            )
        return self

    @model_validator(mode="after")
    def _tenants_have_names(self) -> Settings:
        names = listed(self.tenants)
        for name in names:
            if not re.fullmatch(_TENANT, name) or names.count(name) > 1:
                raise ValueError(
                    f"AISLE_TENANTS: {name!r} is no name of one shop; expected small letters, digits and hyphens, each "
                    "name once"
                )
        if names and self.tenant and self.tenant not in names:
            raise ValueError(f"AISLE_TENANT: {self.tenant!r} is none of AISLE_TENANTS; expected one of {self.tenants}")
        return self

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is no known time zone; expected an IANA name such as Europe/Berlin") from None
        return value

    @field_validator("kind_weights")
    @classmethod
    def _weights_of_kinds(cls, value: dict[str, float]) -> dict[str, float]:
        for kind, weight in value.items():
            if kind not in EVENT_WEIGHTS or not 0 <= weight <= 1:
                raise ValueError(
                    f"{kind!r}: {weight:g} is no weight of a kind of event; expected 0 to 1 for "
                    f"{', '.join(EVENT_WEIGHTS)}"
                )
        return {**EVENT_WEIGHTS, **value}

    @field_validator("rules")
    @classmethod
    def _known_rules(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            shop_rules(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None
        return value

    @field_validator("retrain_at")
    @classmethod
    def _time_of_day(cls, value: str) -> str:
        try:
            dt.datetime.strptime(value, "%H:%M")
        except ValueError:
            raise ValueError(f"{value!r} is no time of day; expected HH:MM, such as 03:30") from None
        return value

    @field_validator("origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        for origin in listed(value):
            if not re.fullmatch(r"https?://[^/\s?#@*]+", origin):
                raise ValueError(f"{origin!r} is no origin; expected scheme and host such as https://shop.example")
        return value

    @field_validator("key_names")
    @classmethod
    def _names_of_keys(cls, value: str) -> str:
        for entry in listed(value):
            if not re.fullmatch(r"[^=\s][^=]{0,39}=[0-9a-f]{8,64}", entry):
                raise ValueError(f"{entry!r} is no name of a key; expected such as anna=3f2a91c0")
        return value

    @field_validator("write_keys", "admin_keys", "read_keys", "public_keys")
    @classmethod
    def _keys_or_hashes(cls, value: str) -> str:
        for key in listed(value):
            if not key.isascii():
                # A header holds no other characters, and clients encode them in several ways.
                raise ValueError("a key in it has characters beyond ASCII; choose letters, digits and signs")
            if key.startswith(HASHED) and not re.fullmatch(r"[0-9a-f]{64}", key.removeprefix(HASHED)):
                raise ValueError("a hash in it is no sha256: and 64 digits 0-9a-f; python run.py --hash-key makes one")
            if key == HASHED + hashlib.sha256(b"").hexdigest():
                raise ValueError("a hash in it is that of an empty key; hash the key that you mean")
        return value

    @field_validator("rate_limit", "admin_rate_limit", "wrong_keys_limit")
    @classmethod
    def _rates(cls, value: str) -> str:
        for rate in listed(value):
            if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", rate):
                raise ValueError(f"{rate!r} is no rate; expected a number per second, minute, hour or day: 600/minute")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        for network in listed(value):
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network!r} is no address or network; expected such as 10.0.0.0/8") from None
        return value

    @field_validator("cache_url", "rate_storage")
    @classmethod
    def _redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it is no address of a Redis; expected redis://HOST:PORT/0")
        return value

    @field_validator("releases_url")
    @classmethod
    def _place_of_releases(cls, value: str) -> str:
        if value and not re.match(r"/|[a-z][a-z0-9+]*://", value):
            raise ValueError("it is no place for releases; expected s3://BUCKET/PREFIX or a folder from the root /")
        return value

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the store. Hosting platforms write postgres:// for SQLAlchemy's postgresql://."""
        url = self.database_url or f"sqlite:///{self.var / 'store.sqlite3'}"
        return f"postgresql://{url.removeprefix(_POSTGRES)}" if url.startswith(_POSTGRES) else url

    @property
    def shared_prefix(self) -> str:
        """What the keys of this shop begin with in a Redis that several shops may share."""
        return f"aisle:{hashlib.sha256(self.store_url.encode()).hexdigest()[:12]}:"

    @property
    def retrain_time(self) -> dt.time:
        """AISLE_RETRAIN_AT as a time of day without a time zone."""
        return dt.datetime.strptime(self.retrain_at, "%H:%M").time()

    @property
    def zone(self) -> ZoneInfo:
        """AISLE_TIMEZONE as a time zone."""
        return ZoneInfo(self.timezone)

    @property
    def releases_dir(self) -> Path:
        """Folder of the releases."""
        return self.var / "releases"

    @property
    def reports_dir(self) -> Path:
        """Folder of the reports."""
        return self.var / "reports"

    @property
    def metrics_dir(self) -> Path:
        """Folder of the counters that the web workers share."""
        return self.var / "metrics"

    @property
    def starting_path(self) -> Path:
        """File of what is done until the first release serves."""
        return self.var / "starting.txt"

    @property
    def store_check_path(self) -> Path:
        """File of what the last check of the store's file found."""
        return self.var / "store_check.json"

    @property
    def explored_path(self) -> Path:
        """File of the last data profile, which the dashboard shows."""
        return self.reports_dir / "exploration.json"

    @property
    def directory_dir(self) -> Path:
        """Folder of the directory of customers and of what recommendations earned."""
        return self.var / "reports" / "shop"

    @property
    def embeddings_dir(self) -> Path:
        """Folder of the cached text vectors."""
        return self.var / "embeddings"

    @property
    def rejects_dir(self) -> Path:
        """Folder of the files of rejected rows."""
        return self.var / "rejects"


def listed(value: str) -> list[str]:
    """Split text at commas, strip the parts, and drop empty ones."""
    return [part.strip() for part in value.split(",") if part.strip()]


def variable_of(field: str) -> str:
    """Return the environment variable of a field: `PORT` for port, `AISLE_VAR` for var, and so on."""
    return field.upper() if field.lower() in ("port", "host") else f"AISLE_{field.upper()}"


SettingsClass = TypeVar("SettingsClass", bound=Settings)


def settings_from_environment(kind: type[SettingsClass], overrides: dict[str, object]) -> SettingsClass:
    """Read settings of one class from the environment.

    Args:
        kind: the class to read.
        overrides: field → value that wins over the environment.

    Returns:
        The validated, frozen settings.

    Raises:
        ConfigError: a value is not valid. The message names every wrong variable.
    """
    try:
        return kind(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [_line_about(kind, problem) for problem in error.errors()]
        raise ConfigError("; ".join(lines) + _NEXT_STEP) from None


def _line_about(kind: type[Settings], problem: ErrorDetails) -> str:
    """Return "VARIABLE: message (found value)". No value of a secret is shown, no variable for an error of several."""
    message = problem["msg"].removeprefix(_VALUE_ERROR)
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0])
    field = kind.model_fields.get(name)
    is_hidden = problem["type"] == _NO_JSON or (field is not None and not field.repr)
    found = "" if is_hidden else f" (found {problem['input']!r})"
    return f"{variable_of(name)}: {message}{found}"
