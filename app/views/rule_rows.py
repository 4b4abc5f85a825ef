"""The shop's rules as rows of a form, and back."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.texts.phrases import Phrases
from src.core.errors import InputError
from src.core.list_rules import MAX_FACTOR
from src.core.shop_rules import MAX_RULES, PLACEMENT, ShopRule, parse_rules

_EMPTY_ROWS, _LAST_PLACE = 3, 100
_ONE_DAY = dt.timedelta(days=1)
_AMOUNT = {"pin": "position", "boost": "factor", "bury": "factor", "cap": "at_most"}


class RuleRow(NamedTuple):
    """A row as it is typed.

    what: product_id, category or brand; amount: place, factor or number; from_ and until: YYYY-MM-DD, the first and the
    last day, or YYYY-MM-DDTHH:MM:SS for a rule that was given a time of day over HTTP.
    """

    action: str = ""
    what: str = "product_id"
    name: str = ""
    amount: str = ""
    placement: str = ""
    from_: str = ""
    until: str = ""

    def __getitem__(self, name: Any) -> Any:
        """Return a field by its name in the form."""
        return getattr(self, "from_" if name == "from" else name) if isinstance(name, str) else tuple(self)[name]


def rows_of(rules: Sequence[ShopRule], zone: ZoneInfo) -> list[RuleRow]:
    """Return the rows of rules, and some empty ones.

    Args:
        rules: the rules.
        zone: the shop's time zone.
    """
    return [*(_row(rule, zone) for rule in rules), *[RuleRow()] * _EMPTY_ROWS]


def _row(rule: ShopRule, zone: ZoneInfo) -> RuleRow:
    what = next((name for name in ("category", "brand") if getattr(rule, name) is not None), rule.by or "product_id")
    amount = getattr(rule, _AMOUNT.get(rule.action, "note"), "") if rule.action in _AMOUNT else ""
    name = "" if rule.action == "cap" else rule.target
    shown = "" if amount in (None, "") else f"{amount:g}"
    return RuleRow(
        rule.action, what, name, shown, rule.placement or "", _begin(rule.from_, zone), _end(rule.until, zone)
    )


def _begin(moment: dt.datetime | None, zone: ZoneInfo) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(zone)
    return str(local.date()) if local.time() == dt.time() else f"{local:%Y-%m-%dT%H:%M:%S}"


def _end(moment: dt.datetime | None, zone: ZoneInfo) -> str:
    """Return the last day of a rule that ends at a midnight, else the moment."""
    text = _begin(moment, zone)
    return text if "T" in text or not text else str(dt.date.fromisoformat(text) - _ONE_DAY)


def typed_rows(form: Mapping[str, str]) -> list[RuleRow]:
    """Return the rows of a form, without those that are empty."""
    rows = []
    for number in range(MAX_RULES):
        if f"action-{number}" not in form:
            break
        fields = ("action", "what", "name", "amount", "placement", "from", "until")
        row = RuleRow(*(form.get(f"{name}-{number}", "").strip() for name in fields))
        if row.action:
            rows.append(row)
    return rows


def rules_of(rows: Sequence[RuleRow], zone: ZoneInfo, t: Phrases) -> list[ShopRule]:
    """Parse rows.

    Args:
        rows: as they were typed.
        zone: the shop's time zone: a rule holds from the beginning of its first day to the end of its last.

    Returns:
        The rules.

    Raises:
        InputError: a row is no rule; the message names it.
    """
    documents = []
    for number, row in enumerate(rows, 1):
        if (fault := _fault_of(row)) is not None:
            raise InputError(t(f"rules.{fault}", row=number, most=int(MAX_FACTOR)))
        document: dict[str, Any] = {"action": row.action}
        if row.action == "cap":
            document["by"] = "brand" if row.what == "brand" else "category"
        elif row.name:
            document[row.what] = row.name
        if row.amount and row.action in _AMOUNT:
            document[_AMOUNT[row.action]] = _number(row, number, t)
        if row.placement:
            document["placement"] = row.placement
        document |= _dates(row, zone, number, t)
        documents.append(document)
    return parse_rules(documents)


def _fault_of(row: RuleRow) -> str | None:
    """Return the name of the text about what a row has wrong; None for nothing that its fields can have wrong."""
    amount = _amount(row.amount)
    if row.action != "cap" and not row.name:
        return "needs_name"
    if row.action == "pin" and row.what != "product_id":
        return "pins_product"
    if row.placement and not re.match(PLACEMENT, row.placement):
        return "placement_form"
    if row.action == "cap" and (amount is None or not amount.is_integer() or not 1 <= amount <= MAX_FACTOR):
        return "needs_number"
    if amount is None:
        return None
    if row.action == "pin" and not (amount.is_integer() and 1 <= amount <= _LAST_PLACE):
        return "no_place"
    if row.action == "boost" and not 1 <= amount <= MAX_FACTOR:
        return "boosts_from_one"
    return "buries_below_one" if row.action == "bury" and not 1 / MAX_FACTOR <= amount < 1 else None


def _amount(text: str) -> float | None:
    """Return a number as it is typed; None for another text."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _number(row: RuleRow, number: int, t: Phrases) -> float:
    value = _amount(row.amount)
    if value is None:
        raise InputError(t("rules.no_number", row=number, amount=row.amount))
    return int(value) if value.is_integer() and row.action in ("pin", "cap") else value


def _dates(row: RuleRow, zone: ZoneInfo, number: int, t: Phrases) -> dict[str, dt.datetime]:
    days = {"from": (row.from_, dt.timedelta()), "until": (row.until, _ONE_DAY)}
    found = {name: _moment(text, later, zone, number, t) for name, (text, later) in days.items() if text}
    if len(found) == 2 and found["from"] >= found["until"]:
        raise InputError(t("rules.ends_before", row=number))
    return found


def _moment(text: str, later: dt.timedelta, zone: ZoneInfo, number: int, t: Phrases) -> dt.datetime:
    """Return the beginning of a day, or of one later; a time of day is taken as it is."""
    try:
        if "T" in text:
            return dt.datetime.fromisoformat(text).replace(tzinfo=zone)
        return dt.datetime.combine(dt.date.fromisoformat(text) + later, dt.time(), zone)
    except (ValueError, OverflowError):
        raise InputError(t("rules.no_date", row=number, text=text)) from None
