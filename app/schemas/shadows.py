"""Schemas of the calls about a shadow."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.schemas import Request
from app.schemas.example import OLDER
from src.core.experiments import Share


class ShadowBody(Request):
    """A release on disk, and the share of the requests that it answers unseen."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"release": OLDER, "share": 0.1}]})

    release: str = Field(max_length=64, description="Version of a release on disk.")
    share: Share = Field(0.1, description="Share of the requests.")


class ShadowAnswer(BaseModel):
    """A shadow and what its lists were like; release is null if there never was one.

    state: running, ended or none; times are UTC seconds. slices: for each release that served and each part of the
    lists (`all`; `new`, `few`, `some` and `many`: no, at most 3, at most 19 and more events before; `category:NAME` of
    the first product) the number of `lists`, the mean share of places in common (`overlap`), the mean rank-biased
    overlap (`agreement`), and milliseconds for a list, of the shadow (`ms`) and of the release that served
    (`served_ms`), both in the background. dropped: requests that found the queue full; failed: lists that it could not
    make.
    """

    release: str | None
    state: str
    share: float
    started_at: int | None
    ended_at: int | None
    who: str
    dropped: int
    failed: int
    slices: list[dict[str, Any]]
