"""Three replicas in network namespaces of their own, each killed and cut off in turn under load.

python -m bench.replicas [--seconds 20] [--json FILE]

A PostgreSQL, a Redis and a local S3 server (moto) of its own listen on a bridge; each replica has a folder and an
address of its own. The load does what a load balancer and a careful sender do: it asks /readyz, leaves out who is not
ready, and sends an unanswered request to another replica. Counted are lists that are not those of the release they
name, events that were answered with 201 and are not in the store, and requests that no replica answered. Needs root,
iproute2, PostgreSQL, Redis.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from bench.chaos_shop import QUICK, ROOT, wait_until
from src.core.domain import Event, Query
from src.releases.registry import Registry
from src.store import open_store
from src.synthetic.shop import make_shop

BRIDGE, NET = "aisle0", "10.77.0"
POSTGRES, REDIS, S3 = f"{NET}.3", f"{NET}.4", f"{NET}.2"
PORT = 5000
KEY = {"Authorization": "Bearer replicas", "Content-Type": "application/json", "Connection": "close"}
READY_SECONDS, TIMEOUT_SECONDS = 1.0, 8.0


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def missing() -> str:
    """Return why this cannot run here; "" if it can."""
    if os.geteuid() != 0:
        return "it needs root, for network namespaces"
    needed = ("ip", "redis-server", "runuser")
    absent = [name for name in needed if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} is missing (apt-get install iproute2 redis-server)"
    if not _postgresql("initdb").exists():
        return "PostgreSQL's initdb is missing (apt-get install postgresql)"
    try:
        run("ip", "netns", "add", "aisle-probe")
        run("ip", "netns", "del", "aisle-probe")
    except subprocess.CalledProcessError as error:
        return f"no network namespace can be made: {error.stderr.decode().strip()}"
    return ""


def _postgresql(program: str) -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return found[-1] if found else Path(f"/usr/lib/postgresql/{program}")


class Net:
    """A bridge with the addresses of the three services, and one namespace for each replica."""

    def __enter__(self) -> Net:
        self.__exit__()
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        for address in (f"{NET}.1", S3, POSTGRES, REDIS):
            run("ip", "addr", "add", f"{address}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for number in range(1, 4):
            subprocess.run(["ip", "netns", "del", f"aisle{number}"], capture_output=True)
            subprocess.run(["ip", "link", "del", f"aisle-v{number}"], capture_output=True)
        subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True)

    def add(self, number: int) -> str:
        """Make the namespace of a replica; return its address."""
        name, outer, inner, address = f"aisle{number}", f"aisle-v{number}", f"aisle-w{number}", f"{NET}.{10 + number}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name)
        run("ip", "link", "set", outer, "master", BRIDGE, "up")
        inside = ("ip", "-n", name)
        run(*inside, "addr", "add", f"{address}/24", "dev", inner)
        run(*inside, "link", "set", inner, "up")
        run(*inside, "link", "set", "lo", "up")
        return address

    @staticmethod
    def cut(number: int, from_: str = "") -> None:
        """Let a replica vanish without a word, or only lose what it sends to one address."""
        if from_:
            run("ip", "-n", f"aisle{number}", "route", "add", f"{from_}/32", "via", f"{NET}.99")
        else:
            run("ip", "link", "set", f"aisle-v{number}", "down")

    @staticmethod
    def mend(number: int, from_: str = "") -> None:
        if from_:
            run("ip", "-n", f"aisle{number}", "route", "del", f"{from_}/32")
        else:
            run("ip", "link", "set", f"aisle-v{number}", "up")


class Services:
    """PostgreSQL, Redis and S3, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, []
        self.url = f"postgresql+psycopg://postgres@{POSTGRES}/postgres"

    def __enter__(self) -> Services:
        data = self.folder / "postgresql"
        data.mkdir()
        shutil.chown(data, "postgres")
        as_postgres = ("runuser", "-u", "postgres", "--")
        run(*as_postgres, str(_postgresql("initdb")), "-D", str(data), "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        with open(data / "pg_hba.conf", "a") as access:
            access.write(f"host all all {NET}.0/24 trust\n")
        settings = ("-c", f"listen_addresses={POSTGRES}", "-c", f"unix_socket_directories={data}")
        self._start(*as_postgres, str(_postgresql("postgres")), "-D", str(data), *settings)
        self._start("redis-server", "--bind", REDIS, "--port", "6379", "--protected-mode", "no", "--save", "")
        self._start(sys.executable, "-m", "moto.server", "-H", S3, "-p", "9000")
        wait_until(self._answer, "PostgreSQL and S3")
        return self

    def _answer(self) -> bool:
        import boto3

        with suppress(Exception):
            boto3.client("s3").create_bucket(Bucket="aisle")
            open_store(self.url).close()
            return True
        return False

    def _start(self, *command: str) -> None:
        with open(self.folder / "services.log", "ab") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
        for process in self.processes:
            process.wait(30)


class Replica:
    """A service with a folder and an address of its own."""

    def __init__(self, number: int, address: str, folder: Path, environment: dict[str, str]) -> None:
        self.number, self.address = number, address
        self.var = folder / f"replica{number}"
        self.environment = {**environment, "AISLE_VAR": str(self.var), "HOST": "0.0.0.0", "PORT": str(PORT)}
        self.log = folder / f"replica{number}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # A host name of its own, as locks and files name the host.
        gunicorn = f"hostname replica{self.number}; exec {sys.executable} -m gunicorn --workers 1 run:app"
        command = ["ip", "netns", "exec", f"aisle{self.number}", "unshare", "--uts", "sh", "-c", gunicorn]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, number: int = signal.SIGKILL) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.process.wait(60)

    def call(self, method: str, path: str, body: Any = None, seconds: float = TIMEOUT_SECONDS) -> tuple[int, Any, Any]:
        connection = http.client.HTTPConnection(self.address, PORT, timeout=seconds)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), KEY)
            answer = connection.getresponse()
            content = answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, answer.headers, json.loads(content) if is_json and content else None
        finally:
            connection.close()

    def is_ready(self) -> bool:
        with suppress(OSError, http.client.HTTPException):
            return self.call("GET", "/readyz", seconds=2.0)[0] == 200
        return False


