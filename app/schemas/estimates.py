"""Schemas of the calls that estimate from the log what a release would have earned."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class EstimateBegun(BaseModel):
    """An estimate that is being computed."""

    release: str
    status: str


class EstimateAnswer(BaseModel):
    """What a release would have earned; without figures if `problem` says why there are none.

    said: the same in words. since, until: times of the first and last list of the log. comparable: share of the places
    of the release's lists whose product the log could have shown there; at the others what was served stands for it.
    differing: share of the places at which its lists then differ. outcomes: clicks and purchases of a list, with
    `missing`, how much more log is needed.
    """

    release: str
    at: int
    problem: str
    said: list[str]
    since: int | None = None
    until: int | None = None
    lists: int | None = None
    users: int | None = None
    comparable: float | None = None
    differing: float | None = None
    outcomes: dict[str, dict[str, Any]] | None = None
