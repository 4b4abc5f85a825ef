"""Understand column names word by word, in the languages of shops: "product_price", "Artikelbezeichnung"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Sequence
from functools import lru_cache

from src.ingestion.column_vocabulary import (
    CONTAINER_WORD,
    FILLER,
    ID_WORD,
    MAIL_WORD,
    NUMBERS_OF_TAXPAYERS,
    OF_CODES,
    OF_TAXES,
    ORDER_WORD,
    OTHER_WORD,
    PRODUCT_WORD,
    REGULAR_WORD,
    SALE_WORD,
    SUM_WORD,
    TEST_WORD,
    TYPE_WORD,
    USER_WORD,
    WORDS,
)

_SPECIAL_LETTERS = str.maketrans({"ł": "l", "ß": "ss", "ø": "o", "æ": "ae", "đ": "d", "ı": "i", "œ": "oe"})

_SHORTEST_PART = 3  # letters of a word inside a compound such as "kundennummer"
_LONGEST_NAME = 80
_SCRIPTS = re.compile(r"(?<=[A-Za-z])(?=[\u2e80-\ud7af])|(?<=[\u2e80-\ud7af])(?=[A-Za-z])")  # "SKU番号"
_COUNTED = re.compile(r"(num|n|number|count|anzahl|nombre|numero|liczba|aantal)( of| de)? \w+s\b")  # "num_items"
_NUMBER_OF = re.compile(r"(num|number|no) of\b|(nb|nbr|cnt)\b|.*\b(cnt|followers|subscribers|seguidores|seguidors)$")
_ABBREVIATION = re.compile(r"\b(?:[^\W\d_]\.)+[^\W\d_]{1,2}\b\.?")
_NUMBER_SIGN = re.compile(r"(?<!\w)[čČ](?:\. ?|$|(?= ))")  # "č." is "číslo", a number
_SHORTENED = re.compile(r"(?<!\w)([^\W\d_]{1,12})\.(?=$|[\W_]*([^\W\d_]*))")
_HARDLY_SHORTENED = frozenset({USER_WORD, FILLER, OTHER_WORD, CONTAINER_WORD})
_ACTS_OF_SALE = frozenset({"shipped", "delivered"})
_WORDS_OF_UNITS = """
    ordered shipped delivered sold invoiced dispatched fulfilled bestellt geliefert verkauft versendet berechnet
    livre vendu vendido vendidos entregado venduto venduti ordinato besteld geleverd verkocht
    zamowione sprzedane units of
