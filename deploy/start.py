"""Serve at once; load files, list popular products, train and measure beside. `make run` and a container start this.

python deploy/start.py [FILE ...]

The service listens from the beginning, answers popular products when the data are in, and takes up the trained release
by itself; until then /readyz and every list say with 503 what is being done. A step that fails ends the service with
its exit code: 2 where a file is unusable. Ctrl-C ends everything.

Without named files nothing is done if a release is current and the contents of all files in data/ were loaded before.
With AISLE_WATCH_DATA=on the folder is looked at every minute; what cannot be loaded then is told, and the service
goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from src.core.errors import AisleError  # noqa: E402
from src.core.process_lock import LockOwner  # noqa: E402
from src.core.settings import Settings, settings_from_environment  # noqa: E402
from src.releases.shared_registry import open_registry  # noqa: E402
from src.store import open_store  # noqa: E402
from src.workflows.export import input_files  # noqa: E402
from src.workflows.locks import leader_lock  # noqa: E402
from src.workflows.seen_files import SeenFiles  # noqa: E402

_POLL_SECONDS = 0.1
_LOOK_SECONDS = 60.0
_PATIENCE_SECONDS = 60.0
_MOST_PAUSES = 60
_UNUSABLE = 2
"""The exit code of a step whose files cannot be used, which a second try does not mend."""


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *arguments])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that may have been told to end already."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _run(server: subprocess.Popen[bytes], *arguments: str) -> int:
    """Run a step to its end; the end of the server ends it, too. Return its exit code, or the server's."""
    step = _start(*arguments)
    try:
        while step.poll() is None:
            if server.poll() is not None:
                return server.returncode or 1
            time.sleep(_POLL_SECONDS)
        return step.returncode
    finally:
        _end(step)


def _export_keys(folder: Path) -> None:
    """Make the keys of the service, unless they are set; the command says where they are."""
    roles = [role for role in ("write", "admin") if not os.environ.get(f"AISLE_{role.upper()}_KEYS")]
    if roles:
        subprocess.run([sys.executable, "run.py", "--make-keys"], check=True)
    for role in roles:
        os.environ[f"AISLE_{role.upper()}_KEYS"] = (folder / f"{role}.key").read_text().strip()


_STEPS = {
    "loading the files and the catalogue": ["data_processing.py"],
    "listing popular products": ["train_model.py", "--first"],
    "training; popular products are listed until it has ended": ["train_model.py"],
    "measuring": ["evaluate_model.py"],
}


def _prepare(server: subprocess.Popen[bytes], settings: Settings, files: list[str]) -> int:
    """Load, list popular products, train, measure; return the exit code of the step that failed, else 0."""
    try:
        for doing, step in _STEPS.items():
            settings.starting_path.write_text(doing, encoding="utf-8")
            if code := _run(server, *step, *(files if step == ["data_processing.py"] else ())):
                return code
        return 0
    finally:
        settings.starting_path.unlink(missing_ok=True)


def _watch(server: subprocess.Popen[bytes], settings: Settings, seen: SeenFiles) -> int:
    """Load and train what is new in data/ until the service ends; return its exit code.

    What failed for another reason than its files, such as a database that is away or a training that runs already, is
    tried again: after one look, then after two, four, and so on up to an hour.
    """
    n_failed = n_pauses = 0
    while settings.watch_data == "on":
        with suppress(subprocess.TimeoutExpired):
            return server.wait(_LOOK_SECONDS)
        files = input_files(settings)
        if not seen.is_settled(files) or not seen.has_new(contents := seen.contents(files)):
            continue
        if n_pauses:
            n_pauses -= 1
            continue
        print("new files in data/: loading them and training", flush=True)
        code = _run(server, "data_processing.py") or _run(server, "train_model.py")
        if code and server.poll() is None:
            print(f"error: what is new in data/ is not served: a step failed with exit code {code}", file=sys.stderr)
        if code in (0, _UNUSABLE):
            seen.note(contents)
            n_failed = 0
        else:
            n_failed += 1
            n_pauses = min(2 ** (n_failed - 1), _MOST_PAUSES) - 1
    return server.wait()


def main(files: list[str]) -> int:
    """Start the service and the steps; return the exit code.

    Args:
        files: To load; none for those in data/, or a shop that is made up.

    Returns:
        The service's exit code, or that of the step that failed.
    """
    os.chdir(ROOT)
    try:
        settings = settings_from_environment(Settings, {})
        if settings.database_url:
            open_store(settings.store_url, wait_seconds=settings.database_wait).close()
    except AisleError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    _export_keys(settings.var / "keys")
    signal.signal(signal.SIGTERM, _interrupt)
    # No worker leads, and trains what is loaded only in part, before the first training has ended.
    lead = leader_lock(settings)
    lead.acquire(LockOwner.this_process())
    seen = SeenFiles(settings.var / "seen_files.json")
    server = _start("-m", "gunicorn", "-c", "gunicorn.conf.py", "run:app")
    try:
        found = input_files(settings)
        seen.is_settled(found)
        contents = seen.contents(found)
        is_current = open_registry(settings).wanted_version() is not None
        if files or not is_current or seen.has_new(contents):
            if code := _prepare(server, settings, files):
                if server.poll() is None:
                    print(f"error: the last step failed with exit code {code}; the service ends", file=sys.stderr)
                return code
            if not files:
                seen.note(contents)
        lead.release()
        port = os.environ.get("PORT") or "5000"
        print(
            f"Aisle serves http://localhost:{port}/ (calls: http://localhost:{port}/docs); Ctrl-C ends it", flush=True
        )
        return _watch(server, settings, seen)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        lead.release()
        _end(server)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
