"""Explain the places of a list: the component scores that add up, and the history items behind them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.core.domain import ComponentScore, Explanation, IntArray, Reason, Recommendation
from src.interactions.vocabulary import Vocabulary
from src.models.base import ListModel, QueryBlock, QueryRows
from src.models.contributions import Contributions
from src.recommendation.list_candidates import ListRequest

TREES, BOOST, VARIANT = "trees", "boost", "variant"
"""Score adjustments that no model makes: the re-ranking by trees, the boosts of the rules, and the place of a variant
that cannot be had, which another one takes."""
REASONS = 10
"""Highest number of history items that an explanation names."""
_LEFT_OUT = 100
"""Highest number of history items, by weight, that are left out one by one to measure their effect."""


def with_explanations(request: ListRequest, listed: Sequence[Recommendation]) -> list[Recommendation]:
    """Explain every place of a list.

    Args:
        request: what the list answers.
        listed: its places.

    Returns:
        The places, each with an explanation. Its contributions add up to the score, except for the tie-breaker of the
        ensemble, at most a millionth of the popularity.
    """
    rows = request.items.rows_of([place.product_id for place in listed])
    explained = list(listed)
    for source in {place.source for place in listed}:
        of_source = [at for at, place in enumerate(listed) if place.source == source]
        model, items = request.models[source], rows[of_source]
        parts = model.contributions(request.rows, items)
        reasons = _reasons(model, request.rows, items, request.items)
        for row, at in enumerate(of_source):
            components = _components(listed[at], parts, row, takes_place=_takes_place(request, int(items[row])))
            explained[at] = listed[at]._replace(explanation=Explanation(components, reasons[row]))
    return explained


def _takes_place(request: ListRequest, item: int) -> bool:
    """Whether an item may stand where a variant of it that cannot be had would stand."""
    groups = request.groups
    others = [] if groups is None else groups.members(item)
    return groups is not None and any(groups.sold_out[each] or each in request.standing_in for each in others)


def _components(
    place: Recommendation, parts: Contributions, row: int, *, takes_place: bool
) -> tuple[ComponentScore, ...]:
    """Return what adds up to the score of a place, the largest contribution first; `row`: its row in the parts."""
    components = opinions_of(parts, row, place.source)
    change = place.base_score - float(parts.total[row])
    reranking, moved = (change, 0.0) if parts.is_reranked else (0.0, change if takes_place else 0.0)
    for name, change in ((TREES, reranking), (VARIANT, moved), (BOOST, place.score - place.base_score)):
        components.append(ComponentScore(name, change, 1.0, change))
    return tuple(sorted((each for each in components if each.contribution), key=lambda each: -abs(each.contribution)))


def opinions_of(parts: Contributions, row: int, source: str) -> list[ComponentScore]:
    """Return the addends of a score that models make.

    Args:
        parts: Of the scores of several items.
        row: Which of these.
        source: Name of the model that has scored them.

    Returns:
        One for each component.
    """
    scores = [(term.model or source, term.score[row].item(), term.weight) for term in parts.terms]
    return [ComponentScore(name, score, weight, weight * score) for name, score, weight in scores]


def _reasons(model: ListModel, rows: QueryRows, listed: IntArray, items: Vocabulary) -> list[tuple[Reason, ...]]:
    """Return, for each listed item, the history items without which its score would be lower."""
    if not len(rows.item_idx):
        return [()] * len(listed)
    heaviest = np.argsort(-rows.weight, kind="stable")[:_LEFT_OUT]
    block = _leave_one_out(rows, heaviest, model.n_items)
    score = np.nan_to_num(model.without_reranking().score_all(block, listed))
    loss = score[-1] - score[:-1]
    ids = items.ids_of(rows.item_idx[heaviest].tolist())
    reasons = []
    for column in loss.T:
        strongest = [at for at in np.argsort(-column, kind="stable")[:REASONS].tolist() if column[at] > 0]
        reasons.append(tuple(Reason(ids[at], float(column[at])) for at in strongest))
    return reasons


def _leave_one_out(rows: QueryRows, left_out: IntArray, n_items: int) -> QueryBlock:
    """Return the query without each of these places of its history, one a row; the last row is the whole query."""
    whole = QueryBlock.of(rows, n_items)
    block = whole.take(np.zeros(len(left_out) + 1, np.int64))
    kept = np.ones((len(block), len(rows.item_idx)), np.float32)
    kept[np.arange(len(left_out)), left_out] = 0
    for part in (block.history, block.n_seen):
        if part is not None:
            part.data *= kept.ravel()
            part.eliminate_zeros()
    return block
