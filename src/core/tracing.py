"""Traces by OpenTelemetry, where AISLE_TRACES_URL names a collector; without it nothing is imported or recorded.

A span has a name and times, and attributes that name no person: route, method, status, release.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from src.core.errors import ConfigError

_OFF: AbstractContextManager[Any] = nullcontext()
_tracer: Any = None
_provider: Any = None


def start_tracing(url: str, service: str, exporter: Any = None) -> None:
    """Record the spans of this process from now on; call it after the fork, as a thread sends them.

    Args:
        url: Of a collector that takes OTLP over HTTP; "" for none.
        service: Name of this part, "aisle" or "aisle-training".
        exporter: Takes the spans in place of the collector, in tests.

    Raises:
        ConfigError: OpenTelemetry is not installed.
    """
    global _tracer, _provider
    if not url or _tracer is not None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError(
            f"AISLE_TRACES_URL needs OpenTelemetry ({error}). Expected it installed: pip install -r "
            "requirements-scale.txt."
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter(endpoint=url)))
    _tracer, _provider = provider.get_tracer("aisle"), provider


def stop_tracing() -> None:
    """Send what is recorded, and record nothing more."""
    global _tracer, _provider
    provider, _tracer, _provider = _provider, None, None
    if provider is not None:
        provider.shutdown()


def is_tracing() -> bool:
    """Whether spans are recorded."""
    return _tracer is not None


def span(name: str) -> AbstractContextManager[Any]:
    """Return a span for a with statement, a child of the one around it; a shared nothing while tracing is off."""
    return _OFF if _tracer is None else _tracer.start_as_current_span(name)


def request_span(method: str, traceparent: str | None) -> AbstractContextManager[Any]:
    """Return the span of a request, the child of the sender's.

    Args:
        method: Of the request.
        traceparent: The header of that name (W3C Trace Context); None without one.

    Returns:
        As `span`.
    """
    if _tracer is None:
        return _OFF
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    sender = TraceContextTextMapPropagator().extract({"traceparent": traceparent}) if traceparent else None
    started: AbstractContextManager[Any] = _tracer.start_as_current_span(f"request {method}", context=sender)
    return started


def describe_span(attributes: Mapping[str, str | int]) -> None:
    """Add attributes to the span around the call."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span

        get_current_span().set_attributes(attributes)


def trace_steps(name: str, steps: Iterable[tuple[str, float]]) -> None:
    """Record steps that followed each other and end now.

    Args:
        name: Of the whole.
        steps: Name and seconds of each, in their order.
    """
    if _tracer is None:
        return
    from opentelemetry.trace import set_span_in_context

    steps = list(steps)
    at = time.time_ns() - round(1e9 * sum(seconds for _, seconds in steps))
    whole = _tracer.start_span(name, start_time=at)
    for step, seconds in steps:
        part = _tracer.start_span(step, context=set_span_in_context(whole), start_time=at)
        at += round(1e9 * seconds)
        part.end(at)
    whole.end(at)
