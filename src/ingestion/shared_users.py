"""Find users that are no persons among the counts of a file's users: guests, staff, a till. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from src.ingestion.column_words import plain_letters, words_of

_NO_PERSONS = """
    passage laufkundschaft laufkunde walk walkin counter comptoir mostrador balcao balcon banco toonbank till kasse
    caisse cassa caja kassa pokladna kasa pos guest guests gast gaste gasten invite ospite ospiti invitado convidado
    gosc host anonymous anonym anonyme anonimo anonimowy anonymni anoniem contado efectivo contanti comptant bar cash
    kontant gotowka hotovost occasionnel occasionale ocasional eventual generico general publico particulier privat
    privatkunde detail dettaglio minorista detaliczny endkunde einmalkunde barkunde diverse divers varios vari various
    misc sonstige staff employee employees mitarbeiter personal personnel personeel personale empleado empleados
    dipendente pracownik zamestnanec funcionario ansatt anstalld medarbejder henkilokunta intern internal interne
    interno training schulung test testkunde demo dummy muster musterkunde ubung formation prova prueba отдел касса
    гость персонал сотрудник розница 散客 スタッフ 社員 直营
"""
_CUSTOMERS = """
    customer customers kunde kunden kundin client clients cliente clientes clienti klant klanten klient klienci kund
    kunder asiakas zakaznik vevo musteri user users benutzer utilisateur usuario utente gebruiker uzytkownik buyer
    kaufer acheteur comprador покупатель клиент 顧客 客户
"""
_BESIDE = """
    in a an the de du del di da ao al of the au en la le el sale sales verkauf vente venta vendita zakaznik shop store
    laden magasin negozio tienda loja winkel sklep amazon ebay google etsy kindle facebook shopify zalando otto
    unknown
"""
_NOBODYS = frozenset(plain_letters(_NO_PERSONS).split())
_GENERIC = frozenset(plain_letters(_CUSTOMERS).split())
_WORDS = _NOBODYS | _GENERIC | frozenset(plain_letters(_BESIDE).split())
_OTHERS = 6  # users beside the one in doubt
_TWICE = 2.0  # times the events of the user in the middle
_MOST_SPACINGS = 20
_CHANCE = 0.001
_FEWEST = 20  # events of one user that chance hardly brings together


def names_no_person(user: str) -> bool:
    """Whether an id is made of words for customers, tills or staff only: "Amazon-Kunde", "PASSAGE", "Cash sale".

    Names of people and numbered words do not count: "Kunde 12" is one customer.
    """
    words = words_of(user[:60])
    is_numbered = any(map(str.isdigit, user))
    return bool(words) and not is_numbered and _WORDS.issuperset(words) and not (_NOBODYS | _GENERIC).isdisjoint(words)


def has_a_shape_of_its_own(user: str, others: Sequence[str]) -> bool:
    """Whether an id looks unlike all others, which look alike: letters among numbers, two words among names.

    Args:
        user: The id.
        others: The others.

    Returns:
        Whether letters, digits and signs follow each other in it as in none of the others.
    """
    shapes = set(map(_shape, others))
    return len(others) >= _OTHERS and len(shapes) == 1 and _shape(user) not in shapes


def chance_of_lead(counts: Sequence[int]) -> float:
    """Return how likely the largest count would lead the second as it does, if it came from where the others come from.

    The upper end of the counts is taken for a Pareto distribution. Then i · ln(x_i / x_(i+1)) of the counts in falling
    order are independent and exponential with one mean (A. Rényi, "On the theory of order statistics", 1953), so that
    P(S_1 > s) = (1 + s / (S_2 + … + S_(k+1)))^-k.

    Args:
        counts: At least 1 each, in falling order.

    Returns:
        From 0 to 1; 1.0 for too few counts.
    """
    k = min(_MOST_SPACINGS, (len(counts) - 2) // 2)
    if len(counts) <= _OTHERS or k < 1:
        return 1.0
    spacings = [at * math.log(counts[at - 1] / counts[at]) for at in range(1, k + 2)]
    rest = sum(spacings[1:])
    if rest == 0.0:
        return 1.0 if spacings[0] == 0.0 else 0.0
    return float((1 + spacings[0] / rest) ** -k)


def shared_user(counts: Counter[str]) -> str | None:
    """Find a user that hardly is one person.

    Args:
        counts: User → events.

    Returns:
        The first user whose id says so; else the one with most events, if its id looks unlike all others or it leads
        the others as no person does; None if there is none.
    """
    ranked = counts.most_common()
    named = next((user for user, _ in ranked if names_no_person(user)), None)
    if named is not None or len(ranked) <= _OTHERS:
        return named
    (user, n), *rest = ranked
    others = [count for _, count in rest]
    is_much = n > others[0] and n >= _TWICE * others[len(others) // 2]
    is_odd = is_much and has_a_shape_of_its_own(user, [other for other, _ in rest])
    is_ahead = n >= _FEWEST and chance_of_lead([n, *others]) < _CHANCE
    return user if is_odd or is_ahead else None


def _shape(user: str) -> str:
    """Return what stands where in an id: "a" for letters, "A" for capitals, "9" for digits, and signs as they are."""
    kinds = re.sub(r"\d+", "9", user)
    return re.sub(r"[^\W\d_]+", lambda found: "A" if found[0].isupper() else "a", kinds)
