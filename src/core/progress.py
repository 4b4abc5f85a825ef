"""The interface through which long work reports its progress."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from typing_extensions import override


class Reporter(Protocol):
    """Receives the progress of long work."""

    def step(self, line: str) -> None:
        """Report that the next step begins; line: its name for people."""
        ...

    def advance(self, done: int, total: int | None = None) -> None:
        """Report how much of the current step is done.

        Args:
            done: Units done, such as rows.
            total: Units of the whole step; None when that is unknown.
        """
        ...

    def beside(self, line: str) -> AbstractContextManager[None]:
        """Report what another thread does inside a `with` block, beside the steps; line: its name for people."""
        return nullcontext()


class Silent(Reporter):
    """A Reporter that discards everything."""

    @override
    def step(self, line: str) -> None: ...

    @override
    def advance(self, done: int, total: int | None = None) -> None: ...
