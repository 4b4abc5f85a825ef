"""Tell rows of orders that are no products: gift cards, shipping, tips, discounts, deposits. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection
from functools import lru_cache

from src.ingestion.column_words import parts_of_word, plain_letters, words_of

_GIFT_CARD = re.compile(
    r"(?i)(e-?)?gift (card|voucher|certificate)|gutschein|geschenkkarte|(carte|ch.que)[ -]cadeau|cadeau(bon|kaart)"
    r"|tarjeta (de )?regalo|karta podarunkowa|(vale|cart.o)[ -]presente|carta regalo|buono regalo|礼品卡"
    r"|ギフトカード|기프트"
)
_AMOUNT = re.compile(r"(?i)(e?s|en|e)?([\W_\d]|\b(?:eur|euros?|usd|dollars?|gbp|pounds?|chf|sek|nok|dkk|pln|kr|zł)\b)*")
_DELIVERIES = """
    shipping shipment delivery postage freight versand fracht lieferung livraison envio envios spedizione consegna
    verzending bezorging wysylka dostawa przesylka frete frakt fragt toimitus dopravne doprava 运费 邮费 送料 배송비
    доставка
"""
_CHARGES = """
    handling carriage porto port gastos trasporto portes
    tip tips gratuity trinkgeld pourboire propina mancia fooi napiwek gorjeta 小费 チップ
    discount discounts rabatt remise reduction descuento sconto korting rabat desconto preisnachlass skonto alennus
    折扣 优惠 割引 値引き 할인 скидка
    kaution caution 押金
    fee fees surcharge gebuhr gebuehr gebuhren zuschlag supplement recargo toeslag oplata 手数料
    donation spende don donacion donazione rounding rundung
    transport transports transporte trasporti transportkosten transportowa transportowe transportowy przewoz kuljetus
    szallitas fuvar nakliye kargo dopravy prijevoz prevoz перевозка μεταφορικα
    tax taxes vat mwst steuer tva iva coupon coupons adjustment billing
"""
_BESIDE = """
    cost costs charge charges kosten express free kostenlos gratis flat rate standard international national domestic
    bank payment zahlung nachnahme order bestellung commande pedido
    pauschale kostenpauschale de du del della le la les los d fur pour por per for auf of and und et y e the a to zur
    zum percent prozent eur usd gbp code promo coupon total service line item custom amount frais spese koszt koszty
    kost additional extra inland ausland eu domicile domicilio zuhause haus home punto point pickup abholung
    colis colissimo paquete paket pakket parcel pacco paczka 24h 48h 24 48 h
    usluga uslugi services dienstleistung servicio servicios servizio servizi servico prestation prestations sluzba
    sluzby tjanst tjeneste palvelu szolgaltatas hizmet услуга услуги
"""
_CARRIERS = """
    dhl ups fedex usps tnt dpd gls gel go hermes evri yodel dotcom amazon aramex purolator ontrac lasership loomis
    royal mail parcelforce an post chronopost colissimo colis prive la poste mondial relay relais geodis heppner
    correos seur mrw nacex zeleris envialia ctt brt bartolini sda poste italiane nexive postnl bpost nord nl in bring
    budbee instabox airmee posti matkahuolto inpost paczkomat paczkomaty poczta polska orlen zasilkovna packeta ppl
    ceska posta slovenska magyar fan courier sameday cargus econt speedy yurtici aras mng surat ptt nova poshta cdek
    yamato sagawa japan sf yunda zto sto ems australia sendle startrack canada correios jadlog loggi estafeta redpack
"""
"""Words of the names of those who carry parcels, which stand beside a word for what they do."""
_VOUCHERS = """
    voucher vouchers promotion promotions promo credit credits coupon coupons gutschein gutscheine gutschrift aktion bon
    avoir vale cupon kupong kupon rabattcode giftcard
"""
_SOLD = """
    product products produkt artikel article articulo prodotto produto towar vare item items simple variable variation
    variant standard physical digital goods ware good configurable bundle set kit stuckliste stueckliste
"""
_PARTS_OF_SETS = """
    component components komponente komponenten bestandteil bestandteile child bundled part parts teil composant
    componente componenti onderdeel skladnik
"""
_BESIDE_LINES = "position positionen pos line lineitem art typ type freie of set stuckliste stueckliste bundle"
_DEPOSITS = """
    deposit deposits pfand einwegpfand mehrwegpfand flaschenpfand dosenpfand leergut consigne statiegeld fianza cauzione
    kaucja zaloha
"""
_BESIDE_DEPOSITS = """
    glas glaser glass verre vaso bicchiere becher cup krug tasse flasche flaschen bottle bottles bouteille bouteilles
    botella bottiglia fles flessen butelka flaska flaske dose dosen can cans canette blik lata puszka kasten kiste crate
    caisse krat caja skrzynka back fass keg ruckgabe rueckgabe ruckerstattung erstattung return returned refund retour
    retournee remboursement devolucion reso zwrot vratna einweg mehrweg leer empty
