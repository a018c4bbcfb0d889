from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal_http.errors import Forbidden
from counterseal_http.target import Target, read_target


class TestAUrl:
    @pytest.mark.parametrize(
        ("url", "host", "port", "path"),
        [
            ("https://shop.example/done", "shop.example", 443, "/done"),
            ("HTTPS://Shop.EXAMPLE:8443/Done?x=Y", "shop.example", 8443, "/Done?x=Y"),
            ("http://shop.example", "shop.example", 80, "/"),
            ("https://shop.example?x", "shop.example", 443, "/?x"),
            ("https://8.8.8.8/", "8.8.8.8", 443, "/"),
            ("https://[2001:DB8::1]:8443/", "2001:db8::1", 8443, "/"),
            # Which of two spellings, depends on the Python.
            ("https://[::ffff:1.2.3.4]/", str(IPv6Address("::ffff:1.2.3.4")), 443, "/"),
            ("https://bücher.example/", "xn--bcher-kva.example", 443, "/"),
            ("https://BÜCHER.example/", "xn--bcher-kva.example", 443, "/"),
            ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
            ("https://shop.example/a[1]/%7e;x=1,2/!$&'()*+", "shop.example", 443, None),
            ("https://shop.example/a/../b//.", "shop.example", 443, "/a/../b//."),
            ("https://1.shop.example/", "1.shop.example", 443, "/"),
        ],
    )
    def test_in_the_accepted_form_is_parsed(self, url, host, port, path):
        target = read_target(url)

        assert (target.host, target.port) == (host, port)
        assert target.path == (path or url.removeprefix("https://shop.example"))
        assert read_target(target.url) == target

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "https:",
            "https:///done",
            "//shop.example/",
            "ftp://shop.example/",
            "javascript://shop.example/",
            "file:///etc/passwd",
            " https://shop.example/",
            "https://shop.example/ ",
            "https://shop.example/\r\nX: y",
            "https://shop.example\t/",
            "https://shop.example/\x00",
            "https://shop.example/\x7f",
            "https://shop.example/ü",
            "https://shop.example/#fragment",
            "https://shop.example/\\x",
            "https://shop.example\\@inside.example/",
            "https://user@shop.example/",
            "https://user:password@shop.example/",
            "https://@shop.example/",
            "https://shop.example@inside.example/",
            "https://shop.example:/",
            "https://shop.example:0/",
            "https://shop.example:65536/",
            "https://shop.example:0443/",
            "https://shop.example:+443/",
            "https://shop.example:443:443/",
            "https://shop.example:٤٤٣/",
            "https://shop.example./",
            "https://.shop.example/",
            "https://shop..example/",
            "https://-shop.example/",
            "https://shop-.example/",
            "https://shop_.example/",
            "https://shop%2eexample/",
            "https://sh,op.example/",
            f"https://{'a' * 64}.example/",
            f"https://{'a.' * 127}example/",
            f"https://{'ü.' * 127}example/",
            f"https://shop.example/{'a' * 8192}",
            # Other forms of 127.0.0.1, and of no address
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7F.0.0.1/",
            "https://0177.0.0.1/",
            "https://017700000001/",
            "https://127.1/",
            "https://127.0.1/",
            "https://127.0.0.1./",
            "https://127.0.0.01/",
            "https://127.0.0.0x1/",
            "https://1.2.3.256/",
            "https://1.2.3.4.5/",
            "https://shop.example.1/",
            "https://shop.example.0x/",
            "https://127。0。0。1/",
            "https://127.0.0.\uff11/",
            "https://①②⑦.⓪.⓪.①/",
            "https://shop\u00ad.example/",
            "https://shop\u200d.example/",
            "https://shop\uff0eexample/",
            "https://\ud800.example/",
            "https://[::1/",
            "https://::1/",
            "https://[]/",
            "https://[1.2.3.4]/",
            "https://[::1%25eth0]/",
            "https://[fe80::1%eth0]/",
            "https://[v1.x]/",
            "https://[::1]x/",
            "https://[:::1]/",
        ],
    )
    def test_in_another_form_is_refused_finally(self, url):
        with pytest.raises(Forbidden) as error:
            read_target(url)

        assert error.value.final

    def test_of_any_kind_is_refused_or_parsed_again_to_the_same(self):
        hosts = st.from_regex(r"[a-zA-Zé]{1,9}\.example(:[1-9][0-9]{0,3})?", fullmatch=True)
        sound = st.from_regex(r"https://[a-z]{1,9}\.example/[a/=&?]{0,9}", fullmatch=True)
        spoiled = st.builds("https://{}/{}".format, hosts, st.text("aé/%2f?=&", max_size=9))
        other = spoiled | st.text() | st.from_regex(r"https?://[^/]*/.*")
        parsed = []

        @given(st.booleans().flatmap(lambda is_sound: sound if is_sound else other))
        def examine(url):
            parsed.append(self.is_refused_or_parsed_again_to_the_same(url))

        examine()
        assert sum(parsed) * 10 >= len(parsed) > 0

    def is_refused_or_parsed_again_to_the_same(self, url):
        """Tell whether *url* is parsed."""
        try:
            target = read_target(url)
        except Forbidden:
            return False
        assert target.url.isascii()
        assert target.url.isprintable()
        assert read_target(target.url) == target
        return True

    def test_has_no_path_in_its_repr(self):
        target = Target(scheme="https", host="shop.example", port=443, path="/secret")

        assert "secret" not in repr(target)
