"""Measure `make run` in a fresh clone of the last commit: when it listens, lists popular products, lists trained ones.

python -m bench.first_list     clones and installs into a temporary folder; needs git, make and a package index
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 900


def main() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "aisle"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AISLE_") and k != "VIRTUAL_ENV"}
        started = time.monotonic()
        command = ["make", "run", f"PORT={port}"]
        process = subprocess.Popen(
            command, cwd=clone, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
        )
        moments: dict[str, float] = {}
        try:
            while time.monotonic() - started < PATIENCE_SECONDS and process.poll() is None:
                reached = ["installed"] if (clone / ".venv/.installed").exists() else []
                reached += _reached(port)
                for moment in reached:
                    moments.setdefault(moment, time.monotonic() - started)
                if "trained list" in moments:
                    print(", ".join(f"{moment} after {seconds:.1f} s" for moment, seconds in moments.items()))
                    return 0
                time.sleep(0.1)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
    print("error: no list was served in time", file=sys.stderr)
    return 1


def _reached(port: int) -> list[str]:
    """Return the moments that an answer proves."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/recommend?user_id=U00001", timeout=5) as answer:
            is_trained = answer.headers["X-Source"] != "popularity"
            return ["listening", "popular list", *(["trained list"] if is_trained else [])]
    except urllib.error.HTTPError:
        return ["listening"]
    except (urllib.error.URLError, ConnectionError):
        return []


if __name__ == "__main__":
    sys.exit(main())
