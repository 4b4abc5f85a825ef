"""Schemas of the calls about what is known of one person."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from app.schemas import Id


class PersonPath(BaseModel):
    """Which user; the rest of the address, slashes included."""

    user_id: Id


class PersonAnswer(BaseModel):
    """All that is stored of a user.

    events, experiments, interleaved (lists of two arms), and requests (lists as they were asked for, see
    AISLE_LOG_REQUESTS): rows of the store; times are UTC seconds. releases: those trained with the events.
    """

    user_id: str
    events: list[dict[str, Any]]
    experiments: list[dict[str, Any]]
    interleaved: list[dict[str, Any]]
    requests: list[dict[str, Any]]
    releases: list[str]


class ErasureAnswer(BaseModel):
    """What was erased.

    person: a keyed hash of the id, which stands in the list of erasures and in the audit log. releases: those trained
    with the events, which hold the id and numbers derived from the events until newer ones have replaced them.
    next_training: ISO 8601; null if none is scheduled.
    """

    person: str
    at: int
    events: int
    releases: list[str]
    next_training: str | None
