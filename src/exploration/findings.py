"""What the figures of an exploration mean for the models, in plain sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from src.core.number_format import percent
from src.exploration.profile_types import DataProfile
from src.ingestion.data_checks import Thresholds

FEW_EVENTS = 1_000
"""Fewer events: every measured figure is mostly chance."""

FEW_RATINGS = 1_000
"""Fewer ratings: factors of users and products have nothing to hold on to."""

MANY_SINGLE_USERS = 0.3
"""Share of users with one event from which on it shapes what the shop sees: one event is all used up by learning or by
measuring.
"""

MANY_THIN_PRODUCTS = 0.5
"""Share of products with fewer than five events, about whose neighbours nothing can be counted."""

FEW_HOLD_HALF = 0.02
"""Share of products that holds half of all events, up to which popularity alone is hard to beat."""

ONE_USER_IS_MUCH = 0.05
"""Share of the events of one user, from which on it is no customer; among MIN_USERS or more."""

MIN_USERS = 100

HIGH_RATINGS = 0.8
"""Share of relevant ratings from which on the errors of predicted ratings are small whatever is predicted."""

TIMED_ENOUGH = 0.5
"""Share of events with a time above which `split` measures on the newest ones."""

TITLED_ENOUGH = 0.9
"""Share of products with a title below which it is worth saying which are missing."""

OLD_DAYS = 30
"""Age of the newest event in days from which on what is recent in the data is not recent in the shop."""

OFTEN_BOUGHT_AGAIN = 0.15
"""Share of bought pairs that are bought again on another day, from which on leaving out what was bought costs sales."""

MANY_REJECTED = Thresholds().max_reject_share
"""Share of the rows read from which on it is worth saying."""


def find_remarks(exploration: DataProfile) -> list[str]:
    """One sentence or two for every figure beyond its threshold, the gravest first; empty if there is none."""
    return [
        *_of_size(exploration),
        *_of_ratings(exploration),
        *_of_time(exploration),
        *_of_spread(exploration),
        *_of_catalogue(exploration),
        *_of_loads(exploration),
    ]


def _of_size(e: DataProfile) -> Iterator[str]:
    if e.catalogue.made_up:
        yield "The shop is made up: its figures show what Aisle does, not how well it does it in a real shop."
    if e.n_events < FEW_EVENTS:
        yield f"Few events, {e.n_events:,} in all: what is measured on them is mostly chance."


def _of_ratings(e: DataProfile) -> Iterator[str]:
    if e.ratings is None:
        yield "No ratings: SVD and /predict have nothing to learn from, and lists follow what was bought and looked at."
        return
    if e.ratings.n < FEW_RATINGS:
        yield f"Few ratings, {e.ratings.n:,} in all: SVD will hardly do better than each product's mean."
    if e.ratings.relevant_share >= HIGH_RATINGS:
        yield (
            f"{percent(e.ratings.relevant_share)} of the ratings are {e.ratings.relevant_from:g} or more: RMSE will "
            f"flatter. Whoever always guesses {e.ratings.avg:.2f} is off by {e.ratings.spread:.2f} already."
        )


def _of_time(e: DataProfile) -> Iterator[str]:
    if e.activity is None:
        yield "No event has a time: the test set is drawn at random, and “recent” means nothing."
        return
    share = e.activity.n_timed / e.n_events
    if share <= TIMED_ENOUGH:
        yield f"Only {percent(share)} of the events have a time: the test set is drawn at random."
    elif e.activity.oldest_at == e.activity.newest_at:
        yield "All events have the same time: the test set is drawn at random, and “recent” means nothing."
    days = (e.explored_at - e.activity.newest_at) // 86_400
    if days >= OLD_DAYS:
        yield f"The newest event is {days:,} days old: what is popular now, the models cannot know."


def _of_spread(e: DataProfile) -> Iterator[str]:
    single = e.users.with_events["1"] / e.users.n
    if single >= MANY_SINGLE_USERS:
        yield f"{percent(single)} of the users have one event: expect popularity for them."
    thin = (e.products.with_events["1"] + e.products.with_events["2–4"]) / e.products.n
    if thin >= MANY_THIN_PRODUCTS:
        yield (
            f"{percent(thin)} of the products have fewer than five events: too few to learn whom they suit, so that "
            "they will seldom be listed."
        )
    if e.products.half_on <= FEW_HOLD_HALF:
        yield (
            f"Half of all events lie on {percent(e.products.half_on)} of the products: popularity will be hard to "
            "beat, and lists will look alike."
        )
    most = e.users.most / e.n_events
    if most >= ONE_USER_IS_MUCH and e.users.n >= MIN_USERS:
        yield (
            f"One user has {percent(most)} of the events: an id that stands for guests or the till, or a test? "
            "Leave it out of the files, or the models learn its mixture."
        )
    if e.bought_again is not None and e.bought_again >= OFTEN_BOUGHT_AGAIN:
        yield (
            f"{percent(e.bought_again)} of what a user bought was bought again on another day: lists that leave out "
            "what was bought hide it. Ask with exclude_seen: false where people restock."
        )


def _of_catalogue(e: DataProfile) -> Iterator[str]:
    titled = e.catalogue.titled / e.n_products
    if not e.catalogue.titled:
        yield "No product has a title: search by meaning finds nothing, and lists show ids. Load a catalogue."
    elif titled < TITLED_ENOUGH:
        yield f"Only {percent(titled)} of the products have a title: search by meaning will not find the others."


def _of_loads(e: DataProfile) -> Iterator[str]:
    share = e.loads.n_rejected / max(e.loads.n_read, 1)
    if share > MANY_REJECTED:
        reason, count = next(iter(e.loads.rejected.items()))
        yield (
            f"{percent(share)} of the rows read were rejected, {count:,} of them because “{reason}”: the models never "
            "see them. Look into var/rejects."
        )