class Load:
    """Asks for lists and sends events, as a balancer in front of all replicas would."""

    def __init__(self, replicas: list[Replica], users: list[str], products: list[str]) -> None:
        self.replicas, self.users, self.products = replicas, users, products
        self.ready = {replica.number: True for replica in replicas}
        self.lists: list[tuple[str, str, list[str], str]] = []
        self.stored: list[str] = []
        self.counts: Counter[str] = Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(replica,)) for replica in replicas]
        self._threads += [threading.Thread(target=self._send, args=(seed,)) for seed in range(3)]
        for thread in self._threads:
            thread.start()

    def _watch(self, replica: Replica) -> None:
        while not self._stop.wait(READY_SECONDS):
            self.ready[replica.number] = replica.is_ready()

    def _send(self, seed: int) -> None:
        rng, number = random.Random(seed), 0
        while not self._stop.wait(0.05):
            number += 1
            if number % 3 == 0:
                event = {"event_id": f"{seed}-{number}", "user_id": f"new-{seed}-{number}", "kind": "view"}
                if self._answered(
                    rng, "POST", "/events", {**event, "product_id": rng.choice(self.products)}, (201, 200)
                ):
                    self.stored.append(event["user_id"])
            else:
                user = rng.choice(self.users)
                answer = self._answered(rng, "POST", "/recommend", {"user_id": user, "n": 5}, (200,))
                if answer:
                    headers, body = answer
                    self.lists.append((headers["X-Release"], user, body, headers.get("X-Degraded", "")))

    def _answered(self, rng: random.Random, method: str, path: str, body: Any, good: tuple[int, ...]) -> Any:
        """Send a request until a replica answers it, for a minute at most."""
        end = time.monotonic() + 60
        while time.monotonic() < end and not self._stop.is_set():
            candidates = [replica for replica in self.replicas if self.ready[replica.number]] or self.replicas
            try:
                status, headers, answer = rng.choice(candidates).call(method, path, body)
            except (OSError, http.client.HTTPException):
                self.counts["sent again after no answer"] += 1
                continue
            if status in good:
                self.counts[path] += 1
                return headers, answer
            self.counts[f"sent again after {status}"] += 1
        if not self._stop.is_set():
            self.counts["never answered"] += 1
        return None

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def leader_of(url: str) -> str:
    """Return the host that leads; "" for none."""
    from src.store.database_lock import DatabaseLock

    owner = DatabaseLock(url, "leader").owner()
    return owner.host if owner else ""


