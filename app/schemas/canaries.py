"""Schemas of the calls about canaries."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, RootModel

from app.schemas import Request
from app.schemas.example import OLDER


class CanaryBody(Request):
    """A release on disk that is to go out to few users first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"release": OLDER}]})

    release: str = Field(max_length=64, description="Version of a release on disk.")


class CanaryAnswer(BaseModel):
    """A promoted release on its way to all users.

    state: waiting, running, done, fell, undecided, overtaken or stopped. share: of the users that get it now.
    against: what the others get. experiments: those of its steps, for GET /experiments/{name}. reason: the guardrail
    that fell (returns, empty_lists, slow_lists, worse, fewer_clicks, broken, gone), the release that overtook it, or
    why it waits. text: all this in words. Times are UTC seconds.
    """

    release: str
    run_id: str
    proposed_at: int
    state: str
    against: str
    step: int
    step_at: int
    ended_at: int | None
    reason: str
    share: float
    experiments: list[str]
    text: str


class CanaryList(RootModel[list[CanaryAnswer]]):
    """Canaries, newest first."""
