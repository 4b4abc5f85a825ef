"""Composes all settings: the common ones with those that each model declares beside its parameters."""

from __future__ import annotations

import os

from src.core.errors import ConfigError
from src.core.settings import NOT_SHARED, Settings, listed, settings_from_environment, variable_of
from src.models.als import AlsSettings
from src.models.item_graph import ItemGraphSettings
from src.models.popularity import TrendingSettings
from src.models.spectral import SpectralSettings
from src.models.svd import SvdSettings
from src.models.vbmf import VbmfSettings


class AllSettings(
    TrendingSettings, AlsSettings, ItemGraphSettings, SpectralSettings, VbmfSettings, SvdSettings, Settings
):
    """Every setting of Aisle: one frozen object."""


def read_settings(**overrides: object) -> AllSettings:
    """Read all settings from the environment.

    Args:
        overrides: field → value that wins over the environment.

    Returns:
        The validated, frozen settings.

    Raises:
        ConfigError: a value is not valid. The message names every wrong variable.
    """
    settings = settings_from_environment(AllSettings, overrides)
    if not settings.tenant or settings.tenants == "":
        return settings
    return _of_shop(settings, settings.tenant)


def settings_of_shops(settings: AllSettings) -> dict[str, AllSettings]:
    """Return the settings of each shop of AISLE_TENANTS by its name; nothing for a service of one shop.

    Args:
        settings: of the service. What a shop does not set (AISLE_TENANT_NAME_…) is the same for all, except for the
            store and the keys, which no two shops share.

    Raises:
        ConfigError: a value is not valid, or two shops have the same store.
    """
    shops = {name: _of_shop(settings, name) for name in listed(settings.tenants)}
    places: dict[str, str] = {}
    for name, of_shop in shops.items():
        for place in filter(None, (of_shop.store_url, of_shop.releases_url)):
            if (other := places.setdefault(place, name)) != name:
                raise ConfigError(
                    f"the shops {other} and {name} have the same AISLE_DATABASE_URL or AISLE_RELEASES_URL. Expected "
                    "one for each."
                )
    return shops


def _of_shop(settings: AllSettings, name: str) -> AllSettings:
    prefix = f"AISLE_TENANT_{name.upper().replace('-', '_')}_"
    variables = {field: variable_of(field).replace("AISLE_", prefix, 1) for field in AllSettings.model_fields}
    own = {field: os.environ[variable] for field, variable in variables.items() if os.environ.get(variable)}
    shared = {field: getattr(settings, field) for field in settings.model_fields_set} | NOT_SHARED
    place = {"tenant": name, "tenants": "", "var": settings.var / "tenants" / name}
    try:
        return settings_from_environment(AllSettings, {**shared, **own, **place})
    except ConfigError as error:
        raise ConfigError(f"shop {name}: {error} A setting of one shop begins with {prefix}.") from None
