"""What an estimate from the log says, in words."""

from __future__ import annotations

from typing import Any

from app.texts.phrases import Phrases
from src.core.domain import JsonDict


def estimate_sentences(document: JsonDict, t: Phrases) -> list[str]:
    """Return a sentence for each outcome of what src.workflows.off_policy keeps, or the problem if there is one."""
    if document.get("problem"):
        return [str(t("estimate.failed", why=document["problem"]))]
    outcomes: Any = document["outcomes"]
    return [str(_sentence(name, found, t)) for name, found in outcomes.items()]


def _sentence(name: str, found: dict[str, Any], t: Phrases) -> str:
    metric, missing, lift = t(f"experiment.metric.{name}"), found["missing"], found["lift"]
    if missing is not None and missing["lists"] is None:
        return t("estimate.nothing", metric=metric)
    if missing is not None:
        more = {"lists": t.number(missing["lists"]), "days": t.number(missing["days"], 1)}
        return t("estimate.thin", metric=metric, **more)
    ends = {"low": t.percent(lift["low"]), "high": t.percent(lift["high"])}
    kind = "better" if lift["low"] > 0 else "worse" if lift["high"] < 0 else "open"
    if kind == "worse":
        ends = {"low": t.percent(-lift["high"]), "high": t.percent(-lift["low"])}
    return t(f"estimate.{kind}", metric=metric, **ends)