"""
_WORDS_OF_COSTS = "cost costs charge charges kosten frais spese koszty kost gastos custos kostnad kulud"
_COSTS = frozenset(_WORDS_OF_COSTS.split())
_DELIVERY_WORDS = frozenset(plain_letters(_DELIVERIES).split())
_CHARGE_WORDS = _DELIVERY_WORDS | frozenset(plain_letters(f"{_CHARGES} {_DEPOSITS}").split())
_WORDS = _CHARGE_WORDS | frozenset(plain_letters(f"{_BESIDE} {_CARRIERS}").split())
_DEPOSIT_WORDS = frozenset(plain_letters(_DEPOSITS).split())
_OF_DEPOSITS = _WORDS | frozenset(plain_letters(_BESIDE_DEPOSITS).split())
_BAGS = """
    bag bags carrier tote tragetasche tragetaschen tasche einkaufstasche tute tuete tuten tueten beutel sac sacs sachet
    cabas bolsa bolsas shopper sacchetto busta tas draagtas tasje zak reklamowka torba torebka kasse kassar barkasse
    baerepose pose kassi muovikassi saco sacola igelitka taska szatyor poset torbica 购物袋 袋 レジ袋 쇼핑백 пакет
    wrap wrapping giftwrap giftwrapping verpackung geschenkverpackung geschenkpapier verpackungsservice emballage
    envoltorio envoltura embrulho confezione inpakservice inpakken cadeauverpakking geschenkverpakking opakowanie
    pakowanie gaveindpakning gavepapir presentinslagning lahjapaketointi rekjaf ギフト包装 ラッピング 礼品包装 упаковка
"""
_BESIDE_BAGS = """
    gift geschenk cadeau regalo presente prezent prezentowe na present gave shopping einkaufs einkauf paper papier
    plastic plastik plastique plastico papel carta karton jute cotton baumwoll baumwolle reusable mehrweg recycled
    biodegradabile biodegradable small medium large klein mittel gross gro s m l xl petit moyen grand pequena mediana
    grande piccola media our unsere mit with logo service ohne extra fur para per pour in de del du di von aus stuck
    caisse pick up folie p c ct cent
"""
_SERVICES = """
    montage montaz montaje montaggio montagem montering montavimas montaj assembly installation installatie instalacja
    instalacion installazione instalace instalacao instalare asennus asennuspalvelu telepites beszereles kurulum einbau
    aufbau aufbauservice montageservice einbauservice aufstellung anfahrt anfahrtspauschale arbeitszeit arbeitsstunde
    arbeitslohn robocizna labour labor couvert couverts cubierto cubiertos gedeck gedecke servizio servis garson
    mindestverzehr mindestumsatz minimum обслуживание setup монтаж установка сборка 組立 設置 安装 설치
"""
_BESIDE_SERVICES = """
    service services usluga dienstleistung servicio servizio servico prestation sluzba tjanst palvelu and und et e y i a
    on site vor ort domicile zuhause home per pro hour hours stunde stunden h std heure hora ora godzina pauschale flat
    basic standard premium de du des der la le di do kit cost costs kosten frais
"""
_WORDS_OF_DONATIONS = """
    donation donations donate spende spenden don dons donacion donativo donazione doacao donatie darowizna donasjon gava
    lahjoitus пожертвование 捐款 寄付 trinkgeld tip tips pourboire propina
"""
_DONATIONS = frozenset(plain_letters(_WORDS_OF_DONATIONS).split())
_AT_TABLES = re.compile(
    r"(copert[oi]( e servizio)?|cover charges?|corkage( fees?| charges?)?|korkgeld|bedienungs(geld|zuschlag)"
    r"|kuver( ucreti)?|servis (ucreti|bedeli)|droit de bouchon|taxa de servico|servicio de mesa|(derecho de )?cubierto"
    r" y servicio|席料|お通し|サービス料)"
    r"([\W\d]+((p|per|por|par|pro|x|a)[. ]*)?(person|persona|persone|personne|pax|testa)?)?"
)
SOLD, NOT_SOLD, PART_OF_SET = "product", "no product", "part of a set"
"""What a line of an order may be."""
_LINE_WORDS = {
    **dict.fromkeys(_SOLD.split(), SOLD),
    **dict.fromkeys((*_CHARGE_WORDS, *_VOUCHERS.split()), NOT_SOLD),
    **dict.fromkeys(_PARTS_OF_SETS.split(), PART_OF_SET),
}
_SERVICE_WORDS = frozenset(plain_letters(_SERVICES).split())
_OF_SERVICES = _SERVICE_WORDS | frozenset(plain_letters(_BESIDE_SERVICES).split())
_BAG_WORDS = frozenset(plain_letters(_BAGS).split())
_OF_BAGS = _BAG_WORDS | frozenset(plain_letters(_BESIDE_BAGS).split())
_NUMBERED = re.compile(r"[^\W\d_]+|[^\W\d_]{5,}[-_ ]?\d{1,3}")
_WORDS_IN_DOUBT = """
    porto portes caution taxes mancia donacion supplement discounts transport transports transporte kargo
