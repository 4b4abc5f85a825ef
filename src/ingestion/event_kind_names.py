"""Map names that shops give to events to EventKind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from src.core.domain import EventKind
from src.ingestion.column_vocabulary import PRODUCT_WORD
from src.ingestion.column_words import classes_of, is_ideographic, parts_of_word, plain_letters, words_of
from src.ingestion.exchanges import half_of_exchange

_NAMES = {
    EventKind.RATING: ("rating", "rate", "rated", "review", "reviewed", "bewertung", "bewertet"),
    EventKind.PURCHASE: (
        "purchase", "purchased", "buy", "bought", "transaction", "order", "ordered", "sale", "paid", "kauf",
        "gekauft", "kaufen", "bestellung", "bestellt", "achat", "achete", "compra", "comprado", "acquisto",
        "acquistato", "aankoop", "gekocht", "zakup", "kupno", "kupiono", "comprou", "sold", "commande", "pedido",
        "booking", "booked", "buchung", "gebucht", "reservation", "reserva", "prenotazione", "boeking", "rezerwacja",
        "rented", "borrowed", "ausgeliehen", "ausleihe", "loan", "lent", "checkedout", "utlan", "udlan", "emprunt",
        "prestito", "prestamo", "emprestimo", "uitlening", "uitgeleend", "wypozyczenie", "lainaus",
        "conversion", "payment", "zahlung", "paiement", "pago", "betaling", "rechnung", "invoice", "factura",
        "facture", "fattura", "factuur", "faktura", "paragon", "vente", "venta", "vendita", "verkauf", "sprzedaz",
        "verkoop", "购买", "下单", "支付", "成交", "購入", "注文", "구매", "покупка", "покупки", "заказ", "kjop",
        "kop", "kob",
        "vasarlas", "megvasarolva", "satinalma", "satinal", "satis", "cumparare", "cumparat", "pembelian",
        "checkoutsuccess", "checkoutcomplete", "checkoutcompleted",
        "beli", "αγορα", "купівля", "kupovina", "kupnja", "nakup", "ost",
    ),
    EventKind.CART: (
        "cart", "carted", "addtocart", "cartadd", "basket", "addtobasket", "addtobag", "warenkorb", "panier", "carrito",
        "productadded", "carrello", "carrinho", "winkelwagen", "winkelmand", "koszyk", "koszyka", "wishlist",
        "favorite", "favourite", "favorito", "favoritos", "favori", "favoris", "favorit", "favoriten", "preferito",
        "preferiti", "ulubione", "ulubionych", "wunschliste", "wunschzettel", "加购", "购物车", "購物車", "收藏",
        "カート", "買い物かご", "お気に入り", "ほしい物", "장바구니", "찜", "корзина", "корзину", "избранное",
        "fav", "like", "liked", "love", "loved", "wishlisted", "favorited", "favourited", "bookmark", "bookmarked",
        "shortlist", "shortlisted",
        "saved", "save", "merkzettel", "merkliste", "gemerkt", "watchlist", "savedforlater", "bag", "trolley",
        "varukorg", "varukorgen", "handlekurv", "handlekurven", "indkobskurv", "ostoskori", "ostoskoriin", "onskelista",
        "onskeliste", "toivelista", "soovinimekiri", "wishlists", "verlanglijst", "verlanglijstje", "wensenlijst",
        "envies", "souhaits", "deseos", "desideri", "desejos", "onskeseddel", "zyczen", "kivansaglista",
        "scadd", "kurv", "ostukorv", "ostukorvi", "kosika",
        "kosar", "kosarba", "sepet", "sepete", "cos", "cosul", "keranjang", "καλαθι", "кошик", "kosarica",
        "kosara", "kosik", "kosiku",
    ),
    EventKind.VIEW: (
        "view", "viewed", "pageview", "productview", "viewitem", "detail", "visit", "visited", "pv", "viewcontent",
        "ansicht", "angesehen", "aufruf", "aufgerufen", "besucht", "vue", "vu", "consultation", "consulte", "vista",
        "visto", "bekeken", "weergave", "wyswietlenie", "odslona", "visualizacao", "visualizacion", "visualizzazione",
        "visualizado", "look", "open", "opened", "play", "played", "plays", "listen", "listened",
        "listens", "listening", "scrobble", "scrobbles", "watch", "watched", "stream",
        "read", "seen", "show", "browse", "browsed", "bekijken", "podglad", "visualizza", "visualizzato",
        "visualizar", "voir", "ver", "ogladanie", "ansehen", "aufrufen", "浏览", "查看", "閲覧", "表示", "조회",
        "просмотр", "просмотра", "visning", "visad", "visat", "vist", "katsottu", "katselu",
        "megtekintes", "goruntuleme", "goruntulendi", "incele", "vizualizare", "vizualizat", "lihat", "dilihat",
        "προβολη", "перегляд", "pregled", "pdp", "zobrazeni", "vaatamine", "zobrazenie",
    ),
    EventKind.CLICK: ("click", "clicked", "klick", "geklickt", "clic", "clique", "select", "selected", "tap", "klik",
                      "klikniecie", "clickthrough", "点击", "點擊", "クリック", "클릭", "клик",
                      "clickout", "interaction", "interacted"),
    EventKind.RETURN: (
        "return", "returned", "refund", "refunded", "cancel", "cancelled", "canceled", "cancellation", "retoure",
        "ruckgabe", "rueckgabe", "storno", "gutschrift", "creditnote", "creditmemo", "creditnota", "avoir",
        "notadecredito", "notacredito", "notedecredit", "korekta", "rma", "ruckerstattung", "rueckerstattung",
        "erstattung", "remboursement", "reembolso", "rimborso", "stornorechnung", "terugbetaling", "退货", "退款",
        "返品", "返金", "환불", "возврат", "retour", "devolucion", "devolucao", "reso", "zwrot", "annulation",
        "rucknahme", "ruecknahme", "rucklaufer", "warenruckgabe", "retoursendung", "vratka", "vraceni", "vratenie",
        "restituzione", "restitucion", "retorno", "returnering", "tilbagelevering", "visszavetel", "teruggave",
        "visszaru", "visszaterites", "iade", "retur", "returnare", "pengembalian", "επιστροφη", "повернення", "povrat",
    ),
}  # fmt: skip
NO_MEANING = "none"
"""How options write that a word means no act."""
_SHORTEST_BEGINNING = 4
_KIND_OF = {plain_letters(name): kind.value for kind, names in _NAMES.items() for name in names}
_ORDER = (EventKind.RETURN, EventKind.CART, EventKind.PURCHASE, EventKind.RATING, EventKind.CLICK, EventKind.VIEW)
_NOISE_WORDS = """
        product products item items page event content the to a an of in into on from detail details add added
        adds adding hinzugefugt hinzufuegen gelegt gelegd ajout ajoute au aux dans al el anadir anadido agregar
        aggiunto aggiunta al alla allo nel adicionar adicionado toegevoegd aan dodano do den im produkt artikel
        produit producto produto
        article completed complete success successful list ecommerce ee google user customer made screen placed
        finished final new to de del della di da le la el les il lo gli een het na w z u das der die zum zur vom
        kunden kunde client clients cliente clienti klant klanten kund klient klienta klientow zakaznik zakaznika
        musteri
        asiakas vevo od do von vom клиента покупателя
        update updated changed seite seiten artikels produkts prodotto prodotti artikel prodotto produktu towaru karty
        strony pagina page fiche ficha scheda express checkout 商品 加入 追加 添加 ページ 詳細 详情 页面 товара в ao aos
        dodanie dodaj dodawanie добавление добавлен tetel helyezes termek urun ekle ekleme eklendi adaugare
        adaugat in produs
        prod tambah ke produk προσθηκη στο προιοντος додавання до товару dodavanje pridani pridanie lagt i do catalog
        sales place placed website web online store shop confirmation thankyou image
        images info deals picture pictures photo photos link button
