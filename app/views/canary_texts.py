"""What a canary is doing, in words."""

from __future__ import annotations

from app.texts.phrases import Phrases
from src.core.canaries import Canary, CanaryState


def canary_sentence(canary: Canary, t: Phrases) -> str:
    """Return the state of a canary in one or two sentences."""
    match canary.state:
        case CanaryState.RUNNING:
            said = {"share": t.percent(canary.share, 0), "at": t.moment(canary.step_at), "against": canary.against}
            return t("canary.running", **said)
        case CanaryState.FELL:
            return t("canary.fell", why=t.named("canary.fault", canary.reason))
        case CanaryState.WAITING:
            return t("canary.waiting_for", why=canary.reason) if canary.reason else t("canary.waiting")
        case CanaryState.OVERTAKEN:
            return t("canary.overtaken", by=canary.reason)
        case state:
            return t(f"canary.{state}")
