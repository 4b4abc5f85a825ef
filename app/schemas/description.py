"""Make the OpenAPI document: that of flask-openapi3, corrected and completed."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from types import ModuleType
from typing import Any

from flask import Flask
from pydantic import BaseModel

from app import problem_json, schemas
from app.problem_json import problems_of
from app.schemas import (
    admin,
    canaries,
    estimates,
    events,
    experiments,
    list_answers,
    lists,
    people,
    replays,
    running,
    shadows,
)
from app.schemas.example import Example
from app.schemas.examples import EXAMPLES
from app.security.api_keys import SETTINGS, AccessControl, Keys, Role
from src.core.settings import Settings
from src.ingestion.event_formats import MAX_EVENTS

_REFERENCE = "#/components/schemas/{model}"
_ALWAYS = {"Problem", "FieldError", "EventBody"}
_PUBLIC_NAMES = {"ExclusionReason": "WhyNot"}
"""Class → the name of its schema, which generated clients use and which therefore outlives a class name."""
_MODULES: tuple[ModuleType, ...] = (
    schemas,
    lists,
    list_answers,
    events,
    admin,
    running,
    experiments,
    estimates,
    people,
    replays,
    canaries,
    shadows,
    problem_json,
)
_ABOUT = """Product recommendations that a shop can run itself.

Ids are strings in every answer; where an id is asked for, a JSON integer will do. Every error is a problem
(`application/problem+json`, RFC 9457) that says what was found, what was expected and what to do next."""
_TAGS = {
    "lists": "What to show to somebody, or beside a product.",
    "search": "Products for a text.",
    "catalogue": "What the shop has.",
    "events": "What users did.",
    "trainings": "Making a new release out of all that is known.",
    "releases": "Which release is served.",
    "running the shop": "Its rules, what is to be checked, and what was done with a key.",
    "experiments": "Whether another way of making lists earns more.",
    "people": "What is known of one user, and its erasure.",
    "health": "Whether all is well.",
}
_METRICS: dict[str, Any] = {
    "summary": "What is counted, for Prometheus",
    "description": "Requests and how long they took, lists by source, empty ones, the cache, events, trainings by how "
    "they ended, releases: of all workers of the host that answers.",
    "operationId": "metrics_get",
    "tags": ["health"],
    "responses": {"200": {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}},
}
"""Described by hand: /metrics is no call of flask-openapi3, as browsers may send a password for it like for a page."""
_HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "X-Request-Id": ("The id of the request: the one that was sent, if it is a sane one.", {"type": "string"}),
    "X-Release": ("The release that the answer rests on.", {"type": "string"}),
    "X-Source": ("The model that made the list.", {"type": "string"}),
    "X-Experiments": ("The arms of experiments that the list was made for.", {"type": "string"}),
    "Location": ("The address of the run.", {"type": "string"}),
    "Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("How to send a key.", {"type": "string"}),
}
_OF_STATUS = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}
_SECURITY = {Role.READ: "read_key", Role.WRITE: "write_key", Role.ADMIN: "admin_key"}
_MAY = {
    Role.READ: (Role.READ, Role.WRITE, Role.ADMIN),
    Role.WRITE: (Role.WRITE, Role.ADMIN),
    Role.ADMIN: (Role.ADMIN,),
}
"""Roles whose keys are accepted for a call of each role."""


def openapi_document(app: Flask, settings: Settings, access: AccessControl) -> dict[str, Any]:
    """Return the OpenAPI document of every call of an application.

    Args:
        app: The application, an OpenAPI of flask-openapi3.
        settings: The range of a rating.
        access: The role that each endpoint needs, and whether it needs a key.

    Returns:
        The document as JSON-ready dictionaries. The caller owns it.
    """
    document: dict[str, Any] = copy.deepcopy(app.api_doc)  # type: ignore[attr-defined]
    document["info"] |= {"description": _ABOUT, "license": {"name": "MIT", "identifier": "MIT"}}
    document["servers"] = [{"url": f"/t/{settings.tenant}" if settings.tenant else "/"}]
    document["paths"]["/metrics"] = {"get": copy.deepcopy(_METRICS)}
    document["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    document["components"] = {
        "schemas": _schemas(document["components"]["schemas"]),
        "headers": {name: {"description": text, "schema": schema} for name, (text, schema) in _HEADERS.items()},
        "securitySchemes": _security_schemes(),
    }
    _describe_events(document["components"]["schemas"], settings)
    endpoints = _endpoints(app)
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            call_name = f"{method.upper()} {path}"
            _correct(call)
            role = access.role_of(endpoints[call_name])
            _describe_access(call, role, access.keys)
            if role is Role.ADMIN and "requestBody" in call:  # app.routes.WITHOUT_BODY
                call["requestBody"]["required"] = _has_needed_fields(call, document["components"]["schemas"])
            _describe_headers(call, is_list=endpoints[call_name].endswith((".recommend", ".recommend_by_address")))
            examples = EXAMPLES.get(call_name, ())
            _add_examples(call, [(each, each.curl(call_name, role, settings.tenant)) for each in examples])
    return document


def _describe_events(schemas: dict[str, Any], settings: Settings) -> None:
    """Add the range of a rating, and that a list contains one valid event at least.

    The other events may be anything: each is checked by itself, and its errors are in the answer.
    """
    rating = schemas["EventBody"]["anyOf"][0]["properties"]["value"]
    rating |= {"minimum": settings.rating_min, "maximum": settings.rating_max}
    one = {"$ref": _REFERENCE.format(model="EventBody")}
    several = {"type": "array", "minItems": 1, "maxItems": MAX_EVENTS, "contains": one}
    schemas["EventsBody"]["anyOf"] = [one, several]


def _endpoints(app: Flask) -> dict[str, str]:
    """Return Flask's endpoint of every call, by its method and path."""
    endpoints: dict[str, str] = {}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
        endpoints |= {f"{method} {path}": rule.endpoint for method in rule.methods or ()}
    return endpoints


