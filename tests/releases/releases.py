"""A small published release, and helpers that change it."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import EventBatch
from src.interactions.interactions import training_data
from src.models import MODELS, POPULARITY, SVD
from src.models.popularity import PopularityParams
from src.models.svd import SvdParams
from src.recommendation.pipeline import Pipeline
from src.releases.manifest import TrainingRecord
from src.releases.manifest_sections import MetricsRecord
from src.releases.registry import Registry
from src.releases.release import Draft

START = datetime(2026, 1, 1, tzinfo=UTC)


def make_draft() -> Draft:
    """Five ratings of three users on three products, learnt by every model."""
    ratings = [("u1", "a", 5), ("u1", "b", 3), ("u2", "a", 4), ("u3", "a", 2), ("u3", "c", 1)]
    users, products, values = (list(column) for column in zip(*ratings, strict=True))
    batch = EventBatch(users, products, ["rating"] * 5, np.array(values, dtype=np.float64), np.arange(5))
    data = training_data([batch])
    models = {
        POPULARITY: MODELS[POPULARITY].train(data, PopularityParams(1, 5), seed=1),
        SVD: MODELS[SVD].train(data, SvdParams(1, 5, factors=2, epochs=2), seed=1),
    }
    about = TrainingRecord(metrics=MetricsRecord(rmse={SVD: 1.25}))
    return Draft(Pipeline(data.users, data.items, models, POPULARITY, rater=SVD), about, {"report": {"how": "time"}})


DRAFT = make_draft()


def publish(registry: Registry, number: int, *, activate: bool = True) -> str:
    """Publish a release of the given hour."""
    version = registry.publish(DRAFT, f"{number:012d}", START + timedelta(hours=number))
    if activate:
        registry.activate(version)
    return version


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def manifest_of(registry: Registry, version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((registry.folder / version / "manifest.json").read_text())
    return found


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x01
    path.write_bytes(content)


def no_space(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