"""
_NOISE = frozenset(plain_letters(_NOISE_WORDS).split())
# Names of things that logs record and that are no act of a user on one product.
_IGNORED_WORDS = """
        sessionstart firstvisit scroll userengagement search searched viewsearchresults begincheckout
        checkoutstarted initiatecheckout startcheckout checkout addpaymentinfo addshippinginfo
        paymentinfoentered viewcart viewitemlist viewlist productlistviewed viewpromotion selectpromotion
        impression impressions login logout signup register registration sessionend session pageleave
        filedownload formstart formsubmit videostart videoprogress videocomplete share coupon couponapplied
        shared dislike disliked unlike
        generatelead appopen firstopen error exception identify home warenkorbansehen purchaseintent
        scview sccheckout scopen
        transfer adjustment adjust stocktake stocktaking stockcount inventory inventur wareneingang umlagerung umbuchung
        goodsreceipt goodsin restock replenishment correction korrektur ajuste trasferimento traspaso przesuniecie
        inventaire inventario inwentaryzacja writeoff scrap
        promotionclicked promotionviewed productlistfiltered checkoutstepviewed checkoutstepcompleted logon ping
        heartbeat cartviewed productssearched couponentered coupondenied couponremoved
"""
_IGNORED = frozenset(_IGNORED_WORDS.split())
# What other channels record: an opened mail is no product that was looked at.
_OTHER_THINGS = frozenset(
    ["email", "mail", "sms", "push", "notification", "newsletter", "survey", "form", "video", "banner", "popup", "chat"]
)
# What comes from suppliers, goes back to them or is counted is no act of a customer: beginnings of words.
_OF_STOCK = (
    "lieferant", "supplier", "fournisseur", "proveedor", "fornitor", "fornecedor", "leverancier", "dostawc",
    "dodavatel", "leverantor", "leverandor", "toimittaja", "szallito", "furnizor", "tedarik", "поставщ", "inventur",
    "inventar", "inventair", "stocktak", "stockcount", "warenzugang", "wareneingang", "goodsreceipt", "umlager",
    "umbuch", "bestandskorrekt", "inwentaryz", "remanent", "inventura", "leltar", "sayim", "инвентариз",
)  # fmt: skip
# What a shop does for somebody who looks for something; beside a kind, as in "search_click", it is that kind.
_LOOKING_FOR = frozenset(
    ["search", "searched", "searching", "filter", "filters", "filtered", "sort", "sorted", "sorting"]
)
_REMOVALS = (
    "remove",
    "delete",
    "entfern",
    "geloscht",
    "supprim",
    "suppress",
    "retir",
    "rimo",
    "elimin",
    "quit",
    "remov",
    "verwijder",
    "usun",
)
# What somebody does who wants no more of something.
_AGAINST = frozenset(
    ["dislike", "disliked", "hide", "hidden", "block", "blocked", "skip", "skipped", "ban", "banned", "downvote",
     "downvoted", "mute", "muted", "unfollow", "unsave", "uninterested", "thumbsdown", "nevershow", "dismiss",
     "dismissed", "ausblenden", "masquer", "ocultar", "nascondi", "ukryj", "verbergen"]
)  # fmt: skip
_NEGATIONS = frozenset(
    ["not", "no", "nicht", "kein", "pas", "non", "niet", "nie", "nao", "inte", "ikke", "thumbs", "не"]
)
_TURNED = frozenset(["interested", "interest", "interessiert", "interesse", "interessant", "interesse", "interesado",
                     "interessato", "geinteresseerd", "recommend", "relevant", "like", "down", "for", "again",
                     "zainteresowany", "intresserad", "интересно"])  # fmt: skip
_WORDS_OF_TRACKS = """
    track tracks song songs morceau chanson cancion brano canzone musica utwor piosenka lied skladba sang kappale
    sarki трек песня 曲 歌曲
