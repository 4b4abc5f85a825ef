"""Train, measure, and, if the gate allows it, publish and activate a release; or look after those that are there.

python train_model.py [--data FILE] [--model NAME] [--force] [--no-activate]
python train_model.py --releases | --activate V [--pin] | --rollback [--pin] | --pin | --unpin | --watch
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from src.core.settings import Settings
from src.models import MODELS
from src.models.settings import read_settings
from src.releases.gate_messages import verdict_sentence
from src.releases.registry import Registry
from src.store import open_store
from src.workflows.cli import Screen, run_command
from src.workflows.drift_check import check_drift
from src.workflows.process_priority import lower_priority
from src.workflows.train import train
from src.workflows.training_messages import release_line
from src.workflows.training_plan import MODEL_TYPES, TrainingRequest

_GRACE_SECONDS = 300


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FILE", help="train from this table instead of the store")
    parser.add_argument(
        "--model", choices=["all", *MODELS], default="all", help="train this one and popularity only (default: all)"
    )
    parser.add_argument(
        "--again",
        choices=[*MODEL_TYPES],
        default="all",
        metavar="TYPE",
        help="train only svd (ratings), mf (matrix factorization) or ss (similarity) anew; the rest is carried over "
        "from the current release",
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
    parser.add_argument("--force", action="store_true", help="serve what comes of it, whatever the gate says")
    parser.add_argument("--no-activate", action="store_true", help="publish the release, but do not serve it")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="score the current release on the events it has not seen, and train only if it has fallen",
    )
    releases = parser.add_argument_group("releases").add_mutually_exclusive_group()
    releases.add_argument("--releases", action="store_true", help="list the releases on disk, newest first")
    releases.add_argument("--activate", metavar="VERSION", help="serve this one")
    releases.add_argument("--rollback", action="store_true", help="serve the one that served before the current one")
    releases.add_argument("--unpin", action="store_true", help="let trainings replace the current release again")
    parser.add_argument("--pin", action="store_true", help="no training replaces the current release until --unpin")
    parser.add_argument(
        "--trigger", choices=["command", "night", "api", "drift"], default="command", help=argparse.SUPPRESS
    )
    parser.add_argument("--due", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--run-id", help=argparse.SUPPRESS)
    return parser


def _work(arguments: argparse.Namespace, screen: Screen) -> None:
    settings = read_settings(**({"svd_engine": arguments.engine} if arguments.engine else {}))
    if _looks_after_releases(settings, arguments, screen):
        return
    if arguments.trigger != "command":
        lower_priority()
        # The leader ends what hangs and says so; where nobody leads, the kernel does, whatever the process is at.
        signal.alarm(int(3_600 * settings.train_hours) + _GRACE_SECONDS)
    store = open_store(settings.store_url)
    job = TrainingRequest(
        data=arguments.data,
        models=tuple(MODELS) if arguments.model == "all" else (arguments.model,),
        tune_seconds=arguments.tune,
        activate=not arguments.no_activate,
        trigger=arguments.trigger,
        due=arguments.due,
        model_type=arguments.again,
        force=arguments.force,
        run_id=arguments.run_id,
    )
    if arguments.watch:
        score, fallen = check_drift(settings, store, screen)
        screen.say(score.message)
        if fallen is None:
            return
        job = fallen
    trained = train(settings, store, job, screen)
    if trained is None:
        screen.say("this night's run is done already")
        return
    if trained.report is not None:
        screen.say(trained.report.protocol())
        screen.say(trained.report.summary())
    screen.say(verdict_sentence(trained.verdict))
    if trained.version is not None:
        screen.say(release_line(trained))


def _looks_after_releases(settings: Settings, arguments: argparse.Namespace, screen: Screen) -> bool:
    """Do what was asked about releases; whether anything was."""
    registry = Registry(settings.releases_dir, settings.keep_releases)
    if arguments.releases:
        screen.releases(registry.listing())
    elif arguments.activate:
        registry.activate(arguments.activate, pin=arguments.pin)
    elif arguments.rollback:
        registry.rollback(pin=arguments.pin)
    elif arguments.pin or arguments.unpin:
        registry.pin(pinned=arguments.pin)
    else:
        return False
    if not arguments.releases:
        pinned = "pinned: no training replaces it" if registry.is_pinned else "not pinned"
        screen.say(f"release {registry.current_version()} is active, {pinned}")
    return True


if __name__ == "__main__":
    sys.exit(run_command(_parser(), _work))
