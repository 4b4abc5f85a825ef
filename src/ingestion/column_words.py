"""Understand column names word by word, in the languages of shops: "product_price", "Artikelbezeichnung"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_SPECIAL_LETTERS = str.maketrans({"ł": "l", "ß": "ss", "ø": "o", "æ": "ae", "đ": "d", "ı": "i", "œ": "oe"})

USER_WORD, PRODUCT_WORD, ORDER_WORD, ID_WORD, MAIL_WORD = "user", "product", "order", "id", "mail"
OTHER_WORD, FILLER, SALE_WORD, REGULAR_WORD, TYPE_WORD = "other", "filler", "sale", "regular", "type"

# Word class → words, without accents. A class that is no role of a column only completes or excludes one.
_WORDS: dict[str, str] = {
    USER_WORD: """
        user users customer customers client clients cust buyer shopper visitor member account reviewer
        subscriber consumer kunde kunden nutzer benutzer kaeufer kaufer besteller cliente clientes usuario
        utilisateur acheteur comprador klant klanten gebruiker koper klient klienta klienci uzytkownik
        uzytkownika nabywca kupujacy utilizador utente acquirente compte cuenta conto konto kund kunder
        session sessions visit pseudo household billing listener gast
    """,
    PRODUCT_WORD: """
        catalog product products prod item items article articles artikel art sku asin goods movie book film
        song track produkt produkte produktu producto productos articulo articulos produit produits prodotto
        prodotti articolo produto produtos artigo towar towaru listing variant variation upc ean gtin isbn
        line position catalogue katalog game
    """,
    ORDER_WORD: """
        record order orders invoice transaction transactions basket receipt purchase sale sales checkout
        bestellung bestellungs bestell auftrag auftrags rechnung rechnungs beleg commande commandes facture
        achat pedido pedidos compra factura venta ordine acquisto encomenda bestelling bestel factuur
        zamowienie zamowienia faktura faktury paragon payment pago paiement betaling platnosc platnosci
        zahlung zahlungs kauf bon trans financial ordered vendita fattura zakup zakupu aankoop buchung
    """,
    ID_WORD: """
        n id ids no nr num number nummer code key ref reference referenz numero kod kennung identifier uuid
        guid hash numer codigo codice
    """,
    MAIL_WORD: "email mail emailaddress mailadresse courriel correo",
    "price": "price preis prix precio prezzo preco prijs cena pris einzelpreis verkaufspreis stueckpreis",
    "quantity": """
        quantity qty menge anzahl stueck stuck stueckzahl stuckzahl stk quantite qte cantidad cant quantita
        qta quantidade qtd qtde aantal ilosc szt sztuk units pieces count antal antall
    """,
    "time": """
        date time timestamp datetime ts datum zeit zeitpunkt zeitstempel fecha data czas dato created at
        placed when moment tijd tijdstip tijdstempel momento jour erstellt heure hora godzina uhrzeit
        horodatage
    """,
    "kind": """
        event action activity behavior behaviour interaction ereignis aktion aktivitaet evenement evento
        accion acao azione zdarzenie akcja gebeurtenis actie kind verb interaktion handlung
    """,
    "state": "status state zustand estado etat statut stato stan situacao bestellstatus zahlstatus",
    "title": """
        title name titel bezeichnung titre nom nombre titulo nome naam nazwa designation denominacion
        denominazione tytul navn namn
    """,
    "description": """
        description desc beschreibung descripcion descricao descrizione omschrijving opis beskrivning body
        details descriptif
    """,
    "category": """
        category categories cat kategorie kategorien categorie categoria categorias kategoria kategorii rubrik
        genre genres department section warengruppe rubrique departamento afdeling dzial produktgruppe familie
    """,
    "brand": """
        brand marke marque marca merk marka producent fabricant fabricante manufacturer hersteller maker
        vendor publisher author autor auteur
    """,
    "image": """
        image images img picture pictures photo photos bild bilder foto fotos imagen imagenes imagem immagine
        afbeelding zdjecie obraz thumbnail
    """,
    "stock": """
        stock inventory bestand lager lagerbestand existencias estoque voorraad magazyn availability available
        verfuegbarkeit verfuegbar disponibilite disponibilidad disponibilita dostepnosc giacenza scorte
        verfugbarkeit
    """,
    "rating": """
        rating ratings rate score stars bewertung sterne note nota puntuacion calificacion valoracion
        valutazione voto avaliacao ocena beoordeling waardering
    """,
    "group": "parent group master gruppe groupe grupo hauptartikel vaterartikel",
    "listed": """
        published active enabled visible visibility online aktiv activo actif sichtbar sichtbarkeit publie
        publicado attivo ativo actief zichtbaar aktywny widoczny freigegeben veroeffentlicht
    """,
    "language": "language locale lang sprache langue idioma taal lingua jezyk storeview",
    "refunded": "refunded refund erstattet erstattung rembourse reembolsado geretourneerd zwrocono rimborsato",
    "cancelled": "cancelled canceled storniert annule cancelado geannuleerd anulowano annullato voided",
    SALE_WORD: """
        sale special discounted offer promo promotion promotional angebots aktions sonder oferta promocional
        solde
    """,
    REGULAR_WORD: "regular normal list standard base retail full original unit unitaire einzel unitario jednostkowa",
    TYPE_WORD: "type typ tipo soort rodzaj art",
    FILLER: """
        eur usd gbp level display label the of de del della do da der des la le el du den our your main full
        current is in google shop url link src large hires high big zoom unit per a an x na van di web my
        amount s m l xl paid
    """,
    OTHER_WORD: """
        excl incl excluded included ttc ht iva ship shipping shipped shipto delivery versand lieferung
        livraison envio discount rabatt tax taxes vat mwst steuer total subtotal sum summe gesamt gross net
        brutto netto fee cost costs freight weight length lenght width height size currency waehrung zip
        postcode city country street address phone region first last birth age gender method coupon comment
        notes tag tags reviews helpful votes average avg previous touch expected estimated limit start starts
        end ends until updated modified changed valid min max low warehouse seller supplier location device
        staff cashier employee tracking carrier browser os ip agent referrer source medium campaign platform
        channel page compare was old before strike fulfillment fulfilment attribute option meta seo keywords
        download virtual feature features spec points reward weightunit row barcode seen dow dayofweek lat lon
        since days hour small thumb tn position pos rank index coll lead shipment deliver delivered approved
        approval out notify backorder backorders threshold config manage managed increment condition wholesale
        purchase_note
    """,
}
_CLASS_OF: dict[str, str] = {}
for _class, _text in _WORDS.items():
    for _word in _text.split():
        _CLASS_OF.setdefault(_word, _class)
_OF_TAXES = frozenset(
    [
        "tax",
        "taxes",
        "vat",
        "mwst",
        "steuer",
        "gross",
        "net",
        "brutto",
        "netto",
        "excl",
        "incl",
        "excluded",
        "included",
        "ttc",
        "ht",
        "iva",
    ]
)
_SHORTEST_PART = 3  # letters of a word inside a compound such as "kundennummer"
_LONGEST_NAME = 60

# Where a name has words of two roles, the earlier one is what the column holds: a "category name" is a category.
_PRECEDENCE = (
    "cancelled", "refunded", "state", "language", "group", "listed", "time", "stock", "brand", "category", "image",
    "price", "quantity", "rating", "description", "kind", "title",
)  # fmt: skip


def plain_letters(text: str) -> str:
    """Return the text in lower case, its letters without accents."""
    letters = unicodedata.normalize("NFKD", text.lower().translate(_SPECIAL_LETTERS))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def without_remark(name: str) -> str:
    """Return the name without what stands in brackets after it: "Categories (x,y,z...)"."""
    return re.sub(r"\s*[(\[][^)\]]*[)\]]?\s*$", "", name) or name


def words_of(name: str) -> list[str]:
    """Return the words of a name, split at signs and at capitals after small letters."""
    parts = re.sub(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Þ])", " ", without_remark(name))
    return [word for word in re.split(r"[^a-z0-9]+", plain_letters(parts)) if word and not word.isdecimal()]


@lru_cache(maxsize=4096)
def _classes(word: str) -> tuple[str | None, ...]:
    """Return the classes of a word, or of the words it is composed of; (None,) for an unknown one."""
    if word in _CLASS_OF:
        return (_CLASS_OF[word],)
    if word.endswith("s") and word[:-1] in _CLASS_OF:
        return (_CLASS_OF[word[:-1]],)
    spelled = word.replace("ue", "u").replace("ae", "a").replace("oe", "o")
    if spelled in _CLASS_OF:
        return (_CLASS_OF[spelled],)
    for cut in range(len(word) - 2, _SHORTEST_PART - 1, -1):
        first, rest = word[:cut], word[cut:]
        if first not in _CLASS_OF or (len(rest) < _SHORTEST_PART and rest not in ("id", "no", "nr", "at")):
            continue
        for linked in (rest, rest.removeprefix("s"), rest.removeprefix("n")):
            tail = _classes(linked) if linked else (None,)
            if None not in tail:
                return (_CLASS_OF[first], *tail)
    return (None,)


def classes_of(name: str) -> list[str | None]:
    """Return the class of each word of a name; None for unknown words."""
    if len(name) > _LONGEST_NAME:
        return [None]
    return [each for word in words_of(name) for each in _classes(word)]


def is_excluded(name: str) -> bool:
    """Whether a word says that the column is about something else, such as shipping or taxes."""
    return OTHER_WORD in classes_of(name)


def has_id_word(name: str) -> bool:
    """Whether the name says that the column holds ids, such as "anime_id"."""
    return ID_WORD in classes_of(name)


def role_by_words(name: str) -> tuple[str, float] | None:
    """Find the role that the words of a column's name mean.

    Args:
        name: The name as the file has it.

    Returns:
        The role, and a confidence from 0 to 1, lower where unknown words stand beside the known ones; None if no word
        tells, or one says that the column is about something else.
    """
    classes = classes_of(name)
    known = {each for each in classes if each}
    is_price = "price" in known
    if is_price:  # with or without taxes, it is a price
        others = {word for word in words_of(name) if _classes(word) == (OTHER_WORD,)}
        known -= {OTHER_WORD} if others <= _OF_TAXES or SALE_WORD in known else set()
    if not known or OTHER_WORD in known:
        return None
    n_unknown = sum(each is None for each in classes)
    confidence = 0.7 if n_unknown == 0 else 0.4 if n_unknown == 1 else 0.0
    if not confidence:
        return None
    if is_price:
        return ("sale_price" if SALE_WORD in known else "price"), confidence
    if "group" in known and not known & {PRODUCT_WORD, ID_WORD}:
        known.discard("group")
    if "image" in known and known & {"title", "description", "quantity"}:
        return None
    role = next((each for each in _PRECEDENCE if each in known), None)
    if role == "title" and USER_WORD in known:
        return "user", 0.3
    if role == "title" and ORDER_WORD in known:
        return None
    if role == "rating" and n_unknown == 0 and classes == ["rating"]:
        return role, confidence
    if role is not None:
        return role, confidence
    return _role_of_noun(classes, known, confidence)


def _role_of_noun(classes: Sequence[str | None], known: set[str], confidence: float) -> tuple[str, float] | None:
    """Return the role of a name of nouns and words for ids alone.

    Args:
        classes: Class of each word.
        known: The known ones.
        confidence: What it is given if it is clear.
    """
    if MAIL_WORD in known:
        return "user", 0.5
    if None in classes:
        return None
    has_id = ID_WORD in known
    if USER_WORD in known:
        return "user", confidence if has_id else 0.5
    if TYPE_WORD in known:
        return ("category", 0.5) if PRODUCT_WORD in known else ("kind", 0.4) if ORDER_WORD in known else None
    if PRODUCT_WORD in known and ORDER_WORD not in known:
        return "product", confidence if has_id else 0.5
    if ORDER_WORD in known and PRODUCT_WORD not in known:
        return "invoice", confidence if has_id else 0.5
    return None
