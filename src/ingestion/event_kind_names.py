"""Map names that shops give to events to EventKind."""

from __future__ import annotations

from functools import lru_cache

from src.core.domain import EventKind
from src.ingestion.column_words import words_of

_NAMES = {
    EventKind.RATING: ("rating", "rate", "rated", "review", "reviewed", "bewertung", "bewertet"),
    EventKind.PURCHASE: (
        "purchase", "purchased", "buy", "bought", "transaction", "order", "ordered", "sale", "paid", "kauf", "gekauft",
        "kaufen", "bestellung", "bestellt", "achat", "achete", "compra", "comprado", "acquisto", "acquistato",
        "aankoop", "gekocht", "zakup", "kupno", "kupiono", "comprou", "sold", "commande", "pedido", "conversion",
        "payment", "zahlung", "paiement", "pago", "betaling",
    ),
    EventKind.CART: (
        "cart", "addtocart", "cartadd", "basket", "addtobasket", "addtobag", "warenkorb", "panier", "carrito",
        "productadded", "carrello", "carrinho", "winkelwagen", "winkelmand", "koszyk", "koszyka", "wishlist",
        "favorite", "favourite",
        "fav", "merkzettel", "bag", "trolley",
    ),
    EventKind.VIEW: (
        "view", "viewed", "pageview", "productview", "viewitem", "detail", "visit", "visited", "pv", "viewcontent",
        "ansicht", "angesehen", "aufruf", "aufgerufen", "besucht", "vue", "vu", "consultation", "consulte", "vista",
        "visto", "bekeken", "weergave", "wyswietlenie", "odslona", "visualizacao", "visualizacion", "visualizzazione",
        "visualizado", "look", "open", "opened", "play", "played", "listen", "listened", "watch", "watched", "stream",
        "read", "seen", "show", "browse", "browsed",
    ),
    EventKind.CLICK: ("click", "clicked", "klick", "geklickt", "clic", "clique", "select", "selected", "tap", "klik",
                      "klikniecie", "clickthrough"),
    EventKind.RETURN: (
        "return", "returned", "refund", "refunded", "cancel", "cancelled", "canceled", "cancellation", "retoure",
        "ruckgabe", "rueckgabe", "storno", "retour", "devolucion", "devolucao", "reso", "zwrot", "annulation",
    ),
}  # fmt: skip
_KIND_OF = {name: kind.value for kind, names in _NAMES.items() for name in names}
_ORDER = (EventKind.RETURN, EventKind.CART, EventKind.PURCHASE, EventKind.RATING, EventKind.CLICK, EventKind.VIEW)
_NOISE_WORDS = """
        product products item items page event content the to a an of in into on from detail details add added
        adds adding hinzugefugt hinzufuegen gelegt gelegd ajout ajoute au aux dans al el anadir anadido agregar
        aggiunto adicionar adicionado toegevoegd aan dodano do den im produkt artikel produit producto produto
        article completed complete success successful list ecommerce ee google user customer made screen placed
        finished final new to
"""
_NOISE = frozenset(_NOISE_WORDS.split())
# Names of things that logs record and that are no act of a user on one product.
_IGNORED_WORDS = """
        sessionstart firstvisit scroll userengagement search searched viewsearchresults begincheckout
        checkoutstarted initiatecheckout startcheckout checkout addpaymentinfo addshippinginfo
        paymentinfoentered viewcart viewitemlist viewlist productlistviewed viewpromotion selectpromotion
        impression impressions login logout signup register registration sessionend session pageleave
        filedownload formstart formsubmit videostart videoprogress videocomplete share coupon couponapplied
        generatelead appopen firstopen error exception identify home warenkorbansehen purchaseintent
        promotionclicked promotionviewed productlistfiltered checkoutstepviewed checkoutstepcompleted logon ping
        heartbeat cartviewed productssearched couponentered coupondenied couponremoved
"""
_IGNORED = frozenset(_IGNORED_WORDS.split())
_REMOVALS = (
    "remove",
    "delete",
    "entfern",
    "geloscht",
    "supprim",
    "suppress",
    "retir",
    "elimin",
    "quit",
    "remov",
    "verwijder",
    "usun",
)
_MOST_WORDS, _LONGEST = 5, 60


@lru_cache(maxsize=4096)
def kind_of(name: str) -> str:
    """Return the EventKind value that a name means, in any of many languages; "" for an unknown name."""
    words = words_of(name[:_LONGEST])
    if not words or len(words) > _MOST_WORDS or len(name) > _LONGEST or is_ignored_kind(name):
        return ""
    whole = _known("".join(words))
    if whole:
        return whole
    kinds = {_known(word) for word in words if word not in _NOISE}
    if "" in kinds:
        return ""
    return next((kind.value for kind in _ORDER if kind.value in kinds), "")


@lru_cache(maxsize=4096)
def is_ignored_kind(name: str) -> bool:
    """Whether a name is known, and is no act of a user on a product: "session_start", "remove_from_cart"."""
    words = words_of(name[:_LONGEST])
    if not words or len(words) > _MOST_WORDS:
        return False
    return "".join(words) in _IGNORED or any(word.startswith(_REMOVALS) for word in words)


def _known(word: str) -> str:
    return _KIND_OF.get(word) or _KIND_OF.get(word.removesuffix("s"), "")