"""
_WORDS_OF_ARTISTS = """
    artist artists artiste artista kunstler interpret interprete artiest wykonawca umelec eloado esittaja sanatci
    исполнитель アーティスト 歌手
"""
_TRACKS, _ARTISTS = (frozenset(plain_letters(text).split()) for text in (_WORDS_OF_TRACKS, _WORDS_OF_ARTISTS))
_LEFT = ("abandon", "abgebroch", "abbruch", "abbandon", "achtergelaten", "verlaten", "porzucon", "opustene", "overgivn")
NO_ACT = "impression"
"""Stands for the kind in a row that is made of columns without any event: somebody saw the product, and did nothing."""
_PARTS = _KIND_OF.keys() | _NOISE
_MOST_WORDS, _LONGEST = 6, 60


@lru_cache(maxsize=4096)
def kind_of(name: str) -> str:
    """Return the EventKind value that a name means, in any of many languages; "" for an unknown name."""
    words = words_of(name[:_LONGEST])
    if not words or len(words) > _MOST_WORDS or len(name) > _LONGEST or is_ignored_kind(name):
        return ""
    whole = _known("".join(words))
    if whole:
        return whole
    parts = [part for word in words for part in _parts(word)]
    # Of a "product detail" the words that say little elsewhere are all there is.
    kinds = {_known(part) for part in parts if not _says_little(part)} or {_known(part) for part in parts} - {""}
    if "" in kinds:
        return ""
    return next((kind.value for kind in _ORDER if kind.value in kinds), "")


def kind_of_file(path: Path) -> EventKind:
    """Return the kind of event that the name of a file tells, such as "clicks-2024.csv"; else a purchase."""
    return kind_among(path.name.partition(".")[0]) or EventKind.PURCHASE


def kind_of_rows(path: Path, names: Sequence[str]) -> EventKind:
    """Return the kind of event that all rows of a file are: as its columns or the file are called.

    Args:
        path: The file.
        names: Names of the columns of times, such as "viewed_at", and of products, such as "productViewSku".

    Returns:
        The kind that the first of them tells; a purchase if none does.
    """
    return next(filter(None, map(kind_among, names)), None) or kind_of_file(path)


def kind_among(name: str) -> EventKind | None:
    """Return the one kind of event, out of views, clicks, carts and purchases, that the words of a name tell."""
    kinds = {kind for word in words_of(name) if (kind := _known(word))}
    kinds &= {EventKind.VIEW.value, EventKind.CLICK.value, EventKind.CART.value, EventKind.PURCHASE.value}
    return EventKind(kinds.pop()) if len(kinds) == 1 else None


def name_of_left_carts(path: Path, columns: Sequence[str]) -> str | None:
    """Find a name that says that rows are carts or checkouts which nobody paid.

    Args:
        path: The file.
        columns: Names of its columns.

    Returns:
        Its name, or that of the first such column; None if none says so.
    """
    return next((name for name in (path.name, *columns) if says_left(name)), None)


def says_listening(names: Sequence[str]) -> bool:
    """Whether the names of columns are those of a log of music: a track and its artist, without any price."""
    words = [set(words_of(name)) for name in names]
    return any(each & _TRACKS for each in words) and any(each & _ARTISTS for each in words)


@lru_cache(maxsize=4096)
def says_left(text: str) -> bool:
    """Whether a word says that somebody left a cart or checkout without paying."""
    return any(word.startswith(_LEFT) for word in words_of(text))


@lru_cache(maxsize=4096)
def is_ignored_kind(name: str) -> bool:
    """Whether a name is known, and is no act of a user on a product: "session_start", "remove_from_cart"."""
    words = words_of(name[:_LONGEST])
    if not words or len(words) > _MOST_WORDS:
        return False
    return (
        "".join(words) in _IGNORED
        or not _OTHER_THINGS.isdisjoint(words)
        or (not _LOOKING_FOR.isdisjoint(words) and not any(map(_known, words)))
        or any(word.startswith((*_REMOVALS, *_OF_STOCK)) for word in words)
        or not _AGAINST.isdisjoint(words)
        or (not _NEGATIONS.isdisjoint(words) and not _TURNED.isdisjoint(words))
    )


@lru_cache(maxsize=4096)
def likely_kind(name: str) -> str:
    """Return what an unknown name of an event suggests, to be offered and never to be taken.

    Args:
        name: The name, such as "hover_detail" or "warenkorbaktion".

    Returns:
        The kind that one of its words, or the beginning of one, has; "none" where nothing tells.
    """
    if half := half_of_exchange(name[:_LONGEST]):
        return half
    words = [part for word in words_of(name[:_LONGEST]) for part in _parts(word)]
    if any(word.startswith(_REMOVALS) for word in words):
        return NO_MEANING
    kinds = {_known(word) for word in words} - {""}
    if not kinds:
        begun = [word for word in words if len(word) >= _SHORTEST_BEGINNING]
        kinds = {kind for known, kind in _KIND_OF.items() if any(_begins(word, known) for word in begun)}
    return next((kind.value for kind in _ORDER if kind.value in kinds), NO_MEANING)


def _begins(word: str, known: str) -> bool:
    return len(known) >= _SHORTEST_BEGINNING and (word.startswith(known) or known.startswith(word))


@lru_cache(maxsize=4096)
def _parts(word: str) -> list[str]:
    """Return a word, or what a compound such as "produktansicht" and text without blanks consist of."""
    if word in _NOISE or _known(word):
        return [word]
    parts = parts_of_word(word, _PARTS)
    if parts is None or (is_ideographic(word) and len("".join(part for part in parts if part not in _PARTS)) > 1):
        return [word]
    return [part for part in parts if part in _PARTS]


def _says_little(part: str) -> bool:
    return part in _NOISE or (not _known(part) and classes_of(part) == [PRODUCT_WORD])  # a "hotel view"


def _known(word: str) -> str:
    return _KIND_OF.get(word) or _KIND_OF.get(word.removesuffix("s"), "")
