"""
Rules of callback addresses: what an origin may name, and what its allow-list covers.

Every refusal here is one that somebody once forgot. The oracle at the end takes addresses apart
with its own few lines and no `urllib`.
"""

import re
import socket
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from counterseal.errors import CallbackForbidden, InvalidField
from counterseal.models import Origin, entry_addresses, guid
from counterseal.policy import STANDARD
from counterseal.tenancy.rules.addresses import (
    allow_list,
    callback_allowed,
    entry_fits,
    require_wildcards,
)

BASE = "https://shop.example.com/cb"


def allows(url, *entries):
    meant = [one for entry in entries for one in entry_addresses(entry, plain_http=False)]
    try:
        callback_allowed(url, meant)
    except CallbackForbidden:
        return False
    return True


def fits(entry):
    try:
        entry_fits(entry, field="callbackUrl")
    except InvalidField as refusal:
        assert refusal.field == "callbackUrl"
        return False
    return True


class TestAnAddress:
    @pytest.mark.parametrize(
        ("entry", "url"),
        [
            (BASE, BASE),
            ("https://shop.example.com", "https://shop.example.com"),
            ("https://shop.example.com", "https://shop.example.com/"),
            ("https://shop.example.com/", "https://shop.example.com"),
            ("https://shop.example.com/a/b/", "https://shop.example.com/a/b/"),
            ("https://shop.example.com/a?x=1&y=2", "https://shop.example.com/a?x=1&y=2"),
            ("https://shop.example.com/a;b=c", "https://shop.example.com/a;b=c"),
            ("https://shop.example.com/%C3%BC%20x", "https://shop.example.com/%C3%BC%20x"),
            ("https://shop.example.com:8443/cb", "https://shop.example.com:8443/cb"),
            ("https://shop.example.com:443/cb", BASE),
            (BASE, "https://shop.example.com:443/cb"),
            ("https://Shop.Example.com/cb", BASE),
            (BASE, "HTTPS://SHOP.example.COM/cb"),
            ("https://xn--mnchen-3ya.example/cb", "https://xn--mnchen-3ya.example/cb"),
            ("https://[2001:db8::1]/cb", "https://[2001:db8::1]/cb"),
            ("https://[2001:db8::1]:8443/cb", "https://[2001:DB8::1]:8443/cb"),
            ("https://127.0.0.1/cb", "https://127.0.0.1/cb"),  # where it leads is for the sender
            ("http://localhost:8080/cb", "http://localhost:8080/cb"),
            ("http://localhost:80/cb", "http://localhost/cb"),
            ("http://localhost/cb", "http://localhost:80/cb"),
        ],
    )
    def test_that_an_entry_names_is_allowed(self, entry, url):
        assert fits(entry)
        assert allows(url, entry)
        assert allows(url, "https://other.example.com/", entry)

    @pytest.mark.parametrize(
        ("entry", "url"),
        [
            ("shop.example.com/cb", BASE),
            ("shop.example.com", "https://shop.example.com/"),
            ("shop.example.com:8443/cb", "https://shop.example.com:8443/cb"),
            (
                "auth.example.com/api/{*}/mfa/callback",
                "https://auth.example.com/api/g/mfa/callback",
            ),
        ],
    )
    def test_that_an_entry_without_a_scheme_names_is_allowed_over_https(self, entry, url):
        assert fits(entry)
        assert allows(url, entry)
        assert not allows(url.replace("https:", "http:"), entry)

    @pytest.mark.parametrize(
        "url",
        [
            "https://shop.example.com/CB",
            "https://shop.example.com/cb/",
            "https://shop.example.com/cb/x",
            "https://shop.example.com//cb",
            "https://shop.example.com/c",
            "https://shop.example.com/",
            "https://shop.example.com",
            "https://shop.example.com/cb?x=1",
            "https://shop.example.com/%63b",
            "https://shop.example.com:8443/cb",
            "https://shop.example.com:80/cb",
            "http://shop.example.com/cb",
            "http://shop.example.com:443/cb",
            "https://example.com/cb",
            "https://evil.shop.example.com/cb",
            "https://shop.example.com.evil.com/cb",
            "https://shop.example.comevil/cb",
            "https://evil.com/shop.example.com/cb",
        ],
    )
    def test_that_is_another_is_forbidden(self, url):
        assert not allows(url, BASE)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "shop.example.com/cb",
            "//shop.example.com/cb",
            "/cb",
            "https:shop.example.com/cb",
            "https:/shop.example.com/cb",
            "https:///shop.example.com/cb",
            "https://",
            "https:///cb",
            "https://:443/cb",
            "ftp://shop.example.com/cb",
            "javascript:alert(1)",
            "file:///cb",
            "data:text/html,x",
            # who is asked, really
            "https://user@shop.example.com/cb",
            "https://user:pass@shop.example.com/cb",
            "https://@shop.example.com/cb",
            "https://shop.example.com@evil.com/cb",
            "https://evil.com@shop.example.com/cb",
            "https://shop.example.com:443@evil.com/cb",
            "https://shop.example.com%40evil.com/cb",
            "https://shop.example.com%2f@evil.com/cb",
            "https://evil.com\\@shop.example.com/cb",
            "https://evil.com\\.shop.example.com/cb",
            "https:\\\\shop.example.com\\cb",
            "https://shop.example.com\\cb",
            "https://[::1]shop.example.com/cb",
            "https://shop.example.com[::1]/cb",
            "https://[::1].shop.example.com/cb",
            "https://[::1/cb",
            "https://::1]/cb",
            "https://[v1.x]/cb",
            "https://[fe80::1%25eth0]/cb",
            # white space and control characters
            " https://shop.example.com/cb",
            "https://shop.example.com/cb ",
            "https://shop.example.com/cb\n",
            "https://shop.example.com/c\tb",
            "https://shop.exam\nple.com/cb",
            "https://shop.example.com/cb\x00",
            "https://shop.example.com/cb\x7f",
            # a place in a document is no address
            "https://shop.example.com/cb#",
            "https://shop.example.com/cb#x",
            "https://shop.example.com#/cb",
            # up and down again
            "https://shop.example.com/../cb",
            "https://shop.example.com/x/../cb",
            "https://shop.example.com/./cb",
            "https://shop.example.com/cb/.",
            "https://shop.example.com/cb/..",
            "https://shop.example.com/..;/cb",
            "https://shop.example.com/.;x=1/cb",
            "https://shop.example.com/%2e%2e/cb",
            "https://shop.example.com/%2E/cb",
            "https://shop.example.com/.%2e/cb",
            "https://shop.example.com/x%2fcb",
            "https://shop.example.com/x%2Fcb",
            "https://shop.example.com/x%5ccb",
            "https://shop.example.com/%252e%252e/cb",
            "https://shop.example.com/cb?x=%2e%2e%2f",
            # percent signs that encode nothing
            "https://shop.example.com/%",
            "https://shop.example.com/cb%",
            "https://shop.example.com/%4",
            "https://shop.example.com/%zz",
            "https://shop.example.com/%-1",
            # hosts of other letters
            "https://münchen.example/cb",
            "https://shop.example\u3002com/cb",
            "https://\uff53hop.example.com/cb",
            "https://shop.example.com/ü",
            # hosts and ports that are none
            "https://.shop.example.com/cb",
            "https://-shop.example.com/cb",
            "https://shop.example.com./cb",
            "https://shop.example.com-/cb",
            "https://shop_1.example.com/cb",
            "https://shop.example.com:0/cb",
            "https://shop.example.com:/cb",
            "https://shop.example.com:65536/cb",
            "https://shop.example.com:99999999/cb",
            "https://shop.example.com:-443/cb",
            "https://shop.example.com:+443/cb",
            "https://shop.example.com:4 43/cb",
            "https://shop.example.com:٤٤٣/cb",
            "https://shop.example.com:443:443/cb",
            "https://shop.example.com:https/cb",
            "https://shop.example.com:0443/cb",
            "https://shop.example.com:00443/cb",
            "https://shop..example.com/cb",
            "https://shop-.example.com/cb",
            "https://shop.-example.com/cb",
            f"https://{'a' * 64}.example.com/cb",
            f"https://{'a.' * 127}a/cb",
            # IP addresses that only some readers take for one
            "https://127.1/cb",
            "https://2130706433/cb",
            "https://0x7f000001/cb",
            "https://0x7f.0.0.1/cb",
            "https://shop.0x/cb",
            "https://0177.0.0.1/cb",
            "https://127.0.0.01/cb",
            "https://127.0.0.256/cb",
            "https://127.0.0.1.1/cb",
            "https://shop.example.1/cb",
            "https://[1.2.3.4]/cb",
            "https://[:]/cb",
            "https://[::1::]/cb",
            "https://[1:2:3:4:5:6:7]/cb",
            "https://[::ffff:127.1]/cb",
            # the allow-list's own marks, and others
            "https://shop.example.com/{*}",
            "https://shop.example.com/{",
            "https://shop.example.com/}",
            'https://shop.example.com/"',
            "https://shop.example.com/<x>",
            "https://shop.example.com/a|b",
            "https://shop.example.com/a^b`",
        ],
    )
    def test_that_two_readers_could_read_differently_is_forbidden_even_if_it_is_listed(self, url):
        covering = (BASE, url, "https://shop.example.com/{*}", "https://shop.example.com/{*}/{*}")
        assert not allows(url, *covering)

    def test_is_forbidden_if_nothing_is_listed(self, refusing):
        with refusing("callback_forbidden"):
            callback_allowed(BASE, ())

    def test_is_not_spoiled_by_an_entry_that_is_malformed(self):
        assert allows(BASE, "", "://", "https://[", "x y", BASE)


