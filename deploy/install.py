"""Install the packages of a lock file with uv, which takes a tenth of pip's time, or with pip where uv cannot.

python deploy/install.py requirements.lock

It needs Python and pip alone. Both installers check the hash of every package, and take them from the index that pip
is configured to use.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_UV_LOCK = Path(__file__).resolve().parent.parent / "requirements-installer.lock"
_PIP = [sys.executable, "-m", "pip"]
_WITH_PIP = [*_PIP, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]
_WITH_UV = [
    sys.executable,
    "-m",
    "uv",
    "pip",
    "install",
    "--quiet",
    "--python",
    sys.executable,
    "--require-hashes",
    "-r",
]


def as_uv_reads_it(pip_settings: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of uv, which does not read what pip is configured with.

    Args:
        pip_settings: What `pip config list` prints: lines such as global.index-url='…'.
        environment: Of this process; what it says to uv itself counts first.

    Returns:
        The environment with pip's index and certificates.
    """
    found = {"UV_SYSTEM_CERTS": "1"}
    for line in pip_settings.splitlines():
        name, _, value = line.partition("=")
        variable = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}.get(name.rpartition(".")[2])
        if variable:
            found[variable] = value.strip("'\"")
    return {**found, **environment}


def install(lock: str) -> int:
    """Install a lock file; return the exit code of the installer that had the last word."""
    commands = [[*_WITH_PIP, str(_UV_LOCK)], [*_WITH_UV, lock]]
    pip_settings = subprocess.run([*_PIP, "config", "list"], capture_output=True, text=True).stdout
    environment = as_uv_reads_it(pip_settings, os.environ)
    for command in commands:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            why = (done.stdout.strip().splitlines() or ["no word why"])[-1].strip()
            print(f"note: uv could not install the packages ({why}). pip does now, which takes longer.", flush=True)
            return subprocess.run([*_WITH_PIP, lock]).returncode
    return 0


if __name__ == "__main__":
    sys.exit(install(sys.argv[1]))
