"""Look at the events of a file as a whole: what holds in every shop's data, and does not here. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np

from src.core.domain import NO_TIME, EventKind, FloatArray, IntArray
from src.core.number_format import percent
from src.ingestion.data_checks import Check, check_of
from src.ingestion.event_columns import EventColumns
from src.ingestion.nobody import found_among
from src.ingestion.shared_users import shared_user

_MOST = 10_000  # events looked at: more would slow down the load
_LATER = 1_000  # of each later block, while there are few ids
_FEW, _MANY = 20, 100  # events from which repeats say something
_FEWEST_IDS = 3
_DENSE = 0.9  # share of all pairs of a user and a product that are events, which are products listed for each place
_FEWEST_LISTED = 5  # products
_ALMOST_ALL = 0.98
_CROWD = 0.25  # share of the events, from which one user is no single person
_LEAD = 3.0
_SAME = 0.01  # share of ids that differ in case only
_FRACTIONS = 0.2
_TWICE = 0.05
_MANY_PIECES = 100
_EARLIEST = 788_918_400  # 1995: no shop kept events


@dataclass
class EventEvidence:
    """What the first events of a file show.

    Attributes:
        users: User → events.
        products: Product → events.
        pairs: Users with their products.
        visits: Users with the times of their events.
        values: Of purchases, how many.
        ratings: Of ratings, how good.
        times: UTC seconds, of the events that have any.
        n_events: Events looked at.
        n_twice: Events with the user, product, kind and time of another one in their block.
        later: Users, and products, of some later events, looked at as long as there were few of them.
    """

    users: Counter[str] = field(default_factory=Counter)
    products: Counter[str] = field(default_factory=Counter)
    values: list[FloatArray] = field(default_factory=list)
    ratings: list[FloatArray] = field(default_factory=list)
    times: list[IntArray] = field(default_factory=list)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    visits: set[tuple[str, int]] = field(default_factory=set)
    n_events: int = 0
    n_twice: int = 0
    later: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))

    def add(self, events: EventColumns) -> None:
        """Look at the events of a block, as long as there were few."""
        left = _MOST - self.n_events
        if left <= 0:
            self._look_further(events)
        if left <= 0 or not len(events):
            return
        part = events if len(events) <= left else events.take(np.arange(left))
        users, products, kinds = part.texts(0, 1, 2)
        self.users.update(users)
        self.products.update(products)
        self.visits.update(zip(users, part.at.tolist(), strict=True))
        self.pairs.update(zip(users, products, strict=True))
        for kind, values in ((EventKind.PURCHASE, self.values), (EventKind.RATING, self.ratings)):
            values.append(part.value[np.fromiter(map(kind.value.__eq__, kinds), np.bool_, len(kinds))])
        self.times.append(part.at[part.at != NO_TIME])
        group = np.unique(np.stack([_places(users), _places(products), _places(kinds), part.at]), axis=1)
        self.n_twice += len(part) - group.shape[1] if (part.at != NO_TIME).all() else 0
        self.n_events += len(part)

    def _look_further(self, events: EventColumns) -> None:
        """Look at some later events, as long as all have the same few users or products: files may be sorted."""
        few = [at for at, ids in enumerate(self._all_ids()) if len(ids) <= _FEWEST_IDS]
        if few and len(events):
            part = events.take(np.linspace(0, len(events) - 1, min(len(events), _LATER)).astype(np.int64))
            for at, texts in zip(few, part.texts(*few), strict=True):
                self.later[at].update(texts)

    def _all_ids(self) -> tuple[set[str], set[str]]:
        """Return the users, and the products, of all events looked at."""
        return self.users.keys() | self.later[0], self.products.keys() | self.later[1]

    def totals(self) -> list[str]:
        """Return one line of what the events come to, by which people see a misreading; none without events."""
        if not self.n_events:
            return []
        all_times, times = self._known_times(), ""
        if len(all_times):
            first, last = (str(np.datetime64(int(at), "s").astype("datetime64[D]")) for at in _ends(all_times))
            times = f"; from {first} to {last}"
        which = f"the first {self.n_events:,} events" if self.n_events == _MOST else "these events"
        amounts = [
            f"; {noun} {lowest:g} to {highest:g}, half of them at most {float(np.median(values)):g}"
            for noun, found in (("quantities", self.values), ("ratings", self.ratings))
            if len(values := np.concatenate([*found, np.zeros(0)]))
            for lowest, highest in [_ends(values)]
        ]
        return [f"{which}: {len(self.users):,} users, {len(self.products):,} products{times}{''.join(amounts)}"]

    def remarks(self) -> Iterator[str]:
        """Yield what is unusual and may be right: the same thing twice, and one time for all."""
        if self.n_events < _FEW:
            return
        if self.n_twice > _TWICE * self.n_events:
            yield (
                f"{self.n_twice:,} of {self.n_events:,} events have the user, product, kind and time of another: if "
                "the file tells the same thing twice, take these rows out of it"
            )
        times = self._known_times()
        if len(times) >= _FEW and times.min() == times.max() and len(self.users) > 1:
            yield (
                f"all events have one time, {_moment(times)} UTC: if it is that of the export: --columns time=COLUMN, "
                "or for none: --columns time="
            )

    def checks(self) -> Iterator[Check]:
        """Yield the checks that failed, or one that passed; nothing where there are few events."""
        if self.n_events < _FEW:
            return
        checks = [
            *map(self._few, ("user", "product"), self._all_ids()),
            self._alone("user", self.users, "orders, visits or rows"),
            self._alone("product", self.products, "rows or orders, or have cells of several products"),
            self._returning(),
            self._listed(),
            self._crowd_of_users(),
            self._crowd_of_products(),
            self._same("user", self.users),
            self._same("product", self.products),
            *self._pieces(),
            *self._times(),
        ]
        failed = [check for check in checks if not check.passed]
        yield from failed or [check_of("events as a whole", True, "as in other shops", "that", "")]

    def _alone(self, noun: str, counts: Counter[str], other: str) -> Check:
        n, most = len(counts), self.n_events - 1 if self.n_events < _MANY else _ALMOST_ALL * self.n_events
        return check_of(
            f"{noun}s that come again",
            n <= most,
            f"{n:,} of {self.n_events:,} events have a {noun} of their own",
            f"a {noun} in several events",
            f"the column may number {other}; to take another: --columns {noun}=COLUMN",
        )

    def _returning(self) -> Check:
        """Check that users come at several times, as customers do and orders do not."""
        n_times = Counter(user for user, _ in self.visits)
        several = [user for user, n in self.users.items() if n > 1 and "@" not in user]
        n_once = sum(n_times[user] == 1 for user in several) if len(self._known_times()) == self.n_events else 0
        return check_of(
            "users at several times",
            n_once < _FEW or n_once <= _ALMOST_ALL * len(several),
            f"{n_once:,} of {len(several):,} users with several events have them at one time",
            "users who come again",
            "the column may number orders or visits; to take another: --columns user=COLUMN",
        )

    def _listed(self) -> Check:
        """Check that events are not a list of all products for each place, such as its stock."""
        n_users, n_products = len(self.users), len(self.products)
        is_list = len(self.pairs) == self.n_events and n_users > 1 and n_products >= _FEWEST_LISTED
        return check_of(
            "all products of all users",
            not is_list or len(self.pairs) < _DENSE * n_users * n_products,
            f"{len(self.pairs):,} of {n_users:,} times {n_products:,} pairs of a user and a product, each once",
            "that users take some products, and leave others",
            "if rows tell the stock of places, or sums: --layout products; to take other users: --columns user=COLUMN",
        )

    def _few(self, noun: str, ids: Collection[str]) -> Check:
        is_many = self.n_events >= (_FEW if noun == "user" else _MANY)
        which = "the first " if self.n_events == _MOST else ""
        return check_of(
            f"number of {noun}s",
            not is_many or len(ids) > _FEWEST_IDS,
            f"{len(ids):,} in {which}{self.n_events:,} events{' and samples of the others' if which else ''}",
            f"more than {_FEWEST_IDS}",
            f"the column may be one of groups or states; to take another: --columns {noun}=COLUMN",
        )

    def _known_times(self) -> IntArray:
        return np.concatenate(self.times) if self.times else np.zeros(0, np.int64)

    def _crowd_of_users(self) -> Check:
        shown = _crowded(self.users, _CROWD) or shared_user(self.users)
        named = shown or next(iter(self.users), "")
        can_be_named = not {",", "="} & set(named)
        leave_out = f"leave it out: --words {shlex.quote(f'{named}=none')}" if can_be_named else "take its rows out"
        return check_of(
            "one user for many",
            shown is None,
            f"{named[:40]!r} has {percent(self.users[named] / self.n_events)} of {self.n_events:,} events",
            f"at most {percent(_CROWD)}, no lead over all others, and an id of a person",
            f"if it stands for unknown customers, staff or a till, {leave_out}; or take another column: "
            "--columns user=COLUMN",
        )

    def _crowd_of_products(self) -> Check:
        shown = _crowded(self.products, 2 * _CROWD) or next(iter(found_among(self.products, frozenset())), None)
        named = shown or next(iter(self.products), "")
        return check_of(
            "one product for many",
            shown is None,
            f"{named[:40]!r} has {percent(self.products[named] / self.n_events)} of {self.n_events:,} events",
            f"at most {percent(2 * _CROWD)} for each product, and none for ids that stand for nobody",
            "if it stands for no product, take its rows out of the file, or take another column: "
            "--columns product=COLUMN",
        )

    @staticmethod
    def _same(noun: str, counts: Counter[str]) -> Check:
        """Check that ids do not differ in case or zeros only."""
        alike: dict[str, str] = {}
        pairs = []
        for id_ in counts:
            other = alike.setdefault(id_.casefold().lstrip("0"), id_)
            if other != id_:
                pairs.append((other, id_))
        shown = f", such as {pairs[0][0]!r} and {pairs[0][1]!r}" if pairs else ""
        return check_of(
            f"spelling of {noun}s",
            not pairs or (len(pairs) < _SAME * len(counts) and "@" not in pairs[0][0]),
            f"{len(pairs):,} ids differ from another one in case or zeros only{shown}",
            f"one spelling for each {noun}",
            "write them in one way, or give products the ids of the catalogue: --ids-from FILE"
            if noun == "product"
            else "write them in one way in the file",
        )

    def _pieces(self) -> Iterator[Check]:
        values = np.concatenate(self.values) if self.values else np.zeros(0)
        if len(values) < _FEW:
            return
        fractions = float(np.mean(values != np.floor(values)))
        median = float(np.median(values))
        yield check_of(
            "quantities",
            fractions <= _FRACTIONS and median <= _MANY_PIECES,
            f"{percent(fractions)} are no whole numbers, and half of them are above {median:g}",
            f"at most {percent(_FRACTIONS)}, and {_MANY_PIECES}",
            "if the column has prices or weights: --columns quantity=COLUMN, or for none: --columns quantity=",
        )

    def _times(self) -> Iterator[Check]:
        times = self._known_times()
        if len(times) < _FEW:
            return
        early = float(np.mean(times < _EARLIEST))
        yield check_of(
            "times",
            early <= _SAME,
            f"{percent(early)} are before 1995, the first of {_moment(times)} UTC",
            f"at most {percent(_SAME)}",
            "if the column says something else: --columns time=COLUMN, or for none: --columns time=",
        )


def _crowded(counts: Counter[str], most: float) -> str | None:
    """Return the id with more than a share of all events and several times those of the next; None if none has."""
    (first, n), *others = counts.most_common(2)
    is_crowd = n > most * counts.total() and len(counts) > 2 * _FEWEST_IDS and n > _LEAD * others[0][1]
    return first if is_crowd else None


def _places(texts: list[str]) -> IntArray:
    """Return int64[n], equal numbers for equal texts."""
    places: dict[str, int] = {}
    return np.fromiter((places.setdefault(text, len(places)) for text in texts), np.int64, len(texts))


def _ends(values: FloatArray | IntArray) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _moment(times: IntArray) -> str:
    return str(np.datetime64(int(times.min()), "s")).replace("T", " ")