@cache
def _written() -> dict[str, Any]:
    """Return the schemas of all models, which are the same for every application of a process."""
    models = [
        value
        for module in _MODULES
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__
    ]
    written: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=_REFERENCE)
        written |= schema.pop("$defs", {})
        written[model.__name__] = schema
    return written


def _schemas(found: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas as pydantic writes them; flask-openapi3 drops examples, patterns and unknown keywords."""
    written = _written()
    named = set(
        re.findall(r"#/components/schemas/(\w+)", json.dumps([written[name] for name in written if name in found]))
    )
    kept = {name: schema for name, schema in written.items() if name in found or name in named | _ALWAYS}
    return _with_public_names(kept)


def _with_public_names(schemas: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps({_PUBLIC_NAMES.get(name, name): schema for name, schema in schemas.items()})
    for name, public in _PUBLIC_NAMES.items():
        text = text.replace(json.dumps(_REFERENCE.format(model=name)), json.dumps(_REFERENCE.format(model=public)))
        text = text.replace(f'"title": "{name}"', f'"title": "{public}"')
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def _security_schemes() -> dict[str, Any]:
    rights = {Role.READ: "read", Role.WRITE: "tell of events, and read", Role.ADMIN: "do everything"}
    return {
        _SECURITY[role]: {
            "type": "http",
            "scheme": "bearer",
            "description": f"A key of {SETTINGS[role]}: it may {rights[role]}.",
        }
        for role in _SECURITY
    }


def _correct(call: dict[str, Any]) -> None:
    """Remove the 422 that flask-openapi3 adds, and null from parameters, which a URL cannot express."""
    if "application/json" in call["responses"].get("422", {}).get("content", {}):
        del call["responses"]["422"]
    for parameter in call.get("parameters", ()):
        schema = parameter["schema"]
        options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
        if len(options) == 1:
            del schema["anyOf"]
            schema |= options[0]
        elif options:
            schema["anyOf"] = options
        if schema.get("default", 0) is None:
            del schema["default"]


def _has_needed_fields(call: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Return whether a body is needed, where none is read as an object without fields."""
    schema = call["requestBody"]["content"]["application/json"]["schema"]
    return "required" in schemas[schema["$ref"].rpartition("/")[2]]


def _describe_access(call: dict[str, Any], role: Role, keys: Keys) -> None:
    call["security"] = []
    if role is Role.OPEN:
        return
    call["responses"] |= problems_of(429)
    if keys.needs_key(role):
        call["security"] = [{_SECURITY[other]: []} for other in _MAY[role]]
        call["responses"] |= problems_of(401) if role is Role.READ else problems_of(401, 403)


def _describe_headers(call: dict[str, Any], *, is_list: bool) -> None:
    for status, answer in call["responses"].items():
        names = ["X-Request-Id", "X-Release", *_OF_STATUS.get(status, ())]
        names += ["X-Source", "X-Experiments"] if is_list and status == "200" else []
        names += ["Location"] if status == "202" else []
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    call["responses"] = dict(sorted(call["responses"].items()))


def _add_examples(call: dict[str, Any], examples: list[tuple[Example, str]]) -> None:
    lines = "\n".join(f"```sh\n{command}\n```" for _, command in examples)
    call["description"] = f"{call.get('description', '')}\n\n{lines}".strip()
    for example, _ in examples:
        key = example.title.replace(" ", "-").replace(",", "")
        answer = call["responses"][str(example.status)]["content"][example.kind]
        answer.setdefault("examples", {})[key] = {"summary": example.title, "value": example.answer}
        if example.has_body:
            asked = call["requestBody"]["content"]["application/json"]
            asked.setdefault("examples", {})[key] = {"summary": example.title, "value": example.body}
        for parameter in call.get("parameters", ()):
            value = {**(example.path or {}), **(example.query or {})}.get(parameter["name"])
            if value is not None:
                parameter["example"] = value
