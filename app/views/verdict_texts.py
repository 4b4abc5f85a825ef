"""What the checks before publishing found and decided, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from app.texts.phrases import Phrases
from app.views.message_texts import quoted, written
from src.core.domain import JsonDict
from src.releases.gate_messages import kept_reasons, recorded_comparison
from src.releases.manifest_sections import CheckRecord
from src.releases.verdict import LISTS, AgainstChampion

_FIGURES = 4
"""Digits of NDCG and RMSE, as differences of .001 decide."""


def verdict_text(verdict: JsonDict | None, fallback: str, t: Phrases) -> str:
    """Put a verdict into words.

    Args:
        verdict: the record of a run or a manifest; None without one.
        fallback: what is said without a record.

    Returns:
        A sentence.
    """
    if not verdict or "promoted" not in verdict:
        return fallback
    why = reasons_text(verdict, str(verdict.get("sentence", "")), t)
    if not verdict["promoted"]:
        return t("verdict.kept", why=why)
    return Markup(" ").join(filter(None, (_published(verdict, why, t), _inactive(verdict, t))))


def _inactive(verdict: JsonDict, t: Phrases) -> str:
    """Return why a release that was published is not active; "" if it was activated."""
    if pinned := verdict.get("inactive_as_pinned"):
        return t("verdict.inactive_as_pinned", pinned=str(pinned))
    return t("verdict.inactive_as_canary") if verdict.get("inactive_as_canary") else ""


def _published(verdict: JsonDict, why: str, t: Phrases) -> str:
    by = verdict.get("overridden")
    if by and (not verdict.get("checks") or reasons_text(verdict, "", t)):
        return t("verdict.overridden", by=by, why=why)
    said = t("verdict.retrained", why=why) if verdict.get("settings_of") else _promoted(verdict.get("figures"), t)
    return Markup("{} {}").format(said, t("verdict.not_needed", by=by)) if by else said


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


def reasons_text(verdict: JsonDict | None, fallback: str, t: Phrases) -> str:
    """Put the reasons for which a release was not published into words.

    Args:
        verdict: the record of a run; None without one.
        fallback: what is said if it names no reason.

    Returns:
        The reasons, separated by semicolons.
    """
    said = kept_reasons(
        verdict, lambda check: str(escape(_found(check, t))), lambda comparison: str(_comparison_text(comparison, t))
    )
    return Markup(said) if said else fallback  # nosec B704: every part is escaped


def check_text(check: Mapping[str, Any], t: Phrases, verdict: JsonDict | None = None) -> str:
    """Put a check into words, with what to do if it failed.

    Args:
        check: its record.
        verdict: the record that it is of, by whose figures the lists are compared; None without one.

    Returns:
        Sentences; the recorded message for a check of an older version.
    """
    record = CheckRecord.model_validate(check)
    figures = (verdict or {}).get("figures")
    comparison = recorded_comparison(figures.get("lists")) if isinstance(figures, Mapping) else None
    if record.name == LISTS and comparison is not None:
        return _comparison_text(comparison, t)
    found, advice = _found(record, t), f"check.{_case(record)}.do"
    if record.passed or not record.values or advice not in t.texts:
        return found
    return Markup("{} {}").format(found, t(advice))


def _case(check: CheckRecord) -> str:
    return str(check.values.get("case", check.name)).replace(" ", "_")


def _found(check: CheckRecord, t: Phrases) -> str:
    key = f"check.{_case(check)}"
    if not check.values or key not in t.texts:
        return quoted(check.message, t)
    return t(key, **{name: written(name, value, t) for name, value in check.values.items() if name != "case"})


def _comparison_text(comparison: AgainstChampion, t: Phrases) -> str:
    new = comparison.ndcg
    new_value, low, high, old = (
        t.figure(each, _FIGURES) for each in (new.value, new.low, new.high, comparison.champion)
    )
    text = t("check.against_champion", new=new_value, low=low, high=high, old=old)
    if not comparison.is_in_doubt:
        return text
    return text + t(
        "check.in_doubt",
        margin=t.percent(comparison.margin),
        share=t.percent(comparison.share_worse),
        n=comparison.n_users,
    )
