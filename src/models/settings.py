"""Composes all settings: the common ones with those that each model declares beside its parameters."""

from __future__ import annotations

from src.core.settings import Settings, settings_from_environment
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
    return settings_from_environment(AllSettings, overrides)
