"""Load files of ratings, purchases, events or products into the store: python data_processing.py [FILE …]."""

from __future__ import annotations

from src.core.address_space import require_address_space
from src.core.gc_pause import freeze_imports, pause_for_imports

require_address_space()  # before the libraries are imported
pause_for_imports()

import argparse
import sys
from pathlib import Path

from src.core.domain import EventKind
from src.core.errors import InputError
from src.core.remote_files import label_of
from src.ingestion.given_words import MEANINGS, parse_words
from src.ingestion.id_matching import IdMapping
from src.ingestion.layout import LAYOUTS, Hints, parse_columns
from src.ingestion.rating_scales import parse_scale
from src.models.settings import read_settings
from src.store import open_store
from src.workflows.cli import Screen, run_command
from src.workflows.delivery import delivered
from src.workflows.erase import erase
from src.workflows.explore import explore_store
from src.workflows.export import DEFAULT_EXPORT, export, export_served, input_files
from src.workflows.id_comparison import mapping_from
from src.workflows.ingest import load_files
from src.workflows.preview import preview_files, preview_source
from src.workflows.saved_mappings import hints_for, save_mapping
from src.workflows.sources import Source, source_of
from src.workflows.store_backup import back_up_store, restore_store
from src.workflows.watermarks import Since
from src.workflows.withdraw import withdraw

freeze_imports()

_KINDS = [kind.value for kind in EventKind if kind not in (EventKind.RATING, EventKind.RETURN)]


def _parser() -> argparse.ArgumentParser:
    layouts = "\n".join(f"  {name:<10} {what}" for name, what in LAYOUTS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"layouts, detected from the file unless --layout names one:\n{layouts}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE",
        help="a file, a folder of parquet parts, s3://BUCKET/KEY, or 'postgresql://USER@HOST/DB?query=SELECT …' "
        "(default: the files in data/ and data/raw/)",
    )  # fmt: skip
    reading = parser.add_argument_group("how to read the files, where that cannot be detected")
    reading.add_argument("--layout", choices=LAYOUTS, metavar="NAME", help="one of those below")
    reading.add_argument(
        "--columns", metavar="ROLE=COLUMN,…", default="",
        help="columns by their names or numbers: user=customer,product=sku,time=4; `title=` for none",
    )  # fmt: skip
    reading.add_argument("--kind", choices=_KINDS, help="the kind of rows that do not name one (default: purchase)")
    reading.add_argument(
        "--dates", choices=("day-first", "month-first"), help="whether 3/4/2020 is in April or in March"
    )
    reading.add_argument("--separator", metavar="TEXT", help="the text between fields")
    reading.add_argument("--encoding", help="of the text, such as cp1252")
    reading.add_argument("--decimal", choices=("comma", "point"), help="the decimal sign, where 1.500 may be either")
    reading.add_argument("--language", metavar="NAME", help="the language of a catalogue that has several")
    reading.add_argument(
        "--words", metavar="WORD=MEANING,…", default="",
        help=f"what words of the file mean, out of {', '.join(MEANINGS)}: 1=view,2=cart",
    )  # fmt: skip
    reading.add_argument("--scale", metavar="WORST-BEST", help="the worst and best rating of the file: 1-10; 6-1")
    reading.add_argument("--cents", action="store_true", help="prices are in cents")
    growing = parser.add_argument_group("sources that grow, such as a warehouse: only what is new")
    growing.add_argument(
        "--since", metavar="COLUMN", help="load rows from the highest value of this column (a time or number) on "
        "that the last load of the same source saw"
    )  # fmt: skip
    growing.add_argument(
        "--late", metavar="TIME", help="how far before it rows are read again, as some come late: 2d, 6h (default: 1d) "
        "or a number"
    )  # fmt: skip
    growing.add_argument("--from-start", action="store_true", help="read everything once more, and go on from there")
    ids = reading.add_mutually_exclusive_group()
    ids.add_argument("--ids", choices=("strip-zeros",), help="take zeros at the beginning of product ids away")
    ids.add_argument(
        "--ids-from", type=Path, metavar="FILE",
        help="give products the ids of this catalogue, or of this table of several ids of each product",
    )  # fmt: skip
    reading.add_argument(
        "--save-mapping", metavar="NAME", help="keep this reading for all files whose names differ in digits only"
    )
    reading.add_argument("--no-mapping", action="store_true", help="read the file without a saved mapping")
    reading.add_argument(
        "--keep-earlier", action="store_true", help="keep what the same file stored when it was read otherwise"
    )
    parser.add_argument("--preview", action="store_true", help="show how the files would be read, and store nothing")
    parser.add_argument("--rows", type=int, default=10, metavar="N", help="rows that --preview shows (default: 10)")
    parser.add_argument(
        "--export", nargs="?", const=str(DEFAULT_EXPORT), metavar="FILE",
        help=f"write the cleaned table, as Parquet if the name ends so, also to s3://BUCKET/KEY ({DEFAULT_EXPORT} when "
        "no name is given)",
    )  # fmt: skip
    parser.add_argument(
        "--export-served", metavar="FILE.parquet",
        help="write the lists that were served and what followed them; also to s3://BUCKET/KEY.parquet",
    )  # fmt: skip
    parser.add_argument(
        "--explore", nargs="?", type=Path, const=Path(), metavar="FILE.html",
        help="write a report on what the store holds (reports/exploration.html in AISLE_VAR when no name is given)",
    )  # fmt: skip
    parser.add_argument("--backup", type=Path, metavar="FILE", help="copy the store to a file, also while it is served")
    parser.add_argument(
        "--restore-backup",
        type=Path,
        metavar="FILE",
        help="replace what the store holds by a backup, also while it is served",
    )
    parser.add_argument("--erase", nargs="+", metavar="ID", help="erase everything about these users")
    parser.add_argument("--withdraw", nargs="+", metavar="ID", help="never list these products again")
    parser.add_argument("--restore", nargs="+", metavar="ID", help="list withdrawn products again")
    return parser


