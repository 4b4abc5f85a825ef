"""A folder or an object store that several hosts share, through fsspec, asked by processes that may fork."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from fsspec.implementations.local import LocalFileSystem

from src.core.errors import AisleError
from src.core.remote_files import file_system

_ATTEMPTS = 2

Result = TypeVar("Result")


class SharedFolder:
    """What several hosts share at one URL.

    Args:
        url: s3://BUCKET/PREFIX, file:///FOLDER, a path, or any other URL that an installed driver of fsspec knows.
        away: Makes the error of a place that does not answer, of its reason.
    """

    def __init__(self, url: str, away: Callable[[str], AisleError]) -> None:
        self._url, self._away = url, away
        self._opened: tuple[int, Any, str] | None = None

    def ask(self, question: Callable[[Any, str], Result]) -> Result:
        """Return what a question to the file system and the path there gives.

        Args:
            question: It gets the driver and the path.

        Raises:
            AisleError: What the question raised of these; of a failure of any driver, what `away` makes.
        """
        try:
            _, fs, root = self._open()
            return question(fs, root)
        except AisleError:
            raise
        except Exception as error:  # each driver raises errors of its own
            raise self._away((str(error).strip() or type(error).__name__).splitlines()[0]) from None

    def _open(self) -> tuple[int, Any, str]:
        """Return the driver of this process: its threads do not survive a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            fs, root = file_system(self._url, "AISLE_RELEASES_URL")
            fs.retries = _ATTEMPTS
            self._opened = (os.getpid(), fs, root)
        _, fs, root = self._opened
        if _is_local(fs) and not os.path.isdir(root):
            raise OSError(f"there is no folder {root}")  # not mounted: what is written there would be lost
        return self._opened


def create(fs: Any, path: str, content: bytes) -> bool:
    """Create a file only if there is none, and return whether it was created.

    For a folder fsspec would look first and then write, which is two steps.

    Args:
        fs: The driver.
        path: The file.
        content: What it holds.

    Returns:
        Whether it was created.
    """
    try:
        if _is_local(fs):
            with open(path, "xb") as file:
                file.write(content)
        else:
            fs.pipe_file(path, content, mode="create")
    except OSError as error:
        if isinstance(error, FileExistsError) or error.errno == errno.EINVAL:  # what s3fs makes of 412
            return False
        raise
    return True


def put(fs: Any, path: str, content: bytes) -> None:
    """Write a file whole or not at all, readable by this user only; on disk when this returns.

    Args:
        fs: The driver.
        path: The file; one that is there is replaced.
        content: What it holds.
    """
    if not _is_local(fs):
        fs.pipe_file(path, content)
        return
    folder, _, name = path.rpartition("/")
    draft = f"{folder}/.{name}-{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(draft, path)


def make_folder(fs: Any, folder: str) -> None:
    """Make a folder where there are such; an object store has none, and would be asked for a bucket.

    Args:
        fs: The driver.
        folder: The folder.
    """
    if _is_local(fs):
        fs.makedirs(folder, exist_ok=True)


def listed(fs: Any, folder: str) -> list[str]:
    """Return the paths of what is in a folder.

    Args:
        fs: The driver.
        folder: The folder.

    Returns:
        Paths; none if there is no such folder.
    """
    try:
        found: list[str] = fs.ls(folder, detail=False)
    except FileNotFoundError:
        return []
    return found


def _is_local(fs: Any) -> bool:
    return isinstance(fs, LocalFileSystem)
