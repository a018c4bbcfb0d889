"""The bind link: ours, the two older forms of AuthWallet, and whatever else is scanned."""

from urllib.parse import parse_qs, quote, urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal.errors import InvalidField
from counterseal.models import guid
from counterseal.wire.link import LINK_LIMIT, BindLink, read_link, write_link

SPACE, ACCOUNT = (guid.mint(7, bytes([0xA0 + n]) * 15) for n in range(2))
LINK = BindLink(
    token=f"{ACCOUNT}.c2VjcmV0",
    app_space=SPACE,
    app_space_name="Müller & Söhne 100% #1/2?",
    account=ACCOUNT,
    display_name="Zoë+1 = <zoe@example.com>",
)
OURS = f"counterseal://bind?st=t&appSpaceGuid={SPACE}&appSpaceName=Bank"
OLD = f"authwallet://st=t&appSpaceGuid={SPACE}&appSpaceName=Bank"

BROKEN = ["%", "%4", "100%", "%zz", "%\uff11\uff11", "%FF", "%C3", "%ED%A0%80", "%C0%AF"]

# 64 characters of at most 12 in the link each leave it readable.
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
BASES = st.from_regex(
    r"https?://(?:[a-z0-9]{1,9}(?:\.[a-z]{2,9})?|\[::1\])(?::[1-9][0-9]{0,3})?(?:/[A-Za-z0-9~=&;@-]{1,9})?",
    fullmatch=True,
)
LINKS = st.builds(
    BindLink,
    token=TEXTS,
    app_space=st.just(SPACE),
    app_space_name=TEXTS,
    account=st.none() | st.just(ACCOUNT),
    display_name=st.none() | st.just("") | TEXTS,
    app=st.none() | BASES,
    service=st.none() | BASES,
)


def encode_uri(text):
    """JavaScript's encodeURI."""
    return quote(text, safe="ABCDEFabcdef0123456789-_.!~*'();/?:@&=+$,#")


