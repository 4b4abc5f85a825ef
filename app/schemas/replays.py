"""Schemas of the call that makes a list again."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.schemas import SANE_REQUEST_ID, Request
from app.schemas.example import ASKED, OLDER


class ReplayBody(Request):
    """A request that was answered, and a release on disk."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"request_id": ASKED, "release": OLDER}]})

    request_id: str = Field(pattern=SANE_REQUEST_ID, description="The X-Request-Id of its answer.")
    release: str | None = Field(
        None, max_length=64, description="The release that makes the list; null for the one that made it then."
    )


class ReplayedProductAnswer(BaseModel):
    """A product of both lists.

    change: stayed, moved, came or went. before and after: places from 1; null where it is not listed. why: in words; ""
    where it stayed. components: model → what it adds to the score; null where that is not known.
    """

    product_id: str
    change: str
    before: int | None
    after: int | None
    why: str
    components_before: dict[str, float] | None
    components_after: dict[str, float] | None


class ReplayAnswer(BaseModel):
    """A list as it was answered, and as a release makes it.

    at: UTC seconds. repeated: whether the release that served makes the same list again, scores included, to the last
    bit; if not, obstacles says why, with a `code` and a `text` each. overlap: share of the places in common. agreement:
    rank-biased overlap, 1 for equal lists.
    """

    request_id: str
    at: int
    user_id: str | None
    placement: str
    experiments: str
    served_by: str
    release: str
    repeated: bool
    obstacles: list[dict[str, Any]]
    answered: list[str]
    made: list[str]
    overlap: float
    agreement: float
    products: list[ReplayedProductAnswer]
