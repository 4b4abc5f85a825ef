"""The API page: the OpenAPI document as groups of calls, for a template."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

_METHODS = ("get", "post", "put", "delete")
_FIRST = ("lists", "search", "events", "catalogue", "running the shop", "releases", "trainings", "health")
_ROLES = ("read_key", "write_key", "admin_key")


@dataclass(frozen=True)
class Part:
    """A paragraph, or lines of code."""

    text: str
    is_code: bool


@dataclass(frozen=True)
class ReferenceField:
    """A field of a body, or a parameter of an address."""

    name: str
    type: str
    about: str
    is_required: bool


@dataclass(frozen=True)
class ReferenceExample:
    """An answer: HTTP status, title, and the body as JSON."""

    status: str
    title: str
    text: str


@dataclass(frozen=True)
class ReferenceCall:
    """One call, as the page shows it; body and address: what "try it" begins with, body None for a call without one."""

    id: str
    method: str
    path: str
    summary: str
    key: str
    description: list[Part]
    fields: list[ReferenceField]
    examples: list[ReferenceExample]
    errors: list[str]
    body: str | None
    address: str


@dataclass(frozen=True)
class ReferenceGroup:
    """The calls of one tag."""

    id: str
    name: str
    about: str
    calls: list[ReferenceCall]


def api_reference(document: Mapping[str, Any]) -> list[ReferenceGroup]:
    """Return the calls of an OpenAPI document by group, the most important first."""
    about = {tag["name"]: tag.get("description", "") for tag in document["tags"]}
    calls: dict[str, list[ReferenceCall]] = {}
    for path, methods in document["paths"].items():
        for method, call in sorted(methods.items(), key=lambda entry: entry[0] != "post"):
            if method in _METHODS:
                calls.setdefault(call["tags"][0], []).append(_call(document, path, method, call))
    names = sorted(calls, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    return [
        ReferenceGroup(re.sub(r"\W+", "-", name), name.capitalize(), about.get(name, ""), calls[name]) for name in names
    ]


def _call(document: Mapping[str, Any], path: str, method: str, call: Mapping[str, Any]) -> ReferenceCall:
    content = call.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = _resolved(document, content.get("schema", {}))
    examples = [example["value"] for example in content.get("examples", {}).values()] or schema.get("examples", [])
    needed = [name for security in call.get("security", ()) for name in security]
    key = next((role.removesuffix("_key") for role in _ROLES if role in needed), "")
    return ReferenceCall(
        id=re.sub(r"\W+", "-", f"{method}{path}").strip("-"),
        method=method.upper(),
        path=path,
        summary=call.get("summary", ""),
        key=key,
        description=_parts(call.get("description", "")),
        fields=[*_parameters(document, call), *_fields(document, schema)],
        examples=_answers(call),
        errors=[f"{status} {HTTPStatus(int(status)).phrase}" for status in call["responses"] if int(status) >= 400],
        body=_written(examples[0] if examples else {}) if content else None,
        address=_address(path, call),
    )


def _parts(text: str) -> list[Part]:
    """Divide Markdown into paragraphs and code."""
    pieces = re.split(r"```\w*\n(.*?)```", text, flags=re.DOTALL)
    return [Part(piece.strip(), is_code=bool(at % 2)) for at, piece in enumerate(pieces) if piece.strip()]


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _parameters(document: Mapping[str, Any], call: Mapping[str, Any]) -> list[ReferenceField]:
    return [
        ReferenceField(
            each["name"], _type(document, each["schema"]), each.get("description", ""), each.get("required", False)
        )
        for each in call.get("parameters", ())
    ]


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[ReferenceField]:
    if not schema.get("properties"):  # one object or a list of them: the object's fields
        options = [_resolved(document, option) for option in schema.get("anyOf", ())]
        schema = next((option for option in options if option.get("properties")), {})
    required = schema.get("required", ())
    return [
        ReferenceField(name, _type(document, its), its.get("description", ""), name in required)
        for name, its in schema.get("properties", {}).items()
    ]


def _type(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return the type of a field in a few words."""
    schema = _resolved(document, schema)
    options = [option for option in schema.get("anyOf", schema.get("oneOf", ())) if option.get("type") != "null"]
    if options:
        return " or ".join(dict.fromkeys(_type(document, option) for option in options))
    if schema.get("type") == "array":
        return f"list of {_type(document, schema.get('items', {}))}"
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    bounds = [f"{word} {schema[name]}" for name, word in (("minimum", "from"), ("maximum", "to")) if name in schema]
    return " ".join([str(schema.get("type", "any")), *bounds])


def _answers(call: Mapping[str, Any]) -> list[ReferenceExample]:
    found = []
    for status, answer in call["responses"].items():
        for content in answer.get("content", {}).values():
            for example in content.get("examples", {}).values():
                found.append(ReferenceExample(status, example.get("summary", ""), _written(example["value"])))
    return found


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _address(path: str, call: Mapping[str, Any]) -> str:
    query = []
    for each in call.get("parameters", ()):
        value = each.get("example")
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", str(value or each["name"]))
        elif value is not None:
            query.append(f"{each['name']}={value}")
    return path + ("?" + "&".join(query) if query else "")
