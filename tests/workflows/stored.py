"""Helpers of the tests of loading: write a file, load it, read the store."""

from __future__ import annotations

from pathlib import Path

from src.core.progress import Silent
from src.core.settings import Settings
from src.store import Store
from src.workflows.ingest import ingest
from src.workflows.load_summary import LoadSummary


def load(settings: Settings, store: Store, path: Path) -> LoadSummary:
    return ingest(settings, store, path, Silent())


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def events_of(store: Store) -> list[tuple[str, str, str, float, int]]:
    return [
        row
        for batch in store.events.read()
        for row in zip(
            batch.user_id, batch.product_id, batch.kind, batch.value.tolist(), batch.at.tolist(), strict=True
        )
    ]
