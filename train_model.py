"""Train, measure, publish and activate a release: python train_model.py [--data FILE] [--model NAME] [--no-activate]"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from src.config import read_settings
from src.models import MODELS
from src.store import open_store
from src.workflows.doors import Screen, run_door
from src.workflows.plans import Job
from src.workflows.train import train


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FILE", help="train from this table instead of the store")
    parser.add_argument(
        "--model", choices=["all", *MODELS], default="all", help="train this one and popularity only (default: all)"
    )
    parser.add_argument(
        "--tune",
        type=float,
        nargs="?",
        const=480.0,
        metavar="SECONDS",
        help="look so long (default: 480) for better settings of the list; started again, it goes on where it was",
    )
    parser.add_argument("--engine", choices=["numba", "surprise"], help="what trains SVD (default: AISLE_SVD_ENGINE)")
    parser.add_argument("--no-activate", action="store_true", help="publish the release, but do not serve it")
    parser.add_argument("--trigger", choices=["command", "night", "api"], default="command", help=argparse.SUPPRESS)
    parser.add_argument("--due", type=int, help=argparse.SUPPRESS)
    return parser


def _work(arguments: argparse.Namespace, screen: Screen) -> None:
    if arguments.trigger != "command":
        os.nice(19)  # people who wait for a list come first
    settings = read_settings(**({"svd_engine": arguments.engine} if arguments.engine else {}))
    store = open_store(settings.store_url)
    job = Job(
        data=arguments.data,
        models=tuple(MODELS) if arguments.model == "all" else (arguments.model,),
        tune_seconds=arguments.tune,
        activate=not arguments.no_activate,
        trigger=arguments.trigger,
        due=arguments.due,
    )
    trained = train(settings, store, job, screen)
    if trained is None:
        screen.say("this night's run is done already")
        return
    if trained.report is not None:
        screen.say(trained.report.protocol())
        screen.say(trained.report.verdict())
    screen.say(trained.verdict.sentence())
    if trained.version is None:
        return
    screen.say(
        trained.note or f"release {trained.version} is {'active' if trained.active else 'published, not active'}"
    )


if __name__ == "__main__":
    sys.exit(run_door(_parser(), _work))
