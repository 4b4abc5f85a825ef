"""Exchange parts of an application that a test has built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Flask

from app.context import AisleContext, attach_context, context_of


def exchange(app: Flask, **parts: Any) -> AisleContext:
    """Put parts in the place of those that the application was built with; return its new context."""
    attach_context(app, replace(context_of(app), **parts))
    return context_of(app)
