"""Check the headers of answers once: those that protect browsers are the same on every answer."""

from __future__ import annotations

from gunicorn.http.wsgi import Response

_MOST_NAMES = 64
_LAST: dict[str, str] = {}
"""Name → the last value that Gunicorn found right and kept as it was."""


class CheckedResponse(Response):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's response, which matches names and values against expressions: a microsecond for each of them."""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Keep the headers of an answer.

        Args:
            headers: names and values. Raises what Gunicorn raises for one that is wrong.
        """
        for header in headers:
            name, value = header
            if _LAST.get(name) == value:
                self.headers.append(header)
                continue
            n_before, length = len(self.headers), self.response_length
            super().process_headers([header])
            is_kept = self.headers[n_before:] == [header] and self.response_length == length and not self.upgrade
            if is_kept and (name in _LAST or len(_LAST) < _MOST_NAMES):
                _LAST[name] = value
