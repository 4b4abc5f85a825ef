"""Rules of the shop: what is refused, and that the JSON schema says the same."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from src.core.errors import InputError
from src.core.shop_rules import ShopRule, parse_rules

GOOD: list[dict[str, Any]] = [
    {"action": "pin", "product_id": "a"},
    {"action": "pin", "product_id": "a", "position": 5.0},
    {"action": "boost", "brand": "b"},
    {"action": "boost", "category": "c", "factor": 1},
    {"action": "bury", "product_id": "a", "factor": 0.25},
    {"action": "exclude", "brand": "b", "from": "2026-03-01T12:00:00Z", "until": None},
    {"action": "cap", "by": "brand", "at_most": 2},
]
WRONG: list[dict[str, Any]] = [
    {"action": "pin", "brand": "b"},
    {"action": "boost"},
    {"action": "boost", "brand": "b", "product_id": "a"},
    {"action": "boost", "brand": "b", "factor": 0.5},
    {"action": "boost", "brand": "b", "factor": "2"},
    {"action": "bury", "brand": "b", "factor": 1},
    {"action": "exclude", "brand": "b", "factor": 2},
    {"action": "cap", "by": "brand"},
    {"action": "cap", "by": "brand", "at_most": 2, "brand": "b"},
    {"action": "exclude", "brand": "b", "from": 5},
]


@pytest.mark.parametrize("rule", GOOD)
def test_a_rule_is_parsed_and_its_schema_allows_it(rule: dict[str, Any]) -> None:
    assert len(parse_rules([rule])) == 1
    assert OAS31Validator(ShopRule.model_json_schema()).is_valid(rule)


@pytest.mark.parametrize("rule", WRONG)
def test_a_wrong_rule_is_refused_and_its_schema_forbids_it(rule: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^rule 1"):
        parse_rules([rule])
    assert not OAS31Validator(ShopRule.model_json_schema()).is_valid(rule)


@pytest.mark.parametrize("moment", ["5", "1795733423", "2026-03-01", "2026-03-01T12:00:00"])
def test_a_text_that_is_no_time_with_a_zone_is_not_read_as_one(moment: str) -> None:
    with pytest.raises(InputError, match=r"^rule 1, from"):
        parse_rules([{"action": "exclude", "brand": "b", "from": moment}])
