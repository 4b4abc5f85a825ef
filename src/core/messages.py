"""Sentences that are recorded: what is said as a code and its values, so that pages can say it in their language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from src.core.number_format import percent

Value = str | int | float

MESSAGES: Mapping[str, str] = {
    # steps of a training
    "step.starting": "its trainer is being started",
    "step.other_shop": "waiting until another shop of this service has trained",
    "step.beginning": "beginning",
    "step.checking_file": "checking the store's file",
    "step.reading_store": "reading the store",
    "step.reading_file": "reading {file}",
    "step.reading_catalogue": "reading the catalogue",
    "step.encoding": "encoding titles, categories and descriptions with {encoder}",
    "step.encoded": "encoded {n:,} new texts; the others are in the cache",
    "step.made_up_before": "the current release was learnt from the made-up shop: it is no measure of real data",
    "step.unmeasured_before": "the current release was published unmeasured: it is no measure of a trained one",
    "step.scoring": "scoring release {version} on {n:,} events that it has not seen",
    "step.tuning": "tuning {model}",
    "step.tuning_weighting": "tuning the weights of events",
    "step.tuning_sum": "tuning {model} by what the sum of all models gains",
    "step.tuning_draw": "training on draw {draw} of the held-out part",
    "step.ranking_heads": "training the re-ranker of lists",
    "step.training": "training {model} on {n:,} events",
    "step.blend_index": "building the index of the blend",
    "step.preparing_lists": "making the lists of the most active users",
    "step.measuring_ratings": "measuring predicted ratings",
    "step.measuring_lists": "measuring the lists of {model} for {n:,} users",
    "step.fitting_before": "fitting the settings of release {version}, to measure both on the same events",
    "step.search": "building the search index of {n:,} products",
    "step.search_order": "training the re-ranker of search",
    "step.publishing": "publishing",
    # how a run ended without a verdict
    "run.killed": "the trainer was killed (from outside, or by the system because it was out of memory); the last "
    "that it said was: {step}",
    "run.killed_early": "the trainer was killed (from outside, or by the system because it was out of memory) before "
    "it could say how far it was",
    "run.sigterm": "ended by SIGTERM",
    "run.out_of_memory": "out of memory ({detail}). Expected more: free memory, or raise the limit of the process.",
    "run.exit_code": "the trainer ended with exit code {exit} before it was done; see {file}",
    "run.exit_code_early": "the trainer ended with exit code {exit} before it began; see {file}",
    "run.not_started": "the trainer could not be started ({reason}); see the disk's space",
    "run.overdue": "it took longer than {hours:g} hours (AISLE_TRAIN_HOURS) and was ended; it was at: {step}",
    "run.busy": "a training is running already (process {owner}). Wait for its end and try again.",
    "run.no_data": "the store holds no events: run python data_processing.py FILE",
    # what was done with a key
    "audit.events": "{stored:,} stored, {repeated:,} repeated, {refused:,} refused; requests: {requests:,}",
    # what is refused
    "refused.training": "a training is under way already: run {run}. Wait for its end and try again.",
    "refused.no_training": "no training is under way. GET /status lists the last runs.",
    "refused.other_host": "the training runs on another host, as process {owner}. Stop it there.",
    "refused.comparison": "another comparison is being computed. Wait for its end and try again.",
    "refused.rules": "version {found} of the rules was found; version {newest} holds by now. Read the rules again with "
    "GET /rules, and change those.",
    "refused.no_release": "there is no release {release} on disk. GET /releases lists them.",
    "refused.no_canary_leader": "AISLE_SCHEDULER is off, so that no worker would lead the release to all users. Set it "
    "to on, or activate the release at once.",
    "refused.serves_all": "the release {release} serves all users already. Name another one of GET /releases.",
    "refused.had_its_canary": "the release {release} has had its canary, which is {state}: its figures stay, and it "
    "gets no second one. Activate it, or begin an experiment with an arm of this release.",
    "refused.not_kept": "no list of the request {request} is kept. Lists of users are kept, those of the last {days} "
    "days are, unless the user was erased.",
    "refused.keeps_none": "no list of the request {request} is kept. Set AISLE_LOG_REQUESTS=on to keep what is asked "
    "from now on.",
    # a release on new events
    "score.unknown": "release {version} does not say which events of the store it has seen, so it is not scored",
    "score.nothing_new": "no event is newer than release {version}",
    "score.nothing_to_measure": "release {version} on {n:,} new events: nothing to measure by",
    # search
    "search.no_titles": "the release knows no product's title, so nothing can be searched: load a catalogue with "
    "python data_processing.py products.csv, then run python train_model.py",
    # figures of the shop
    "shop.not_started": "the counting could not be started ({reason})",
    "shop.exit_code": "the counting ended with exit code {exit}; {file} says why",
    "shop.store_silent": "the store does not answer",
    # what a profile of the data means for the models
    "remark.made_up": "The shop is made up: its figures show what Aisle does, not how well it does it in a real shop.",
    "remark.few_events": "Few events, {n:,} in all: what is measured on them is mostly chance.",
    "remark.no_ratings": "No ratings: SVD and /predict have nothing to learn from, and lists follow what was bought "
    "and looked at.",
    "remark.few_ratings": "Few ratings, {n:,} in all: SVD will hardly do better than each product's mean.",
    "remark.high_ratings": "{share} of the ratings are {relevant:g} or more: the RMSE will look good. Always "
    "guessing {mean:.2f} gives an RMSE of {spread:.2f} already.",
    "remark.no_times": "No event has a time: the test set is drawn at random, and “recent” means nothing.",
    "remark.few_times": "Only {share} of the events have a time: the test set is drawn at random.",
    "remark.one_time": "All events have the same time: the test set is drawn at random, and “recent” means nothing.",
    "remark.old": "The newest event is {n:,} days old: the models do not know what is popular now.",
    "remark.single_users": "{share} of the users have one event: expect popularity for them.",
    "remark.thin_products": "{share} of the products have fewer than five events: too few to learn who likes them, "
    "so they will seldom be listed.",
    "remark.few_hold_half": "Half of all events belong to {share} of the products: popularity will be hard to beat, "
    "and lists will look alike.",
    "remark.one_user": "One user has {share} of the events: is it an id for guests, the till or tests? Leave it "
    "out of the files, or the models take many customers for one.",
    "remark.bought_again": "{share} of what a user bought was bought again on another day: lists leave out what was "
    "bought. Send exclude_seen: false for products that customers restock.",
    "remark.no_titles": "No product has a title: search by meaning finds nothing, and lists show ids. Load a "
    "catalogue.",
    "remark.few_titles": "Only {share} of the products have a title: search by meaning will not find the others.",
    "remark.rejected": "{share} of the rows read were rejected, {n:,} of them because “{rejection}”. No model is "
    "trained on them. Each row and its reason is in var/rejects.",
}
"""Code → English sentence. A share is written in percent; a step is another message."""


class Message(str):
    """An English sentence that knows what it says.

    Attributes:
        code: a key of MESSAGES.
        values: of the placeholders.
    """

    code: str
    values: Mapping[str, Value]


def message(code: str, /, **values: Value) -> Message:
    """Say something that is recorded.

    Args:
        code: a key of MESSAGES.
        **values: of its placeholders; `share` is 0 to 1.

    Returns:
        The sentence.
    """
    written: dict[str, Any] = {name: percent(float(it)) if name == "share" else it for name, it in values.items()}
    said = Message(MESSAGES[code].format(**written))
    said.code, said.values = code, values
    return said


def to_record(text: str) -> str:
    """Return what the store keeps of a text: its code and values if it is a message, or else the text itself."""
    return json.dumps(_document(text)) if isinstance(text, Message) else str(text)


def from_record(record: str) -> str:
    """Return a text that was kept; one of another version's code, or of before there were codes, as it is."""
    if not record.startswith('{"code": '):
        return record
    try:
        return _said(json.loads(record))
    except (ValueError, KeyError, TypeError):
        return record


def text_of_error(error: BaseException) -> str:
    """Return the message that an error was raised with, or else its text."""
    said = error.args[0] if len(error.args) == 1 else ""
    return said if isinstance(said, Message) else str(error)


def _document(said: Message) -> dict[str, Any]:
    return {
        "code": said.code,
        "values": {name: _document(it) if isinstance(it, Message) else it for name, it in said.values.items()},
    }


def _said(document: dict[str, Any]) -> Message:
    values = {name: _said(it) if isinstance(it, dict) else it for name, it in document["values"].items()}
    return message(document["code"], **values)
