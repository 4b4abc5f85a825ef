"""One list of erased people for several hosts, in a folder and in an object store."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from src.core.erasures import LocalErasures, hash_of
from src.core.errors import ErasuresAway
from src.core.shared_erasures import SharedErasures
from tests.releases.s3_server import s3_server


def on(host: Path, url: str) -> SharedErasures:
    """The list as a host with this AISLE_VAR sees it."""
    host.mkdir(exist_ok=True)
    return SharedErasures(url, LocalErasures(host))


@pytest.fixture
def url(tmp_path: Path) -> str:
    (tmp_path / "shared").mkdir()
    return str(tmp_path / "shared")


def test_what_one_host_adds_all_see_and_no_new_host_needs_anything_of_it(url: str, tmp_path: Path) -> None:
    one, other = on(tmp_path / "one", url), on(tmp_path / "other", url)
    assert (other.read().count, other.read().erased_at("anna")) == (0, -1)
    name = one.add("anna", 100, "admin")
    assert other.add("bert", 200, "admin") != name
    assert one.add("anna", 300, "admin") == name
    listed = on(tmp_path / "new", url).read()  # whose pod has nothing
    assert (len(listed.keys), listed.count) == (1, 3)
    assert listed.undone([("anna", 300), ("anna", 301), ("bert", 200), ("carl", 1)]) == {"anna": 300, "bert": 200}
    folder = tmp_path / "shared" / "erasures"
    (entry,) = folder.glob(f"{name}-100.json")
    assert json.loads(entry.read_text(encoding="utf-8")) == {"person": name, "at": 100, "who": "admin"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    assert not any(who in path.name + path.read_text("utf-8") for path in folder.iterdir() for who in ("anna", "bert"))


def test_hosts_that_erase_at_once_lose_nothing(url: str, tmp_path: Path) -> None:
    hosts = [on(tmp_path / name, url) for name in ("one", "other")]
    people = [f"u{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: hosts[at % 2].add(people[at], 100, "admin"), range(len(people))))
    listed = on(tmp_path / "new", url).read()
    assert [listed.erased_at(user) for user in people] == [100] * len(people)


def test_lists_that_hosts_had_of_their_own_become_one(url: str, tmp_path: Path) -> None:
    for name, user in (("one", "anna"), ("other", "bert")):
        (tmp_path / name).mkdir()
        LocalErasures(tmp_path / name).add(user, 100, "admin")
    assert on(tmp_path / "one", url).read().erased_at("anna") == 100
    on(tmp_path / "other", url).add("carl", 200, "admin")
    listed = on(tmp_path / "new", url).read()
    assert len(listed.keys) == 2
    assert [listed.erased_at(user) for user in ("anna", "bert", "carl", "dora")] == [100, 100, 200, -1]
    assert (tmp_path / "one" / "erasures.moved").exists()
    assert on(tmp_path / "one", url).read().count == 3


def test_a_list_that_is_away_or_has_lost_its_key_is_never_an_empty_one(url: str, tmp_path: Path) -> None:
    one = on(tmp_path / "one", url)
    one.add("anna", 100, "admin")
    (key,) = (tmp_path / "shared" / "erasures").glob("*.key")
    whole = key.read_text(encoding="ascii")
    key.write_text("00" * 32, encoding="ascii")
    with pytest.raises(ErasuresAway, match="was altered"):
        on(tmp_path / "new", url).read()
    key.unlink()
    with pytest.raises(ErasuresAway, match="key"):
        on(tmp_path / "new", url).read()
    key.write_text(whole, encoding="ascii")
    (tmp_path / "shared").rename(tmp_path / "away")
    for ask in (one.read, lambda: one.add("bert", 100, "admin")):
        with pytest.raises(ErasuresAway, match="there is no folder"):
            ask()


def test_all_of_it_holds_in_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server(monkeypatch):
        name = on(tmp_path / "one", "s3://aisle/shop").add("anna", 100, "admin")
        other = on(tmp_path / "other", "s3://aisle/shop")
        assert other.add("anna", 200, "admin") == name
        assert (other.read().erased_at("anna"), other.read().count) == (200, 2)
    with pytest.raises(ErasuresAway, match="s3://aisle/shop cannot be read or written"):
        other.read()


def test_the_name_is_a_keyed_hash(tmp_path: Path) -> None:
    alone = LocalErasures(tmp_path)
    assert alone.add("anna", 100, "admin") == hash_of(alone.key(), "anna")
    assert alone.read().erased_at("anna") == 100
    (tmp_path / "erasures.jsonl").chmod(0o600)
    (tmp_path / "erasures.jsonl").rename(tmp_path / "list")
    (tmp_path / "erasures.jsonl").mkdir()
    with pytest.raises(ErasuresAway, match=str(tmp_path)):
        alone.read()
