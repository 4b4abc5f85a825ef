"""Check the headers of answers once: those that protect browsers are the same on every answer."""

from __future__ import annotations

from gunicorn.http.wsgi import Response
from gunicorn.util import is_hoppish

_MOST_NAMES = 64
_LAST: dict[str, str] = {}
"""Name → the last value that Gunicorn found right and kept as it was; of names that mean nothing to Gunicorn."""


class CheckedResponse(Response):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's response, which matches names and values against expressions: a microsecond for each of them."""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Keep the headers of an answer.

        Args:
            headers: names and values. Raises what Gunicorn raises for one that is wrong.
        """
        for header in headers:
            name, value = header
            last = _LAST.get(name)
            if last is not None and (last == value or (value.isalnum() and value.isascii())):
                self.headers.append(header)
                continue
            if name == "Content-Length" and value.isdigit() and value.isascii():
                self.headers.append(header)
                self.response_length = int(value)
                continue
            n_before = len(self.headers)
            super().process_headers([header])
            means_nothing = name.lower() != "content-length" and not is_hoppish(name)
            if means_nothing and self.headers[n_before:] == [header] and (last or len(_LAST) < _MOST_NAMES):
                _LAST[name] = value
