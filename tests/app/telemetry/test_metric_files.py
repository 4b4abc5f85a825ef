"""Metric files have the format of prometheus-client.

A new version of the library that changes the format, or one of the parts, fails here and not in a running shop.
"""

from __future__ import annotations

import ast
import json
import struct
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

from app.telemetry import metric_files
from app.telemetry.metrics import BUCKETS, REQUESTS, SECONDS, Metrics

APP = Path(__file__).resolve().parents[3] / "app"


def counted(folder: Path) -> Path:
    """Count some requests; return the folder of this host with its files."""
    metrics = Metrics(folder)
    for status in ("200", "200", "404"):
        metrics.add(REQUESTS, "/search", "POST", status)
    metrics.observe(SECONDS, "/search", seconds=[0.003])
    metrics.observe(SECONDS, "/search", seconds=[0.7])
    metrics.close()
    return metrics.folder


def test_the_documented_collector_reads_the_files(tmp_path: Path) -> None:
    """The library's documentation names MultiProcessCollector(registry, path)."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(counted(tmp_path)))
    labels = {"route": "/search", "method": "POST"}
    assert registry.get_sample_value("aisle_requests_total", labels | {"status": "200"}) == 2
    assert registry.get_sample_value("aisle_requests_total", labels | {"status": "404"}) == 1
    assert registry.get_sample_value("aisle_request_seconds_count", {"route": "/search"}) == 2
    assert registry.get_sample_value("aisle_request_seconds_sum", {"route": "/search"}) == 0.703
    buckets = {
        upper: registry.get_sample_value("aisle_request_seconds_bucket", {"route": "/search", "le": upper})
        for upper in ("0.0025", "0.005", "0.5", "1.0", "+Inf")
    }
    assert buckets == {"0.0025": 0, "0.005": 1, "0.5": 1, "1.0": 2, "+Inf": 2}


def test_the_documented_collector_and_ours_agree(tmp_path: Path) -> None:
    folder = counted(tmp_path)
    documented = MultiProcessCollector(CollectorRegistry(), path=str(folder)).collect()
    ours = metric_files.read_metrics(folder)
    assert len(ours) == 2
    assert {family.name: sorted(family.samples, key=str) for family in ours} == {
        family.name: sorted(family.samples, key=str) for family in documented
    }


def test_a_file_is_a_length_and_entries_of_key_value_and_time(tmp_path: Path) -> None:
    """A file is parsed by hand, to notice a change of the library's format."""
    (path,) = counted(tmp_path).glob("counter_*.db")
    content = path.read_bytes()
    (used,) = struct.unpack_from("i", content, 0)
    position, entries = 8, {}
    while position < used:
        (length,) = struct.unpack_from("i", content, position)
        key = json.loads(content[position + 4 : position + 4 + length])
        position += 4 + length + 8 - (length + 4) % 8
        entries[key[2]["status"]] = (key[:2], *struct.unpack_from("dd", content, position))
        position += 16
    name = ["aisle_requests", "aisle_requests_total"]
    assert entries == {"200": (name, 2.0, 0.0), "404": (name, 1.0, 0.0)}


def test_the_inner_parts_of_the_library_are_called_as_before(tmp_path: Path) -> None:
    key = mmap_key("a", "a_total", ["route"], ["/"], "Help.")
    assert json.loads(key) == ["a", "a_total", {"route": "/"}, "Help."]
    file = MmapedDict(str(tmp_path / "counter_1.db"))
    assert file.read_value(key) == (0.0, 0.0)
    file.write_value(key, 2.5, 0.0)
    assert list(file.read_all_values()) == [(key, 2.5, 0.0)]
    file.close()
    assert [entry[:2] for entry in MmapedDict.read_all_values_from_file(str(tmp_path / "counter_1.db"))] == [(key, 2.5)]
    assert BUCKETS[-1] == float("inf")


def test_only_one_module_uses_parts_that_the_documentation_does_not_name() -> None:
    inner = {"prometheus_client.mmap_dict", "prometheus_client.multiprocess", "prometheus_client.values"}
    users = {
        path.relative_to(APP).as_posix()
        for path in APP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in inner
    }
    assert users == {"telemetry/metric_files.py"}
