"""Waiting for another thread or process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

PATIENCE_SECONDS = 600  # of a busy machine; a test that succeeds ends its wait at once


def wait_until(condition: Callable[[], Any], description: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Return the first true value of `condition`; fail, naming `description`, when none comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    return pytest.fail(f"waited {seconds} s for {description}")
