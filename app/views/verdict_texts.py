"""What the checks before publishing decided, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.texts.phrases import Phrases
from src.core.domain import JsonDict
from src.releases.gate_messages import kept_reasons


def verdict_text(verdict: JsonDict | None, fallback: str, t: Phrases) -> str:
    """Put a verdict into words.

    Args:
        verdict: the record of a run or a manifest; None without one.
        fallback: what is said without a record.
        t: the texts of a language.

    Returns:
        A sentence.
    """
    if not verdict or "promoted" not in verdict:
        return fallback
    why = kept_reasons(verdict) or str(verdict.get("sentence", ""))
    if not verdict["promoted"]:
        return t("verdict.kept", why=why)
    if verdict.get("overridden"):
        return t("verdict.overridden", by=verdict["overridden"], why=why)
    if verdict.get("settings_of"):
        return t("verdict.retrained", why=why)
    return _promoted(verdict.get("figures"), t)


def _promoted(recorded: Any, t: Phrases) -> str:
    try:
        figures = recorded["lists"]
        new = figures["challenger"]
        if isinstance(figures.get("champion"), Mapping):
            old = figures["champion"]["value"]
            key = "verdict.better" if new["low"] > old else "verdict.no_worse"
            return t(key, new=t.figure(new["value"]), old=t.figure(old))
        return t(
            "verdict.against_bestsellers", new=t.figure(new["value"]), old=t.figure(figures["popularity"]["value"])
        )
    except (KeyError, TypeError):
        return t("verdict.promoted")