def _hints(arguments: argparse.Namespace) -> Hints:
    return Hints(
        layout=arguments.layout,
        columns=parse_columns(arguments.columns),
        kind=EventKind(arguments.kind) if arguments.kind else None,
        day_first=None if arguments.dates is None else arguments.dates == "day-first",
        encoding=arguments.encoding,
        separator=arguments.separator,
        decimal={"comma": ",", "point": ".", None: None}[arguments.decimal],
        language=arguments.language,
        ids=_ids(arguments),
        mapping=not arguments.no_mapping,
        words=parse_words(arguments.words),
        scale=parse_scale(arguments.scale) if arguments.scale else None,
        cents=arguments.cents,
        keep_earlier=arguments.keep_earlier,
    )


def _since(arguments: argparse.Namespace) -> Since | None:
    if arguments.since is not None:
        return Since(arguments.since, arguments.late, arguments.from_start)
    if arguments.late is not None or arguments.from_start:
        raise InputError("--late and --from-start belong to --since COLUMN: name the column that tells what is new")
    return None


def _ids(arguments: argparse.Namespace) -> IdMapping | None:
    if arguments.ids_from is not None:
        return mapping_from(arguments.ids_from)
    return IdMapping() if arguments.ids else None


def _work(arguments: argparse.Namespace, screen: Screen) -> None:
    settings = read_settings()
    hints = _hints(arguments)
    if arguments.restore_backup:
        again = restore_store(settings, arguments.restore_backup)
        screen.say(f"the store holds what {arguments.restore_backup} holds")
        if again:
            screen.say(f"{again} people who had been erased after it was made were erased again")
    if arguments.backup:
        back_up_store(settings, arguments.backup)
        screen.say(f"the store was copied to {arguments.backup}")
    named = [source_of(name) for name in arguments.files]
    files = [path for path in named if isinstance(path, Path)]
    if arguments.preview:
        files = files or ([] if named else input_files(settings))
        mapped = [(path, hints_for(settings, path, hints)[0]) for path in files]
        for line in preview_files(settings, mapped, arguments.rows):
            screen.say(line)
        for source in named:
            if isinstance(source, Source):
                for line in preview_source(settings, source, arguments.rows, hints):
                    screen.say(line)
        return
    if arguments.save_mapping:
        if len(files) != 1 or len(named) != 1:
            raise InputError(
                "--save-mapping: expected one file, whose reading is kept; name it (with --since the reading of a "
                "source is kept by itself)"
            )
        saved = save_mapping(settings, arguments.save_mapping, files[0], hints)
        screen.say(f"the mapping was saved to {saved}")
    others = ("explore", "export", "export_served", "withdraw", "restore", "backup", "restore_backup", "erase")
    loads = bool(arguments.files) or all(getattr(arguments, name) is None for name in others)
    store = open_store(settings.store_url, loading=loads, wait_seconds=settings.database_wait)
    if loads:
        for line in load_files(settings, store, named, screen, hints, _since(arguments)):
            screen.say(line)
    for user_id in arguments.erase or ():
        erased = erase(settings, store, user_id, "command")
        screen.say(
            f"{erased.events:,} events of {user_id} erased; releases that were trained with them: "
            f"{', '.join(erased.releases) or 'none'}"
        )
    for ids, withdrawn in ((arguments.withdraw, True), (arguments.restore, False)):
        if ids:
            screen.say(f"{withdraw(store, ids, withdrawn)} products {'withdrawn' if withdrawn else 'restored'}")
    if arguments.export is not None:
        with delivered(settings, arguments.export, "--export") as path:
            n_events = export(settings, store, path)
        screen.say(f"{n_events:,} events written to {label_of(arguments.export)}")
    if arguments.export_served is not None:
        with delivered(settings, arguments.export_served, "--export-served") as path:
            n_places = export_served(store, path)
        screen.say(f"{n_places:,} places of lists written to {label_of(arguments.export_served)}")
    if arguments.explore is not None:
        path = settings.reports_dir / "exploration.html" if arguments.explore == Path() else arguments.explore
        screen.say(f"report written to {explore_store(settings, store, path, screen)}")
    if not loads and arguments.explore is not None:
        return  # the report has these totals, and counting them takes long
    total = store.summary()
    screen.say(f"the store holds {total.n_events:,} events of {total.n_users:,} users on {total.n_products:,} products")


if __name__ == "__main__":
    sys.exit(run_command(_parser(), _work))
