"""Follow the experiments: which arm a user is in, and what that changes about a list."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from src.core.errors import StoreError
from src.core.experiments import BESTSELLERS, SLOW_SECONDS, Arm, ArmLists, Experiment, InterleavedList
from src.core.settings import Settings
from src.core.shared_erasures import open_erasures
from src.core.shop_rules import ShopRule
from src.models import POPULARITY
from src.store import Store
from src.store.experiment_store import Exposure
from src.store.late_rows import LateRows

_WAITING, _KNOWN = 20_000, 200_000
"""Lists that wait to be written, and users who are known to be written."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assignment:
    """The arms of a user, and what they change together.

    Attributes:
        arms: (experiment, arm) of each experiment that is about the list.
        rules: Rules that are added to those of the shop.
        release: Version of the release that makes the list; None for the current one.
        model: Model that makes it; None for the one of the request.
        rival: What the other arm of an interleaving changes; None without one.
        interleaved: Name of the interleaving; "" without one.
    """

    arms: tuple[tuple[str, str], ...]
    rules: tuple[ShopRule, ...]
    release: str | None
    model: str | None
    rival: Assignment | None = None
    interleaved: str = ""

    @classmethod
    def of(cls, arms: Iterable[tuple[Experiment, Arm]]) -> Assignment:
        """Combine arms; running experiments of several layers do not both choose releases or models."""
        chosen = list(arms)
        names = tuple((experiment.name, arm.name) for experiment, arm in chosen)
        release = next((arm.release for _, arm in chosen if arm.release), None)
        model = next((_model_of(arm) for _, arm in chosen if _model_of(arm)), None)
        return cls(names, tuple(rule for _, arm in chosen for rule in arm.rules), release, model)

    @classmethod
    def interleaving(cls, experiment: Experiment, others: Sequence[tuple[Experiment, Arm]]) -> Assignment:
        """Combine arms with both arms of an interleaving.

        Args:
            experiment: The interleaving.
            others: The arms of other experiments.

        Returns:
            What the first arm changes, with what the second one does as its rival.
        """
        one, other = experiment.body.arms
        first, second = (cls.of([*others, (experiment, arm)]) for arm in (one, other))
        names = (*first.arms[:-1], (experiment.name, f"{one.name}+{other.name}"))
        return replace(first, arms=names, rival=second, interleaved=experiment.name)

    @property
    def chooses_lists(self) -> bool:
        """Whether an arm names what makes the list."""
        return self.release is not None or self.model is not None

    @property
    def header(self) -> str:
        """The arms as the answer names them: experiment=arm, divided by commas."""
        return ", ".join(f"{experiment}={arm}" for experiment, arm in self.arms)


def _model_of(arm: Arm) -> str | None:
    return POPULARITY if arm.holdout == BESTSELLERS else arm.model


class ExperimentsFollower:
    """The experiments of one worker. Without a running one a request pays a look at an empty list."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store, self._late = store, LateRows(open_erasures(settings), store.database)
        self._running: list[Experiment] = []
        self._all: list[Experiment] = []
        self._stamp: int | None = None
        self._refreshing, self._flushing = threading.Lock(), threading.Lock()
        self._waiting: deque[tuple[Exposure, bool, float]] = deque(maxlen=_WAITING)
        self._interleaved: deque[InterleavedList] = deque(maxlen=_WAITING)
        self._written: dict[tuple[str, str], None] = {}

    def refresh(self) -> None:
        """Read the experiments if they have changed. If the store does not answer, they stay as they were."""
        with self._refreshing:
            try:
                stamp = self._store.experiments.changed_at()
                if stamp != self._stamp:
                    self._all, self._stamp = self._store.experiments.all(), stamp
            except StoreError as error:
                _log.warning("the experiments stay as they were: %s", error)
            now = time.time()
            self._running = [each for each in self._all if each.runs_at(now)]

    @property
    def releases(self) -> set[str]:
        """Versions of the releases that running experiments need."""
        return {arm.release for each in self._running for arm in each.body.arms if arm.release}

    def assigned(self, user_id: str | None, placement: str, categories: Iterable[str]) -> Assignment | None:
        """Find the arms of a user.

        Args:
            user_id: The user, or the session; None takes part in nothing.
            placement: Of the list; "" without one.
            categories: That the list is asked for.

        Returns:
            The arms; None if the user is in none.
        """
        if not self._running or user_id is None:
            return None
        wanted = tuple(categories)
        about = [each for each in self._running if each.is_for(placement, wanted)]
        split = [each for each in about if not each.body.is_interleaved]
        arms = [(each, arm) for each in split if (arm := each.arm_of(user_id)) is not None]
        for each in about:
            if each.body.is_interleaved and each.has(user_id):
                return Assignment.interleaving(each, arms)
        return Assignment.of(arms) if arms else None

    def record(self, user_id: str, assignment: Assignment, *, is_empty: bool, seconds: float) -> None:
        """Note a list, to be written by `flush`.

        Args:
            user_id: Who got it.
            assignment: The arms it was made for.
            is_empty: Whether it has no products.
            seconds: The time to make it.
        """
        now = int(time.time())
        for experiment, arm in assignment.arms:
            self._waiting.append((Exposure(experiment, user_id, arm, now), is_empty, seconds))

    def keep(self, drafted: InterleavedList) -> None:
        """Note which arm named what, to be written by `flush`."""
        self._interleaved.append(drafted)

    def flush(self) -> None:
        """Write the noted lists. If the store does not answer, they wait."""
        with self._flushing:  # requests for a report write, too
            self._flush()
            self._flush_interleaved()

    def _flush_interleaved(self) -> None:
        taken = []
        while self._interleaved:
            taken.append(self._interleaved.popleft())
        try:
            self._store.experiments.add_interleaved(taken)
        except StoreError as error:
            _log.warning("interleaved lists wait to be kept: %s", error)
            self._interleaved.extendleft(reversed(taken))

    def _flush(self) -> None:
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        if not taken:
            return
        costs: dict[tuple[str, str], ArmLists] = {}
        for shown, is_empty, seconds in taken:
            lists = costs.get((shown.experiment, shown.arm), ArmLists())
            slow = lists.slow_lists + (seconds > SLOW_SECONDS)
            costs[shown.experiment, shown.arm] = ArmLists(
                lists.lists + 1, lists.empty_lists + is_empty, slow, lists.seconds + seconds
            )
        first = {(shown.experiment, shown.user_id): shown for shown, _, _ in reversed(taken)}
        new = [shown for key, shown in first.items() if key not in self._written]
        try:
            self._store.experiments.add(new, costs)
            self._late.written((shown.user_id, shown.at) for shown in new)
        except StoreError as error:
            _log.warning("lists of experiments wait to be kept: %s", error)
            self._waiting.extendleft(reversed(taken))
            return
        self._written.update(dict.fromkeys(first))
        while len(self._written) > _KNOWN:
            del self._written[next(iter(self._written))]
