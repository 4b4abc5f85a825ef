"""The packages are installed by uv, or by pip where uv cannot; both from the index that pip is configured to use."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from deploy.install import as_uv_reads_it, install


def test_uv_gets_the_index_and_the_certificates_of_pip() -> None:
    settings = (
        ":env:.index-url='https://user:secret@mirror.example/simple'\nglobal.cert='/etc/ca.pem'\nglobal.timeout='9'"
    )
    found = as_uv_reads_it(settings, {"PATH": "/bin"})
    assert found["UV_DEFAULT_INDEX"] == "https://user:secret@mirror.example/simple"
    assert (found["SSL_CERT_FILE"], found["PATH"]) == ("/etc/ca.pem", "/bin")
    assert "global.timeout" not in found


def test_what_is_said_to_uv_itself_counts_first() -> None:
    found = as_uv_reads_it("global.index-url='https://one.example'", {"UV_DEFAULT_INDEX": "https://two.example"})
    assert found["UV_DEFAULT_INDEX"] == "https://two.example"


@pytest.mark.parametrize(("fails", "n_asked"), [("requirements-installer.lock", 3), (" uv pip install", 4), ("", 3)])
def test_pip_installs_where_uv_cannot(
    fails: str, n_asked: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(" ".join(command))
        is_wrong = bool(fails) and fails in asked[-1]
        return subprocess.CompletedProcess(command, int(is_wrong), "lines before\n  no such host" if is_wrong else "")

    monkeypatch.setattr(subprocess, "run", run)
    assert install("requirements.lock") == 0
    assert len(asked) == n_asked
    by_uv = (
        f"{sys.executable} -m uv pip install --quiet --python {sys.executable} --require-hashes -r requirements.lock"
    )
    assert (asked[-1] == by_uv) is not bool(fails)
    assert all("--require-hashes" in command for command in asked if " install " in command)
    said = capsys.readouterr().out
    assert ("(no such host). pip does now" in said) is bool(fails)
    if fails:
        assert asked[-1].endswith(
            "-m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock"
        )
