"""Traces: a request with its parts, the steps of a training; nothing is imported or kept where they are off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from src.core.tracing import span, start_tracing, stop_tracing, trace_steps

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    made = InMemorySpanExporter()
    start_tracing("http://collector.invalid/v1/traces", "aisle", made)
    yield made
    stop_tracing()


def spans(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    stop_tracing()
    return {each.name: each for each in exporter.get_finished_spans()}


def test_a_request_is_traced_with_its_parts_below_the_senders_span(
    client: FlaskClient, exporter: InMemorySpanExporter
) -> None:
    trace, sender = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    answer = client.post(
        "/recommend", json={"user_id": "U00003", "n": 5}, headers={"traceparent": f"00-{trace}-{sender}-01"}
    )
    assert answer.status_code == 200
    found = spans(exporter)
    assert {"request POST", "store", "list", "candidates", "ranking", "response"} <= set(found)
    request = found["request POST"]
    assert request.parent is not None
    assert (format(request.context.trace_id, "032x"), format(request.parent.span_id, "016x")) == (trace, sender)
    assert request.attributes is not None
    assert (request.attributes["route"], request.attributes["status"]) == ("/recommend", 200)
    parents = {name: each.parent.span_id for name, each in found.items() if each.parent}
    assert parents["store"] == parents["list"] == request.context.span_id
    assert parents["candidates"] == found["list"].context.span_id
    assert "U00003" not in "".join(each.to_json() for each in found.values())


def test_a_request_that_flask_answers_names_its_route_and_not_its_path(
    client: FlaskClient, exporter: InMemorySpanExporter
) -> None:
    client.get("/recommend?user_id=U00003")
    request = spans(exporter)["request GET"]
    assert request.attributes is not None
    assert request.attributes["route"] == "/recommend"


def test_the_steps_of_a_training_follow_each_other(exporter: InMemorySpanExporter) -> None:
    trace_steps("training", [("reading", 2.0), ("fitting", 3.0)])
    found = spans(exporter)
    assert found["reading"].end_time == found["fitting"].start_time
    assert (found["training"].start_time, found["training"].end_time) == (
        found["reading"].start_time,
        found["fitting"].end_time,
    )


def test_nothing_is_imported_where_tracing_is_off() -> None:
    assert span("a") is span("b")
    code = (
        "import sys; from app import create_app; from src.core.tracing import request_span, start_tracing\n"
        "start_tracing('', 'aisle')\nwith request_span('GET', 'x'): pass\n"
        "assert not [name for name in sys.modules if name.startswith(('opentelemetry', 's3fs', 'botocore'))]"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
