"""The options of data_processing.py, and its errors for wrong ones."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from processes import ROOT, environment

from tests.forked import run_script

Door = Callable[..., str]
RATINGS = "user_id,product_id,rating\nu,p,5\nv,p,4\nv,q,3\n"


@pytest.fixture
def door(tmp_path: Path) -> Door:
    def door(*arguments: str, code: int = 0) -> str:
        script, variables = ROOT / "data_processing.py", environment(tmp_path / "var")
        done = run_script(script, *arguments, folder=tmp_path, environment=variables)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    (tmp_path / "r.csv").write_text(RATINGS)
    return door


def test_products_are_withdrawn_and_restored_without_loading_anything(door: Door, tmp_path: Path) -> None:
    door("r.csv")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/more.csv").write_text("user_id,product_id,rating\nw,z,5\n")
    said = door("--withdraw", "p", "q")
    assert "2 products withdrawn" in said
    assert "more.csv" not in said
    assert "1 products restored" in door("--restore", "q")
    refused = door("--withdraw", "p", "nothing", code=2)
    assert "no product 'nothing' is known" in refused


def test_a_report_on_the_store_is_written_to_the_given_path(door: Door, tmp_path: Path) -> None:
    assert "exploration.html" in door("r.csv", "--explore")
    assert "<html" in (tmp_path / "var/reports/exploration.html").read_text()
    assert "my report.html" in door("--explore", "my report.html")
    assert "<html" in (tmp_path / "my report.html").read_text()


@pytest.mark.parametrize(
    ("given", "advice", "said"),
    [
        ("r.csv --scale 5", r"(--scale \S+), or 6-1", "1-10"),
        ("r.csv --scale 5", r"--scale 1-10, or (\S+)", "6-1"),
        ("r.csv --words a", r"hidden: (--words .*)", "--words"),
        ("c.csv --columns a", r": (--columns .*)", "--columns"),
        ("r.csv --since rating", r"without (--since): what", ""),
        ("r.csv --late 2d", r"belong to (--since) COLUMN", ""),
        ("r.csv --save-mapping a/b", r"such as (\w+)", "orders"),
        ("s-2.csv", r"Look at it with (--preview --no-mapping),", "--preview"),
        ("s-2.csv", r"save the mapping again with (--no-mapping --save-mapping \w+),", "--save-mapping"),
        ("s-2.csv", r"or remove (\S+)\.", "stars.json"),
        ("r.csv --columns user=x", r"expected one of (\w+),", "user_id"),
        ("--restore-backup r.csv", r"as python data_processing\.py (--backup) FILE", "--backup"),
    ],
)  # fmt: skip
def test_what_a_refusal_advises_is_possible(door: Door, tmp_path: Path, given: str, advice: str, said: str) -> None:
    (tmp_path / "c.csv").write_text("customer,sku,date\nu,p,2023-05-01\n")
    (tmp_path / "s-1.csv").write_text("wer,was\nu,p\n")
    (tmp_path / "s-2.csv").write_text("user_id,product_id\nu,p\n")
    if given == "s-2.csv":
        door("s-1.csv", "--columns", "user=wer,product=was", "--save-mapping", "stars")
    found = re.search(advice, door(*given.split(), code=2))
    assert found
    assert said in found[1]
    command = given.split()
    match found[1].split():
        case ["--since"]:  # is left out, or given
            command = command[:1] if command[1] == "--since" else []
        case ["--backup"]:
            door("r.csv")
            door("--backup", "b.db")
            command = ["--restore-backup", "b.db"]
        case [path] if path.endswith(".json"):
            Path(path).unlink()
        case [word] if not word.startswith("--"):  # what the last option should have said
            command[-1] = {"user_id": "user=user_id"}.get(word, word)
        case options:
            command += options
    door(*command)


def test_hints_of_the_command_line_are_used_to_read_files(door: Door, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("wer^was^wann\nu^p^3/4/2020\n")
    said = door(
        "odd.csv", "--separator", "^", "--columns", "user=wer,product=2,time=wann", "--kind", "view",
        "--dates", "day-first", "--layout", "pairs", "--encoding", "utf-8", "--export", "out.csv",
    )  # fmt: skip
    assert "pairs, text with '^' between fields; user = wer, product = was, time = wann" in said
    assert "note:" not in said
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == "u,p,view,1585872000,1.0,1585872000"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--columns", "colour=1"], "expected role=column"),
        (["--columns", "user=nothing"], "no column 'nothing' for the user"),
        (["--encoding", "klingon"], "'klingon' is not known"),
        (["--separator", '"'], "expected what stands between fields"),
        (["--layout", "events"], "--columns kind=COLUMN"),
        (["--kind", "rating"], "invalid choice"),
    ],
)
def test_a_wrong_hint_is_one_clear_error_and_stores_nothing(
    door: Door, tmp_path: Path, arguments: list[str], what: str
) -> None:
    said = door("r.csv", *arguments, code=2)
    assert what in said
    assert "Traceback" not in said
    if (store := tmp_path / "var/store.sqlite3").exists():
        with closing(sqlite3.connect(store)) as raw:
            assert raw.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_an_export_alone_loads_nothing_and_makes_up_nothing(door: Door, tmp_path: Path) -> None:
    door("r.csv")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/more.csv").write_text("user_id,product_id,rating\nw,z,5\n")
    said = door("--export", "out.csv")
    assert "3 events written to out.csv" in said
    assert "more.csv" not in said
    assert "w,z" not in (tmp_path / "out.csv").read_text()


def test_an_export_of_an_empty_store_makes_up_no_shop(door: Door, tmp_path: Path) -> None:
    done = run_script(
        ROOT / "data_processing.py", "--export", "out.csv", folder=tmp_path, environment=environment(tmp_path / "var")
    )
    assert "made up" not in done.stdout + done.stderr
    with closing(sqlite3.connect(tmp_path / "var/store.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
