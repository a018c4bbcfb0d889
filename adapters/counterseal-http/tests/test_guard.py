from ipaddress import ip_address

import pytest

from counterseal_http import Forbidden, Guard, Unresolved

PUBLIC = "93.184.216.34"


class TestTheGuard:
    def test_allows_https_to_a_public_address(self, names):
        guard = Guard(resolver=names(shop_example=[f"{PUBLIC} 2606:4700::1111"]))

        assert guard.target("https://shop.example/").host == "shop.example"
        addresses = guard.addresses("shop.example", 1, "https")
        assert addresses == (ip_address(PUBLIC), ip_address("2606:4700::1111"))

    @pytest.mark.parametrize(
        ("url", "settings"),
        [
            ("http://shop.example/", {"allow_http": True}),
            ("https://shop.example:5000/", {"ports": None}),
            ("https://shop.example:5000/", {"ports": {5000}}),
            ("https://127.0.0.1/", {"allow_private": True}),
            ("https://[::1]/", {"allow_private": True}),
            ("https://10.1.2.3/", {"allow": ["10.1.0.0/16"]}),
        ],
    )
    def test_a_refusal_of_the_url_is_final(self, url, settings):
        assert Guard(**settings).target(url)
        with pytest.raises(Forbidden) as error:
            Guard().target(url)

        assert error.value.final

    @pytest.mark.parametrize(
        "answers",
        [
            "10.0.0.1",
            f"{PUBLIC} 10.0.0.1",
            f"10.0.0.1 {PUBLIC}",
            f"{PUBLIC} 2606:4700::1111 ::ffff:10.0.0.1",
            f"{PUBLIC} fe80::1%eth0",
            f"{PUBLIC} not-an-address",
        ],
    )
    def test_refuses_a_name_if_one_of_its_addresses_is_not_allowed(self, names, answers):
        guard = Guard(resolver=names(shop_example=[answers]))

        with pytest.raises(Forbidden) as error:
            guard.addresses("shop.example", 1, "https")

        assert not error.value.final, "the address of a name may change"

    def test_does_not_resolve_an_address(self, names):
        resolver = names()

        assert Guard(resolver=resolver).addresses(PUBLIC, 1, "https") == (ip_address(PUBLIC),)
        with pytest.raises(Forbidden):
            Guard(resolver=resolver).addresses("10.0.0.1", 1, "https")
        assert resolver.resolved_names == []

    @pytest.mark.parametrize("answer", ["", Unresolved("no answer in time")])
    def test_a_name_without_an_address_is_unresolved(self, names, answer):
        with pytest.raises(Unresolved):
            Guard(resolver=names(shop_example=[answer])).addresses("shop.example", 1, "https")

    def test_returns_a_repeated_address_once(self, names):
        guard = Guard(resolver=names(shop_example=[f"{PUBLIC} {PUBLIC}"]))

        assert guard.addresses("shop.example", 1, "https") == (ip_address(PUBLIC),)

    def test_plain_http_and_private_addresses_are_allowed_separately(self):
        with pytest.raises(Forbidden):
            Guard(allow_http=True).target("http://127.0.0.1/")
        with pytest.raises(Forbidden):
            Guard(allow_private=True).target("http://127.0.0.1/")

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://10.2.3.4/", None),
            ("http://10.3.0.1/", "not a public address"),
            ("http://93.184.216.34/", "not https"),
            ("http://[fd00:1::1]/", "not https"),
            ("https://[fd00:1::1]/", None),
            ("https://93.184.216.34/", None),
        ],
    )
    def test_allows_plain_http_to_some_networks_only(self, url, reason):
        guard = Guard(allow=["10.2.0.0/16", "fd00:1::/32"], http_to=["10.2.0.0/16"])

        if reason is None:
            assert guard.target(url).url == url
        else:
            with pytest.raises(Forbidden, match=f"^{reason}$"):
                guard.target(url)

    def test_plain_http_depends_on_the_address_of_the_name(self, names):
        answers = ["10.2.3.4", PUBLIC, f"10.2.3.4 {PUBLIC}", "10.3.0.1"]
        resolver = names(shop_example=answers)
        guard = Guard(allow=["10.2.0.0/16"], http_to=["10.2.0.0/16"], resolver=resolver)

        assert guard.target("http://shop.example/").host == "shop.example"
        assert guard.addresses("shop.example", 1, "http") == (ip_address("10.2.3.4"),)
        for reason in ("not https", "not https", "not a public address"):
            with pytest.raises(Forbidden, match=f"^{reason}$") as error:
                guard.addresses("shop.example", 1, "http")
            assert not error.value.final

    def test_http_to_does_not_allow_the_network_itself(self):
        with pytest.raises(Forbidden):
            Guard(http_to=["10.0.0.0/8"]).target("http://10.2.3.4/")

    @pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "example"])
    def test_refuses_a_malformed_network(self, network):
        with pytest.raises(ValueError, match=network.partition("/")[0]):
            Guard(allow=[network])
