"""Functions and commands in a forked process, which has every import of this one and starts at once."""

from __future__ import annotations

import io
import multiprocessing
import os
import runpy
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path

from tests.waiting import PATIENCE_SECONDS


@dataclass(frozen=True)
class Finished:
    """How a process ended (minus the signal that killed it) and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def fork(function: Callable[..., object], *arguments: object) -> ForkProcess:
    """Start a function in a forked process."""
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, which the function does not use
        process.start()
    return process


def run_script(
    script: Path, *arguments: str | Path, folder: Path, environment: Mapping[str, str], typed: str = ""
) -> Finished:
    """Run a script as `python script arguments` in a folder, with a text as its input."""
    outputs = (folder / ".stdout", folder / ".stderr")
    process = fork(_run_script, script, arguments, folder, environment, outputs, typed)
    process.join(PATIENCE_SECONDS)
    code = process.exitcode
    process.kill()
    process.join()
    texts = [path.read_text(encoding="utf-8") for path in outputs]
    for path in outputs:
        path.unlink()
    assert code is not None, f"{script} did not end in {PATIENCE_SECONDS} s: {texts}"
    return Finished(code, *texts)


def _run_script(
    script: Path,
    arguments: tuple[str | Path, ...],
    folder: Path,
    environment: Mapping[str, str],
    outputs: tuple[Path, Path],
    typed: str,
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)  # as in any interpreter
    sys.stdin = io.StringIO(typed)
    sys.argv = [str(script), *map(str, arguments)]
    with outputs[0].open("w", encoding="utf-8") as sys.stdout, outputs[1].open("w", encoding="utf-8") as sys.stderr:
        try:
            runpy.run_path(str(script), run_name="__main__")
        except Exception:  # as an interpreter would: multiprocessing writes it when the file is closed
            traceback.print_exc()
            sys.exit(1)
