"""Canaries: a promoted release is shown to few users first, then to more, then to all, or is taken back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from src.core.domain import JsonDict
from src.core.experiments import Arm, ExperimentBody

STEPS = (0.05, 0.5)
"""Shares of the users that get the release, one after the other, before all do."""
LEAST_LISTS = 100
"""Lists that the canary's users must have got before a step ends well."""
PLANNED_OUTCOMES = 1_000
"""Purchases for which the intervals of a step are narrowest: great harm shows after few."""
CONTROL, CANARY = "now", "canary"
HOLDER = ".canary"
"""Name under which the releases of canaries are kept on disk."""


class CanaryState(StrEnum):
    """The state of a canary.

    WAITING: another one runs, or an experiment chooses the release of the same lists. DONE: all users get the release.
    FELL: a guardrail fell, and all users get the release before. UNDECIDED: too little happened within the time that a
    step may take, and all users get the release before. OVERTAKEN: another release was activated, or a newer
    one waits instead. STOPPED: somebody ended it.
    """

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FELL = "fell"
    UNDECIDED = "undecided"
    OVERTAKEN = "overtaken"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Canary:
    """A release on its way to all users.

    Attributes:
        release: Its version.
        run_id: The training that made it.
        proposed_at: When it was published, UTC seconds.
        state: Its state.
        against: The release that the other users get; "" while it waits.
        step: Number of the step of STEPS, from 0.
        step_at: When this step began, UTC seconds; 0 while it waits.
        ended_at: UTC seconds; None before.
        reason: Why it waits, fell or ended: the name of a harm, "worse", "fewer_clicks", "broken", "gone", or a
            sentence.
    """

    release: str
    run_id: str
    proposed_at: int
    state: CanaryState = CanaryState.WAITING
    against: str = ""
    step: int = 0
    step_at: int = 0
    ended_at: int | None = None
    reason: str = ""

    @property
    def share(self) -> float:
        """Share of the users that get the release."""
        if self.state is CanaryState.DONE:
            return 1.0
        return STEPS[self.step] if self.state is CanaryState.RUNNING else 0.0

    def experiment(self, step: int) -> str:
        """Return the name of the experiment of a step; the release's name in lower case is a part of it."""
        return f"canary-{self.release.lower()}-{STEPS[step] * 100:.0f}"

    def body(self) -> ExperimentBody:
        """Return the experiment of the present step."""
        share = STEPS[self.step]
        control, treated = Arm(name=CONTROL, share=1 - share), Arm(name=CANARY, share=share, release=self.release)
        return ExperimentBody(arms=[control, treated], planned_outcomes=PLANNED_OUTCOMES)

    def to_json(self) -> JsonDict:
        """Return it as plain JSON, with the names of the experiments that it has had."""
        begun = self.step + 1 if self.step_at else 0
        experiments = [self.experiment(step) for step in range(begun)]
        return {**asdict(self), "state": self.state.value, "share": self.share, "experiments": experiments}
