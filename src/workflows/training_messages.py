"""The sentences about a finished training, for runs and for the command line."""

from __future__ import annotations

from src.releases.gate_messages import verdict_sentence
from src.workflows.training_plan import TrainingRequest
from src.workflows.training_results import Trained


def run_message(request: TrainingRequest, trained: Trained) -> str:
    """Return the message of a run.

    Args:
        request: What was to be trained.
        trained: The finished training.

    Returns:
        Why it was started, the gate's verdict, and why the release is not active, as far as there is anything to say.
    """
    notes = pin_note(trained), canary_note(trained)
    return ". ".join(part for part in (request.why, verdict_sentence(trained.verdict), *notes) if part)


def pin_note(trained: Trained) -> str:
    """Return why a published release is not active; empty unless a pin is the reason."""
    return "" if trained.pinned is None else f"it was published and not activated, as {trained.pinned} is pinned"


def canary_note(trained: Trained) -> str:
    """Return how a published release goes out; empty unless it goes out to few users first."""
    return "it goes out to few users first (AISLE_CANARY)" if trained.canary else ""


def release_line(trained: Trained) -> str:
    """Return whether the new release is active; empty without a new release."""
    if trained.version is None:
        return ""
    outcome = "active" if trained.active else "published, not active"
    note = pin_note(trained) or canary_note(trained)
    return f"release {trained.version} is {outcome}" + (f" ({note})" if note else "")