"""
_VISITS = ("session", "sessione", "sessioni", "sesion", "sessao", "sesja", "sesji", "sessie", "sitzung", "visitid")
_POSITIONS = frozenset({"pos", "position", "positions"})
_UNITS = frozenset(_WORDS_OF_UNITS.split())
_WORDS_OF_STARS = "stars sterne sterren etoiles estrellas estrelas stelle gwiazdki gwiazdek stjerner"
_WORDS_OF_TITLES = "title titel titre titulo titolo tytul titelnr titelnummer titelid タイトル"
_TITLES = frozenset(_WORDS_OF_TITLES.split())
_STARS = frozenset(_WORDS_OF_STARS.split())
_BROUGHT_BACK = (
    "return", "retour", "retoure", "rma", "ruckgabe", "rueckgabe", "rucksend", "ruecksend", "devoluc", "devolv",
    "devuel", "reso", "resi", "zwrot", "zwroc", "retur", "palaut", "vrac", "возврат", "visszaru", "iade",
    "返品", "退货",
)  # fmt: skip
_BROUGHT_BACK_WORDS = frozenset({"resa", "rese"})  # of others the beginning says something else: "reserved"
_BY_CELLS = frozenset({"time", "price", "image", "state", "kind"})
"""Roles whose cells are telling enough for a name of which little is understood."""

# Where a name has words of two roles, the earlier one is what the column holds: a "category name" is a category.
_PRECEDENCE = (
    TEST_WORD, "cancelled", "refunded", "state", "language", "group", "withdrawn", "listed", "time", "stock", "brand",
    "category", "image", "price", "quantity", "rating", "description", "kind", "title",
)  # fmt: skip


def plain_letters(text: str) -> str:
    """Return the text in lower case, its letters without accents."""
    letters = unicodedata.normalize("NFKD", text.lower().translate(_SPECIAL_LETTERS))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_CLASS_OF: dict[str, str] = {}
for _class, _text in WORDS.items():
    for _word in plain_letters(_text).split():
        _CLASS_OF.setdefault(_word, _class)
_CONTAINERS = frozenset(WORDS[CONTAINER_WORD].split())


def without_remark(name: str) -> str:
    """Return the name without what stands in brackets after it: "Categories (x,y,z...)"."""
    return re.sub(r"\s*[(\[（【][^)\]）】]*[)\]）】]?\s*$", "", name) or name


def without_containers(name: str) -> str:
    """Return a path such as "event_properties.product_id" without the parts that only hold others."""
    *outer, last = re.split(r"[./>]", name)
    kept = [part for part in outer if not _CONTAINERS & set(words_of(part))]
    return ".".join([*kept, last])


def words_of(name: str) -> list[str]:
    """Return the words of a name, split at signs and at capitals after small letters."""
    name = _NUMBER_SIGN.sub("číslo ", _ABBREVIATION.sub(_without_points, without_remark(name)))
    name = _SHORTENED.sub(_spelled_out, name)
    parts = _SCRIPTS.sub(" ", re.sub(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Þ])", " ", name))
    return [word for word in re.split(r"[\W_]+", plain_letters(parts)) if word and not word.isdecimal()]


def _without_points(found: re.Match[str]) -> str:
    """Return an abbreviation such as "P.V.P." and "Q.tà" without its points, if that is a known word."""
    word = plain_letters(found[0].replace(".", ""))
    return word if word in _CLASS_OF else found[0]


def _spelled_out(found: re.Match[str]) -> str:
    """Return a known word that "Bez." begins, or the price that "P." is before a word such as "unitario"."""
    word, after = plain_letters(found[1]), plain_letters(found[2] or "")
    classes = _begun_by(word)
    if "price" in classes and len(after) >= _SHORTEST_PART and REGULAR_WORD in _begun_by(after):
        return f"{classes['price']} "
    telling = {each: known for each, known in classes.items() if each not in _HARDLY_SHORTENED}
    is_clear = len(telling) == 1 and len(word) >= _SHORTEST_PART and word not in _CLASS_OF
    return f"{next(iter(telling.values()))} " if is_clear else found[0]


@lru_cache(maxsize=4096)
def _begun_by(beginning: str) -> dict[str, str]:
    """Return a class → a known word of it that begins so."""
    return {found: word for word, found in _CLASS_OF.items() if beginning and word.startswith(beginning)}


def is_ideographic(word: str) -> bool:
    """Whether a word is written in Chinese, Japanese or Korean, where nothing stands between words."""
    return word[:1] >= "\u1100" and not word.isascii()


def parts_of_word(word: str, known: Container[str]) -> list[str] | None:
    """Take a compound such as "kundennummer" apart.

    Args:
        word: The word, in plain letters.
        known: The words that it may consist of.

    Returns:
        Its parts; None if it does not consist of known words. What is unknown in Chinese, Japanese and Korean is a part
        of its own, if anything is known.
    """
    if word in known:
        return [word]
    if is_ideographic(word):
        return _ideographic_parts(word, known)
    for cut in range(len(word) - 2, _SHORTEST_PART - 1, -1):
        first, rest = word[:cut], word[cut:]
        if first not in known or (len(rest) < _SHORTEST_PART and rest not in ("id", "no", "nr", "at")):
            continue
        for linked in (rest, rest.removeprefix("s"), rest.removeprefix("n")):
            tail = parts_of_word(linked, known) if linked else None
            if tail is not None:
                return [first, *tail]
    return None


def _ideographic_parts(word: str, known: Container[str]) -> list[str] | None:
    parts, unknown, at = [], "", 0
    while at < len(word):
        end = next((end for end in range(len(word), at, -1) if word[at:end] in known), at)
        if end > at and unknown:
            parts.append(unknown)
            unknown = ""
        if end > at:
            parts.append(word[at:end])
        else:
            unknown += word[at]
        at = max(end, at + 1)
    return None if not parts else [*parts, unknown] if unknown else parts


def parts_in(word: str) -> list[str]:
    """Return the known words that a word is composed of, or the word itself if it is not."""
    return parts_of_word(word, _CLASS_OF) or [word]


@lru_cache(maxsize=4096)
def _classes(word: str) -> tuple[str | None, ...]:
    """Return the classes of a word, or of the words it is composed of; (None,) for an unknown one."""
    if word in _CLASS_OF:
        return (_CLASS_OF[word],)
    spelled = word.replace("ue", "u").replace("ae", "a").replace("oe", "o")
    for other in (word.removesuffix("s"), word.rstrip("0123456789"), spelled):
        if other in _CLASS_OF:
            return (_CLASS_OF[other],)
    parts = parts_of_word(word, _CLASS_OF)
    return (None,) if parts is None else tuple(_CLASS_OF.get(part) for part in parts)


def classes_of(name: str) -> list[str | None]:
    """Return the class of each word of a name; None for unknown words."""
    if len(name) > _LONGEST_NAME:
        return [None]
    return [each for word in words_of(without_containers(name)) for each in _classes(word)]


def is_excluded(name: str) -> bool:
    """Whether a word says that the column is about something else, such as shipping or taxes."""
    return bool({OTHER_WORD, SUM_WORD} & set(classes_of(name)))


_WORDS_OF_OTHER_DAYS = """
    ship shipping shipped shipto delivery deliver delivered versand lieferung liefer livraison envio shipment expected
    estimated limit start starts end ends until updated modified changed valid birth first last previous before since
    approved approval notify old entrega consegna spedizione dostawy wysylki levering leverans bezorging verzending due
    faellig fallig faelligkeit falligkeit echeance vencimiento vencimento scadenza expiry expires expiration ablauf
    geburt geburts naissance nacimiento nascita nascimento geboorte urodzenia fodelse fodsels
