"""Forms that begin experiments, shadows and canaries by what the calls take, with the command beside them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from tests.conftest import ADMIN_KEY

FORM = "/operations/experiments/new"
TWO = {"arm-name-0": "now", "arm-share-0": "50", "arm-name-1": "other", "arm-share-1": "50"}
BESTSELLERS = TWO | {"arm-way-1": "holdout:bestsellers"}


@pytest.fixture
def send(client: FlaskClient) -> Callable[..., Any]:
    """Post a form as a browser does: (address, fields) → answer."""

    def post(address: str, key: str = ADMIN_KEY, language: str = "en", **fields: str) -> Any:
        headers = {"Accept-Language": language}
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', client.get(address).text))
        return client.post(address, data={**hidden, "do": "begin", "key": key, **fields}, headers=headers)

    return post


def test_a_form_begins_an_experiment_with_every_kind_of_arm(
    client: FlaskClient, flask_app: Flask, send: Callable[..., Any]
) -> None:
    version = context_of(flask_app).registry.current_version()
    arms = {
        **{f"arm-share-{at}": "25" for at in range(4)},
        **{f"arm-name-{at}": name for at, name in enumerate(("now", "older", "graph", "shoes"))},
        "arm-way-1": f"release:{version}",
        "arm-way-2": "model:als",
        "arm-rules-3": '[{"action": "boost", "category": "Shoes", "factor": 2}]',
    }
    times = {"from": "2030-01-01T08:00", "until": "2030-02-01T08:00"}
    answer = send(FORM, name="four-ways", metric="revenue", traffic="40,5", placement="home", **arms, **times)
    assert answer.status_code == 303
    assert "The experiment four-ways has begun." in client.get(answer.location).text
    (found,) = client.get("/experiments").get_json()
    assert (found["name"], found["state"], found["body"]["traffic"]) == ("four-ways", "waiting", 0.405)
    ways = found["body"]["arms"]
    assert [way.get("release") for way in ways] == [None, version, None, None]
    assert ways[2]["model"] == "als"
    assert ways[3]["rules"][0]["factor"] == 2
    assert (found["body"]["metric"], found["body"]["placement"]) == ("revenue", "home")


def test_the_command_beside_the_form_does_the_same(
    client: FlaskClient, send: Callable[..., Any], as_admin: dict[str, str]
) -> None:
    page = send(FORM, do="look", key="", name="drafted", method="interleave", metric="clicks", **BESTSELLERS).text
    assert page.count("<fieldset") == 3, "there is room for another arm"
    command = re.search(r'<pre [^>]*aria-labelledby="curl">(.*?)</pre>', page, re.DOTALL)
    assert command is not None
    words = shlex.split(command[1].replace("&#34;", '"').replace("&#39;", "'").replace("\\\n", ""))
    address, body = words[words.index("PUT") + 1], words[words.index("-d") + 1]
    assert client.get("/experiments").get_json() == []
    path = "/" + address.split("/", 1)[1]
    answer = client.put(path, data=body, headers=as_admin, content_type="application/json")
    assert (answer.status_code, answer.get_json()["body"]["method"]) == (200, "interleave")


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"name": "a/b"}, "name", "Use a to z"),
        ({"name": ""}, "name", "Use a to z"),
        ({"arm-share-1": "half"}, "arm-share-1", "Enter a number"),
        ({"arm-share-1": "150"}, "arm-share-1", "less than or equal to 1"),
        ({"arm-name-1": ""}, "arm-name-1", "Use a to z"),
        ({"arm-rules-1": "[{]"}, "arm-rules-1", "valid list"),
        ({"arm-rules-1": '[{"action": "explode"}]'}, "arm-rules-1", "exclude"),
        ({"traffic": "0"}, "traffic", "greater than 0"),
        ({"until": "soon"}, "until", "expected a time"),
        ({"planned_outcomes": "5"}, "planned_outcomes", "greater than or equal to 100"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    client: FlaskClient, send: Callable[..., Any], fields: dict[str, str], field: str, said: str
) -> None:
    answer = send(FORM, **({"name": "odd", **BESTSELLERS} | fields))
    problem = re.search(rf'id="{field}-problem">(.*?)</p>', answer.text)
    assert (answer.status_code, problem is not None and said in problem[1]) == (422, True), answer.text
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', answer.text)
    assert 'value="other"' in answer.text or fields.get("arm-name-1") == ""
    assert client.get("/experiments").get_json() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"arm-share-1": "40"}, "sum to 0.9"),
        ({"arm-way-1": "model:magic"}, "no list model"),
        ({"arm-way-1": "release:gone"}, "no release"),
        ({"method": "interleave", "metric": "revenue"}, "clicks or purchases"),
        ({"from": "2031-01-01T00:00", "until": "2030-01-01T00:00"}, "would never run"),
    ],
)
def test_what_is_wrong_with_the_whole_is_said_above_in_both_languages(
    client: FlaskClient, send: Callable[..., Any], fields: dict[str, str], said: str
) -> None:
    for language, quote in (("en", ""), ("de", '<q lang="en">')):
        answer = send(FORM, language=language, **({"name": "odd", **BESTSELLERS} | fields))
        problem = re.search(r'id="problem">(.*?)</p>', answer.text)
        assert answer.status_code in (409, 422)
        assert problem is not None
        assert said in problem[1]
        assert problem[1].startswith(quote)
    assert client.get("/experiments").get_json() == []


@pytest.mark.parametrize("address", [FORM, "/operations/shadow/new", "/operations/canaries/new"])
def test_nothing_begins_without_the_admins_key(client: FlaskClient, send: Callable[..., Any], address: str) -> None:
    answer = send(address, key="guess", name="odd", release="any", **BESTSELLERS)
    assert (answer.status_code, "This is no admin key" in answer.text) == (403, True)
    german = send(address, key="guess", language="de", name="odd", release="any", **BESTSELLERS)
    assert "Das ist kein" in german.text
    assert client.get("/experiments").get_json() == []


def test_forms_begin_a_shadow_and_a_canary(
    client: FlaskClient, flask_app: Flask, send: Callable[..., Any], publish_again: Callable[..., str]
) -> None:
    registry = context_of(flask_app).registry
    older = registry.current_version()
    newer = publish_again()
    registry.activate(older)
    assert 'id="release-problem"' not in client.get("/operations/shadow/new").text
    wrong = send("/operations/shadow/new", release=newer, share="many")
    assert 'id="share-problem">Enter a number' in wrong.text
    assert f'"{newer}", "share": "many"' in wrong.text.replace("&#34;", '"')
    gone = send("/operations/shadow/new", release="", share="10")
    assert (gone.status_code, "there is no release" in gone.text) == (409, True)
    answer = send("/operations/shadow/new", release=newer, share="12.5")
    assert f"The shadow {newer} has begun." in client.get(answer.location).text
    assert client.get("/shadow").get_json()["share"] == 0.125
    answer = send("/operations/canaries/new", release=newer)
    assert (answer.status_code, "AISLE_SCHEDULER is off" in answer.text) == (409, True)
