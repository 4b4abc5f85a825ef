"""Measure a release's settings afresh, on events it has not learnt from: python evaluate_model.py [--release V]"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from src.config import read_settings
from src.store import open_store
from src.workflows.doors import Screen, run_door
from src.workflows.evaluate import evaluate


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", metavar="VERSION", help="default: the current release")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there too")
    return parser


def _work(arguments: argparse.Namespace, screen: Screen) -> None:
    settings = read_settings()
    report, folder = evaluate(settings, open_store(settings.store_url), arguments.release, screen)
    screen.report(report)
    screen.say(f"report.json and plots: {folder}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_door(_parser(), _work))
