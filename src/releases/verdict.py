"""The promotion gate's verdict as types: what was compared, which checks failed, and what follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto
from typing import TypeAlias

from src.core.domain import JsonDict
from src.evaluation.metrics import Estimate
from src.ingestion.data_checks import Check

LISTS, POPULARITY_CHECK, SHORT_LISTS, COVERAGE, RATINGS = "lists", "popularity", "short lists", "coverage", "ratings"
"""Names of the checks that concern the settings, and not the release on disk."""
FRESH_EVENTS = "fresh events"
_ALLOWED_SHARE_WORSE = 0.1  # settings that are worse by the margin pass so often, at most; decision 33
_ABOUT_SETTINGS = (LISTS, POPULARITY_CHECK, SHORT_LISTS, COVERAGE, RATINGS)


class GateOutcome(StrEnum):
    """The consequence of a verdict."""

    PROMOTED = "promoted"
    OVERRIDDEN = "overridden"
    """Promoted by an option, although checks failed."""
    RETRAINED = "retrained"
    """The new settings were refused; those of the current release were trained on all events."""
    KEPT = "kept"
    """The current release is served on."""


class Override(StrEnum):
    """The option that overrules the gate, as manifests and runs record it."""

    COMMAND = "--force"
    REQUEST = "force"
    SETTING = "AISLE_GATE=off"


class NotComparedReason(Enum):
    """The reason why the lists of the current release were not measured."""

    NO_RELEASE = auto()
    SAME_SETTINGS = auto()
    NOT_TRAINABLE = auto()


@dataclass(frozen=True)
class NotCompared:
    """The reason why there is no comparison with the current release.

    Attributes:
        reason: The kind of reason.
        release: Version of the current release; None without one.
        problem: Message of the error, where its settings could not be trained.
    """

    reason: NotComparedReason
    release: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class NoLists:
    """No test user liked anything, so that no list was measured."""


@dataclass(frozen=True)
class AgainstPopularity:
    """The new lists, measured beside popularity's only.

    Attributes:
        ndcg: NDCG@10 of the new lists.
        popularity: NDCG@10 of popularity's.
        why: Why the current release's lists were not measured.
    """

    ndcg: Estimate
    popularity: float
    why: NotCompared


@dataclass(frozen=True)
class AgainstChampion:
    """The new lists, measured beside those of the current release's settings.

    Attributes:
        ndcg: NDCG@10 of the new lists.
        champion: NDCG@10 of the current settings' lists.
        share_worse: Share of resamples of the users in which the new lists are worse by more than the margin.
        margin: Share of the champion's NDCG@10 that may be lost.
        n_users: Number of test users.
    """

    ndcg: Estimate
    champion: float
    share_worse: float
    margin: float
    n_users: int

    @property
    def is_no_worse(self) -> bool:
        """Whether the new lists pass."""
        return self.share_worse <= _ALLOWED_SHARE_WORSE

    @property
    def is_in_doubt(self) -> bool:
        """Whether the new lists are neither clearly worse nor clearly no worse."""
        return _ALLOWED_SHARE_WORSE < self.share_worse <= 0.5


@dataclass(frozen=True)
class ListsCarriedOver:
    """A partial training that leaves the lists as they are.

    Attributes:
        rmse: RMSE of the predicted ratings; None if none were measured.
    """

    rmse: float | None


Comparison: TypeAlias = NoLists | AgainstPopularity | AgainstChampion | ListsCarriedOver


def ignored_checks(settings_of: str | None) -> tuple[str, ...]:
    """Return the names of the checks that keep no release; with `settings_of`, those of the refused settings too."""
    return (FRESH_EVENTS, *(_ABOUT_SETTINGS if settings_of else ()))


@dataclass(frozen=True)
class GateVerdict:
    """The checks of a training so far, and what follows from them.

    Attributes:
        checks: Every check, passed or not.
        comparison: What the lists were compared with; None before they are measured.
        figures: The figures that the checks rest on.
        override: The option that overrules the gate; None if none was given.
        settings_of: Version of the release whose settings replace refused new ones; None if none were replaced.
    """

    checks: tuple[Check, ...] = ()
    comparison: Comparison | None = None
    figures: JsonDict = field(default_factory=dict)
    override: Override | None = None
    settings_of: str | None = None

    @property
    def failed(self) -> tuple[Check, ...]:
        """The failed checks that keep the old release. Stale data do not: it was trained on the same."""
        ignored = ignored_checks(self.settings_of)
        return tuple(check for check in self.checks if not check.passed and check.name not in ignored)

    @property
    def refused(self) -> tuple[Check, ...]:
        """The failed checks that concern the new settings."""
        return tuple(check for check in self.checks if not check.passed and check.name in _ABOUT_SETTINGS)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The messages of all failed checks, whether or not they keep the old release."""
        return tuple(check.message for check in self.checks if not check.passed)

    @property
    def outcome(self) -> GateOutcome:
        """The consequence."""
        if self.failed:
            return GateOutcome.KEPT if self.override is None else GateOutcome.OVERRIDDEN
        return GateOutcome.RETRAINED if self.refused else GateOutcome.PROMOTED

    @property
    def promoted(self) -> bool:
        """Whether the new release may serve."""
        return self.outcome is not GateOutcome.KEPT

    def with_checks(
        self, more: Iterable[Check], comparison: Comparison | None = None, **figures: object
    ) -> GateVerdict:
        """Return the verdict with further checks.

        Args:
            more: The checks to add.
            comparison: The comparison of the lists; None leaves it as it is.
            **figures: Name → figures to add; None adds nothing.

        Returns:
            The new verdict; this one is unchanged.
        """
        added = {name: value for name, value in figures.items() if value is not None}
        return replace(
            self,
            checks=(*self.checks, *more),
            comparison=comparison or self.comparison,
            figures={**self.figures, **added},
        )
