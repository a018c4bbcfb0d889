"""Base addresses: what may stand before every path, and what may not."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.wire.link import is_base


@pytest.mark.parametrize(
    "text",
    [
        "https://auth.example.com",
        "http://127.0.0.1:8787",
        "http://[::1]:1",
        "http://auth_service:65535",
        "https://a/b/c-d.e~f",
        "https://xn--zo-hka.example",
    ],
)
def test_an_address_that_can_stand_before_a_path(text):
    assert is_base(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "auth.example.com",
        "ftp://auth.example.com",
        "HTTPS://auth.example.com",
        "https://",
        "https://auth.example.com/",
        "https://auth.example.com//b",
        "https://auth.example.com/b/",
        "https://auth.example.com?b",
        "https://auth.example.com#b",
        "https://auth.example.com/%62",
        "https://user@auth.example.com",
        "https://auth.example.com\n",
        "https://auth example.com",
        "https://zoë.example",
        "https://[::1",
        "https://[]",
        "https://auth.example.com:",
        "https://auth.example.com:0",
        "https://auth.example.com:65536",
        "https://auth.example.com:x",
        "https://auth.example.com:٣",
    ],
)
def test_any_other_text(text):
    assert not is_base(text)


@given(st.from_regex(r"https?://[ -~]{0,12}(:[0-9]{0,6})?(/[ -~]{0,8})?", fullmatch=True))
def test_is_read_alike_by_everybody_who_reads_addresses(text):
    if not is_base(text):
        return
    parts = urlsplit(text)
    assert parts.geturl() == text
    assert parts.hostname
    assert (parts.username, parts.password, parts.query, parts.fragment) == (None, None, "", "")
    assert parts.port is None or 0 < parts.port < 65_536
    assert not parts.path.endswith("/")
