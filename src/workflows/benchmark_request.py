"""The request for a benchmark, from the options of the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.core.errors import AisleError, InputError, UnknownName
from src.models import MODELS

PIPELINE, ALL = "pipeline", "all"
_OPTIONS = ("train", "test", "valid", "model", "at", "relevant", "budget")
_MAX_CUT_OFF = 1_000


@dataclass(frozen=True)
class BenchmarkRequest:
    """The measurements to make, and the files to make them on.

    Attributes:
        train: the events that models are trained on.
        test: the events that they are measured on.
        valid: the events that the pipeline is tuned on; None to hold out a part of `train`.
        model: a name of MODELS, "pipeline" (what is served, tuned within `budget_seconds`) or "all".
        at: cut-offs of lists.
        relevant: the lowest relevant rating; None for AISLE_RELEVANT_RATING if the file has ratings.
        budget_seconds: the longest time of tuning.
    """

    train: Path
    test: Path
    valid: Path | None = None
    model: str = PIPELINE
    at: tuple[int, ...] = (10, 20)
    relevant: float | None = None
    budget_seconds: float = 480.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> BenchmarkRequest | None:
        """Return the benchmark that command-line options ask for.

        Args:
            options: name → value, None for options that were not given.

        Returns:
            The request; None if no option of a benchmark was given.

        Raises:
            InputError: options do not go together, or a value is wrong.
        """
        given = {name: value for name in _OPTIONS if (value := options.get(name)) is not None}
        if not given:
            return None
        missing = [f"--{name}" for name in ("train", "test") if name not in given]
        if missing:
            found = ", ".join(f"--{name}" for name in given)
            raise InputError(
                f"{found} came without {' and '.join(missing)}. Expected both --train FILE and --test FILE for a split "
                "of one's own, or none of these for a release; name what is missing."
            )
        if options.get("release") is not None:
            raise InputError(
                "--release came together with --train. Expected a release, which is measured on its own data, or a "
                "split of one's own; take one of them away."
            )
        if "at" in given:
            given["at"] = _cut_offs(given["at"])
        if "budget" in given:
            given["budget_seconds"] = given.pop("budget")
        return cls(**given)

    def __post_init__(self) -> None:
        if self.model in MODELS and (part := MODELS[self.model].unavailable()):
            raise AisleError(part.reason)
        if self.model not in (PIPELINE, ALL, *MODELS):
            known = ", ".join((PIPELINE, ALL, *MODELS))
            raise UnknownName(f"--model: there is no {self.model!r}. Expected one of {known}.")
        if not 0 < self.budget_seconds < math.inf:
            raise InputError(f"--budget: {self.budget_seconds:g} was found; expected seconds above 0: --budget 480")
        if self.relevant is not None and not math.isfinite(self.relevant):
            raise InputError(f"--relevant: {self.relevant:g} was found; expected a rating: --relevant 4")


def _cut_offs(text: str) -> tuple[int, ...]:
    """Return the cut-offs of "10,20", ascending. Raises InputError."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 5 and 1 <= int(part) <= _MAX_CUT_OFF for part in parts):
        raise InputError(
            f"--at: {text!r} was found; expected lengths of lists from 1 to {_MAX_CUT_OFF}, with commas between: "
            "--at 10,20"
        )
    return tuple(sorted({int(part) for part in parts}))
