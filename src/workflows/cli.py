"""Shared parts of the command-line programs: progress, tables, exit codes, and errors as one line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from typing_extensions import override

from src.core.address_space import address_space_note
from src.core.errors import AisleError, Ended
from src.core.progress import Reporter
from src.core.records import RunPhase

_SHOWN_SHARE = 0.01

if TYPE_CHECKING:
    from src.evaluation.benchmark_report import BenchmarkReport
    from src.evaluation.known_item_report import KnownItemReport
    from src.evaluation.report import Report
    from src.evaluation.search_evaluation import SearchReport
    from src.releases.listed_release import Listed


class Screen(Reporter):
    """Shows progress, lines and tables: bars on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = Console(soft_wrap=True, highlight=False)
        self._progress: Progress | None = None

    @contextmanager
    def open(self) -> Iterator[Screen]:
        """Show the bar of the current step inside a `with` block."""
        if not self._console.is_terminal:
            yield self
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"))
        with Progress(*columns, TimeElapsedColumn(), console=self._console, transient=True) as self._progress:
            yield self
        self._progress = None

    @override
    def step(self, line: str) -> None:
        if self._progress is None:
            self._console.print(line, markup=False)
            return
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.add_task(line, total=None, count="")

    @override
    def advance(self, done: int, total: int | None = None) -> None:
        if self._progress is None:
            return
        for task in self._progress.task_ids:
            self._progress.update(task, completed=done, total=total, count=f"{done:,}")

    @override
    def beside(self, line: str) -> AbstractContextManager[None]:
        if self._progress is None:
            self._console.print(line, markup=False)
        return nullcontext()

    def say(self, line: str) -> None:
        """Print a line that stays when the bar is removed."""
        self._console.print(line, markup=False)

    def report(self, report: Report) -> None:
        """Print how a release was measured, the tables, and their summary."""
        self.say(report.protocol())
        if report.ratings:
            self._table(report.rating_table())
        if report.rating_intervals:
            self._table(report.interval_table())
        if report.lists:
            self._table(report.list_table())
            self._table(report.slice_table())
        self.say(report.summary())

    def split_report(self, report: BenchmarkReport) -> None:
        """Print the files of a benchmark, how it was measured, the tables, and their summary."""
        for line in report.sentences():
            self.say(line)
        for title, rows in report.tables():
            self.say(title)
            self._table(rows)
        self.say(report.summary())

    def releases(self, listing: Sequence[Listed]) -> None:
        """Print a table of the releases on disk; listing: newest first."""
        if not listing:
            self.say("no release is on disk: run python train_model.py")
            return
        rows = [["release", "", "list", "NDCG@10", "MiB", "gate"]]
        for release in listing:
            roles = [("current", release.is_current), ("pinned", release.pinned), ("previous", release.is_previous)]
            figures = (
                release.default_model or "",
                "" if release.ndcg_at_10 is None else f"{release.ndcg_at_10:.4f}",
                "" if release.n_bytes is None else f"{release.n_bytes / 2**20:.1f}",
            )
            role = ", ".join(word for word, has_role in roles if has_role)
            rows.append([release.version, role, *figures, release.problem or release.gate_sentence])
        self._table(rows)

    def phases(self, phases: Sequence[RunPhase]) -> None:
        """Print a table of the phases of a training, with their sums; short ones are summed up in one row."""
        seconds = sum(phase.seconds for phase in phases)
        long = [phase for phase in phases if phase.seconds >= _SHOWN_SHARE * seconds]
        short = [phase for phase in phases if phase.seconds < _SHOWN_SHARE * seconds]
        rows = [["phase", "seconds", "cores busy", "peak MiB"], *map(_phase_row, long)]
        if short:
            rows.append(_phase_row(_sum_of(f"{len(short)} shorter ones", short)))
        self._table([*rows, _phase_row(_sum_of("all", phases))])

    def search_report(self, report: SearchReport | KnownItemReport) -> None:
        """Print what was measured on judged queries."""
        self._table(report.table())
        for line in report.sentences():
            self.say(line)

    def _table(self, rows: Sequence[Sequence[str]]) -> None:
        """Print rows of text, of which the first is the header."""
        header, *body = rows
        table = Table(*header)
        for row in body:
            table.add_row(*row)
        if not self._console.is_terminal:  # the width is unknown, and no figure may be cut off
            Console(width=240, highlight=False).print(table)
        else:
            self._console.print(table)


def _sum_of(name: str, phases: Sequence[RunPhase]) -> RunPhase:
    """Return several phases as one."""
    seconds = sum(phase.seconds for phase in phases)
    busy = sum(phase.seconds * phase.busy for phase in phases) / max(seconds, 1e-9)
    return RunPhase(name, seconds, busy, max((phase.peak_mib for phase in phases), default=0.0))


def _phase_row(phase: RunPhase) -> list[str]:
    return [phase.name, f"{phase.seconds:.1f}", f"{phase.busy:.0%}", f"{phase.peak_mib:,.0f}"]


def run_command(parser: argparse.ArgumentParser, work: Callable[[argparse.Namespace, Screen], int | None]) -> int:
    """Parse the command line and run a program; an error becomes one line on stderr.

    Args:
        parser: the options of the program; `--debug`, which shows tracebacks, is added.
        work: the program; its result, if any, is the exit code.

    Returns:
        The exit code: 0 done, 1 the program failed, 2 the input is unusable, 128 + a signal's number.
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
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # else the interpreter reports it again at its end
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
            f"or set AISLE_VAR to another folder, and run again.{address_space_note()}",
            file=sys.stderr,
        )
        return 1
    except MemoryError as error:
        if arguments.debug:
            raise
        print(
            f"error: out of memory ({error}). Expected more of it; free memory, or raise the limit of this process, "
            "and run again.",
            file=sys.stderr,
        )
        return 1
    except Exception as error:
        if arguments.debug:
            raise
        print(
            f"error: unexpected {type(error).__name__}: {error}. Run again with --debug for details."
            f"{address_space_note()}",
            file=sys.stderr,
        )
        return 1
