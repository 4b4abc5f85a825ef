"""The command-line programs: exit codes, and errors in one line."""

from __future__ import annotations

import os
import pty
import select
from pathlib import Path
from typing import Any

import pytest

from tests.forked import Finished, run_script
from tests.programs import Program
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
RATINGS = "".join(f"u{i % 30},p{(i * i) % 17},{1 + i % 5}.0,{1_400_000_000 + i}\n" for i in range(300))


class Door:
    """Runs a script in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("AISLE_")}
        self.environment["AISLE_TUNE_SECONDS"] = "0"

    def __call__(self, script: str, *arguments: str) -> Finished:
        return run_script(ROOT / script, *arguments, folder=self.folder, environment=self.environment)

    def train(self, script: str, *arguments: str) -> Finished:
        """Run a script that trains: threads of the libraries do not survive a fork of the process of the tests."""
        output, errors = self.folder / f".{script}.stdout", self.folder / f".{script}.stderr"
        where: dict[str, Any] = {"folder": self.folder, "environment": self.environment}
        code = Program(script, *arguments, output=output, errors=errors, **where).wait()
        return Finished(code, output.read_text(encoding="utf-8"), errors.read_text(encoding="utf-8"))


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def _one_clear_line(done: Finished, code: int, *said: str) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    for word in said:
        assert word in lines[0]


def test_files_lying_in_data_are_taken_and_our_own_export_is_not(door: Door) -> None:
    (door.folder / "data/raw").mkdir(parents=True)
    (door.folder / "data/ratings_electronics (1).csv").write_text(RATINGS)
    (door.folder / "data/raw/more.csv").write_text("user_id,prod_id,rating\nx,y,5\n")
    first = door("data_processing.py")
    assert first.returncode == 0, first.stderr
    assert door("data_processing.py", "--export").returncode == 0
    assert "ratings_electronics (1).csv" in first.stdout
    assert (door.folder / "data/processed_amazon_reviews.csv").read_text().startswith("user_id,product_id,rating,time")
    again = door("data_processing.py")
    assert "processed_amazon_reviews" not in again.stdout
    assert " 0 stored" in again.stdout


def test_with_no_data_at_all_a_shop_is_made_up(door: Door) -> None:
    done = door("data_processing.py")
    assert done.returncode == 0
    assert "made up a shop" in done.stdout
    assert "2,000 users on 400 products" in done.stdout


def test_a_missing_file_is_unusable_input(door: Door) -> None:
    _one_clear_line(door("data_processing.py", "nothing here.csv"), 2, "nothing here.csv", "no such file")


def test_an_unusable_file_is_refused_with_what_was_found_and_expected(door: Door) -> None:
    (door.folder / "notes.csv").write_text("dear diary\ntoday I sold a lamp\n")
    _one_clear_line(door("data_processing.py", "notes.csv"), 2, "dear diary", "Expected", "user_id,product_id,rating")


def test_training_without_events_names_the_command_that_helps(door: Door) -> None:
    _one_clear_line(door("train_model.py"), 2, "no events", "python data_processing.py")


def test_evaluating_without_a_release_names_the_command_that_helps(door: Door) -> None:
    _one_clear_line(door("evaluate_model.py"), 1, "no release is active", "python train_model.py")


def test_an_unknown_release_is_unusable_input(door: Door) -> None:
    _one_clear_line(door("evaluate_model.py", "--release", "../../etc"), 2, "../../etc", "Expected one of")


def test_a_folder_that_cannot_be_written_is_one_clear_line(door: Door) -> None:
    (door.folder / "taken").write_text("a file where the folder should be")
    door.environment["AISLE_VAR"] = str(door.folder / "taken/var")
    _one_clear_line(door("data_processing.py"), 1, "taken/var", "AISLE_VAR")


def test_a_wrong_setting_names_its_variable(door: Door) -> None:
    door.environment["AISLE_SVD_FACTORS"] = "many"
    _one_clear_line(door("train_model.py"), 2, "AISLE_SVD_FACTORS", "many")


def test_the_table_of_an_export_trains_and_evaluates_without_the_store(door: Door) -> None:
    (door.folder / "ratings.csv").write_text(RATINGS)
    assert door("data_processing.py", "ratings.csv", "--export", "clean.csv").returncode == 0
    (door.folder / "var/store.sqlite3").unlink()
    trained = door.train("train_model.py", "--data", "clean.csv", "--model", "item_graph")
    assert trained.returncode == 0, trained.stderr
    assert "is active" in trained.stdout
    measured = door.train("evaluate_model.py", "--json", "figures.json")
    assert measured.returncode == 0, measured.stderr
    assert (door.folder / "figures.json").stat().st_size > 500
    assert "List to serve: " in measured.stdout


def test_debug_shows_the_traceback(door: Door) -> None:
    done = door("train_model.py", "--debug")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_a_terminal_gets_a_moving_display_and_a_pipe_plain_lines(door: Door) -> None:
    (door.folder / "ratings.csv").write_text(RATINGS)
    plain = door("data_processing.py", "ratings.csv")
    assert "\x1b" not in plain.stdout
    assert "reading ratings.csv" in plain.stdout
    mine, theirs = pty.openpty()
    environment = door.environment | {"TERM": "xterm"}
    command = ("train_model.py", "--model", "item_graph")
    process = Program(*command, folder=door.folder, environment=environment, output=os.ttyname(theirs))
    wait_until(lambda: select.select([mine], [], [], 0)[0], "the first that it writes")
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(mine, 65_536)
        except OSError:  # the other end has closed
            break
        if not part:
            break
        shown += part
    os.close(mine)
    assert process.wait() == 0
    assert b"\x1b[" in shown
    assert b"is active" in shown


@pytest.mark.parametrize("option", ["--only", "--again"])
def test_training_a_part_has_one_option_and_its_older_name(door: Door, option: str) -> None:
    (door.folder / "few.csv").write_text(RATINGS)
    done = door("train_model.py", "--data", "few.csv", option, "svd")
    assert done.returncode == 1
    assert "no release is active of which the rest could be carried over" in done.stderr
