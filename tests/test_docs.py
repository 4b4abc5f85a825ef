"""What the papers say is so."""

from __future__ import annotations

import json
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

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAPERS = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/http.md")]


@pytest.mark.parametrize("name", AllSettings.model_fields)
def test_every_setting_stands_in_the_readme_with_its_default_and_meaning(name: str) -> None:
    field = AllSettings.model_fields[name]
    default = json.dumps(field.default) if isinstance(field.default, dict) else str(field.default)
    shown = f"`{default}`" if default else "–"
    assert f"| `{variable_of(name)}` | {shown} | {field.description} |" in README


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    known = {variable_of(name) for name in AllSettings.model_fields}
    assert set(re.findall(r"AISLE_[A-Z_]+", README)) <= known


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_links_inside_the_project_lead_somewhere(paper: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", paper.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (paper.parent / target).exists()]
    assert missing == []


def test_every_module_of_the_house_is_on_the_plan() -> None:
    plan = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    modules = [path for folder in ("src", "app") for path in (ROOT / folder).rglob("*.py") if path.stem != "__init__"]
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


def test_every_curl_of_the_readme_works(
    flask_app: Flask,
    as_writer: dict[str, str],
    as_admin: dict[str, str],
    publish_again: Callable[..., str],
    trained_store: Store,
) -> None:
    """The lines as they stand, sent to the application without a network in between."""
    shop = shop_of_examples(flask_app, trained_store, publish_again, as_writer, as_admin)
    lines = curl_lines(README)
    assert len(lines) >= 15
    for line in lines:
        answer = shop.send(line)
        assert answer.status_code in (200, 201, 202), (line, answer.text)
        assert answer.is_json
