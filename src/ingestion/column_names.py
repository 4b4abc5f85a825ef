"""Map column names of shops, public data sets and other programs to roles (user, product, rating …)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from src.ingestion.column_words import plain_letters, role_by_words, without_containers, without_remark

USER, PRODUCT, VALUE, TIME, KIND, MARK = "user", "product", "rating", "time", "kind", "mark"
QUANTITY, INVOICE, EVENT_ID, PURCHASED = "quantity", "invoice", "event_id", "purchased"
TITLE, DESCRIPTION, CATEGORY, BRAND, PRICE = "title", "description", "category", "brand", "price"
IMAGE, STOCK, WITHDRAWN, MAIN_CATEGORY, GROUP = "image", "stock", "withdrawn", "main_category", "group"
STATE, CANCELLED, REFUNDED, TOTAL, CLOCK = "state", "cancelled", "refunded", "total", "clock"
LISTED, SALE_PRICE, LANGUAGE, AVAILABLE = "listed", "sale_price", "language", "available"
TEST, RETURNED, ON_SALE, LINE_KIND = "test", "returned", "on_sale", "line_kind"
NOT_SENT, PART_OF = "not_sent", "part_of"
"""How many of a line were cancelled before they were sent; the line that a line is a part of."""
VARIANTS = "variants"
"""Of a parent: the ids of the products that are its variants."""

CATALOGUE_ROLES = (
    TITLE,
    DESCRIPTION,
    CATEGORY,
    BRAND,
    PRICE,
    IMAGE,
    STOCK,
    WITHDRAWN,
    MAIN_CATEGORY,
    GROUP,
    LISTED,
    SALE_PRICE,
    ON_SALE,
    AVAILABLE,
    VARIANTS,
)

# Compared without case, blanks, dashes and underscores; the most specific name of a role comes first.
_NAMES: dict[str, tuple[str, ...]] = {
    USER: (
        "userid", "user", "uid", "reviewerid", "customerid", "visitorid", "shopperid", "memberid", "buyerid",
        "clientid", "accountid", "profileid", "customer", "customernumber", "customerno", "visitor", "buyer", "member",
        "client", "account", "reviewer", "usersession", "sessionid", "session", "customeremail", "email", "deviceid",
    ),
    PRODUCT: (
        "productid", "parentasin", "asin", "itemid", "prodid", "productsku", "lineitemsku", "stockcode", "articleid",
        "articleno", "productcode", "itemcode", "productclicked", "movieid", "bookid", "goodsid", "sku", "variantsku",
        "id", "product", "item", "article", "variantid", "isbn", "ean", "handle", "pid", "iid",
    ),
    VALUE: ("rating", "ratings", "overall", "stars", "starrating", "score", "reviewscore", "userrating", "value"),
    TIME: (
        "timestamp", "unixreviewtime", "unixtime", "time", "eventtime", "at", "datetime", "date", "createdat",
        "created", "reviewtime", "reviewdate", "invoicedate", "orderdate", "purchasedate", "purchasetime", "paidat",
        "tdat", "ts",
    ),
    KIND: (
        "kind", "event", "eventtype", "action", "behavior", "behaviour", "behaviortype", "interactiontype",
        "interaction",
    ),
    MARK: ("mark",),
    QUANTITY: ("quantity", "qty", "lineitemquantity", "units", "count", "amount"),
    INVOICE: (
        "invoice", "invoiceno", "invoicenumber", "orderid", "order", "orderno", "ordernumber", "transactionid",
        "transaction", "basketid", "receipt", "receiptid", "incrementid",
    ),
    EVENT_ID: ("eventid",),
    PURCHASED: ("purchased", "bought", "ispurchase", "ispurchased", "converted"),
    TITLE: ("producttitle", "productname", "title", "itemname", "lineitemname", "prodname", "movietitle", "name"),
    DESCRIPTION: (
        "productdescription", "description", "shortdescription",
        "longdescription", "bodyhtml", "detaildesc", "details",
    ),
    CATEGORY: (
        "categories", "category", "productcategory", "categorycode", "categoryname", "genres", "genre", "department",
        "producttype", "producttypename",
    ),
    BRAND: ("brand", "store", "manufacturer", "supplier", "vendor"),
    PRICE: (
        "price", "unitprice", "lineitemprice", "regularprice",
        "variantprice", "listprice", "pricetaxincluded", "soldfor", "soldprice", "verkauftfur", "vendupour", "vendutoa",
    ),
    IMAGE: (
        "imageurl", "imagelink", "imageurlhighres", "imurl", "imagesrc", "imageurls",
        "baseimage", "images", "image", "img", "imgurl", "picture",
        "pictureurl", "thumbnail",
    ),
    STOCK: (
        "stock", "inventory", "stockquantity", "inventoryquantity",
        "variantinventoryqty", "onhand", "quantityonhand", "qtyonhand", "availablequantity",
    ),
    AVAILABLE: ("instock", "isinstock", "availability", "available", "availabilitystatus", "stockstatus"),
    WITHDRAWN: ("withdrawn", "discontinued", "deleted", "archived"),
    MAIN_CATEGORY: ("maincategory", "maincat"),
    GROUP: ("itemgroupid", "groupid", "productgroupid", "parentsku", "parentid", "parent", "variantgroup", "modelid",
            "style", "styleid", "styleno", "stylecode", "stylenumber", "mastersku", "parentproductid"),
    STATE: ("financialstatus", "paymentstatus", "orderstatus", "orderstate", "status", "state", "laststatus"),
    CANCELLED: ("cancelledat", "canceledat", "cancelled", "canceled", "iscancelled", "iscanceled"),
    REFUNDED: ("refundedamount", "amountrefunded", "refundamount", "totalrefunded"),
    TOTAL: ("total", "ordertotal", "grandtotal", "totalamount", "totalpaid"),
    CLOCK: ("timeofday", "transtime", "hhmm"),
    LISTED: ("published", "isactive", "active", "enabled", "visibility", "visibilityincatalog", "productonline",
             "visible", "isvisible", "published01"),
    SALE_PRICE: ("saleprice", "specialprice", "discountedprice", "discountprice"),
    ON_SALE: ("onsale", "isonsale", "saleactive", "insale"),
    VARIANTS: ("configurablevariations", "configurablevariationskus", "childskus", "variantskus"),
    LANGUAGE: ("language", "lang", "locale", "storeviewcode", "idlang", "languagecode", "sprache"),
    LINE_KIND: ("lineitemtype", "linetype", "orderitemtype", "positionstyp", "positiontype"),
    TEST: ("istest", "test", "testmode", "testorder", "livemode", "islive"),
    RETURNED: ("qtyrefunded", "qtyreturned", "quantityreturned", "returnedquantity"),
    NOT_SENT: (
        "qtycanceled", "qtycancelled", "canceledqty", "cancelledqty", "canceledquantity", "cancelledquantity",
        "quantitycanceled", "quantitycancelled",
    ),
    PART_OF: ("partoflineid",),
}  # fmt: skip
ROLES = tuple(_NAMES)
# Names in other languages that their words do not tell, without accents.
_FOREIGN_NAMES: dict[str, tuple[str, ...]] = {
    USER: ("kundennummer", "kundennr", "kundenid", "kunde", "nutzer", "benutzer", "idclient", "cliente", "idcliente"),
    PRODUCT: (
        "artikelnummer", "artikelnr", "artikelid", "artikel", "produktid", "produktnummer", "produkt", "idproduit",
        "produit", "idproducto", "producto", "articulo", "reference", "referencia", "stokkodu", "stokno", "ugs",
        "variantenid", "variationsid", "idvariante", "idvariacion", "idvariazione", "idvariation", "idwariantu",
        "variatieid",
    ),
    VALUE: ("bewertung", "sterne", "note", "puntuacion", "calificacion"),
    TIME: ("datum", "zeitpunkt", "zeit", "bestelldatum", "rechnungsdatum", "datecommande", "fecha", "fechapedido"),
    QUANTITY: ("menge", "anzahl", "stueckzahl", "quantite", "qte", "cantidad"),
    INVOICE: (
        "bestellnummer", "bestellnr", "bestellung", "rechnungsnummer", "rechnung", "commande", "numcommande", "facture",
        "pedido", "factura", "islemno", "islemnumarasi",
    ),
    TITLE: ("artikelname", "produktname", "bezeichnung", "titel", "designation", "titre", "nombre", "titulo"),
    DESCRIPTION: ("beschreibung", "descriptif", "descripcion"),
    CATEGORY: ("kategorie", "warengruppe", "categorie", "categoria"),
    BRAND: ("marke", "hersteller", "marque", "marca"),
    PRICE: ("preis", "einzelpreis", "prix", "prixunitaire", "precio"),
    IMAGE: ("bild", "bildurl", "imagen"),
    STOCK: ("bestand", "lagerbestand", "existencias"),
    GROUP: (
        "ubergeordnet", "superior", "padre", "genitore", "hoofd", "hoofdproduct", "nadrzedny", "elementnadrzedny",
        "ascendente", "pai", "overordnad", "overordnet", "nadrazeny", "родительскии", "parinte", "ebeveyn", "szulo",
    ),
}  # fmt: skip

_ROLE_OF = frozenset(name for names in (*_NAMES.values(), *_FOREIGN_NAMES.values()) for name in names)

# Beside a rating, "title" or "images" may describe the review; names like these cannot.
_PRODUCT_COLUMN = re.compile(r"(product|prod|item|movie|lineitem)\w+")


def normalize_name(name: str) -> str:
    """Return a column's name without case, accents, blanks and punctuation."""
    return re.sub(r"[\W_]", "", plain_letters(name))


