"""Time to the first byte, bytes and first view at slow 4G of every page: python -m bench.first_view [--json FILE].

The pages are those of the shop in AISLE_VAR. Time to the first byte is the median of some requests after a first one,
in this process, with its processor time beside it. The first view is Chromium's first contentful paint with an empty
cache, over a network of 150 ms and 1.6 Mbit/s (slow 4G), and over one of 400 ms and 400 kbit/s (slow 3G of Chromium).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench.screenshots import chromium_path, pages_of, served_shop

_ASKED = 7
_NETWORKS = {
    "slow 4G (150 ms, 1.6 Mbit/s)": (150, 1_600_000 / 8, 750_000 / 8),
    "400 ms, 400 kbit/s": (400, 400_000 / 8, 400_000 / 8),
}
"""Name → (round trip in ms, bytes a second down, up). The first are Lighthouse's figures for slow 4G."""
_HAS_PAINTED = "performance.getEntriesByName('first-contentful-paint').length"
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def first_bytes(client: Any, path: str) -> tuple[float, float]:
    """Ask for a page several times.

    Args:
        client: of the application.
        path: of the page.

    Returns:
        The medians of the time to the first byte and of the processor time, in ms.
    """
    times, used = [], []
    for n in range(_ASKED):
        started, cpu = time.perf_counter(), time.process_time()
        client.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True).close()
        if n:
            times.append(time.perf_counter() - started)
            used.append(time.process_time() - cpu)
    return 1_000 * statistics.median(times), 1_000 * statistics.median(used)


def first_view(browser: Browser, url: str, network: tuple[float, float, float]) -> tuple[float, int]:
    """Load a page with an empty cache.

    Args:
        browser: loads it.
        url: its address.
        network: round trip in ms, bytes a second down and up.

    Returns:
        The first contentful paint in ms, and the bytes that came until it was loaded.
    """
    context = browser.new_context(viewport={"width": 390, "height": 850})
    page = context.new_page()
    tools = context.new_cdp_session(page)
    latency, down, up = network
    tools.send("Network.enable")
    tools.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": latency, "downloadThroughput": down, "uploadThroughput": up},
    )
    received: list[int] = []
    tools.on("Network.loadingFinished", lambda event: received.append(int(event["encodedDataLength"])))
    page.goto(url, wait_until="load")
    page.wait_for_function(_HAS_PAINTED)  # a busy machine paints after the page is loaded
    painted = float(page.evaluate(_PAINTED))
    context.close()
    return painted, sum(received)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="*", help="names of pages")
    arguments = parser.parse_args()
    with served_shop() as (app, address, user, product), sync_playwright() as playwright:
        pages = {
            name: path for name, path in pages_of(user, product).items() if not arguments.only or name in arguments.only
        }
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"])
        rows = {}
        for name, path in pages.items():
            wall, cpu = first_bytes(app.test_client(), path)
            row: dict[str, float] = {"first byte ms": round(wall, 1), "processor ms": round(cpu, 1)}
            for network, its in _NETWORKS.items():
                painted, received = first_view(browser, address + path, its)
                row |= {f"first view ms, {network}": round(painted), "bytes": received}
            rows[name] = row
            print(f"{name:10} {row}", flush=True)
        browser.close()
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
