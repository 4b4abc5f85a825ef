"""Schemas of the calls that run the shop: rules, findings, the audit log, withdrawals, comparisons."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, StrictBool

from app.schemas import Id, Request
from app.schemas.example import OLDER, RELEASE
from src.core.list_rules import whole
from src.core.shop_rules import MAX_RULES, PlacementName, ShopRule

_RULES: list[Any] = [{"action": "exclude", "product_id": "POST"}, {"action": "boost", "brand": "Brio", "factor": 1.5}]


class RulesBody(Request):
    """All rules of the shop: they replace the ones before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rules": _RULES, "note": "no postage on lists"}]})

    rules: Annotated[list[ShopRule], Field(max_length=MAX_RULES)]
    version: Annotated[int, Field(ge=0, strict=True), BeforeValidator(whole)] | None = Field(
        None, description="The version that these replace; if another one holds by now, the answer is 409."
    )
    note: Annotated[str, Field(max_length=500)] = Field("", description="Why, for the list of versions.")


class RulesAnswer(BaseModel):
    """The rules that hold. base: those of AISLE_RULES, which they go over."""

    version: int
    at: int
    who: str
    note: str
    rules: list[dict[str, Any]]
    base: dict[str, Any]


class RulesVersions(RootModel[list[dict[str, Any]]]):
    """Versions of the rules, newest first."""


class VersionsQuery(Request):
    """How many versions."""

    n: int = Field(20, ge=1, le=200, description="How many versions.")


class PreviewBody(Request):
    """Rules to try, and customers to try them on; without customers some of the shop."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rules": _RULES, "user_ids": ["U00001"]}]})

    rules: Annotated[list[ShopRule], Field(max_length=MAX_RULES)]
    user_ids: list[Id] = Field([], max_length=20)
    placement: PlacementName | None = None
    n: Annotated[int, Field(ge=1, le=50, strict=True), BeforeValidator(whole)] = 10


class PreviewAnswer(BaseModel):
    """For each customer the list now and with the rules: product ids."""

    lists: list[dict[str, Any]]


class FindingAnswer(BaseModel):
    """Something that is not as it should be. state: open, acknowledged or resolved; times are UTC seconds."""

    finding_id: str
    kind: str
    subject: str
    level: str
    name: str
    text: str
    advice: str
    state: str
    opened_at: int
    seen_at: int
    acknowledged_at: int | None
    acknowledged_by: str
    resolved_at: int | None
    resolved_by: str


class FindingList(RootModel[list[FindingAnswer]]):
    """Unresolved findings, the most serious first; then past ones."""


class FindingPath(BaseModel):
    """Which finding."""

    finding_id: str = Field(max_length=64)


class AuditList(RootModel[list[dict[str, Any]]]):
    """Entries of the audit log, newest first."""


class AuditQuery(Request):
    """How many entries."""

    n: int = Field(100, ge=1, le=1_000, description="How many entries.")


class WithdrawBody(Request):
    """Whether the product is withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"withdrawn": True}]})

    withdrawn: StrictBool = Field(True, description="false: it may be listed again.")


class WithdrawAnswer(BaseModel):
    """The product after the change."""

    product_id: str
    withdrawn: bool


class CompareBody(Request):
    """Two releases on disk."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"one": RELEASE, "other": OLDER}]})

    one: str = Field(max_length=64)
    other: str = Field(max_length=64)


class CompareQuery(CompareBody):
    """Two releases whose comparison was asked for."""


class ComparisonAnswer(BaseModel):
    """A comparison on the same events. finished_at: null while it is being computed."""

    one: str
    other: str
    started_at: int
    finished_at: int | None
    result: dict[str, Any] | None
    problem: str