"""
_DOUBTFUL = frozenset(_WORDS_IN_DOUBT.split())
"""Words for charges that name other things too."""
_MOST_NUMBERED = 5  # charges that are told apart by a number
_OF_LINES = frozenset((*_LINE_WORDS, *_WORDS, *_BESIDE_LINES.split()))


def is_gift_card(title: str) -> bool:
    """Whether a title is that of a gift card."""
    return _GIFT_CARD.match(title) is not None


def is_gift_card_alone(title: str) -> bool:
    """Whether a title names a gift card and nothing else but an amount; "Gift card holder" is a product."""
    found = _GIFT_CARD.match(title)
    return found is not None and _AMOUNT.fullmatch(title[found.end() :]) is not None


@lru_cache(maxsize=16_384)
def is_charge(title: str) -> bool:
    """Whether a title says nothing but shipping, a tip, a discount, a deposit or a fee, or for a place at a table.

    "Versandkosten DHL" does, "shipping box" does not: every word must be of this kind. Beside a deposit may stand what
    it is for, as in "Pfand Glas".
    """
    words = [part for word in words_of(title[:60]) for part in parts_of_word(word, _OF_DEPOSITS) or [word]]
    words = [re.sub(r"\d+$", "", word) or word for word in words]
    if _AT_TABLES.fullmatch(plain_letters(title[:60]).strip()):
        return True
    known = _WORDS if _DEPOSIT_WORDS.isdisjoint(words) else _OF_DEPOSITS
    is_cost = len(words) > 1 and not _COSTS.isdisjoint(words)  # "bank charges"
    return bool(words) and known.issuperset(words) and (is_cost or not _CHARGE_WORDS.isdisjoint(words))


@lru_cache(maxsize=16_384)
def may_be_extra(title: str) -> bool:
    """Whether a title says nothing but a bag, a wrapping or a service, or begins with a gift of money or a delivery.

    "Tragetasche groß" does, and some shops sell such bags: cells must tell whether it is an extra.
    """
    words = [part for word in words_of(title[:60]) for part in parts_of_word(word, _OF_BAGS) or [word]]
    words = [re.sub(r"^\d+|\d+$", "", word) or word for word in words]
    is_bag = not _BAG_WORDS.isdisjoint(words) and _OF_BAGS.issuperset(words)
    is_service = not _SERVICE_WORDS.isdisjoint(words) and _OF_SERVICES.issuperset(words)
    return is_bag or is_service or not (_DONATIONS | _DELIVERY_WORDS).isdisjoint(words[:1])


def is_charge_by_id(id_: str, title: str = "") -> bool:
    """Whether an id is a word for shipping or the like, numbered or not: "FREIGHT", "SHIPPING4".

    Short words with a number do not count: "TIP4" may be a product. Nor do numbered words that have another meaning,
    beside a title of other words: "PORTO12" may be a wine.

    Args:
        id_: The id.
        title: The title beside it; "" or the id itself for none.

    Returns:
        Whether the line is no product.
    """
    if _NUMBERED.fullmatch(id_) is None or not is_charge(id_):
        return False
    is_clear = not any(map(str.isdigit, id_)) or _DOUBTFUL.isdisjoint(re.split(r"[\W\d_]+", plain_letters(id_)))
    return is_clear or title in ("", id_) or _has_words_of_charges_only(title)


def is_sort_of_charges(category: str) -> bool:
    """Whether a category says nothing but charges, and none of its words names sorts of products too: "Transport".

    Args:
        category: The cell.
    """
    return is_charge(category) and _DOUBTFUL.isdisjoint(words_of(category))


def is_series(ids: Collection[str]) -> Callable[[str], bool]:
    """Return a test whether an id is one of many that differ by their numbers, as codes of products do: "PORTO12".

    Args:
        ids: All ids.

    Returns:
        The test; shops number a few ways of shipping at most.
    """
    numbered = {id_ for id_ in ids if id_[-1:].isdecimal() and id_[:1].isalpha()}
    series = Counter(re.sub(r"[-_ ]?\d+$", "", id_) for id_ in numbered)
    return lambda id_: id_ in numbered and series[re.sub(r"[-_ ]?\d+$", "", id_)] > _MOST_NUMBERED


def _has_words_of_charges_only(title: str) -> bool:
    words = [part for word in words_of(title[:60]) for part in parts_of_word(word, _WORDS) or [word]]
    return _WORDS.issuperset(words)


@lru_cache(maxsize=4096)
def line_kind(text: str) -> str | None:
    """Return what a word for the kind of an order's line means: "Versandposition", "promotion", "Artikel".

    Args:
        text: The cell.

    Returns:
        SOLD, NOT_SOLD or PART_OF_SET; None if a word is not known.
    """
    parts = [part for word in words_of(text[:60]) for part in parts_of_word(word, _OF_LINES) or [word]]
    if not parts or not _OF_LINES.issuperset(parts):
        return None
    found = {_LINE_WORDS[part] for part in parts if part in _LINE_WORDS}
    return next((kind for kind in (NOT_SOLD, PART_OF_SET, SOLD) if kind in found), None)
