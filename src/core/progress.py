"""How long work says how far it is."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Somebody who wants to know how far a long piece of work is."""

    def step(self, line: str) -> None:
        """The next step begins."""
        ...

    def advance(self, done: int, total: int | None = None) -> None:
        """So much of the step is done; total is None when nobody knows."""
        ...


class Silent:
    """A Reporter that keeps it to itself."""

    def step(self, line: str) -> None: ...

    def advance(self, done: int, total: int | None = None) -> None: ...
