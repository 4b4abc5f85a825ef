"""What a replayed list says, as JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.serving.replays import Replay, ReplayedProduct
from app.texts.phrases import Phrases, plain
from app.views.why_not_text import why_not_sentence
from src.core.domain import ComponentScore, Product
from src.evaluation.list_difference import Change, overlap, rank_biased_overlap


def replay_document(replay: Replay, catalogue: Mapping[str, Product], t: Phrases) -> dict[str, Any]:
    """Return a replay as ReplayAnswer describes it.

    Args:
        catalogue: Products of both lists, as the store has them now.
    """
    asked = replay.asked
    answered, made = ([place.product_id for place in places] for places in (asked.places, replay.places))
    return {
        "request_id": asked.request_id,
        "at": asked.at,
        "user_id": asked.user_id,
        "placement": asked.placement,
        "experiments": asked.experiments,
        "served_by": asked.release,
        "release": replay.release,
        "repeated": replay.repeated,
        "obstacles": [{"code": each.value, "text": str(t(f"replay.obstacle.{each}"))} for each in replay.obstacles],
        "answered": answered,
        "made": made,
        "overlap": round(overlap(answered, made, asked.recipe.query.n), 4),
        "agreement": round(rank_biased_overlap(answered, made), 4),
        "products": [_product(each, catalogue, t) for each in replay.products],
    }


def _product(each: ReplayedProduct, catalogue: Mapping[str, Product], t: Phrases) -> dict[str, Any]:
    change = each.change
    return {
        "product_id": change.product_id,
        "change": change.change.value,
        "before": change.before,
        "after": change.after,
        "why": plain(_why(each, catalogue.get(change.product_id), t)),
        "components_before": _components(each.before),
        "components_after": _components(each.after),
    }


def _components(scores: tuple[ComponentScore, ...] | None) -> dict[str, float] | None:
    return None if scores is None else {each.model: round(each.contribution, 6) for each in scores}


def _why(each: ReplayedProduct, product: Product | None, t: Phrases) -> str:
    match each.change.change:
        case Change.STAYED:
            return ""
        case Change.MOVED:
            return _why_moved(each, t)
        case change:
            if each.because is None:
                return t("replay.unknown")
            if each.because.reason is None:
                return t("replay.by_obstacle")
            return t(f"replay.{change}", why=why_not_sentence(each.because, each.query, product, t))


def _why_moved(each: ReplayedProduct, t: Phrases) -> str:
    before, after = _components(each.before) or {}, _components(each.after) or {}
    changes = {name: after.get(name, 0.0) - before.get(name, 0.0) for name in {*before, *after}}
    if not before or not any(changes.values()):
        return t("replay.moved_by_others")
    name = max(changes, key=lambda model: (abs(changes[model]), model))
    return t(
        "replay.moved", model=name, before=t.number(before.get(name, 0.0), 3), after=t.number(after.get(name, 0.0), 3)
    )
