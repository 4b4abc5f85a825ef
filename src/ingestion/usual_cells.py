"""Know columns by cells that stand in every shop's files and say nothing of what a row counts for. Pure."""

from __future__ import annotations

from functools import lru_cache

from src.ingestion.column_profile import ColumnProfile
from src.ingestion.column_words import plain_letters, words_of
from src.ingestion.variant_titles import bare_title

_MOST = 0.9  # of the cells
_FAMILIES = {
    "currencies": """
        eur usd gbp chf sek nok dkk pln czk huf ron bgn hrk rub uah try cny jpy krw inr aud nzd cad brl mxn ars clp cop
        zar ils aed sar thb sgd hkd twd idr myr php vnd isk euro euros dollar dollars pound pounds
    """,
    "countries": """
        de at ch fr es it nl be lu pl cz sk hu ro bg hr si se no dk fi ee lv lt ie pt gr cy mt gb uk us usa ca mx br ar
        au nz cn jp kr in ru ua tr deu aut che fra esp ita nld bel pol gbr swe nor dnk fin irl prt grc
        germany austria switzerland france spain italy netherlands belgium luxembourg poland czechia hungary romania
        bulgaria croatia slovenia sweden norway denmark finland estonia latvia lithuania ireland portugal greece cyprus
        malta england scotland wales united kingdom states america canada mexico brazil argentina australia zealand
        china japan korea india russia ukraine turkey iceland israel singapore bahrain emirates lebanon saudi arabia
        channel islands european community unspecified rsa deutschland osterreich oesterreich schweiz frankreich spanien
        italien niederlande belgien polen schweden danemark allemagne autriche suisse espagne italie espana alemania
        francia italia new south africa czech republic hong kong
    """,
    "ways of paying": """
        paypal visa mastercard maestro amex american express klarna sofort giropay ideal bancontact sepa card cards
        creditcard debitcard cash bank transfer wire banktransfer prepayment vorkasse lastschrift kreditkarte
        uberweisung ueberweisung nachnahme stripe apple google amazon pay cod carte bancaire virement especes tarjeta
        transferencia contrareembolso bonifico carta contrassegno przelew blik twint eps alipay wechat cheque giftcard
        bar barzahlung girocard ec mollie adyen shopify payments
    """,
    "ways of sending": """
        dhl ups fedex usps dpd gls hermes postnl bpost colissimo chronopost correos seur poste inpost post express
        standard economy pickup courier parcel packet packstation abholung versand overnight priority ground freight
    """,
    "devices": """
        mobile desktop tablet phone smartphone android ios iphone ipad windows mac macos linux chrome safari firefox
        edge opera samsung app web browser tv bot other pc laptop
    """,
    "sources of visits": """
        organic direct referral paid search social email mail newsletter affiliate display google facebook instagram
        tiktok bing pinterest youtube cpc ads seo sea web website online store shop pos app mobile webshop onlineshop
        amazon ebay etsy zalando otto kaufland filiale laden marketplace shopify magento woocommerce
    """,
    "genders": "m f w d male female unknown divers mann frau herr mr mrs ms dr madame monsieur homme femme",
    "units": """
        pcs pc stk piece pieces kg g ml l cm mm m pack set box st stuck paar pair stueck szt ud unit units each ea
    """,
}
_WORDS = {family: frozenset(plain_letters(text).split()) for family, text in _FAMILIES.items()}
_PLAIN = "colours and sizes"


@lru_cache(maxsize=4096)
def _families_of(cell: str) -> frozenset[str]:
    words = words_of(cell) if not any(map(str.isdigit, cell)) else []
    found = {
        family for family, known in _WORDS.items() if words and (known.issuperset(words) or "".join(words) in known)
    }
    if cell and (bare := bare_title(cell)).is_sure and not bare.words:
        found.add(_PLAIN)
    return frozenset(found)


def usual_cells(profile: ColumnProfile) -> str | None:
    """Return what the cells of a column are, such as currencies.

    Args:
        profile: The column.

    Returns:
        The family; None if most cells are of none, or the column says yes and no only.
    """
    distinct = set(profile.cells)
    if not distinct or {plain_letters(cell) for cell in distinct} <= {"no", "yes", "n", "y", "f", "t", "on", "off"}:
        return None
    families = (*_WORDS, _PLAIN)
    shares = {family: sum(family in _families_of(cell) for cell in distinct) / len(distinct) for family in families}
    best = max(shares, key=lambda family: shares[family])
    return best if shares[best] >= _MOST else None
