"""Files behind URLs, through fsspec: object stores and folders; and what of a URL may be said aloud."""

from __future__ import annotations

import re
from hashlib import blake2b
from pathlib import Path
from typing import Any

from src.core.errors import AisleError, ConfigError

_CONNECT_SECONDS, _READ_SECONDS = 3, 10
_LONGEST_LABEL = 160
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_USER = re.compile(r"^(?:[^/@]*@|[^@]*:.*@)")  # a password may hold a slash that should have been written as %2F


def is_url(text: str) -> bool:
    """Whether a text is a URL rather than a path."""
    return bool(_URL.match(text))


def label_of(url: str, query: str = "") -> str:
    """Return a URL as logs, records and pages show it: without user, password and parameters.

    Args:
        url: The URL; a path is returned as it is.
        query: What is asked for there; "" for nothing.

    Returns:
        The label, equal for equal sources; a long one ends with a checksum.
    """
    if not is_url(url):
        return url
    scheme, _, place = re.split(r"[?#]", url)[0].partition("://")
    place = f"{scheme}://{_USER.sub('', place)}"
    text = f"{place}?query={' '.join(query.split())}" if query else place
    if len(text) <= _LONGEST_LABEL:
        return text
    return f"{text[:_LONGEST_LABEL]}… #{blake2b(text.encode(), digest_size=4).hexdigest()}"


def file_system(url: str, asked_by: str) -> tuple[Any, str]:
    """Return the driver of a URL, made for this process, and the path there.

    Args:
        url: s3://BUCKET/PREFIX, file:///FOLDER, a path, or any other URL that an installed driver of fsspec knows.
        asked_by: The setting or option that names it.

    Returns:
        The file system, and the path without a slash at its end.

    Raises:
        ConfigError: The driver is not installed.
    """
    import fsspec  # imported here: most commands have local files

    try:
        fs, root = fsspec.core.url_to_fs(url, skip_instance_cache=True, **_options(url))
    except ImportError as error:
        raise ConfigError(
            f"{asked_by}: {url.partition(':')[0]} needs a driver ({error}). Expected an installed one: "
            "pip install -r requirements-scale.txt."
        ) from None
    return fs, root.rstrip("/")


def _options(url: str) -> dict[str, Any]:
    """Return the options of a driver: S3 keeps no listings, and gives up soon."""
    if not url.startswith("s3://"):
        return {}
    waits = {"connect_timeout": _CONNECT_SECONDS, "read_timeout": _READ_SECONDS, "retries": {"max_attempts": 1}}
    return {"use_listings_cache": False, "config_kwargs": waits}


def put_file(file: Path, url: str, asked_by: str) -> None:
    """Copy a local file to a URL, whole or not at all.

    Args:
        file: The file.
        url: Where to.
        asked_by: The option that names it.

    Raises:
        ConfigError: The driver is not installed.
        AisleError: The place does not answer, or refuses.
    """
    try:
        fs, path = file_system(url, asked_by)
        fs.put_file(str(file), path)
    except ConfigError:
        raise
    except Exception as error:  # each driver raises errors of its own
        raise unreachable(label_of(url), error, "can be written") from None


def unreachable(label: str, error: Exception, expected: str) -> AisleError:
    """Return the error of a place that does not answer.

    Args:
        label: The place.
        error: What its driver said.
        expected: What it must allow.
    """
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return AisleError(
        f"{label} does not answer as expected ({reason}). Expected an object store or folder that exists and "
        f"{expected}; check the URL and the rights, and run again."
    )
