"""Why products stand where they do on a list: the opinions that make the score, the history that makes the opinions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import ComponentScore, Explanation, FloatArray, IntArray, Reason
from src.interactions.vocabulary import Vocabulary
from src.models.base import ListModel, QueryBlock, QueryRows
from src.recommendation.ensemble import Ensemble
from src.recommendation.list_builder import Place

TREES, BOOST = "trees", "boost"
"""What beside models may change a score: a learnt order that dealt the scores out anew, and the rules' boosts."""
REASONS = 10
"""So many products of the history, at most, are named for a place."""
_LEFT_OUT = 100
"""So many of them are left out, one after the other, to see what becomes of the scores: those that weigh most."""


def explanations(
    models: Mapping[str, ListModel], rows: QueryRows, places: Sequence[Place], items: Vocabulary
) -> list[Explanation]:
    """One for each place. The contributions of its opinions add up to its score (but for the millionth by which
    popularity tells equal ones apart).
    """
    found: dict[int, Explanation] = {}
    for source in {place.source for place in places}:
        mine = [place for place in places if place.source == source]
        model, listed = models[source], np.array([place.item for place in mine])
        opinions, total = _opinions(source, model, rows, listed)
        because = _because(model, rows, listed, items)
        for at, place in enumerate(mine):
            moved = [(TREES, place.unboosted - float(total[at]) if _has_trees(model) else 0.0)]
            moved.append((BOOST, place.score - place.unboosted))
            said = [each for each in opinions[at] if each.contribution]
            said += [ComponentScore(name, change, 1.0, change) for name, change in moved if change]
            said.sort(key=lambda each: -abs(each.contribution))
            found[place.item] = Explanation(tuple(said), because[at])
    return [found[place.item] for place in places]


def _has_trees(model: ListModel) -> bool:
    return isinstance(model, Ensemble) and model.ranker is not None


def _opinions(
    source: str, model: ListModel, rows: QueryRows, listed: IntArray
) -> tuple[list[list[ComponentScore]], FloatArray]:
    """(for each listed item what each model says of it; the scores that come of it, before trees and boosts)."""
    if not isinstance(model, Ensemble):
        score = model.score(rows, listed)
        return [[ComponentScore(source, its, 1.0, its)] for its in score.tolist()], score
    said: list[list[ComponentScore]] = [[] for _ in listed]
    for name, scores in model.opinions(rows, listed).items():
        weight = model.weights[name]
        for each, score in zip(said, scores.tolist(), strict=True):
            each.append(ComponentScore(name, score, weight, weight * score))
    return said, model.score(rows, listed)


def _because(model: ListModel, rows: QueryRows, listed: IntArray, items: Vocabulary) -> list[tuple[Reason, ...]]:
    """For each listed item the products of the history without which the models would score it lower."""
    if not len(rows.item_idx):
        return [()] * len(listed)
    heaviest = np.argsort(-rows.weight, kind="stable")[:_LEFT_OUT]
    block = _without_each(rows, heaviest, _n_items(model))
    summed = model.summed() if isinstance(model, Ensemble) else model
    score = np.nan_to_num(summed.score_all(block, listed))
    lost = score[-1] - score[:-1]
    ids = items.ids_of(rows.item_idx[heaviest].tolist())
    found = []
    for column in lost.T:
        strongest = [at for at in np.argsort(-column, kind="stable")[:REASONS].tolist() if column[at] > 0]
        found.append(tuple(Reason(ids[at], float(column[at])) for at in strongest))
    return found


def _without_each(rows: QueryRows, left_out: IntArray, n_items: int) -> QueryBlock:
    """The query without each of these products of its history, one a row; the last row is the whole query."""
    n = len(rows.item_idx)
    kept = np.ones((len(left_out) + 1, n), np.bool_)
    kept[np.arange(len(left_out)), left_out] = False
    pointers = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    item, weight = np.broadcast_to(rows.item_idx, kept.shape)[kept], np.broadcast_to(rows.weight, kept.shape)[kept]
    history = csr_matrix((weight, item, pointers), shape=(len(kept), n_items), dtype=np.float32)
    return QueryBlock(np.full(len(kept), -1 if rows.user_idx is None else rows.user_idx), history)


def _n_items(model: ListModel) -> int:
    return int(model.describe()["n_items"])
