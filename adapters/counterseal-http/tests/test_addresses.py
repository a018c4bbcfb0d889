"""Which addresses may be reached, against an oracle of the registries."""

import ipaddress
import socket
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from counterseal_http import Guard
from counterseal_http.addresses import embedded_ipv4, read_address, require_reachable
from counterseal_http.errors import Forbidden
from counterseal_http.networks import METADATA, PRIVATE, networks

TABLE = [
    line.split()[0]
    for line in (Path(__file__).parent / "special_purpose.txt").read_text().splitlines()
    if not line.startswith("#")
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::1"]


def number(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    packed = socket.inet_pton(family, text)
    return len(packed) * 8, int.from_bytes(packed)


def ends(network):
    """Return the width of a network's addresses, its first and its last one, as numbers."""
    text, _, prefix = network.partition("/")
    width, first = number(text)
    return width, first, first | (1 << width - int(prefix)) - 1


RANGES = [ends(network) for network in TABLE]


def is_special(text):
    """Tell whether the registries have the address."""
    width, value = number(text)
    if width == 128 and value >> 125 != 1:
        return True
    if width == 128 and (value >> 32) & 0xFDFFFFFF == 0x5EFE:
        inner = socket.inet_ntop(socket.AF_INET, (value & 0xFFFFFFFF).to_bytes(4))
        return is_special(inner) or any(w == width and a <= value <= z for w, a, z in RANGES)
    return any(w == width and first <= value <= last for w, first, last in RANGES)


def is_reachable(text, **settings):
    try:
        require_reachable(ipaddress.ip_address(text), **settings)
    except Forbidden:
        return False
    return True


def text_of(width, value):
    address_type = ipaddress.IPv4Address if width == 32 else ipaddress.IPv6Address
    return str(address_type(value))


BORDERS = sorted(
    {
        text_of(width, value)
        for width, first, last in RANGES
        for value in (first - 1, first, first + 1, last - 1, last, last + 1)
        if 0 <= value < 1 << width
    }
)
MIDDLES = {
    network: text_of(width, (a + z + 1) // 2)
    for network, (width, a, z) in zip(TABLE, RANGES, strict=True)
}
INSIDE = st.sampled_from(TABLE).flatmap(lambda network: st.ip_addresses(network=network))
ISATAP = st.tuples(
    st.integers(1 << 61, (1 << 62) - 1), st.sampled_from([0x5EFE, 0x0200_5EFE])
).flatmap(
    lambda head: st.ip_addresses(v=4).map(
        lambda inner: ipaddress.IPv6Address(head[0] << 64 | head[1] << 32 | int(inner))
    )
)


CREDENTIAL_NETWORKS = (
    "100.100.100.200/32",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "192.0.0.192/32",
    "fd00:42::42/128",
    "fd00:c1::a9fe:a9fe/128",
    "fd00:ec2::/32",
    "fd20:ce::254/128",
    "fe80::/10",
)
"""The networks with clouds' credentials, written independently of the code."""

CREDENTIALS = st.sampled_from(CREDENTIAL_NETWORKS).flatmap(
    lambda network: st.ip_addresses(network=network)
)
NETWORKS = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)),
    st.tuples(st.ip_addresses(v=6), st.integers(0, 128)),
    st.tuples(INSIDE, st.integers(8, 32)),
    st.tuples(CREDENTIALS, st.just(32)),
    CREDENTIALS.map(lambda address: (address, address.max_prefixlen)),
).map(lambda pair: ipaddress.ip_network(f"{pair[0]}/{pair[1]}", strict=False))


def with_embedded(address):
    """Return an address, and those that it contains."""
    return (address, *embedded_ipv4(address))


