"""Map the states that shops give to orders and to products to what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from functools import lru_cache

from src.ingestion.column_words import is_ideographic, plain_letters, words_of


class OrderState(Enum):
    """What the state of an order means for the purchase in it."""

    DONE = auto()
    PENDING = auto()
    UNDONE = auto()
    PARTLY = auto()


# Beginnings of words, without accents: "cancel" fits cancelled, canceled, cancelado and cancelada.
_UNDONE: tuple[str, ...] = (
    "cancel", "void", "rejet", "refund", "ruckerstatt", "rueckerstatt",
    "uncollect", "uneinbring", "irrecouvr", "incobr",
    "fail", "spam", "fake", "expire", "declin", "reject", "trash", "abandon", "return", "chargeback",
    "chargeb", "credited", "gecredit", "disput", "fraud", "denied", "unavailable", "revers", "stornier",
    "storno", "abgebrochen", "abgelehnt",
    "erstattet", "zuruck", "zurueck", "ruckgabe", "rueckgabe", "retour", "fehlgeschlagen", "annul", "rembours",
    "refuse", "echou", "anulad", "anulow", "reembols", "devuel", "devolvid", "rechaz", "fallid", "rimbors", "reso",
    "geannuleerd", "terugbetaald", "mislukt", "geretourneerd", "zwroc", "zwrot", "odrzuc", "nieudan", "recus",
    "estorn", "falh", "scadut", "rifiutat", "deleted", "geloscht", "erreur", "error", "fehler", "errore", "fout",
    "blad", "lost", "zurueckgesandt", "kreditiert", "gutgeschrieben", "afgebroken", "verlopen", "wygas", "vencid",
    "expir", "forfall", "отмен", "возвра", "storniran", "avbrut", "annuler", "annuller", "peruut", "aterbetal",
    "refunder", "tilbagebetal", "palautet", "zrusen", "vracen", "makulerad", "stornovan", "关闭", "取消", "退款",
    "退货", "退貨", "반품", "失败", "关閉", "返品", "返金", "キャンセル", "취소", "환불",
    "torol", "visszater", "visszautas", "sikertelen", "lemond", "iptal", "iade", "reddedil", "basarisiz",
    "rambursat", "batal", "dikembalikan", "ditolak", "ακυρω", "επιστρ", "απορριφ", "скасован", "поверн", "відхил",
    "otkazan", "otkazana", "povrat", "vrnjen", "dobropis", "devol", "отказан", "върнат", "tuhista",
)  # fmt: skip
_PENDING: tuple[str, ...] = (
    "pending", "hold", "unpaid", "await", "open", "new", "draft", "authori", "waiting", "wartend", "warte", "offen",
    "ausstehend", "unbezahlt", "attente", "impay", "pendient", "espera", "pendente", "aguard", "attesa", "wacht",
    "openstaand", "onbetaald", "oczekuj", "nieoplacon", "wstrzyman", "created", "placed", "neu", "afwacht",
    "quotation", "quote", "devis", "angebot", "preventivo", "presupuesto", "offerte", "orcamento", "estimate",
    "proforma", "checkout", "incomplete", "nowe", "nieuw", "nuevo", "nuov", "nouve", "vorgemerkt", "angelegt", "vantar",
    "avventar", "afventer", "obetald", "ubetalt", "odota", "ceka", "ожида", "нов", "等待买家付款", "等待付款",
    "待付款", "待支付", "未付款", "未支付", "入金待ち", "支払待ち", "未入金", "대기",
    "fuggo", "var", "beklemede", "bekliyor", "asteptare", "menunggu", "εκκρεμ", "αναμον", "очіку", "ceka",
)  # fmt: skip
# Of several words together.
_CREDIT_NOTES: tuple[str, ...] = (
    "creditnote", "creditmemo", "creditnota", "kreditnota", "notedecredit", "notadecredito", "notadicredito",
    "notacredito", "gutschrift",
)  # fmt: skip
# What a paid order waits for: "awaiting shipment", "ready for pickup".
_AWAITING: tuple[str, ...] = ("await", "wait", "wart", "attente", "espera", "aguard", "attesa", "wacht", "oczekuj")
_AWAITED: tuple[str, ...] = (
    "ship", "fulfil", "pick", "collect", "dispatch", "deliver", "versand", "abhol", "liefer", "expedi", "livraison",
    "envio", "spediz", "verzend", "lever", "wysyl", "bezorg",
)  # fmt: skip
_DONE: tuple[str, ...] = (
    "paid", "complet", "process", "ship", "fulfil", "deliver", "clos", "invoic", "approv", "succe", "captur", "done",
    "accept", "confirm", "settled", "received", "finished", "bezahlt", "abgeschlossen", "versandt", "versendet",
    "erledigt", "geliefert", "zugestellt", "bearbeitung", "fertig", "payee", "paye", "expedi", "livre", "termin",
    "traitement", "pagad", "enviad", "entregad", "pago", "paga", "conclu", "faturad", "spedit", "consegnat",
    "bezorgd", "afgehaald",
    "betaald", "verzonden", "afgerond", "geleverd", "verwerk", "oplacon", "zaplac", "wyslan", "zrealizow", "dostarcz",
    "zakoncz", "realizacji", "picked", "packed", "ok", "ready", "evas", "active", "charged", "transit", "unterwegs",
    "onderweg", "drodze", "camino", "odebran", "abgeholt", "locked", "sales", "dispatch", "sent", "paiement",
    "progress", "pagament", "wydan", "vervuld", "erfullt", "preparation", "preparacion", "lavorazione", "realizad",
    "оплачен", "доставлен", "выполнен", "отправлен", "成功", "完成", "已发货", "已付款", "已支付", "已签收", "完了",
    "発送済", "入金済", "出荷済", "배송", "완료", "处理中", "処理中",
    "доставена", "изпратен", "teljesit", "fizetve", "kifizet", "kiszallit", "feladva", "lezar", "tamamlan",
    "teslim", "kargo", "odendi",
    "onaylan", "freigegeben",
    "hazirlan", "finalizat", "livrat", "platit", "expediat", "procesare", "selesai", "dikirim", "dibayar",
    "diproses", "ολοκληρ", "απεσταλ", "παραδο", "πληρω", "απεσταλη", "виконан", "доставлен", "оплачен",
    "відправлен", "isporucen", "placen", "zavrsen", "dokoncen", "odoslan", "odeslan", "vybaven", "vyrizen", "doruc",
    "zaplacen",
)  # fmt: skip
# Of what is done, that which says that the money came.
_PAID: tuple[str, ...] = (
    "paid", "captur", "settled", "charged", "bezahlt", "payee", "paye", "pagad", "pago", "paga", "betaald", "oplacon",
    "zaplac", "оплачен", "fizetve", "kifizet", "odendi", "platit", "placen", "dibayar", "betalt", "betald",
    "maksettu",
    "已付款", "已支付", "入金済", "결제완료",
)  # fmt: skip
_PARTLY: tuple[str, ...] = (
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
_KEPT_BACK: tuple[str, ...] = (
    "draft", "archiv", "inactiv", "disabled", "hidden", "unpublish", "private", "pending", "trash", "deleted",
    "false", "f", "no", "n", "0", "-1", "2", "not visible", "not published", "invisible", "unavailable", "expired",
    "removed", "sold", "discontinued", "entwurf", "inaktiv", "deaktiviert", "versteckt", "unsichtbar", "nein",
    "ausgeblendet", "gesperrt", "brouillon", "inactif", "desactiv", "masque", "non", "nascosto", "bozza", "borrador",
    "inactivo", "oculto", "rascunho", "inativo", "concept", "inactief", "verborgen", "uitgeschakeld", "nee", "szkic",
    "nieaktywn", "ukryt", "wylaczon", "nie", "d", "h", "off", "blocked", "never", "none", "nowhere", "nulle part",
    "nirgend", "niewidoczn", "onzichtbaar", "invisibl", "despublicad", "dezaktyw", "niedostepn", "gestopt", "paused",
    "pausiert", "pausad", "下架", "已下架", "非公開", "隐藏", "停用", "未上架", "仓库中", "비공개", "скрыт",
    "неактив",
    "coming soon", "upcoming", "end of life", "delisted", "retired",
    "inaktif", "pasif", "ciorna", "nevidlj", "skryt", "piszkozat", "rejtett", "vazlat", "taslak", "gizli",
    "nonaktif", "ανενεργ", "ne", "nu", "nem", "hayir", "nej", "ei", "οχι", "ні",
)  # fmt: skip
_SHOWN: tuple[str, ...] = (
    "active", "publish", "enabled", "visible", "true", "yes", "y", "1", "catalog", "search", "live", "online", "on",
    "aktiv", "ja", "veroffentlicht", "sichtbar", "oui", "actif", "publie", "si", "attivo", "activo", "publicado",
    "sim", "ativo", "actief", "gepubliceerd", "zichtbaar", "tak", "aktywn", "widoczn", "available", "t", "everywhere",
    "both", "listed", "global", "all", "partout", "uberall", "a", "上架", "公開", "在售", "启用", "销售中",
    "出售中", "공개", "актив", "опубликован",
    "activ", "aktif", "lathato", "yayinda", "vizibil", "evet", "igen", "da", "tampil", "ενεργ", "ano", "kylla",
    "ναι", "так",
)  # fmt: skip
# "Completed" alone tells that an order is done; beside something unknown it may be the end of anything.
_COMPLETED: tuple[str, ...] = ("완료", "完了", "完成", "成功", "済")
_OF_ORDERS: tuple[str, ...] = (
    "결제", "주문", "구매", "거래", "付款", "支付", "交易", "订单", "入金", "注文", "受注", "取引", "購入", "已", "ご",
)  # fmt: skip
_MOST_WORDS = 8
_LONGEST_WORD = 60  # characters of a state
_STEM = 5  # letters from which a beginning of a word tells as much as the whole
_UNDONE, _PENDING, _AWAITING, _AWAITED, _DONE, _PAID, _PARTLY, _KEPT_BACK, _SHOWN, _COMPLETED, _OF_ORDERS = (
    tuple(map(plain_letters, words))
    for words in (
        *(_UNDONE, _PENDING, _AWAITING, _AWAITED, _DONE, _PAID, _PARTLY, _KEPT_BACK, _SHOWN, _COMPLETED, _OF_ORDERS),
    )
)


@lru_cache(maxsize=4096)
def order_state(text: str) -> OrderState | None:
    """Return what the name of a state means; None for an unknown one."""
    words = words_of(text[:80])
    if not words or len(words) > _MOST_WORDS:
        return None

    def has(beginnings: tuple[str, ...]) -> bool:
        return _begins(words, beginnings)

    if any(is_ideographic(word) and _is_unclear_end(word) for word in words):
        return None
    is_not = any(word in ("not", "un", "non", "nicht", "no", "niet", "nie") for word in words)
    if has(_UNDONE) or any(note in "".join(words) for note in _CREDIT_NOTES):
        return OrderState.PARTLY if has(_PARTLY) else OrderState.DONE if is_not else OrderState.UNDONE
    if has(_AWAITING) and has(_AWAITED) and not is_not:
        return OrderState.DONE
    if has(_PENDING) or (is_not and has(_DONE)):
        return OrderState.PENDING
    return OrderState.DONE if has(_DONE) else None


@lru_cache(maxsize=4096)
def says_paid(text: str) -> bool:
    """Return whether the name of a state says that the order was paid, rather than that something else was done."""
    return order_state(text) is OrderState.DONE and _begins(words_of(text[:80]), _PAID)


def _begins(words: Sequence[str], beginnings: tuple[str, ...]) -> bool:
    return any(
        any(each in word for each in beginnings) if is_ideographic(word) else word.startswith(beginnings)
        for word in words
    )


def _is_unclear_end(word: str) -> bool:
    """Whether a word says that something came to its end, and nothing else that is known."""
    if not word.endswith(_COMPLETED) or any(each in word for each in (*_UNDONE, *_PENDING)):
        return False
    rest = word
    for known in sorted((*_COMPLETED, *_OF_ORDERS, *_DONE), key=len, reverse=True):
        rest = rest.replace(known, "")
    return bool(rest)


@lru_cache(maxsize=4096)
def is_kept_back(text: str) -> bool | None:
    """Return whether the state of a product keeps it off the shop's pages; None for an unknown state."""
    if len(text) > _LONGEST_WORD:
        return None
    plain = plain_letters(text).strip().removesuffix(".0")
    return True if _begins_with(plain, _KEPT_BACK) else False if _begins_with(plain, _SHOWN) else None


def _begins_with(plain: str, words: tuple[str, ...]) -> bool:
    """Whether a text is one of the words, or begins with one: short ones whole, as "off" begins "office" too."""
    return plain in words or any(
        plain.startswith(word) and (len(word) >= _STEM or is_ideographic(word) or plain[len(word)] in " (,;:")
        for word in words
        if len(word) > 1 and word != plain
    )
