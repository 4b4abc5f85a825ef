"""Say in sentences what a profile of the data means for the models. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from src.core.number_format import percent
from src.exploration.profile_types import DataProfile
from src.ingestion.data_checks import Thresholds

FEW_EVENTS = 1_000
"""With fewer events, measured figures are mostly chance."""

FEW_RATINGS = 1_000
"""With fewer ratings, factors of users and products cannot be estimated."""

MANY_SINGLE_USERS = 0.3
"""Share of users with one event that is worth a remark: one event serves either training or evaluation."""

MANY_THIN_PRODUCTS = 0.5
"""Share of products with fewer than five events that is worth a remark: they have no reliable neighbours."""

FEW_HOLD_HALF = 0.02
"""Popularity alone is hard to beat if half of all events lie on this share of the products or less."""

ONE_USER_IS_MUCH = 0.05
"""Share of all events of one user, among MIN_USERS or more, from which on it is hardly a customer."""

MIN_USERS = 100

HIGH_RATINGS = 0.8
"""Share of relevant ratings from which on any constant prediction has small errors."""

TIMED_ENOUGH = 0.5
"""Share of events with a time above which the newest ones become the test set."""

TITLED_ENOUGH = 0.9
"""Share of products with a title below which the missing ones are worth a remark."""

OLD_DAYS = 30
"""Age of the newest event in days from which on the data does not show what is popular now."""

OFTEN_BOUGHT_AGAIN = 0.15
"""Share of bought pairs that are bought again on another day, from which on hiding bought products costs sales."""

MANY_REJECTED = Thresholds().max_reject_share
"""Share of rejected rows above which they are worth a remark."""


def describe_findings(profile: DataProfile) -> list[str]:
    """Return a remark for every figure beyond its threshold, the most important first."""
    return [
        *_size_findings(profile),
        *_ratings_findings(profile),
        *_time_findings(profile),
        *_spread_findings(profile),
        *_catalogue_findings(profile),
        *_loads_findings(profile),
    ]


def _size_findings(profile: DataProfile) -> Iterator[str]:
    if profile.catalogue.made_up:
        yield "The shop is made up: its figures show what Aisle does, not how well it does it in a real shop."
    if profile.n_events < FEW_EVENTS:
        yield f"Few events, {profile.n_events:,} in all: what is measured on them is mostly chance."


def _ratings_findings(profile: DataProfile) -> Iterator[str]:
    ratings = profile.ratings
    if ratings is None:
        yield "No ratings: SVD and /predict have nothing to learn from, and lists follow what was bought and looked at."
        return
    if ratings.n < FEW_RATINGS:
        yield f"Few ratings, {ratings.n:,} in all: SVD will hardly do better than each product's mean."
    if ratings.relevant_share >= HIGH_RATINGS:
        yield (
            f"{percent(ratings.relevant_share)} of the ratings are {ratings.relevant_from:g} or more: RMSE will "
            f"flatter. Whoever always guesses {ratings.avg:.2f} is off by {ratings.spread:.2f} already."
        )


def _time_findings(profile: DataProfile) -> Iterator[str]:
    if profile.activity is None:
        yield "No event has a time: the test set is drawn at random, and “recent” means nothing."
        return
    share = profile.activity.n_timed / profile.n_events
    if share <= TIMED_ENOUGH:
        yield f"Only {percent(share)} of the events have a time: the test set is drawn at random."
    elif profile.activity.oldest_at == profile.activity.newest_at:
        yield "All events have the same time: the test set is drawn at random, and “recent” means nothing."
    days = (profile.explored_at - profile.activity.newest_at) // 86_400
    if days >= OLD_DAYS:
        yield f"The newest event is {days:,} days old: what is popular now, the models cannot know."


def _spread_findings(profile: DataProfile) -> Iterator[str]:
    single = profile.users.with_events["1"] / profile.users.n
    if single >= MANY_SINGLE_USERS:
        yield f"{percent(single)} of the users have one event: expect popularity for them."
    thin = (profile.products.with_events["1"] + profile.products.with_events["2–4"]) / profile.products.n
    if thin >= MANY_THIN_PRODUCTS:
        yield (
            f"{percent(thin)} of the products have fewer than five events: too few to learn whom they suit, so that "
            "they will seldom be listed."
        )
    if profile.products.half_on <= FEW_HOLD_HALF:
        yield (
            f"Half of all events lie on {percent(profile.products.half_on)} of the products: popularity will be hard "
            "to beat, and lists will look alike."
        )
    most = profile.users.most / profile.n_events
    if most >= ONE_USER_IS_MUCH and profile.users.n >= MIN_USERS:
        yield (
            f"One user has {percent(most)} of the events: an id that stands for guests or the till, or a test? "
            "Leave it out of the files, or the models learn its mixture."
        )
    if profile.bought_again is not None and profile.bought_again >= OFTEN_BOUGHT_AGAIN:
        yield (
            f"{percent(profile.bought_again)} of what a user bought was bought again on another day: lists that leave "
            "out what was bought hide it. Ask with exclude_seen: false where people restock."
        )


def _catalogue_findings(profile: DataProfile) -> Iterator[str]:
    titled = profile.catalogue.titled / profile.n_products
    if not profile.catalogue.titled:
        yield "No product has a title: search by meaning finds nothing, and lists show ids. Load a catalogue."
    elif titled < TITLED_ENOUGH:
        yield f"Only {percent(titled)} of the products have a title: search by meaning will not find the others."


def _loads_findings(profile: DataProfile) -> Iterator[str]:
    share = profile.loads.n_rejected / max(profile.loads.n_read, 1)
    if share > MANY_REJECTED:
        reason, count = next(iter(profile.loads.rejected.items()))
        yield (
            f"{percent(share)} of the rows read were rejected, {count:,} of them because “{reason}”: the models never "
            "see them. Look into var/rejects."
        )