class TestAWildcard:
    ENTRY = "https://auth.example.com/api/{*}/mfa/{*}"

    @pytest.mark.parametrize(
        "url",
        [
            "https://auth.example.com/api/group-1/mfa/callback",
            "https://auth.example.com/api/%C3%BC/mfa/c",
            "https://auth.example.com/api/.../mfa/.x",
            "https://auth.example.com/api/a;b/mfa/c",
        ],
    )
    def test_stands_for_one_segment(self, url):
        assert allows(url, self.ENTRY)

    @pytest.mark.parametrize(
        "url",
        [
            "https://auth.example.com/api//mfa/callback",
            "https://auth.example.com/api/mfa/callback",
            "https://auth.example.com/api/a/b/mfa/callback",
            "https://auth.example.com/api/a/mfa/",
            "https://auth.example.com/api/a/mfa",
            "https://auth.example.com/api/a/mfa/c/d",
            "https://auth.example.com/api/../mfa/c",
            "https://auth.example.com/api/./mfa/c",
            "https://auth.example.com/api/..;/mfa/c",
            "https://auth.example.com/api/..;x=y/mfa/c",
            "https://auth.example.com/api/%2e%2e/mfa/c",
            "https://auth.example.com/api/a%2fb/mfa/c",
            "https://auth.example.com/api/a/mfa/c?x=1",
            "https://evil.com/api/a/mfa/c",
            "http://auth.example.com/api/a/mfa/c",
        ],
    )
    def test_stands_for_nothing_else(self, url):
        assert not allows(url, self.ENTRY)

    @pytest.mark.parametrize(
        "entry",
        [
            "https://{*}/cb",
            "https://{*}.example.com/cb",
            "https://example.com:{*}/cb",
            "{*}",
            "https://example.com/a{*}",
            "https://example.com/{*}b",
            "https://example.com/{*}{*}",
            "https://example.com/{**}",
            "https://example.com/{}",
            "https://example.com/{x}",
            "https://example.com/*}",
            "https://example.com/{*",
            "https://example.com/cb?x={*}",
            "https://example.com/cb?}",
            "https://example.com/cb?{",
            "https://example.com/{*}?{*}",
        ],
    )
    def test_elsewhere_is_refused_as_an_entry(self, entry):
        assert not fits(entry)

    @pytest.mark.parametrize(
        "entry",
        ["https://example.com/{*}", "example.com/{*}/{*}/", "https://example.com/a/{*}?x=1"],
    )
    def test_as_a_whole_segment_is_taken_as_an_entry(self, entry):
        assert fits(entry)

    def test_in_other_places_covers_nothing(self):
        assert not allows("https://evil.example.com/cb", "https://{*}.example.com/cb")
        assert not allows("https://example.com/xb", "https://example.com/{*}b")
        assert not allows("https://example.com/cb?x=1", "https://example.com/cb?x={*}")

    def test_alone_is_a_star_and_no_wildcard(self):
        assert allows("https://example.com/*", "https://example.com/*")
        assert not allows("https://example.com/x", "https://example.com/*")


