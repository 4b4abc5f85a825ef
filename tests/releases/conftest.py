"""Folders of releases."""

from __future__ import annotations

from pathlib import Path

import pytest

from releases import publish
from src.releases.registry import Registry


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry without smoke test, which takes two seconds and has tests of its own."""
    monkeypatch.setattr(Registry, "_smoke_test", lambda self, version: None)
    return Registry(tmp_path / "releases", keep=2)


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Registry, list[str]]:
    """Three releases that all have served, the newest one current."""
    monkeypatch.setattr(Registry, "_smoke_test", lambda self, version: None)
    registry = Registry(tmp_path / "releases")
    return registry, [publish(registry, number) for number in (1, 2, 3)]
