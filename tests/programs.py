"""Programs of the project in processes of their own, forked from one that has their imports: they start at once.

That process has done nothing but import. `tests.forked` forks the process of the tests, whose threads do not survive
it: libraries that train would wait for ever. What looks at the start itself starts an interpreter.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[1]
GUNICORN = "gunicorn"
_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.preloaded"])


class Program:
    """A program that runs, with the methods of `subprocess.Popen` that tests use; it leads a session of its own."""

    def __init__(
        self,
        *command: str | Path,
        folder: Path,
        environment: Mapping[str, str],
        output: Path | str,
        errors: Path | None = None,
    ) -> None:
        """Start it.

        Args:
            command: GUNICORN or the name of a script of the project, and its arguments.
            folder: where it runs.
            environment: all of its variables.
            output: a file, pipe or terminal that gets what it writes.
            errors: a file for what it writes to stderr; None for `output`.
        """
        self._command = [*map(str, command)]
        outputs = (str(output), str(errors or output))
        self._process = _server.Process(target=_run, args=(self._command, str(folder), dict(environment), outputs))
        Path(output).touch()  # for who reads it at once
        self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        """Return its exit code, or minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float = PATIENCE_SECONDS) -> int:
        """Wait for its end; return its exit code. Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired(self._command, timeout)
        return code

    def terminate(self) -> None:
        """Ask it to end, if it has not ended."""
        self._process.terminate()


def _run(command: list[str], folder: str, environment: dict[str, str], outputs: tuple[str, str]) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in enumerate(outputs, start=1):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(handle, stream)
        os.close(handle)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = command
    try:
        if command[0] == GUNICORN:
            from gunicorn.app.wsgiapp import run

            run()
        else:
            sys.argv[0] = str(ROOT / command[0])
            runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()
