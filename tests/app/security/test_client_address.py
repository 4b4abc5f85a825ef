"""Whose address counts behind proxies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st

from app.security.client_address import client_address, is_within, trusted_networks
from src.core.errors import ConfigError
from src.core.settings import Settings
from src.models.settings import read_settings


def networks(trusted: str) -> Any:
    return trusted_networks(read_settings(trusted_proxies=trusted))


PROXIES = networks("10.0.0.0/8,2001:db8::1")


@pytest.mark.parametrize(
    ("reported", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("10.9.9.9, 203.0.113.9, 10.1.2.3, 10.4.4.4", "203.0.113.9"),
        ("203.0.113.9:41234, 10.1.2.3", "203.0.113.9"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("2001:db8::7, 2001:db8::1", "2001:db8::7"),
        ("10.1.2.3", "10.1.2.3"),
        ("203.0.113.9, unknown", "10.0.0.1"),
        ("", "10.0.0.1"),
        (", , ,", "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(reported: str, client: str) -> None:
    assert client_address("10.0.0.1", reported.split(","), PROXIES) == client


@given(st.text(alphabet="0123456789abcdef.:[], x", max_size=60))
def test_a_client_cannot_choose_its_address(written: str) -> None:
    """What a client writes into the header stands before what the proxy appends."""
    assert client_address("10.0.0.1", f"{written},203.0.113.9".split(","), PROXIES) == "203.0.113.9"


def test_an_address_in_the_other_notation_is_the_same() -> None:
    assert is_within("::ffff:10.1.2.3", PROXIES)
    assert not is_within("::ffff:11.1.2.3", PROXIES)
    assert not is_within("nonsense", PROXIES)


@pytest.mark.parametrize(
    ("peer", "trusted", "proxies", "client", "scheme"),
    [
        ("10.0.0.1", "10.0.0.0/8", 0, "203.0.113.9", "https"),
        ("198.51.100.7", "10.0.0.0/8", 0, "198.51.100.7", "http"),
        ("198.51.100.7", "", 1, "198.51.100.7", "http"),
        ("192.168.1.1", "", 1, "203.0.113.9", "https"),
        ("", "", 1, "203.0.113.9", "https"),
        ("10.0.0.1", "", 0, "10.0.0.1", "http"),
    ],
    ids=["a proxy", "past the proxy", "past the private proxy", "a private proxy", "a socket", "no proxy"],
)
def test_only_proxies_that_are_trusted_speak_for_clients(
    peer: str,
    trusted: str,
    proxies: int,
    client: str,
    scheme: str,
    make_app: Callable[[Settings], Flask],
    settings: Settings,
) -> None:
    app = make_app(settings.model_copy(update={"trusted_proxies": trusted, "proxies": proxies}))
    seen = []
    app.before_request(lambda: seen.append((request.remote_addr, request.scheme)))
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Forwarded-Proto": "https"}
    app.test_client().get("/readyz", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert seen == [(client or None, scheme)]


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ConfigError, match="AISLE_TRUSTED_PROXIES"):
        read_settings(trusted_proxies="10.0.0.0/8,proxy.example")
