"""Measure a release's settings on events that it was not trained on: python evaluate_model.py [--release V].

Or measure the pipeline on a split of your own: python evaluate_model.py --train FILE --test FILE [--valid FILE]
Or estimate from the log what a release would have earned: python evaluate_model.py --off-policy V
Or measure search: python evaluate_model.py --search JUDGEMENTS --products FILE; without judgements on queries that are
made from the catalogue
"""

from __future__ import annotations

from src.core.address_space import require_address_space
from src.core.gc_pause import freeze_imports, pause_for_imports

require_address_space()  # before the libraries are imported
pause_for_imports()

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from src.core.domain import JsonDict
from src.models.settings import AllSettings, read_settings
from src.releases.shared_registry import followed_registry
from src.store import Store, open_store
from src.workflows.benchmark import run_benchmark
from src.workflows.benchmark_request import BenchmarkRequest
from src.workflows.cli import Screen, run_command
from src.workflows.compare_releases import compare_releases
from src.workflows.evaluate import evaluate
from src.workflows.off_policy import off_policy, sentences
from src.workflows.search_benchmark import SearchBenchmarkRequest, run_search_benchmark

freeze_imports()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", metavar="VERSION", help="default: the current release")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report to this file, too")
    parser.add_argument(
        "--compare", nargs=2, metavar="VERSION", help="compare two releases on events that are newer than both"
    )
    parser.add_argument(
        "--off-policy",
        metavar="VERSION",
        help="estimate what a release would have earned, from lists with places drawn by chance (AISLE_EXPLORE)",
    )
    own = parser.add_argument_group(
        "a split of your own",
        "files with user_id,item_id[,value,at], or with a user and all their products in each line; gzipped or not",
    )
    own.add_argument("--train", type=Path, metavar="FILE", help="the events to train on")
    own.add_argument("--test", type=Path, metavar="FILE", help="the events to measure on; opened after training")
    own.add_argument("--valid", type=Path, metavar="FILE", help="the events to tune on; default: a part of --train")
    own.add_argument("--model", metavar="NAME", help="pipeline (as served; the default), all, or a model's name")
    own.add_argument("--at", metavar="N,N", help="lengths of the measured lists; default: 10,20")
    own.add_argument("--relevant", type=float, metavar="X", help="lowest relevant rating of the test file")
    own.add_argument("--budget", type=float, metavar="SECONDS", help="duration of tuning the pipeline; default: 480")
    judged = parser.add_argument_group(
        "search", "by words, by each installed encoder, by both fused, and with the trained re-ranker"
    )
    judged.add_argument("--search", type=Path, metavar="JUDGEMENTS", help="rows of query,product,grade with a header")
    judged.add_argument(
        "--products",
        type=Path,
        metavar="FILE",
        help="the catalogue to search; without --search queries are made from it",
    )
    return parser


def _store(settings: AllSettings) -> Store:
    """Open the store, beside the current release of all hosts."""
    followed_registry(settings)
    return open_store(settings.store_url, wait_seconds=settings.database_wait)


def _work(arguments: argparse.Namespace, screen: Screen) -> None:
    settings = read_settings()
    search_job, job = (
        SearchBenchmarkRequest.from_options(vars(arguments)),
        BenchmarkRequest.from_options(vars(arguments)),
    )
    if arguments.compare:
        one, other = arguments.compare
        compared = compare_releases(settings, _store(settings), one, other, screen)
        document: JsonDict = asdict(compared)
        screen.say(json.dumps(compared.result, indent=2))
    elif arguments.off_policy:
        document = off_policy(settings, _store(settings), arguments.off_policy, screen)
        for sentence in sentences(document):
            screen.say(sentence)
    elif search_job is not None:
        found = run_search_benchmark(settings, search_job, screen)
        screen.search_report(found)
        document = found.to_json()
    elif job is not None:
        measured = run_benchmark(settings, job, screen)
        screen.split_report(measured)
        document = measured.to_json()
    else:
        report, folder = evaluate(settings, _store(settings), arguments.release, screen)
        screen.report(report)
        screen.say(f"report.json and plots: {folder}")
        document = report.to_json()
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_command(_parser(), _work))
