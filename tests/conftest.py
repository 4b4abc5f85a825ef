"""Shared fixtures: settings of a temporary folder, a small shop, a trained folder, and clients."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import compress, count
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

from app import create_app
from app.background.profile_refresher import ProfileRefresher, profile_job
from app.context import context_of
from app.serving import serving_snapshot
from src.core.progress import Silent
from src.core.settings import Settings, variable_of
from src.models import MODELS
from src.models.settings import read_settings
from src.recommendation.ensemble import ENSEMBLE
from src.releases.manifest import TrainingRecord
from src.releases.registry import Registry
from src.releases.release import Draft
from src.search.encoders.wordllama_encoder import WordLlama
from src.store import Store, open_store
from src.synthetic.shop import SyntheticShop, make_shop
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest
from tests.aisle_context import exchange, launch_trainings

pytest_plugins = ["postgresql"]

# No property test depends on the speed of the machine, and in CI every run draws the same examples.
hypothesis_settings.register_profile(
    "aisle",
    deadline=None,
    derandomize="CI" in os.environ,
    database=None if "CI" in os.environ else hypothesis_settings().database,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("aisle")

WRITE_KEY, ADMIN_KEY = "write-key-of-the-tests", "admin-key-of-the-tests"
QUICK = {
    "svd_factors": 4,
    "svd_epochs": 3,
    "vbmf_factors": 2,
    "vbmf_sweeps": 3,
    "als_factors": 4,
    "als_iterations": 2,
    "spectral_rank": 8,
    "item_graph_neighbours": 10,
    "tune_seconds": 0,
    "prepare_seconds": 0,
    "ranker": "off",
    "background_priority": "normal",  # other tests would leave the lowest priority no processor
}
"""Settings of trainings that take next to no time."""
MakeFolderOnce = Callable[[str, Callable[[Path], object]], Path]
LONGEST = (
    "/e2e/",
    "test_schemathesis_finds_nothing",
    "test_fused_search_of_real",
    "test_doors.py",
    "interrupted_loads",
)
"""Parts of the names of tests that take about ten seconds: at the end all other processes would wait for them."""
AS_WRITER, AS_ADMIN = {"Authorization": f"Bearer {WRITE_KEY}"}, {"Authorization": f"Bearer {ADMIN_KEY}"}


def pytest_configure(config: pytest.Config) -> None:
    """Let each process of pytest-xdist collect other files first, and find the rest compiled by the others."""
    gc.disable()  # until everything is collected, of which nothing is garbage
    worker = getattr(config, "workerinput", None)
    if worker is not None and config.args == config.getini("testpaths"):
        files = sorted(str(path) for path in Path(__file__).parent.rglob("test_*.py"))
        begin = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
        config.args = files[begin:] + files[:begin]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each process of pytest-xdist begin with its share of the longest tests; then file by file."""
    items.sort(key=lambda item: ("fresh_machine" not in item.nodeid, str(item.path)))
    is_long = [any(name in item.nodeid for name in LONGEST) for item in items]
    longest = list(compress(items, is_long))
    others = [item for item, long in zip(items, is_long, strict=True) if not long]
    n = getattr(config, "workerinput", {}).get("workercount", 1)
    # At the start a process gets the next n-th of the list.
    ends = [len(items) * worker // n for worker in range(n + 1)]
    shares = [longest[worker::n] for worker in range(n)]
    items.clear()
    for share, begin, end in zip(shares, ends, ends[1:], strict=False):
        n_others = end - begin - len(share)
        items += share + others[:n_others]
        del others[:n_others]


def pytest_xdist_auto_num_workers() -> int:
    """Two more processes than there are cores, as tests of processes wait for most of their time."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_finish() -> None:
    """Keep modules and collected tests, which live as long as the process, out of every garbage collection."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_the_environment() -> Iterator[None]:
    """Remove every setting of this machine, so that tests see the defaults."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in list(os.environ):
            if name.startswith("AISLE_") or name == "PORT":
                monkeypatch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _wait_for_no_disk() -> Iterator[None]:
    """Leave the time of writing to the operating system: tests kill processes, and cut no power."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("src.store.database.SYNCHRONOUS", "OFF")
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_rest_after_a_slow_reading() -> Iterator[None]:
    """Let changes of products be seen at once: after a reading that a busy machine made slow, none is for a while."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(serving_snapshot, "_QUICK_SECONDS", float("inf"))
        yield


def small_settings(var: Path, **changes: Any) -> Settings:
    """Settings of a small, quick training in a folder of its own, with keys."""
    wanted = {"cache_seconds": 60, "scheduler": "off", "write_keys": WRITE_KEY, "admin_keys": ADMIN_KEY}
    wanted |= {"admin_rate_limit": "", "wrong_keys_limit": ""}  # tests ask more than people do
    return read_settings(**{"var": var, **QUICK, **wanted, **changes})


@pytest.fixture
def as_environment() -> Callable[[Settings], dict[str, str]]:
    """Return the quick settings of a folder as environment variables for another process."""

    def write_down(settings: Settings) -> dict[str, str]:
        return {variable_of(name): str(getattr(settings, name)) for name in ("var", *QUICK)}

    return write_down


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose var folder is empty."""
    return small_settings(tmp_path / "var")


@pytest.fixture
def opened() -> Iterator[Callable[[Settings], Store]]:
    """Opens stores, and closes them at the end of the test."""
    stores: list[Store] = []

    def open_one(settings: Settings) -> Store:
        stores.append(open_store(settings.store_url))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(settings: Settings, opened: Callable[[Settings], Store]) -> Store:
    """The empty store of `settings`."""
    return opened(settings)


@pytest.fixture(scope="session")
def small_shop() -> SyntheticShop:
    """A small shop; its products are marked real, so that loading a file does not remove them."""
    made = make_shop(n_users=60, n_products=40)
    return SyntheticShop([replace(product, made_up=False) for product in made.products], made.events)


@pytest.fixture(scope="session")
def shop(small_shop: SyntheticShop) -> SyntheticShop:
    """The small shop; folders of tests may have another one of this name."""
    return small_shop


@pytest.fixture(scope="session")
def make_folder_once(tmp_path_factory: pytest.TempPathFactory) -> MakeFolderOnce:
    """Fill a folder once for all workers of pytest-xdist: (name, fill) → the folder. Tests only read it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder, is_complete = base / name, base / f"{name}.complete"
        with FileLock(base / f"{name}.lock"):
            if not is_complete.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                is_complete.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def trained_var(small_shop: SyntheticShop, make_folder_once: MakeFolderOnce) -> Path:
    """A var folder with the small shop and one active release. Read only: take trained_settings to change it."""

    def fill(folder: Path) -> None:
        settings = small_settings(folder / "var")
        store = open_store(settings.store_url)
        store.products.add(small_shop.products)
        store.events.add(small_shop.events)
        train(settings, store, TrainingRequest(), Silent())
        store.close()

    return make_folder_once("trained", fill) / "var"


@pytest.fixture
def trained_settings(trained_var: Path, tmp_path: Path) -> Settings:
    """Settings whose var folder is a copy of the trained one."""
    return small_settings(Path(shutil.copytree(trained_var, tmp_path / "trained_var")))


@pytest.fixture
def trained_store(trained_settings: Settings, opened: Callable[[Settings], Store]) -> Store:
    """The store of `trained_settings`."""
    return opened(trained_settings)


class CompiledTemplates(BytecodeCache):
    """Cache of compiled templates for all applications: compiling takes 0.2 s, most of the time of a page test."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._held:
            bucket.bytecode_from_string(self._held[bucket.key])  # nothing, if the template is another one by now

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._held[bucket.key] = bucket.bytecode_to_string()


COMPILED = CompiledTemplates()


@pytest.fixture(scope="session", autouse=True)
def _compile_routes_once() -> Iterator[None]:
    """Keep the functions that Werkzeug compiles for a route: they take half of the time of building an application."""
    compile_builder, held = Rule._compile_builder, dict[object, Callable[..., Any]]()

    def compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        made_of = (tuple(rule._trace), repr(rule.defaults), append_unknown)
        if made_of not in held:
            held[made_of] = compile_builder(rule, append_unknown)
        return held[made_of]

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Rule, "_compile_builder", compile_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _open_tokenizer_once() -> Iterator[None]:
    """Keep the tokenizer, which each training and each application opens: it takes a tenth of a small training."""
    opening, held = WordLlama.tokenizer, dict[Path, Any]()
    open_one = opening.func

    def open_once(encoder: WordLlama) -> Any:
        if encoder.tokenizer_file not in held:
            held[encoder.tokenizer_file] = open_one(encoder)
        return held[encoder.tokenizer_file]

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(opening, "func", open_once)
        yield


@contextmanager
def app_builder() -> Iterator[Callable[[Settings], Flask]]:
    """Build applications that start no process; close their stores at the end."""
    apps: list[Flask] = []

    def no_process(command: Sequence[str], *_: Any) -> Any:
        raise OSError(0, f"no test starts a process without saying so: {command}")

    def build(settings: Settings) -> Flask:
        apps.append(create_app(settings))
        apps[-1].jinja_env.bytecode_cache = COMPILED
        job = replace(profile_job(settings), launch=no_process)
        launch_trainings(apps[-1], no_process)
        exchange(apps[-1], profile_refresher=ProfileRefresher(settings, context_of(apps[-1]).store, job))
        return apps[-1]

    yield build
    for app in apps:
        context_of(app).store.close()


@pytest.fixture
def make_app() -> Iterator[Callable[[Settings], Flask]]:
    """Builds applications, and closes their stores at the end of the test."""
    with app_builder() as build:
        yield build


@pytest.fixture(scope="module")
def shared_app(trained_var: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One application, shared by the tests of a file that change neither its store nor its release."""
    with app_builder() as build:
        yield build(small_settings(Path(shutil.copytree(trained_var, tmp_path_factory.mktemp("shared") / "var"))))


@pytest.fixture
def flask_app(trained_settings: Settings, make_app: Callable[[Settings], Flask]) -> Flask:
    """The application over the trained folder."""
    return make_app(trained_settings)


@pytest.fixture
def client(flask_app: Flask) -> FlaskClient:
    """A client of the application over the trained folder."""
    return flask_app.test_client()


@pytest.fixture
def reader(shared_app: Flask) -> FlaskClient:
    """A client of `shared_app`, for a test that changes nothing."""
    return shared_app.test_client()


@pytest.fixture
def untrained_client(settings: Settings, make_app: Callable[[Settings], Flask]) -> FlaskClient:
    """A client of an application with an empty store and no release."""
    return make_app(settings).test_client()


@pytest.fixture
def no_smoke(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the smoke test of registries, which takes two seconds and has tests of its own."""
    monkeypatch.setattr(Registry, "_smoke_test", lambda self, version: None)


def publisher(settings: Settings) -> Callable[..., str]:
    """Publishes the models of a trained folder once more, an hour later each time: (default, models) → version."""
    registry = Registry(settings.releases_dir, keep=50)
    original = registry.active()
    hours = count(1)

    def publish(
        default: str = "popularity", *, models: tuple[str, ...] = (*MODELS, ENSEMBLE), activate: bool = True
    ) -> str:
        held = {name: original.pipeline.models[name] for name in models}
        its = original.manifest
        about = TrainingRecord(data=its.data, settings=its.settings, metrics=its.metrics, summary=its.summary)
        rater = original.pipeline.rater if original.pipeline.rater in held else None
        draft = Draft(replace(original.pipeline, models=held, default=default, rater=rater), about)
        hour = next(hours)
        version = registry.publish(draft, f"{hour:012d}", datetime.now(UTC) + timedelta(hours=hour))
        if activate:
            registry.activate(version)
        return version

    return publish


@pytest.fixture
def publish_again(trained_settings: Settings, no_smoke: None) -> Callable[..., str]:
    """The `publisher` of `trained_settings`."""
    return publisher(trained_settings)


@pytest.fixture
def as_writer() -> dict[str, str]:
    """Headers with a key for writing."""
    return dict(AS_WRITER)


@pytest.fixture
def as_admin() -> dict[str, str]:
    """Headers with the admin's key."""
    return dict(AS_ADMIN)


@pytest.fixture
def is_problem() -> Callable[[Any, int], dict[str, Any]]:
    """Asserts that an answer is an RFC 9457 problem of this status without a traceback; returns its body."""

    def check(answer: Any, status: int) -> dict[str, Any]:
        assert answer.status_code == status, answer.get_data(as_text=True)
        assert answer.mimetype == "application/problem+json"
        body: dict[str, Any] = answer.get_json()
        assert body["status"] == status
        assert body["type"] == "about:blank"
        assert body["title"]
        assert len(body["detail"]) < 2_000
        text = answer.get_data(as_text=True)
        assert "Traceback" not in text
        assert ".py" not in text.replace("train_model.py", "").replace("data_processing.py", "").replace("run.py", "")
        return body

    return check
