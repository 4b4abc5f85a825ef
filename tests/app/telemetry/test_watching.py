"""The dashboard and the alerts for an operations team name metrics that exist, and /metrics carries quality."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app.context import context_of
from app.telemetry import metrics
from app.telemetry.metric_files import Metric
from app.telemetry.served_lists import ServedListLog
from src.core.errors import StoreError
from src.core.records import Score
from src.exploration.earnings import DayEarnings, Earnings
from src.workflows import shop_figures

ROOT = Path(__file__).resolve().parents[3]
ALERTS, DASHBOARD = ROOT / "deploy/prometheus/alerts.yaml", ROOT / "deploy/grafana/aisle.json"
CASES = ALERTS.with_name("alerts_test.yaml")
MANUAL = ROOT / "docs/operations/alerts.md"


@pytest.fixture
def lively(client: FlaskClient, flask_app: Flask) -> FlaskClient:
    """A service whose release was scored on new events, and in whose shop purchases followed recommendations."""
    aisle = context_of(flask_app)
    for at in range(5):
        found = 0.3 if at < 4 else 0.1
        score = Score(at, "r", n_events=90, n_users=50, ndcg_at_10=found, ndcg_high=found, coverage=0.5, rmse=1.0)
        aisle.store.runs.save_score(score)
    today = 20_000
    days = [DayEarnings(day, 7, 70.0, 2, 20.0, 5, {}, 0) for day in (today - 10, today - 1, today)]
    earned = Earnings(days, 7, 1, 1, counted_at=today * 86_400)
    path = aisle.settings.directory_dir / shop_figures.EARNINGS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(earned.to_json()))
    return client


def names_of(text: str) -> set[str]:
    families = list(text_string_to_metric_families(text))
    empty = {family.name for family in families if family.type == "gauge"}
    return empty | {sample.name for family in families for sample in family.samples}


def test_metrics_carry_the_quality_of_lists(lively: FlaskClient) -> None:
    lines = lively.get("/metrics").text.splitlines()
    assert {
        "aisle_score_ndcg_at_10 0.1",
        "aisle_score_coverage 0.5",
        "aisle_drift 1.0",
        "aisle_week_purchases 14.0",
        "aisle_week_attributed 4.0",
        "aisle_week_clicks 10.0",
    } <= set(lines)
    assert any(line.startswith("aisle_release_ndcg_at_10 0.") for line in lines)


def test_without_the_store_metrics_are_answered_too(
    client: FlaskClient, flask_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> object:
        raise StoreError("gone")

    runs = context_of(flask_app).store.runs
    for name in ("scores", "count_by_status"):
        monkeypatch.setattr(runs, name, fail)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert "aisle_store_up 0.0" in answer.text


def test_every_metric_that_the_dashboard_and_the_alerts_name_exists(lively: FlaskClient) -> None:
    counted = [value for value in vars(metrics).values() if isinstance(value, Metric)]
    known = names_of(lively.get("/metrics").text) | {"aisle_shared_releases_up"}
    known |= {"aisle_runs_total", "aisle_run_last_seconds"}  # of runs
    for metric in counted:
        ends = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("_total",)
        known |= {metric.name + end for end in ends}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    named = set(re.findall(r"aisle_\w+", "\n".join([*expressions, *re.findall("expr: (.*)", ALERTS.read_text())])))
    assert named - known == set()
    assert len(named) > 20
    assert set(re.findall(r"aisle_\w+", CASES.read_text())) <= known


def test_every_alert_has_a_section_of_the_handbook() -> None:
    alerts = re.findall(r"alert: (\w+)", ALERTS.read_text())
    assert alerts == re.findall(r"^## (\w+)$", MANUAL.read_text(), re.MULTILINE)


def test_every_alert_has_a_case_where_it_fires_and_one_where_it_does_not() -> None:
    cases = [case for test in yaml.safe_load(CASES.read_text())["tests"] for case in test["alert_rule_test"]]
    for alert in re.findall(r"alert: (\w+)", ALERTS.read_text()):
        assert {bool(case["exp_alerts"]) for case in cases if case["alertname"] == alert} == {True, False}


def test_what_alerts_count_begins_at_zero(client: FlaskClient, flask_app: Flask) -> None:
    """Prometheus sees no increase in a series whose first value is that of the first failure."""
    aisle = context_of(flask_app)
    log = ServedListLog(aisle.settings.model_copy(update={"log_served": "on"}), aisle.store, aisle.metrics)
    log.run()
    log.stop()
    lines = client.get("/metrics").text.splitlines()
    assert {'aisle_runs_total{status="failed"} 0.0', "aisle_served_lists_dropped_total 0.0"} <= set(lines)


@pytest.mark.parametrize("arguments", [("check", "rules", ALERTS), ("test", "rules", CASES)], ids=["read", "fire"])
def test_prometheus_reads_the_alerts_and_they_fire_where_they_should(arguments: tuple[str, str, Path]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: apt-get install prometheus")
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
