"""Rules are parsed; rules of a request override those of the shop."""

from __future__ import annotations

import pytest

from src.core.domain import SEEN_KINDS, Boost, EventKind, Rules
from src.core.errors import ConfigError, InputError
from src.core.list_rules import RuleFields, shop_rules
from src.models.settings import read_settings


def test_no_rule_is_the_default() -> None:
    assert shop_rules({}).rules() == Rules()
    assert not Rules().asks_facts
    assert not RuleFields(exclude_seen=False).rules().asks_facts


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"exclude_seen": True}, Rules(seen=frozenset(SEEN_KINDS))),
        ({"exclude_seen": False}, Rules(seen=frozenset())),
        ({"exclude_seen": ["view"]}, Rules(seen=frozenset({EventKind.VIEW}))),
        ({"category": "Toys"}, Rules(categories=frozenset({"Toys"}))),
        ({"category": ["Toys", "Home"]}, Rules(categories=frozenset({"Toys", "Home"}))),
        ({"exclude_category": "Toys"}, Rules(not_categories=frozenset({"Toys"}))),
        ({"min_price": 1, "max_price": 1}, Rules(min_price=1, max_price=1)),
        ({"in_stock": True}, Rules(in_stock=True)),
        ({"max_per_category": 2, "max_per_brand": 1}, Rules(max_per_category=2, max_per_brand=1)),
        (
            {"boosts": [{"brand": "A", "factor": 2}, {"product_id": " 17.0 ", "factor": 0.5}]},
            Rules(boosts=(Boost("brand", "A", 2), Boost("product_id", "17", 0.5))),
        ),
        ({"category": None, "boosts": None, "exclude_seen": None}, Rules()),
    ],
    ids=range(11),
)
def test_what_is_written_is_meant(written: dict[str, object], meant: Rules) -> None:
    assert shop_rules(written).rules() == meant
    assert meant.asks_facts == bool(written.keys() - {"exclude_seen"} and meant != Rules())


SHOP = shop_rules(
    {
        "exclude_seen": ["purchase"],
        "in_stock": True,
        "max_price": 100,
        "exclude_category": "Adult",
        "boosts": [{"brand": "Own", "factor": 1.5}],
    }
)


def test_a_request_that_says_nothing_gets_the_shops_rules() -> None:
    assert RuleFields().over(SHOP).rules() == SHOP.rules()


def test_what_a_request_says_counts_and_null_lifts_a_rule_of_the_shop() -> None:
    rules = (
        shop_rules({"in_stock": False, "max_price": None, "exclude_seen": True, "category": "Toys"}).over(SHOP).rules()
    )
    assert (rules.in_stock, rules.max_price) == (False, None)
    assert rules.seen == frozenset(SEEN_KINDS)
    assert rules.categories == {"Toys"}
    assert rules.not_categories == {"Adult"}


def test_excluded_categories_and_boosts_are_added_to_the_shops() -> None:
    mine = {"exclude_category": "Toys", "boosts": [{"category": "Home", "factor": 2}]}
    rules = shop_rules(mine).over(SHOP).rules()
    assert rules.not_categories == {"Adult", "Toys"}
    assert rules.boosts == (Boost("brand", "Own", 1.5), Boost("category", "Home", 2))
    lifted = shop_rules({"exclude_category": None, "boosts": None}).over(SHOP).rules()
    assert (lifted.not_categories, lifted.boosts) == (frozenset(), ())


def test_a_price_that_contradicts_the_shops_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"min_price 200 is above max_price 100.*null to lift it"):
        RuleFields(min_price=200).over(SHOP)
    assert shop_rules({"min_price": 200, "max_price": None}).over(SHOP).rules().min_price == 200


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{"in_stok": true}', "in_stok: Extra inputs are not permitted"),
        ('{"max_per_brand": 0}', "max_per_brand: "),
        ('{"min_price": 5, "max_price": 4}', "no price is both"),
        ("[1]", "AISLE_RULES"),
        ("in stock", "AISLE_RULES"),
    ],
)
def test_wrong_rules_of_the_shop_are_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    monkeypatch.setenv("AISLE_RULES", written)
    with pytest.raises(ConfigError, match=said):
        read_settings()
