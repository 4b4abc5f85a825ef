"""How long PostgreSQL and this process wait for each other when a host or the network is gone without a word.

By default a system takes two hours to notice an idle connection whose other end has vanished. So long the database
would keep the leader's lock, the writers' lock and the locks of rows for a host that no longer exists.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL

IDLE_SECONDS, EVERY_SECONDS, PROBES = 5, 3, 3
"""A silent other end is asked after the first, then each of the second, and is gone after so many without an answer."""
GONE_SECONDS = IDLE_SECONDS + EVERY_SECONDS * PROBES

_SERVER = {
    "tcp_keepalives_idle": IDLE_SECONDS,
    "tcp_keepalives_interval": EVERY_SECONDS,
    "tcp_keepalives_count": PROBES,
    "tcp_user_timeout": 1_000 * GONE_SECONDS,
}


def network_arguments(url: URL, connect_seconds: int) -> dict[str, Any]:
    """Return arguments of psycopg by which both ends notice within GONE_SECONDS that the other one is gone.

    Args:
        url: The URL of the database; what it says itself is kept.
        connect_seconds: Until a connection must be made.

    Returns:
        Arguments of a connection.
    """
    wanted = {
        "connect_timeout": connect_seconds,
        "keepalives_idle": IDLE_SECONDS,
        "keepalives_interval": EVERY_SECONDS,
        "keepalives_count": PROBES,
        "tcp_user_timeout": 1_000 * GONE_SECONDS,
    }
    given = url.query.get("options", "")
    said = given if isinstance(given, str) else " ".join(given)
    options = [f"-c {name}={value}" for name, value in _SERVER.items()]
    kept = {name: value for name, value in wanted.items() if name not in url.query}
    return {**kept, "options": " ".join([*options, said]).strip()}
