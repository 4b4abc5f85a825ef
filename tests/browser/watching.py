"""Console messages and requests of a page during a test."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Page, Request

PICTURE = "https://pictures.example/mug.png"
"""The only address outside that a test hands out."""
_STATUS = re.compile(r"Failed to load resource: the server responded with a status of \d+")


@dataclass
class Watched:
    """Console messages and requests of a page during a test."""

    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self._see(request))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _STATUS.match(message.text):
            self.said.append(message.text)

    def _see(self, request: Request) -> None:
        self.asked.append(request.url)
