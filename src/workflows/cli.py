"""What the command-line doors share: progress, tables, exit codes, and errors as one clear line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from src.core.errors import AisleError, Ended

if TYPE_CHECKING:
    from src.evaluation.benchmark_report import BenchmarkReport
    from src.evaluation.report import Report
    from src.evaluation.search_evaluation import SearchReport
    from src.releases.registry import Listed


class Screen:
    """A Reporter for people: bars on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = Console(soft_wrap=True, highlight=False)
        self._progress: Progress | None = None

    @contextmanager
    def open(self) -> Iterator[Screen]:
        """While this is open, steps may be shown."""
        if not self._console.is_terminal:
            yield self
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"))
        with Progress(*columns, TimeElapsedColumn(), console=self._console, transient=True) as self._progress:
            yield self
        self._progress = None

    def step(self, line: str) -> None:
        if self._progress is None:
            self._console.print(line, markup=False)
            return
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.add_task(line, total=None, count="")

    def advance(self, done: int, total: int | None = None) -> None:
        if self._progress is None:
            return
        for task in self._progress.task_ids:
            self._progress.update(task, completed=done, total=total, count=f"{done:,}")

    def say(self, line: str) -> None:
        """A line that stays."""
        self._console.print(line, markup=False)

    def report(self, report: Report) -> None:
        """What was measured: how, the tables, and the verdict."""
        self.say(report.protocol())
        if report.ratings:
            self._table(report.rating_table())
        if report.lists:
            self._table(report.list_table())
        self.say(report.summary())

    def split_report(self, report: BenchmarkReport) -> None:
        """What was measured on somebody's own split: the files, how, the tables, and the verdict."""
        for line in report.sentences():
            self.say(line)
        for title, rows in report.tables():
            self.say(title)
            self._table(rows)
        self.say(report.summary())

    def releases(self, listing: Sequence[Listed]) -> None:
        """The releases on disk, newest first."""
        if not listing:
            self.say("no release is on disk: run python train_model.py")
            return
        rows = [["release", "", "list", "NDCG@10", "MiB", "gate"]]
        for each in listing:
            marks = [("current", each.is_current), ("pinned", each.pinned), ("previous", each.is_previous)]
            figures = (
                each.default_model or "",
                "" if each.ndcg_at_10 is None else f"{each.ndcg_at_10:.4f}",
                "" if each.n_bytes is None else f"{each.n_bytes / 2**20:.1f}",
            )
            mark = ", ".join(word for word, is_so in marks if is_so)
            rows.append([each.version, mark, *figures, each.problem or each.gate_sentence])
        self._table(rows)

    def search_report(self, report: SearchReport) -> None:
        """What was measured on judged queries."""
        self._table(report.table())
        for line in report.sentences():
            self.say(line)

    def _table(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows of text, the first one the header."""
        header, *body = rows
        table = Table(*header)
        for row in body:
            table.add_row(*row)
        if not self._console.is_terminal:  # no terminal says how wide it is; never cut a figure
            Console(width=200, highlight=False).print(table)
        else:
            self._console.print(table)


def run_command(parser: argparse.ArgumentParser, work: Callable[[argparse.Namespace, Screen], int | None]) -> int:
    """Parse, do the work, and return the exit code: 0 done, 1 the program failed, 2 the input is unusable.

    An error is one line on stderr; `--debug` shows the traceback.
    """
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    arguments = parser.parse_args()
    screen = Screen()
    try:
        with screen.open():
            return work(arguments, screen) or 0
    except KeyboardInterrupt:
        print("stopped; what was finished before is kept", file=sys.stderr)
        return 128 + signal.SIGINT
    except Ended:
        print("ended by SIGTERM; what was finished before is kept", file=sys.stderr)
        return 128 + signal.SIGTERM
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return 1
    except AisleError as error:
        if arguments.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if arguments.debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(
            f"error: {where}{error.strerror or error}. Expected a place that can be written and has space; mend that, "
            "or set AISLE_VAR to another folder, and run again.",
            file=sys.stderr,
        )
        return 1
    except Exception as error:
        if arguments.debug:
            raise
        print(
            f"error: unexpected {type(error).__name__}: {error}. Run again with --debug for details.", file=sys.stderr
        )
        return 1
