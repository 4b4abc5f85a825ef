"""Files that are written for others: to a path, or behind a URL such as s3://BUCKET/KEY."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from src.core.remote_files import is_url, label_of, put_file
from src.core.settings import Settings


@contextmanager
def delivered(settings: Settings, target: str, asked_by: str) -> Iterator[Path]:
    """Give the path to write to inside a `with` block; a URL gets the whole file at its end.

    What is begun for a URL stays in AISLE_VAR/outgoing until it was sent, so that an interrupted batch goes on.

    Args:
        settings: The folder.
        target: A path or a URL.
        asked_by: The option that names it.

    Yields:
        The path.

    Raises:
        ConfigError: The driver of the URL is not installed.
        AisleError: The place does not take the file.
    """
    if not is_url(target):
        yield Path(target)
        return
    name = PurePosixPath(urlsplit(target).path).name
    file = settings.var / "outgoing" / f"{blake2b(label_of(target).encode(), digest_size=4).hexdigest()}-{name}"
    file.parent.mkdir(parents=True, exist_ok=True)
    yield file
    put_file(file, target, asked_by)
    file.unlink()
