"""Experiments: users are divided among arms, whose lists are made in different ways."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from src.core.errors import InputError
from src.core.list_rules import Name, whole
from src.core.shop_rules import Moment, PlacementName, ShopRule

MAX_ARMS, MAX_ARM_RULES, MAX_RUNNING = 10, 100, 50
SLUG = r"^[a-z0-9][a-z0-9_-]{0,47}$"
BESTSELLERS = "bestsellers"
SLOW_SECONDS = 0.05
_HASH_RANGE = 2.0**64
_FREE = 1e-9

SlugName = Annotated[str, Field(pattern=SLUG)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class Arm(BaseModel):
    """One way of making lists. Without release, model, rules and holdout it is what the shop serves anyway."""

    model_config = ConfigDict(extra="forbid")

    name: SlugName
    share: Share = Field(description="Share of the experiment's users; the shares of all arms sum to 1.")
    release: Annotated[str, Field(max_length=64)] | None = Field(None, description="Version of a release on disk.")
    model: Annotated[str, Field(max_length=64)] | None = Field(None, description="A list model of the release.")
    rules: Annotated[list[ShopRule], Field(max_length=MAX_ARM_RULES)] = Field(
        [], description="Rules that are added to those of the shop."
    )
    holdout: Literal["bestsellers"] | None = Field(None, description="The same best-selling products for everybody.")

    @model_validator(mode="after")
    def _one_model(self) -> Arm:
        if self.holdout is not None and (self.model is not None or self.release is not None):
            raise ValueError("holdout goes with neither model nor release: it names what makes the lists")
        return self


class ExperimentBody(BaseModel):
    """An experiment as a client describes it. The first arm is the control, which the others are compared with."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    method: Literal["split", "interleave"] = Field(
        "split",
        description="split: every user has one arm. interleave: every list is drafted from both arms in turn, and a "
        "click counts for the arm that named the product; it needs far fewer users, and events with request_id.",
    )

    arms: Annotated[list[Arm], Field(min_length=2, max_length=MAX_ARMS)]
    traffic: Share = Field(1.0, description="Share of all users who take part.")
    layer: SlugName = Field(
        "default", description="Experiments of one layer have different users; those of two layers overlap by chance."
    )
    placement: PlacementName | None = Field(None, description="Only lists for this placement; null for all.")
    category: Name | None = Field(None, description="Only lists that are asked for this category; null for all.")
    from_: Moment | None = Field(None, alias="from", description="When it begins; null for at once.")
    until: Moment | None = Field(None, description="When it ends; null for when somebody ends it.")
    metric: Literal["purchases", "clicks", "revenue"] = Field(
        "purchases", description="What decides: the mean of a user. Of an interleaving, clicks unless it is said."
    )
    smallest_effect: Annotated[float, Field(ge=0.001, le=1, allow_inf_nan=False)] = Field(
        0.05, description="The smallest relative difference that matters, for the forecast and for 'no difference'."
    )
    planned_outcomes: Annotated[int, Field(ge=100, le=10**9, strict=True), BeforeValidator(whole)] = Field(
        10_000, description="Purchases (or clicks) for which the interval is narrowest."
    )

    @field_validator("arms")
    @classmethod
    def _arms_are_whole(cls, arms: list[Arm]) -> list[Arm]:
        if len({arm.name for arm in arms}) < len(arms):
            raise ValueError("two arms have the same name")
        if abs(excess := sum(arm.share for arm in arms) - 1) > 1e-6:
            raise ValueError(f"the shares of the arms sum to {excess + 1:g}; expected 1")
        return arms

    @property
    def chooses_lists(self) -> bool:
        """Whether an arm names what makes the lists, or two lists are made into one."""
        return self.is_interleaved or any(arm.release or arm.model or arm.holdout for arm in self.arms)

    @property
    def is_interleaved(self) -> bool:
        """Whether every user gets the lists of both arms in one."""
        return self.method == "interleave"

    @model_validator(mode="before")
    @classmethod
    def _counts_clicks(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("method") == "interleave":
            return {"metric": "clicks", **given}
        return given

    @model_validator(mode="after")
    def _can_be_interleaved(self) -> ExperimentBody:
        if self.is_interleaved:
            if len(self.arms) != 2 or self.arms[0].share != self.arms[1].share:
                raise ValueError("interleave takes two arms in turn; expected two with a share of 0.5 each")
            if self.metric == "revenue":
                raise ValueError("interleave credits clicks or purchases to an arm; found the metric revenue")
        return self

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> ExperimentBody:
        if self.from_ is not None and self.until is not None and self.from_ >= self.until:
            raise ValueError("until is not after from, so the experiment would never run")
        return self


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment as it is kept.

    Attributes:
        name: Its name, which is also the salt of its division into arms.
        body: What it is.
        slot: Begin of its users in the layer, from 0 to 1; it takes body.traffic of the layer from there.
        started_at: When it began, or will, in UTC seconds.
        ended_at: When somebody ended it, or when it ends by itself; None while neither is known.
        who: Name of the key that began it.
    """

    name: str
    body: ExperimentBody
    slot: float
    started_at: int
    ended_at: int | None
    who: str

    def runs_at(self, now: float) -> bool:
        """Return whether it divides users at a time in UTC seconds."""
        return self.started_at <= now and (self.ended_at is None or now < self.ended_at)

    def is_for(self, placement: str, categories: Iterable[str]) -> bool:
        """Tell whether it is about a list.

        Args:
            placement: Of the list; "" without one.
            categories: That the list is asked for.

        Returns:
            Whether it is for these.
        """
        wanted = self.body.category
        if self.body.placement not in (None, placement):
            return False
        return wanted is None or any(category.casefold() == wanted.casefold() for category in categories)

    def has(self, user_id: str) -> bool:
        """Return whether a user takes part, the same for ever and on every host."""
        return self.slot <= _position(f"layer {self.body.layer}", user_id) < self.slot + self.body.traffic

    def arm_of(self, user_id: str) -> Arm | None:
        """Return the arm of a user, the same for ever and on every host; None for users who do not take part."""
        if not self.has(user_id):
            return None
        at = _position(f"experiment {self.name}", user_id)
        for arm in self.body.arms:
            at -= arm.share
            if at < 0:
                return arm
        return self.body.arms[-1]


def _position(salt: str, user_id: str) -> float:
    """Return where a user stands between 0 and 1; for two salts, independently."""
    digest = hashlib.blake2b(f"{salt}\0{user_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _HASH_RANGE


def check_company(body: ExperimentBody, others: Sequence[Experiment]) -> None:
    """Check that an experiment can run beside others.

    Args:
        body: The new experiment.
        others: The experiments that have not ended.

    Raises:
        InputError: There are too many, or one of another layer chooses what makes the same lists, too.
    """
    if len(others) >= MAX_RUNNING:
        raise InputError(f"{len(others)} experiments run; expected fewer than {MAX_RUNNING}. End one of them first.")
    for other in others if body.chooses_lists else ():
        apart = None not in (body.placement, other.body.placement) and body.placement != other.body.placement
        if other.body.layer != body.layer and other.body.chooses_lists and not apart:
            raise InputError(
                f"the experiment {other.name!r} of the layer {other.body.layer!r} chooses the release or model of the "
                f"same lists; a user in both would get one of them. Use its layer, or other placements."
            )


def free_slot(traffic: float, layer: str, others: Sequence[Experiment]) -> float:
    """Find users of a layer for a new experiment.

    Args:
        traffic: Share of the users that it needs.
        layer: The layer.
        others: The experiments that have not ended.

    Returns:
        Where its users begin, from 0 to 1.

    Raises:
        InputError: The layer has not so many users left.
    """
    taken = sorted((each.slot, each.slot + each.body.traffic) for each in others if each.body.layer == layer)
    at, largest = 0.0, 0.0
    for begin, end in [*taken, (1.0, 1.0)]:
        if begin - at >= traffic - _FREE:
            return min(at, 1.0 - traffic)
        largest, at = max(largest, begin - at), max(at, end)
    names = ", ".join(each.name for each in others if each.body.layer == layer)
    raise InputError(
        f"the layer {layer!r} has {max(0.0, largest):.0%} of its users free in one piece; found traffic {traffic:.0%}. "
        f"End one of its experiments ({names}), ask for less traffic, or use another layer, whose users overlap."
    )


class ArmLists(NamedTuple):
    """Lists of an arm.

    Attributes:
        lists: Number of lists.
        empty_lists: Number of empty ones.
        slow_lists: Number of those that took more than SLOW_SECONDS.
        seconds: Time to make all of them.
    """

    lists: int = 0
    empty_lists: int = 0
    slow_lists: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """What happened to the users of an arm, as sums over users; a user counts from the first list in the experiment.

    Attributes:
        arm: Its name.
        users: Number of users who got a list.
        outcomes: metric → (sum, sum of squares, number of single outcomes).
        returned: Returned quantity.
        cost: What its lists cost.
        shared: metric → sum over users of the product of their outcomes in this arm and in the control; for arms that
            the same users see.
    """

    arm: str
    users: int = 0
    outcomes: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    returned: float = 0.0
    cost: ArmLists = field(default_factory=ArmLists)
    shared: dict[str, float] = field(default_factory=dict)


class InterleavedList(NamedTuple):
    """A list that two arms made together.

    Attributes:
        experiment: Its name.
        request_id: The request that it answers.
        user_id: Who got it.
        at: UTC seconds.
        named: For each arm, the ids of the products that it named and the other one would not have named next.
    """

    experiment: str
    request_id: str
    user_id: str
    at: int
    named: tuple[tuple[str, ...], ...]
