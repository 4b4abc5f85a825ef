"""The smoke test: load a release in a fresh process, and make lists with it.

python -m src.releases.smoke_test FOLDER VERSION prints a SmokeTestResult as JSON.
It ends with one line on stderr, and exit code 1 if the release does not work, 3 if a limit of the process is reached.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from src.core.domain import Event, EventKind, Query
from src.core.errors import AisleError, LimitReached, ReleaseError
from src.core.process_times import cpu_seconds
from src.recommendation.pipeline import Pipeline
from src.releases.release import SmokeTestResult, read_release

_CPU_SECONDS = 300.0
"""Of the fresh process. A limit of elapsed time would end it on a busy machine, whatever the release is like."""
_STALLED_SECONDS = 300.0
"""Seconds without any CPU time after which the process is taken to hang."""
_LOOK_SECONDS = 0.2
_LIMIT_REACHED = 3
"""The exit code of LimitReached."""
_LISTS, _LENGTH, _LONGEST_HISTORY = 100, 10, 3


def run_smoke_test(folder: Path) -> SmokeTestResult:
    """Verify a release, and make lists without a history and for small ones. Raises ReleaseError."""
    started = time.perf_counter()
    release = read_release(folder)
    load_seconds = time.perf_counter() - started
    pipeline = replace(release.pipeline, prepared=None)  # the time of a list that has to be made is of interest
    seconds, short = [], 0
    for query in _queries(pipeline):
        started = time.thread_time()  # processor time: a busy machine, or nice 19, says nothing of the release
        products = pipeline.recommend(query)
        seconds.append(time.thread_time() - started)
        short += len(products) < min(_LENGTH, len(pipeline.items) - len(query.history))
        if not products and len(pipeline.items) > len(query.history):
            raise ReleaseError(f"release {folder.name} makes an empty list.")
    # The first list maps what all others use; it is made once in a worker's life.
    p95 = float(np.quantile(seconds[1:] or seconds, 0.95)) if seconds else 0.0
    return SmokeTestResult(
        release.manifest.n_bytes, load_seconds, len(seconds), 1_000 * p95, short / len(seconds) if seconds else 0.0
    )


def run_in_fresh_process(folder: Path, version: str) -> SmokeTestResult:
    """Run the smoke test in a process of its own, so that nothing in this one's memory can help.

    Args:
        folder: The folder of releases.
        version: The release.

    Returns:
        What was measured.

    Raises:
        ReleaseError: The release does not work, or the process took too long.
        LimitReached: The process could not load it, whatever it is like.
    """
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "src.releases.smoke_test", str(folder.resolve()), version]
    try:
        done = run_while_it_works(command, root)
    except TimeoutError as error:
        raise ReleaseError(
            f"release {version} did not load in a fresh process: {error}. It was removed; train again, and if that "
            "happens again, look for a disk that does not answer."
        ) from None
    if done.returncode == _LIMIT_REACHED:
        raise LimitReached(f"{done.stderr.strip()} The release was removed and the one before serves on.")
    if done.returncode < 0:  # OpenBLAS and the dynamic linker end a process that gets no memory
        raise LimitReached(
            f"the process that tried release {version} was ended by signal {-done.returncode}, as the system does when "
            "it is out of memory. Expected more: free memory, or raise the limit (ulimit -v, the container's), and "
            "train again. The release was removed and the one before serves on."
        )
    if done.returncode != 0:
        raise ReleaseError(
            f"release {version} does not load in a fresh process: {done.stderr.strip()[-300:]}. "
            "It was removed and the one before serves on; train again."
        )
    return SmokeTestResult(**json.loads(done.stdout))


def run_while_it_works(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as long as it uses CPU time, but not more than _CPU_SECONDS of it.

    Args:
        command: The command.
        folder: Where it is started.

    Returns:
        Its exit code and what it wrote.

    Raises:
        TimeoutError: It used more CPU time, or none for _STALLED_SECONDS, and was killed.
    """
    used, progressed_at = 0.0, time.monotonic()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    written = process.communicate(timeout=_LOOK_SECONDS)
                    return subprocess.CompletedProcess(command, process.returncode, *written)
                used_now = cpu_seconds(process.pid)
                if used_now > used:
                    used, progressed_at = used_now, time.monotonic()
                if used > _CPU_SECONDS:
                    raise TimeoutError(f"it took more than {_CPU_SECONDS:g} s of CPU time")
                if time.monotonic() > progressed_at + _STALLED_SECONDS:
                    raise TimeoutError(f"it made no progress for {_STALLED_SECONDS:g} s")
        except BaseException:
            process.kill()
            raise


def _queries(pipeline: Pipeline) -> list[Query]:
    """Return one query without a history, then queries with a few products each; always the same."""
    n_items = len(pipeline.items)
    if not n_items:
        return []
    rng = np.random.default_rng(0)
    queries = [Query(user_id=None, n=_LENGTH)]
    for _ in range(_LISTS):
        rows = rng.choice(n_items, min(n_items, 1 + int(rng.integers(_LONGEST_HISTORY))), replace=False)
        history = tuple(Event("", product_id, EventKind.PURCHASE) for product_id in pipeline.items.ids_of(rows))
        queries.append(Query(user_id=None, history=history, n=_LENGTH))
    return queries


def _main() -> int:
    gc.freeze()  # what is imported stays until the end, where a collection would look at all of it
    folder, version = sys.argv[1:]
    try:
        print(json.dumps(asdict(run_smoke_test(Path(folder) / version))))
    except AisleError as error:
        print(error, file=sys.stderr)
        return _LIMIT_REACHED if isinstance(error, LimitReached) else 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
