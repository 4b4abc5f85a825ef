"""Measure what it does to lists of ten that they show one variant of a thing: near-duplicates, and NDCG@10.

    python -m bench.variants ../shared/data/online-retail-uci/online_retail.csv.gz --json bench/results/variants.json

The file is loaded into a store of its own, where groups are guessed from titles, and divided in time as a training
does it. The same models make all lists. Near-duplicates are places of a list whose title has the same key as that of
an earlier place (`title_key`, which knows fewer colours than the guesses and does not depend on them).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import Query, Rules
from src.core.progress import Silent
from src.evaluation.metrics import estimates, ranking_metrics
from src.evaluation.protocols import ranking_task
from src.evaluation.task_lists import K, RankingTask
from src.interactions.splits import split
from src.models import MODELS, POPULARITY
from src.models.settings import read_settings
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.ensemble_config import EnsembleConfig, fit_ensemble
from src.recommendation.pipeline import Pipeline
from src.search.tokenizer import title_key
from src.store import open_store
from src.workflows.embed_catalogue import embed_catalogue
from src.workflows.fit import stored_data
from src.workflows.ingest import ingest

_RULES = {
    "variants: true (as before)": Rules(variants=True),
    "one of a group": Rules(),
    "one of a group, seen_group: true": Rules(seen_group=True),
}


def measure(pipeline: Pipeline, task: RankingTask, keys: list[str]) -> dict[str, Any]:
    """Make the lists of a task under each rule.

    Args:
        pipeline: makes the lists.
        task: the users and what they took later.
        keys: of the items' titles, "" where unknown.

    Returns:
        Rule → figures.
    """
    n_relevant = np.array([len(products) for products in task.relevant])
    gains: dict[str, Any] = {}
    document: dict[str, Any] = {}
    for name, rules in _RULES.items():
        hits = np.zeros((len(task.user_idx), K), np.bool_)
        repeated = np.zeros(len(task.user_idx))
        for at, history in enumerate(task.histories):
            known = frozenset(event.product_id for event in history)
            user = pipeline.users.id_of(int(task.user_idx[at]))
            listed = pipeline.recommend(Query(user, history, n=K, exclude=known, rules=rules))
            rows = pipeline.items.rows_of([place.product_id for place in listed]).tolist()
            hits[at, : len(rows)] = [row in task.relevant[at] for row in rows]
            titles = [keys[row] for row in rows if keys[row]]
            repeated[at] = len(titles) - len(set(titles))
        gains[name] = ranking_metrics(hits, n_relevant)["ndcg"]
        change = gains[name] - gains["variants: true (as before)"]
        document[name] = {
            "near_duplicates": float(repeated.mean()),
            "lists_with_any": float((repeated > 0).mean()),
            **{key: asdict(each) for key, each in estimates({"ndcg@10": gains[name], "change": change}).items()},
        }
    return document


def main() -> None:
    """Load, train on the older part, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", type=Path, metavar="FILE")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings(var=Path(folder))
        store = open_store(settings.store_url, loading=True)
        groups = ingest(settings, store, wanted.file, Silent()).groups
        catalogue = embed_catalogue(settings, store, stored_data(store, Silent()), Silent())
        parts = split(catalogue.data, settings.test_share)
        config = EnsembleConfig.of(settings)
        blend = fit_ensemble(parts.train, config, settings.seed, Silent()).indexed(parts.train, Silent())
        popular = MODELS[POPULARITY].train(parts.train, config.params[POPULARITY], seed=settings.seed)
        models = {ENSEMBLE: blend, POPULARITY: popular}
        data = catalogue.data
        pipeline = Pipeline(data.users, data.items, models, ENSEMBLE, attributes=data.attributes)
        task = ranking_task(parts, settings.relevant_rating, settings.evaluated_users)
        figures = measure(pipeline, task, [title_key(title) for title in catalogue.catalogue.title])
    document = {
        "file": wanted.file.name,
        "users": len(task.user_idx),
        "groups": None if groups is None else [groups.n_groups, groups.n_products, *groups.example],
        "lists": figures,
    }
    print(json.dumps(document, indent=2))
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