def columns_option(columns: Mapping[str, int], names: Sequence[str] = ()) -> str:
    """Return the option that gives columns their roles, as a shell takes it.

    Args:
        columns: Role → position, whose number stands for a name that options cannot hold, or that an earlier one has.
        names: Names of the columns; empty without a header.

    Returns:
        The option.
    """
    told = []
    for role, at in columns.items():
        name = names[at] if names else ""
        is_plain = not _NO_OPTION.search(name) and position_of(name, names, len(names)) == at
        told.append(f"{role}={name if is_plain else at + 1}")
    return f"--columns {shlex.quote(','.join(told))}"


_NO_OPTION = re.compile(r"[,=\n]|^$|^column \d+$")


_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|\.\d+)([eE][+-]?\d+)?\s*")
_GROUPED = re.compile(r"(?<=\d)[\u00a0\u2009\u202f'\u2019](?=\d{3}(?!\d))")


def without_groups(text: str) -> str:
    """Return a number without the signs between its thousands that are neither point nor comma."""
    return text if text.isascii() and "'" not in text else _GROUPED.sub("", text)


def is_number(text: str) -> bool:
    """Whether the text reads as a finite decimal number."""
    return _NUMBER.fullmatch(without_groups(text)) is not None


def number_of(text: str) -> float | None:
    """Return the decimal number that a text is, with a point or a comma; None if it is none."""
    return float(without_groups(text).replace(",", ".")) if is_number(text) else None


