"""Read the directory of customers and sales that a background process keeps up to date."""

from __future__ import annotations

from src.core.settings import Settings
from src.exploration.shop_directory import ABOUT, ShopDirectory


class ShopDirectoryReader:
    """Maps the directory again when another one has taken its place."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.directory_dir
        self._read: tuple[int, ShopDirectory | None] = (0, None)

    def current(self) -> ShopDirectory | None:
        """Return the directory; None before the first one is made, and after somebody was erased until the next one."""
        try:
            made = (self._folder / ABOUT).stat().st_mtime_ns
        except OSError:
            self._read = (0, None)
            return None
        if made != self._read[0]:
            self._read = (made, ShopDirectory.load(self._folder))
        return self._read[1]
