"""Generate aisle_client.py, a typed client, from the OpenAPI document: python -m examples.make_client."""

from __future__ import annotations

import json
import keyword
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app import create_app
from app.context import context_of
from app.schemas.description import openapi_document
from src.models.settings import read_settings

CLIENT = Path(__file__).with_name("aisle_client.py")
_TYPES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
}
_HEAD = '''"""A client of Aisle, generated from its OpenAPI document by examples/make_client.py. It needs Python alone."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Literal, NotRequired, TypedDict

_AGAIN = (429, 502, 503, 504)


class AisleError(Exception):
    """Aisle refused a call, or could not be reached; status: 0 without an answer; problem: the answer's body."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail", status)))
        self.status, self.problem = status, problem


class Aisle:
    """The calls of a service. A call that may be repeated safely is tried again when the service is busy or away."""

    def __init__(self, address: str, key: str = "", *, retries: int = 3, timeout: float = 10.0) -> None:
        self.address, self.key, self.retries, self.timeout = address.rstrip("/"), key, retries, timeout
        self.request_id = ""  # of the last answer: send it as request_id with the events that follow a list

    def _call(self, method: str, path: str, query: dict[str, Any], body: Any, *, is_safe: bool) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        url = self.address + path + ("?" + urllib.parse.urlencode(given) if given else "")
        if isinstance(body, dict):
            body = {name: value for name, value in body.items() if value is not None}
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(self.retries + 1):
            asked = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
            if self.key:
                asked.add_header("Authorization", f"Bearer {self.key}")
            try:
                with urllib.request.urlopen(asked, timeout=self.timeout) as answer:
                    self.request_id = answer.headers.get("X-Request-Id", "")
                    text = answer.read().decode()
                    return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text
            except urllib.error.HTTPError as error:
                text, wait = error.read().decode(), float(error.headers.get("Retry-After") or 0.2 * 2**attempt)
                if not is_safe or error.code not in _AGAIN or attempt == self.retries:
                    problem = json.loads(text) if text.startswith("{") else {"detail": text}
                    raise AisleError(error.code, problem) from None
            except OSError as error:
                wait = 0.2 * 2**attempt
                if not is_safe or attempt == self.retries:
                    raise AisleError(0, {"detail": str(error)}) from None
            time.sleep(min(wait, self.timeout))
        raise AssertionError("unreachable")
'''
_SAFE = {
    "/recommend",
    "/why-not",
    "/search",
    "/predict",
    "/matrix_factor/similar",
    "/matrix_factor/user",
    "/rules/preview",
}
"""Calls by POST that change nothing. Events count once if they have an event_id, so they are safe with one."""


def type_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return the Python type of a schema; of another one its name, or its values."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name if schemas[name].get("properties") else type_of(schemas[name], schemas)
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " | ".join(dict.fromkeys(type_of(option, schemas) for option in options))
    if "enum" in schema and all(isinstance(each, str) for each in schema["enum"]):
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    if schema.get("type") == "array":
        return f"list[{type_of(schema.get('items', {}), schemas)}]"
    return _TYPES.get(str(schema.get("type")), "Any")


def typed_dicts(schemas: Mapping[str, Any]) -> list[str]:
    """Return every object of the document as a TypedDict; fields that may be missing are NotRequired."""
    parts = []
    for name, schema in sorted(schemas.items()):
        fields = schema.get("properties")
        if not fields:
            continue
        rows = []
        for field, its in fields.items():
            kind = json.dumps(type_of(its, schemas))
            rows.append(f"{field!r}: {kind if field in schema.get('required', ()) else f'NotRequired[{kind}]'}")
        parts.append(f"{name} = TypedDict({name!r}, {{{', '.join(rows)}}})\n")
    return parts


def name_of(path: str, verb: str, operation: str) -> str:
    """Return the name of the handler, which is between the blueprint and the path in an operation's id."""
    name = operation.removesuffix(f"_{verb}").partition("_")[2] or path.strip("/")
    first = path.split("/")[1]
    stem = re.sub(r"_+", "_", re.sub(r"\W+", "_", path)).strip("_")
    if name.endswith(f"_{stem}"):
        return name.removesuffix(f"_{stem}")
    return name[: name.rindex(f"_{first}")] if f"_{first}" in name else name


def method_of(path: str, verb: str, call: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return one call as a method."""
    inside = [each["name"] for each in call.get("parameters", ()) if each["in"] == "path"]
    query = [each for each in call.get("parameters", ()) if each["in"] == "query"]
    content = call.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = schemas.get(content.get("$ref", "").rpartition("/")[2], {})
    fields, is_whole = schema.get("properties", {}), "anyOf" in schema or "items" in schema
    given = [(each["name"], each["schema"], each.get("required", False)) for each in query]
    given += [(field, its, field in schema.get("required", ())) for field, its in fields.items()]
    keywords = [
        f"{_safe(field)}: {kind}"
        if needed
        else f"{_safe(field)}: {kind if 'None' in kind else f'{kind} | None'} = None"
        for field, its, needed in given
        if (kind := type_of(its, schemas))
    ]
    first = [f"{name}: str" for name in inside] + (["body: Any"] if is_whole else [])
    signature = ", ".join(["self", *first, *(["*", *keywords] if keywords else [])])
    written = "{" + ", ".join(f"{field!r}: {_safe(field)}" for field in fields) + "}"
    body = "body" if is_whole else written if content else "None"
    filled = re.sub(r"{(\w+)}", lambda found: "{urllib.parse.quote(" + found[1] + ")}", path)
    prefix = "f" if inside else ""
    asked = "{" + ", ".join(f"{each['name']!r}: {_safe(each['name'])}" for each in query) + "}"
    is_safe = verb in ("get", "put") or path in _SAFE
    return (
        f"    def {name_of(path, verb, call['operationId'])}({signature}) -> {answer_of(call, schemas)}:\n"
        f'        """{call["summary"]}: {verb.upper()} {path}."""\n'
        f"        return self._call({verb.upper()!r}, {prefix}{filled!r}, {asked}, {body}, is_safe={is_safe})\n"
    )


def answer_of(call: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return the type of the answer of a call that succeeds."""
    good = next((answer for status, answer in call["responses"].items() if status.startswith("2")), {})
    schema = good.get("content", {}).get("application/json", {}).get("schema")
    return "Any" if schema is None else type_of(schema, schemas)


def _safe(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def generated() -> str:
    """Return the client of this version."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(read_settings(var=Path(folder), scheduler="off"))
        aisle = context_of(app)
        document = openapi_document(app, aisle.settings, aisle.access)
        aisle.store.close()
    schemas = document["components"]["schemas"]
    methods = [
        method_of(path, verb, call, schemas)
        for path, calls in document["paths"].items()
        for verb, call in calls.items()
    ]
    return "\n".join([_HEAD, *methods, "", *typed_dicts(schemas)])


if __name__ == "__main__":
    CLIENT.write_text(generated(), encoding="utf-8")
    sys.exit(0)
