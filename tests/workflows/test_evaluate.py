"""A release is measured again; report and plots are written."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from src.core.domain import Event, EventKind
from src.core.errors import AisleError, NoData, NoRelease, ReleaseError, UnknownName, UnusableFile
from src.core.progress import Silent
from src.core.settings import Settings
from src.models import MODELS
from src.recommendation.ensemble import ENSEMBLE
from src.releases.registry import Registry
from src.store import Store
from src.workflows.evaluate import evaluate
from src.workflows.record_events import record_events
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest

PNG = b"\x89PNG\r\n\x1a\n"


class Told:
    """A Reporter that keeps the steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, line: str) -> None:
        self.steps.append(line)

    def advance(self, done: int, total: int | None = None) -> None: ...


@pytest.fixture
def ratings_file(tmp_path: Path) -> Path:
    rows = [f"u{n % 7},p{n % 5},{1 + n % 5},{1_700_000_000 + n}" for n in range(35)]
    path = tmp_path / "ratings.csv"
    path.write_text("user,product,rating,time\n" + "\n".join(rows) + "\n")
    return path


def test_the_report_and_its_plots_are_written_and_no_release_and_no_run_is_changed(
    trained_settings: Settings, trained_store: Store
) -> None:
    def everything() -> dict[Path, bytes]:
        files = (path for path in trained_settings.releases_dir.rglob("*") if path.is_file())
        # Reading a release may note which of its files were verified; the note is no part of it.
        return {path: path.read_bytes() for path in files if path.parent.name != ".verified"}

    before, runs = everything(), trained_store.runs.newest(9)
    report, folder = evaluate(trained_settings, trained_store, None, Silent())
    assert everything() == before
    assert trained_store.runs.newest(9) == runs
    version = Registry(trained_settings.releases_dir).active().version
    assert folder == trained_settings.reports_dir / version
    assert json.loads((folder / "report.json").read_text()) == json.loads(json.dumps(report.to_json()))
    assert sorted(path.name for path in folder.iterdir()) == ["lists.png", "ratings.png", "report.json"]
    for picture in folder.glob("*.png"):
        content = picture.read_bytes()
        assert content.startswith(PNG)
        width, height = struct.unpack(">II", content[16:24])
        assert width > 300
        assert height > 300


@pytest.mark.usefixtures("no_smoke")
def test_a_release_is_measured_with_the_settings_it_recorded(trained_settings: Settings, trained_store: Store) -> None:
    changed = trained_settings.model_copy(
        update={"svd_factors": 9, "svd_epochs": 9, "test_share": 0.5, "seed": 77, "relevant_rating": 2.0}
    )
    kept = Registry(trained_settings.releases_dir).active().version
    report, _ = evaluate(changed, trained_store, None, Silent())
    recorded = json.loads((trained_settings.releases_dir / kept / "report.json").read_text())
    assert json.loads(json.dumps(report.to_json())) == recorded
    assert report.relevant_rating == 4.0


@pytest.mark.usefixtures("no_smoke")
def test_a_release_is_measured_by_its_version(trained_settings: Settings, trained_store: Store) -> None:
    first = Registry(trained_settings.releases_dir).active().version
    second = train(trained_settings, trained_store, TrainingRequest(models=("popularity",), activate=False), Silent())
    assert second is not None
    told = Told()
    report, folder = evaluate(trained_settings, trained_store, second.version, told)
    assert folder.name == second.version
    assert list(report.lists) == ["popularity"]
    assert [step for step in told.steps if step.startswith("training")] == [
        f"training popularity on {report.n_train:,} events"
    ]
    report, folder = evaluate(trained_settings, trained_store, first, told)
    assert folder.name == first
    assert list(report.lists) == [*(name for name, kind in MODELS.items() if kind.lists), ENSEMBLE]
    assert list(report.ratings) == [name for name, kind in MODELS.items() if kind.rates]


@pytest.mark.parametrize("version", ["20200101T000000Z-00000000", "..", ""])
def test_an_unknown_version_is_refused_by_name(trained_settings: Settings, trained_store: Store, version: str) -> None:
    with pytest.raises(UnknownName, match="there is no release"):
        evaluate(trained_settings, trained_store, version, Silent())
    assert not trained_settings.reports_dir.exists()


def test_without_a_release_the_error_says_what_to_do(settings: Settings, store: Store) -> None:
    with pytest.raises(NoRelease, match=r"run python train_model\.py"):
        evaluate(settings, store, None, Silent())


def test_a_damaged_release_is_not_measured(trained_settings: Settings, trained_store: Store) -> None:
    version = Registry(trained_settings.releases_dir).active().version
    (trained_settings.releases_dir / version / "report.json").write_text("{}")
    with pytest.raises(ReleaseError, match=r"report\.json was altered or cut"):
        evaluate(trained_settings, trained_store, version, Silent())


def test_a_store_that_was_emptied_since_is_no_data(
    trained_settings: Settings, settings: Settings, store: Store
) -> None:
    with pytest.raises(NoData):
        evaluate(trained_settings, store, None, Silent())


@pytest.mark.usefixtures("no_smoke")
def test_a_release_of_a_file_is_measured_on_that_file(settings: Settings, store: Store, ratings_file: Path) -> None:
    trained = train(settings, store, TrainingRequest(data=ratings_file), Silent())
    assert trained is not None
    record_events(store, [Event("u", "p", EventKind.RATING, 4.0, 100)])
    report, _ = evaluate(settings, store, None, Silent())
    assert report == trained.report
    assert report.n_train + report.n_test == 35


@pytest.mark.usefixtures("no_smoke")
def test_a_release_of_a_file_that_is_gone_says_which_one(settings: Settings, store: Store, ratings_file: Path) -> None:
    trained = train(settings, store, TrainingRequest(data=ratings_file), Silent())
    assert trained is not None
    ratings_file.unlink()
    with pytest.raises(UnusableFile) as raised:
        evaluate(settings, store, None, Silent())
    assert str(ratings_file) in str(raised.value)
    assert trained.version in str(raised.value)
    assert "Put it back, or train again" in str(raised.value)


def test_a_report_that_cannot_be_written_is_one_clear_error(trained_settings: Settings, trained_store: Store) -> None:
    trained_settings.reports_dir.write_text("a file in the way")
    with pytest.raises(AisleError, match="the report could not be written"):
        evaluate(trained_settings, trained_store, None, Silent())
