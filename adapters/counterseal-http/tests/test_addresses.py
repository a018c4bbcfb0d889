"""Which addresses may be reached, beside an oracle that knows the registries and nothing of us."""

import ipaddress
import socket
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from counterseal_http import Guard
from counterseal_http.addresses import (
    METADATA,
    PRIVATE,
    carried,
    networks,
    read_address,
    require_reachable,
)
from counterseal_http.errors import Forbidden

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
    """Return how wide its addresses are, its first one and its last one; as numbers."""
    text, _, prefix = network.partition("/")
    width, first = number(text)
    return width, first, first | (1 << width - int(prefix)) - 1


RANGES = [ends(network) for network in TABLE]


def special(text):
    """Say what the registries say."""
    width, value = number(text)
    if width == 128 and value >> 125 != 1:
        return True
    if width == 128 and (value >> 32) & 0xFDFFFFFF == 0x5EFE:
        inner = socket.inet_ntop(socket.AF_INET, (value & 0xFFFFFFFF).to_bytes(4))
        return special(inner) or any(w == width and a <= value <= z for w, a, z in RANGES)
    return any(w == width and first <= value <= last for w, first, last in RANGES)


def reachable(text, **settings):
    try:
        require_reachable(ipaddress.ip_address(text), **settings)
    except Forbidden:
        return False
    return True


def text_of(width, value):
    made = ipaddress.IPv4Address if width == 32 else ipaddress.IPv6Address
    return str(made(value))


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


SECRETS = (
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
"""Where clouds keep credentials, written down apart from the code."""

CREDENTIALS = st.sampled_from(SECRETS).flatmap(lambda network: st.ip_addresses(network=network))
NETWORKS = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)),
    st.tuples(st.ip_addresses(v=6), st.integers(0, 128)),
    st.tuples(INSIDE, st.integers(8, 32)),
    st.tuples(CREDENTIALS, st.just(32)),
    CREDENTIALS.map(lambda address: (address, address.max_prefixlen)),
).map(lambda pair: ipaddress.ip_network(f"{pair[0]}/{pair[1]}", strict=False))


def every(address):
    """Return an address, and those that it carries."""
    return (address, *carried(address))


class TestAnAddress:
    @pytest.mark.parametrize("address", PUBLIC)
    def test_that_is_public_may_be_reached(self, address):
        assert reachable(address)

    @pytest.mark.parametrize("address", BORDERS)
    def test_at_the_border_of_a_special_range_is_judged_as_the_registries_say(self, address):
        assert reachable(address) is not special(address)

    @pytest.mark.parametrize("network", TABLE)
    @pytest.mark.parametrize("registries", [True, False], ids=["of this Python", "of none"])
    def test_s27_in_the_middle_of_a_special_range_is_refused(
        self, network, registries, monkeypatch
    ):
        """By our own table, and not because this version of Python knows the range too."""
        if not registries:
            for version in (ipaddress.IPv4Address, ipaddress.IPv6Address):
                monkeypatch.setattr(version, "is_global", True)

        assert ipaddress.ip_address(MIDDLES[network]) in ipaddress.ip_network(network)
        assert not reachable(MIDDLES[network])

    def test_s27_in_the_middle_of_6to4_is_refused_whatever_it_carries(self):
        # 2002:808:808:: carries 8.8.8.8, which may be reached.
        assert carried(ipaddress.ip_address("2002:808:808::1")) == (
            ipaddress.ip_address("8.8.8.8"),
        )
        assert not reachable("2002:808:808::1")

    @pytest.mark.parametrize("network", TABLE)
    def test_s27_in_the_middle_of_a_special_range_is_called_under_no_spelling(self, network, names):
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
    def test_is_judged_as_the_registries_say(self, address):
        assert reachable(str(address)) is not special(str(address))

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
    def test_that_carries_another_is_judged_by_that_too(self, address, inner):
        address = ipaddress.ip_address(address)

        assert ipaddress.ip_address(inner) in carried(address)
        # However much is allowed.
        assert not reachable(str(address), allow=networks(["::/0"]))

    def test_of_nat64_may_be_allowed_for_public_ones_only(self):
        allow = networks(["64:ff9b::/96"])

        assert reachable("64:ff9b::8.8.8.8", allow=allow)
        assert not reachable("64:ff9b::10.0.0.1", allow=allow)
        assert not reachable("64:ff9b::169.254.169.254", allow=(*allow, *PRIVATE))

    @pytest.mark.parametrize("network", PRIVATE)
    def test_that_is_private_may_be_allowed(self, network):
        assert not reachable(str(network[0]))
        assert reachable(str(network[0]), allow=PRIVATE)

    @pytest.mark.parametrize(
        "address",
        ["100.64.0.1", "169.254.0.1", "0.0.0.0", "224.0.0.1", "fe80::1", "::", "ff02::1"],  # noqa: S104
    )
    def test_that_is_special_in_another_way_is_not_private(self, address):
        assert not reachable(address, allow=PRIVATE)

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
    def test_where_clouds_keep_credentials_is_allowed_one_by_one_only(self, address):
        everything = networks(["0.0.0.0/0", "::/0"])
        assert not reachable(address, allow=everything)
        spelled = ipaddress.ip_address(address)
        bits = spelled.max_prefixlen
        pair = ipaddress.ip_network(f"{address}/{bits - 1}", strict=False)
        assert not reachable(address, allow=(*everything, pair))
        exact = [ipaddress.ip_network(f"{one}/{one.max_prefixlen}") for one in every(spelled)]
        assert reachable(address, allow=exact)
        assert not reachable(address, allow=exact, deny=exact)

    def test_of_a_link_is_refused_with_its_interface_even_if_it_is_allowed(self):
        assert not reachable("fe80::1%eth0", allow=networks(["fe80::1/128"]))

    @settings(deadline=None)
    @given(st.lists(NETWORKS, max_size=4), st.data())
    def test_is_judged_by_the_networks_that_are_allowed(self, allow, data):
        """The oracle is `ipaddress`: which network holds what, and no rule of ours."""
        inside = [st.ip_addresses(network=network) for network in allow]
        address = data.draw(st.one_of(st.ip_addresses(), INSIDE, CREDENTIALS, *inside))
        allowed = [network for network in allow if address in network]
        exact = any(network.num_addresses == 1 for network in allowed)
        secret = any(address in ipaddress.ip_network(text) for text in SECRETS)
        expected = (exact if secret else bool(allowed)) or not special(str(address))

        if carried(address):
            # What it carries has to be reachable, too.
            inner = all(reachable(str(one), allow=tuple(allow)) for one in carried(address))
            expected = expected and inner
        assert reachable(str(address), allow=tuple(allow)) is expected

    def test_in_a_denied_network_is_refused_whatever_is_allowed(self):
        deny = networks(["8.8.8.0/24", "10.0.0.0/24"])

        assert not reachable("8.8.8.8", deny=deny)
        assert not reachable("10.0.0.1", deny=deny, allow=PRIVATE)
        assert reachable("10.0.1.1", deny=deny, allow=PRIVATE)

    def test_of_one_link_only_is_refused(self):
        assert not reachable("2606:4700::1%eth0")

    @given(st.sampled_from(METADATA).flatmap(lambda network: st.ip_addresses(network=network)))
    def test_a_refusal_does_not_name_it(self, address):
        with pytest.raises(Forbidden) as caught:
            require_reachable(address)

        assert str(address) not in str(caught.value)


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
    def test_odd_spellings_are_no_addresses(self, text):
        assert read_address(text) is None