"""
_OTHER_DAYS = frozenset(_WORDS_OF_OTHER_DAYS.split())


def says_other_day(name: str) -> bool:
    """Whether a word of the name says that a day is no day of an event: that of a delivery, a birth, a change."""
    return any(part in _OTHER_DAYS for word in words_of(name) for part in parts_in(word))


_WORDS_OF_DAYS_FIRST = """
    datum zeit zeitpunkt tag fecha data dato dzien giorno dia jour tijd tijdstip hora ora uhrzeit дата paivays tarih
"""
_DAYS_FIRST = frozenset(_WORDS_OF_DAYS_FIRST.split())


def writes_days_first(name: str) -> bool:
    """Whether the name of a column of times has a word of a language that writes days before months."""
    return any(part in _DAYS_FIRST for word in words_of(name) for part in parts_in(word))


_REMARK_AFTER = re.compile(r"\s+[-–—]+\s*|[:!(\[.]\s*")
_MOST_WORDS_OF_REMARKS = 10
_WORDS_OF_TEST_ORDERS = "testbestellung testorder testauftrag testkauf testrechnung proefbestelling testitilaus"
_TEST_ORDERS = frozenset(_WORDS_OF_TEST_ORDERS.split())

_SIZES = (
    ("additional", "secondary", "back", "alt", "alternate", "hover", "gallery", "weitere", "other"),
    ("small", "s", "xs", "thumb", "thumbnail", "tn", "mini", "icon", "preview", "klein", "petite", "vignette"),
    ("medium", "m", "mid", "mittel", "moyenne", "regular"),
    (),
    ("large", "l", "xl", "xxl", "big", "zoom", "full", "original", "orig", "hires", "high", "max", "gross", "grande"),
)  # fmt: skip


_SIZE_WORDS = frozenset(word for sizes in _SIZES for word in sizes)


def image_size(name: str) -> int:
    """Return how large the pictures of a column are by its name: the more the larger, 3 if the name does not tell."""
    words = {part for word in words_of(name) for part in (word, re.sub("(image|picture|pic)$", "", word))}
    return next((rank for rank, sizes in enumerate(_SIZES) if not words.isdisjoint(sizes)), _SIZES.index(()))


def says_returned(name: str) -> bool:
    """Whether a word of a name says that something was brought back: "returned_qty", "RMA", "Retourennummer"."""
    return any(word.startswith(_BROUGHT_BACK) or word in _BROUGHT_BACK_WORDS for word in words_of(name))


def is_act_of_sale(name: str) -> bool:
    """Whether the name says only that something was sold, ordered or delivered."""
    words = words_of(name)
    return bool(words) and _UNITS.issuperset(words)


def names_a_visit(name: str) -> bool:
    """Whether the name is that of a session rather than of who comes."""
    return any(word.startswith(_VISITS) for word in words_of(name))


def tags_in(text: str) -> list[str]:
    """Return the tags in a cell that lists them."""
    return [tag.strip() for tag in re.split(r"[,;|]", text)]


def is_test_tag(tag: str) -> bool:
    """Whether a tag has no other words than those for tests: "test", "Test order".

    After a dash, a colon or in brackets may stand what to do: "Test order - ignore"; and after both words together.
    """
    found = set(classes_of(_REMARK_AFTER.split(tag.strip(" ()[]!*"), maxsplit=1)[0]))
    if TEST_WORD in found <= {TEST_WORD, ORDER_WORD}:
        return True
    words = words_of(tag)
    if not 0 < len(words) <= _MOST_WORDS_OF_REMARKS:
        return False
    first = [set(_classes(word)) for word in words[:2]]
    return words[0] in _TEST_ORDERS or set().union(*first) == {TEST_WORD, ORDER_WORD}


_WORDS_OF_TRAINING = """
    training trainings trainingsbon trainingsmodus trainingsbeleg schulung schulungsbon schulungsmodus ubungsbon ubung
    formation entrenamiento capacitacion addestramento formazione treinamento opleiding szkolenie skoleni skolenie
    koulutus oplaring ovning oktatas egitim обучение тренировка トレーニング 培训 교육
