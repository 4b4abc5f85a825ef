"""Read files of ratings into the store: python data_processing.py [FILE …] [--export [FILE]]"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from src.config import read_settings
from src.store import open_store
from src.workflows.doors import Screen, run_door
from src.workflows.ingest import DEFAULT_EXPORT, export, take_in


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: what lies in data/ and data/raw/")
    parser.add_argument(
        "--export", nargs="?", type=Path, const=DEFAULT_EXPORT, metavar="FILE",
        help=f"write the cleaned table ({DEFAULT_EXPORT} when no name is given)",
    )  # fmt: skip
    return parser


def _work(arguments: argparse.Namespace, screen: Screen) -> None:
    settings = read_settings()
    store = open_store(settings.store_url, loading=True)
    for line in take_in(settings, store, arguments.files, screen):
        screen.say(line)
    if arguments.export is not None:
        written = export(settings, store, arguments.export)
        screen.say(f"{written:,} events written to {arguments.export}")
    here = store.summary()
    screen.say(f"the store holds {here.n_events:,} events of {here.n_users:,} users on {here.n_products:,} products")


if __name__ == "__main__":
    sys.exit(run_door(_parser(), _work))