class TestOurForm:
    def test_is_written_with_every_value_encoded(self):
        assert write_link(LINK) == (
            f"counterseal://bind?st={ACCOUNT}.c2VjcmV0&appSpaceGuid={SPACE}"
            "&appSpaceName=M%C3%BCller%20%26%20S%C3%B6hne%20100%25%20%231%2F2%3F"
            f"&privakeyId={ACCOUNT}&displayName=Zo%C3%AB%2B1%20%3D%20%3Czoe%40example.com%3E"
        )

    def test_leaves_out_what_there_is_not(self):
        bare = attrs.evolve(LINK, account=None, display_name=None, app_space_name="Bank")
        assert write_link(bare).endswith("&appSpaceName=Bank")

    @given(LINKS)
    def test_is_read_again(self, link):
        assert read_link(write_link(link)) == link

    @given(LINKS)
    def test_is_a_uri_that_any_reader_takes_apart(self, link):
        parts = urlsplit(write_link(link))
        if link.app is None:
            query = parts.query
            assert (parts.scheme, parts.netloc, parts.fragment) == ("counterseal", "bind", "")
        else:
            page, _, query = parts.fragment.partition("?")
            # Nothing of the secret is in what a browser sends.
            assert (page, parts._replace(fragment="").geturl()) == ("bind", f"{link.app}/")
        members = parse_qs(query, keep_blank_values=True, strict_parsing=True)
        assert members.get("service", [None]) == [link.service]
        assert members["st"] == [link.token]
        assert members["appSpaceName"] == [link.app_space_name]
        assert members.get("displayName", [None]) == [link.display_name]

    @given(
        LINKS,
        st.sampled_from(["?", "/?", "/bind?", "?bind?", "/", "/bind/", "/%23bind?", "/?a#b&"]),
        st.booleans(),
    )
    def test_no_link_with_its_secret_in_query_or_path_is_read(self, link, mark, again):
        app = link.app or "https://auth.example.com/app"
        members = write_link(attrs.evolve(link, app=app)).partition("#bind?")[2]
        text = f"{app}{mark}{members}"
        with pytest.raises(InvalidField):
            read_link(f"{text}/#bind?{members}" if again and "?" in mark else text)

    def test_a_value_may_have_the_mark_of_its_members(self):
        app, name = "https://auth.example.com/app", "Bank/#bind?st=u"
        text = f"{app}/#bind?st=t&appSpaceGuid={SPACE}&appSpaceName={name}"
        link = BindLink(token="t", app_space=SPACE, app_space_name=name, app=app)
        assert read_link(text) == link

    @pytest.mark.parametrize("name", ["app", "service"])
    @pytest.mark.parametrize(
        "address",
        ["", "auth.example.com", "https://a.example/", "https://a.example?x", "javascript://a#b"],
    )
    def test_is_not_written_for_what_is_no_address(self, name, address, refusing):
        with refusing("invalid_field", f"link.{name}"):
            write_link(attrs.evolve(LINK, **{name: address}))

    def test_names_the_service_of_the_app_that_it_opens(self):
        link = attrs.evolve(
            LINK, app="https://app.example/me", service="https://auth.example:8443/v1"
        )
        text = write_link(link)
        assert text.startswith(f"https://app.example/me/#bind?st={ACCOUNT}.c2VjcmV0&")
        assert text.endswith("&service=https%3A%2F%2Fauth.example%3A8443%2Fv1")

    def test_has_no_bare_separators_in_its_values(self, refusing):
        with refusing("invalid_field", "link"):
            read_link(OURS + "&Co")

    @pytest.mark.parametrize("broken", BROKEN)
    def test_with_a_value_that_is_no_percent_encoded_utf_8_is_refused(self, broken, refusing):
        for link in (OURS + broken, OURS.replace("st=t", f"st={broken}")):
            with refusing("invalid_field", "link"):
                read_link(link)

    @pytest.mark.parametrize(("name", "expected"), [("%c3%B6", "ö"), ("%25", "%"), ("ö ", "ö ")])
    def test_in_lower_case_or_encoded_no_more_than_needed_is_read(self, name, expected):
        assert read_link(OURS + name).app_space_name == "Bank" + expected

    @pytest.mark.parametrize("base", [OURS, OLD], ids=["ours", "old"])
    def test_does_not_take_a_plus_for_a_space(self, base):
        assert read_link(base + "+Co").app_space_name == "Bank+Co"


class TestTheOlderForms:
    """As the QR codes of 2021 to 2024 have them: values encoded by `encodeURI` or not at all."""

    @pytest.mark.parametrize(
        "name",
        ["Bank", "Müller & Söhne", "A&B", "A=B", "A&st", "Zoë's café", "a?b#c", "tail&", "&", "=x"],
    )
    def test_of_2022_is_not_encoded(self, name):
        link = read_link(f"authwallet://st=tok.en&appSpaceGuid={SPACE}&appSpaceName={name}")
        assert link == BindLink(token="tok.en", app_space=SPACE, app_space_name=name)

    @pytest.mark.parametrize("name", ["Bank", "Müller & Söhne", "100% A&B", "Zoë's café"])
    def test_of_2021_is_encoded_as_a_whole(self, name):
        text = f"authwallet://st=tok.en&appSpaceGuid={SPACE}&appSpaceName={name}"
        link = read_link(encode_uri(text))
        assert link == BindLink(token="tok.en", app_space=SPACE, app_space_name=name)

    @pytest.mark.parametrize("name", ["Zoë", "Zoë & Max", "zoe@example.com"])
    def test_of_2024_names_the_account(self, name):
        link = read_link(
            f"authwallet://st=tok.en&appSpaceGuid={SPACE}&appSpaceName=A & B"
            f"&privakeyId={ACCOUNT}&displayName={name}"
        )
        assert link == BindLink(
            token="tok.en",
            app_space=SPACE,
            app_space_name="A & B",
            account=ACCOUNT,
            display_name=name,
        )

    @pytest.mark.parametrize("name", [*BROKEN, "50% off", "A%20B 100%", "%41%FF"])
    def test_a_value_that_cannot_be_decoded_is_taken_as_it_stands(self, name):
        link = read_link(f"authwallet://st=t&appSpaceGuid={SPACE}&appSpaceName={name}")
        assert link.app_space_name == name

    @given(st.text(st.characters(codec="utf-8", exclude_characters="%&"), min_size=1, max_size=50))
    def test_any_name_without_those_two_is_read_as_it_is(self, name):
        old = read_link(f"authwallet://st=t&appSpaceGuid={SPACE}&appSpaceName={name}")
        assert old.app_space_name == name

    def test_names_no_service(self, refusing):
        with refusing("invalid_field", "link"):
            read_link(OLD.replace("st=t", "service=https://auth.example.com&st=t"))


