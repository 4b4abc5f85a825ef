"""Say in sentences what a profile of the data means for the models. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from src.core.messages import Message, message
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


def describe_findings(profile: DataProfile) -> list[Message]:
    """Return a remark for every figure beyond its threshold, the most important first."""
    return [
        *_size_findings(profile),
        *_ratings_findings(profile),
        *_time_findings(profile),
        *_spread_findings(profile),
        *_catalogue_findings(profile),
        *_loads_findings(profile),
    ]


def _size_findings(profile: DataProfile) -> Iterator[Message]:
    if profile.catalogue.made_up:
        yield message("remark.made_up")
    if profile.n_events < FEW_EVENTS:
        yield message("remark.few_events", n=profile.n_events)


def _ratings_findings(profile: DataProfile) -> Iterator[Message]:
    ratings = profile.ratings
    if ratings is None:
        yield message("remark.no_ratings")
        return
    if ratings.n < FEW_RATINGS:
        yield message("remark.few_ratings", n=ratings.n)
    if ratings.relevant_share >= HIGH_RATINGS:
        yield message(
            "remark.high_ratings",
            share=ratings.relevant_share,
            relevant=ratings.relevant_from,
            mean=ratings.avg,
            spread=ratings.spread,
        )


def _time_findings(profile: DataProfile) -> Iterator[Message]:
    if profile.activity is None:
        yield message("remark.no_times")
        return
    share = profile.activity.n_timed / profile.n_events
    if share <= TIMED_ENOUGH:
        yield message("remark.few_times", share=share)
    elif profile.activity.oldest_at == profile.activity.newest_at:
        yield message("remark.one_time")
    days = (profile.explored_at - profile.activity.newest_at) // 86_400
    if days >= OLD_DAYS:
        yield message("remark.old", n=days)


def _spread_findings(profile: DataProfile) -> Iterator[Message]:
    single = profile.users.with_events["1"] / profile.users.n
    if single >= MANY_SINGLE_USERS:
        yield message("remark.single_users", share=single)
    thin = (profile.products.with_events["1"] + profile.products.with_events["2–4"]) / profile.products.n
    if thin >= MANY_THIN_PRODUCTS:
        yield message("remark.thin_products", share=thin)
    if profile.products.half_on <= FEW_HOLD_HALF:
        yield message("remark.few_hold_half", share=profile.products.half_on)
    most = profile.users.most / profile.n_events
    if most >= ONE_USER_IS_MUCH and profile.users.n >= MIN_USERS:
        yield message("remark.one_user", share=most)
    if profile.bought_again is not None and profile.bought_again >= OFTEN_BOUGHT_AGAIN:
        yield message("remark.bought_again", share=profile.bought_again)


def _catalogue_findings(profile: DataProfile) -> Iterator[Message]:
    titled = profile.catalogue.titled / profile.n_products
    if not profile.catalogue.titled:
        yield message("remark.no_titles")
    elif titled < TITLED_ENOUGH:
        yield message("remark.few_titles", share=titled)


def _loads_findings(profile: DataProfile) -> Iterator[Message]:
    share = profile.loads.n_rejected / max(profile.loads.n_read, 1)
    if share > MANY_REJECTED:
        reason, count = next(iter(profile.loads.rejected.items()))
        yield message("remark.rejected", share=share, n=count, rejection=reason)