class TestAnEntry:
    @pytest.mark.parametrize(
        "entry",
        [
            "",
            "https://",
            "://example.com",
            "ftp://example.com/cb",
            "https://user@example.com/cb",
            "https://example.com/cb#x",
            "https://example.com/a b",
            "https://example.com/../cb",
            "https://example.com/%2e/cb",
            "https://example.com/%",
            "https://münchen.example/cb",
            "https://example.com:0/cb",
            "https://example.com:0443/cb",
            "https://example.com:x/cb",
            "https://127.1/cb",
            "2130706433/cb",
            "https://example..com/cb",
            "https://example.com\\cb",
            "https://[::1",
            "/cb",
            "example.com/cb?next=https://evil.com/",
        ],
    )
    def test_that_could_cover_nothing_is_refused(self, entry):
        assert not fits(entry)

    def test_of_either_scheme_is_taken(self):
        assert fits("https://example.com/cb")
        assert fits("http://localhost:8080/cb")
        assert fits("example.com")

    @pytest.mark.parametrize(
        "host",
        [
            "203.0.113.7",
            "[2001:db8::7]",
            "[::ffff:203.0.113.7]",
            "1.example",
            "0x7f.example",
            "xn--mnchen-3ya.example",
            f"{'a' * 63}.example",
            f"{'a.' * 126}a",
        ],
    )
    def test_with_a_host_that_all_read_alike_is_taken(self, host):
        assert fits(f"https://{host}:8443/cb")
        assert fits(f"{host}/cb")
        assert allows(f"https://{host}/cb", f"{host}/cb")


