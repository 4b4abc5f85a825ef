"""What an application offers to the worker's loop: answers that nobody has to wait for.

Handing a request to a thread and its answer back takes longer than a short answer. So an application may offer, next to
`__call__`, a function that takes the head of a request and returns one that answers bodies at once, or does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class LoopAnswer(NamedTuple):
    """A whole answer.

    Attributes:
        status: as WSGI has it: "200 OK".
        headers: names and values.
        body: of the answer.
        common: further headers, the same on all answers of an application: they are written once.
    """

    status: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    common: tuple[tuple[str, str], ...] = ()


Answerer = Callable[[bytes], LoopAnswer | None]
"""Takes the body of a request. Returns its answer; None if that has to be waited for, or takes more than 2 ms."""


class AnswersInLoop(Protocol):
    """What a WSGI application is, besides, to be asked in the loop."""

    def answerer(self, environ: Mapping[str, Any]) -> Answerer | None:
        """Return what answers requests with a head, for as long as this process lives; whatever length a body has.

        Args:
            environ: as WSGI has it, without the entries for reading and writing.

        Returns:
            None if a thread has to answer all of them.
        """
        ...
