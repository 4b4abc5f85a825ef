"""What options say that words of a file mean: kinds of events, and states of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from src.core.domain import EventKind
from src.core.errors import InputError
from src.ingestion.event_kind_names import is_ignored_kind, kind_of
from src.ingestion.loan_kinds import loan_kind, loan_state
from src.ingestion.no_products import NOT_SOLD, SOLD, line_kind
from src.ingestion.order_states import OrderState, is_kept_back, order_state, says_paid

_STATES = {"paid": OrderState.DONE, "pending": OrderState.PENDING, "cancelled": OrderState.UNDONE}
_NOTHING, _SHOWN, _HIDDEN = "none", "shown", "hidden"
MEANINGS = (*(kind.value for kind in EventKind), _NOTHING, *_STATES, _SHOWN, _HIDDEN)
"""What a word may mean; "none": rows with it do not count; "shown", "hidden": whether a catalogue lists a product."""
_KINDS = frozenset(kind.value for kind in EventKind)
_GRAVITY = (OrderState.UNDONE, OrderState.PARTLY, OrderState.PENDING)


@dataclass(frozen=True)
class Words:
    """Meanings of words, beside those that are known.

    Attributes:
        given: Word in lower case → one of MEANINGS.
        of_loans: Whether kinds of events, or states, are those of a library or rental, where what is lent comes back.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    of_loans: bool = False

    def kind(self, name: str) -> str:
        """Return the value of the EventKind that a name means; "" for an unknown name."""
        given = self.given.get(name.lower(), "")
        of_loan = loan_kind(name) if self.of_loans else None
        return given if given in _KINDS else kind_of(name) if of_loan is None else of_loan

    def is_ignored_kind(self, name: str) -> bool:
        """Whether a name means no act of a user on a product."""
        given = self.given.get(name.lower())
        if given or (self.of_loans and loan_kind(name) is not None):
            return given == _NOTHING if given else loan_kind(name) == ""
        return is_ignored_kind(name)

    def line(self, name: str) -> str | None:
        """Return what the kind of an order's line means, as `line_kind` does; None for an unknown one."""
        given = self.given.get(name.lower())
        return NOT_SOLD if given == _NOTHING else SOLD if given == EventKind.PURCHASE.value else line_kind(name)

    def state(self, name: str) -> OrderState | None:
        """Return what the name of a state means; None for an unknown one."""
        given = self.given.get(name.lower(), "")
        if given == _NOTHING or given in _STATES:
            return OrderState.UNDONE if given == _NOTHING else _STATES[given]
        return (loan_state(name) if self.of_loans else None) or order_state(name)

    def shown(self, cells: Sequence[object]) -> list[object]:
        """Return cells with whether the product is listed where an option says it; others as they are."""
        meanings: dict[str, object] = {_SHOWN: True, _HIDDEN: False, _NOTHING: False}
        return [meanings.get(self.given.get(str(cell).strip().lower(), ""), cell) for cell in cells]

    def gives(self, name: str) -> bool:
        """Whether an option gives a word its meaning."""
        return name.lower() in self.given

    def review_state(self, name: str) -> OrderState | None:
        """Return what the state of a review means: hidden and refused ones do not count; None for an unknown one."""
        state = self.state(name)
        is_back = is_kept_back(name) if state in (None, OrderState.PENDING) else None
        return state if is_back is None else OrderState.UNDONE if is_back else OrderState.DONE

    def decisive_states(self, columns: Sequence[Sequence[str]]) -> list[str]:
        """Return the state of each row that keeps it from counting, of several columns of n states; else the first."""
        known = {states: self._decisive(states) for states in set(zip(*columns, strict=True))}
        return [known[states] for states in zip(*columns, strict=True)]

    def _decisive(self, names: tuple[str, ...]) -> str:
        states = [self.state(name) for name in names]
        paid = next(filter(says_paid, names), None)  # what is pending then is the parcel, or the order's own end
        grave = next((grave for grave in _GRAVITY if grave in states), None)
        if grave is None or (grave is OrderState.PENDING and paid):
            return paid or names[0]
        return names[states.index(grave)]


def parse_words(text: str) -> Words:
    """Parse `1=view,2=cart`.

    Raises:
        InputError: A part names no meaning, or an unknown one.
    """
    given = {}
    for part in filter(None, text.split(",")):
        word, equals, meaning = part.rpartition("=")
        if not equals or meaning.strip().lower() not in MEANINGS:
            raise InputError(
                f"--words: found {part!r}; expected word=meaning with a meaning out of {', '.join(MEANINGS)}: "
                "--words 1=view,2=cart,3=none"
            )
        given[word.strip().lower()] = meaning.strip().lower()
    return Words(given)