PIECE = r"[A-Za-z0-9\-._~!$&'()*+,;=:@%]"
PLAIN = re.compile(
    rf"(https?)://([a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(:[1-9][0-9]{{0,4}})?"
    rf"((?:/(?:{PIECE}|[\[\]])*)*)(\?(?:{PIECE}|[/?\[\]])*)?",
    re.IGNORECASE,
)


def read_alike(host):
    """Whether all readers take *host* for the same; the C library says what an address is."""
    try:
        if host.startswith("["):
            socket.inet_pton(socket.AF_INET6, host[1:-1])
        elif re.fullmatch(r"(.*\.)?([0-9]+|0x[0-9a-f]*)", host):
            socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return False
    labels = host.split(".")
    return host.startswith("[") or (
        len(host) <= 253
        and all(0 < len(label) < 64 and label.strip("-") == label for label in labels)
    )


def taken_apart(url):
    """Scheme, host, port, segments and query, or None if it is not plain; without `urllib`."""
    match = PLAIN.fullmatch(url)
    if match is None or re.search(r"%(?![0-9a-f]{2})|%2e|%2f|%5c|%25", url, re.IGNORECASE):
        return None
    scheme, host, port, path, query = match.groups(default="")
    number = int(port[1:] or {"http": 80, "https": 443}[scheme.lower()])
    segments = (path or "/").split("/")
    if not read_alike(host.lower()) or not 0 < number < 65536:
        return None
    if any(part.split(";")[0] in (".", "..") for part in segments):
        return None
    return scheme.lower(), host.lower(), number, segments, query[1:]