class TestWhatIsRefused:
    def test_a_service_that_is_no_base_address(self, refusing):
        with refusing("invalid_field", "link.service"):
            read_link(f"{OURS}&service=auth.example.com")

    @pytest.mark.parametrize("base", [OURS, OLD], ids=["ours", "old"])
    def test_the_bare_link_is_read(self, base):
        assert read_link(base) == BindLink(token="t", app_space=SPACE, app_space_name="Bank")

    @pytest.mark.parametrize("base", [OURS, OLD], ids=["ours", "old"])
    @pytest.mark.parametrize(
        ("old", "new", "field"),
        [
            ("st=t&", "", "link.st"),
            ("st=t", "st=", "link.st"),
            ("appSpaceName=Bank", "appSpaceName=", "link.appSpaceName"),
            ("&appSpaceName=Bank", "", "link.appSpaceName"),
            (f"&appSpaceGuid={SPACE}", "", "link.appSpaceGuid"),
            (SPACE, SPACE.upper(), "link.appSpaceGuid"),
            (SPACE, "x", "link.appSpaceGuid"),
            ("=Bank", "=Bank&privakeyId=x", "link.privakeyId"),
            ("=Bank", "=Bank&privakeyId=", "link.privakeyId"),
            ("=Bank", "=Bank&st=again", "link"),
            ("=Bank", "=Bank&appSpaceName=Other", "link"),
            ("st=t", "ST=t", "link"),
            ("st=t", "x=1&st=t", "link"),
            ("st=t", "&st=t", "link"),
            ("st=t", "st", "link"),
        ],
    )
    def test_a_member_missing_unknown_malformed_or_twice(self, base, old, new, field, refusing):
        with refusing("invalid_field", field):
            read_link(base.replace(old, new))

    @pytest.mark.parametrize(
        "text",
        [
            None,
            b"authwallet://st=t",
            "",
            "https://auth.example.com/?st=t",
            OURS.removeprefix("counterseal://bind?"),
            OURS.replace("counterseal", "COUNTERSEAL"),
            OURS.replace("bind?", "bind/?"),
            OURS.replace("bind?", "bound?"),
            " " + OURS,
            OLD.replace("//", ""),
        ],
    )
    def test_what_is_no_bind_link(self, text, refusing):
        with refusing("invalid_field", "link"):
            read_link(text)

    @pytest.mark.parametrize("base", [OURS, OLD], ids=["ours", "old"])
    def test_a_link_that_is_too_long(self, base, refusing):
        longest = base + "x" * (LINK_LIMIT - len(base))
        assert read_link(longest).app_space_name.startswith("Bankx")
        with refusing("invalid_field", "link"):
            read_link(longest + "x")

    OTHER = st.builds(
        str.__add__,
        st.sampled_from(["", "counterseal://bind?", "authwallet://"]),
        st.lists(
            st.sampled_from(["st=", "appSpaceGuid=", "appSpaceName=", "displayName=", "&", SPACE])
            | st.text(max_size=3),
            max_size=12,
        ).map("".join),
    )

    @enough_is_read
    @given(mostly_sound(LINKS.map(write_link), OTHER))
    def test_nothing_else_is_raised_whatever_is_scanned(self, text):
        link = read_or_refuse(read_link, text, InvalidField)
        if link is not None:
            assert link.token
            assert link.app_space_name
            assert read_link(write_link(link)) == link

    def test_the_token_is_not_shown(self):
        assert "canary" not in repr(attrs.evolve(LINK, token="canary"))