"""
_TRAINING = frozenset(plain_letters(_WORDS_OF_TRAINING).split())
_WORDS_OF_MODES = "mode modus mod bon beleg receipt ticket recu scontrino kvitto kvittering paragon till kasse"
_MODES = frozenset(_WORDS_OF_MODES.split())


def is_training_tag(tag: str) -> bool:
    """Whether a remark says nothing but that a till was in training: "Training", "Mode formation"."""
    words = set(words_of(tag[:60]))
    return bool(words & _TRAINING) and words <= _TRAINING | _MODES


_WORDS_OF_DURATIONS = """
    days tage jours dias giorni dagen dni dnu dny dager dage dagar paivaa paivat nap napok zile gun дней дни нощувки
    hours stunden heures horas ore uren godziny hodin hodiny timer timmar tuntia ora orak saat часов nights nachte
    naechte nuits noches notti noites nachten noce noci netter naetter nattar oita ejszaka nopti gece weeks 泊 日数
"""
_DURATIONS = frozenset(plain_letters(_WORDS_OF_DURATIONS).split())


def says_how_long(name: str) -> bool:
    """Whether a name is that of numbers of days, nights or hours, as rentals have."""
    words = words_of(name)
    return bool(words) and len(words) <= len(["rental", "days"]) and not _DURATIONS.isdisjoint(words)


def has_id_word(name: str) -> bool:
    """Whether the name says that the column holds ids, such as "anime_id"."""
    return ID_WORD in classes_of(name) and words_of(name) != ["n"]  # how many


def names_count(name: str) -> bool:
    """Return whether a name says how many of something there are, so that the cells are no ids: "numberOfFollowers".

    Args:
        name: The name as the file has it.
    """
    said = " ".join(words_of(re.split(r"[./>]", name)[-1]))
    is_quantity = "quantity" in classes_of(name) and not has_id_word(name)
    return is_quantity or bool(_COUNTED.match(said) or _NUMBER_OF.match(said))


def names_price(name: str) -> bool:
    """Return whether a name means a price, so that the cells are no ids."""
    return (role_by_words(name) or ("",))[0] in ("price", "sale_price")


def role_by_words(name: str) -> tuple[str, float] | None:
    """Find the role that the words of a column's name mean.

    Args:
        name: The name as the file has it.

    Returns:
        The role, and a confidence from 0 to 1, lower where unknown words stand beside the known ones; None if no word
        tells, or one says that the column is about something else.
    """
    if " ".join(words_of(name)) in NUMBERS_OF_TAXPAYERS:
        return "user", 0.4
    inner = re.split(r"[./>]", name)[-1]
    if inner != name and _names_whole(inner):
        return role_by_words(inner)  # the "product" of a "price" is a product
    if inner != name and _is_id_of_person(name, inner):
        return "user", 0.5
    classes = classes_of(name)
    known = _telling_classes(name, classes)
    if _COUNTED.match(" ".join(words_of(without_containers(name)))) and PRODUCT_WORD in known:
        return "quantity", 0.7
    if USER_WORD in known and names_count(name):
        return None
    if "quantity" in known and (known & {"refunded", "cancelled"} or says_returned(name)):
        return "returned", 0.7
    if not known or {OTHER_WORD, SUM_WORD} & known:
        return None
    n_unknown = sum(each is None for each in classes)
    confidence = 0.7 if n_unknown == 0 else 0.4 if n_unknown == 1 else 0.0
    if "price" in known:
        return (("sale_price" if SALE_WORD in known else "price"), confidence or 0.25)
    if {"group", USER_WORD} <= known:
        return None
    if {"group", "category"} <= known:  # the "master category" of many products
        known.discard("group")
    if "group" in known and not known & {PRODUCT_WORD, ID_WORD} and classes.count("group") < 2:  # a "parent style"
        known.discard("group")
    if "image" in known and known & {"title", "description", "quantity"}:
        return None
    role = next((each for each in _PRECEDENCE if each in known), None)
    if not confidence:
        return (role, 0.25) if role in _BY_CELLS else None
    if role == "title" and USER_WORD in known:
        return "user", 0.3
    if role == "title" and ORDER_WORD in known and PRODUCT_WORD not in known:
        return None
    if role == "brand" and {PRODUCT_WORD, ID_WORD} <= known:
        return "product", 0.3  # a number that the manufacturer gives
    if role == "title" and ID_WORD in known and not known - {"title", ID_WORD} and _TITLES & set(words_of(name)):
        return "product", 0.5  # the number of a title
    if role == "group" and "title" in known:
        return "category", confidence
    if role is not None:
        return role, confidence
    return _role_of_noun(name, classes, known, confidence)


def _telling_classes(name: str, classes: Sequence[str | None]) -> set[str]:
    """Return the classes of a name without those that other words beside them make meaningless."""
    known = {each for each in classes if each}
    if OF_CODES & set(words_of(name)) and sum(each is None for each in classes) <= 1 and ORDER_WORD not in known:
        known -= {OTHER_WORD}  # a "seller sku" is the product's
    if {ORDER_WORD, PRODUCT_WORD} <= known:  # of "order lines/product/code" the inner part tells
        inner = classes_of(re.split(r"[./>]", name, maxsplit=1)[-1])
        known -= {ORDER_WORD} if PRODUCT_WORD in inner and ORDER_WORD not in inner else set()
    if words_of(name)[:1] in (["pos"], ["position"], ["positions"]) and _of_class(OTHER_WORD, name) <= _POSITIONS:
        known -= {OTHER_WORD} if len(known) > 1 and len(words_of(name)) > 1 else set()  # of an order's line
    if MAIL_WORD in known:
        known -= {OTHER_WORD} if "address" in words_of(name) else set()
    if "price" in known:  # with or without taxes, it is a price
        known -= {OTHER_WORD} if _of_class(OTHER_WORD, name) <= OF_TAXES or SALE_WORD in known else set()
    if "stock" in known:
        known -= {SUM_WORD, "state"}
        known -= {"stock"} if known & {"title", "description", "brand", "category", "image"} else set()
    if "image" in known:
        known -= {OTHER_WORD} if _of_class(OTHER_WORD, name) <= _SIZE_WORDS else set()
    if {"quantity", "rating"} <= known and not _STARS.isdisjoint(words_of(name)):
        known -= {"quantity"}  # a "number of stars" is a rating, a "number of ratings" is none
    if {"stock", PRODUCT_WORD, ID_WORD} <= known:
        known -= {"stock"}  # the code of what is in stock
    if "quantity" in known and _of_class(OTHER_WORD, name) <= _ACTS_OF_SALE:
        known -= {OTHER_WORD}
    return known


def _is_id_of_person(name: str, inner: str) -> bool:
    """Whether a path leads to an unknown id of a person: "reviewer.steamid"."""
    outer, last = set(classes_of(name[: -len(inner)])), words_of(inner)[-1:]
    return USER_WORD in outer <= {USER_WORD, FILLER} and names_unknown_id(last[0] if last else "")


_WORDS_OF_OWNERS = """
    owner author creator besitzer inhaber ersteller autor propietario proprietaire auteur proprietario eigenaar autore
    wlasciciel
