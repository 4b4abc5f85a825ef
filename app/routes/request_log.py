"""Record every request: its id, a log line, metrics, the lists it was answered with; answer GET /metrics."""

from __future__ import annotations

import os
import re
import secrets
import socket
import time
from collections import Counter
from collections.abc import Iterator

from flask import Flask, Response, g, has_request_context, request
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from app.context import AisleContext, current_aisle
from app.routes.shadows import shadow_report
from app.schemas import SANE_REQUEST_ID
from app.serving.recommender import Recommender
from app.telemetry.metrics import CONTENT_TYPE
from app.telemetry.request_records import RequestRecord
from app.views.finding_records import update_findings
from app.views.findings import Level
from src.core.errors import StoreError
from src.core.ids import MAX_ID_LENGTH
from src.core.log_format import configure_logging
from src.core.settings import Settings
from src.core.shadows import ALL
from src.store import Store

REQUEST_ID = "X-Request-Id"
_SANE = re.compile(SANE_REQUEST_ID)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_UNKNOWN_ROUTE, _OTHER_METHOD = "none", "other"


def observe(app: Flask) -> None:
    """Record the requests of an application. Call it before any other hook is added."""
    app.before_request(_begin)
    app.after_request(_end)


def write_logs(settings: Settings) -> None:
    """Configure the log of this process; its lines carry the id of the request that they belong to."""
    configure_logging(settings.log_format, _request_id, settings.log_ids == "on")


def _request_id() -> str | None:
    return g.get("request_id") if has_request_context() else None


def _begin() -> None:
    g.began = time.perf_counter()
    g.request_id = id_of_request(request.headers.get(REQUEST_ID))


def id_of_request(given: str | None) -> str:
    """Return the id that a client has given to its request if it can do no harm, else a new one."""
    return given if given is not None and _SANE.fullmatch(given) else secrets.token_hex(12)


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    aisle = current_aisle()
    record = RequestRecord(
        at=time.time(),
        method=request.method if request.method in _METHODS else _OTHER_METHOD,
        route=request.url_rule.rule if request.url_rule else _UNKNOWN_ROUTE,
        status=response.status_code,
        seconds=time.perf_counter() - g.began,
        request_id=g.request_id,
        release=response.headers.get("X-Release"),
        shown=g.get("shown", ()) if response.status_code < 400 else (),
        more={"user_id": _user_id()} if aisle.settings.log_ids == "on" else None,
    )
    aisle.request_records.put(record)
    return response


def _user_id() -> str | None:
    """Return the user that the request names; None without one."""
    body = request.get_json(silent=True) if request.is_json else None
    user_id = body.get("user_id") if isinstance(body, dict) else request.args.get("user_id")
    return str(user_id)[:MAX_ID_LENGTH] if isinstance(user_id, str | int) else None


def metrics() -> Response:
    """Answer with the metrics of all workers of this host and of the runs in the store."""
    aisle = current_aisle()
    aisle.request_records.flush()
    more = [*_worker_families(aisle.recommender), *_run_families(aisle.store), _finding_family(aisle)]
    more += _shadow_families(aisle)
    return Response(aisle.metrics.text(more), content_type=CONTENT_TYPE)


def _worker_families(recommender: Recommender) -> Iterator[Family]:
    """Yield the number of workers by release, of this host alone: Prometheus asks every host."""
    host = socket.gethostname()
    local = [worker for worker in recommender.workers() if worker["host"] == host and _is_alive(worker["pid"])]
    by_release = Counter(worker["release"] or "" for worker in local)
    family = GaugeMetricFamily("aisle_release_info", "Workers that serve a release.", labels=["version"])
    for version, workers in sorted(by_release.items()):
        family.add_metric([version], workers)
    yield family


def _finding_family(aisle: AisleContext) -> Family:
    """Return the number of unresolved findings by level and state."""
    family = GaugeMetricFamily("aisle_findings", "Unresolved findings.", labels=["level", "state"])
    counts = Counter((Level(record.level).name.lower(), record.state.value) for record in update_findings(aisle))
    for labels, count in sorted(counts.items()):
        family.add_metric(list(labels), count)
    return family


def _shadow_families(aisle: AisleContext) -> list[Family]:
    """Return the counts and the agreement of the shadow that began last; nothing if there was none."""
    try:
        report = shadow_report(aisle)
    except StoreError:
        return []
    lists = CounterMetricFamily("aisle_shadow_lists", "Lists for the shadow.", labels=["release", "result"])
    agreement = GaugeMetricFamily(
        "aisle_shadow_agreement", "Mean rank-biased overlap.", labels=["release", "served_by"]
    )
    whole = [each for each in report["slices"] if each["slice"] == ALL]
    counts = {
        "compared": sum(each["lists"] for each in whole),
        "dropped": report["dropped"],
        "failed": report["failed"],
    }
    for result, count in counts.items() if report["release"] else ():
        lists.add_metric([report["release"], result], count)
    for each in whole:
        agreement.add_metric([report["release"], each["served_by"]], each["agreement"])
    return [lists, agreement] if report["release"] else []


def _is_alive(pid: int) -> bool:
    """Return whether a process exists; the status file of a killed worker stays for some seconds."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _run_families(store: Store) -> Iterator[Family]:
    """Yield whether the store answers, and its runs by status."""
    answers = GaugeMetricFamily("aisle_store_up", "Whether the store answers.")
    try:
        outcomes = store.runs.count_by_status()
    except StoreError:
        answers.add_metric([], 0)
        yield answers
        return
    answers.add_metric([], 1)
    yield answers
    runs = CounterMetricFamily("aisle_runs", "Trainings, by how they ended.", labels=["status"])
    last = GaugeMetricFamily("aisle_run_last_seconds", "When one last ended so, UTC seconds.", labels=["status"])
    for outcome in outcomes:
        runs.add_metric([outcome.status.value], outcome.count)
        if outcome.last_at is not None:
            last.add_metric([outcome.status.value], outcome.last_at)
    yield from (runs, last)
