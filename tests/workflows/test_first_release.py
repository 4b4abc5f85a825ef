"""A release of popular products serves until the first training has ended, and is no measure of a trained one."""

from __future__ import annotations

import pytest

from app.background.requested_training import has_learnt_everything
from src.core.domain import Query
from src.core.errors import NoData
from src.core.progress import Silent
from src.core.records import Run, RunStatus
from src.models import POPULARITY
from src.models.settings import AllSettings
from src.releases.registry import Registry
from src.store import Store
from src.synthetic.shop import SyntheticShop
from src.workflows.first_release import publish_popularity
from src.workflows.locks import trainer_lock
from src.workflows.training_plan import TrainingRequest
from src.workflows.training_results import TrainingContext
from src.workflows.training_steps import prepare


def test_without_events_nothing_is_published(settings: AllSettings, store: Store) -> None:
    with pytest.raises(NoData):
        publish_popularity(settings, store, Silent())
    assert Registry(settings.releases_dir).current_version() is None


@pytest.mark.usefixtures("no_smoke")
def test_popular_products_are_listed_until_a_training_replaces_them(
    settings: AllSettings, store: Store, shop: SyntheticShop
) -> None:
    store.products.add(shop.products)
    store.events.add(shop.events)
    version = publish_popularity(settings, store, Silent())
    release = Registry(settings.releases_dir).active()
    assert release.version == version
    assert [*release.pipeline.models] == [release.pipeline.default] == [POPULARITY]
    assert release.manifest.provisional
    assert {place.source for place in release.pipeline.recommend(Query("nobody", ()))} == {POPULARITY}
    assert not has_learnt_everything(store, release)
    assert publish_popularity(settings, store, Silent()) is None
    run = Run("r", "command", 1, RunStatus.RUNNING)
    context = TrainingContext(settings, store, TrainingRequest(), run, trainer_lock(settings), Silent())
    assert prepare(context).champion is None
