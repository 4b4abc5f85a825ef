"""Find columns by their cells alone: users, products, titles and flags that no name tells. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from src.ingestion.column_names import (
    BRAND,
    CATEGORY,
    CLOCK,
    DESCRIPTION,
    GROUP,
    IMAGE,
    INVOICE,
    KIND,
    LISTED,
    PRICE,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    STATE,
    STOCK,
    TEST,
    TIME,
    TITLE,
    USER,
    VALUE,
    describes_product,
)
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_roles import find_code, find_product_by_look, find_user_by_look
from src.ingestion.column_vocabulary import PRODUCT_WORD
from src.ingestion.column_words import (
    classes_of,
    has_id_word,
    is_excluded,
    is_id_of_owner,
    is_test_tag,
    is_training_tag,
    plain_letters,
    role_by_words,
    tags_in,
    words_of,
)
from src.ingestion.layout_choice import GivenColumns
from src.ingestion.line_items import find_items
from src.ingestion.order_states import is_kept_back
from src.ingestion.rating_scales import is_ranking
from src.ingestion.role_columns import RoleColumn, Roles, free_columns
from src.ingestion.worded_ratings import are_votes, is_scale_of_words, thumb_of

LOOK = 0.25
"""Confidence in a column that was found by its cells alone."""
_OF_REMARKS = 0.2  # share of rows with a remark on something unusual
_SAID = 0.9  # confidence in numbers that can hardly be anything else
SURE_PRODUCT = 0.65
"""Confidence in a product's column, from which no other one is looked for."""
_NO_ITEMS = (USER, TIME, CLOCK, STATE, KIND, QUANTITY)
"""Roles whose cells may be written like items with their numbers, and are none."""
_LOG_REPEATS = 0.2  # share of rows whose product stands in an earlier row, in a file with times that is no catalogue
_WORDS_OF_PHONES = """
    phone telephone telefon telefono telefone telefoon telefonnummer telefoonnummer telephonenumber phonenumber mobile
    mobil handy gsm tel puhelin telefonszam телефон 电话 手机 電話 電話番号 携帯 전화 전화번호 휴대폰 telpon hp
"""
_PHONES = frozenset(plain_letters(_WORDS_OF_PHONES).split())
_MOSTLY = 0.9
_SHORTEST_PHONE, _FEWEST_PHONES = 6, 3
LONGEST_FLAG = 3  # letters of "yes" and "non", which may say anything of a product


def find_by_look(roles: Roles, profiles: Sequence[ColumnProfile], given: GivenColumns) -> set[str]:
    """Add users and products that no name tells to the roles.

    Args:
        roles: Role → its possible columns, best first; changed.
        profiles: One a column.
        given: Roles that options give a column, and those that they rule out.

    Returns:
        The roles that were found so.
    """
    found, ignored, settled = set(), given.ignored, {*given.columns, *given.ignored}

    def taken() -> set[int]:
        return {column.at for columns in roles.values() for column in columns}

    is_dated = TIME in {*roles, *ignored}
    if USER not in {*roles, *ignored} and is_dated and (at := _by_phone(profiles, taken())) is not None:
        roles[USER] = [RoleColumn(at, LOOK, False, profiles[at].filled)]
        found.add(USER)
    if {USER, PRODUCT}.isdisjoint({*roles, *ignored}) and is_dated and (at := _by_owner(roles, profiles)) is not None:
        roles[USER] = [RoleColumn(at, LOOK, False, profiles[at].filled)]
        found.add(USER)
    if USER in roles and PRODUCT not in settled and (at := _find_items_column(roles, profiles)) is not None:
        free_columns(roles, [at])
        roles[PRODUCT] = [RoleColumn(at, 1.0, False, profiles[at].filled)]
        found.add(PRODUCT)
    if PRODUCT not in roles and PRODUCT not in settled and _describes_catalogue(roles):
        at = find_code(profiles, taken())
        if at is not None:
            roles[PRODUCT] = [RoleColumn(at, LOOK, False, profiles[at].filled)]
            found.add(PRODUCT)
    if PRODUCT not in roles and PRODUCT not in settled and USER in roles:
        at = find_product_by_look(profiles, taken(), roles[USER][0].at)
        if at is None and TITLE in roles and _is_title_of_product(roles, profiles):
            roles[PRODUCT] = [roles[TITLE][0]]  # orders that name products by their titles alone
        elif at is None and GROUP in roles and profiles[roles[GROUP][0].at].repeated > 0.0:
            roles[PRODUCT] = roles[GROUP][:1]  # orders that name the thing and not its variant
        elif at is not None:
            roles[PRODUCT] = [RoleColumn(at, LOOK, False, profiles[at].filled)]
        found |= {PRODUCT} & roles.keys()
    if USER in roles and PRODUCT not in settled and (at := _code_of_titles(roles, profiles, taken())) is not None:
        others = [column for column in roles[PRODUCT] if column.at != at]
        roles[PRODUCT] = [RoleColumn(at, LOOK, False, profiles[at].filled), *others]
        found.add(PRODUCT)
    if USER not in roles and USER not in ignored and PRODUCT in roles and _may_be_a_log(roles, profiles, ignored):
        at = find_user_by_look(profiles, taken())
        if at is not None:
            roles[USER] = [RoleColumn(at, LOOK, False, profiles[at].filled)]
            found.add(USER)
    return found | _add_votes_or_ranks(roles, profiles, ignored, taken())


