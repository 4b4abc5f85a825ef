"""Map the states that shops give to orders and to products to what they mean."""

from __future__ import annotations

from enum import Enum, auto
from functools import lru_cache

from src.ingestion.column_words import plain_letters, words_of


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
# Cells of columns such as "published", "visibility" and "status" by which a shop keeps products back, without accents.
_KEPT_BACK = (
    "draft", "archiv", "inactiv", "disabled", "hidden", "unpublish", "private", "pending", "trash", "deleted", "false",
    "no", "n", "0", "-1", "2", "not visible", "not published", "invisible", "unavailable", "expired", "removed", "sold",
    "discontinued", "entwurf", "inaktiv", "deaktiviert", "versteckt", "unsichtbar", "nein", "ausgeblendet", "gesperrt",
    "brouillon", "inactif", "desactiv", "masque", "non", "nascosto", "bozza", "borrador", "inactivo", "oculto",
    "rascunho", "inativo", "concept", "inactief", "verborgen", "uitgeschakeld", "nee", "szkic", "nieaktywn", "ukryt",
    "wylaczon", "nie", "off", "blocked", "never",
)  # fmt: skip
_SHOWN = (
    "active", "publish", "enabled", "visible", "true", "yes", "y", "1", "catalog", "search", "live", "online", "on",
    "aktiv", "ja", "veroffentlicht", "sichtbar", "oui", "actif", "publie", "visible", "si", "attivo", "activo",
    "publicado", "sim", "ativo", "actief", "gepubliceerd", "zichtbaar", "tak", "aktywn", "widoczn", "available", "t",
    "everywhere", "both", "listed", "global", "all",
)  # fmt: skip
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


def is_kept_back(text: str) -> bool | None:
    """Return whether the state of a product keeps it off the shop's pages; None for an unknown state."""
    plain = plain_letters(text).strip().removesuffix(".0")

    def is_one_of(words: tuple[str, ...]) -> bool:
        return plain in words or plain.startswith(tuple(word for word in words if len(word) > 2))

    return True if is_one_of(_KEPT_BACK) else False if is_one_of(_SHOWN) else None
