"""What a list was made of, besides its release and the stored history: kept, so that it can be made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from src.core.domain import Boost, Event, EventKind, JsonDict, Query, Recommendation, Rules

_SETS = ("categories", "not_categories", "not_brands", "brands")
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class ListRecipe:
    """What shapes a list.

    Attributes:
        query: What was asked, with all rules that held and the history of the request; without the stored history.
        pins: (place from 1, id) of the rules that held, by place.
        withdrawn: Hash of the ids that were withdrawn; "" for none.
        facts: When products last changed before, in microseconds since 1970; None for never.
        groups: Hash of the groups of variants; "" for none.
        drafted: The other list that it was drafted with; None for a list of one arm.
    """

    query: Query
    pins: tuple[tuple[int, str], ...]
    withdrawn: str
    facts: int | None
    groups: str
    drafted: DraftedWith | None = None

    def to_json(self) -> JsonDict:
        """Return plain JSON."""
        query = self.query
        return {
            "history": [[event.product_id, event.kind.value, event.value, event.at] for event in query.history],
            "n": query.n,
            "exclude": sorted(query.exclude),
            "model": query.model,
            "rules": _rules_as_json(query.rules),
            "pins": [list(pin) for pin in self.pins],
            "withdrawn": self.withdrawn,
            "facts": self.facts,
            "groups": self.groups,
            **({"drafted": self.drafted.to_json()} if self.drafted else {}),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any], user_id: str | None) -> ListRecipe:
        """Read what `to_json` returned.

        Args:
            document: The JSON.
            user_id: Whom the list was for, which the JSON does not say; None for nobody.

        Returns:
            The recipe.
        """
        history = tuple(Event("", id_, EventKind(kind), value, at) for id_, kind, value, at in document["history"])
        query = Query(
            user_id,
            history,
            document["n"],
            frozenset(document["exclude"]),
            document["model"],
            rules=_rules_of(document["rules"]),
        )
        pins = tuple((int(place), str(id_)) for place, id_ in document["pins"])
        drafted = DraftedWith.from_json(document["drafted"], user_id) if "drafted" in document else None
        return cls(query, pins, document["withdrawn"], document["facts"], document["groups"], drafted)

    def after(self, stored: Sequence[Event]) -> Query:
        """Return the complete query, with a stored history in front of that of the request."""
        return replace(self.query, history=(*stored, *self.query.history))


@dataclass(frozen=True, slots=True)
class DraftedWith:
    """The second list of an interleaving, and how the coin fell.

    Attributes:
        release: The release that made it.
        recipe: What shaped it.
        seed: Of the coin that decides which list begins.
    """

    release: str
    recipe: ListRecipe
    seed: int

    def to_json(self) -> JsonDict:
        """Return plain JSON."""
        return {"release": self.release, "recipe": self.recipe.to_json(), "seed": self.seed}

    @classmethod
    def from_json(cls, document: dict[str, Any], user_id: str | None) -> DraftedWith:
        """Read what `to_json` returned.

        Args:
            document: The JSON.
            user_id: Whom the list was for; None for nobody.

        Returns:
            The second list.
        """
        return cls(document["release"], ListRecipe.from_json(document["recipe"], user_id), document["seed"])


class DrawnPlaces(NamedTuple):
    """What the places of a list were drawn from.

    Attributes:
        pool: Ids of the products that could stand there; without chance its beginning is the list.
        share: AISLE_EXPLORE.
        propensities: The probability of the product shown, for each place.
        among: Length of the list that the pool was taken from.
    """

    pool: tuple[str, ...]
    share: float
    propensities: tuple[float, ...]
    among: int = 0


@dataclass(frozen=True, slots=True)
class AskedList:
    """A list as it was asked for and answered. It names its user, so that it can be erased.

    Attributes:
        request_id: The request.
        seq: Tells the lists of a request apart; a later list has a higher one.
        at: When it was answered, UTC seconds.
        user_id: Whom it was for; None without a user.
        release: The release that made it.
        placement: Where the shop shows it; "" if the request did not say.
        experiments: The arms of experiments, as the answer named them; "" for none.
        n_stored: Number of events in the stored history of the user.
        history: Digest of these events.
        recipe: What else shaped it.
        places: The list, best first, without explanations.
        drawn: What its places were drawn from; None for a list without chance.
    """

    request_id: str
    seq: int
    at: int
    user_id: str | None
    release: str
    placement: str
    experiments: str
    n_stored: int
    history: str
    recipe: ListRecipe
    places: tuple[Recommendation, ...]
    drawn: DrawnPlaces | None = None


def digest_of(events: Iterable[Event]) -> str:
    """Return a digest of all that a list may depend on in events: products, kinds, values and times, in their order."""
    told = json.dumps([[event.product_id, event.kind.value, event.value, event.at] for event in events])
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()


def _rules_as_json(rules: Rules) -> JsonDict:
    """Return the fields that differ from those of a list without rules."""
    usual = asdict(Rules())
    fields = {name: value for name, value in asdict(rules).items() if value != usual[name]}
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in fields.items()}


def _rules_of(document: dict[str, Any]) -> Rules:
    fields = document | {name: frozenset(document[name]) for name in _SETS if name in document}
    if "seen" in fields:
        fields["seen"] = frozenset(map(EventKind, fields["seen"]))
    if "boosts" in fields:
        fields["boosts"] = tuple(Boost(**boost) for boost in fields["boosts"])
    return Rules(**fields)
