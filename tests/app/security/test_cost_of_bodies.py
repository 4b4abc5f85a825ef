"""The cost of a request is linear in the bytes of its body, whatever they are."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.schemas.examples import EXAMPLES

SIZE = int(os.environ.get("AISLE_TEST_BODY_BYTES", "200000"))
"""Bytes; each body is sent with so many, and with twice as many. 500000 measures at a megabyte."""
MOST_GROWTH = 2.6
"""Twice the bytes may take twice the time; the rest is noise."""
FREE_SECONDS = 0.05
"""Differences below it are noise."""
MOST_SECONDS = 0.15 * 2 * SIZE / 1_000_000
"""Of processor time for 2 · SIZE bytes: 0.15 s for a megabyte."""

Body = Callable[[int], str]


def names(pattern: Callable[[int], str]) -> Body:
    """An object of so many bytes with a name for each number."""
    return lambda size: "{" + ",".join(pattern(i) for i in range(size // len(pattern(99_999)))) + "}"


def repeated(part: str) -> Callable[[int], str]:
    return lambda size: ",".join([part] * (size // (len(part) + 1)))


WHOLE: dict[str, Body] = {
    "different names": names(lambda i: f'"n{i:06}":1'),
    "equal names": names(lambda i: '"name":1'),
    "a double at the end": lambda size: names(lambda i: f'"n{i:06}":1')(size)[:-1] + ',"z":1,"z":2}',
    "nested objects": lambda size: '{"a":' * (size // 6) + "1" + "}" * (size // 6),
    "nested arrays": lambda size: "[" * (size // 2) + "]" * (size // 2),
    "empty objects": lambda size: "[" + repeated("{}")(size) + "]",
    "numbers": lambda size: "[" + repeated("1")(size) + "]",
    "a number": lambda size: "9" * size,
    "blanks": lambda size: " " * size + "{}",
    "a text": lambda size: '"' + "a" * size + '"',
    "escapes": lambda size: '{"a":"' + "\\u0000" * (size // 6) + '"}',
    "objects of many names": lambda size: "[" + repeated('{"a":1,"b":2,"c":3,"d":4}')(size) + "]",
}
VALUES: dict[str, Body] = {
    "long text": lambda size: '"' + "a" * size + '"',
    "long words": lambda size: '"' + "ab " * (size // 3) + '"',
    "blank text": lambda size: '"' + " " * size + '"',
    "signs to combine": lambda size: '"' + "a\\u0301" * (size // 7) + '"',
    "half characters": lambda size: '"' + "\\ud800" * (size // 6) + '"',
    "digits": lambda size: "9" * min(size, 4_000) + "." + "9" * size,
    "an exponent": lambda size: "1e" + "9" * size,
    "texts": lambda size: "[" + ",".join(f'"p{i:06}"' for i in range(size // 10)) + "]",
    "equal texts": lambda size: "[" + repeated('"p"')(size) + "]",
    "numbers": lambda size: "[" + repeated("1")(size) + "]",
    "nulls": lambda size: "[" + repeated("null")(size) + "]",
    "lists": lambda size: "[" + repeated("[]")(size) + "]",
    "boosts": lambda size: "[" + repeated('{"category":"Toys","factor":1.5}')(size) + "]",
    "names": names(lambda i: f'"n{i:06}":1'),
}


@cache
def written(kind: str, size: int) -> str:
    """A value of so many bytes; every field of every call gets the same."""
    return VALUES[kind](size)


CALLS = sorted(call for call in EXAMPLES if call.startswith("POST "))


def example_of(call: str) -> dict[str, Any]:
    """The fields of the example with most of them."""
    bodies = [example.body for example in EXAMPLES[call] if isinstance(example.body, dict)]
    return dict(max(bodies, key=len, default={}))


def bodies_of(call: str, app: Flask) -> Iterator[tuple[str, Body]]:
    """Every hostile body for a call: whole ones, and its example with one field replaced."""
    yield from WHOLE.items()
    schema = described_fields(app, call)
    for field in schema:
        rest = json.dumps({name: value for name, value in example_of(call).items() if name != field})[1:-1]
        start = "{" + (rest + "," if rest else "") + json.dumps(field) + ":"
        for kind in VALUES:
            yield f"{field}: {kind}", lambda size, kind=kind, start=start: start + written(kind, size) + "}"  # type: ignore[misc]


def described_fields(app: Flask, call: str) -> list[str]:
    """The fields that the description names for the body of a call."""
    document = app.test_client().get("/openapi.json").get_json()
    body = document["paths"][call.removeprefix("POST ")]["post"].get("requestBody")
    if body is None:
        return []
    schemas, found = document["components"]["schemas"], set()
    waiting = [body["content"]["application/json"]["schema"]]
    while waiting:
        schema = waiting.pop()
        found |= set(schema.get("properties", {}))
        waiting += [schemas[schema["$ref"].rpartition("/")[2]]] if "$ref" in schema else []
        waiting += [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]
    return sorted(found)


def seconds(client: FlaskClient, call: str, body: str, headers: dict[str, str], tries: int = 1) -> float:
    """Processor time of one request, the best of so many."""
    address = call.removeprefix("POST ").replace("{version}", "20260101T000000Z-00000000")
    took = []
    for _ in range(tries):
        started = time.process_time()
        answer = client.post(address, data=body, content_type="application/json", headers=headers)
        took.append(time.process_time() - started)
        assert answer.status_code < 500, (answer.status_code, answer.get_data(as_text=True)[:300])
        assert len(answer.data) < 100_000
    return min(took)


@pytest.mark.parametrize("call", CALLS)
def test_twice_the_bytes_take_twice_the_time_at_most(
    call: str, shared_app: Flask, as_admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, slow = shared_app.test_client(), {}
    monkeypatch.setitem(shared_app.config, "MAX_CONTENT_LENGTH", None)
    for kind, body in bodies_of(call, shared_app):
        once = 0.0  # is not looked at while twice the bytes take less than the noise
        for tries in (1, 5, 20):  # another look at what seems slow: other processes take their time, too
            twice = seconds(client, call, body(2 * SIZE), as_admin, tries)
            if twice > FREE_SECONDS:
                once = seconds(client, call, body(SIZE), as_admin, tries)
            if twice <= min(MOST_GROWTH * once + FREE_SECONDS, MOST_SECONDS):
                break
        else:
            slow[kind] = (round(once, 3), round(twice, 3))
    assert slow == {}
