"""Train, measure, and, if the gate allows it, publish and activate a release; or list, activate and pin releases.

python train_model.py [--data FILE] [--only TYPE | --model NAME] [--force] [--no-activate]
python train_model.py --batch-lists FILE.parquet [--n 50] [--users FILE]
python train_model.py --first | --releases | --activate V [--pin] | --rollback [--pin] | --pin | --unpin | --watch
"""

from __future__ import annotations

from src.core.address_space import require_address_space
from src.core.gc_pause import freeze_imports, pause_for_imports

require_address_space()  # before the libraries are imported
pause_for_imports()

import argparse
import signal
import sys
from pathlib import Path

from src.core.settings import Settings
from src.core.tracing import start_tracing, stop_tracing, trace_steps
from src.models import MODELS
from src.models.settings import read_settings
from src.releases.gate_messages import verdict_sentence
from src.releases.shared_registry import followed_registry, open_registry
from src.store import open_store
from src.workflows.batch_lists import write_batch_lists
from src.workflows.batch_parts import BatchRequest
from src.workflows.cli import Screen, run_command
from src.workflows.delivery import delivered
from src.workflows.drift_check import check_drift
from src.workflows.first_release import publish_popularity
from src.workflows.mlflow_tracking import URI, release_of
from src.workflows.process_priority import lower_priority
from src.workflows.train import train
from src.workflows.training_messages import release_line
from src.workflows.training_plan import MODEL_TYPES, TrainingRequest

freeze_imports()

_GRACE_SECONDS = 300


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FILE", help="train from this table instead of the store")
    parser.add_argument(
        "--model", choices=["all", *MODELS], default="all", help="make a release of this model and popularity alone"
    )
    parser.add_argument(
        "--only",
        "--again",
        dest="model_type",
        choices=[*MODEL_TYPES],
        default="all",
        metavar="TYPE",
        help="train only svd (ratings), mf (matrix factorization) or ss (similarity); the other models are carried "
        "over from the current release; --again is an older name",
    )
    parser.add_argument(
        "--tune",
        type=float,
        nargs="?",
        const=480.0,
        metavar="SECONDS",
        help="search so long (default: 480) for better settings of the lists; a later search continues this one",
    )
    parser.add_argument(
        "--engine",
        choices=["numba", "surprise", "spark"],
        help="the library that trains SVD (default: AISLE_SVD_ENGINE); spark: a cluster trains lists from more events "
        "than the memory of this machine holds",
    )
    parser.add_argument(
        "--master", metavar="URL", help="of the cluster of --engine spark (default: AISLE_SPARK_MASTER)"
    )
    parser.add_argument("--force", action="store_true", help="serve the new release whatever the gate's verdict is")
    parser.add_argument("--no-activate", action="store_true", help="publish the release without serving it")
    parser.add_argument(
        "--first",
        action="store_true",
        help="only publish popular products, unmeasured, if no release is current: lists until a training has ended",
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="score the current release on events that it has not seen, and train only if it does worse than before",
    )
    batch = parser.add_argument_group("lists of all users")
    batch.add_argument(
        "--batch-lists",
        metavar="FILE",
        help="only write the lists of all users, as they would be served now, to this Parquet file, also to "
        "s3://BUCKET/KEY; one that was interrupted goes on",
    )
    batch.add_argument("--n", type=int, default=50, help="length of each of these lists (default: 50)")
    batch.add_argument("--users", type=Path, metavar="FILE", help="only for these users: a text file, one id a line")
    _add_releases(parser)
    parser.add_argument(
        "--trigger", choices=["command", "night", "api", "page", "drift"], default="command", help=argparse.SUPPRESS
    )
    parser.add_argument("--due", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--run-id", help=argparse.SUPPRESS)
    return parser


def _add_releases(parser: argparse.ArgumentParser) -> None:
    releases = parser.add_argument_group("releases").add_mutually_exclusive_group()
    releases.add_argument("--releases", action="store_true", help="list the releases on disk, newest first")
    releases.add_argument(
        "--activate", metavar="VERSION", help="serve this release; models:/aisle@ALIAS asks MLflow which one"
    )
    releases.add_argument(
        "--rollback", action="store_true", help="serve the newest release that served before the current one"
    )
    releases.add_argument("--unpin", action="store_true", help="let trainings replace the current release again")
    parser.add_argument("--pin", action="store_true", help="no training replaces the current release until --unpin")


def _work(arguments: argparse.Namespace, screen: Screen) -> None:
    by_spark = arguments.engine == "spark"
    given = {"spark_master": arguments.master, "svd_engine": None if by_spark else arguments.engine}
    settings = read_settings(**{name: value for name, value in given.items() if value})
    if _changes_releases(settings, arguments, screen):
        return
    if arguments.watch or arguments.first or arguments.batch_lists is not None:
        followed_registry(settings)  # this host may be new; a training looks, too
    if arguments.trigger != "command":
        if settings.background_priority == "lowest":
            lower_priority()
        # The leader ends a training that hangs. Without a leader the kernel does, whatever the process is doing.
        signal.alarm(int(3_600 * settings.train_hours) + _GRACE_SECONDS)
    store = open_store(settings.store_url, wait_seconds=settings.database_wait)
    if arguments.batch_lists is not None:
        with delivered(settings, arguments.batch_lists, "--batch-lists") as file:
            summary = write_batch_lists(settings, store, BatchRequest(file, arguments.n, arguments.users), screen)
        screen.say(summary.sentence())
        return
    if arguments.first:
        version = publish_popularity(settings, store, screen)
        screen.say(
            "a release is current: nothing to do" if version is None else f"release {version} lists popular products"
        )
        return
    job = TrainingRequest(
        data=arguments.data,
        models=tuple(MODELS) if arguments.model == "all" else (arguments.model,),
        tune_seconds=arguments.tune,
        activate=not arguments.no_activate,
        trigger=arguments.trigger,
        due=arguments.due,
        model_type=arguments.model_type,
        force=arguments.force,
        run_id=arguments.run_id,
        engine="spark" if by_spark else "",
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
    start_tracing(settings.traces_url, "aisle-training")
    trace_steps("training", [(phase.name, phase.seconds) for phase in trained.phases])
    stop_tracing()
    screen.phases(trained.phases)
    if trained.report is not None:
        screen.report(trained.report)
    screen.say(verdict_sentence(trained.verdict))
    if trained.version is not None:
        screen.say(release_line(trained))


def _changes_releases(settings: Settings, arguments: argparse.Namespace, screen: Screen) -> bool:
    """List, activate, pin or unpin releases as the arguments say; return whether they say so."""
    registry = open_registry(settings)
    if arguments.releases:
        screen.releases(registry.listing())
    elif arguments.activate:
        is_of_mlflow = arguments.activate.startswith(URI)
        registry.activate(release_of(arguments.activate) if is_of_mlflow else arguments.activate, pin=arguments.pin)
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