def is_filled(row: Sequence[object]) -> bool:
    """Whether any cell of the row has more than blanks."""
    return any(cell is not None and str(cell).strip() for cell in row)


def candidates(names: Sequence[str]) -> dict[str, list[int]]:
    """Return role → positions of the columns whose name fits it, best first; a column has one role at most."""
    positions: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        spellings = map(normalize_name, (name, without_remark(name), without_containers(name)))
        known = next((each for each in spellings if each in _ROLE_OF), normalize_name(name))
        positions.setdefault(known, []).append(at)
    found = {
        role: [at for name in (*role_names, *_FOREIGN_NAMES.get(role, ())) for at in positions.get(name, ())]
        for role, role_names in _NAMES.items()
    }
    if found[USER]:  # "id" is then the number of the row, not of the product
        found[PRODUCT] = [at for at in found[PRODUCT] if normalize_name(names[at]) != "id"]
    return {role: at for role, at in found.items() if at}


def role_of_name(name: str) -> str:
    """Return the role that the name of a column tells, as a whole or by its words; "" for none."""
    return next(iter(candidates([name])), None) or (role_by_words(name) or ("",))[0]


def describes_product(name: str) -> bool:
    """Whether a column in a file of reviews describes the product rather than the review."""
    return _PRODUCT_COLUMN.fullmatch(normalize_name(name)) is not None


def position_of(column: str, names: Sequence[str], width: int) -> int | None:
    """Find a column by its name or number.

    Args:
        column: Name of the column, or its number from 1.
        names: Names of the columns; empty without a header.
        width: Number of columns.

    Returns:
        The 0-based position; None if there is no such column.
    """
    for at, name in enumerate(names):
        if column == name or (normalize_name(column) and normalize_name(column) == normalize_name(name)):
            return at
    if column.isdecimal() and 1 <= int(column) <= width:
        return int(column) - 1
    return None


def describe_columns(columns: Mapping[str, int], names: Sequence[str]) -> str:
    """Return one line for people: the column of each role.

    Args:
        columns: Role → 0-based position.
        names: Names of the columns; empty without a header.

    Returns:
        The roles in the order of their columns.
    """
    return ", ".join(
        f"{role} = {names[at]}" if names else f"{role} = column {at + 1}"
        for role, at in sorted(columns.items(), key=lambda entry: entry[1])
    )