"""
_OWNERS = frozenset(_WORDS_OF_OWNERS.split())


def is_id_of_owner(name: str) -> bool:
    """Return whether a path leads to the id of who made or owns the object around it: "owner.id"."""
    whole, _, last = name.rpartition(".")
    outer = words_of(whole.rpartition(".")[2])
    return len(outer) == 1 and outer[0] in _OWNERS and classes_of(last) == [ID_WORD]


def names_unknown_id(word: str) -> bool:
    """Whether the word is unknown and ends as ids do: "steamid"."""
    return word.endswith("id") and _classes(word) == (None,)


def _names_whole(name: str) -> bool:
    """Whether a name means a product or an address of mail, and nothing else."""
    found = set(classes_of(name)) - {FILLER}
    return found == {MAIL_WORD} or (PRODUCT_WORD in found and found <= {PRODUCT_WORD, ID_WORD})


def _of_class(word_class: str, name: str) -> set[str]:
    """Return the words of a name that are of one class alone."""
    return {word for word in words_of(name) if _classes(word) == (word_class,)}


def _role_of_noun(
    name: str, classes: Sequence[str | None], known: set[str], confidence: float
) -> tuple[str, float] | None:
    """Return the role of a name of nouns and words for ids alone.

    Args:
        name: The name.
        classes: Class of each word.
        known: The known ones.
        confidence: What it is given if it is clear.
    """
    if MAIL_WORD in known:
        return "user", 0.5
    if None in classes:
        if known == {ORDER_WORD, ID_WORD} and classes.count(None) == 1:  # an "amazon order id"
            return "invoice", 0.35
        return ("product", 0.35) if OF_CODES & set(words_of(name)) and ORDER_WORD not in known else None
    has_id = ID_WORD in known
    if TYPE_WORD in known:
        return ("category", 0.5) if PRODUCT_WORD in known else ("kind", 0.4) if ORDER_WORD in known else None
    if USER_WORD in known:
        return "user", confidence if has_id else 0.5
    if PRODUCT_WORD in known and ORDER_WORD not in known:
        return "product", confidence if has_id else 0.5
    if ORDER_WORD in known and PRODUCT_WORD not in known:
        return "invoice", confidence if has_id else 0.5
    return None
