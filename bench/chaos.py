"""Kill, damage, fill, lock and swap a running service, and count wrong answers: make chaos, or python -m bench.chaos.

python -m bench.chaos [--kills 100] [--leaders 30] [--damages 500] [--seconds 60] [--nights 20] [--only NAME …]
Prints one line of JSON for each part; --json writes all of them. Exit code 1 if anything was wrong. Latencies depend
on the other load of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.chaos_connections import held_connections, stopped_leader
from bench.chaos_disk import damages, full_disk, locked_store
from bench.chaos_limits import little_memory, unwritable_places
from bench.chaos_load import swaps_under_load, training_under_load
from bench.chaos_shop import Shop, wait_until
from bench.chaos_store import changed_store
from src.core.records import RunStatus

Counts = dict[str, Any]


def killed_trainers(shop: Shop, options: argparse.Namespace) -> Counts:
    """Kill a training (SIGKILL) at random moments; check the answers of the service and the next run each time."""
    usual_seconds = _run_seconds(shop)
    shop.serve(workers=2)
    counts: Counts = {"kills": 0, "in_its_run": 0, "later_runs": 0, "later_run_failed": 0, "wrong": [], "killed_at": {}}
    for kill in range(options.kills):
        if time.monotonic() > options.until:
            break
        trainer = shop.trainer()
        if random.random() < 0.1:  # while Python starts and imports libraries
            time.sleep(random.uniform(0, usual_seconds))
        else:
            wait_until(lambda: shop.runs_under_way() or trainer.poll() is not None, "the run of the trainer")  # noqa: B023
            time.sleep(random.uniform(0, usual_seconds))
        progress = next((run.progress for run in shop.runs_under_way()), "")
        with suppress(ProcessLookupError):
            os.killpg(trainer.pid, signal.SIGKILL)
        trainer.wait()
        counts["kills"] += 1
        counts["in_its_run"] += bool(progress)
        step = " ".join(progress.split()[:2]) or "before or after its run"
        counts["killed_at"][step] = counts["killed_at"].get(step, 0) + 1
        if wrong := shop.problem():
            counts["wrong"].append(wrong)
        if kill % options.later_every == options.later_every - 1:
            _train_again(shop, counts)
    counts["left_over"] = shop.n_left_over()
    shop.end()
    return counts


def _train_again(shop: Shop, counts: Counts) -> None:
    """Train after a process was killed; check that the release is served and that no partial files remain."""
    before = shop.registry.current_version()
    code = shop.train()
    counts["later_runs"] += 1
    wrong = (
        "" if code == 0 and shop.registry.current_version() != before else f"a later run ended with exit code {code}"
    )
    wrong = wrong or shop.problem() or ("a partly written release is left" if shop.n_left_over() else "")
    counts["later_run_failed"] += bool(wrong)
    counts["wrong"] += [wrong] if wrong else []
    print(f"{counts['later_runs']} later runs, {counts['later_run_failed']} failed", file=sys.stderr, flush=True)


def _run_seconds(shop: Shop) -> float:
    """Return the seconds of a run, from its record to the end of its process."""
    for _ in range(2):  # the first run compiles the kernels
        trainer = shop.trainer()
        wait_until(lambda: shop.runs_under_way() or trainer.poll() is not None, "a run")  # noqa: B023
        started = time.monotonic()
        if trainer.wait() != 0:
            raise RuntimeError(f"the shop cannot be trained; see {shop.folder / 'trainer.log'}")
    return time.monotonic() - started


def killed_leaders(shop: Shop, options: argparse.Namespace) -> Counts:
    """Kill the leader, then random workers, then all of Gunicorn; check that a new leader is elected and answers."""
    shop.serve(workers=4, AISLE_SCHEDULER="on")
    counts: Counts = {"leaders": 0, "workers": 0, "services": 0, "later_runs": 0, "later_run_failed": 0, "wrong": []}
    counts["seconds_to_a_new_leader"] = []
    for _ in range(options.leaders):
        if time.monotonic() > options.until:
            break
        leader = wait_until(shop.leader, "a leader")
        os.kill(leader, signal.SIGKILL)
        killed_at = time.monotonic()
        wait_until(lambda: shop.leader() not in (None, leader), "another leader")  # noqa: B023
        counts["seconds_to_a_new_leader"].append(round(time.monotonic() - killed_at, 2))
        counts["leaders"] += 1
        counts["wrong"] += [wrong] if (wrong := shop.problem()) else []
        _train_again(shop, counts)
    for _ in range(options.leaders):
        if time.monotonic() > options.until:
            break
        victim = random.choice(shop.workers())
        os.kill(victim, signal.SIGKILL)
        counts["workers"] += 1
        counts["wrong"] += [wrong] if (wrong := shop.problem()) else []
        wait_until(lambda: len(set(shop.workers()) - {victim}) == 4, "a new worker")  # noqa: B023
        _train_again(shop, counts)
    for _ in range(max(1, options.leaders // 5)):
        shop.end(signal.SIGKILL)
        shop.serve(workers=4, AISLE_SCHEDULER="on")
        counts["services"] += 1
        counts["wrong"] += [wrong] if (wrong := shop.problem()) else []
        _train_again(shop, counts)
    shop.end()
    seconds = sorted(counts["seconds_to_a_new_leader"])
    counts["seconds_to_a_new_leader"] = {"median": seconds[len(seconds) // 2], "most": seconds[-1]} if seconds else {}
    return counts


def scheduled_trainings(shop: Shop, options: argparse.Namespace) -> Counts:
    """Check that four workers start one training per due moment; runs are backdated, so that the next one is due."""
    earlier_ids = {run.run_id for run in shop.scheduled_runs()}
    shop.backdate_runs()
    shop.serve(workers=4, AISLE_SCHEDULER="on")
    counts: Counts = {"nights": 0, "runs": 0, "leaders_killed": 0, "wrong": []}
    for night in range(options.nights):
        if night:
            shop.backdate_runs()
        if night % 4 == 3:
            os.kill(wait_until(shop.leader, "a leader"), signal.SIGKILL)
            counts["leaders_killed"] += 1
        runs = lambda: [run for run in shop.scheduled_runs() if run.run_id not in earlier_ids]  # noqa: E731
        wait_until(lambda: len([run for run in runs() if run.status.is_over]) == night + 1, f"night {night + 1}")  # noqa: B023
        time.sleep(1.5)  # several checks later there is still one
        counts["nights"] += 1
        counts["runs"] = len(runs())
    counts["wrong"] = [run.message for run in runs() if run.status is not RunStatus.SUCCEEDED]
    if counts["runs"] != counts["nights"]:
        counts["wrong"].append(f"{counts['runs']} runs in {counts['nights']} nights")
    shop.end()
    return counts


def two_trainers(shop: Shop, options: argparse.Namespace) -> Counts:
    """Start two trainings at once; check that one trains and the other ends with exit code 1."""
    counts: Counts = {"pairs": 0, "one_trained": 0, "wrong": []}
    for _ in range(10):
        pair = [shop.trainer(), shop.trainer()]
        codes = sorted(trainer.wait() for trainer in pair)
        counts["pairs"] += 1
        counts["one_trained"] += codes == [0, 1]
        if codes not in ([0, 1], [0, 0]) or shop.problem():  # [0, 0]: one started after the other had ended
            counts["wrong"].append(f"{codes} {shop.problem()}")
    return counts


def ended_services(shop: Shop, options: argparse.Namespace) -> Counts:
    """End Gunicorn (SIGTERM) during a scheduled training; check that the training ends, and is resumed later."""
    counts: Counts = {"services": 0, "trainer_outlived": 0, "taken_up_again": 0, "wrong": []}
    for _ in range(5):
        shop.backdate_runs()
        shop.serve(workers=2, AISLE_SCHEDULER="on")
        run = wait_until(lambda: next(iter(shop.runs_under_way()), None), "the scheduled run")
        time.sleep(random.uniform(0, 1.5))
        shop.end()
        counts["services"] += 1
        counts["trainer_outlived"] += bool(shop.runs_under_way())
        shop.serve(workers=2, AISLE_SCHEDULER="on")
        resumed = wait_until(lambda: _ended_run(shop, run.run_id), "the resumed run")  # noqa: B023
        counts["taken_up_again"] += resumed.status is RunStatus.SUCCEEDED
        counts["wrong"] += [wrong] if (wrong := shop.problem()) else []
        shop.end()
    return counts


def _ended_run(shop: Shop, run_id: str) -> Any:
    run = shop.store.runs.get(run_id)
    return run if run is not None and run.status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.KEPT) else None


PARTS: dict[str, Callable[[Shop, argparse.Namespace], Counts]] = {
    "trainers": killed_trainers,
    "leaders": killed_leaders,
    "nights": scheduled_trainings,
    "sigterm": ended_services,
    "two": two_trainers,
    "damages": damages,
    "disk": full_disk,
    "locked": locked_store,
    "store": changed_store,
    "memory": little_memory,
    "places": unwritable_places,
    "connections": held_connections,
    "stopped": stopped_leader,
    "swaps": swaps_under_load,
    "training": training_under_load,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="number of trainings to kill")
    parser.add_argument(
        "--later-every", type=int, default=1, metavar="N", help="train to the end after every N-th kill"
    )
    parser.add_argument("--leaders", type=int, default=30, help="number of leaders to kill, and of workers")
    parser.add_argument("--damages", type=int, default=500, help="number of files of a release to damage")
    parser.add_argument("--seconds", type=float, default=60.0, help="duration of the load")
    parser.add_argument("--nights", type=int, default=20, help="number of scheduled trainings")
    parser.add_argument("--minutes", type=float, default=600.0, help="a part kills nothing more after this time")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    random.seed(options.seed)
    results: dict[str, Counts] = {}
    for name in options.only:
        folder = Path(tempfile.mkdtemp(prefix="aisle-chaos-"))
        shop = Shop(folder)
        started = time.monotonic()
        options.until = started + 60 * options.minutes
        try:
            shop.fill()
            if name != "trainers" and shop.train() != 0:
                raise RuntimeError(f"the shop cannot be trained: {(folder / 'trainer.log').read_text()[-500:]}")
            results[name] = PARTS[name](shop, options)
        except (TimeoutError, RuntimeError, subprocess.TimeoutExpired) as error:
            results[name] = {"wrong": [str(error)]}
        finally:
            with suppress(OSError, subprocess.TimeoutExpired):
                shop.end(signal.SIGKILL)
            for trainer in shop.trainers():
                os.kill(trainer, signal.SIGKILL)
        results[name]["seconds"] = round(time.monotonic() - started, 1)
        print(f"{name}: {json.dumps(results[name])}", flush=True)
        if not results[name].get("wrong"):
            shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return int(any(counts.get("wrong") or counts.get("later_run_failed") for counts in results.values()))


if __name__ == "__main__":
    sys.exit(main())
