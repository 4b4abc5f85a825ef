"""Schemas of the calls about experiments."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from src.core.experiments import SLUG, ExperimentBody

_ARMS: list[Any] = [{"name": "now", "share": 0.9}, {"name": "bestsellers", "share": 0.1, "holdout": "bestsellers"}]


class NewExperiment(ExperimentBody):
    """An experiment. The first arm is the control."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"arms": _ARMS}]})


class ExperimentPath(BaseModel):
    """Which experiment."""

    name: str = Field(pattern=SLUG)


class ExperimentAnswer(BaseModel):
    """An experiment. state: waiting, running or ended; times are UTC seconds."""

    name: str
    state: str
    started_at: int
    ended_at: int | None
    who: str
    body: dict[str, Any]


class ExperimentList(RootModel[list[ExperimentAnswer]]):
    """All experiments, newest first."""


class ExperimentReportAnswer(ExperimentAnswer):
    """An experiment, what its users did, and what that says.

    verdict: the same in words. Every interval of `verdicts` holds at all looks together with a probability of 95 %.
    """

    verdict: list[str]
    broken: bool
    arms: list[dict[str, Any]]
    verdicts: list[dict[str, Any]]
