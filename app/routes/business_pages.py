"""The page of what recommendations earn, and its figures as CSV."""

from __future__ import annotations

import csv
import datetime as dt
import io
import time

from flask import Response, make_response, request

from app.context import current_aisle
from app.routes.dashboard_pages import fresh, tab
from app.texts import current_phrases
from app.views.business_report import EPOCH, Period, Places, business_report, period_of
from app.views.model_report import list_outcomes
from src.core.errors import StoreError
from src.core.records import ServedFigures
from src.core.shop_days import shop_day
from src.exploration.earnings import Earnings
from src.workflows.shop_figures import saved_earnings


def business() -> Response:
    """Show clicks, purchases and revenue that followed recommendations, by day, placement, model and place."""
    aisle, t = current_aisle(), current_phrases()
    aisle.profile_refresher.look()
    earnings = saved_earnings(aisle.settings)
    period = period_of(request.args, _newest_day(earnings))
    by_source, by_placement, by_position = list_outcomes(_figures(period))
    places = Places(sum(row.shown for row in by_source), sum(row.clicked for row in by_source))
    return tab(
        "business",
        period=period,
        is_empty=earnings is None and _is_empty(),
        logs=aisle.settings.log_served == "on",
        earned=None if earnings is None else business_report(earnings, period, places, t),
        by_source=by_source,
        by_placement=by_placement,
        by_position=by_position,
    )


def _is_empty() -> bool:
    try:
        return current_aisle().store.events.is_empty()
    except StoreError:
        return False


def _newest_day(earnings: Earnings | None) -> int:
    """Return the last day of the shop, so that an old file has figures too; today without any."""
    if earnings is not None and earnings.days:
        return earnings.days[-1].day
    return shop_day(time.time(), current_aisle().settings.zone)


def _figures(period: Period) -> list[ServedFigures]:
    try:
        return current_aisle().store.served_lists.figures(period.first, period.last + 1)
    except StoreError:
        return []


def business_csv() -> Response:
    """Answer with the days of the period as CSV."""
    earnings = saved_earnings(current_aisle().settings)
    period = period_of(request.args, _newest_day(earnings))
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["day", "purchases", "revenue", "attributed_purchases", "attributed_revenue", "clicks"])
    for day in earnings.days if earnings else ():
        if period.holds(day.day):
            date = EPOCH + dt.timedelta(days=day.day)
            figures = (day.purchases, round(day.revenue, 2), day.attributed, round(day.earned, 2), day.clicks)
            rows.writerow([date, *figures])
    response = make_response(written.getvalue())
    response.content_type = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="recommendations.csv"'
    return fresh(response)
