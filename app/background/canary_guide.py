"""Lead a promoted release from few users to all, or back; the leader of the workers calls it regularly.

Every step is one change of a row in the store, made only if the row is as it was read. Whatever process dies between
two steps, the next leader goes on from the row: each step looks first whether it was done.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from src.core.canaries import HOLDER, LEAST_LISTS, STEPS, Canary, CanaryState
from src.core.domain import DAY
from src.core.errors import AisleError, Busy, InputError, UnknownName
from src.core.messages import message
from src.core.settings import Settings
from src.evaluation.experiment_report import ArmFinding, ExperimentReport, report
from src.releases.registry import Registry
from src.store import Store

_WHO, _PASSED = "canary", "passed"

_log = logging.getLogger(__name__)


class CanaryGuide:
    """Guides the canary of a shop.

    Args:
        settings: How long a step takes, and how much worse a release may be.
        store: The canaries and experiments.
        registry: The releases.
    """

    def __init__(self, settings: Settings, store: Store, registry: Registry) -> None:
        self._seconds, self._longest = settings.canary_hours * 3_600, settings.canary_days * DAY
        self._harm, self._is_led = settings.canary_harm, settings.scheduler == "on"
        self._store, self._registry = store, registry

    def check(self, now: int) -> None:
        """Take the next step, if it is time to.

        Args:
            now: UTC seconds.

        Raises:
            AisleError: The store does not answer, or a release cannot be activated.
        """
        canary = self._store.canaries.open()
        self._end_leftovers(canary, now)
        if canary is None:
            return
        self._registry.hold(HOLDER, {each.release for each in self._store.canaries.newest(2) if not each.ended_at})
        current = self._registry.current_version()
        if current == canary.release:
            self._end(canary, CanaryState.DONE, "", now)
        elif canary.release not in self._registry.versions():
            self._end(canary, CanaryState.FELL, "gone", now)
        elif canary.state is CanaryState.WAITING:
            self._begin(replace(canary, against=current or ""), canary, now)
        elif current != canary.against:
            self._end(canary, CanaryState.OVERTAKEN, current or "", now)
        else:
            self._judge(canary, now)

    def _end_leftovers(self, canary: Canary | None, now: int) -> None:
        """End experiments of canaries that have ended: a process may have died between the two."""
        own = set() if canary is None else {canary.experiment(step) for step in range(len(STEPS))}
        for each in self._store.experiments.all():
            if each.who == _WHO and each.runs_at(now) and each.name not in own:
                self._store.experiments.end(each.name, now)

    def propose(self, release: str, now: int) -> Canary:
        """Let a release wait until it goes out to few users first; another one that waits is overtaken by it.

        Args:
            release: Its version.
            now: UTC seconds.

        Returns:
            The canary; the one that waits or runs already, if it is this release's.

        Raises:
            UnknownName: It is not on disk.
            Busy: Nobody would lead it, all users get it already, or it has had its canary.
        """
        if release not in self._registry.versions():
            raise UnknownName(message("refused.no_release", release=repr(release)))
        known = self._store.canaries.of_release(release)
        if known is not None and known.ended_at is None:
            return known
        if release == self._registry.current_version():
            raise Busy(message("refused.serves_all", release=release))
        if known is not None:
            raise Busy(message("refused.had_its_canary", release=release, state=known.state.value))
        if not self._is_led:
            raise Busy(message("refused.no_canary_leader"))
        run = self._store.runs.of_release(release)
        canary = Canary(release, "" if run is None else run.run_id, now)
        running = self._store.canaries.open()
        self._registry.hold(HOLDER, {release, *([] if running is None else [running.release])})
        self._store.canaries.propose(canary)
        return canary

    def stop(self, now: int) -> Canary | None:
        """End the canary that runs or waits, now in UTC seconds; all users get the current release again."""
        canary = self._store.canaries.open()
        if canary is not None:
            self._end(canary, CanaryState.STOPPED, "", now)
        return canary

    def _begin(self, wanted: Canary, before: Canary, now: int, step: int = 0) -> None:
        """Begin a step, if no experiment stands in its way."""
        after = replace(wanted, state=CanaryState.RUNNING, step=step, step_at=now, reason="")
        try:
            self._store.experiments.begin(after.experiment(step), after.body(), _WHO, now)
        except InputError as error:
            if before.state is CanaryState.WAITING and before.reason != str(error):
                self._store.canaries.replace(before, replace(before, reason=str(error)))
                _log.warning("the release %s waits to be shown: %s", before.release, error)
            return
        if self._store.canaries.replace(before, after):
            _log.info("release %s is shown to %g %% of the users", after.release, 100 * after.share)

    def _judge(self, canary: Canary, now: int) -> None:
        found = self._store.experiments.get(canary.experiment(canary.step))
        if found is None:  # somebody has emptied the store
            self._end(canary, CanaryState.STOPPED, "", now)
            return
        if found.ended_at is not None and found.ended_at <= now:
            if canary.reason == _PASSED:
                self._after_step(canary, now)
            else:  # somebody has ended it
                self._end(canary, CanaryState.STOPPED, "", now)
            return
        judged = report(found, self._store.experiments.figures(found), now)
        if (fault := fault_of(judged)) is not None:
            self._end(canary, CanaryState.FELL, fault, now)
        elif now - canary.step_at >= self._seconds and self._may_go_on(canary, judged):
            # Noted first: whoever goes on from here takes an ended experiment for a step that was passed.
            passed = replace(canary, reason=_PASSED)
            if self._store.canaries.replace(canary, passed):
                self._after_step(passed, now)
        elif now - canary.step_at >= max(self._seconds, self._longest):
            self._end(canary, CanaryState.UNDECIDED, "", now)

    def _may_go_on(self, canary: Canary, judged: ExperimentReport) -> bool:
        """Return whether enough is known to end a step well.

        The first step needs lists only, as a twentieth of the users buys too little for an interval of use.
        """
        if any(arm.cost.lists < LEAST_LISTS for arm in judged.arms):
            return False
        return canary.step + 1 < len(STEPS) or is_harmless(judged, self._harm)

    def _after_step(self, canary: Canary, now: int) -> None:
        """Go on to the next step, or let all users get the release."""
        if canary.step + 1 < len(STEPS):
            self._store.experiments.end(canary.experiment(canary.step), now)
            self._begin(canary, canary, now, canary.step + 1)
        elif self._registry.activate(canary.release, over_pin=False):
            self._end(canary, CanaryState.DONE, "", now)
        else:
            self._end(canary, CanaryState.OVERTAKEN, "pinned", now)

    def _end(self, canary: Canary, state: CanaryState, reason: str, now: int) -> None:
        ended = replace(canary, state=state, ended_at=now, reason=reason)
        if self._store.canaries.replace(canary, ended):
            level = logging.WARNING if state is CanaryState.FELL else logging.INFO
            _log.log(level, "the canary of release %s has ended: %s %s", canary.release, state, reason)
        if canary.step_at:
            self._store.experiments.end(canary.experiment(canary.step), now)
        self._registry.hold(HOLDER, ())


def fault_of(judged: ExperimentReport) -> str | None:
    """Return what speaks against a release: "broken", a harm, "worse" or "fewer_clicks"; None if nothing does.

    Clicks are many more than purchases, so that they fall first. They do not count against a release that sells more.
    """
    if judged.broken:
        return "broken"
    (verdict,) = judged.verdicts
    if verdict.harms:
        return verdict.harms[0]
    if verdict.finding in (ArmFinding.WORSE, ArmFinding.BETTER):
        return "worse" if verdict.finding is ArmFinding.WORSE else None
    clicks = verdict.lifts["clicks"]
    return "fewer_clicks" if clicks is not None and clicks.high < 0 else None


def is_harmless(judged: ExperimentReport, harm: float) -> bool:
    """Return whether a release is surely not worse than may be (non-inferiority).

    Args:
        judged: The experiment of its step.
        harm: Share of the purchases that may be lost; 1 asks for no purchases at all.

    Returns:
        Whether the whole interval is above this.
    """
    purchases = judged.verdicts[0].lifts["purchases"]
    return harm >= 1 or (purchases is not None and purchases.low > -harm)


def check_safely(guide: CanaryGuide, now: int) -> None:
    """Take the next step, at `now` in UTC seconds; what is wrong is logged, and tried again at the next check."""
    try:
        guide.check(now)
    except (AisleError, OSError) as error:
        _log.error("the canary could not be led on: %s", error)
