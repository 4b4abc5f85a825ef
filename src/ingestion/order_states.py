"""Map the states that shops give to orders to what they mean for a purchase."""

from __future__ import annotations

from enum import Enum, auto
from functools import lru_cache

from src.ingestion.column_words import words_of


class OrderState(Enum):
    """What the state of an order means for the purchase in it."""

    DONE = auto()
    PENDING = auto()
    UNDONE = auto()
    PARTLY = auto()


# Beginnings of words, without accents: "cancel" fits cancelled, canceled, cancelado and cancelada.
_UNDONE = (
    "cancel", "void", "refund", "fail", "expire", "declin", "reject", "trash", "abandon", "return", "chargeback",
    "charge", "fraud", "denied", "unavailable", "revers", "stornier", "storno", "abgebrochen", "abgelehnt", "erstattet",
    "zuruck", "zurueck", "ruckgabe", "rueckgabe", "retour", "fehlgeschlagen", "annul", "rembours", "refuse", "echou",
    "anulad", "anulow", "reembols", "devuel", "devolvid", "rechaz", "fallid", "rimbors", "reso", "geannuleerd",
    "terugbetaald", "mislukt", "geretourneerd", "zwroc", "zwrot", "odrzuc", "nieudan", "recus", "estorn", "falh",
    "scadut", "rifiutat", "deleted", "geloscht",
)  # fmt: skip
_PENDING = (
    "pending", "hold", "unpaid", "await", "open", "new", "draft", "authori", "waiting", "wartend", "warte", "offen",
    "ausstehend", "unbezahlt", "attente", "impay", "pendient", "espera", "pendente", "aguard", "attesa", "wacht",
    "openstaand", "onbetaald", "oczekuj", "nieoplacon", "wstrzyman", "created", "placed", "neu",
)  # fmt: skip
_DONE = (
    "paid", "complet", "process", "ship", "fulfil", "deliver", "clos", "invoic", "approv", "succe", "captur", "done",
    "accept", "confirm", "settled", "received", "finished", "bezahlt", "abgeschlossen", "versandt", "versendet",
    "erledigt", "geliefert", "zugestellt", "bearbeitung", "fertig", "payee", "paye", "expedi", "livre", "termin",
    "traitement", "pagad", "enviad", "entregad", "pago", "paga", "conclu", "faturad", "spedit", "consegnat", "betaald",
    "verzonden", "afgerond", "geleverd", "verwerk", "oplacon", "zaplac", "wyslan", "zrealizow", "dostarcz", "zakoncz",
    "realizacji", "picked", "packed", "ok", "ready", "evas", "active",
)  # fmt: skip
_PARTLY = (
    "partial",
    "partly",
    "part",
    "teilweise",
    "teil",
    "partiel",
    "parcial",
    "parzial",
    "gedeeltelijk",
    "czesciow",
)
_MOST_WORDS = 4


@lru_cache(maxsize=4096)
def order_state(text: str) -> OrderState | None:
    """Return what the name of a state means; None for an unknown one."""
    words = words_of(text[:80])
    if not words or len(words) > _MOST_WORDS:
        return None

    def has(beginnings: tuple[str, ...]) -> bool:
        return any(word.startswith(beginnings) for word in words)

    is_not = any(word in ("not", "un", "non", "nicht", "no", "niet", "nie") for word in words)
    if has(_UNDONE):
        return OrderState.PARTLY if has(_PARTLY) else OrderState.DONE if is_not else OrderState.UNDONE
    if has(_PENDING) or (is_not and has(_DONE)):
        return OrderState.PENDING
    return OrderState.DONE if has(_DONE) else None
