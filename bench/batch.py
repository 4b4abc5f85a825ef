"""Compare `train_model.py --batch-lists`, the lists of all users as they would be served, with implicit's batch of ALS.

    python -m bench.batch --var FOLDER [--n 50] [--rounds 3] [--implicit PYTHON]

FOLDER is an AISLE_VAR with a release; bench.serve makes one of a scale of the generated file. Both make lists of the
same users without what they have, in turn, each in a process of its own on all cores. Of implicit only the making of
lists is counted, by `recommend` for 10,000 users at a time; its factors come from one pass over the same histories.
Aisle's seconds hold the writing of the Parquet file, too. PYTHON has implicit; default: .venv-bench/bin/python, which
`make bench-quality` installs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bench.serve import ROOT
from src.core.progress import Silent
from src.models.settings import read_settings
from src.store import open_store
from src.workflows.fit import stored_data

GOAL = 3.0
_IMPLICIT = """
import json, sys, time, warnings
import numpy as np
from scipy.sparse import csr_matrix
warnings.simplefilter("ignore")
from implicit.als import AlternatingLeastSquares
held = np.load(sys.argv[1])
histories = csr_matrix((held["data"], held["indices"], held["indptr"]), shape=tuple(held["shape"]))
model = AlternatingLeastSquares(factors=128, iterations=1, random_state=1)
model.fit(histories, show_progress=False)
users = np.flatnonzero(np.diff(histories.indptr))
started = time.perf_counter()
for part in np.array_split(users, max(1, len(users) // 10_000)):
    model.recommend(part, histories[part], N=int(sys.argv[2]), filter_already_liked_items=True)
print(json.dumps([len(users), time.perf_counter() - started]))
"""


def histories_of(var: Path, file: Path) -> None:
    """Write the histories of all users of a store as the arrays of a CSR matrix.

    Args:
        var: the AISLE_VAR of the store.
        file: the .npz to write.
    """
    store = open_store(read_settings(var=var).store_url)
    try:
        histories = stored_data(store, Silent()).histories
    finally:
        store.close()
    arrays = {name: getattr(histories, name) for name in ("data", "indices", "indptr")}
    np.savez(file, shape=np.array(histories.shape), **arrays)


def users_per_second_of_implicit(python: Path, file: Path, n: int) -> float:
    """Let implicit make the lists.

    Args:
        python: an interpreter that has implicit.
        file: the histories.
        n: length of a list.

    Returns:
        Users a second.
    """
    said = subprocess.run(
        [str(python), "-c", _IMPLICIT, str(file), str(n)],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # as implicit asks, which has threads of its own
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    n_users, seconds = json.loads(said.splitlines()[-1])
    return float(n_users / seconds)


def users_per_second_of_aisle(var: Path, folder: Path, n: int) -> float:
    """Let Aisle make the lists.

    Args:
        var: the AISLE_VAR of its release.
        folder: where the file goes, which is removed.
        n: length of a list.

    Returns:
        Users a second, as the command says it.
    """
    file = folder / "lists.parquet"
    said = subprocess.run(
        [sys.executable, "train_model.py", "--batch-lists", str(file), "--n", str(n)],
        cwd=ROOT,
        env=os.environ | {"AISLE_VAR": str(var.resolve())},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    file.unlink()
    return float(" ".join(said.split()).rpartition(" users/s")[0].rpartition(" ")[2].replace(",", ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--var", type=Path, required=True)
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--implicit", type=Path, default=ROOT / ".venv-bench/bin/python", metavar="PYTHON")
    options = parser.parse_args()
    if not options.implicit.exists():
        sys.exit(f"skipped: {options.implicit} is missing; run make bench-quality, or name another with --implicit")
    ratios = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        histories_of(options.var, file := folder / "histories.npz")
        for _ in range(options.rounds):
            theirs = users_per_second_of_implicit(options.implicit, file, options.n)
            ours = users_per_second_of_aisle(options.var, folder, options.n)
            ratios.append(ours / theirs)
            print(f"Aisle {ours:,.0f} users/s, implicit {theirs:,.0f} users/s: {ratios[-1]:.2f}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"median {statistics.median(ratios):.2f} (goal ≥ {GOAL:g}), peak of the largest process {peak:,.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
