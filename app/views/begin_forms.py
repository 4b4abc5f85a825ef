"""The forms that begin experiments, shadows and canaries: what is typed, as the bodies of the calls, and its faults."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from app.problem_json import field_errors
from app.texts.phrases import Phrases
from app.views.message_texts import quoted
from src.core.experiments import MAX_ARMS

Body = TypeVar("Body", bound=BaseModel)
ARM_FIELDS = ("name", "share", "way", "rules")
_TEXTS = ("method", "metric", "layer", "placement", "category")
_PERCENT, _MOMENTS, _WHOLE = ("traffic", "smallest_effect"), ("from", "until"), "planned_outcomes"
FIELDS = ("name", *_TEXTS, *_PERCENT, *_MOMENTS, _WHOLE)
_USUAL = {"method": "split", "traffic": "100", "layer": "default", "metric": "purchases", "smallest_effect": "5"}
_USUAL_ARMS = ({"name": "now", "share": "50"}, {"name": "other", "share": "50", "way": "holdout:bestsellers"})
_KINDS = {
    "missing": "missing",
    "string_too_short": "missing",
    "string_pattern_mismatch": "slug",
    "float_parsing": "number",
    "float_type": "number",
}


@dataclass(frozen=True)
class TypedExperiment:
    """An experiment as it is typed: field → text, and the same of each arm that is not empty."""

    fields: Mapping[str, str]
    arms: tuple[Mapping[str, str], ...]

    def document(self, zone: ZoneInfo) -> dict[str, Any]:
        """Return the body of PUT /experiments/{name}; what cannot be read stands there as it was typed.

        Args:
            zone: The shop's time zone, in which times are typed.
        """
        typed = {name: text for name, text in self.fields.items() if text and name != "name"}
        found: dict[str, Any] = {name: typed[name] for name in _TEXTS if name in typed}
        found |= {name: share_of(typed[name]) for name in _PERCENT if name in typed}
        found |= {name: _moment(typed[name], zone) for name in _MOMENTS if name in typed}
        if _WHOLE in typed:
            found[_WHOLE] = int(typed[_WHOLE]) if typed[_WHOLE].isdecimal() else typed[_WHOLE]
        return found | {"arms": [_arm(each) for each in self.arms]}


def usual_experiment() -> TypedExperiment:
    """Return what the form holds before anything is typed."""
    return TypedExperiment(dict.fromkeys(FIELDS, "") | _USUAL, tuple(blank_arm() | each for each in _USUAL_ARMS))


def typed_experiment(form: Mapping[str, str]) -> TypedExperiment:
    """Return what was typed into the form; an arm with neither name, way nor rules is none."""
    arms = [{name: form.get(f"arm-{name}-{at}", "").strip() for name in ARM_FIELDS} for at in range(MAX_ARMS + 1)]
    named = [arm for arm in arms if arm["name"] or arm["way"] or arm["rules"]]
    return TypedExperiment({name: form.get(name, "").strip() for name in FIELDS}, tuple(named))


def blank_arm() -> dict[str, str]:
    """Return the fields of an arm that is not typed yet."""
    return dict.fromkeys(ARM_FIELDS, "")


def _arm(typed: Mapping[str, str]) -> dict[str, Any]:
    arm: dict[str, Any] = {"name": typed["name"], "share": share_of(typed["share"])}
    kind, _, value = typed["way"].partition(":")
    if value:
        arm[kind] = value
    if typed["rules"]:
        arm["rules"] = _json(typed["rules"])
    return arm


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def share_of(percent: str) -> float | str:
    """Return a share that is typed in percent; another text as it is."""
    try:
        return round(float(percent.replace(",", ".").removesuffix("%")) / 100, 9)
    except ValueError:
        return percent


def _moment(text: str, zone: ZoneInfo) -> str:
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=zone).isoformat()
    except ValueError:
        return text


def parsed(
    schema: type[Body], document: Mapping[str, Any], t: Phrases, field_of: Callable[[str], str] = str
) -> tuple[Body | None, dict[str, str]]:
    """Parse what was typed by the schema of a call.

    Args:
        schema: Of its body, or of its path.
        document: What was typed.
        field_of: Name of a field of the schema, such as arms.0.share → field of the form.

    Returns:
        The body, None if it is none; and field → what is wrong with it, "" for the body as a whole.
    """
    try:
        return schema.model_validate(document), {}
    except ValidationError as error:
        kinds = [each["type"] for each in error.errors(include_url=False, include_context=False)]
        wrong: dict[str, str] = {}
        for kind, fault in zip(kinds, field_errors(error), strict=True):
            said = t(f"begin.{_KINDS[kind]}") if kind in _KINDS else quoted(fault.message, t)
            wrong.setdefault(field_of(fault.field), said)
        return None, wrong


def form_field(name: str) -> str:
    """Return the field of the form of experiments for a field of its schema; "" for the body as a whole."""
    parts = name.split(".")
    if parts[0] == "arms":
        at = parts[1:3]
        if len(at) < 2:  # all arms, or one of them as a whole
            return f"arm-name-{at[0]}" if at else ""
        return f"arm-{at[1] if at[1] in ARM_FIELDS else 'way'}-{at[0]}"
    return {"from_": "from"}.get(parts[0], parts[0]) if parts[0].removesuffix("_") in FIELDS else ""
