"""Replace parts of an application in a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Flask

from app.context import AisleContext, attach_context, context_of


def exchange(app: Flask, **parts: Any) -> AisleContext:
    """Replace parts of the context of an application; return the new context."""
    attach_context(app, replace(context_of(app), **parts))
    return context_of(app)


def launch_trainings(app: Flask, launch: Callable[..., Any]) -> AisleContext:
    """Replace the function that launches trainings; it takes the command, the log and the number of threads."""
    return exchange(app, training=replace(context_of(app).training, launch=launch))
