"""Settings: read once, checked, and never shown with their secrets."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

from src.core.domain import EVENT_WEIGHTS
from src.core.errors import ConfigError
from src.core.settings import variable_of
from src.models.settings import AllSettings, read_settings

SetVariable = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AISLE_") or name == "PORT":
            monkeypatch.delenv(name)


def test_without_any_variable_the_defaults_hold() -> None:
    settings = read_settings()
    assert (settings.port, settings.var, settings.timezone) == (5000, Path("var"), "UTC")
    assert settings.store_url == "sqlite:///var/store.sqlite3"
    assert (settings.rating_min, settings.rating_max, settings.relevant_rating) == (1.0, 5.0, 4.0)
    assert settings.releases_dir == Path("var/releases")
    assert settings.reports_dir == Path("var/reports")
    assert settings.rejects_dir == Path("var/rejects")
    assert settings.retrain_time == dt.time(0, 0)
    assert (settings.write_keys, settings.admin_keys, settings.read_keys) == ("", "", "")


def default_of(name: str) -> Any:
    return AllSettings.model_fields[name].get_default(call_default_factory=True)


def another_value(name: str) -> tuple[str, object]:
    """Return a text for the environment and its value, other than the default."""
    special: dict[str, tuple[str, object]] = {
        "var": ("/srv/aisle", Path("/srv/aisle")),
        "timezone": ("Europe/Berlin", "Europe/Berlin"),
        "retrain_at": ("03:30", "03:30"),
        "scheduler": ("off", "off"),
        "background_priority": ("normal", "normal"),
        "gate": ("off", "off"),
        "canary": ("on", "on"),
        "tenants": ("books,toys", "books,toys"),
        "count_pending": ("yes", True),
        "language": ("de", "de"),
        "key_names": ("anna=3f2a91c0", "anna=3f2a91c0"),
        "origins": ("https://shop.example", "https://shop.example"),
        **dict.fromkeys(
            ("gate_margin", "gate_coverage", "gate_short", "drift_fall", "explore", "canary_harm"), ("0.25", 0.25)
        ),
        "explore_among": ("30", 30),
        "watch_data": ("off", "off"),
        "releases_url": ("s3://shop/aisle", "s3://shop/aisle"),
        "jdbc_jar": ("/srv/postgresql.jar", Path("/srv/postgresql.jar")),
        "svd_engine": ("surprise", "surprise"),
        "als_use_gpu": ("yes", True),
        "encoder_download": ("yes", True),
        "ranker": ("off", "off"),
        "learn_on": ("group", "group"),
        "guess_groups": ("off", "off"),
        "log_format": ("json", "json"),
        "trusted_proxies": ("10.0.0.5,192.168.0.0/16", "10.0.0.5,192.168.0.0/16"),
        "log_ids": ("on", "on"),
        "log_served": ("on", "on"),
        "log_requests": ("on", "on"),
        "judgements": ("/srv/judged.csv", Path("/srv/judged.csv")),
        "kind_weights": ('{"view": 0.5}', {**EVENT_WEIGHTS, "view": 0.5}),
        "lowest_rating_weight": ("0.25", 0.25),
        "rules": ('{"in_stock": true, "max_per_category": 3}', {"in_stock": True, "max_per_category": 3}),
        "test_share": ("0.25", 0.25),
        "max_body_bytes": ("4096", 4096),
        "rating_min": ("0.5", 0.5),
        "rating_max": ("10", 10.0),
        "relevant_rating": ("3.5", 3.5),
        **dict.fromkeys(("cache_url", "rate_storage"), ("redis://cache:6379/0", "redis://cache:6379/0")),
        **dict.fromkeys(("rate_limit", "admin_rate_limit", "wrong_keys_limit"), ("7/hour", "7/hour")),
    }
    if name in special:
        return special[name]
    default = default_of(name)
    if isinstance(default, str):
        return "some text", "some text"
    return str(default + 3), default + 3


@pytest.mark.parametrize("name", AllSettings.model_fields)
def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    written, meant = another_value(name)
    monkeypatch.setenv(variable_of(name), written)
    value = getattr(read_settings(), name)
    assert value == meant
    assert value != default_of(name)


@pytest.mark.parametrize("name", AllSettings.model_fields)
def test_every_setting_has_a_sentence_about_it(name: str) -> None:
    description = AllSettings.model_fields[name].description
    assert description is not None
    assert description.endswith(".")


def test_the_port_has_no_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AISLE_PORT", "1234")
    assert read_settings().port == 5000
    monkeypatch.setenv("PORT", "8080")
    assert read_settings().port == 8080


def test_what_is_handed_in_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AISLE_SEED", "5")
    monkeypatch.setenv("PORT", "8080")
    settings = read_settings(seed=6, port=9090)
    assert (settings.seed, settings.port) == (6, 9090)


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in AllSettings.model_fields:
        monkeypatch.setenv(variable_of(name), "")
    assert read_settings() == AllSettings()
    assert read_settings().port == 5000


def test_other_variables_are_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AISLE_TEST_DATABASE_URL", "x")
    monkeypatch.setenv("AISLE_UNHEARD_OF", "x")
    assert read_settings() == AllSettings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("AISLE_SVD_FACTORS", "0"),
        ("AISLE_SVD_FACTORS", "many"),
        ("AISLE_SVD_FACTORS", "1.5"),
        ("AISLE_SVD_EPOCHS", "-1"),
        ("AISLE_SVD_LEARNING_RATE", "0"),
        ("AISLE_SVD_LEARNING_RATE", "nan"),
        ("AISLE_SVD_REGULARIZATION", "-0.1"),
        ("AISLE_SVD_ENGINE", "another"),
        ("AISLE_VBMF_FACTORS", "0"),
        ("AISLE_VBMF_SWEEPS", "0"),
        ("AISLE_SPECTRAL_RANK", "0"),
        ("AISLE_ITEM_GRAPH_NEIGHBOURS", "0"),
        ("AISLE_ALS_FACTORS", "0"),
        ("AISLE_ALS_REGULARIZATION", "0"),
        ("AISLE_ALS_ALPHA", "-1"),
        ("AISLE_ALS_ITERATIONS", "0"),
        ("AISLE_ALS_USE_GPU", "perhaps"),
        ("AISLE_TRENDING_HALF_LIFE_DAYS", "0"),
        ("AISLE_LOWEST_RATING_WEIGHT", "1.5"),
        ("AISLE_LOWEST_RATING_WEIGHT", "-0.5"),
        ("AISLE_HALF_LIFE_DAYS", "-1"),
        ("AISLE_HALF_LIFE_DAYS", "inf"),
        ("AISLE_TUNE_SECONDS", "-1"),
        ("AISLE_TUNE_SECONDS", "nan"),
        ("AISLE_SEED", "-1"),
        ("AISLE_SEED", "4294967296"),
        ("AISLE_TEST_SHARE", "0"),
        ("AISLE_TEST_SHARE", "1"),
        ("AISLE_RETRAIN_AT", "24:00"),
        ("AISLE_RETRAIN_AT", "noon"),
        ("AISLE_TIMEZONE", "Europe/Nowhere"),
        ("AISLE_TIMEZONE", "Europe"),
        ("AISLE_TIMEZONE", "../../etc/passwd"),
        ("AISLE_TIMEZONE", "/etc/localtime"),
        ("AISLE_SCHEDULER", "maybe"),
        ("AISLE_KEEP_RELEASES", "1"),
        ("AISLE_RATING_MIN", "low"),
        ("AISLE_RATING_MIN", "nan"),
        ("AISLE_RATING_MAX", "inf"),
        ("AISLE_RELEVANT_RATING", "nan"),
        ("AISLE_CACHE_SECONDS", "-1"),
        ("AISLE_CHECK_SECONDS", "0"),
        ("AISLE_REFRESH_SECONDS", "inf"),
        ("AISLE_MAX_BODY_BYTES", "10"),
        ("AISLE_COUNT_PENDING", "3"),
        ("AISLE_LANGUAGE", "fr"),
        ("AISLE_KEY_NAMES", "anna"),
        ("AISLE_ORIGINS", "shop.example"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        read_settings()
    assert f"{variable}: " in str(caught.value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("views count half", "it is no JSON"),
        ("{'view': 0.5}", "it is no JSON"),
        ('["view"]', "valid dictionary"),
        ('{"view": 1.5}', "'view': 1.5 is no weight of a kind of event; expected 0 to 1 for rating, purchase"),
        ('{"view": -0.1}', "'view': -0.1 is no weight"),
        ('{"view": NaN}', "finite number"),
        ('{"view": "much"}', "valid number"),
        ('{"glance": 0.5}', "'glance': 0.5 is no weight of a kind of event"),
    ],
)
def test_wrong_weights_of_kinds_are_named_with_their_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("AISLE_KIND_WEIGHTS", value)
    with pytest.raises(ConfigError, match=r"^AISLE_KIND_WEIGHTS: ") as caught:
        read_settings()
    assert said in str(caught.value)
    assert "Mend the environment variable" in str(caught.value)


def test_a_kind_that_is_not_named_keeps_its_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AISLE_KIND_WEIGHTS", '{"view": 0, "return": 0.1}')
    assert read_settings().kind_weights == {**EVENT_WEIGHTS, "view": 0, "return": 0.1}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"port": "x", "seed": "y"}, r"PORT: .*AISLE_SEED: .*Mend the environment variable"),
        ({"port": 70_000}, "PORT: "),
        ({"rating_min": 5, "rating_max": 5}, r"AISLE_RATING_MIN .*AISLE_RATING_MAX "),
        ({"rating_min": 6, "rating_max": 2}, r"AISLE_RATING_MIN .*AISLE_RATING_MAX "),
        *(({"relevant_rating": rating}, "AISLE_RELEVANT_RATING") for rating in (1, 0, 6)),
        ({"write_keys": "schlüssel"}, r"AISLE_WRITE_KEYS.*beyond ASCII"),
        ({"cache_url": "http://:secret@cache"}, "AISLE_CACHE_URL: (?!.*secret)"),
    ],
)
def test_what_is_wrong_is_named_with_every_variable_and_without_secrets(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_settings(**given)


def test_times_have_the_types_of_their_meaning() -> None:
    settings = read_settings(timezone="Asia/Kolkata", retrain_at="23:59")
    assert (settings.zone.key, settings.retrain_time) == ("Asia/Kolkata", dt.time(23, 59))


def test_a_database_url_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AISLE_VAR", "/srv/aisle")
    assert read_settings().store_url == "sqlite:////srv/aisle/store.sqlite3"
    monkeypatch.setenv("AISLE_DATABASE_URL", "postgresql://u:p@h/n")
    assert read_settings().store_url == "postgresql://u:p@h/n"


def test_settings_do_not_change() -> None:
    settings = read_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


def test_settings_do_not_show_keys_and_passwords() -> None:
    settings = read_settings(
        write_keys="secret-1",
        admin_keys="secret-2",
        read_keys="secret-3",
        database_url="postgresql://user:secret-4@host/name",
        cache_url="redis://:secret-5@host/0",
    )
    for shown in (repr(settings), str(settings), f"{settings}"):
        assert "port=5000" in shown
        assert "secret" not in shown


def test_the_service_listens_on_this_machine_only_unless_host_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOST", raising=False)
    assert read_settings().host == "127.0.0.1"
    monkeypatch.setenv("HOST", "0.0.0.0")
    assert read_settings().host == "0.0.0.0"


@pytest.mark.parametrize("given", ["postgres://u:p@db.example:5432/shop", "postgresql://u:p@db.example:5432/shop"])
def test_the_url_of_a_hosting_platform_is_one_of_postgresql(given: str) -> None:
    settings = read_settings(database_url=given)
    assert settings.store_url == "postgresql://u:p@db.example:5432/shop"
    assert make_url(settings.store_url).get_backend_name() == "postgresql"