class TestAnAddress:
    @pytest.mark.parametrize("address", PUBLIC)
    def test_that_is_public_is_reachable(self, address):
        assert is_reachable(address)

    @pytest.mark.parametrize("address", BORDERS)
    def test_at_the_border_of_a_special_range_agrees_with_the_registries(self, address):
        assert is_reachable(address) is not is_special(address)

    @pytest.mark.parametrize("network", TABLE)
    @pytest.mark.parametrize("registries", [True, False], ids=["of this Python", "of none"])
    def test_s27_in_the_middle_of_a_special_range_is_refused(
        self, network, registries, monkeypatch
    ):
        """By the module's table, and not only because this version of Python knows the range."""
        if not registries:
            for version in (ipaddress.IPv4Address, ipaddress.IPv6Address):
                monkeypatch.setattr(version, "is_global", True)

        assert ipaddress.ip_address(MIDDLES[network]) in ipaddress.ip_network(network)
        assert not is_reachable(MIDDLES[network])

    def test_s27_in_the_middle_of_6to4_is_refused_with_any_embedded_address(self):
        # 2002:808:808:: contains 8.8.8.8, which is reachable.
        assert embedded_ipv4(ipaddress.ip_address("2002:808:808::1")) == (
            ipaddress.ip_address("8.8.8.8"),
        )
        assert not is_reachable("2002:808:808::1")

    @pytest.mark.parametrize("network", TABLE)
    def test_s27_in_the_middle_of_a_special_range_is_refused_in_each_form(self, network, names):
        middle = ipaddress.ip_address(MIDDLES[network])
        hosts = [f"[{middle}]"]
        answers = [str(middle)]
        if middle.version == 4:
            value = int(middle)
            forms = (
                f"::ffff:{middle}",
                f"::{middle}",
                f"64:ff9b::{middle}",
                str(ipaddress.IPv6Address(0x2002 << 112 | value << 80)),
            )
            hosts = [str(middle), str(value), f"0x{value:08x}", *(f"[{form}]" for form in forms)]
            answers += forms
        for host in hosts:
            with pytest.raises(Forbidden):
                Guard(ports=None).target(f"https://{host}:5000/")
        for answer in answers:
            guard = Guard(ports=None, resolver=names(shop_example=[answer]))
            with pytest.raises(Forbidden):
                guard.addresses("shop.example", 1, "https")

    @given(st.ip_addresses() | INSIDE | ISATAP)
    @example(ipaddress.ip_address("192.0.0.8"))  # public to `ipaddress` of Python 3.11.7
    @example(ipaddress.ip_address("64:ff9b::7f00:1"))
    @example(ipaddress.ip_address("2002:7f00:1::"))
    @example(ipaddress.ip_address("::127.0.0.1"))
    @example(ipaddress.ip_address("fec0::1"))
    def test_agrees_with_the_registries(self, address):
        assert is_reachable(str(address)) is not is_special(str(address))

    @pytest.mark.parametrize(
        ("address", "inner"),
        [
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("::10.0.0.1", "10.0.0.1"),
            ("::ffff:0:10.0.0.1", "10.0.0.1"),
            ("64:ff9b::10.0.0.1", "10.0.0.1"),
            ("64:ff9b:1::10.0.0.1", "10.0.0.1"),
            ("2002:a00:1::", "10.0.0.1"),
            ("2001:0:101:101::f5ff:fffe", "10.0.0.1"),
            ("2606:4700::5efe:a00:1", "10.0.0.1"),
            ("2606:4700::200:5efe:a00:1", "10.0.0.1"),
        ],
    )
    def test_is_refused_for_an_embedded_address_too(self, address, inner):
        address = ipaddress.ip_address(address)

        assert ipaddress.ip_address(inner) in embedded_ipv4(address)
        # Even if all IPv6 addresses are allowed.
        assert not is_reachable(str(address), allow=networks(["::/0"]))

    def test_of_nat64_is_allowed_for_public_addresses_only(self):
        allow = networks(["64:ff9b::/96"])

        assert is_reachable("64:ff9b::8.8.8.8", allow=allow)
        assert not is_reachable("64:ff9b::10.0.0.1", allow=allow)
        assert not is_reachable("64:ff9b::169.254.169.254", allow=(*allow, *PRIVATE))

    def test_of_local_nat64_is_allowed_by_a_prefix_of_96_bits_only(self):
        # RFC 6052, 2.2: 127.0.0.1 after a prefix of 48 bits, and 8.8.8.8 after one of 96.
        both = "64:ff9b:1:7f00:0:100:808:808"
        for wide in ("64:ff9b:1::/48", "64:ff9b:1:7f00::/64", "::/0"):
            assert not is_reachable(both, allow=networks([wide]))
            assert not is_reachable("64:ff9b:1::8.8.8.8", allow=networks([wide]))
        allow = networks(["64:ff9b:1::/96"])
        assert is_reachable("64:ff9b:1::8.8.8.8", allow=allow)
        assert not is_reachable("64:ff9b:1::10.0.0.1", allow=allow)
        assert not is_reachable(both, allow=allow)

    @pytest.mark.parametrize("network", PRIVATE)
    def test_that_is_private_may_be_allowed(self, network):
        assert not is_reachable(str(network[0]))
        assert is_reachable(str(network[0]), allow=PRIVATE)

    @pytest.mark.parametrize(
        "address",
        ["100.64.0.1", "169.254.0.1", "0.0.0.0", "224.0.0.1", "fe80::1", "::", "ff02::1"],  # noqa: S104
    )
    def test_that_is_special_but_not_private_stays_refused(self, address):
        assert not is_reachable(address, allow=PRIVATE)

    @pytest.mark.parametrize(
        "address",
        [
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fd00:c1::a9fe:a9fe",
            "fd00:42::42",
            "fe80::a9fe:a9fe",
            "::ffff:169.254.169.254",
        ],
    )
    def test_with_credentials_of_a_cloud_is_allowed_only_by_itself(self, address):
        everything = networks(["0.0.0.0/0", "::/0"])
        assert not is_reachable(address, allow=everything)
        parsed = ipaddress.ip_address(address)
        bits = parsed.max_prefixlen
        pair = ipaddress.ip_network(f"{address}/{bits - 1}", strict=False)
        assert not is_reachable(address, allow=(*everything, pair))
        exact = [
            ipaddress.ip_network(f"{one}/{one.max_prefixlen}") for one in with_embedded(parsed)
        ]
        assert is_reachable(address, allow=exact)
        assert not is_reachable(address, allow=exact, deny=exact)

    def test_with_an_interface_is_refused_even_if_it_is_allowed(self):
        assert not is_reachable("fe80::1%eth0", allow=networks(["fe80::1/128"]))

    @settings(deadline=None)
    @given(st.lists(NETWORKS, max_size=4), st.data())
    def test_is_reachable_by_the_allowed_networks(self, allow, data):
        """The oracle is `ipaddress`: which network contains the address."""
        inside = [st.ip_addresses(network=network) for network in allow]
        address = data.draw(st.one_of(st.ip_addresses(), INSIDE, CREDENTIALS, *inside))
        allowed = [network for network in allow if address in network]
        if address in ipaddress.ip_network("64:ff9b:1::/48"):
            # Which bits are the IPv4 address depends on the length of the prefix.
            allowed = [network for network in allowed if network.prefixlen >= 96]
        is_exact = any(network.num_addresses == 1 for network in allowed)
        has_credentials = any(address in ipaddress.ip_network(text) for text in CREDENTIAL_NETWORKS)
        expected = (is_exact if has_credentials else bool(allowed)) or not is_special(str(address))

        if embedded_ipv4(address):
            # An embedded address has to be reachable, too.
            is_inner_reachable = all(
                is_reachable(str(one), allow=tuple(allow)) for one in embedded_ipv4(address)
            )
            expected = expected and is_inner_reachable
        assert is_reachable(str(address), allow=tuple(allow)) is expected

    def test_in_a_denied_network_is_refused_even_if_it_is_allowed(self):
        deny = networks(["8.8.8.0/24", "10.0.0.0/24"])

        assert not is_reachable("8.8.8.8", deny=deny)
        assert not is_reachable("10.0.0.1", deny=deny, allow=PRIVATE)
        assert is_reachable("10.0.1.1", deny=deny, allow=PRIVATE)

    def test_with_an_interface_is_refused(self):
        assert not is_reachable("2606:4700::1%eth0")

    @given(st.sampled_from(METADATA).flatmap(lambda network: st.ip_addresses(network=network)))
    def test_is_not_in_the_text_of_the_refusal(self, address):
        with pytest.raises(Forbidden) as error:
            require_reachable(address)

        assert str(address) not in str(error.value)


class TestReading:
    @pytest.mark.parametrize(
        "text",
        [
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.01",
            "1.2.3",
            "",
            "a",
            "[::1]",
        ],
    )
    def test_other_forms_are_not_addresses(self, text):
        assert read_address(text) is None
