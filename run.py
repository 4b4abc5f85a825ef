"""Serve over HTTP: `gunicorn run:app`, or python run.py for development.

`--make-keys` creates keys and prints their files; `--hash-key` prints the hash of a key, for a setting.
"""

from __future__ import annotations

from src.core.address_space import require_address_space
from src.core.gc_pause import freeze_imports, pause_for_imports

require_address_space()  # before the libraries are imported
pause_for_imports()

import argparse
import getpass
import signal
import sys
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, run_simple

from app.background.training_process import end_training
from app.routes.request_log import write_logs
from app.security.api_keys import Role, generate_key, hashed_key
from app.tenants import apps_of, create_service, leave_service, start_service
from src.core.errors import AisleError, InputError
from src.core.worker_slots import remove_stale_slots
from src.models.settings import read_settings, settings_of_shops

freeze_imports()

if TYPE_CHECKING:
    from src.workflows.cli import Screen


class _Quiet(WSGIRequestHandler):
    """Logs no requests: its lines contain paths and queries, and the application logs every request itself."""

    def log_request(self, *_: object) -> None:
        pass

    def log_error(self, *_: object) -> None:
        pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--make-keys", action="store_true", help="make the keys for writing and for the admin, and end")
    parser.add_argument(
        "--hash-key", action="store_true", help="read a key from standard input, print its hash for a setting, and end"
    )
    return parser


def _typed_key() -> str:
    """Read a key from standard input, as every process of the machine can read arguments. Raises InputError."""
    typed = getpass.getpass("key: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not (key := typed.strip()) or "," in key:
        raise InputError("no key was read, or one with a comma; expected one line: python run.py --hash-key < FILE")
    return key


def _work(arguments: argparse.Namespace, screen: Screen) -> None:
    if arguments.hash_key:
        print(hashed_key(_typed_key()))
        return
    settings = read_settings()
    if arguments.make_keys:
        for role in (Role.WRITE, Role.ADMIN):
            screen.say(f"the {role} key is in {generate_key(settings.var / 'keys', role)}")
        return
    write_logs(settings)
    remove_stale_slots(settings.metrics_dir)
    server = create_service(settings)
    start_service(server)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        run_simple(settings.host, settings.port, server, threaded=True, request_handler=_Quiet)
    finally:
        leave_service(server)
        for each in settings_of_shops(settings).values() or [settings]:
            end_training(each)


if __name__ == "__main__":
    from src.workflows.cli import run_command  # a Gunicorn worker prints no tables

    sys.exit(run_command(_parser(), _work))

try:
    _settings = read_settings()
    write_logs(_settings)
    app = create_service(_settings)
except AisleError as error:
    # One line instead of the traceback that Gunicorn would show.
    print(f"error: {error}", file=sys.stderr)
    sys.exit(error.exit_code)


def _start_threads() -> None:
    """Start the threads of a worker whose server does not read gunicorn.conf.py, or uses --preload."""
    start_service(app)


for _each in apps_of(app):
    _each.before_request(_start_threads)
