"""Measure a release's settings afresh, on events it has not learnt from: python evaluate_model.py [--release V].

Or measure what it serves on a split of one's own: python evaluate_model.py --train FILE --test FILE [--valid FILE]
Or measure search on judged queries: python evaluate_model.py --search JUDGEMENTS --products FILE
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from src.core.domain import JsonDict
from src.models.settings import read_settings
from src.store import open_store
from src.workflows.benchmark import BenchmarkRequest, run_benchmark
from src.workflows.cli import Screen, run_command
from src.workflows.evaluate import evaluate
from src.workflows.search_benchmark import SearchBenchmarkRequest, run_search_benchmark


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", metavar="VERSION", help="default: the current release")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there too")
    own = parser.add_argument_group(
        "a split of one's own",
        "files with user_id,item_id[,value,at], or with a user and all her products a line; gzipped or not",
    )
    own.add_argument("--train", type=Path, metavar="FILE", help="what is learnt from")
    own.add_argument("--test", type=Path, metavar="FILE", help="what is measured on; opened when all is trained")
    own.add_argument("--valid", type=Path, metavar="FILE", help="what is tuned on; default: a part of --train")
    own.add_argument("--model", metavar="NAME", help="pipeline (what is served; the default), all, or a model's name")
    own.add_argument("--at", metavar="N,N", help="lengths of the lists that are measured; default: 10,20")
    own.add_argument("--relevant", type=float, metavar="X", help="test ratings from here on are relevant")
    own.add_argument("--budget", type=float, metavar="SECONDS", help="for tuning the pipeline; default: 480")
    judged = parser.add_argument_group(
        "search", "words, each encoder that is here, both fused, and the learned ranking"
    )
    judged.add_argument("--search", type=Path, metavar="JUDGEMENTS", help="rows of query,product,grade with a header")
    judged.add_argument("--products", type=Path, metavar="FILE", help="the catalogue that was searched")
    return parser


def _work(arguments: argparse.Namespace, screen: Screen) -> None:
    settings = read_settings()
    search_job, job = SearchBenchmarkRequest.asked_for(vars(arguments)), BenchmarkRequest.asked_for(vars(arguments))
    if search_job is not None:
        found = run_search_benchmark(settings, search_job, screen)
        screen.search_report(found)
        document: JsonDict = found.to_json()
    elif job is not None:
        measured = run_benchmark(settings, job, screen)
        screen.split_report(measured)
        document = measured.to_json()
    else:
        report, folder = evaluate(settings, open_store(settings.store_url), arguments.release, screen)
        screen.report(report)
        screen.say(f"report.json and plots: {folder}")
        document = report.to_json()
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_command(_parser(), _work))
