"""Schemas of the calls about trainings, runs and releases."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictBool

from app.schemas import Request
from app.schemas.estimates import EstimateAnswer


class TrainingBody(Request):
    """What to train."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model_type": "all"}]}, protected_namespaces=())

    model_type: Literal["svd", "mf", "ss", "all"] = Field(
        "all", description="svd: predicted ratings; mf: matrix factorization; ss: similarity; all: everything."
    )
    force_retrain: StrictBool = Field(False, description="Train even if no event is newer than the current release.")
    force: StrictBool = Field(False, description="Serve what comes of it, whatever the gate says; that is recorded.")
    wait: StrictBool = Field(False, description="Answer when the training has ended.")


class TrainingAnswer(BaseModel):
    """status: started, success, kept (the gate kept the old release), or unchanged (nothing was to be trained).

    stats: of the model that is served now.
    """

    model_config = ConfigDict(protected_namespaces=())

    status: str
    message: str
    model_type: str
    run_id: str | None = None
    release: str | None = None
    stats: dict[str, Any] | None = None


class RunPath(BaseModel):
    """Which run."""

    run_id: str = Field(max_length=64)


class RunAnswer(BaseModel):
    """One training. Times are UTC seconds.

    status: queued, running, succeeded, kept (the gate kept the old release), failed, or interrupted (it was ended from
    outside). verdict: what the gate looked at, and its figures. phases: what it did, with seconds, the share of all
    cores that it kept busy, and peak memory. canary: how its release goes out to the users, with the experiments of its
    steps; null if all get it at once. experiments: the others with an arm of its release. off_policy: what it would
    have earned, see GET /releases/{version}/off-policy; null if nobody asked.
    """

    model_config = ConfigDict(protected_namespaces=())

    run_id: str
    trigger: str
    started_at: int
    status: str
    due: int | None
    finished_at: int | None
    release: str | None
    message: str
    host: str
    attempt: int
    model_type: str
    progress: str
    verdict: dict[str, Any] | None
    phases: list[dict[str, Any]]
    canary: dict[str, Any] | None = None
    experiments: list[dict[str, Any]] = []
    off_policy: EstimateAnswer | None = None


class ListedRelease(BaseModel):
    """One release on disk. problem: what is wrong with its manifest; every byte is looked at when it is activated."""

    version: str
    is_current: bool
    is_previous: bool
    pinned: bool
    created_at: str | None
    default_model: str | None
    ndcg_at_10: float | None
    n_bytes: int | None
    verdict: str
    problem: str
    made_up: bool


class ReleaseList(RootModel[list[ListedRelease]]):
    """Newest first."""


class ReleasePath(BaseModel):
    """Which release."""

    version: str = Field(max_length=64)


class ActivateBody(Request):
    """How to activate."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    pin: StrictBool = Field(False, description="No training replaces it until another one is activated, or unpinned.")


class NoBody(Request):
    """Nothing more is to be said."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class ReleaseAnswer(BaseModel):
    """The current release."""

    release: str
    pinned: bool
