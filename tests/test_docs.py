"""The documents are correct: settings, links, commands, curl lines."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from src.core.settings import variable_of
from src.models import MODELS
from src.models.settings import AllSettings
from src.store import Store
from tests.curl import curl_lines, shop_of_examples
from tests.forked import run_script

ROOT = Path(__file__).resolve().parent.parent
PAPERS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/operations").glob("*.md")]
TEXTS = {path: path.read_text(encoding="utf-8") for path in PAPERS}
README, SETTINGS = TEXTS[ROOT / "README.md"], TEXTS[ROOT / "docs/settings.md"]
TOUR = [ROOT / "README.md", *(ROOT / "docs" / f"{topic}.md" for topic in ("lists", "search", "events", "retraining"))]
DOORS = ("data_processing.py", "train_model.py", "evaluate_model.py", "run.py")


@pytest.mark.parametrize("name", AllSettings.model_fields)
def test_every_setting_is_documented_with_its_default_and_meaning(name: str) -> None:
    field = AllSettings.model_fields[name]
    default = json.dumps(field.default) if isinstance(field.default, dict) else str(field.default)
    shown = f"`{default}`" if default else "–"
    assert f"| `{variable_of(name)}` | {shown} | {field.description} |" in SETTINGS


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 250


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_no_document_names_a_setting_that_does_not_exist(paper: Path) -> None:
    known = {variable_of(name) for name in AllSettings.model_fields} | {"AISLE_TEST_BROWSER"}
    assert set(re.findall(r"AISLE_[A-Z_]*[A-Z]", TEXTS[paper])) <= known


def anchor(heading: str) -> str:
    """The address of a heading, as a web page of the repository makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_links_inside_the_project_lead_somewhere(paper: Path) -> None:
    broken = []
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", TEXTS[paper]):
        name, _, heading = target.partition("#")
        file = paper.parent / name if name else paper
        headings = re.findall(r"^#+ (.+)$", TEXTS.get(file.resolve(), ""), re.MULTILINE)
        if not file.exists() or (heading and heading not in map(anchor, headings)):
            broken.append(target)
    assert broken == []


def test_every_decision_has_a_number_of_its_own() -> None:
    papers = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in papers]
    assert numbers == list(range(1, len(papers) + 1))
    titles = [path.read_text(encoding="utf-8").splitlines()[0] for path in papers]
    assert [title.split(".")[0] for title in titles] == [f"# {number}" for number in numbers]


@pytest.mark.parametrize("door", DOORS)
def test_commands_use_options_that_exist(door: str, tmp_path: Path) -> None:
    said = run_script(ROOT / door, "--help", folder=tmp_path, environment=os.environ).stdout
    assert said.startswith("usage: ")
    commands = [command for text in TEXTS.values() for command in re.findall(rf"{door}([^`\n]*)", text)]
    used = {option for command in commands for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", command)}
    assert used - set(re.findall(r"--[a-z][a-z-]*", said)) == set()


def test_every_module_of_the_house_is_on_the_plan() -> None:
    plan = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    modules = [path for folder in ("src", "app") for path in (ROOT / folder).rglob("*.py") if path.stem != "__init__"]
    modules = [path for path in modules if path.parent.name != "versions"]  # migrations of the store
    assert [path.stem for path in modules if path.stem.removesuffix("_words") not in plan] == []
    assert set(MODELS) <= set(re.findall(r"\w+", plan))


def test_nothing_reads_or_writes_pickles() -> None:
    sources = [path for folder in ("src", "app", "bench") for path in (ROOT / folder).rglob("*.py")]
    found = [
        path.name
        for path in [*sources, *ROOT.glob("*.py")]
        if re.search(
            r"^\s*(import|from) (pickle|dill|joblib|shelve)\b|allow_pickle=True", path.read_text(), re.MULTILINE
        )
    ]
    assert found == []


@pytest.mark.parametrize("paper", TOUR, ids=lambda path: path.name)
def test_every_curl_line_works(
    paper: Path,
    flask_app: Flask,
    as_writer: dict[str, str],
    as_admin: dict[str, str],
    publish_again: Callable[..., str],
    trained_store: Store,
) -> None:
    """The lines as they stand, sent to the application without a network in between."""
    shop = shop_of_examples(flask_app, trained_store, publish_again, as_writer, as_admin)
    lines = curl_lines(TEXTS[paper])
    assert lines
    for line in lines:
        answer = shop.send(line)
        assert answer.status_code in (200, 201, 202), (line, answer.text)
        assert answer.is_json
