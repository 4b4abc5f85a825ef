"""Know columns of a catalogue that say what becomes of each product: new, changed, to be deleted. Pure."""

from __future__ import annotations

from collections.abc import Collection

from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_words import plain_letters, words_of

_WORDS_OF_DELETION = """
    d del delete deleted remove removed x loeschen loschen geloscht geloescht supprimer supprime eliminar eliminado
    elimina eliminato cancella cancellato excluir excluido verwijderen verwijderd usun usuniety usuniete smazat smazano
    vymazat ta_bort slet slett poista torol sil sil sterge удалить удален видалити διαγραφη 削除 删除 삭제
"""
_WORDS_OF_KEEPING = """
    n u a i c m r new update updated upsert add added insert inserted change changed modify modified revise replace neu
    aendern andern geandert anlegen nouveau modifier modifie ajouter nuevo modificar actualizar anadir nuovo modifica
    aggiorna aggiungi novo alterar atualizar nieuw wijzigen gewijzigd toevoegen nowy nowe zmien zmiana dodaj novy
    upravit zmenit pridat ny andra lagg_till opdater endre uusi muuta uj modosit yeni guncelle nou modifica новый
    изменить добавить обновить новий 新規 変更 更新 登録 新增 修改 신규 수정 등록 keep none
"""
_DELETION = frozenset(plain_letters(_WORDS_OF_DELETION).split())
_KEEPING = frozenset(plain_letters(_WORDS_OF_KEEPING).split())
_WORDS_OF_NAMES = """
    control コントロール コントロールカラム
    action aktion operation op mode modus modo crud update change delete loesch losch
    loeschkennzeichen loschkennzeichen kennzeichen statusflag flag command cmd kommando operacja operacion operazione
    operacao azione accion acao bewerking zmiana operace 操作 処理 区分 処理区分 작업
"""
_NAMES = frozenset(plain_letters(_WORDS_OF_NAMES).split())


def is_control(profile: ColumnProfile) -> bool:
    """Return whether all cells are words for deleting and changing, and its name says it where they are letters.

    Args:
        profile: A column of a catalogue.
    """
    words = {plain_letters(cell) for cell in set(profile.cells)}
    is_known = words <= _DELETION | _KEEPING and bool(words & _DELETION) and bool(words & _KEEPING)
    if not is_known or len(profile.cells) < MANY:
        return False
    return any(len(word) > 1 and word.isalpha() for word in words & _DELETION) or not _NAMES.isdisjoint(
        words_of(profile.name)
    )


def meanings_of_control(cells: Collection[str]) -> dict[str, str]:
    """Return which products are hidden by each word: those that are to be deleted.

    Args:
        cells: Of such a column.

    Returns:
        Word in lower case → "hidden" or "shown".
    """
    return {cell.lower(): "hidden" if plain_letters(cell) in _DELETION else "shown" for cell in set(cells) if cell}