class Experiment:
    """The replicas, what is done to them, and what is measured meanwhile."""

    def __init__(self, net: Net, url: str, folder: Path, seconds: float) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AISLE_")},
            **QUICK,
            "AISLE_DATABASE_URL": url,
            "AISLE_CACHE_URL": f"redis://{REDIS}:6379/0",
            "AISLE_RELEASES_URL": "s3://aisle/releases",
            "AISLE_WRITE_KEYS": "replicas",
            "AISLE_DRIFT_HOURS": "0",
            "AISLE_RETRAIN_AT": time.strftime("%H:%M", time.gmtime(time.time() + 43_200)),
        }
        self.net, self.url, self.seconds, self.folder = net, url, seconds, folder
        self.replicas = [Replica(number, net.add(number), folder, environment) for number in (1, 2, 3)]
        self.trainer = {**environment, "AISLE_VAR": str(folder / "trainer")}
        self.figures: dict[str, Any] = {"leader_seconds": [], "catch_up_seconds": []}

    def train(self, *arguments: str) -> None:
        with open(self.folder / "trainer.log", "ab") as log:
            command = [sys.executable, "train_model.py", *arguments]
            subprocess.run(command, cwd=ROOT, env=self.trainer, stdout=log, stderr=log, check=True)

    @property
    def registry(self) -> Registry:
        return Registry(self.folder / "trainer" / "releases")

    def activate_another(self) -> str:
        current, versions = self.registry.current_version(), self.registry.versions()
        wanted = next(version for version in versions if version != current)
        self.train("--activate", wanted)
        return wanted

    def release_of(self, replica: Replica) -> str:
        with suppress(OSError, http.client.HTTPException):
            return str(replica.call("POST", "/recommend", {"user_id": "nobody"})[1].get("X-Release"))
        return ""

    def disturb(self, replica: Replica, what: str) -> None:
        """Kill or cut off a replica, activate another release meanwhile, mend it, and wait until it has caught up."""
        led = leader_of(self.url) == f"replica{replica.number}"
        place = {"cut from PostgreSQL": POSTGRES, "cut from S3": S3}.get(what, "")
        began = time.monotonic()
        replica.kill() if what == "killed" else self.net.cut(replica.number, place)
        if led:
            others = {f"replica{other.number}" for other in self.replicas if other is not replica}
            wait_until(lambda: leader_of(self.url) in others, f"another leader after {what}", 120)
            self.figures["leader_seconds"].append((what, round(time.monotonic() - began, 1)))
        wanted = self.activate_another()
        others_left = [other for other in self.replicas if other is not replica]
        wait_until(lambda: all(self.release_of(other) == wanted for other in others_left), "the others to swap", 120)
        time.sleep(max(0.0, self.seconds - (time.monotonic() - began)))
        began = time.monotonic()
        replica.start() if what == "killed" else self.net.mend(replica.number, place)
        wait_until(lambda: replica.is_ready() and self.release_of(replica) == wanted, f"catching up after {what}", 180)
        self.figures["catch_up_seconds"].append((what, round(time.monotonic() - began, 1)))
        print(f"replica {replica.number} {what}{', which led' if led else ''}: caught up", flush=True)

    def judge(self, load: Load, history: dict[str, tuple[Event, ...]]) -> dict[str, Any]:
        """Compare every list with its release's, and every event that was answered with the store."""
        expected: dict[tuple[str, str, str], list[str]] = {}
        releases = {version: self.registry.load(version) for version in self.registry.versions()}
        wrong = 0
        for version, user, listed, degraded in load.lists:
            key = (version, user, degraded)
            if key not in expected:
                query = Query(user, () if degraded else history[user], n=5)
                expected[key] = [place.product_id for place in releases[version].pipeline.recommend(query)]
            wrong += expected[key] != listed
        store = open_store(self.url)
        lost = [user for user in load.stored if not store.events.history(user)]
        store.close()
        return {
            "lists": len(load.lists),
            "degraded_lists": sum(bool(row[3]) for row in load.lists),
            "wrong_lists": wrong,
            "events_answered": len(load.stored),
            "lost_events": len(lost),
            "requests": dict(load.counts),
        }


def measure(seconds: float, folder: Path) -> dict[str, Any]:
    """Run everything; return the figures."""
    os.environ |= {"AWS_ENDPOINT_URL": f"http://{S3}:9000", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with ExitStack() as stack:
        net = stack.enter_context(Net())
        services = stack.enter_context(Services(folder))
        shop, store = make_shop(n_users=150, n_products=80), open_store(services.url)
        store.products.add(shop.products)
        store.events.add(shop.events)
        users = sorted(set(shop.events.user_id))
        history = {user: tuple(store.events.history(user)) for user in users}
        store.close()
        experiment = Experiment(net, services.url, folder, seconds)
        experiment.train()
        experiment.train("--no-activate", "--force")
        for replica in experiment.replicas:
            replica.start()
            stack.callback(replica.kill)
        for replica in experiment.replicas:
            wait_until(replica.is_ready, f"replica {replica.number}")
        load = Load(experiment.replicas, users, [product.product_id for product in shop.products])
        stack.callback(load.end)
        for what in ("killed", "cut off", "cut from PostgreSQL", "cut from S3"):
            for replica in experiment.replicas:
                experiment.disturb(replica, what)
        load.end()
        return {**experiment.judge(load, history), **experiment.figures}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long a replica stays killed or cut off")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    if reason := missing():
        print(f"skipped: {reason}")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="aisle-replicas-"))
    folder.chmod(0o755)
    figures = measure(options.seconds, folder)
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    return int(bool(figures["wrong_lists"] or figures["lost_events"] or figures["requests"].get("never answered")))


if __name__ == "__main__":
    sys.exit(main())
