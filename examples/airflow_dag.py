"""A nightly DAG for Airflow: load what is new, train, measure, write the lists of all users.

Copy it into Airflow's folder of DAGs. Set AISLE_HOME to the folder of Aisle, AISLE_SOURCE to what the warehouse gives, and
AISLE_SCHEDULER=off on the service, which then trains no night of its own. The doors end with 0 when they are done, with 2
when their input is unusable, which a second try does not mend, and with 1 or another code when they failed.
"""

from __future__ import annotations

import os
import subprocess
from datetime import datetime, timedelta

from airflow.exceptions import AirflowFailException
from airflow.sdk import dag, task

HOME = os.environ.get("AISLE_HOME", "/opt/aisle")
PYTHON = os.environ.get("AISLE_PYTHON", f"{HOME}/.venv/bin/python")
SOURCE = os.environ.get("AISLE_SOURCE", "postgresql://reader@warehouse/dwh?query=sales.lines")
SINCE = os.environ.get("AISLE_SOURCE_SINCE", "changed_at")
LISTS = os.environ.get("AISLE_LISTS", "s3://shop-aisle/lists/all.parquet")
UNUSABLE = 2


def run_door(script: str, *arguments: str) -> None:
    """Run one of Aisle's commands; unusable input fails the task at once, anything else is tried again."""
    code = subprocess.run([PYTHON, f"{HOME}/{script}", *arguments], cwd=HOME, check=False).returncode
    if code == UNUSABLE:
        raise AirflowFailException(f"{script}: the input is unusable; its log says what was found and expected")
    if code:
        raise RuntimeError(f"{script} ended with exit code {code}")


@dag(
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
)
def aisle_night() -> None:
    """Load, train, measure, write lists; each step waits for the one before."""

    @task
    def load() -> None:
        run_door("data_processing.py", "--since", SINCE, SOURCE)

    @task
    def train() -> None:
        run_door("train_model.py")

    @task
    def measure() -> None:
        run_door("evaluate_model.py")

    @task
    def write_lists() -> None:
        run_door("train_model.py", "--batch-lists", LISTS, "--n", "50")

    load() >> train() >> measure() >> write_lists()


aisle_night()