def _by_phone(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> int | None:
    """Return the free column of telephone numbers that come again, by which a shop knows who orders; None if none."""
    for at, profile in enumerate(profiles):
        is_number = profile.share(lambda cell: sum(map(str.isdigit, cell)) >= _SHORTEST_PHONE) >= 0.9
        comes_again = profile.n_distinct >= _FEWEST_PHONES and profile.repeated > 0.0 and profile.filled >= 0.5
        if at not in taken and is_number and comes_again and not _PHONES.isdisjoint(words_of(profile.meaning)):
            return at
    return None


def _by_owner(roles: Roles, profiles: Sequence[ColumnProfile]) -> int | None:
    """Return the ids of those who own what the rows are taken from, such as lists of songs; None if none come again."""
    owners = [at for at, profile in enumerate(profiles) if is_id_of_owner(profile.name)]
    owners = [at for at in owners if profiles[at].filled >= _MOSTLY and profiles[at].repeated > 0.0]
    return owners[0] if len(owners) == 1 and not _describes_catalogue(roles) else None


def tests_by_look(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> Roles:
    """Find the column whose cells call some orders tests, alone or among other tags.

    Args:
        profiles: One a column.
        taken: Positions of columns with another role.

    Returns:
        The role with its column; nothing if there is none.
    """
    for at, profile in enumerate(profiles):
        n_tests = sum(any(map(is_test_tag, tags_in(cell))) for cell in profile.cells)
        if not n_tests and profile.filled < _OF_REMARKS:  # a category "Training" stands in more rows, or beside others
            n_tests = sum(map(is_training_tag, profile.cells))
        if at not in taken and 0 < n_tests < 0.5 * profile.n_rows and profile.n_rows >= MANY:
            return {TEST: [RoleColumn(at, LOOK, False, profile.filled)]}
    return {}


_CATALOGUE = frozenset({PRICE, STOCK, BRAND, CATEGORY, IMAGE, DESCRIPTION})


def _add_votes_or_ranks(
    roles: Roles, profiles: Sequence[ColumnProfile], ignored: Collection[str], taken: Collection[int]
) -> set[str]:
    """Add ratings that no name tells to the roles, where nothing else tells what a user did; return what was added."""
    if not {USER, PRODUCT} <= roles.keys() or {VALUE, KIND, QUANTITY, INVOICE, PURCHASED} & {*roles, *ignored}:
        return set()
    at = _votes_or_ranks(profiles, taken, roles[USER][0].at)
    if at is None:
        return set()
    roles[VALUE] = [RoleColumn(at, _SAID, False, profiles[at].filled)]
    return {VALUE}


def _votes_or_ranks(profiles: Sequence[ColumnProfile], taken: Collection[int], user: int) -> int | None:
    """Return the free column of votes, of worded ratings, or of ranks of which each user gives none twice."""
    for at, profile in enumerate(profiles):
        cells = set(profile.cells)
        if at in taken or len(profile.cells) < MANY:
            continue
        if profile.filled < 1.0 and not (profile.filled >= 0.5 and all(map(thumb_of, cells))):
            continue
        if are_votes(profile.name, cells) or (is_scale_of_words(cells) and not is_excluded(profile.meaning)):
            return at
        if profile.numbers < 1.0:
            continue
        if {"-1", "1"} <= cells <= {"-1", "0", "1"} and not is_excluded(profile.meaning):
            return at
        pairs = set(zip(profiles[user].cells, profile.cells, strict=False))
        if is_ranking(profile.name) and "1" in cells and profile.integers == 1.0 and len(pairs) == len(profile.cells):
            return at
    return None


def _describes_catalogue(roles: Roles) -> bool:
    """Whether columns describe products: a title or description, and more."""
    named = TITLE if TITLE in roles else DESCRIPTION
    return named in roles and bool(_CATALOGUE - {named} & roles.keys())


def _find_items_column(roles: Roles, profiles: Sequence[ColumnProfile]) -> int | None:
    """Return the column whose cells hold items with quantities and codes, where no other column has the product."""
    fixed = {column.at for role in _NO_ITEMS for column in roles.get(role, ())[:1]}
    sure = PRODUCT in roles and roles[PRODUCT][0].confidence >= SURE_PRODUCT
    if sure and not profiles[roles[PRODUCT][0].at].nested:
        return None
    for at, profile in enumerate(profiles):
        is_free = at not in fixed and profile.filled >= 0.5 and max(profile.integers, profile.clocks) < 0.5
        named = (role_by_words(profile.meaning) or ("",))[0]
        if not is_free or is_excluded(profile.meaning) or named in _NO_ITEMS:
            continue
        if find_items(profile.cells[:MANY]) is not None:
            return at
    return None


def _code_of_titles(roles: Roles, profiles: Sequence[ColumnProfile], taken: Collection[int]) -> int | None:
    """Return the free column of codes of which each stands beside one title, where the product's column has titles."""
    if PRODUCT not in roles:
        return None
    titles = profiles[roles[PRODUCT][0].at]
    others = {column.at for column in roles[PRODUCT][1:]}
    if titles.share(lambda cell: " " in cell) < 0.3 or titles.nested or titles.filled < 1.0:
        return None
    for at, profile in enumerate(profiles):
        if (
            (at in taken and at not in others)
            or profile.filled < 1.0
            or profile.ids < 0.9
            or is_excluded(profile.meaning)
        ):
            continue
        n_pairs = len(set(zip(profile.cells, titles.cells, strict=True)))
        is_named = at in others or has_id_word(profile.meaning)
        is_code = n_pairs == titles.n_distinct > 2 and profile.share(_has_digits) >= 0.9 > profile.numbers
        if (is_named or is_code) and n_pairs == profile.n_distinct and profile.repeated > 0.0:
            return at
    return None


def _has_digits(cell: str) -> bool:
    return any(map(str.isdigit, cell))


def _is_title_of_product(roles: Roles, profiles: Sequence[ColumnProfile]) -> bool:
    """Whether titles are those of products by their name, by what stands beside them, or as each user has several."""
    title, user = profiles[roles[TITLE][0].at], profiles[roles[USER][0].at]
    if describes_product(title.name) or PRODUCT_WORD in classes_of(title.name) or {QUANTITY, INVOICE} & roles.keys():
        return True
    n_pairs = len(set(zip(title.cells, user.cells, strict=False)))
    is_whole = title.filled == user.filled == 1.0 and title.repeated > 0.0
    return VALUE in roles and is_whole and n_pairs > max(title.n_distinct, user.n_distinct)


def _may_be_a_log(roles: Roles, profiles: Sequence[ColumnProfile], ignored: Collection[str]) -> bool:
    """Whether rows look like events although no name tells their user."""
    if KIND in roles:
        return True
    return TIME in {*roles, *ignored} and profiles[roles[PRODUCT][0].at].repeated >= _LOG_REPEATS


def listed_by_look(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> Roles:
    """Find the free column whose words say which products are shown and which are kept back.

    Args:
        profiles: One a column.
        taken: Positions of columns with a role.

    Returns:
        Its role; nothing if there is none.
    """
    return _first_by_look(LISTED, profiles, taken, _tells_listing)


def title_by_look(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> Roles:
    """Find the first free column whose cells are different short texts, several of them of more than one word.

    Args:
        profiles: One a column.
        taken: Positions of columns with a role.

    Returns:
        Its role; nothing if there is none.
    """
    return _first_by_look(TITLE, profiles, taken, _has_titles)


def _first_by_look(
    role: str, profiles: Sequence[ColumnProfile], taken: Collection[int], looks: Callable[[ColumnProfile], bool]
) -> Roles:
    """Return the role with the first free column, nearly full, of this look; nothing if there is none."""
    for at, profile in enumerate(profiles):
        if at not in taken and profile.filled >= 0.9 and not is_excluded(profile.meaning) and looks(profile):
            return {role: [RoleColumn(at, LOOK, False, profile.filled)]}
    return {}


def _tells_listing(profile: ColumnProfile) -> bool:
    meanings = {is_kept_back(cell) for cell in profile.cells if len(cell) > LONGEST_FLAG}
    return profile.is_enumeration and meanings == {True, False} and profile.listings == 1.0


def _has_titles(profile: ColumnProfile) -> bool:
    is_worded = profile.share(lambda cell: " " in cell) >= 0.3 and profile.texts < 0.5
    is_other = max(profile.numbers, profile.money, profile.times, profile.urls) >= 0.5
    return is_worded and not is_other and profile.n_distinct >= 0.8 * len(profile.cells)
