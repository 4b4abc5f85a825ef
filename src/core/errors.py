"""Define every error that Aisle raises on purpose.

    AisleError
    ├── InputError          input cannot be used (exit code 2; HTTP 4xx)
    │   ├── UnusableFile    a whole file has nothing usable, or cannot be read
    │   │   └── UnclearLayout   its layout is not clear: an option must give it
    │   ├── ConfigError     a setting is wrong
    │   └── UnknownName     no such model, release or product
    ├── NotReady            something must be done first (HTTP 503)
    │   ├── NoData          the store holds no events
    │   └── NoRelease       no trained release is active
    ├── ReleaseError        a release on disk does not verify, or could not be written
    │   ├── LimitReached    a limit of this process does not allow it: files, memory
    │   └── SharedReleasesAway  the folder or object store that several hosts share does not answer
    ├── StoreError          the database did not answer, or refused
    │   └── StoreAway       there is no connection to it
    └── Busy                another training holds the lock (HTTP 409)

Ended stands beside this tree: SIGTERM as an exception.

A message has three parts: what was found, what was expected, what to do next.
"""


class AisleError(Exception):
    """Base of all errors that are reported as one clear line, without a traceback."""

    exit_code = 1


class InputError(AisleError):
    """Input cannot be used."""

    exit_code = 2


class UnusableFile(InputError):
    """A whole file has nothing usable in it, or cannot be read.

    Attributes:
        found: The first part of the message, a sentence with the file's path.
        expected: The second part, a sentence that may name what to do next; "" where `found` says it all.
    """

    def __init__(self, found: str, expected: str = "") -> None:
        super().__init__(f"{found} {expected}".rstrip())
        self.found, self.expected = found, expected


class UnclearLayout(UnusableFile):
    """The layout of a file is not clear; an option of loading must give it."""


class ConfigError(InputError):
    """A setting is wrong."""


class UnknownName(InputError):
    """No model, release or product has this name."""


class NotReady(AisleError):
    """Something must be done first."""


class NoData(NotReady):
    """The store holds no events to work with."""

    exit_code = 2


class NoRelease(NotReady):
    """No trained release is active."""


class ReleaseError(AisleError):
    """A release on disk does not verify, or could not be written."""


class LimitReached(ReleaseError):
    """A release cannot be read or made, as this process may open no more files or take no more memory."""


class SharedReleasesAway(ReleaseError):
    """The folder or object store of the releases that several hosts share does not answer."""


class ErasuresAway(NotReady):
    """The list of erased people cannot be read or written."""


class StoreError(AisleError):
    """The database did not answer, or refused."""


class StoreAway(StoreError):
    """There is no connection to the database."""


class Busy(AisleError):
    """Another training holds the lock."""


class Ended(BaseException):
    """SIGTERM as an exception, so that unfinished work is cleaned up while it propagates."""
