"""Kill, damage, fill, lock and swap a running shop, and count what was right: make chaos, or python -m bench.chaos.

python -m bench.chaos [--kills 100] [--leaders 30] [--damages 500] [--seconds 60] [--nights 20] [--only NAME …]
Prints a line a part, and a JSON document at the end. Exit code 1 if anything was wrong. Latencies depend on what else
the machine does.
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

from bench.chaos_disk import damages, full_disk, locked_store
from bench.chaos_load import swaps_under_load, training_under_load
from bench.chaos_shop import Shop, wait_until
from src.core.records import RunStatus

Counts = dict[str, Any]


def killed_trainers(shop: Shop, options: argparse.Namespace) -> Counts:
    """kill -9 at random moments of a training; each time the service answers rightly and the next run succeeds."""
    usual = _seconds_of_a_run(shop)
    shop.serve(workers=2)
    counts: Counts = {"kills": 0, "in_its_run": 0, "later_runs": 0, "later_run_failed": 0, "wrong": [], "killed_at": {}}
    for kill in range(options.kills):
        if time.monotonic() > options.until:
            break
        trainer = shop.trainer()
        if random.random() < 0.1:  # while Python starts, and reads its libraries
            time.sleep(random.uniform(0, usual))
        else:
            wait_until(lambda: shop.under_way() or trainer.poll() is not None, "its run")  # noqa: B023
            time.sleep(random.uniform(0, usual))
        said = next((run.progress for run in shop.under_way()), "")
        with suppress(ProcessLookupError):
            os.killpg(trainer.pid, signal.SIGKILL)
        trainer.wait()
        counts["kills"] += 1
        counts["in_its_run"] += bool(said)
        at = " ".join(said.split()[:2]) or "before or after its run"
        counts["killed_at"][at] = counts["killed_at"].get(at, 0) + 1
        if wrong := shop.is_right():
            counts["wrong"].append(wrong)
        if kill % options.later_every == options.later_every - 1:
            _train_later(shop, counts)
    counts["left_over"] = shop.left_over()
    shop.end()
    return counts


def _train_later(shop: Shop, counts: Counts) -> None:
    """A run after something was killed: it succeeds, its release serves, and nothing of the killed one is left."""
    before = shop.registry.current_version()
    code = shop.train()
    counts["later_runs"] += 1
    wrong = "" if code == 0 and shop.registry.current_version() != before else f"a later run ended with {code}"
    wrong = wrong or shop.is_right() or ("something half-written is left" if shop.left_over() else "")
    counts["later_run_failed"] += bool(wrong)
    counts["wrong"] += [wrong] if wrong else []
    print(f"{counts['later_runs']} later runs, {counts['later_run_failed']} failed", file=sys.stderr, flush=True)


def _seconds_of_a_run(shop: Shop) -> float:
    """From the moment that a run is recorded to its end."""
    for _ in range(2):  # the first time compiles
        trainer = shop.trainer()
        wait_until(lambda: shop.under_way() or trainer.poll() is not None, "a run")  # noqa: B023
        started = time.monotonic()
        if trainer.wait() != 0:
            raise RuntimeError(f"the shop cannot be trained; see {shop.folder / 'trainer.log'}")
    return time.monotonic() - started


def killed_leaders(shop: Shop, options: argparse.Namespace) -> Counts:
    """kill -9 the leader, then any worker, then all of Gunicorn; somebody else leads, and answers are right."""
    shop.serve(workers=4, AISLE_SCHEDULER="on")
    counts: Counts = {"leaders": 0, "workers": 0, "services": 0, "later_runs": 0, "later_run_failed": 0, "wrong": []}
    counts["seconds_to_a_new_leader"] = []
    for _ in range(options.leaders):
        if time.monotonic() > options.until:
            break
        leader = wait_until(shop.leader, "a leader")
        os.kill(leader, signal.SIGKILL)
        at = time.monotonic()
        wait_until(lambda: shop.leader() not in (None, leader), "another leader")  # noqa: B023
        counts["seconds_to_a_new_leader"].append(round(time.monotonic() - at, 2))
        counts["leaders"] += 1
        counts["wrong"] += [wrong] if (wrong := shop.is_right()) else []
        _train_later(shop, counts)
    for _ in range(options.leaders):
        if time.monotonic() > options.until:
            break
        victim = random.choice(shop.workers())
        os.kill(victim, signal.SIGKILL)
        counts["workers"] += 1
        counts["wrong"] += [wrong] if (wrong := shop.is_right()) else []
        wait_until(lambda: len(set(shop.workers()) - {victim}) == 4, "a new worker")  # noqa: B023
        _train_later(shop, counts)
    for _ in range(max(1, options.leaders // 5)):
        shop.end(signal.SIGKILL)
        shop.serve(workers=4, AISLE_SCHEDULER="on")
        counts["services"] += 1
        counts["wrong"] += [wrong] if (wrong := shop.is_right()) else []
        _train_later(shop, counts)
    shop.end()
    seconds = sorted(counts["seconds_to_a_new_leader"])
    counts["seconds_to_a_new_leader"] = {"median": seconds[len(seconds) // 2], "most": seconds[-1]} if seconds else {}
    return counts


def nights(shop: Shop, options: argparse.Namespace) -> Counts:
    """Four workers, one run a night; the clock is moved by moving the journal into the past."""
    before = {run.run_id for run in shop.nights()}
    shop.let_days_pass()
    shop.serve(workers=4, AISLE_SCHEDULER="on")
    counts: Counts = {"nights": 0, "runs": 0, "leaders_killed": 0, "wrong": []}
    for night in range(options.nights):
        if night:
            shop.let_days_pass()
        if night % 4 == 3:
            os.kill(wait_until(shop.leader, "a leader"), signal.SIGKILL)
            counts["leaders_killed"] += 1
        runs = lambda: [run for run in shop.nights() if run.run_id not in before]  # noqa: E731
        wait_until(lambda: len([run for run in runs() if run.status.is_over]) == night + 1, f"night {night + 1}")  # noqa: B023
        time.sleep(1.5)  # several looks later there is still one
        counts["nights"] += 1
        counts["runs"] = len(runs())
    counts["wrong"] = [run.message for run in runs() if run.status is not RunStatus.SUCCEEDED]
    if counts["runs"] != counts["nights"]:
        counts["wrong"].append(f"{counts['runs']} runs in {counts['nights']} nights")
    shop.end()
    return counts


def two_trainers(shop: Shop, options: argparse.Namespace) -> Counts:
    """Two started at once: one trains, the other says that it is busy and ends."""
    counts: Counts = {"pairs": 0, "one_trained": 0, "wrong": []}
    for _ in range(10):
        pair = [shop.trainer(), shop.trainer()]
        codes = sorted(trainer.wait() for trainer in pair)
        counts["pairs"] += 1
        counts["one_trained"] += codes == [0, 1]
        if codes not in ([0, 1], [0, 0]) or shop.is_right():  # [0, 0]: one began when the other had ended
            counts["wrong"].append(f"{codes} {shop.is_right()}")
    return counts


def ended_services(shop: Shop, options: argparse.Namespace) -> Counts:
    """SIGTERM to Gunicorn while the night trains: the trainer ends too, and the next start takes the night up again."""
    counts: Counts = {"services": 0, "trainer_outlived": 0, "taken_up_again": 0, "wrong": []}
    for _ in range(5):
        shop.let_days_pass()
        shop.serve(workers=2, AISLE_SCHEDULER="on")
        run = wait_until(lambda: next(iter(shop.under_way()), None), "the night's run")
        time.sleep(random.uniform(0, 1.5))
        shop.end()
        counts["services"] += 1
        counts["trainer_outlived"] += bool(shop.under_way())
        shop.serve(workers=2, AISLE_SCHEDULER="on")
        again = wait_until(lambda: _over(shop, run.run_id), "the same night again")  # noqa: B023
        counts["taken_up_again"] += again.status is RunStatus.SUCCEEDED
        counts["wrong"] += [wrong] if (wrong := shop.is_right()) else []
        shop.end()
    return counts


def _over(shop: Shop, run_id: str) -> Any:
    run = shop.store.runs.get(run_id)
    return run if run is not None and run.status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.KEPT) else None


PARTS: dict[str, Callable[[Shop, argparse.Namespace], Counts]] = {
    "trainers": killed_trainers,
    "leaders": killed_leaders,
    "nights": nights,
    "sigterm": ended_services,
    "two": two_trainers,
    "damages": damages,
    "disk": full_disk,
    "locked": locked_store,
    "swaps": swaps_under_load,
    "training": training_under_load,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="of the trainer")
    parser.add_argument("--later-every", type=int, default=1, metavar="N", help="train whole after every N-th kill")
    parser.add_argument("--leaders", type=int, default=30, help="killed, and as many workers")
    parser.add_argument("--damages", type=int, default=500, help="of files of a release")
    parser.add_argument("--seconds", type=float, default=60.0, help="of load")
    parser.add_argument("--nights", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=600.0, help="no more is killed in a part that took so long")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    random.seed(options.seed)
    found: dict[str, Counts] = {}
    for name in options.only:
        folder = Path(tempfile.mkdtemp(prefix="aisle-chaos-"))
        shop = Shop(folder)
        started = time.monotonic()
        options.until = started + 60 * options.minutes
        try:
            shop.fill()
            if name != "trainers" and shop.train() != 0:
                raise RuntimeError(f"the shop cannot be trained: {(folder / 'trainer.log').read_text()[-500:]}")
            found[name] = PARTS[name](shop, options)
        except (TimeoutError, RuntimeError, subprocess.TimeoutExpired) as error:
            found[name] = {"wrong": [str(error)]}
        finally:
            with suppress(OSError, subprocess.TimeoutExpired):
                shop.end(signal.SIGKILL)
        found[name]["seconds"] = round(time.monotonic() - started, 1)
        print(f"{name}: {json.dumps(found[name])}", flush=True)
        if not found[name].get("wrong"):
            shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(any(counts.get("wrong") or counts.get("later_run_failed") for counts in found.values()))


if __name__ == "__main__":
    sys.exit(main())
