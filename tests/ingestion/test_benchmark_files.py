"""Files of a given split: training, validation and test data."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch
from src.core.errors import NoData, UnusableFile
from src.core.progress import Silent
from src.core.settings import Settings
from src.ingestion.benchmark_files import BenchmarkData, read_benchmark, read_test_file
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import held_out
from tests.ingestion.conftest import Write

YELP = Path(__file__).resolve().parents[3] / "shared/data/lightgcn-yelp2018"
SETTINGS = Settings()
Pair = tuple[str, str]


def pairs_of(data: TrainingData) -> list[Pair]:
    events = data.events
    return list(zip(events.users.ids_of(events.user_idx), events.items.ids_of(events.item_idx), strict=True))


def read(train: Path, valid: Path | None = None) -> BenchmarkData:
    return read_benchmark(train, valid, SETTINGS, Silent())


def table(pairs: list[Pair]) -> str:
    return "user_id,item_id\n" + "".join(f"{user},{item}\n" for user, item in pairs)


def lists(pairs: list[Pair]) -> str:
    of_user: dict[str, list[str]] = {}
    for user, item in pairs:
        of_user.setdefault(user, []).append(item)
    return "".join(" ".join([user, *items]) + "\n" for user, items in of_user.items())


TRAIN = [("0", "7"), ("0", "8"), ("1", "8"), ("1", "9"), ("1", "7"), ("2", "9")]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("written", [table, lists])
def test_pairs_and_lists_of_products_are_read_alike(write: Write, written: object, packed: bool) -> None:
    assert callable(written)
    path = write(written(TRAIN), "train.txt.gz" if packed else "train.csv", packed=packed)
    given = read(path)
    assert sorted(pairs_of(given.data)) == sorted(TRAIN)
    assert given.valid is None
    assert len(given.data.ratings) == 0


def test_values_are_ratings_and_at_is_their_time(write: Write) -> None:
    data = read(write("user_id,item_id,value,at\na,x,4.5,1400000000\na,y,2,1400000100\n")).data
    assert data.ratings.value.tolist() == [4.5, 2.0]
    assert data.events.at.tolist() == [1_400_000_000, 1_400_000_100]


@pytest.mark.parametrize(
    "text", ["0 5\n1 6\n2 5\n", "0 5\n", "0 5 6\n1 6 7\n2 5 7\n", "3 1 2 9 8 7\n", "0 5 \n1 6 7 \n"]
)
def test_lists_of_one_length_are_still_lists(write: Write, text: str) -> None:
    expected = [(row[0], item) for row in map(str.split, text.splitlines()) for item in row[1:]]
    assert pairs_of(read(write(text, "test.txt")).data) == expected


@pytest.mark.parametrize(
    "text", ["196\t242\t3\t881250949\n186\t302\t3\t891717742\n", "1 2 3 881250949\n1 3 4 881250950\n"]
)
def test_a_rating_with_its_time_is_no_list(write: Write, text: str) -> None:
    given = read(write(text, "u.data"))
    assert len(given.data.ratings) == 2


def test_names_of_columns_with_blanks_between_are_no_list(write: Write) -> None:
    assert pairs_of(read(write("user_id item_id\n1 2\n3 4\n")).data) == [("1", "2"), ("3", "4")]


def test_a_repeated_row_counts_twice(write: Write) -> None:
    assert len(read(write(table([*TRAIN, TRAIN[0]]))).data) == len(TRAIN) + 1


def test_rejected_rows_are_counted_with_their_reasons_and_cost_no_other_row(write: Write) -> None:
    text = "user_id,item_id,value\na,x,4\na,y,9\nb,,3\nb,x\nb,y,5\n"
    given = read(write(text))
    assert pairs_of(given.data) == [("a", "x"), ("b", "y")]
    read_file = given.files["train"]
    rows = read_file.rows
    assert (rows.n_read, rows.n_events, rows.rejected.total()) == (5, 2, 3)
    assert Counter(reason.split(" (")[0] for reason in rows.rejected) == Counter(
        ["rating is out of range", "empty product id", "missing field"]
    )
    message = "\n".join(read_file.lines())
    assert "5 rows read: 2 kept, 3 rejected" in message
    assert "1 × missing field" in message
    assert read_file.to_json()["rejected"] == dict(rows.rejected)


def test_a_user_without_products_is_counted_and_accepted(write: Write) -> None:
    given = read(write("0 5 6\n1\n2 5\n", "test.txt"))
    assert given.files["train"].rows.rejected == Counter({"user without products": 1})
    assert sorted(pairs_of(given.data)) == [("0", "5"), ("0", "6"), ("2", "5")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("user_id,item_id,value\na,x,99\n", "none of its 1 rows is usable"),
        ("user_id,item_id\n", "none of its 0 rows is usable"),
        ("dear diary\ntoday I sold a lamp\n", "dear diary"),
        ("product_id,title,price\n1,Lamp,3\n", "Expected a user and a product a row"),
    ],
)
def test_a_file_with_nothing_to_learn_from_is_one_clear_error(write: Write, text: str, message: str) -> None:
    with pytest.raises(UnusableFile, match=message) as raised:
        read(write(text))
    assert "--columns" not in str(raised.value)


def test_a_file_that_breaks_off_is_refused(write: Write) -> None:
    path = write("".join(f"{user} {user + 1} {user * 7}\n" for user in range(50_000)), "train.txt.gz", packed=True)
    path.write_bytes(path.read_bytes()[:-2_000])
    with pytest.raises(UnusableFile, match="cannot be read after line"):
        read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match=r"nothing\.csv: no such file"):
        read(tmp_path / "nothing.csv")


def test_valid_pairs_inside_train_are_taken_out_while_tuning_and_are_back_for_the_final_fit(write: Write) -> None:
    valid = [TRAIN[1], TRAIN[4]]
    given = read(write(table(TRAIN), "train.csv"), write(lists(valid), "valid.txt"))
    assert pairs_of(given.data) == TRAIN
    tuning = given.for_tuning()
    assert tuning.how == "given"
    assert pairs_of(tuning.train) == [pair for pair in TRAIN if pair not in valid]
    assert pairs_of(tuning.test) == valid


def test_valid_rows_beside_train_are_learnt_from_in_the_end(write: Write) -> None:
    valid = [("2", "7"), ("5", "7"), ("5", "99")]
    given = read(write(table(TRAIN), "train.csv"), write(table(valid), "valid.csv"))
    assert pairs_of(given.data) == TRAIN + valid
    tuning = given.for_tuning()
    assert pairs_of(tuning.train) == TRAIN
    assert pairs_of(tuning.test) == valid
    assert tuning.train.users is tuning.test.users is given.data.users


def test_of_a_valid_file_partly_inside_train_only_what_is_new_is_added(write: Write) -> None:
    valid = [TRAIN[0], ("2", "7")]
    given = read(write(table(TRAIN), "train.csv"), write(table(valid), "valid.csv"))
    assert pairs_of(given.data) == [*TRAIN, ("2", "7")]
    assert pairs_of(given.for_tuning().train) == TRAIN[1:]


def test_all_events_of_a_pair_of_the_valid_file_are_taken_out_while_tuning(write: Write) -> None:
    train = write("user_id,item_id,event\na,x,view\na,x,buy\nb,x,view\nb,y,buy\n", "train.csv")
    given = read(train, write("user_id,item_id\na,x\n", "valid.csv"))
    tuning = given.for_tuning()
    assert pairs_of(tuning.train) == [("b", "x"), ("b", "y")]
    assert pairs_of(tuning.test) == [("a", "x")]
    assert pairs_of(given.data) == [("a", "x"), ("a", "x"), ("b", "x"), ("b", "y")]


def test_a_valid_file_that_leaves_nothing_to_learn_from_is_refused(write: Write) -> None:
    path = write(table(TRAIN), "train.csv")
    with pytest.raises(UnusableFile, match="nothing is left to learn from"):
        read(path, path)


@pytest.mark.parametrize("timed", [False, True])
def test_without_a_valid_file_a_quarter_of_few_rows_is_held_out(write: Write, timed: bool) -> None:
    rows = [f"u{n % 13},p{n % 29},{3 + n % 3}" + (f",{1_400_000_000 + n}" if timed else "") for n in range(300)]
    given = read(write(f"user_id,item_id,value{',at' if timed else ''}\n" + "\n".join(rows) + "\n"))
    tuning = given.for_tuning()
    assert tuning.how == ("time" if timed else "random")
    assert len(tuning.test) == pytest.approx(0.25 * 300, abs=1)
    assert len(tuning.train) + len(tuning.test) == len(given.data) == 300
    if timed:
        assert tuning.train.events.at.max() < tuning.test.events.at.min()
    again = held_out(given.data)
    assert pairs_of(again.test) == pairs_of(tuning.test)


def test_one_row_cannot_be_divided(write: Write) -> None:
    with pytest.raises(NoData):
        read(write("user_id,item_id\na,x\n")).for_tuning()


def test_test_rows_are_mapped_to_training_rows_and_unknown_ones_are_marked(write: Write) -> None:
    given = read(write(table(TRAIN), "train.csv"))
    test = [("2", "7"), ("stranger", "8"), ("0", "never seen"), ("2", "8")]
    rows = read_test_file(write(table(test), "test.csv"), given.data, SETTINGS, Silent())
    assert pairs_of(rows.data) == test
    users = dict(zip(rows.data.users.ids_of(range(3)), rows.user_idx.tolist(), strict=True))
    items = dict(zip(rows.data.items.ids_of(range(3)), rows.item_idx.tolist(), strict=True))
    assert users == {"2": given.data.users.idx_of("2"), "stranger": -1, "0": given.data.users.idx_of("0")}
    assert items == {"7": given.data.items.idx_of("7"), "8": given.data.items.idx_of("8"), "never seen": -1}


@pytest.mark.parametrize("seed", range(8))
def test_no_row_is_lost_or_on_both_sides_even_if_files_share_rows(write: Write, seed: int) -> None:
    rng = np.random.default_rng(seed)
    universe = [(str(user), str(item)) for user in range(6) for item in range(100, 109)]
    train = [universe[at] for at in rng.permutation(len(universe))[: rng.integers(10, 40)]]
    valid = [universe[at] for at in rng.permutation(len(universe))[: rng.integers(1, 9)]]
    given = read(write(table(train), "train.csv"), write(table(valid), "valid.csv"))
    tuning = given.for_tuning()
    assert set(pairs_of(given.data)) == set(train) | set(valid)
    assert len(given.data) == len(set(train) | set(valid))
    assert set(pairs_of(tuning.train)) == set(train) - set(valid)
    assert pairs_of(tuning.test) == valid


@pytest.mark.skipif(not YELP.is_dir(), reason=f"{YELP} is not here: the public split to read")
def test_a_public_split_of_a_million_pairs_is_read_in_seconds() -> None:
    started = time.process_time()
    given = read(YELP / "train.txt.gz", YELP / "valid.txt.gz")
    rows = read_test_file(YELP / "test.txt", given.data, SETTINGS, Silent())
    assert time.process_time() - started < 30
    assert (len(given.data), len(given.data.users), len(given.data.items)) == (1_237_259, 31_668, 38_048)
    assert len(given.for_tuning().train) + len(given.for_tuning().test) == 1_237_259
    assert len(rows.data) == 324_147
    assert rows.user_idx.min() >= 0
    assert rows.item_idx.min() >= 0


@pytest.mark.parametrize(("n", "share"), [(1_000, 0.25), (100_000, 0.2), (400_000, 0.1)])
def test_the_more_events_there_are_the_smaller_the_share_held_out(n: int, share: float) -> None:
    ids = [f"p{at % 97}" for at in range(n)]
    batch = EventBatch([f"u{at % 50}" for at in range(n)], ids, ["purchase"] * n, np.ones(n), np.full(n, NO_TIME))
    found = held_out(training_data([batch]))
    in_train, in_test = set(pairs_of(found.train)), set(pairs_of(found.test))
    assert not in_train & in_test
    n_pairs = len(in_train | in_test)
    assert len(in_test) == pytest.approx(share * n_pairs, abs=1)
    assert len(found.test) == pytest.approx(share * n, abs=n / n_pairs * 2)  # the events of a pair stay together
    assert len(found.train) + len(found.test) == n
