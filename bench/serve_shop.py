"""What bench.serve drives: a release of the generated file of a scale, kept from run to run, and bodies of requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from src.core.settings import Settings
from src.models.settings import read_settings
from src.releases.registry import Registry
from src.store import Store, open_store

ROOT = Path(__file__).resolve().parent.parent
GENERATOR = ROOT.parent / "shared/tools/make_electronics.py"
SHORT_TRAINING = {
    "AISLE_TUNE_SECONDS": "0",
    "AISLE_EVALUATED_USERS": "100",
    "AISLE_ALS_ITERATIONS": "2",
    "AISLE_VBMF_SWEEPS": "2",
    "AISLE_SVD_EPOCHS": "3",
    "AISLE_SPECTRAL_RANK": "256",
    "AISLE_GATE": "off",
}
"""The same models with fewer passes: lists cost the same, and are no good."""
N_DRAWN, N_HOT = 20_000, 8


def shop_of(scale: float, folder: Path, training: list[str], *, short: bool) -> Path:
    """Return an AISLE_VAR with a release of the generated file; build it unless it is there.

    Args:
        scale: of the file; 1.0 has 476,002 products and 4.2 million users.
        folder: where it is kept.
        training: options of train_model.py.
        short: train with SHORT_TRAINING.

    Returns:
        The folder. Ends the process with a clear word if it cannot be built.
    """
    var = folder / f"serve-{scale:g}"
    if Registry(var / "releases").current_version() is None:
        if not GENERATOR.exists():
            sys.exit(f"skipped: {GENERATOR}, which makes the file, is missing; name a folder with a release: --var")
        var.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **(SHORT_TRAINING if short else {}), "AISLE_VAR": str(var.resolve())}
        csv = var / "ratings.csv"
        for command in (
            [str(GENERATOR), str(csv), "--scale", f"{scale:g}"],
            ["data_processing.py", str(csv)],
            ["train_model.py", *training],
        ):
            subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True)
        csv.unlink()
    return var


def bodies_of(var: Path) -> dict[str, list[str]]:
    """Return the bodies of every case: users drawn by activity, some of them again and again, and histories."""
    settings = read_settings(var=var)
    store = open_store(settings.store_url)
    try:
        drawn = _drawn_users(settings, store)
        histories = [[event.product_id for event in store.events.history(user)][-1_000:] for user in drawn[:2_000]]
    finally:
        store.close()
    users = [json.dumps({"user_id": user}) for user in drawn]
    return {
        "cached": users[:N_HOT],
        "uncached": users,
        "history": [json.dumps({"history": history}) for history in histories],
    }


def _drawn_users(settings: Settings, store: Store) -> list[str]:
    """Return users drawn by activity: those of random events. They are kept, as reading all events takes long."""
    kept = settings.var / "serve-users.json"
    if not kept.exists():
        rng, users, n_seen = np.random.default_rng(1), np.zeros(N_DRAWN, object), 0
        for batch in store.events.read():
            ids = np.array(batch.user_id, object)
            # A reservoir: event number i takes a random place with probability N / i.
            place = rng.integers(0, np.arange(n_seen + 1, n_seen + len(ids) + 1))
            place[: max(N_DRAWN - n_seen, 0)] = np.arange(n_seen, min(N_DRAWN, n_seen + len(ids)))
            taken = place < N_DRAWN
            users[place[taken]] = ids[taken]
            n_seen += len(ids)
        drawn = [user for user in users.tolist() if user]
        rng.shuffle(drawn)
        kept.write_text(json.dumps(drawn), encoding="utf-8")
    loaded: list[str] = json.loads(kept.read_text(encoding="utf-8"))
    return loaded
