"""A machine without the library of one model trains the others and reports it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from src.core.errors import AisleError
from src.core.settings import Settings
from src.models import ALS, MODELS, trainable
from src.models.model_kind import Unavailable
from src.releases.registry import Registry
from src.store import Store
from src.synthetic.shop import SyntheticShop
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest

REASON = "als cannot be trained: its library was not loaded"


class Lines:
    """A Reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, line: str) -> None:
        self.lines.append(line)

    def advance(self, done: int, total: int | None = None) -> None: ...


@pytest.fixture
def without_als(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, ALS, replace(MODELS[ALS], unavailable=lambda: Unavailable(REASON)))


@pytest.mark.usefixtures("without_als", "no_smoke")
def test_a_release_without_als_is_served_and_the_reason_is_reported(
    settings: Settings, store: Store, shop: SyntheticShop
) -> None:
    store.products.add(shop.products)
    store.events.add(shop.events)
    said = Lines()
    trained = train(settings, store, TrainingRequest(), said)
    assert trained is not None
    release = Registry(settings.releases_dir).active()
    assert ALS not in release.pipeline.models
    assert set(trainable()) | {"blend"} == set(release.pipeline.models)
    assert ALS not in release.manifest.to_json()["recipe"]["params"]
    assert [line for line in said.lines if REASON in line] == [f"WARNING: {REASON}"]


@pytest.mark.usefixtures("without_als")
def test_training_an_unavailable_model_by_name_ends_with_the_reason(
    settings: Settings, store: Store, shop: SyntheticShop
) -> None:
    store.events.add(shop.events)
    with pytest.raises(AisleError, match=REASON):
        train(settings, store, TrainingRequest(models=(ALS,)), Lines())


def test_on_this_machine_every_model_is_available() -> None:
    assert list(trainable()) == list(MODELS)
