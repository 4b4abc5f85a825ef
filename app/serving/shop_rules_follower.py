"""Follow the shop's rules: those of AISLE_RULES, and over them the newest version in the store."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable, Sequence

from src.core.errors import InputError, StoreError
from src.core.list_rules import shop_rules
from src.core.settings import Settings
from src.core.shop_rules import ActiveRules, ShopRule, parse_rules
from src.store import Store

_log = logging.getLogger(__name__)


class ShopRulesFollower:
    """Holds the rules of one worker. A request pays a look into a dictionary for them."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._base, self._store = shop_rules(settings.rules), store
        self._rules: list[ShopRule] = []
        self._stamp: int | None = None
        self._active: dict[str, ActiveRules] = {}
        self._extended: dict[tuple[Hashable, str], ActiveRules] = {}
        self._refreshing = threading.Lock()

    def refresh(self) -> None:
        """Read the rules if they have changed. If the store does not answer, they stay as they were."""
        with self._refreshing:
            try:
                stamp = self._store.rules.changed_at()
                if stamp == self._stamp:
                    return
                self._rules = parse_rules(self._store.rules.current().rules)
            except (StoreError, InputError) as error:
                _log.warning("the shop's rules stay as they were: %s", error)
                return
            # A new dictionary: a request that is under way may still write into the old one.
            self._active, self._extended, self._stamp = {}, {}, stamp

    def active(self, placement: str) -> ActiveRules:
        """Return the rules of a placement that hold now; "" for lists without one."""
        held, now = self._active, time.time()
        found = held.get(placement)
        if found is None or now >= found.until:
            if placement and not any(rule.placement == placement for rule in self._rules):
                return self.active("")  # a client may name any number of placements
            found = held[placement] = ActiveRules.of(self._rules, self._base, placement, now)
        return found

    def with_added(self, added: Sequence[ShopRule], whose: Hashable, placement: str) -> ActiveRules:
        """Return the rules of a placement that hold now, with further ones.

        Args:
            added: the further rules.
            whose: names them; the same for the same rules.
            placement: of the lists; "" for lists without one.

        Returns:
            All of them.
        """
        if placement and not any(rule.placement == placement for rule in (*self._rules, *added)):
            return self.with_added(added, whose, "")
        held, now = self._extended, time.time()
        found = held.get((whose, placement))
        if found is None or now >= found.until:
            found = held[whose, placement] = ActiveRules.of([*self._rules, *added], self._base, placement, now)
        return found

    def trial(self, rules: list[ShopRule], placement: str) -> ActiveRules:
        """Return what rules that are not saved would do.

        Args:
            rules: the rules.
            placement: of the lists; "" for lists without one.

        Returns:
            Those that would hold now.
        """
        return ActiveRules.of(rules, self._base, placement, time.time())
