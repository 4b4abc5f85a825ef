"""The parts of one application, typed, for the code that handles a request."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import Flask, current_app

from app.background.background_job import BackgroundJob
from app.background.profile_refresher import ProfileRefresher
from app.background.scheduler import Scheduler
from app.security.api_keys import AccessControl
from app.serving.recommender import Recommender
from app.serving.search_service import SearchService
from app.serving.shop_directory_reader import ShopDirectoryReader
from app.serving.typeahead import Typeahead
from app.telemetry.event_audit import EventAudit
from app.telemetry.metrics import Metrics
from app.telemetry.request_records import RequestRecords
from app.telemetry.served_lists import ServedListLog
from src.core.settings import Settings
from src.core.tracing import stop_tracing
from src.releases.registry import Registry
from src.store import Store

_KEY = "aisle"


@dataclass(frozen=True)
class AisleContext:
    """The parts of one application.

    Attributes:
        settings: The settings that the application was built with.
        store: Events, products, runs and served lists.
        registry: The releases on disk.
        recommender: Lists from the release that this worker serves.
        search_service: Search and similar products.
        typeahead: Completions of ids and titles.
        directory: Customers and sales, as a background process saved them.
        training: The job that trains, in a process of its own.
        comparing: The job that compares two releases.
        scheduler: Starts the scheduled trainings while this worker leads.
        profile_refresher: Keeps the data profile of the dashboard up to date.
        metrics: Counters and histograms of this host.
        served_list_log: Writes the lists that were served to the store.
        request_records: Counts and logs the requests that were answered.
        event_audit: Counts the events that keys write, for the audit log.
        access: Keys, and the role that each endpoint needs.
        findings_looked: The last look at the findings, which app.views.finding_records keeps.
    """

    settings: Settings
    store: Store
    registry: Registry
    recommender: Recommender
    search_service: SearchService
    typeahead: Typeahead
    directory: ShopDirectoryReader
    training: BackgroundJob
    comparing: BackgroundJob
    scheduler: Scheduler
    profile_refresher: ProfileRefresher
    metrics: Metrics
    served_list_log: ServedListLog
    request_records: RequestRecords
    event_audit: EventAudit
    access: AccessControl
    findings_looked: dict[str, object] = field(default_factory=dict)

    def leave(self) -> None:
        """Stop serving in this process: give up the lead and write the served lists that are queued."""
        self.scheduler.stop()
        self.profile_refresher.stop()
        self.recommender.leave()
        self.recommender.experiments.flush()
        self.recommender.shadow.flush()
        self.request_records.stop()
        self.event_audit.flush(force=True)
        self.served_list_log.stop()
        self.metrics.close()
        stop_tracing()


def attach_context(app: Flask, context: AisleContext) -> None:
    """Make a context the one of an application."""
    app.extensions[_KEY] = context


def context_of(app: Flask) -> AisleContext:
    """Return the context of an application."""
    context: AisleContext = app.extensions[_KEY]
    return context


def current_aisle() -> AisleContext:
    """Return the context of the application that handles the current request."""
    return context_of(current_app)