def expected(url, entry):
    """An address is allowed if, piece by piece, it is the entry's."""
    filled = entry if "://" in entry else f"https://{entry}"
    url_parts, listed = taken_apart(url), taken_apart(filled.replace("{*}", "WILDCARD"))
    if url_parts is None or listed is None:
        return False
    return (
        url_parts[:3] == listed[:3]
        and url_parts[4] == listed[4]
        and len(url_parts[3]) == len(listed[3])
        and all(
            have == want or (want == "WILDCARD" and have != "")
            for have, want in zip(url_parts[3], listed[3], strict=True)
        )
    )


PARTS = st.sampled_from(
    [
        *("https://", "http://", "HTTPS://", "", "//", "https:", "ftp://"),
        *("example.com", "EXAMPLE.com", "a", "[::1]", "1.2.3.4", "u@", ".", "..", "-"),
        *("1", "01", "0x7f", "255", "256", "[1.2.3.4]", "[::", "::1]"),
        *(":443", ":80", ":8443", ":0", ":", ":65535", ":65536", ":0443"),
        *(
            "/",
            "/cb",
            "/CB",
            "/%2e",
            "/%C3",
            "/..;x",
            "/x;y",
            "%",
            "?",
            "?x=1",
            "#",
            "\\",
            " ",
            "é",
        ),
    ]
)
URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["https://", "http://", "HTTPS://", "", "ftp://"]),
    st.sampled_from(
        ["example.com", "EXAMPLE.com", "a", "[::1]", "u@a", "a.", "-a", "1.2.3.4", "1.2", "0X1"]
    ),
    st.sampled_from(["", ":443", ":80", ":8443", ":0", ":", ":0443"]),
    st.lists(
        st.sampled_from(["/", "/cb", "/CB", "/x", "/..", "/%2e", "/x;y", "/%C3", "/%"]), max_size=3
    ).map("".join),
    st.sampled_from(["", "", "?x=1", "?x=2", "#x"]),
) | st.lists(PARTS, max_size=5).map("".join)
ENTRIES = URLS | URLS.map(lambda url: url.replace("/x", "/{*}").removeprefix("https://"))


class TestAgainstAnOracle:
    @given(URLS, ENTRIES)
    @example("https://a/x?x=1", "a/{*}?x=1")
    @example("https://a", "https://a/")
    def test_what_is_allowed_is_just_what_is_listed(self, url, entry):
        assert allows(url, entry) is expected(url, entry)

    @given(URLS)
    def test_an_address_that_lists_itself_is_allowed_just_if_it_is_plain(self, url):
        assert allows(url, url) is (taken_apart(url) is not None)

    @given(ENTRIES)
    def test_an_entry_that_fits_covers_something(self, entry):
        if fits(entry):
            url = entry if "://" in entry else f"https://{entry}"
            assert allows(url.replace("{*}", "segment"), entry)

    @given(st.text() | st.text("htps:/?#[]@.{}*%2efE0 \\-a"), st.text())
    def test_nothing_else_is_raised_whatever_comes(self, url, entry):
        allows(url, entry)
        fits(url)


EXACT, WILD = "https://shop.example.com/cb", "shop.example.com/{*}/cb"


def origin(*, wildcards):
    return Origin(
        guid=guid.mint(7, bytes(15)),
        app_space=guid.mint(7, bytes(15)),
        name="Shop",
        callbacks=(EXACT, WILD),
        wildcards=wildcards,
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
    )


class TestAnEntryWithoutAScheme:
    ENTRY = "shop.example.com:8080/cb"

    def allows(self, url, *, plain_http, entry=ENTRY):
        policy = attrs.evolve(STANDARD, callback_plain_http=plain_http)
        listed = attrs.evolve(origin(wildcards=True), callbacks=(entry,))
        return allows(url, *allow_list(listed, policy))

    def test_means_https_unless_plain_http_is_allowed(self):
        for plain_http in (True, False):
            assert self.allows("https://shop.example.com:8080/cb", plain_http=plain_http)
        assert self.allows("http://shop.example.com:8080/cb", plain_http=True)
        assert not self.allows("http://shop.example.com:8080/cb", plain_http=False)

    @given(
        st.builds(
            str.__add__,
            st.sampled_from(["", "http://", "https://", "x://"]),
            st.text() | st.text("htps:/a.{*}"),
        ),
        st.booleans(),
    )
    def test_means_an_address_of_each_scheme_that_callbacks_may_have(self, entry, plain_http):
        meant = entry_addresses(entry, plain_http=plain_http)
        if "://" in entry:
            assert meant == (entry,)
        else:
            assert meant[0] == "https://" + entry
            assert meant[1:] == (("http://" + entry,) if plain_http else ())

    def test_means_the_port_of_each_scheme_where_it_has_none(self):
        for url in ("http://h.example/cb", "http://h.example:80/cb", "https://h.example:443/cb"):
            assert self.allows(url, plain_http=True, entry="h.example/cb")
        for url in ("http://h.example:443/cb", "https://h.example:80/cb"):
            assert not self.allows(url, plain_http=True, entry="h.example/cb")

    def test_is_the_only_one_of_two_meanings(self):
        for entry in ("https://h.example/{*}", "http://h.example/{*}"):
            scheme, _, rest = entry.partition("://")
            other = {"http": "https", "https": "http"}[scheme] + "://" + rest
            assert self.allows(entry.replace("{*}", "x"), plain_http=True, entry=entry)
            assert not self.allows(other.replace("{*}", "x"), plain_http=True, entry=entry)

    def test_with_a_wildcard_counts_where_the_origin_wants_it(self):
        policy = attrs.evolve(STANDARD, callback_plain_http=True)
        assert allow_list(origin(wildcards=False), policy) == (EXACT,)
        addresses = (EXACT, f"https://{WILD}", f"http://{WILD}")
        assert allow_list(origin(wildcards=True), policy) == addresses


class TestWildcards:
    def test_an_entry_with_one_counts_only_where_the_origin_wants_it(self):
        assert allow_list(origin(wildcards=True), STANDARD) == (EXACT, f"https://{WILD}")
        assert allow_list(origin(wildcards=False), STANDARD) == (EXACT,)

    def test_such_an_entry_is_refused_where_it_would_count_for_nothing(self):
        require_wildcards(WILD, origin(wildcards=True), field="f")
        for wildcards in (True, False):
            require_wildcards(EXACT, origin(wildcards=wildcards), field="f")
        with pytest.raises(InvalidField) as caught:
            require_wildcards(WILD, origin(wildcards=False), field="f")
        assert str(caught.value) == "f: a wildcard, which this origin is not set to"


LABEL = "a" * 63


class TestHosts:
    @pytest.mark.parametrize(
        "domain",
        [
            "a",
            "localhost",
            "shop.example.com",
            "a-b.c--d.e0",
            "0.example",
            "xn--bcher-kva.example",
            LABEL,
            f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}",
        ],
    )
    def test_a_host_name_fits(self, domain):
        entry_fits(f"https://{domain}/done", field="f")

    @pytest.mark.parametrize(
        "domain",
        [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a.-b",
            "bücher.example",
            "a_b",
            "*.a",
            "{*}",
            "a\n",
            " a",
            LABEL + "a",
            f"{LABEL}.{LABEL}.{LABEL}.{'a' * 62}",
        ],
    )
    def test_what_is_none_is_refused(self, domain):
        with pytest.raises(InvalidField) as caught:
            entry_fits(f"https://{domain}/done", field="f")
        assert str(caught.value) == "f: not a plain http or https address"

    @given(st.text("a-. \n_\xfc", max_size=8))
    def test_a_host_name_is_labels_with_dots_between(self, domain):
        inner = {"a", "-"}
        expected = all(
            label and set(label) <= inner and "-" not in (label[0], label[-1])
            for label in domain.split(".")
        )
        try:
            entry_fits(f"https://{domain}/done", field="f")
        except InvalidField:
            assert not expected
        else:
            assert expected
